"""What kubectl shows of a pod: readiness, a status that sums up its containers, restarts, gates."""

from typing import Any

from gcpsim.k8s.print.shown import age

Doc = dict[str, Any]


def ready(pod: Doc, now: float) -> str:
    """`1/2`: ready containers of all."""
    statuses = pod.get("status", {}).get("containerStatuses") or ()
    count = sum(bool(item.get("ready")) for item in statuses)
    return f"{count}/{len(pod.get('spec', {}).get('containers') or ())}"


def status(pod: Doc, now: float) -> str:
    """The phase, or the reason of what keeps the pod from it."""
    state = pod.get("status", {})
    text = str(state.get("reason") or state.get("phase") or "Pending")
    for condition in state.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition.get("reason") == "SchedulingGated":
            text = "SchedulingGated"
    running = False
    for item in reversed(state.get("containerStatuses") or ()):
        waiting = (item.get("state") or {}).get("waiting") or {}
        ended = (item.get("state") or {}).get("terminated") or {}
        if waiting.get("reason"):
            text = waiting["reason"]
        elif ended:
            signal = ended.get("signal")
            code = f"Signal:{signal}" if signal else f"ExitCode:{ended.get('exitCode', 0)}"
            text = ended.get("reason") or code
        elif item.get("ready") and "running" in (item.get("state") or {}):
            running = True
    if text == "Completed" and running:
        text = "Running" if _is_ready(state) else "NotReady"
    if "deletionTimestamp" in pod["metadata"]:
        text = "Unknown" if state.get("reason") == "NodeLost" else "Terminating"
    return text


def restarts(pod: Doc, now: float) -> str:
    """The number of restarts, and how long ago the last one was."""
    count, last = 0, ""
    for item in pod.get("status", {}).get("containerStatuses") or ():
        count += item.get("restartCount", 0)
        ended = (item.get("lastState") or {}).get("terminated") or {}
        last = max(last, ended.get("finishedAt") or "")
    return f"{count} ({age(last, now)} ago)" if count and last else str(count)


def gates(pod: Doc, now: float) -> str:
    """`0/1`: readiness gates that are met."""
    wanted = pod.get("spec", {}).get("readinessGates") or ()
    if not wanted:
        return "<none>"
    met = {
        condition["type"]
        for condition in pod.get("status", {}).get("conditions") or ()
        if condition.get("status") == "True"
    }
    return f"{sum(gate.get('conditionType') in met for gate in wanted)}/{len(wanted)}"


def _is_ready(state: Doc) -> bool:
    return any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for condition in state.get("conditions") or ()
    )
