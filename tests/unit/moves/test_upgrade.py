"""What is looked at before a cluster is upgraded under traffic, and what is told while it is."""

from datetime import UTC, datetime
from typing import Any

import pytest
from edgebook.apply import upgrades
from edgebook.moves import upgrade

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
BUDGET = {
    "metadata": {"name": "api"},
    "spec": {"selector": {"matchLabels": {"app": "api"}}},
    "status": {"disruptionsAllowed": 1},
}


def pod(node: str = "n1", label: str = "app", **other: Any) -> dict[str, Any]:
    """One that loses nothing."""
    spec = {
        "nodeName": node,
        "terminationGracePeriodSeconds": 90,
        "containers": [{"lifecycle": {"preStop": {"sleep": {"seconds": 60}}}}],
        "readinessGates": [{"conditionType": upgrade.GATE}],
    }
    value = {"app": "api", "app.kubernetes.io/name": "ingress-nginx"}[label]
    return {"metadata": {"labels": {label: value}}, "spec": {**spec, **other}}


def hook(**how: Any) -> dict[str, Any]:
    return {"name": "api", "lifecycle": {"preStop": how}}


TWO = [pod(), pod("n2")]


def test_pods_that_end_in_order_have_no_problem() -> None:
    zones = {"us-central1-a": 2, "us-central1-b": 3}
    assert list(upgrade.problems("shop/api", TWO, [BUDGET], zones)) == []
    assert list(upgrade.problems("shop/api", [], [])) == []
    assert list(upgrade.problems("shop/api", TWO, [BUDGET], {"us-central1-a": 1})) == []


@pytest.mark.parametrize(
    ("pods", "budget", "zones", "words"),
    [
        ([pod()], BUDGET, {}, "one pod only"),
        ([pod(), pod()], BUDGET, {}, "on one node"),
        ([pod(containers=[{}]), pod("n2")], BUDGET, {}, "no preStop"),
        ([pod(containers=[hook(sleep={"seconds": 20})]), pod("n2")], BUDGET, {}, "waits 20 s"),
        ([pod(terminationGracePeriodSeconds=60), pod("n2")], BUDGET, {}, "ends the preStop"),
        (
            [pod(terminationGracePeriodSeconds=30, containers=[hook(exec={})]), pod("n2")],
            BUDGET,
            {},
            "at least 60",
        ),
        ([pod(), pod("n2", readinessGates=[])], BUDGET, {}, "without the readiness gate"),
        (TWO, {**BUDGET, "spec": {}}, {}, "no PodDisruptionBudget"),
        (TWO, {**BUDGET, "status": {"disruptionsAllowed": 0}}, {}, "allows no disruption"),
        (TWO, BUDGET, {"a": 1, "b": 2}, "one ready pod in a"),
    ],
)
def test_each_thing_that_would_lose_requests_is_named(
    pods: list[dict[str, Any]], budget: dict[str, Any], zones: dict[str, int], words: str
) -> None:
    found = list(upgrade.problems("shop/api", pods, [budget], zones))
    assert len(found) == 1 and words in found[0]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({}, ""),
        ({"containers": [hook(sleep={"seconds": 10})]}, ""),
        ({"containers": [hook(sleep={"seconds": 9})]}, "waits 9 s"),
        ({"containers": [{"name": "api"}]}, "no preStop: what NGINX has sent is lost"),
        ({"terminationGracePeriodSeconds": 30}, "ends the preStop"),
        ({"readinessGates": []}, ""),  # Google does not ask these
    ],
)
def test_pods_that_nginx_asks_must_outlive_its_list(spec: dict[str, Any], words: str) -> None:
    pods = [pod(**spec), pod("n2", **spec)]
    found = list(upgrade.behind("shop/web", pods, [BUDGET]))
    assert [words in one and "behind ingress-nginx" in one for one in found] == [True] * bool(words)


def test_pods_that_nginx_asks_must_not_all_go_at_once() -> None:
    (told,) = upgrade.behind("shop/web", TWO, [])
    assert "shop/web, behind ingress-nginx: no PodDisruptionBudget" in told
    assert list(upgrade.behind("shop/web", [], [])) == []


@pytest.mark.parametrize(
    ("data", "problem"),
    [({}, "keep-alive 75"), ({"keep-alive": "600"}, "keep-alive 600"), ({"keep-alive": "620"}, "")],
)
def test_nginx_must_keep_idle_connections_longer_than_google(
    data: dict[str, str], problem: str
) -> None:
    labels = {"app.kubernetes.io/name": "ingress-nginx"}
    configs = [
        {"metadata": {"name": "controller", "labels": labels}, "data": data},
        {"metadata": {"name": "other"}, "data": {"keep-alive": "1"}},
    ]
    nginx = [pod(label="app.kubernetes.io/name")]
    found = list(upgrade.keep_alive("ingress-nginx/c", nginx, configs))
    assert [problem in one for one in found] == ([True] if problem else [])
    assert list(upgrade.keep_alive("shop/api", TWO, configs)) == []


@pytest.mark.parametrize(
    ("scope", "version", "ends", "stops"),
    [
        ("NO_UPGRADES", "1.34.2-gke.1", "2026-11-27T00:00:00Z", True),
        ("", "1.34.2-gke.1", "2026-11-27T00:00:00Z", True),
        ("NO_UPGRADES", "1.34.2-gke.1", "2026-11-26T12:00:00Z", False),
        ("NO_MINOR_UPGRADES", "1.34.2-gke.1", "2026-11-27T00:00:00Z", False),
        ("NO_MINOR_UPGRADES", "1.35.0-gke.1", "2026-11-27T00:00:00Z", True),
        ("NO_MINOR_OR_NODE_UPGRADES", "1.34.2-gke.1", "2026-11-27T00:00:00Z", True),
    ],
)
def test_a_maintenance_exclusion_that_is_on_stops_it(
    scope: str, version: str, ends: str, stops: bool
) -> None:
    item = {"startTime": "2026-11-20T00:00:00Z", "endTime": ends}
    item |= {"maintenanceExclusionOptions": {"scope": scope}} if scope else {}
    body = {
        "currentMasterVersion": "1.34.1-gke.9",
        "maintenancePolicy": {"window": {"maintenanceExclusions": {"sale": item}}},
    }
    found = list(upgrade.excluded(body, version, NOW))
    assert bool(found) is stops
    assert list(upgrade.excluded({}, version, NOW)) == []


def test_an_exclusion_without_an_end_lasts_until_the_end_of_support() -> None:
    item = {"startTime": "2026-01-01T00:00:00Z",
            "maintenanceExclusionOptions": {"scope": "NO_MINOR_UPGRADES"}}  # fmt: skip
    window = {"maintenanceExclusions": {"frozen": item}}
    body = {"currentMasterVersion": "1.33.1-gke.1", "maintenancePolicy": {"window": window}}
    (told,) = upgrade.excluded(body, "1.34.0-gke.1", NOW)
    assert told == (
        "maintenance exclusion frozen (NO_MINOR_UPGRADES) is on until the end of support"
    )
    assert list(upgrade.excluded(body, "1.33.9-gke.1", NOW)) == []


def test_nodes_are_counted_while_they_go() -> None:
    def operation(**counts: int) -> dict[str, Any]:
        metrics = [{"name": f"NODES_{n.upper()}", "intValue": str(v)} for n, v in counts.items()]
        return {"progress": {"metrics": metrics}}

    assert upgrades.nodes(operation(total=12, complete=3)) == "3 of 12 nodes upgraded"
    assert upgrades.nodes(operation(total=2, failed=1)) == "0 of 2 nodes upgraded, 1 failed"
    assert upgrades.nodes({"name": "op"}) == upgrades.nodes(operation(total=0)) == ""
