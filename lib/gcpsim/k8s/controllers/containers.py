"""Container states and pod conditions, as a kubelet reports them. Pure."""

import hashlib
import re
from collections.abc import Iterator
from typing import Any

from gcpsim.core.behaviour import Behaviour
from gcpsim.k8s.controllers.objects import Obj, is_true, quantity, stamp, with_condition

SLEEP = re.compile(r"\bsleep\s+([0-9.]+)")
WAIT_SHUTDOWN = "/wait-shutdown"  # of ingress-nginx: asks the controller to end, and waits
SHUTDOWN_GRACE = re.compile(r"--shutdown-grace-period=([0-9]+)")
FIRST_BACK_OFF, LAST_BACK_OFF = 10.0, 300.0


def internal_ip(node: Obj) -> str:
    for address in (node.get("status") or {}).get("addresses") or ():
        if address["type"] == "InternalIP":
            return str(address["address"])
    return ""


def running(container: Obj, uid: str, now: float) -> Obj:
    image = container["image"]
    if "/" not in image:
        image = f"docker.io/library/{image}"
    digest = hashlib.sha256(image.encode()).hexdigest()
    return {
        "name": container["name"],
        "image": image,
        "imageID": f"{image.rsplit(':', 1)[0]}@sha256:{digest}",
        "containerID": _container_id(uid, container["name"], 0),
        "ready": False,
        "started": True,
        "restartCount": 0,
        "state": {"running": {"startedAt": stamp(now)}},
        "lastState": {},
    }


def crashed(state: Obj, exit_code: int, now: float) -> Obj:
    """A container that just ended; from the second time on it waits in CrashLoopBackOff."""
    ended = {
        "containerID": state["containerID"],
        "exitCode": exit_code,
        "reason": "Error" if exit_code else "Completed",
        "startedAt": state["state"]["running"]["startedAt"],
        "finishedAt": stamp(now),
    }
    again = state["restartCount"] > 0
    waiting: Obj = {"terminated": ended}
    if again:
        seconds = int(_back_off(state["restartCount"]))
        text = f"back-off {seconds}s restarting failed container={state['name']}"
        waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": text}}
    return {
        **state,
        "ready": False,
        "started": False,
        "state": waiting,
        "lastState": {"terminated": ended} if again else state.get("lastState") or {},
    }


def restart_delay(state: Obj) -> float:
    """Seconds until a crashed container starts again: at once, then 10 s doubling to 5 min."""
    return _back_off(state["restartCount"]) if state["restartCount"] else 1.0


def _back_off(restarts: int) -> float:
    return min(LAST_BACK_OFF, FIRST_BACK_OFF * 2.0 ** (restarts - 1))


def restarted(state: Obj, now: float) -> Obj:
    count = state["restartCount"] + 1
    ended = state["state"].get("terminated") or state["lastState"].get("terminated") or {}
    old = str(state["containerID"]).removeprefix("containerd://")
    return {
        **state,
        "started": True,
        "restartCount": count,
        "containerID": _container_id(old, state["name"], count),
        "state": {"running": {"startedAt": stamp(now)}},
        "lastState": {"terminated": ended} if ended else {},
    }


def _container_id(seed: str, name: str, restarts: int) -> str:
    return "containerd://" + hashlib.sha256(f"{seed}/{name}/{restarts}".encode()).hexdigest()


def with_readiness(pod: Obj, status: Obj, ready: bool, now: float) -> Obj:
    """The status with container readiness and the conditions ContainersReady and Ready."""
    states = [
        item
        if item["ready"] == (ready and "running" in item["state"])
        else {**item, "ready": ready}
        for item in status.get("containerStatuses") or ()
    ]
    ready = ready and all(item["ready"] for item in states)
    unready = [item["name"] for item in states if not item["ready"]]
    text = "" if ready else f"containers with unready status: [{' '.join(unready)}]"
    reason = "" if ready else "ContainersNotReady"
    conditions = with_condition(
        status.get("conditions") or [],
        "ContainersReady",
        _word(ready),
        now,
        reason=reason,
        message=text,
    )
    missing = missing_gates(pod, {"status": {"conditions": conditions}})
    if ready and missing:
        ready, reason = False, "ReadinessGatesNotReady"
        text = "; ".join(
            f'corresponding condition of pod readiness gate "{gate}" does not exist.'
            if state == "absent"
            else f'the status of pod readiness gate "{gate}" is not "True", but {state}'
            for gate, state in missing
        )
    conditions = with_condition(conditions, "Ready", _word(ready), now, reason=reason, message=text)
    return {**status, "containerStatuses": states, "conditions": conditions}


def missing_gates(pod: Obj, holder: Obj) -> list[tuple[str, str]]:
    """Readiness gates whose condition is not True, with what it is instead."""
    missing = []
    for gate in pod["spec"].get("readinessGates") or ():
        kind = gate["conditionType"]
        if not is_true(holder, kind):
            found = [c for c in holder["status"]["conditions"] if c["type"] == kind]
            missing.append((kind, (found[0].get("status") or '""') if found else "absent"))
    return missing


def readiness_delay(spec: Obj) -> float:
    """Seconds from the start of the containers until their readiness probes pass."""
    delays = [0.0]
    for container in spec.get("containers") or ():
        startup = container.get("startupProbe")
        probe = container.get("readinessProbe")
        delays.append(
            float((startup or {}).get("initialDelaySeconds") or 0)
            + float((probe or {}).get("initialDelaySeconds") or 0)
        )
    return max(delays)


def probe_passes(spec: Obj, kind: str, mood: Behaviour) -> bool:
    """Whether the probes of a kind pass while the pod behaves like this."""
    for container in spec.get("containers") or ():
        probe = container.get(kind) or {}
        if "tcpSocket" in probe and mood.refuse:
            return False
        asked = "httpGet" in probe or "grpc" in probe
        if asked and not mood.passes_probe(float(probe.get("timeoutSeconds") or 1)):
            return False
        if "httpGet" in probe and not mood.knows(str(probe["httpGet"].get("path") or "/")):
            return False
    return True


def failure_delay(spec: Obj, kind: str) -> float:
    """Seconds of failing until the probes of a kind count as failed."""
    delays = [0.0]
    for container in spec.get("containers") or ():
        probe = container.get(kind)
        if probe:
            period = float(probe.get("periodSeconds") or 10)
            delays.append(period * int(probe.get("failureThreshold") or 3))
    return max(delays)


def pre_stop_seconds(spec: Obj) -> float:
    """How long preStop hooks take: `sleep` actions, and `sleep N` inside exec commands."""
    longest = 0.0
    for container in spec.get("containers") or ():
        hook = (container.get("lifecycle") or {}).get("preStop") or {}
        if hook.get("sleep"):
            longest = max(longest, float(hook["sleep"].get("seconds", 0)))
        command = " ".join((hook.get("exec") or {}).get("command") or ())
        if command == WAIT_SHUTDOWN:
            arguments = " ".join(container.get("args") or ())
            grace = SHUTDOWN_GRACE.search(arguments)
            longest = max(longest, float(grace[1]) if grace else 0.0)
        found = SLEEP.search(command)
        if found:
            longest = max(longest, float(found[1]))
    return longest


def quality(spec: Obj) -> str:
    """The QoS class."""
    asked = [c.get("resources") or {} for c in spec.get("containers") or ()]
    if not any(r.get("requests") or r.get("limits") for r in asked):
        return "BestEffort"
    exact = all(r.get("limits") and r.get("requests") == r["limits"] for r in asked)
    return "Guaranteed" if exact else "Burstable"


def succeeded(pod: Obj, now: float) -> Obj:
    """The status of a pod whose containers have ended well."""
    status = with_readiness(pod, pod["status"], False, now)
    ended = {"exitCode": 0, "reason": "Completed", "finishedAt": stamp(now)}
    states = [
        {
            **item,
            "ready": False,
            "started": False,
            "state": {
                "terminated": {
                    **ended,
                    "startedAt": (item["state"].get("running") or {}).get("startedAt", stamp(now)),
                }
            },
        }
        for item in status.get("containerStatuses") or ()
    ]
    conditions = [
        {**one, "reason": "PodCompleted"} if one["type"] in ("Ready", "ContainersReady") else one
        for one in status.get("conditions") or ()
    ]
    return {
        **status,
        "phase": "Succeeded",
        "containerStatuses": states,
        "conditions": conditions,
    }


def listens(spec: Obj) -> dict[int, Any]:
    """Ports on which the pod's containers accept connections: declared ones and probed ones."""
    ports: dict[int, Any] = {}
    for container in spec.get("containers") or ():
        for port in container.get("ports") or ():
            if port.get("protocol", "TCP") == "TCP":
                ports[int(port["containerPort"])] = container
        for number, _ in _asked(container):
            ports.setdefault(number, container)
    return ports


def pages(spec: Obj) -> dict[int, set[str]]:
    """By port, the paths that the pod's own HTTP probes ask for: pages that the pod surely has."""
    found: dict[int, set[str]] = {}
    for container in spec.get("containers") or ():
        for number, asked in _asked(container):
            if asked["kind"] == "httpGet":
                found.setdefault(number, set()).add(str(asked.get("path") or "/").partition("?")[0])
    return found


def _asked(container: Obj) -> Iterator[tuple[int, Obj]]:
    """The ports that a container's probes ask, by their numbers, and how."""
    named = {p.get("name"): p.get("containerPort") for p in container.get("ports") or ()}
    for slot in ("readinessProbe", "livenessProbe", "startupProbe"):
        probe = container.get(slot) or {}
        kind = "httpGet" if probe.get("httpGet") else "tcpSocket"
        asked = probe.get(kind) or {}
        number = named.get(asked.get("port"), asked.get("port"))
        if isinstance(number, int):
            yield number, {**asked, "kind": kind}


def _word(value: bool) -> str:
    return "True" if value else "False"


def requests(pod: Obj) -> tuple[float, float]:
    """CPU and memory that the pod's containers ask for."""
    cpu = memory = 0.0
    for container in pod["spec"].get("containers") or ():
        wanted = (container.get("resources") or {}).get("requests")
        if wanted:
            cpu += quantity(wanted.get("cpu"))
            memory += quantity(wanted.get("memory"))
    return cpu, memory
