"""Eviction: a deletion that PodDisruptionBudgets may refuse.

The arithmetic is the API server's; the budgets' status is kept by the disruption controller.
"""

from typing import Any

from gcpsim.k8s.api.bodies import option_object
from gcpsim.k8s.api.call import Call
from gcpsim.k8s.api.form import JSON
from gcpsim.k8s.objects.cluster import Cluster
from gcpsim.k8s.types import status
from gcpsim.k8s.types.selectors import selector_test
from gcpsim.k8s.types.status import Cause, StatusError, bad_request

Doc = dict[str, Any]
Reply = tuple[int, Any, str]


def respond(cluster: Cluster, call: Call) -> Reply:
    """Answer a request to pods/eviction."""
    body = option_object(call, "V1Eviction")
    name = (body.get("metadata") or {}).get("name") or call.name
    if name != call.name:
        raise bad_request(f"name in URL does not match name in Eviction object: {name}")
    options = body.get("deleteOptions") or {}
    grace = options.get("gracePeriodSeconds")
    pod = cluster.require("pods", call.namespace, call.name)
    dry_run = call.dry_run or options.get("dryRun") == ["All"]
    phase = (pod.get("status") or {}).get("phase")
    free = phase in ("Pending", "Succeeded", "Failed") or "deletionTimestamp" in pod["metadata"]
    if not free:
        ask_budgets(cluster, pod, dry_run)
    before = options.get("preconditions") or {}
    cluster.delete(
        "pods",
        call.namespace,
        call.name,
        grace_seconds=grace,
        uid=str(before.get("uid") or ""),
        version=str(before.get("resourceVersion") or ""),
        dry_run=dry_run,
    )
    return 201, status.success() | {"code": 201}, JSON


def ask_budgets(cluster: Cluster, pod: Doc, dry_run: bool = False) -> None:
    """Take one disruption from the budget of a pod, if it has one; 429 when it is used up."""
    labels = pod["metadata"].get("labels") or {}
    budgets = [
        budget
        for budget in cluster.list("poddisruptionbudgets", pod["metadata"]["namespace"])
        if selector_test(budget["spec"].get("selector"))(labels)
    ]
    if not budgets:
        return
    if len(budgets) > 1:
        message = (
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does "
            "not support."
        )
        raise StatusError(500, "InternalError", message)
    budget = budgets[0]
    name, state = budget["metadata"]["name"], budget.get("status") or {}
    healthy, desired = state.get("currentHealthy", 0), state.get("desiredHealthy", 0)
    if not _ready(pod):
        policy = budget["spec"].get("unhealthyPodEvictionPolicy", "IfHealthyBudget")
        if policy == "AlwaysAllow" or (healthy >= desired and desired > 0):
            return
    if state.get("observedGeneration", 0) < budget["metadata"].get("generation", 1):
        raise _refused(f"The disruption budget {name} is still being processed by the server.", 10)
    allowed = state.get("disruptionsAllowed", 0)
    if allowed <= 0:
        raise _refused(
            f"The disruption budget {name} needs {desired} healthy pods and has {healthy} currently"
        )
    if not dry_run:
        disrupted = {**(state.get("disruptedPods") or {}), pod["metadata"]["name"]: cluster.now()}
        state = {**state, "disruptionsAllowed": allowed - 1, "disruptedPods": disrupted}
        cluster.update("poddisruptionbudgets", {**budget, "status": state}, "status")


def _refused(why: str, seconds: int = 0) -> StatusError:
    return StatusError(
        429,
        "TooManyRequests",
        "Cannot evict pod as it would violate the pod's disruption budget.",
        details={"retryAfterSeconds": seconds} if seconds else None,
        causes=[Cause("DisruptionBudget", why)],
        headers={"Retry-After": str(seconds)} if seconds else None,
    )


def _ready(pod: Doc) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)
