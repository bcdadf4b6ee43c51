"""Cloud Custodian: its queries of what lies in a project, and actions on some of it."""

import sys
import tempfile
from pathlib import Path

from _told import check, command

CUSTODIAN = str(Path(sys.executable).parent / "custodian")
QUERIES = (
    "armor-policy certmanager-certificate compute-project disk dns-managed-zone dns-policy "
    "firewall gke-cluster gke-nodepool instance instance-group-manager instance-template "
    "loadbalancer-address loadbalancer-backend-bucket loadbalancer-backend-service "
    "loadbalancer-forwarding-rule loadbalancer-global-address loadbalancer-global-forwarding-rule "
    "loadbalancer-health-check loadbalancer-http-health-check loadbalancer-ssl-certificate "
    "loadbalancer-ssl-policy loadbalancer-target-http-proxy loadbalancer-target-https-proxy "
    "loadbalancer-target-pool loadbalancer-target-ssl-proxy loadbalancer-target-tcp-proxy "
    "loadbalancer-url-map project route router service service-account subnet vpc zone "
)
ACTIONS = """\
policies:
  - name: delete-rule
    resource: gcp.firewall
    filters: [{type: value, key: name, value: default-allow-rdp}]
    actions: [{type: delete}]
  - name: label-node
    resource: gcp.instance
    filters: [{type: value, key: status, value: RUNNING}]
    actions: [{type: set-labels, labels: {owner: custodian}}]
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        run = (CUSTODIAN, "run", "-s", f"{folder}/out", "--cache-period=0")
        policy = folder / "queries.yml"
        rows = "".join(f"  - {{name: {name}, resource: gcp.{name}}}\n" for name in QUERIES.split())
        policy.write_text(f"policies:\n{rows}")
        said = command("all queries in one run", *run, str(policy))
        for name in QUERIES.split():
            found = [line for line in said.splitlines() if f"policy:{name} " in line]
            check(f"query {name}", lambda f=found: bool(f) and "ERROR" not in "".join(f))
        policy = folder / "actions.yml"
        policy.write_text(ACTIONS)
        run = (*run, str(policy))
        command("actions", *run, lacks="ERROR")
        command("the rule is gone", *run, says="policy:delete-rule resource:gcp.firewall region:"
                " count:0", lacks="ERROR")  # fmt: skip


main()
