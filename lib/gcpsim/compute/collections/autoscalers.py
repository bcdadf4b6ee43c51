"""Autoscalers of managed groups: kept, and heeded as far as no load is needed for it.

No machine here has a load, so that a group is as small as its autoscaler lets it: its size is kept
between the least and the most number of replicas.
"""

from typing import Any

from gcpsim.compute.collections import managed_instances
from gcpsim.compute.engine import links
from gcpsim.compute.engine.resources import Doc, Draft, Kind, Resources
from gcpsim.compute.engine.service import Compute
from gcpsim.core.edge import Answer, Call
from gcpsim.core.errors import invalid, not_found, required

POLICY = {"coolDownPeriodSec": 60, "minNumReplicas": 1, "mode": "ON"}
CPU = {"predictiveMethod": "NONE", "utilizationTarget": 0.6}


def prepare(draft: Draft) -> None:
    body, where = draft.body, "resource.autoscalingPolicy"
    if not body.get("target"):
        raise required("resource.target")
    if f"/{draft.scope}/" not in body["target"]:
        raise invalid("resource.target", body["target"], "The group lies elsewhere.")
    policy = POLICY | (body.get("autoscalingPolicy") or {})
    if policy.get("maxNumReplicas") is None:
        raise required(f"{where}.maxNumReplicas")
    if policy["maxNumReplicas"] < policy["minNumReplicas"]:
        why = "Must not be less than minNumReplicas."
        raise invalid(f"{where}.maxNumReplicas", policy["maxNumReplicas"], why)
    if not any(policy.get(one) for one in ("customMetricUtilizations", "loadBalancingUtilization")):
        policy["cpuUtilization"] = CPU | (policy.get("cpuUtilization") or {})
    body["autoscalingPolicy"] = policy
    path = f"projects/{draft.project}/{draft.scope}/autoscalers/{body['name']}"
    others = set(draft.compute.users(links.path_of(body["target"]))) - {path}
    if any("/autoscalers/" in other for other in others):
        raise invalid("resource.target", body["target"], "The group has an autoscaler already.")


def view(compute: Resources, path: str, doc: Doc) -> None:
    manager = compute.get(links.path_of(doc["target"])) or {}
    doc["status"], doc["recommendedSize"] = "ACTIVE", manager.get("targetSize", 0)


def settled(compute: Resources, path: str, doc: Doc | None) -> None:
    """Bring the group into the bounds that its autoscaler has now."""
    policy = (doc or {}).get("autoscalingPolicy") or {}
    if doc is None or policy["mode"] != "ON":
        return
    target = links.path_of(doc["target"])
    manager = compute.get(target)
    if manager is not None:
        least, most = policy["minNumReplicas"], policy["maxNumReplicas"]
        size = min(max(manager["targetSize"], least), most)
        compute.put(target, {**manager, "targetSize": size})
        managed_instances.keep(compute, target)


def _changed(verb: str) -> Any:
    """PATCH and PUT, which name the autoscaler in the query or in the body."""

    def change(compute: Compute, kind: Kind, call: Call, project: str) -> Answer:
        body = compute.reader.read(kind.schema, call.json())
        scope, _ = compute.place(call.path)
        name = call.query.get("autoscaler") or body.get("name")
        if not name:
            raise required("autoscaler")
        path = f"projects/{project}/{scope}/autoscalers/{name}"
        old = compute.get(path)
        if old is None:
            raise not_found(path)
        return compute.set_fields(kind, call, path, old, {**body, "name": name}, verb)

    return change


AUTOSCALERS = Kind(
    "autoscalers",
    "Autoscaler",
    "autoscaler",
    scopes=("zones", "regions"),
    refs=(("target", ("instanceGroupManagers",)),),
    prepare=prepare,
    view=view,
    after=settled,
    verbs={"patch": _changed("patch"), "update": _changed("update")},
)
