"""More neighbours: controllers of GKE on the Services of a front door, and hands on what is ours.

Rows as in `test_neighbours`.
"""

import json

import pytest
from edgebook.base.errors import StepFailed

from tests.contract.edgebook.conftest import Staged
from tests.contract.edgebook.staging import (
    API,
    GLOBAL,
    NEG,
    NEGS,
    Row,
    Stage,
    apply,
    neg,
    plan,
    play,
    status,
    teardown_plan,
    verify,
)
from tests.contract.edgebook.test_neighbours import NO_API, served_by_others, service_of_others
from tests.unit.params_edits import GONE

BINDINGS = "apis/networking.gke.io/v1beta1/namespaces/shop/networkendpointgroupbindings"
SVCNEGS = "apis/networking.gke.io/v1beta1/namespaces/shop/servicenetworkendpointgroups"
RULE = "firewalls/shop-allow-lb-blue"


def under_a_gateway(stage: Stage) -> None:
    """A Gateway of GKE leads to the Service by an HTTPRoute."""
    base = "apis/gateway.networking.k8s.io/v1/namespaces/shop"
    listener = {"name": "http", "protocol": "HTTP", "port": 80}
    spec = {"gatewayClassName": "gke-l7-global-external-managed", "listeners": [listener]}
    stage.kube("POST", f"{base}/gateways", {"metadata": {"name": "front"}, "spec": spec})
    rules = [{"backendRefs": [{"name": "api", "port": 8080}]}]
    body = {"metadata": {"name": "api"}, "spec": {"parentRefs": [{"name": "front"}],
                                                  "rules": rules}}  # fmt: skip
    stage.kube("POST", f"{base}/httproutes", body)
    for _ in range(4):
        stage.advance()


def no_rule_of_its_own(stage: Stage) -> None:
    """As in a shared network, where GKE may write none."""
    rules = stage.compute("GET", "firewalls")["items"]
    name = next(rule["name"] for rule in rules if rule["name"].startswith("gkegw1-"))
    stage.compute("PATCH", f"firewalls/{name}", {"disabled": True})
    stage.advance(60)


def changed_by_hand(stage: Stage) -> None:
    found = stage.compute("GET", "backendServices/shop-api")
    body = {"sessionAffinity": "CLIENT_IP", "fingerprint": found["fingerprint"]}
    stage.compute("PATCH", "backendServices/shop-api", body)
    stage.advance()


def kept_by_hand(stage: Stage, name: str) -> None:
    """NEGs that others make themselves, in each zone."""
    for letter in "abc":
        stage.zonal("POST", NEGS, neg(name, "of their Terraform"), f"us-central1-{letter}")
    stage.advance(60)


def bound(stage: Stage, name: str = "theirs") -> None:
    """A binding fills NEGs of others with the pods of our Service."""
    kept_by_hand(stage, name)
    spec = {"backendRef": {"kind": "Service", "name": "api", "port": 8080},
            "networkEndpointGroups": [{"name": name}]}  # fmt: skip
    stage.kube("POST", BINDINGS, {"metadata": {"name": "bound"}, "spec": spec})
    stage.advance()
    stage.advance()


def served_by_binding(stage: Stage) -> None:
    bound(stage)
    served_by_others(stage, "theirs")


def of_many_clusters(stage: Stage) -> None:
    """The headless Service that GKE derives from a MultiClusterService, with a NEG of its own."""
    selector = stage.kube("GET", API)["spec"]["selector"]
    text = json.dumps({"exposed_ports": {"8080": {}}})
    body = {"metadata": {"name": "mci-api-svc-x1", "annotations": {NEG: text}},
            "spec": {"clusterIP": "None", "selector": selector,
                     "ports": [{"name": "http", "port": 8080, "targetPort": 8080}]}}  # fmt: skip
    stage.kube("POST", "api/v1/namespaces/shop/services", body)
    stage.advance()
    found = stage.kube("GET", SVCNEGS)["items"]
    made = next(item for item in found if "mci-api" in item["metadata"]["name"])
    served_by_others(stage, made["metadata"]["name"])


def served_in_the_region(stage: Stage) -> None:
    """An internal load balancer of others serves from our NEGs."""
    stage.regional("POST", "healthChecks", {"name": "near", "type": "TCP", "tcpHealthCheck": {}})
    stage.advance(60)
    check = "projects/shop-rehearsal/regions/us-central1/healthChecks/near"
    more = {"name": "near", "loadBalancingScheme": "INTERNAL_MANAGED"}
    stage.regional("POST", "backendServices", service_of_others("shop-api", check, **more))
    stage.advance()


def probed_elsewhere(stage: Stage, port: int = 9100) -> None:
    """Others' probes of our pods go to a port that was opened for a health check of ours."""
    ports = ["443", "5432", "8080", "8883", "9100"]
    stage.compute("PATCH", RULE, {"allowed": [{"IPProtocol": "tcp", "ports": ports}]})
    body = {"name": "far", "type": "TCP", "tcpHealthCheck": {"port": port}}
    stage.compute("POST", "healthChecks", body)
    stage.advance(60)
    body = service_of_others("shop-api", f"{GLOBAL}/healthChecks/far")
    stage.compute("POST", "backendServices", body)
    stage.advance()


def of_no_cluster(stage: Stage) -> None:
    kept_by_hand(stage, "theirs")
    served_by_others(stage, "theirs")


STAYS = "lets in more than this front door needs, and stays so: backend service"
ROWS = (
    Row(
        "a Gateway of GKE leads to the Service",
        under_a_gateway,
        plan,
        ("port 8080 is exposed as k8s1-", "and backend service gkegw1-", "Plan refused: 1 thing"),
        ("expose shop/api 8080 as shop-api", "nothing of this front door serves from it"),
        built=False,
    ),
    Row(
        "a Gateway of GKE on our NEG, which a rule of its own lets in",
        under_a_gateway,
        plan,
        ("close what nothing uses any more",),
        ("others live on it", "take shop-api out"),
        params=NO_API,
    ),
    Row(
        "a Gateway of GKE on our NEG, whose port would be closed",
        lambda s: [under_a_gateway(s), no_rule_of_its_own(s)],
        plan,
        (STAYS, "serves from NEG shop-api, and others live on it", "backend service gkegw1-"),
        ("shop-allow-lb-blue close what", "take shop-api out"),
        params=NO_API,
    ),
    Row(
        "a teardown under a Gateway of GKE on our NEG",
        lambda s: [under_a_gateway(s), no_rule_of_its_own(s)],
        teardown_plan,
        (
            "Service annotation api held by backend service gkegw1-",
            "firewall rule shop-allow-lb-blue held by backend service gkegw1-",
        ),
        ("take shop-api out", "delete firewall rule shop-allow-lb-blue"),
    ),
    Row(
        "a binding of others, whose port would be closed",
        served_by_binding,
        plan,
        (f"{STAYS} other serves from NEG theirs, and others live on it",),
        ("shop-allow-lb-blue close what",),
        params=NO_API,
    ),
    Row(
        "a teardown under a binding of others",
        served_by_binding,
        teardown_plan,
        ("shop-allow-lb-blue held by backend service other", "take shop-api out"),
        ("delete firewall rule shop-allow-lb-blue",),
    ),
    Row(
        "a binding has the NEG name of the params",
        lambda s: bound(s, "shop-api"),
        plan,
        ("NEG name shop-api is one that NetworkEndpointGroupBinding shop/bound fills",),
        ("expose shop/api 8080 as shop-api",),
        built=False,
    ),
    Row(
        "a MultiClusterService on the same pods, whose port would be closed",
        of_many_clusters,
        plan,
        (f"{STAYS} other serves from NEG k8s1-", "take shop-api out"),
        ("shop-allow-lb-blue close what",),
        params=NO_API,
    ),
    Row(
        "an internal load balancer on our NEG, whose port would be closed",
        served_in_the_region,
        plan,
        (f"{STAYS} near serves from NEG shop-api",),
        ("shop-allow-lb-blue close what", "take shop-api out"),
        params=NO_API,
    ),
    Row(
        "an internal load balancer on our NEG, which would be renamed",
        served_in_the_region,
        plan,
        ("and backend service near serves from it: renamed, its endpoints freeze",),
        ("expose shop/api 8080 as",),
        params={"backends.api.neg.name": "shop-api2"},
    ),
    Row(
        "a teardown under an internal load balancer on our NEG",
        served_in_the_region,
        teardown_plan,
        (
            "Service annotation api held by backend service near",
            "shop-allow-lb-blue held by backend service near",
        ),
        ("take shop-api out",),
    ),
    Row(
        "others' probes go to a port that would be closed",
        probed_elsewhere,
        plan,
        (f"{STAYS} other serves from NEG shop-api",),
        ("close what nothing uses",),
    ),
    Row(
        "others' probes go to a port that stays open",
        lambda s: probed_elsewhere(s, 8080),
        plan,
        ("close what nothing uses any more: allowed: tcp:443,5432,8080,8883,9100 ->",),
        ("others live on it",),
    ),
    Row(
        "a rule of a cluster that the params name no more, and NEGs of nobody knows which",
        of_no_cluster,
        plan,
        (
            "shop-allow-lb-green no longer in the params, but held by backend service other",
            "`gcloud compute firewall-rules delete shop-allow-lb-green --project shop-rehearsal`",
        ),
        ("delete firewall rule shop-allow-lb-green",),
        params={"clusters.green": GONE},
    ),
    Row(
        "a rule of a cluster that the params name no more, and nobody's",
        served_by_binding,
        plan,
        ("delete firewall rule shop-allow-lb-green no longer in the params",),
        ("left alone until",),
        params={"clusters.green": GONE},
    ),
    Row(
        "a backend service that somebody changed by hand, in the status",
        changed_by_hand,
        status,
        ("1 change to make (backend service shop-api: sessionAffinity: CLIENT_IP -> NONE)",),
    ),
    Row(
        "a backend service that somebody changed by hand, in a verify",
        changed_by_hand,
        verify,
        ("update backend service shop-api (sessionAffinity: CLIENT_IP -> NONE)",),
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_neighbour_of_gke_is_told_as_what_it_is(row: Row, staged: Staged) -> None:
    play(row, staged)


def test_a_service_that_was_made_anew_is_told_and_healed_in_one_run(staged: Staged) -> None:
    staged.sim.admin("POST", "reset", {"to": "built"})
    staged.edits = {}
    stage = Stage(staged)
    old = stage.kube("GET", API)["spec"]
    ports = [{k: one[k] for k in ("name", "port", "targetPort") if k in one}
             for one in old["ports"]]  # fmt: skip
    spec = {"selector": old["selector"], "ports": ports}
    stage.kube("DELETE", API)
    stage.advance(120)
    stage.kube(
        "POST", "api/v1/namespaces/shop/services", {"metadata": {"name": "api"}, "spec": spec}
    )
    stage.advance(60)
    said = str(status(staged))
    assert "NOT HEALTHY: shop-api blue: it was deleted and made anew without our NEG" in said
    with pytest.raises(StepFailed) as failed:
        verify(staged)
    assert "write it into what makes the Service" in str(failed.value)
    assert "find out what took it away" not in str(failed.value)
    apply(staged)
    stage.advance()
    healed = str(status(staged))
    assert "healthy now, but in doubt: shop-api blue: svcneg shop-api is marked" in healed
    assert "its Service was deleted and made anew" in healed and "6 endpoints, 6 pods" in healed
    assert staged.book().door.read().plan.empty
    staged.edits = {"backends.api.neg.name": "shop-api2"}
    apply(staged)
    stage.advance()
    assert "front door shop in shop-rehearsal: healthy; nothing to change" in str(status(staged))
