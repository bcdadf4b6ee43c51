"""What the next rollout or drain would do to pods, by what keeps them."""

from typing import Any

import pytest
from edgebook.verify.workloads import troubles

LABELS = {"app": "api"}


def pod(node: str = "a", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"labels": LABELS}, "spec": {"nodeName": node, **spec}}


def kept(name: str = "api", *, of: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": of or LABELS}, **spec}}


def scaler(least: int, of: str = "api") -> dict[str, Any]:
    above = {"kind": "Deployment", "name": of}
    return {"metadata": {"name": "s"}, "spec": {"scaleTargetRef": above, "minReplicas": least}}


def rolling(most: Any) -> dict[str, Any]:
    return {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": most}}


TWO = [pod("a"), pod("b")]
PORT = {"containers": [{"ports": [{"containerPort": 80, "hostPort": 80}]}]}


@pytest.mark.parametrize(
    ("pods", "deployment", "budgets", "scalers", "words"),
    [
        (TWO, kept(strategy={"type": "Recreate"}), [], [], "Deployment api has strategy Recreate"),
        (TWO, kept(strategy=rolling("100%")), [], [], "maxUnavailable 100%"),
        (TWO, kept(replicas=2, strategy=rolling(2)), [], [], "maxUnavailable 2"),
        (TWO, kept(), [kept("p", minAvailable="80%")], [], "PodDisruptionBudget p allows no"),
        (TWO, kept(), [kept("p", maxUnavailable=0)], [], "PodDisruptionBudget p allows no"),
        (TWO, kept(), [kept("p", maxUnavailable="0%")], [], "PodDisruptionBudget p allows no"),
        (TWO, kept(), [kept("p", minAvailable=2)], [], "PodDisruptionBudget p allows no"),
        (TWO, kept(), [kept("p", minAvailable="100%")], [], "PodDisruptionBudget p allows no"),
        (TWO, kept(), [], [scaler(1)], "HorizontalPodAutoscaler s goes down to one pod"),
        ([pod("a"), pod("a")], kept(), [], [], "all 2 pods are on node a"),
        ([pod("a", hostNetwork=True), pod("b")], kept(), [], [], "hostNetwork"),
        ([pod("a", **PORT), pod("b")], kept(), [], [], "hostPort 80"),
    ],
)
def test_each_is_told_with_a_way_out(
    pods: list[Any], deployment: Any, budgets: list[Any], scalers: list[Any], words: str
) -> None:
    ((why, remedy),) = troubles(pods, [deployment], budgets, scalers)
    assert words in why and remedy


def test_nothing_is_said_of_what_leaves_pods() -> None:
    deployments = [
        kept(strategy=rolling("25%")),
        kept("b", of={"x": "y"}, strategy=rolling("100%")),
    ]
    budgets = [kept("p", minAvailable=1), kept("q", of={"x": "y"}, maxUnavailable=0)]
    assert not list(troubles(TWO, deployments, budgets, [scaler(2), scaler(1, "other")]))
    assert not list(troubles([], [kept(strategy={"type": "Recreate"})], [], []))
    wide = kept("p", minAvailable=2) | {"status": {"expectedPods": 4}}
    half = kept("q", minAvailable="50%")
    few = kept(replicas=2, strategy=rolling(1))
    assert not list(troubles(TWO, [few], [wide, half], []))
    assert not list(troubles([pod()], [kept()], [kept("p", maxUnavailable=1)], []))
