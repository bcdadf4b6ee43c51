"""Names and descriptions that GKE's Gateway controller gives. Pure.

`gkegw1-<4 of the cluster>-<namespace>-<name>[-<port>]-<12>`, 63 characters at most; a description
says whose a resource is. Seen in public outputs; how the last characters come about is not known.
"""

import hashlib

import orjson

from gcpsim.gke.neg.names import trimmed

PREFIX = "gkegw1"
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
READABLE = 38  # characters between the cluster's mark and the last part


def digest(text: str, length: int) -> str:
    """A number of base 36 that follows from a text."""
    number = int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")
    found = ""
    for _ in range(length):
        number, rest = divmod(number, 36)
        found += DIGITS[rest]
    return found


def cluster_prefix(uid: str) -> str:
    """How all names of a cluster begin."""
    return f"{PREFIX}-{digest(uid, 4)}-"


def named(uid: str, kind: str, namespace: str, name: str, port: int = 0) -> str:
    """The name of what belongs to an object; `kind` keeps those of one object apart."""
    last = [str(port)] if port else []
    room = READABLE - 1 - sum(len(one) + 1 for one in last)
    fields = [*trimmed(room, namespace, name), *last]
    mark = digest(f"{uid};{kind};{namespace};{name};{port}", 12)
    return cluster_prefix(uid) + "-".join([*fields, mark])


def firewall(uid: str, network: str) -> str:
    return f"{cluster_prefix(uid)}l7-{network}-global"


def description(project: str, location: str, cluster: str, resource: str) -> str:
    """Whose it is: `resource` is /namespaces/NAMESPACE/gateways/NAME, or a Service."""
    return orjson.dumps(
        {
            "k8sCluster": f"/projects/{project}/locations/{location}/clusters/{cluster}",
            "k8sResource": resource,
        }
    ).decode()
