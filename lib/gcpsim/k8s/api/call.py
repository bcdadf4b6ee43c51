"""One HTTP request as the API server sees it: path, query, headers and body taken apart.

The path says group, version, resource, namespace, name and subresource; nothing here looks at
objects.
"""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import orjson

from gcpsim.k8s.types import protobuf
from gcpsim.k8s.types.status import StatusError, bad_request, unsupported_media_type
from gcpsim.k8s.types.store import Reviewer

Doc = dict[str, Any]

BODY_LIMIT = 3 * 1024 * 1024  # bytes; the API server's own limit
ALIAS_LIMIT = 64
PROTOBUF = "application/vnd.kubernetes.protobuf"
TRUE = {"true", "1", "True", "TRUE", "t", "T"}


@dataclass(slots=True)
class Call:
    """A request; `group`, `version` and what follows are empty for paths outside the resources."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""
    group: str = ""
    version: str = ""
    plural: str = ""
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    watch: bool = False
    speaks_for: tuple[str, ...] = ()  # groups of the user that is impersonated
    decided: bool = False  # whether roles decide what it may do
    warnings: list[str] = field(default_factory=list)
    review: Reviewer | None = None  # webhooks that are asked before something is written
    said: list[tuple[float, str]] = field(default_factory=list)  # of a pod's log: when, and what

    def flag(self, name: str) -> bool:
        return self.query.get(name, "") in TRUE

    def number(self, name: str, fallback: int = 0) -> int:
        """A query parameter that must be a number."""
        text = self.query.get(name, "")
        if not text:
            return fallback
        if not text.lstrip("-").isdigit() or len(text) > 18:
            raise bad_request(
                f'converting ({name}): strconv.ParseInt: parsing "{text}": invalid syntax'
            )
        return int(text)

    @property
    def part(self) -> str:
        """The subresource, without the path that a proxy's has behind it."""
        return self.subresource.partition("/")[0]

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").split(";")[0].strip().lower()

    @property
    def agent(self) -> str:
        return (self.headers.get("user-agent", "").split(" ")[0] or "unknown")[:128]

    @property
    def manager(self) -> str:
        """The field manager: as given, else the client's name."""
        return self.query.get("fieldManager", "") or self.agent.split("/")[0]

    @property
    def dry_run(self) -> bool:
        asked = self.query.get("dryRun", "")
        if asked not in ("", "All"):
            raise StatusError(
                422,
                "Invalid",
                f'dryRun: Unsupported value: "{asked}": supported values: "All"',
            )
        return asked == "All"


def locate(call: Call) -> None:
    """Fill in what the path of `/api/...` or `/apis/...` names."""
    parts = [unquote(part) for part in call.path.split("/") if part]
    if parts[:1] == ["api"] and len(parts) >= 3:
        call.version, rest = parts[1], parts[2:]
    elif parts[:1] == ["apis"] and len(parts) >= 4:
        call.group, call.version, rest = parts[1], parts[2], parts[3:]
    else:
        return
    if rest[0] == "watch" and len(rest) > 1:
        call.watch, rest = True, rest[1:]
    call.watch = call.watch or call.flag("watch")
    scoped = rest[0] == "namespaces" and len(rest) > 2
    if scoped and not (len(rest) == 3 and rest[2] in ("status", "finalize")):
        call.namespace, rest = rest[1], rest[2:]
    call.plural = rest[0]
    call.name = rest[1] if len(rest) > 1 else ""
    call.subresource = "/".join(rest[2:])


def parsed(call: Call) -> Any:
    """The body as JSON or YAML; 400 for a broken one, 415 for other formats."""
    if len(call.body) > BODY_LIMIT:
        raise StatusError(
            413, "RequestEntityTooLarge", f"Request entity too large: limit is {BODY_LIMIT}"
        )
    kind = call.content_type
    if kind == PROTOBUF or call.body.startswith(protobuf.MAGIC):
        try:
            return protobuf.read(call.body)
        except protobuf.Unreadable as error:
            raise unsupported_media_type(
                f"the body of the request ({PROTOBUF}) can't be read: {error}; with kubectl use a "
                "manifest: kubectl create ... --dry-run=client -o yaml | kubectl apply -f -"
            ) from None
    if kind in ("application/yaml", "application/apply-patch+yaml"):
        return _yaml(call.body)
    if kind in ("", "application/json") or kind.endswith("+json"):
        return _json(call.body)
    raise unsupported_media_type(
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json, application/yaml"
    )


def _json(body: bytes) -> Any:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise bad_request(f"error decoding the body: {error}") from error
    return _storable(value)


def _yaml(body: bytes) -> Any:
    try:
        return _storable(orjson.loads(body))
    except orjson.JSONDecodeError:
        pass
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        """YAML as Kubernetes reads it: timestamps stay text."""

    Loader.yaml_implicit_resolvers = {
        first: [(tag, test) for tag, test in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in Loader.yaml_implicit_resolvers.items()
    }
    try:
        aliases = sum(isinstance(event, yaml.AliasEvent) for event in yaml.parse(body))
        if aliases > ALIAS_LIMIT:
            raise bad_request("error parsing YAML: document contains excessive aliasing")
        value = yaml.load(body, Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise bad_request(f"error parsing YAML: {error}") from error
    return _storable(value)


def _storable(value: Any) -> Any:
    """Refuse what can't be written back as JSON: too deep, too large numbers, odd keys."""
    try:
        orjson.dumps(value)
    except (TypeError, RecursionError) as error:
        raise bad_request(f"error decoding the body: {error}") from error
    return value


def media_types(accept: str) -> list[tuple[str, dict[str, str]]]:
    """An Accept header's types with their parameters, in the order given."""
    found = []
    for item in accept.split(","):
        name, *rest = [part.strip() for part in item.split(";")]
        pairs = (part.partition("=") for part in rest)
        found.append((name.lower(), {key: value for key, _, value in pairs}))
    return found
