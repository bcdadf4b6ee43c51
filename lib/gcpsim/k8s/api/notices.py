"""What clients are warned of: kinds that are going away, and what is kept here without effect.

Clients print these lines and go on; nothing is refused.
"""

from gcpsim.k8s.api.call import Call
from gcpsim.k8s.objects.cluster import Cluster
from gcpsim.k8s.types.registry import Resource

# key -> the version of Kubernetes that warns first, and its words
DEPRECATED = {
    "componentstatuses": ((1, 19), "v1 ComponentStatus is deprecated in v1.19+"),
    "endpoints": (
        (1, 33),
        "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    ),
}
WITHOUT_EFFECT = {
    "validatingadmissionpolicybindings": (
        "gcpsim: ValidatingAdmissionPolicies are kept and not evaluated: what they refuse on a "
        "real cluster is admitted here"
    ),
}


def deprecated(cluster: Cluster, call: Call, resource: Resource) -> None:
    """Add the warning of a deprecated kind to the answer."""
    since, words = DEPRECATED.get(resource.key, ((99, 0), ""))
    major, minor = cluster.version.split(".")[:2]
    if words and (int(major), int(minor)) >= since:
        call.warnings.append(words)


def without_effect(call: Call, resource: Resource) -> None:
    """Say of an object that is being created that nothing will follow from it."""
    if resource.key in WITHOUT_EFFECT:
        call.warnings.append(WITHOUT_EFFECT[resource.key])
