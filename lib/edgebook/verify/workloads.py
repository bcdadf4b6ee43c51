"""What keeps the pods behind a Service, and what its next rollout or drain would do to them.

Read from a namespace's Deployments, PodDisruptionBudgets and HorizontalPodAutoscalers, and from the
pods. All of it is about comfort, none of it fails.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from edgebook.base.parsing import whole
from edgebook.verify.facts import joined

Object = Mapping[str, Any]
DEPLOYMENTS = "apis/apps/v1/namespaces/{}/deployments"
BUDGETS = "apis/policy/v1/namespaces/{}/poddisruptionbudgets"
SCALERS = "apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers"


def troubles(
    pods: Sequence[Object],
    deployments: Sequence[Object],
    budgets: Sequence[Object],
    scalers: Sequence[Object],
) -> Iterator[tuple[str, str]]:
    """(why, remedy) for each thing that costs requests at a rollout or a drain."""
    if not pods:
        return
    mine = [d for d in deployments if any(_selected(d, pod) for pod in pods)]
    for deployment in mine:
        yield from _rollout(deployment)
    for budget in budgets:
        if any(_selected(budget, pod) for pod in pods) and _forbids(budget, len(pods)):
            why = f"PodDisruptionBudget {_name(budget)} allows no disruption: node upgrades wait"
            yield f"{why} an hour, and go on by force", "let it allow one pod: maxUnavailable: 1"
    names = {_name(deployment) for deployment in mine}
    for scaler in scalers:
        spec = scaler.get("spec") or {}
        above = spec.get("scaleTargetRef") or {}
        if above.get("kind") != "Deployment" or above.get("name") not in names:
            continue
        if int(spec.get("minReplicas") or 1) < 2 <= len(pods):
            why = f"HorizontalPodAutoscaler {_name(scaler)} goes down to one pod"
            yield why, "set its minReplicas to 2 or more"
    yield from _places(pods)


def _rollout(deployment: Object) -> Iterator[tuple[str, str]]:
    strategy = (deployment.get("spec") or {}).get("strategy") or {}
    remedy = "RollingUpdate with maxUnavailable: 0"
    if strategy.get("type") == "Recreate":
        why = f"Deployment {_name(deployment)} has strategy Recreate: each rollout ends all its"
        yield f"{why} pods first", remedy
        return
    most = str((strategy.get("rollingUpdate") or {}).get("maxUnavailable", ""))
    replicas = int((deployment.get("spec") or {}).get("replicas", 1))
    if most == "100%" or whole(most, 0) >= max(replicas, 1):
        why = f"Deployment {_name(deployment)} has maxUnavailable {most}: a rollout may end all its"
        yield f"{why} pods at once", remedy


def _places(pods: Sequence[Object]) -> Iterator[tuple[str, str]]:
    """Where the pods are, and what they need of their nodes."""
    specs = [pod.get("spec") or {} for pod in pods]
    if any(spec.get("hostNetwork") for spec in specs):
        why = "hostNetwork: the pods have their nodes' addresses, and a port of the node each"
        yield why, "pods without hostNetwork: NEGs hold addresses of pods"
        return
    ports = sorted(
        {
            int(port["hostPort"])
            for spec in specs
            for container in spec.get("containers") or ()
            for port in container.get("ports") or ()
            if port.get("hostPort")
        }
    )
    if ports:
        why = f"hostPort {joined(str(port) for port in ports)}: one pod a node, and a new one waits"
        yield f"{why} for a node or for the old one's end", "take hostPort out: Google asks pods"
    nodes = {str(spec.get("nodeName") or "") for spec in specs}
    if len(pods) > 1 and len(nodes) == 1 and "" not in nodes:
        why = f"all {len(pods)} pods are on node {nodes.pop()}: nobody serves when it goes"
        yield why, "topologySpreadConstraints by zone and by node"


def _forbids(budget: Object, pods: int) -> bool:
    """By what it asks for, whatever its status says at the moment; percentages round up."""
    spec = budget.get("spec") or {}
    if "maxUnavailable" in spec:
        return str(spec["maxUnavailable"]) in ("0", "0%")
    # It may select more pods than this Service does.
    expected = int((budget.get("status") or {}).get("expectedPods") or pods)
    least = str(spec.get("minAvailable", 0))
    if least.endswith("%"):
        return (whole(least[:-1], 0) * expected + 99) // 100 >= expected
    return whole(least, 0) >= expected


def _selected(item: Object, pod: Object) -> bool:
    selector = (item.get("spec") or {}).get("selector") or {}
    wanted = selector.get("matchLabels") or {}
    labels = (pod.get("metadata") or {}).get("labels") or {}
    known = bool(wanted) and not selector.get("matchExpressions")
    return known and wanted.items() <= labels.items()


def _name(item: Object) -> str:
    return str(item["metadata"]["name"])
