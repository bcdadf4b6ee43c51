"""A gcloud script that builds, lists and tears down the whole front door, as people would type it.

gcloud costs a second a command, so that the script names many things at once where gcloud allows it
and the steps run from one shell. Where gcloud is not installed the test fails and says so.
"""

import re
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

# Commands of gcloud in the order in which people type them, "gcloud" left out.
NAMES = """
compute addresses create front --global
dns managed-zones create zone --dns-name=example.com. --description=front
IP=$(gcloud compute addresses describe front --global --format='value(address)')
dns record-sets create www.example.com. --zone=zone --type=A --ttl=60 --rrdatas=$IP
dns record-sets transaction start --zone=zone
dns record-sets transaction add $IP --name=mail.example.com. --ttl=60 --type=A --zone=zone
dns record-sets transaction execute --zone=zone
"""
CERTIFICATES = """
certificate-manager dns-authorizations create auth --domain=example.com
AUTH=$(gcloud certificate-manager dns-authorizations describe auth
 --format='value(dnsResourceRecord.name,dnsResourceRecord.data)')
dns record-sets create ${AUTH%%[[:space:]]*} --zone=zone --type=CNAME --ttl=60
 --rrdatas=${AUTH##*[[:space:]]}
certificate-manager certificates create cert --domains=example.com --dns-authorizations=auth
certificate-manager maps create map
certificate-manager maps entries create primary --map=map --certificates=cert --set-primary
"""
BACKENDS = """
compute health-checks create https hc --use-serving-port --request-path=/healthz
compute backend-services create web --global --protocol=HTTPS --health-checks=hc
 --load-balancing-scheme=EXTERNAL_MANAGED
compute backend-services create mail --global --protocol=TCP --health-checks=hc
 --load-balancing-scheme=EXTERNAL_MANAGED
compute network-endpoint-groups create neg --zone=us-central1-a
 --network-endpoint-type=gce-vm-ip-port
compute backend-services add-backend web --global --network-endpoint-group=neg
 --network-endpoint-group-zone=us-central1-a --balancing-mode=RATE --max-rate-per-endpoint=100
compute backend-services update web --global --connection-draining-timeout=300
compute url-maps create urls --default-service=web
compute ssl-policies create tls --profile=MODERN --min-tls-version=1.2
compute firewall-rules create probes --allow=tcp:8443 --target-tags=node
 --source-ranges=35.191.0.0/16,130.211.0.0/22
"""
FRONTENDS = """
compute target-https-proxies create web --url-map=urls --certificate-map=map --ssl-policy=tls
compute target-ssl-proxies create mail --backend-service=mail --certificate-map=map
compute target-tcp-proxies create mqtt --backend-service=mail
compute forwarding-rules create web --global --address=front --target-https-proxy=web
 --ports=443 --load-balancing-scheme=EXTERNAL_MANAGED
compute forwarding-rules create mail --global --address=front --target-ssl-proxy=mail
 --ports=993 --load-balancing-scheme=EXTERNAL_MANAGED
compute forwarding-rules create mqtt --global --address=front --target-tcp-proxy=mqtt
 --ports=8883 --load-balancing-scheme=EXTERNAL_MANAGED
"""
LIST = """
compute forwarding-rules list --global --format='value(name,IPProtocol,portRange)'
compute backend-services get-health web --global --format='value(status.kind)'
certificate-manager certificates list --format='value(name.basename(),managed.state)'
certificate-manager maps entries list --map=map --format='value(name.basename(),state)'
dns record-sets list --zone=zone --filter='type=A' --format='value(name,ttl)'
compute network-endpoint-groups list --format='value(name,zone.basename(),size)'
"""
LISTED = [
    ["cert", "ACTIVE"],
    ["compute#backendServiceGroupHealth"],
    ["mail", "TCP", "993-993"],
    ["mail.example.com.", "60"],
    ["mqtt", "TCP", "8883-8883"],
    ["neg", "us-central1-a", "0"],
    ["primary", "ACTIVE"],
    ["web", "TCP", "443-443"],
    ["www.example.com.", "60"],
]
NO_FRONTENDS = """
compute forwarding-rules delete web mail mqtt --global
compute target-https-proxies delete web
compute target-ssl-proxies delete mail
compute target-tcp-proxies delete mqtt
"""
NO_BACKENDS = """
compute url-maps delete urls
compute ssl-policies delete tls
compute backend-services remove-backend web --global --network-endpoint-group=neg
 --network-endpoint-group-zone=us-central1-a
compute backend-services delete web mail --global
compute network-endpoint-groups delete neg --zone=us-central1-a
compute health-checks delete hc
compute firewall-rules delete probes
compute addresses delete front --global
"""
NO_CERTIFICATES = """
certificate-manager maps entries delete primary --map=map
certificate-manager maps delete map
certificate-manager certificates delete cert
certificate-manager dns-authorizations delete auth
dns record-sets delete www.example.com. --zone=zone --type=A
dns record-sets delete mail.example.com. --zone=zone --type=A
dns record-sets delete _acme-challenge.example.com. --zone=zone --type=CNAME
dns managed-zones delete zone
"""


def script(commands: str) -> str:
    """Shell lines of gcloud commands; a line that starts with a space goes on from the last."""
    lines = commands.strip().replace("\n ", " ").splitlines()
    return "\n".join(line if "=$(" in line else f"gcloud {line}" for line in lines)


def beside(one: str, other: str) -> str:
    """Two scripts at the same time: much of gcloud's second is waiting."""
    return f"({script(one)}) & FIRST=$!\n({script(other)})\nwait $FIRST"


@pytest.fixture
def shell(start_sim: Callable[..., Any], tmp_path: Any) -> Callable[[str], Any]:
    """Run a script with the environment that `gcpsim env` exports."""
    gcloud = shutil.which("gcloud")
    if gcloud is None:
        pytest.fail("gcloud is not installed: this test runs the real gcloud, put it in PATH")
    sim = start_sim("--time-scale", "0", "--no-dataplane")
    env = {**sim.ready["env"], "PATH": "/usr/bin:/bin:" + gcloud.rsplit("/", 1)[0]}
    env |= {"CLOUDSDK_CORE_PROJECT": "front", "CLOUDSDK_CORE_VERBOSITY": "error"}
    env |= {"HOME": str(tmp_path), "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "true"}

    def run(script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-ec", script],
            env=env,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )

    run.sim = sim  # type: ignore[attr-defined]
    return run


def test_the_whole_architecture(shell: Any) -> None:
    done = shell(
        f"{script(NAMES)}\n{beside(CERTIFICATES, BACKENDS)}\n{script(FRONTENDS)}\n"
        f"echo ==list==\n{script(LIST)}\necho ==refused==\n"
        "if gcloud compute addresses delete front --global 2>&1; then exit 9; fi\n"
        f"echo ==gone==\n{script(NO_FRONTENDS)}\n{beside(NO_CERTIFICATES, NO_BACKENDS)}"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    _, listed, refused, _ = re.split("==(?:list|refused|gone)==", done.stdout)
    assert sorted(line.split("\t") for line in listed.strip().splitlines()) == LISTED
    assert "is already being used by" in refused
    for collection in ("addresses", "forwardingRules", "backendServices", "urlMaps"):
        _, body = shell.sim.http("GET", f"/compute/v1/projects/front/global/{collection}")
        assert "items" not in body, body
    _, zones = shell.sim.http("GET", "/dns/v1/projects/front/managedZones")
    assert not zones.get("managedZones")
    clients = {row["client"] for row in shell.sim.admin("GET", "calls")["counts"]}
    assert "gcloud" in clients
