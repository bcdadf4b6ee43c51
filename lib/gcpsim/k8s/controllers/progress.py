"""A Deployment's status: counts and the conditions Available and Progressing.

Pure: from the Deployment, its ReplicaSets and the time. `kubectl rollout status` and `kubectl
wait` follow observedGeneration, updatedReplicas, availableReplicas and the reasons set here.
"""

from gcpsim.k8s.controllers.objects import Obj, condition, seconds_of, stamp, with_condition

DEADLINE = 600


def status(
    deployment: Obj, new: Obj | None, sets: list[Obj], missing: int, now: float
) -> tuple[Obj, float | None]:
    """The new status, and when (POSIX seconds) the progress deadline has to be looked at."""
    spec, old = deployment["spec"], deployment.get("status") or {}
    wanted = int(spec.get("replicas", 1))
    total, ready, available = (
        _sum(sets, f) for f in ("replicas", "readyReplicas", "availableReplicas")
    )
    updated = _sum([new] if new else [], "replicas")
    counts = {
        "replicas": total,
        "updatedReplicas": updated,
        "readyReplicas": ready,
        "availableReplicas": available,
        "unavailableReplicas": max(
            0, sum(rs["spec"].get("replicas", 0) for rs in sets) - available
        ),
    }
    result: Obj = {"observedGeneration": deployment["metadata"].get("generation", 1)}
    result |= {name: value for name, value in counts.items() if value}
    if "collisionCount" in old:
        result["collisionCount"] = old["collisionCount"]
    conditions = _available(old.get("conditions") or [], available >= wanted - missing, now)
    conditions, due = _progressing(deployment, new, result, conditions, now)
    result["conditions"] = conditions
    return result, due


def complete(deployment: Obj, status: Obj) -> bool:
    """All replicas are of the newest template and available."""
    wanted = int(deployment["spec"].get("replicas", 1))
    fields = ("updatedReplicas", "replicas", "availableReplicas")
    observed = status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 1)
    return observed and all(int(status.get(field, 0)) == wanted for field in fields)


def _sum(sets: list[Obj], field: str) -> int:
    return sum(int((rs.get("status") or {}).get(field, 0)) for rs in sets)


def _available(conditions: list[Obj], enough: bool, now: float) -> list[Obj]:
    word = "has" if enough else "does not have"
    return _set(
        conditions,
        "Available",
        "True" if enough else "False",
        now,
        "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable",
        f"Deployment {word} minimum availability.",
    )


def _progressing(
    deployment: Obj, new: Obj | None, fresh: Obj, conditions: list[Obj], now: float
) -> tuple[list[Obj], float | None]:
    spec, old = deployment["spec"], deployment.get("status") or {}
    before = condition(deployment, "Progressing")
    reason = before.get("reason", "") if before else ""
    if spec.get("paused"):
        if reason == "DeploymentPaused":
            return conditions, None
        text = "Deployment is paused"
        return _set(conditions, "Progressing", "Unknown", now, "DeploymentPaused", text), None
    if reason == "DeploymentPaused":
        text = "Deployment is resumed"
        conditions = _set(conditions, "Progressing", "Unknown", now, "DeploymentResumed", text)
    name = f'ReplicaSet "{new["metadata"]["name"]}"' if new else "Deployment"
    if complete(deployment, fresh):
        text = f"{name} has successfully progressed."
        return _set(conditions, "Progressing", "True", now, "NewReplicaSetAvailable", text), None
    watched = ("updatedReplicas", "readyReplicas", "availableReplicas")
    moved = any(int(fresh.get(f, 0)) > int(old.get(f, 0)) for f in watched)
    moved |= old_pods(fresh) < old_pods(old)
    limit = float(spec.get("progressDeadlineSeconds", DEADLINE))
    if before is None or moved or reason in ("NewReplicaSetAvailable", "DeploymentResumed"):
        text = f"{name} is progressing."
        updated = "NewReplicaSetCreated" if before is None else "ReplicaSetUpdated"
        if before is None:
            text = f"Created new replica set {name.removeprefix('ReplicaSet ')}"
        return _set(conditions, "Progressing", "True", now, updated, text, fresh=True), now + limit
    if reason == "ProgressDeadlineExceeded":
        return conditions, None
    due = seconds_of(before.get("lastUpdateTime")) + limit
    if now >= due:
        text = f"{name} has timed out progressing."
        return _set(conditions, "Progressing", "False", now, "ProgressDeadlineExceeded", text), None
    return conditions, None


def old_pods(status: Obj) -> int:
    return int(status.get("replicas", 0)) - int(status.get("updatedReplicas", 0))


def _set(
    conditions: list[Obj],
    kind: str,
    value: str,
    now: float,
    reason: str,
    message: str,
    *,
    fresh: bool = False,
) -> list[Obj]:
    for item in conditions:
        same = (item["type"], item["status"], item.get("reason"), item.get("message"))
        if same == (kind, value, reason, message) and not fresh:
            return conditions
    update = stamp(now)
    return with_condition(
        conditions, kind, value, now, reason=reason, message=message, lastUpdateTime=update
    )
