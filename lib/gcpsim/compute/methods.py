"""Which collection a method of Google's document is about, and whether it is played here."""

from gcpsim.compute.kinds import Kind


def collection_of(path: str) -> str:
    """The collection segment of a method's path: the last literal one before name and verb."""
    parts = path.split("/")
    if len(parts) == 2:
        return "projects"
    if parts[2] in ("aggregated", "global"):
        return parts[3]
    if parts[2] in ("regions", "zones"):
        return parts[4] if len(parts) > 4 else parts[2]
    return parts[2]


def is_played(kind: Kind, path: str) -> bool:
    """Whether a collection exists here in the scope that a method's path names."""
    parts = path.split("/")
    if parts[2] == "aggregated":
        return kind.aggregated
    if parts[2] in ("regions", "zones"):
        return parts[2] in kind.scopes
    return "global" in kind.scopes


def names_resource(path: str) -> bool:
    """Whether a method is about one resource, not about its collection (`.../listUsable`)."""
    parts = path.split("/")
    return "{" in parts[-1] or "{" in parts[-2]
