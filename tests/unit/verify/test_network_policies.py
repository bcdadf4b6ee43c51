"""Which NetworkPolicies keep Google's front ends away from a pod."""

from typing import Any

import pytest
from edgebook.verify.network_policies import keeping_out

POD = {
    "metadata": {"name": "api-0", "labels": {"app": "api", "tier": "back"}},
    "spec": {"containers": [{"ports": [{"name": "http", "containerPort": 8080}]}]},
}
GOOGLE = [{"ipBlock": {"cidr": "35.191.0.0/16"}}, {"ipBlock": {"cidr": "130.211.0.0/22"}}]
ANYWHERE = [{"ipBlock": {"cidr": "0.0.0.0/0"}}]


def policy(*ingress: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p"}, "spec": {"podSelector": {}, "ingress": ingress, **spec}}


def from_(*peers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"from": list(peers), **more}


@pytest.mark.parametrize(
    ("one", "kept"),
    [
        (policy(), True),  # selects, and lets nothing in
        (policy({}), False),
        (policy(from_(*GOOGLE)), False),
        (policy(from_(GOOGLE[0])), True),
        (policy(from_(*ANYWHERE)), False),
        (policy(from_({"ipBlock": {"cidr": "0.0.0.0/0", "except": ["35.191.4.0/24"]}})), True),
        (policy(from_({"podSelector": {}})), True),
        (policy(from_({"namespaceSelector": {}})), True),
        (policy(from_({"ipBlock": {"cidr": "::/0"}})), True),
        (policy(from_(*GOOGLE, ports=[{"port": 8080}])), False),
        (policy(from_(*GOOGLE, ports=[{"port": "http"}])), False),
        (policy(from_(*GOOGLE, ports=[{"port": 9090}])), True),
        (policy(from_(*GOOGLE, ports=[{"port": "metrics"}])), True),
        (policy(from_(*GOOGLE, ports=[{"port": 8000, "endPort": 9000}])), False),
        (policy(from_(*GOOGLE, ports=[{"port": 8080, "protocol": "UDP"}])), True),
        (policy(from_(*GOOGLE, ports=[{"protocol": "TCP"}])), False),
        (policy(policyTypes=["Egress"]), False),
        (policy(podSelector={"matchLabels": {"app": "web"}}), False),
        (policy(podSelector={"matchLabels": {"app": "api"}}), True),
        (policy(podSelector={"matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["back"]}]}), True),
        (policy(podSelector={"matchExpressions": [
            {"key": "tier", "operator": "NotIn", "values": ["back"]}]}), False),
        (policy(podSelector={"matchExpressions": [{"key": "x", "operator": "Exists"}]}), False),
        (policy(podSelector={"matchExpressions": [{"key": "x", "operator": "DoesNotExist"}]}),
         True),
    ],
)  # fmt: skip
def test_what_selects_and_lets_not_in(one: dict[str, Any], kept: bool) -> None:
    assert keeping_out([one], POD, 8080) == (("p",) if kept else ())


def test_what_one_policy_closes_another_opens() -> None:
    opens = policy(from_(*GOOGLE))
    assert keeping_out([policy(), opens], POD, 8080) == ()
    assert keeping_out([], POD, 8080) == ()
