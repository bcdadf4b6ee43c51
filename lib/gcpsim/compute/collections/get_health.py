"""backendServices.getHealth: what the load balancer counts each endpoint of a group as."""

from gcpsim.compute.engine import links
from gcpsim.compute.engine.resources import Doc, Kind
from gcpsim.compute.engine.service import Compute
from gcpsim.core.edge import Answer, Call
from gcpsim.core.errors import invalid, required
from gcpsim.core.paths import place_of


def get_health(compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc) -> Answer:
    """backendServices.getHealth, one group a call; no `healthStatus` when nothing is known."""
    group = body.get("group")
    if not group:
        raise required("resource.group")
    project = links.split(path)[0]
    group_path = links.reference(
        "resource.group", group, project, ("networkEndpointGroups", "instanceGroups")
    )
    if links.link(group_path) not in [b["group"] for b in doc.get("backends") or []]:
        raise invalid("resource.group", group, "The group is not a backend of the backend service.")
    answer: Doc = {"kind": "compute#backendServiceGroupHealth"}
    zone = place_of(group_path)
    status = []
    for endpoint, state in compute.health.states(path, group_path):
        if state == "DRAINING":
            continue
        item: Doc = {"healthState": state, "ipAddress": endpoint.get("ipAddress", "")}
        if endpoint.get("instance"):
            item["instance"] = links.link(f"{zone}/instances/{endpoint['instance']}")
        if endpoint.get("port"):
            item["port"] = endpoint["port"]
        if endpoint.get("annotations"):
            item["annotations"] = endpoint["annotations"]
        status += _by_rule(compute, path, doc, item)
    if status:
        answer["healthStatus"] = status
    return Answer(body=answer)


def _by_rule(compute: Compute, path: str, doc: Doc, item: Doc) -> list[Doc]:
    """A passthrough service answers once for each rule that leads to it (recorded)."""
    rules = [compute.get(user) for user in compute.users(path) if "/forwardingRules/" in user]
    if not rules:
        return [item]
    port = {"port": doc["port"]} if "port" in doc else {}
    return [
        {
            **port,
            **item,
            "forwardingRule": rule["selfLink"],
            "forwardingRuleIp": rule["IPAddress"],
        }
        for rule in rules
        if rule is not None
    ]
