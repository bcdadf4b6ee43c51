"""networks.getEffectiveFirewalls: all that decides about packets of a network, rule by rule.

There are no organizations here, so these are the network's own rules and its network policies.
"""

from gcpsim.compute.collections.firewall_policies import of_network
from gcpsim.compute.engine.resources import Doc, Kind
from gcpsim.compute.engine.service import Compute
from gcpsim.core.edge import Answer, Call
from gcpsim.core.paths import project_of


def effective_firewalls(
    compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc
) -> Answer:
    """The network's firewall rules as `get` shows them, and its policies; each where there are."""
    project = project_of(path)
    rules = [
        compute.view(compute.kinds["firewalls"], f"projects/{project}/global/firewalls/{name}")
        for name in sorted(rule["name"] for rule in compute.list(project, "firewalls"))
    ]
    mine = [rule for rule in rules if rule["network"] == doc["selfLink"]]
    policies = [
        {"name": one["name"], "type": "NETWORK", "priority": 1000, "rules": one["rules"]}
        for one in of_network(compute, doc)
    ]
    said = {"firewalls": mine, "firewallPolicys": policies}
    return Answer(body={name: items for name, items in said.items() if items})
