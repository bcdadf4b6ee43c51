"""Names that GKE gives: node tags, nodes, instance groups, firewall rules. Pure."""

import base64
import hashlib

from gcpsim.k8s.controllers.objects import safe_hash


def cluster_hash(project: str, location: str, name: str) -> str:
    """The 8 hex digits that mark what belongs to a cluster."""
    return hashlib.sha256(f"{project}/{location}/{name}".encode()).hexdigest()[:8]


def node_tag(cluster: str, digest: str) -> str:
    return f"gke-{cluster}-{digest}-node"


def group(cluster: str, pool: str, digest: str, zone: str) -> str:
    """A zone's instance group of a node pool."""
    part = hashlib.sha256(f"{digest}/{pool}/{zone}".encode()).hexdigest()[:8]
    return f"gke-{cluster[:18]}-{pool[:18]}-{part}-grp"


def node(cluster: str, pool: str, digest: str, zone: str, number: int) -> str:
    """A node, named after its zone's instance group."""
    base = group(cluster, pool, digest, zone).removesuffix("-grp")
    return f"{base}-{safe_hash(f'{digest}/{number}', 4)}"


def fingerprint(*parts: str) -> str:
    """What Compute Engine shows of a resource that is GKE's: another one when a part differs."""
    return base64.b64encode(hashlib.sha256("/".join(parts).encode()).digest()[:8]).decode()
