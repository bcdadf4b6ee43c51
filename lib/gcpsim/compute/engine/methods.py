"""Methods of Google's document: which collection they are about, and their path parameters."""

import re

from gcpsim.compute.engine import links
from gcpsim.compute.engine.catalog import REGION_ZONES, ZONES
from gcpsim.compute.engine.resources import Kind
from gcpsim.core.discovery import Method
from gcpsim.core.errors import invalid, not_found
from gcpsim.core.paths import words_of


def collection_of(path: str) -> str:
    """The collection segment of a method's path: the last literal one before name and verb."""
    parts = words_of(path)
    if len(parts) == 2:
        return "projects"
    if parts[2] in ("aggregated", "global"):
        return parts[3]
    if parts[2] in ("regions", "zones"):
        return parts[4] if len(parts) > 4 else parts[2]
    return parts[2]


def is_played(kind: Kind, path: str) -> bool:
    """Whether a collection exists here in the scope that a method's path names."""
    parts = words_of(path)
    if parts[2] == "aggregated":
        return kind.aggregated
    if parts[2] in ("regions", "zones"):
        return parts[2] in kind.scopes
    return "global" in kind.scopes


def is_nested(method: Method) -> bool:
    """Whether a method is about what lies below a resource (`.../{manager}/resizeRequests`)."""
    parts = words_of(method.path)
    rest = parts[parts.index(collection_of(method.path)) :]
    return len(rest) > 3 or (len(rest) == 3 and rest[2] not in (method.name, "{family}"))


def names_resource(path: str) -> bool:
    """Whether a method is about one resource, not about its collection (`.../listUsable`)."""
    parts = words_of(path)
    return any("{" in part for part in parts[parts.index(collection_of(path)) + 1 :])


def check_parameters(method: Method, params: dict[str, str]) -> None:
    """ApiError for path parameters that can't name anything, and for unknown zones and regions."""
    for name, value in params.items():
        pattern = method.parameters.get(name, {}).get("pattern")
        if pattern and not re.fullmatch(pattern, value):
            raise links.malformed_name(name, value, pattern)
    for name, known in (("zone", ZONES), ("region", REGION_ZONES)):
        place = params.get(name)
        if place is None or place in known:
            continue
        if method.id in ("compute.zones.get", "compute.regions.get"):
            raise not_found(f"projects/{params['project']}/{name}s/{place}")
        raise invalid(name, place, f"Unknown {name}.")
