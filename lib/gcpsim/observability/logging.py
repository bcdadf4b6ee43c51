"""Cloud Logging v2, as far as reading goes: entries.list and the names of the logs.

An entry becomes readable some seconds after its time. Filters are Logging's own language; an empty
page with a token means that there is more, as with Google.
"""

from collections.abc import Callable
from typing import Any

from gcpsim.core import access, projects
from gcpsim.core.discovery import Method
from gcpsim.core.edge import Answer, Call
from gcpsim.core.errors import ApiError
from gcpsim.core.filters import FilterError, Predicate, compile_filter
from gcpsim.core.paths import words_of
from gcpsim.core.schema import BodyReader
from gcpsim.core.service import Request, RestService
from gcpsim.core.world import World
from gcpsim.observability.entries import LOGS, entry
from gcpsim.observability.observed import Observed

Doc = dict[str, Any]
SERVICE = "logging"
PAGE, LARGEST_PAGE = 50, 1000
SEVERITIES = (
    "DEFAULT",
    "DEBUG",
    "INFO",
    "NOTICE",
    "WARNING",
    "ERROR",
    "CRITICAL",
    "ALERT",
    "EMERGENCY",
)


class Logging(RestService):
    """Answers from the journal of one world."""

    name, root = SERVICE, "v2/"

    def __init__(self, world: World, observed: Observed) -> None:
        super().__init__(world)
        self.observed = observed

    def implements(self, method: Method) -> bool:
        return method.id in IMPLEMENTED

    def respond(self, request: Request) -> Answer:
        return IMPLEMENTED[request.method.id](self, request.call, request.params)

    def unknown(self, call: Call) -> ApiError:
        return ApiError(404, "Method not found.", "notFound")

    def read(self, wanted: frozenset[str], predicate: Predicate, newest_first: bool) -> list[Doc]:
        """The entries of these projects that a filter lets through, by time."""
        delay = self.world.duration("logging.ingestion")
        until = self.world.clock.now() - (delay if self.world.clock.scale else 0.0)
        kept = list(self.observed.journal.of(wanted, until))
        kept.sort(key=lambda one: (one.time, one.number), reverse=newest_first)
        return [doc for one in kept if predicate(doc := entry(one, delay))]


def _list(logs: Logging, call: Call, params: dict[str, str]) -> Answer:
    body = BodyReader(SERVICE, root="").read("ListLogEntriesRequest", call.json())
    wanted = _projects(logs, body)
    for project in sorted(wanted):  # the path of entries:list names none
        if access.denied(logs.world, project, "logging.logEntries.list", call.faults):
            why = f"Permission denied for all log views of project {project}"
            raise ApiError(403, why, "forbidden")
    predicate = _predicate(body.get("filter", ""))
    order = body.get("orderBy", "timestamp asc")
    if order not in ("timestamp", "timestamp asc", "timestamp desc"):
        why = f"Invalid order_by: {order}. Use 'timestamp asc' or 'timestamp desc'."
        raise ApiError(400, why, "invalid")
    size = min(int(body.get("pageSize", 0)) or PAGE, LARGEST_PAGE)
    start = _start(body.get("pageToken", ""))
    found = logs.read(wanted, predicate, order.endswith("desc"))
    page = found[start : start + size]
    answer: Doc = {"entries": page} if page else {}
    if start + size < len(found):
        answer["nextPageToken"] = str(start + size)
    return Answer(body=answer)


def _projects(logs: Logging, body: Doc) -> frozenset[str]:
    """The projects asked for, by id; an id or a number is accepted."""
    names = [str(name) for name in body.get("resourceNames") or ()]
    names += [f"projects/{name}" for name in body.get("projectIds") or ()]
    if not names:
        raise ApiError(400, "resource_names must contain at least one resource", "invalid")
    found = set()
    for name in names:
        parts = words_of(name)
        if len(parts) < 2 or parts[0] != "projects" or not parts[1]:
            why = f"Invalid resource name: {name}. gcpsim has logs of projects only."
            raise ApiError(400, why, "invalid")
        found.add(projects.project_id(logs.world.store, parts[1]))
    return frozenset(found)


def _predicate(text: str) -> Predicate:
    try:
        return compile_filter(text, ranks={"severity": SEVERITIES}, bare=True, old_style=False)
    except FilterError as error:
        raise ApiError(400, f"Unparseable filter: {error}", "invalid") from None


def _start(token: str) -> int:
    if token and not token.isdigit():
        raise ApiError(400, f"page_token is invalid: {token}", "invalid")
    return int(token or 0)


def _names(logs: Logging, call: Call, params: dict[str, str]) -> Answer:
    project = projects.project_id(logs.world.store, params["projectsId"])
    kept = logs.observed.journal.of(frozenset({project}), logs.world.clock.now())
    found = sorted({f"projects/{project}/logs/{LOGS[one.log]}" for one in kept})
    return Answer(body={"logNames": found} if found else {})


Handler = Callable[[Logging, Call, dict[str, str]], Answer]
IMPLEMENTED: dict[str, Handler] = {
    "logging.entries.list": _list,
    "logging.projects.logs.list": _names,
}
