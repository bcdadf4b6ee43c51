"""What real users saw of a change, as Google's logs and metrics have it, beside the meter.

Logs come minutes late, so the window is waited out; the same hour of the day before is the measure.
What cannot be read, and what is not logged, is said: `blind` is never empty by silence.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from edgebook.base.clock import Clock, rfc3339
from edgebook.base.errors import AccessError, ApiError, ConnectError
from edgebook.cloud.wire import Wire
from edgebook.params.names import Names
from edgebook.params.types import FrontendProtocol, IpVersion, Spec
from edgebook.traffic import baseline, logs, metrics
from edgebook.traffic.statistics import Failure

INGESTION = timedelta(minutes=5)  # logs after seconds to minutes, metrics after 60 + 210 s
DAY = timedelta(days=1)
MOST = 200
NEAR = 60.0  # seconds of the environment between a failure here and its entry there
MISSING = (AccessError, ApiError, ConnectError)
ROLES = {"logging": "roles/logging.viewer", "monitoring": "roles/monitoring.viewer"}


@dataclass(frozen=True)
class Window:
    """A stretch of the environment's time."""

    since: datetime
    until: datetime

    @property
    def texts(self) -> tuple[str, str]:
        return rfc3339(self.since), rfc3339(self.until)

    def before(self, by: timedelta) -> "Window":
        return Window(self.since - by, self.until - by)

    @property
    def minutes(self) -> "Window":
        """Whole minutes around it: metrics know no shorter time."""
        since = self.since.replace(second=0, microsecond=0)
        until = self.until.replace(second=0, microsecond=0) + timedelta(minutes=1)
        return Window(since, until)


@dataclass(frozen=True)
class Place:
    """A frontend with the names under which logs and metrics know it."""

    name: str
    protocol: FrontendProtocol
    rules: tuple[str, ...]


def places(spec: Spec) -> list[Place]:
    names = Names(spec)
    versions: Iterable[IpVersion] = sorted(set(spec.address.ip_versions))
    return [
        Place(
            frontend.name,
            frontend.protocol,
            tuple(names.forwarding_rule(frontend.name, version) for version in versions),
        )
        for frontend in sorted(spec.frontends, key=lambda item: item.name)
    ]


def wait_out(clock: Clock, window: Window, now: datetime) -> None:
    """Wait until what happened in the window can be read."""
    left = (window.until + INGESTION - now).total_seconds()
    if left > 0:
        clock.wait(left)


def read(
    wire: Wire,
    spec: Spec,
    window: Window,
    *,
    own: Mapping[str, int],
    services: Mapping[str, Mapping[str, Any]],
    explain: bool = False,
) -> dict[str, Any]:
    """What logs and metrics have of the window; `own`: what of them the meter sent.

    `services` are the live backend services by name; `explain` adds what logs say of the meter's
    own failures. Raises nothing for what may not be read.
    """
    blind = [text for n, body in sorted(services.items()) if (text := logs.blindness(n, body))]
    found: dict[str, Any] = {"since": window.texts[0], "until": window.texts[1], "frontends": []}
    counts = _asked("monitoring", lambda: _counts(wire, spec, window.minutes), blind)
    earlier = _asked("monitoring", lambda: _counts(wire, spec, window.before(DAY).minutes), [])
    failures = _asked("logging", lambda: _failures(wire, spec, window), blind)
    of_then = _asked("logging", lambda: _failures(wire, spec, window.before(DAY)), [])
    for place in places(spec):
        seen = (counts or {}).get(place.name)
        row = {
            "name": place.name,
            "real": _asked("logging", partial(_real, wire, spec, place, window), []),
            "requests": None if seen is None else seen["all"],
            "of_the_meter": own.get(place.name, 0),
            "by_class": (seen or {}).get("by_class", {}),
            "day_before": (earlier or {}).get(place.name, {}).get("all"),
            "failures": _tally(failures, place),
            "failures_day_before": _tally(of_then, place),
        }
        found["frontends"].append({**row, "compared": baseline.compared(row)})
    found["failures"] = [item.to_json() for item in (failures or [])[:MOST]]
    found["failures_left_out"] = max(0, len(failures or []) - MOST)
    own_failures = _asked("logging", lambda: _own(wire, spec, window), []) if explain else []
    found["explained"] = [item.to_json() for item in own_failures or []]
    found["passthrough_packets"] = _asked("monitoring", lambda: _packets(wire, spec, window), [])
    found["blind"] = sorted(set(blind))
    return found


def _asked(service: str, ask: Callable[[], Any], blind: list[str]) -> Any:
    """None when it may not be read, which `blind` then says with the role that is missing."""
    try:
        return ask()
    except MISSING as error:
        way = "" if isinstance(error, ConnectError) else f"; {ROLES[service]} lets you"
        blind.append(f"{service} cannot be read: {error.what}{way}")
        return None


def _counts(wire: Wire, spec: Spec, window: Window) -> dict[str, dict[str, Any]]:
    project, (since, until) = spec.project, window.texts
    found: dict[str, dict[str, Any]] = {}
    for place in places(spec):
        https = place.protocol is FrontendProtocol.HTTPS
        metric = metrics.REQUESTS if https else metrics.CONNECTIONS
        label = "response_code_class" if https else "forwarding_rule_name"
        sums: dict[str, int] = {}
        for rule in place.rules:
            more = f'resource.labels.forwarding_rule_name="{rule}"'
            rows = metrics.series(wire, project, metric, since, until, more=more)
            for name, count in metrics.by_label(rows, label).items():
                sums[name] = sums.get(name, 0) + count
        found[place.name] = {"all": sum(sums.values()), "by_class": sums if https else {}}
    return found


def _failures(wire: Wire, spec: Spec, window: Window) -> list[logs.LoggedFailure]:
    project, (since, until) = spec.project, window.texts
    found: list[logs.LoggedFailure] = []
    protocols = {place.protocol for place in places(spec)}
    if FrontendProtocol.HTTPS in protocols:
        wanted = logs.requests_filter(Names(spec).url_map(), since, until)
        found += [logs.request_failure(item) for item in logs.entries(wire, project, wanted)]
    for place in places(spec):
        for rule in place.rules if place.protocol is not FrontendProtocol.HTTPS else ():
            wanted = logs.connections_filter(rule, since, until)
            found += [logs.connection_failure(item) for item in logs.entries(wire, project, wanted)]
    return sorted(found, key=lambda item: (item.at, item.frontend, item.url))


def _real(wire: Wire, spec: Spec, place: Place, window: Window) -> bool | None:
    """Whether anybody but the meter came; None where logs do not tell who it was."""
    if place.protocol is not FrontendProtocol.HTTPS:
        return None
    wanted = [logs.real_filter(rule, *window.texts) for rule in place.rules]
    return any(next(logs.entries(wire, spec.project, one), None) is not None for one in wanted)


def _own(wire: Wire, spec: Spec, window: Window) -> list[logs.LoggedFailure]:
    wanted = logs.own_filter(Names(spec).url_map(), *window.texts)
    return [logs.request_failure(item) for item in logs.entries(wire, spec.project, wanted)]


def explained(
    failures: Iterable[Failure], said: Iterable[Mapping[str, Any]], there: Callable[[float], float]
) -> list[Failure]:
    """Failures with the load balancer's reason: the entry of the same status and host nearest.

    `there` tells a monotonic moment in the environment's time; an entry is used once.
    """
    open_ones = [(datetime.fromisoformat(str(item["at"])).timestamp(), item) for item in said]
    found = []
    for failure in failures:
        at = there(failure.monotonic)
        near = [
            (abs(when - at), index)
            for index, (when, item) in enumerate(open_ones)
            if failure.detail == f"HTTP {item['status']}"
            and str(item["url"]).partition("/")[0].partition(":")[0] == failure.hostname
        ]
        distance, index = min(near, default=(NEAR + 1, 0))
        if distance <= NEAR:
            reason = open_ones.pop(index)[1]["detail"]
            failure = replace(failure, detail=f"{failure.detail} ({reason})")
        found.append(failure)
    return found


def _tally(failures: list[logs.LoggedFailure] | None, place: Place) -> dict[str, int] | None:
    """Failures of a frontend by kind; None when logs cannot be read."""
    if failures is None:
        return None
    mine = [item.kind for item in failures if item.frontend in place.rules]
    return {kind: mine.count(kind) for kind in sorted(set(mine))}


def _packets(wire: Wire, spec: Spec, window: Window) -> dict[str, int]:
    """Packets that still reach passthrough load balancers of the project, by forwarding rule."""
    since, until = window.minutes.texts
    rows = metrics.series(wire, spec.project, metrics.PACKETS, since, until)
    found = metrics.by_label(rows, "forwarding_rule_name")
    return {name: count for name, count in found.items() if count}


def utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
