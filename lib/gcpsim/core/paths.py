"""The parts of resource paths and links: `projects/P/zones/Z/networkEndpointGroups/N`.

Compute Engine's scopes are `global`, `regions/R` and `zones/Z`; Certificate Manager's names begin
with `projects/P/locations/L`. Nowhere else is one of them cut into pieces.
"""


def name_of(path: str) -> str:
    """The last part; a bare name is its own."""
    return path.rpartition("/")[2]


def parent_of(path: str) -> str:
    """What is before the last part; empty for a bare name."""
    return path.rpartition("/")[0]


def collection_of(path: str) -> str:
    """The part before the name: `networkEndpointGroups`."""
    return path.split("/")[-2]


def part_of(path: str, collection: str) -> str:
    """What follows a word of a path (`zones`, `projects`, ...); empty when it is not there."""
    words = path.split("/")
    at = words.index(collection) + 1 if collection in words else len(words)
    return words[at] if at < len(words) else ""


def project_of(path: str) -> str:
    return part_of(path, "projects")


def zone_of(path: str) -> str:
    return part_of(path, "zones")


def region_of(path: str) -> str:
    return part_of(path, "regions")


def location_of(path: str) -> str:
    return part_of(path, "locations")


def words_of(path: str) -> list[str]:
    return path.split("/")


def place_of(path: str) -> str:
    """`projects/P/zones/Z`: where a resource of a zone, a region or a location lives."""
    return "/".join(path.split("/")[:4])


def short(path: str) -> str:
    """`urlMaps/web`: how a resource is called in texts."""
    return "/".join(path.split("/")[-2:])


def with_project(path: str, project: str) -> str:
    """The same path in another project, or in the same by another name of it."""
    first, _, *rest = path.split("/")
    return "/".join([first, project, *rest])


def cut_scope(scope: str) -> tuple[str, str]:
    """(`zones`, `Z`) of a scope; (`global`, "") of the global one."""
    kind, _, place = scope.partition("/")
    return kind, place
