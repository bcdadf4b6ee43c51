"""The parts of paths: Google's links, scopes of resources, names of record sets.

`projects/P/global`, `projects/P/locations/global/certificateMaps/M`, `projects/P/managedZones/Z`,
`https://.../projects/P/zones/Z/networkEndpointGroups/N`, and in Kubernetes
`clusters/<name in the params>/namespaces/NS`. Nowhere else is one of them cut into pieces.
"""


def compute_scope(project: str) -> str:
    return f"projects/{project}/global"


def certificate_scope(project: str) -> str:
    return f"projects/{project}/locations/global"


def zone_scope(project: str, zone: str) -> str:
    """The scope of a managed zone's record sets."""
    return f"projects/{project}/managedZones/{zone}"


def namespace_scope(cluster: str, namespace: str) -> str:
    return f"clusters/{cluster}/namespaces/{namespace}"


def name_of(path: str) -> str:
    """The last part of a link or scope; a bare name is its own."""
    return path.rpartition("/")[2]


def parent_of(path: str) -> str:
    """What is before the last part; empty for a bare name."""
    return path.rpartition("/")[0]


def part_of(path: str, collection: str) -> str:
    """What follows a word of a path (`zones`, `projects`, ...); empty when it is not there."""
    words = path.split("/")
    at = words.index(collection) + 1 if collection in words else len(words)
    return words[at] if at < len(words) else ""


def project_of(path: str) -> str:
    return part_of(path, "projects")


def zone_of(path: str) -> str:
    return part_of(path, "zones")


def cluster_of(scope: str) -> str:
    """The cluster, by its name in the params, of an object in Kubernetes."""
    return part_of(scope, "clusters")


def namespace_of(scope: str) -> str:
    return part_of(scope, "namespaces")


def record_of(name: str) -> tuple[str, str]:
    """(`www.example.com.`, `A`) of the name of a record set, `www.example.com./A`."""
    domain, _, type_ = name.rpartition("/")
    return (domain, type_) if domain else (name, "")


def record_name(domain: str, type_: str) -> str:
    """The name of a record set."""
    return f"{domain}/{type_}"
