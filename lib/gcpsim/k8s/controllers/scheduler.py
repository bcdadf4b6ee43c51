"""The scheduler: which node a pending pod goes to.

It honours cordons, taints, node selectors, required node affinity, required pod anti-affinity,
topology spread constraints that say DoNotSchedule, pods per node, CPU and memory. Among the nodes
left it spreads the pods of one owner over zones, then over nodes. It must not start anything.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from gcpsim.k8s.controllers.containers import requests
from gcpsim.k8s.controllers.kubelet import Kubelet
from gcpsim.k8s.controllers.objects import (
    Obj,
    controller_of,
    deleting,
    fits,
    key_of,
    labels_of,
    matches,
    quantity,
    uid_of,
    with_condition,
)
from gcpsim.k8s.controllers.plane import Plane

COMPONENT = "default-scheduler"
ZONE = "topology.kubernetes.io/zone"
HOST = "kubernetes.io/hostname"


@dataclass
class Room:
    """A node and what is on it, as far as placing the next pod needs to know."""

    node: Obj
    zone: str
    cpu: float
    memory: float
    slots: int
    owners: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.name = str(self.node["metadata"]["name"])

    def lacks(self, cpu: float, memory: float) -> str:
        """What the node has too little of for a pod; "" when it has enough."""
        if self.slots < 1:
            return "Too many pods"
        if cpu > self.cpu + 1e-9:
            return "Insufficient cpu"
        return "Insufficient memory" if memory > self.memory else ""


class Scheduler:
    """Binds pods without a node. One pass places all that are pending."""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.cluster = plane.cluster
        self.worker = plane.worker("kubernetes.scheduler.lag", self.reconcile)
        self._pending: dict[str, None] = {}
        self.cluster.subscribe("pods", self._follow_pod)
        self.cluster.subscribe("nodes", self._follow_node)
        for pod in plane.pods.on_node(""):
            self._pending[key_of(pod)] = None
        if self._pending:
            self.worker.mark("")

    def _follow_pod(self, event: str, pod: Obj, old: Obj | None) -> None:
        key, waiting = key_of(pod), not pod["spec"].get("nodeName")
        if event == "ADDED" and waiting:
            self._pending[key] = None
            self.worker.mark("")
        elif event == "DELETED":
            self._pending.pop(key, None)
            if self._pending:
                self.worker.mark("")

    def _follow_node(self, event: str, node: Obj, old: Obj | None) -> None:
        changed = old is None or event != "MODIFIED" or old["spec"] != node["spec"]
        if self._pending and (changed or labels_of(node) != labels_of(old or node)):
            self.worker.mark("")

    def reconcile(self, _: str) -> None:
        rooms = [self._room(node) for node in self.cluster.list("nodes")]
        zones: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for room in rooms:
            for owner, count in room.owners.items():
                zones[owner][room.zone] += count
        fitting: dict[str, tuple[Obj, Fitting]] = {}
        for key in list(self._pending):
            pod = self.plane.pods.get(key)
            if pod is None or pod["spec"].get("nodeName") or deleting(pod):
                self._pending.pop(key, None)
                continue
            if pod["spec"].get("schedulingGates"):
                continue
            owner = owner_of(pod)
            known = fitting.get(owner)
            if known is None or not _same_demands(known[0], pod):
                known = fitting[owner] = (pod, Fitting.of(pod, rooms))
            self._place(key, pod, rooms, known[1], zones[owner])

    def _room(self, node: Obj) -> Room:
        sizes = (node.get("status") or {}).get("allocatable") or {}
        room = Room(
            node,
            labels_of(node).get(ZONE, ""),
            quantity(sizes.get("cpu", 1)),
            quantity(sizes.get("memory", "1Gi")),
            int(quantity(sizes.get("pods", 110))),
        )
        for pod in self.plane.pods.on_node(room.name):
            self._take(room, pod)
        return room

    @staticmethod
    def _take(room: Room, pod: Obj) -> None:
        cpu, memory = requests(pod)
        room.cpu -= cpu
        room.memory -= memory
        room.slots -= 1
        if not deleting(pod):
            room.owners[owner_of(pod)] += 1

    def _place(
        self,
        key: str,
        pod: Obj,
        rooms: list[Room],
        fitting: "Fitting",
        per_zone: Counter[str],
    ) -> None:
        owner, (cpu, memory) = owner_of(pod), requests(pod)
        refusals = Counter(fitting.refusals)
        best: tuple[tuple[int, int, int, str], Room] | None = None
        spread = self._spread_test(pod, rooms)
        for room in fitting.rooms:
            mates = per_zone[room.zone]
            if best is not None and mates > best[0][0]:
                continue
            why = room.lacks(cpu, memory) or (spread(room) if spread else "")
            if why:
                refusals[why] += 1
                continue
            rank = (mates, room.owners[owner], -room.slots, room.name)
            if best is None or rank < best[0]:
                best = (rank, room)
        if best is None:
            self._refuse(pod, len(rooms), refusals)
            return
        self._bind(pod, best[1])
        self._pending.pop(key, None)
        per_zone[best[1].zone] += 1
        self._take(best[1], pod)

    def _spread_test(self, pod: Obj, rooms: list[Room]) -> "Spread | None":
        constraints = [
            (item["topologyKey"], item.get("labelSelector"), int(item.get("maxSkew", 1)))
            for item in pod["spec"].get("topologySpreadConstraints") or ()
            if item.get("whenUnsatisfiable", "DoNotSchedule") == "DoNotSchedule"
        ]
        affinity = (pod["spec"].get("affinity") or {}).get("podAntiAffinity") or {}
        terms = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or ()
        apart = [(term["topologyKey"], term.get("labelSelector")) for term in terms]
        if not constraints and not apart:
            return None
        mates = [
            (other, labels_of(room.node))
            for room in rooms
            for other in self.plane.pods.on_node(room.name)
            if other["metadata"]["namespace"] == pod["metadata"]["namespace"]
            and not deleting(other)
        ]
        counted = []
        for topology, selector, skew in constraints:
            counts = Counter(
                {labels_of(r.node).get(topology, ""): 0 for r in rooms if usable(pod, r)}
            )
            for other, labels in mates:
                if matches(selector, labels_of(other)) and labels.get(topology, "") in counts:
                    counts[labels.get(topology, "")] += 1
            counted.append((topology, counts, skew))
        taken = [
            (topology, {lb.get(topology) for other, lb in mates if matches(sel, labels_of(other))})
            for topology, sel in apart
        ]
        return Spread(counted, taken)

    def _bind(self, pod: Obj, room: Room) -> None:
        status = pod.get("status") or {}
        conditions = with_condition(
            status.get("conditions") or [], "PodScheduled", "True", self.plane.now()
        )
        bound = {
            **pod,
            "spec": {**pod["spec"], "nodeName": room.name},
            "status": {**status, "conditions": conditions},
        }
        kubelet = self.plane.find(Kubelet)
        started = kubelet.started_at_once(bound) if kubelet else bound
        self.cluster.update("pods", started, subresource="binding")
        text = f"Successfully assigned {key_of(pod)} to {room.name}"
        self.plane.event(pod, "Normal", "Scheduled", text, COMPONENT)
        if kubelet and started is not bound:
            kubelet.tell_started(started)

    def _refuse(self, pod: Obj, nodes: int, refusals: Counter[str]) -> None:
        parts = ", ".join(f"{count} {why}" for why, count in sorted(refusals.items()))
        text = (
            f"0/{nodes} nodes are available: {parts}."
            if nodes
            else "no nodes available to schedule pods"
        )
        status = pod.get("status") or {}
        conditions = with_condition(
            status.get("conditions") or [],
            "PodScheduled",
            "False",
            self.plane.now(),
            reason="Unschedulable",
            message=text,
        )
        self.plane.change("pods", pod, {**status, "conditions": conditions})
        self.plane.event(pod, "Warning", "FailedScheduling", text, COMPONENT)


@dataclass(frozen=True)
class Spread:
    """Topology spread and anti-affinity of one pod, counted once for all nodes."""

    counted: list[tuple[str, Counter[str], int]]
    taken: list[tuple[str, set[str | None]]]

    def __call__(self, room: Room) -> str:
        labels = labels_of(room.node)
        for topology, counts, skew in self.counted:
            here = labels.get(topology, "")
            if counts[here] + 1 - min(counts.values(), default=0) > skew:
                return "node(s) didn't match pod topology spread constraints"
        if any(labels.get(topology) in values for topology, values in self.taken):
            return "node(s) didn't match pod anti-affinity rules"
        return ""


def owner_of(pod: Obj) -> str:
    owner = controller_of(pod)
    return owner["uid"] if owner else uid_of(pod)


@dataclass(frozen=True)
class Fitting:
    """The nodes that a pod may go to as far as its spec says, and why not to the others."""

    rooms: list[Room]
    refusals: Counter[str]

    @staticmethod
    def of(pod: Obj, rooms: list[Room]) -> "Fitting":
        found, refusals = [], Counter[str]()
        for room in rooms:
            why = refusal(pod, room)
            if why:
                refusals[why] += 1
            else:
                found.append(room)
        return Fitting(found, refusals)


def _same_demands(one: Obj, other: Obj) -> bool:
    fields = ("nodeSelector", "affinity", "tolerations")
    return all(one["spec"].get(f) == other["spec"].get(f) for f in fields)


def refusal(pod: Obj, room: Room) -> str:
    """Why the node is not for the pod, in the scheduler's words; "" when it is."""
    spec, node = room.node["spec"], room.node
    if spec.get("unschedulable"):
        return "node(s) were unschedulable"
    for taint in spec.get("taints") or ():
        if taint["effect"] != "PreferNoSchedule" and not tolerates(pod, taint):
            return f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"
    if not usable(pod, room):
        return "node(s) didn't match Pod's node affinity/selector"
    return "" if (node.get("status") or {}).get("conditions") else "node(s) were not ready"


def usable(pod: Obj, room: Room) -> bool:
    """Node selector and required node affinity."""
    labels, spec = labels_of(room.node), pod["spec"]
    selector = spec.get("nodeSelector")
    if selector and any(labels.get(name) != value for name, value in selector.items()):
        return False
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if not required:
        return True
    return any(
        all(fits(rule, labels) for rule in term.get("matchExpressions") or ())
        for term in required.get("nodeSelectorTerms") or ()
    )


def tolerates(pod: Obj, taint: Obj) -> bool:
    for toleration in pod["spec"].get("tolerations") or ():
        if toleration.get("effect") not in (None, "", taint["effect"]):
            continue
        if not toleration.get("key"):
            if toleration.get("operator") == "Exists":
                return True
            continue
        same = toleration.get("value", "") == taint.get("value", "")
        if toleration["key"] == taint["key"] and (toleration.get("operator") == "Exists" or same):
            return True
    return False


def toleration_seconds(pod: Obj, taint: Obj) -> float | None:
    """How long the pod may stay on a node with this taint: None for ever, 0 not at all."""
    seconds: list[float | None] = [
        toleration.get("tolerationSeconds")
        for toleration in pod["spec"].get("tolerations") or ()
        if tolerates({"spec": {"tolerations": [toleration]}}, taint)
    ]
    if not seconds:
        return 0.0
    limited = [float(value) for value in seconds if value is not None]
    return min(limited) if limited else None
