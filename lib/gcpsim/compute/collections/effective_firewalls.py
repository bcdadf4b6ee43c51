"""networks.getEffectiveFirewalls: all that decides about packets of a network, rule by rule.

There are no organizations and no firewall policies here, so it is the network's own rules.
"""

from gcpsim.compute.engine.resources import Doc, Kind
from gcpsim.compute.engine.service import Compute
from gcpsim.core.edge import Answer, Call
from gcpsim.core.paths import project_of


def effective_firewalls(
    compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc
) -> Answer:
    """The network's firewall rules as `get` shows them; `firewallPolicys` only where there are."""
    project = project_of(path)
    rules = [
        compute.view(compute.kinds["firewalls"], f"projects/{project}/global/firewalls/{name}")
        for name in sorted(rule["name"] for rule in compute.list(project, "firewalls"))
    ]
    mine = [rule for rule in rules if rule["network"] == doc["selfLink"]]
    return Answer(body={"firewalls": mine} if mine else {})
