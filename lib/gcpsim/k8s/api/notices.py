"""What clients are warned of: kinds that are going away, and what is kept here without effect.

Clients print these lines and go on; nothing is refused.
"""

from typing import Any

from gcpsim.k8s.api.call import Call
from gcpsim.k8s.objects import policies
from gcpsim.k8s.objects.cluster import Cluster
from gcpsim.k8s.types.registry import Resource

Doc = dict[str, Any]

# key -> the version of Kubernetes that warns first, and its words
DEPRECATED = {
    "componentstatuses": ((1, 19), "v1 ComponentStatus is deprecated in v1.19+"),
    "endpoints": (
        (1, 33),
        "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    ),
}


def deprecated(cluster: Cluster, call: Call, resource: Resource) -> None:
    """Add the warning of a deprecated kind to the answer."""
    since, words = DEPRECATED.get(resource.key, ((99, 0), ""))
    major, minor = cluster.version.split(".")[:2]
    if words and (int(major), int(minor)) >= since:
        call.warnings.append(words)


def without_effect(call: Call, resource: Resource, obj: Doc) -> None:
    """Say of an object that is being written which part of it nothing follows from."""
    if resource.key == policies.POLICIES:
        call.warnings += [
            f"gcpsim: the expression {text!r} is in a part of CEL that is not known here, and "
            "counts as true"
            for text in policies.unreadable(obj)
        ]
