"""Who owns what: managed fields, written into objects that a request changed."""

from typing import Any

from gcpsim.k8s.api.call import Call
from gcpsim.k8s.objects.cluster import Cluster, Tracker
from gcpsim.k8s.patch import apply
from gcpsim.k8s.patch.fieldsets import Fields
from gcpsim.k8s.rules.poddefaults import ADMITTED
from gcpsim.k8s.types.registry import Resource, stored_as
from gcpsim.k8s.types.structural import type_of

Doc = dict[str, Any]


def tracker(cluster: Cluster, call: Call, resource: Resource, given: Doc | None = None) -> Tracker:
    """Writes who owns what into an object that a request changed; `given` is what a create sent.

    What admission added to a new pod is nobody's: an apply must not take it away again.
    """
    owner = owner_of(call, resource, "Update")
    nobodys: Fields = set()
    if given is not None and resource.key == "pods":
        asked = given.get("spec") or {}
        nobodys = {("f:spec", f"f:{name}") for name in ADMITTED if name not in asked}

    def track(old: Doc | None, new: Doc) -> None:
        apply.track_update(old, new, type_of(stored_as(resource)), owner, cluster.now(), nobodys)

    return track


def owner_of(call: Call, resource: Resource, operation: str) -> apply.Owner:
    version = stored_as(resource).api_version
    if not resource.view and call.version != resource.version:
        version = f"{resource.group}/{call.version}" if resource.group else call.version
    return apply.Owner(call.manager, operation, version, call.subresource)
