"""Pods made from templates, for the controllers of StatefulSets, DaemonSets and Jobs."""

import orjson

from gcpsim.k8s.controllers.objects import Obj, deleting, owner_reference, safe_hash, uid_of
from gcpsim.k8s.controllers.plane import Plane
from gcpsim.k8s.types.status import StatusError

REVISION = "controller-revision-hash"


def revision_of(template: Obj) -> str:
    """What tells pods of one template from those of another."""
    return safe_hash(orjson.dumps(template, option=orjson.OPT_SORT_KEYS).decode())


def pod_of(owner: Obj, *, name: str = "", labels: dict[str, str] | None = None) -> Obj:
    """A pod of an owner's template; with a name of its own, or one that is generated."""
    template, meta = owner["spec"]["template"], owner["metadata"]
    given = template.get("metadata") or {}
    named = {"name": name} if name else {"generateName": f"{meta['name']}-"}
    pod: Obj = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            **named,
            "namespace": meta["namespace"],
            "labels": {**(given.get("labels") or {}), **(labels or {})},
            "ownerReferences": [owner_reference(owner)],
        },
        "spec": template["spec"],
    }
    if given.get("annotations"):
        pod["metadata"]["annotations"] = dict(given["annotations"])
    return pod


def create(plane: Plane, owner: Obj, pod: Obj, component: str) -> Obj:
    """Create a pod, and tell of it in an event of its owner, also when it is refused."""
    kind = owner["kind"]
    try:
        made = plane.cluster.create("pods", pod)
    except StatusError as error:
        text = f"Error creating: {error.message}"
        plane.event(owner, "Warning", "FailedCreate", text, component)
        raise
    name = made["metadata"]["name"]
    told = f"create Pod {name} in {kind} {owner['metadata']['name']} successful"
    text = told if kind == "StatefulSet" else f"Created pod: {name}"
    plane.event(owner, "Normal", "SuccessfulCreate", text, component)
    return made


def delete(plane: Plane, owner: Obj, pod: Obj, component: str) -> None:
    meta = pod["metadata"]
    if deleting(pod):
        return
    plane.cluster.delete("pods", meta["namespace"], meta["name"])
    text = f"Deleted pod: {meta['name']}"
    plane.event(owner, "Normal", "SuccessfulDelete", text, component)


def mine(plane: Plane, owner: Obj) -> list[Obj]:
    """The pods whose controller an object is, by name."""
    return sorted(plane.pods.owned(uid_of(owner)), key=lambda pod: str(pod["metadata"]["name"]))


def revision(pod: Obj) -> str:
    return str((pod["metadata"].get("labels") or {}).get(REVISION, ""))
