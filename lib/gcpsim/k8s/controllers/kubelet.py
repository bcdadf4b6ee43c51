"""The kubelets' stand-in: pods on live nodes start, become ready, crash, restart and end.

Nothing runs. A pod gets an IP from its node's podCIDR and the states that a healthy container would
have, after the durations of the table. Readiness gates are honoured: Ready needs every gate's
condition. A pod on a node that is down stays as it was.
"""

import functools
import ipaddress

from gcpsim.core import behaviour
from gcpsim.core.clock import Timer
from gcpsim.k8s.controllers import containers, resizing, volumes
from gcpsim.k8s.controllers.objects import (
    Obj,
    annotations_of,
    controller_of,
    deleting,
    is_true,
    key_of,
    split,
    stamp,
    uid_of,
    with_condition,
)
from gcpsim.k8s.controllers.plane import Plane

COMPONENT = "kubelet"


class Kubelet:
    """Moves every bound pod of a cluster through its life, one timer at a time for each."""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.cluster = plane.cluster
        self.worker = plane.worker("kubernetes.kubelet.lag", self.reconcile)
        self._waits: dict[str, tuple[str, str, Timer]] = {}
        self._last_ip: dict[str, int] = {}
        self._resized: set[str] = set()  # pods whose resources were changed in place
        self._complete: Obj | None = None  # the last status after which nothing is left to do
        plane.add(self)
        self._wanting: dict[str, dict[str, None]] = {}  # pods that wait, by namespace
        self.cluster.subscribe("pods", self._follow)
        for resource in ("configmaps", "secrets", volumes.CLAIMS):
            self.cluster.subscribe(resource, self._appeared)
        for pod in plane.pods.all():
            if pod["spec"].get("nodeName"):
                self.worker.mark(key_of(pod))

    def _follow(self, event: str, pod: Obj, old: Obj | None) -> None:
        key = key_of(pod)
        if event == "DELETED":
            self._resized.discard(key)
            for slot in ("", "livenessProbe", "readinessProbe"):
                self._forget(key + slot)
        elif pod["spec"].get("nodeName") and not self._is_mine(pod, old):
            if resizing.differs(pod, old):
                self._resized.add(key)
            self.worker.mark(key)

    def _is_mine(self, pod: Obj, old: Obj | None) -> bool:
        """Whether the change is its own and the last one for now."""
        status = pod.get("status")
        return status is self._complete is not None and status is not (old or {}).get("status")

    def wake(self, node: str) -> None:
        """Look at all pods of a node again: it is back."""
        for pod in self.plane.pods.on_node(node):
            self.worker.mark(key_of(pod))

    def reconcile(self, key: str) -> None:
        pod = self.plane.pods.get(key)
        if pod is None or not pod["spec"].get("nodeName"):
            return
        node = self.cluster.get("nodes", "", pod["spec"]["nodeName"])
        if node is None or "podCIDR" not in node["spec"] or not self.plane.node_is_live(node):
            return
        phase = (pod.get("status") or {}).get("phase", "Pending")
        if deleting(pod):
            self._end(key, pod)
        elif phase == "Pending" and self._waits_for_something(key, pod):
            return
        elif phase == "Pending":
            wait = self.plane.wait("kubernetes.pod.start")
            if not self.plane.clock.scale or self._waited(key, pod, "start", wait):
                self._start(pod, node)
        elif phase == "Running":
            if key in self._resized:
                self._resized.discard(key)
                pod = self._write(pod, resizing.resized(self.plane, pod, node, pod["status"]))
            self._run(key, pod)

    def _waits_for_something(self, key: str, pod: Obj) -> bool:
        """Whether something that a pod mounts is not there: then it is looked for again."""
        why = volumes.missing(self.plane, pod)
        if not why:
            return False
        text = f"MountVolume.SetUp failed: {why}"
        self.plane.event(pod, "Warning", "FailedMount", text, COMPONENT)
        namespace = pod["metadata"]["namespace"]
        self._wanting.setdefault(namespace, {})[key] = None
        return True

    def _appeared(self, event: str, obj: Obj, old: Obj | None) -> None:
        """Something that pods may wait for is there, or changed."""
        for key in self._wanting.pop(obj["metadata"]["namespace"], {}):
            self.worker.mark(key)

    def _waited(self, key: str, pod: Obj, stage: str, seconds: float, *, slot: str = "") -> bool:
        """True once the pod has been in this stage for so long; until then an alarm is set."""
        known = self._waits.get(key + slot)
        if known is not None:
            if known[:2] == (uid_of(pod), stage):
                return self.plane.now() >= known[2].when
            known[2].cancel()
        timer = self.plane.clock.after(seconds, lambda: self.reconcile(key))
        self._waits[key + slot] = (uid_of(pod), stage, timer)
        return False

    def started_at_once(self, pod: Obj) -> Obj:
        """A pod that is being bound; at scale 0 already started, so that it takes no write."""
        if self.plane.clock.scale or deleting(pod) or pod["status"].get("phase") != "Pending":
            return pod
        node = self.cluster.get("nodes", "", pod["spec"]["nodeName"])
        if node is None or "podCIDR" not in node["spec"] or not self.plane.node_is_live(node):
            return pod
        if volumes.missing(self.plane, pod):
            return pod
        return {**pod, "status": self._started(pod, node)}

    def _start(self, pod: Obj, node: Obj) -> None:
        self._write(pod, self._started(pod, node))
        self.tell_started(pod)

    def tell_started(self, pod: Obj) -> None:
        for container in pod["spec"]["containers"]:
            text = f"Started container {container['name']}"
            self.plane.event(pod, "Normal", "Started", text, COMPONENT)

    def _started(self, pod: Obj, node: Obj) -> Obj:
        now, spec = self.plane.now(), pod["spec"]
        status = dict(pod.get("status") or {})
        host = containers.internal_ip(node)
        ip = host if spec.get("hostNetwork") else self._address(node)
        conditions = status.get("conditions") or []
        for kind in ("PodReadyToStartContainers", "Initialized", "PodScheduled"):
            conditions = with_condition(conditions, kind, "True", now)
        status |= {
            "phase": "Running",
            "hostIP": host,
            "hostIPs": [{"ip": host}],
            "podIP": ip,
            "podIPs": [{"ip": ip}],
            "startTime": stamp(now),
            "containerStatuses": [
                containers.running(c, uid_of(pod), now) for c in spec["containers"]
            ],
            "qosClass": status.get("qosClass") or containers.quality(spec),
            "conditions": conditions,
        }
        ready = containers.readiness_delay(spec) == 0
        status = containers.with_readiness(pod, status, ready, now)
        self._complete = status if ready and not _is_of_job(pod) else None
        return status

    def _run(self, key: str, pod: Obj) -> None:
        status, now = pod["status"], self.plane.now()
        states = status.get("containerStatuses") or []
        crashed = [item for item in states if "running" not in item.get("state", {})]
        if crashed:
            count = max(item["restartCount"] for item in crashed)
            wait = containers.restart_delay(crashed[0])
            if self._waited(key, pod, f"restart {count}", wait):
                self._restart(pod)
            return
        if self._is_done(key, pod):
            self._write(pod, containers.succeeded(pod, now))
            return
        ready = all(item["ready"] for item in states)
        restarts = sum(item["restartCount"] for item in states)
        mood = behaviour.read(annotations_of(pod))
        if self._failed(key, pod, mood, "livenessProbe", restarts):
            self.crash(pod)
            return
        if ready and self._failed(key, pod, mood, "readinessProbe", restarts):
            ready = False
            self._forget(key)  # to be ready again takes its time
        elif not ready and containers.probe_passes(pod["spec"], "readinessProbe", mood):
            delay = containers.readiness_delay(pod["spec"])
            ready = delay == 0 or self._waited(key, pod, f"ready {restarts}", delay)
        self._write(pod, containers.with_readiness(pod, status, ready, now))

    def _is_done(self, key: str, pod: Obj) -> bool:
        """The pod of a Job ends by itself, a moment after it started."""
        if not _is_of_job(pod):
            return False
        return self._waited(key, pod, "work", self.plane.wait("kubernetes.job.work"), slot="work")

    def _failed(
        self, key: str, pod: Obj, mood: behaviour.Behaviour, kind: str, restarts: int
    ) -> bool:
        """Whether the probes of a kind have failed for so long that it counts."""
        if mood == behaviour.HEALTHY or containers.probe_passes(pod["spec"], kind, mood):
            self._forget(key + kind)
            return False
        delay = containers.failure_delay(pod["spec"], kind)
        return self._waited(key, pod, f"{kind} {restarts}", delay, slot=kind)

    def _forget(self, wait: str) -> None:
        waiting = self._waits.pop(wait, None)
        if waiting:
            waiting[2].cancel()

    def answered(self, pod: Obj, status: Obj) -> Obj:
        """A status with a readiness gate just answered; at scale 0 with what follows at once."""
        states = status.get("containerStatuses")
        if self.plane.clock.scale or deleting(pod) or status.get("phase") != "Running":
            return status
        node = self.cluster.get("nodes", "", pod["spec"].get("nodeName", ""))
        live = node is not None and self.plane.node_is_live(node)
        if not live or not states or not all(item["ready"] for item in states):
            return status
        self._complete = containers.with_readiness(pod, status, True, self.plane.now())
        return self._complete

    def crash(self, pod: Obj, container: str = "", exit_code: int = 1) -> Obj:
        """A container of a running pod ends with an error and is restarted with back-off."""
        now, status = self.plane.now(), pod["status"]
        states = [
            containers.crashed(item, exit_code, now)
            if container in ("", item["name"]) and "running" in item.get("state", {})
            else item
            for item in status.get("containerStatuses") or []
        ]
        status = {**status, "containerStatuses": states}
        ready = all(item["ready"] for item in states)
        self.plane.event(
            pod, "Warning", "BackOff", "Back-off restarting failed container", COMPONENT
        )
        return self._write(pod, containers.with_readiness(pod, status, ready, now))

    def _restart(self, pod: Obj) -> None:
        now, status = self.plane.now(), pod["status"]
        states = [
            item if "running" in item["state"] else containers.restarted(item, now)
            for item in status["containerStatuses"]
        ]
        for item in states:
            if item["state"]["running"]["startedAt"] == stamp(now):
                text = f"Started container {item['name']}"
                self.plane.event(pod, "Normal", "Started", text, COMPONENT)
        ready = containers.readiness_delay(pod["spec"]) == 0
        status = {**status, "containerStatuses": states}
        self._write(pod, containers.with_readiness(pod, status, ready, now))

    def _end(self, key: str, pod: Obj) -> None:
        """preStop first, then what the process takes to stop, all within the grace period."""
        grace = float(pod["metadata"].get("deletionGracePeriodSeconds") or 0)
        pre_stop = min(grace, containers.pre_stop_seconds(pod["spec"]))
        running = (pod.get("status") or {}).get("phase") == "Running"
        serving = running and is_true(pod, "ContainersReady")
        known = self._waits.get(key)
        if known is None or known[:2] not in ((uid_of(pod), "pre-stop"), (uid_of(pod), "stop")):
            self._waited(key, pod, "pre-stop", pre_stop)
            for item in (pod.get("status") or {}).get("containerStatuses") or ():
                text = f"Stopping container {item['name']}"
                self.plane.event(pod, "Normal", "Killing", text, COMPONENT)
            return
        if known[1] == "pre-stop":
            if self.plane.now() < known[2].when:
                return
            left = max(0.0, grace - pre_stop)
            deaf = behaviour.read(annotations_of(pod)).ignore_sigterm
            stopping = left if deaf else min(self.plane.wait("kubernetes.pod.stop"), left)
            self._waited(key, pod, "stop", stopping)
            if serving:
                status = containers.with_readiness(pod, pod["status"], False, self.plane.now())
                self._write(pod, status)
            return
        if self.plane.now() >= known[2].when:
            self.cluster.delete("pods", *split(key), grace_seconds=0)

    def _write(self, pod: Obj, status: Obj) -> Obj:
        return self.plane.change("pods", pod, status)

    def _address(self, node: Obj) -> str:
        """The next free address of the node's range, round robin as host-local IPAM gives them."""
        name, pod_range = node["metadata"]["name"], node["spec"]["podCIDR"]
        network = _network(pod_range)
        size, first = network.num_addresses, int(network.network_address)
        place = self._last_ip.get(name, 1)
        for _ in range(size):
            place = place + 1 if place + 1 < size - 1 else 2
            address = str(ipaddress.IPv4Address(first + place))
            if self.plane.pods.with_ip(address) is None:
                self._last_ip[name] = place
                return address
        raise RuntimeError(f"node {name} has no free address in {pod_range}")


@functools.lru_cache(maxsize=4096)
def _network(text: str) -> ipaddress.IPv4Network:
    return ipaddress.IPv4Network(text)


def _is_of_job(pod: Obj) -> bool:
    owner = controller_of(pod)
    return owner is not None and owner["kind"] == "Job"
