"""The parts of resource paths and links: `projects/P/zones/Z/networkEndpointGroups/N`."""


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
