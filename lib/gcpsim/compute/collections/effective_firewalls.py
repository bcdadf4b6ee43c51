"""networks.getEffectiveFirewalls: all that decides about packets of a network, rule by rule.

Hierarchical policies, the network's own rules, its policies, and of a region those of there too.
"""

from gcpsim.compute.collections.firewall_policies import of_network
from gcpsim.compute.collections.organization_policies import above
from gcpsim.compute.engine import links
from gcpsim.compute.engine.resources import Doc, Kind
from gcpsim.compute.engine.service import Compute
from gcpsim.core.edge import Answer, Call
from gcpsim.core.errors import required
from gcpsim.core.paths import project_of, region_of


def effective_firewalls(
    compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc
) -> Answer:
    """The network's firewall rules as `get` shows them, and its policies; each where there are."""
    said = _rules_and_policies(compute, doc)
    return Answer(body={name: items for name, items in said.items() if items})


def of_region(compute: Compute, kind: Kind, call: Call, project: str) -> Answer:
    """The same for machines of one region: regionNetworkFirewallPolicies.getEffectiveFirewalls."""
    text = call.query.get("network", "")
    if not text:
        raise required("network")
    network = compute.resolve("network", text, project, ("networks",))
    said = _rules_and_policies(compute, network)
    region = region_of(call.path)
    said["firewallPolicys"] += [
        _shown(one, "NETWORK_REGIONAL") for one in of_network(compute, network["selfLink"], region)
    ]
    return Answer(body={name: items for name, items in said.items() if items})


def _rules_and_policies(compute: Compute, doc: Doc) -> dict[str, list[Doc]]:
    project = project_of(links.path_of(doc["selfLink"]))
    found = sorted(compute.rows("firewalls", project), key=lambda row: str(row[1]["name"]))
    rules = [compute.view(compute.kinds["firewalls"], path, rule) for path, rule in found]
    mine = [rule for rule in rules if rule["network"] == doc["selfLink"]]
    policies = [_shown(one, "HIERARCHY") for one in above(compute, doc["selfLink"])]
    policies += [_shown(one, "NETWORK") for one in of_network(compute, doc["selfLink"])]
    return {"firewalls": mine, "firewallPolicys": policies}


def _shown(policy: Doc, kind: str) -> Doc:
    found: Doc = {"name": policy["name"], "type": kind, "rules": policy["rules"]}
    if kind == "HIERARCHY":
        short = policy["shortName"]
        return {**found, "shortName": short, "displayName": short}
    return {**found, "priority": 1000}
