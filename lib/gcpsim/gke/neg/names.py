"""Names and descriptions of NEGs. Pure.

Generated: `k8s1-<uid8>-<namespace>-<service>-<port>-<hash8>`, the same in every zone. A custom
name is taken as it is. The description says whose the NEG is, and is how controllers tell theirs
from others'.
"""

import hashlib
from dataclasses import dataclass

import orjson

READABLE = 38  # characters for namespace, service and port together


def generated(cluster_uid: str, namespace: str, service: str, port: int) -> str:
    """The name of a NEG without a custom one."""
    uid = cluster_uid.replace("-", "")[:8]
    digest = hashlib.sha256(f"{uid};{namespace};{service};{port}".encode()).hexdigest()[:8]
    fields = trimmed(READABLE, namespace, service, str(port))
    return "-".join(["k8s1", uid, *fields, digest])


def trimmed(limit: int, *fields: str) -> list[str]:
    """Fields cut so that together they fit, long ones more than short ones."""
    total = sum(map(len, fields))
    if total <= limit:
        return list(fields)
    excess = total - limit
    sizes = [len(f) - len(f) * excess // total - 1 for f in fields]
    for place in range(limit - sum(sizes)):
        sizes[place] += 1
    return [f[:size] for f, size in zip(fields, sizes, strict=True)]


@dataclass(frozen=True)
class Description:
    """Whose a NEG is."""

    cluster_uid: str
    namespace: str
    service: str
    port: str

    def __str__(self) -> str:
        return orjson.dumps(
            {
                "cluster-uid": self.cluster_uid,
                "namespace": self.namespace,
                "service-name": self.service,
                "port": self.port,
            }
        ).decode()

    @staticmethod
    def read(text: str) -> "Description | None":
        """None when the text is not a NEG description."""
        try:
            given = orjson.loads(text)
            return Description(
                given.get("cluster-uid", ""),
                given.get("namespace", ""),
                given.get("service-name", ""),
                given.get("port", ""),
            )
        except (orjson.JSONDecodeError, AttributeError):
            return None


def collision(name: str, custom: bool, zone: str, mine: Description, found: str) -> str:
    """Why an existing NEG of this name is not ours to use; "" when it is.

    A malformed description counts as ours, as in GKE.
    """
    if custom and not found:
        return f"found a custom named neg {name} with an empty description"
    theirs = Description.read(found)
    if not found or theirs is None or theirs == mine:
        return ""
    if (theirs.cluster_uid, theirs.namespace) != (mine.cluster_uid, mine.namespace):
        return (
            f"found conflicting description in neg {name}: expected description of NEG object "
            f'"{zone}"/"{name}" to be {mine}, but got {theirs}'
        )
    return (
        f'NEG "{name}" is already in use by another syncer: expected description of NEG object '
        f'"{zone}"/"{name}" to be {mine}, but got {theirs}'
    )
