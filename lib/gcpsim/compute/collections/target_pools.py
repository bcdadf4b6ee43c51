"""Target pools: what the passthrough load balancer of a Service sends its packets to."""

from gcpsim.compute.engine import links
from gcpsim.compute.engine.resources import Doc, Draft, Kind
from gcpsim.compute.engine.service import Compute
from gcpsim.core.edge import Answer, Call
from gcpsim.core.errors import invalid, required


def prepare(draft: Draft) -> None:
    body = draft.body
    body.setdefault("sessionAffinity", "NONE")
    if len(body.get("healthChecks") or []) > 1:
        raise invalid("resource.healthChecks", "", "At most one health check may be specified.")


def _membership(field: str, source: str, key: str, *, add: bool, verb: str) -> "object":
    def change(compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc) -> Answer:
        project = links.split(path)[0]
        items = body.get(source) or []
        if not items:
            raise required(f"resource.{source}")
        collection = ("instances",) if field == "instances" else ("httpHealthChecks",)
        wanted = [
            links.link(
                links.reference(
                    f"resource.{source}[{i}].{key}", item.get(key, ""), project, collection
                )
            )
            for i, item in enumerate(items)
        ]
        present = list(doc.get(field) or [])
        if add:
            present += [one for one in wanted if one not in present]
        else:
            present = [one for one in present if one not in wanted]
        return compute.set_fields(kind, call, path, doc, {field: present or None}, verb)

    return change


def get_health(compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc) -> Answer:
    instance = body.get("instance")
    if not instance:
        raise required("resource.instance")
    found = compute.resolve("resource.instance", instance, links.split(path)[0], ("instances",))
    if compute.pool_health is not None:
        state = compute.pool_health(path, links.path_of(found["selfLink"]))
    else:
        state = "HEALTHY" if found.get("status") == "RUNNING" else "UNHEALTHY"
    item = {"healthState": state, "instance": found["selfLink"]}
    return Answer(body={"kind": "compute#targetPoolInstanceHealth", "healthStatus": [item]})


TARGET_POOLS = Kind(
    "targetPools",
    "TargetPool",
    "target_pool",
    scopes=("regions",),
    refs=(
        ("instances[]", ("instances",)),
        ("healthChecks[]", ("httpHealthChecks",)),
        ("backupPool", ("targetPools",)),
    ),
    prepare=prepare,
    verbs={
        "addInstance": _membership(
            "instances", "instances", "instance", add=True, verb="addInstance"
        ),  # type: ignore[dict-item]
        "removeInstance": _membership(
            "instances", "instances", "instance", add=False, verb="removeInstance"
        ),  # type: ignore[dict-item]
        "addHealthCheck": _membership(
            "healthChecks", "healthChecks", "healthCheck", add=True, verb="addHealthCheck"
        ),  # type: ignore[dict-item]
        "removeHealthCheck": _membership(
            "healthChecks", "healthChecks", "healthCheck", add=False, verb="removeHealthCheck"
        ),  # type: ignore[dict-item]
        "getHealth": get_health,
    },
    operation_types={"addInstance": "addInstance", "removeInstance": "removeInstance"},
)
