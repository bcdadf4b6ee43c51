"""More neighbours: controllers of GKE on the Services of a front door, and hands on what is ours.

Rows as in `test_neighbours`.
"""

import pytest

from tests.contract.edgebook.conftest import Staged
from tests.contract.edgebook.staging import Row, Stage, plan, play, status, teardown_plan, verify
from tests.contract.edgebook.test_neighbours import NO_API


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


def changed_by_hand(stage: Stage) -> None:
    found = stage.compute("GET", "backendServices/shop-api")
    body = {"sessionAffinity": "CLIENT_IP", "fingerprint": found["fingerprint"]}
    stage.compute("PATCH", "backendServices/shop-api", body)
    stage.advance()


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
        "a Gateway of GKE on our NEG, whose port would be closed",
        under_a_gateway,
        plan,
        ("serves from NEG shop-api, and others live on it", "backend service gkegw1-"),
        ("close what nothing uses", "take shop-api out"),
        params=NO_API,
    ),
    Row(
        "a teardown under a Gateway of GKE on our NEG",
        under_a_gateway,
        teardown_plan,
        (
            "Service annotation api held by backend service gkegw1-",
            "firewall rule shop-allow-lb-blue held by backend service gkegw1-",
        ),
        ("take shop-api out", "delete firewall rule shop-allow-lb"),
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
