"""The readiness gate cloud.google.com/load-balancer-neg-ready: injected, then answered.

A pod gets the gate when it is created and a Service with a NEG selects it. The answer is True at
once while its NEG belongs to no backend service with a health check, True when one of them calls
it healthy, True after ten minutes anyway, and without a status while it waits.
"""

from gcpsim.core.errors import ApiError
from gcpsim.core.paths import name_of
from gcpsim.gke.neg.annotation import NegError
from gcpsim.gke.neg.source import AnnotationSource, Wish
from gcpsim.k8s.controllers.kubelet import Kubelet
from gcpsim.k8s.controllers.objects import (
    Obj,
    deleting,
    is_true,
    key_of,
    labels_of,
    seconds_of,
    split,
    with_condition,
)
from gcpsim.k8s.controllers.plane import Plane

GATE = "cloud.google.com/load-balancer-neg-ready"
Group = tuple[str, str, str]  # namespace, NEG name, zone


class Gates:
    """Pods that wait for their load balancer."""

    def __init__(self, plane: Plane, source: AnnotationSource) -> None:
        self.plane = plane
        self.cluster = plane.cluster
        self.source = source
        self._waiting: dict[str, set[Group]] = {}
        self._pause_until = 0.0
        self._selectors: dict[str, dict[str, dict[str, str]]] = {}
        for service in self.cluster.list("services"):
            self._follow_service("ADDED", service, None)
        self.cluster.subscribe("services", self._follow_service)
        self.cluster.admit("pods", self.inject)
        self.cluster.subscribe("pods", self._follow)
        for pod in plane.pods.all():
            self._follow("ADDED", pod, None)
        plane.every("gke.neg.gate.poll", self.poll)

    def inject(self, pod: Obj) -> Obj:
        """The admission of a new pod: with the gate if a Service with a NEG selects it."""
        spec, namespace = pod["spec"], pod["metadata"].get("namespace", "default")
        gates = spec.get("readinessGates") or []
        if spec.get("hostNetwork") or any(g["conditionType"] == GATE for g in gates):
            return pod
        labels = labels_of(pod).items()
        for selector in self._selectors.get(namespace, {}).values():
            if selector.items() <= labels:
                gated = [*gates, {"conditionType": GATE}]
                return {**pod, "spec": {**spec, "readinessGates": gated}}
        return pod

    def _follow_service(self, event: str, service: Obj, old: Obj | None) -> None:
        """Keep the selectors of Services with NEGs."""
        namespace, name = split(key_of(service))
        selector = service["spec"].get("selector")
        try:
            wanted = event != "DELETED" and bool(self.source.read(service).negs)
        except NegError:
            wanted = False
        if wanted and selector:
            self._selectors.setdefault(namespace, {})[name] = selector
        else:
            self._selectors.get(namespace, {}).pop(name, None)

    def _follow(self, event: str, pod: Obj, old: Obj | None) -> None:
        key = key_of(pod)
        if event == "DELETED" or not has_gate(pod) or deleting(pod) or is_true(pod, GATE):
            self._waiting.pop(key, None)
        else:
            self._waiting.setdefault(key, set())

    def look(self, wish: Wish, zone: str, attached: set[str]) -> None:
        """These IPs are in the NEG: their pods' health is asked for from now on."""
        group = (wish.namespace, wish.name, zone)
        for key, groups in self._waiting.items():
            pod = self.plane.pods.get(key)
            if pod is not None and (pod.get("status") or {}).get("podIP") in attached:
                groups.add(group)

    def poll(self) -> bool:
        """Answer what can be answered; True when a pod changed."""
        now = self.plane.now()
        if not self._waiting or now < self._pause_until:
            return False
        if not self.plane.clock.scale and self.plane.clock.busy():
            return False  # asked again when all is quiet
        groups = {group for asked in self._waiting.values() for group in asked}
        try:
            health = {group: self._health(group) for group in sorted(groups)}
        except ApiError:
            self._pause_until = now + self.plane.wait("gke.neg.gate.retry")
            health = {}
        unchecked = {
            group for group, found in health.items()
            if not any(found.values()) and not self._checked(group)
        }  # fmt: skip
        changed = False
        for key in list(self._waiting):
            pod = self.plane.pods.get(key)
            if pod is None:
                self._waiting.pop(key, None)
                continue
            changed |= self._answer(pod, self._waiting[key], health, unchecked, now)
        return changed

    def _health(self, group: Group) -> dict[str, list[Obj]]:
        """ip -> its health states in this NEG."""
        _, name, zone = group
        path = f"projects/{self.cluster.project}/zones/{zone}/networkEndpointGroups/{name}"
        found: dict[str, list[Obj]] = {}
        token = ""
        while True:
            query = {"maxResults": "500"} | ({"pageToken": token} if token else {})
            page = self.plane.world.compute.call(
                "POST", f"{path}/listNetworkEndpoints", {"healthStatus": "SHOW"}, query
            )
            for item in page.get("items") or ():
                found[item["networkEndpoint"]["ipAddress"]] = item.get("healths") or []
            token = page.get("nextPageToken", "")
            if not token:
                return found

    def _answer(
        self,
        pod: Obj,
        groups: set[Group],
        health: dict[Group, dict[str, list[Obj]]],
        unchecked: set[Group],
        now: float,
    ) -> bool:
        ip = (pod.get("status") or {}).get("podIP", "")
        for group in sorted(groups):
            found = health.get(group)
            if found is None or ip not in found:
                continue
            neg = f'Key{{"{group[1]}", zone: "{group[2]}"}}'
            for state in found[ip]:
                if state.get("healthState") == "HEALTHY":
                    url = (state.get("backendService") or {}).get("backendService", "")
                    service = f'Key{{"{name_of(url)}"}}'
                    text = (
                        f"Pod has become Healthy in NEG {neg!r} attached to BackendService "
                        f"{service!r}. Marking condition {GATE!r} to True."
                    )
                    return self._set(pod, "True", "LoadBalancerNegReady", text)
            if group in unchecked:
                text = (
                    f"Pod is in NEG {neg!r}. NEG is not attached to any BackendService with health "
                    f"checking. Marking condition {GATE!r} to True."
                )
                return self._set(pod, "True", "LoadBalancerNegWithoutHealthCheck", text)
        negs = "[" + " ".join(sorted({group[1] for group in groups})) + "]"
        created = seconds_of(pod["metadata"]["creationTimestamp"])
        if now >= created + self.plane.wait("gke.neg.gate.timeout"):
            text = (
                f"Timeout waiting for pod to become healthy in at least one of the NEG(s): {negs}. "
                f"Marking condition {GATE!r} to True."
            )
            return self._set(pod, "True", "LoadBalancerNegTimeout", text)
        text = f"Waiting for pod to become healthy in at least one of the NEG(s): {negs}"
        return self._set(pod, "", "LoadBalancerNegNotReady", text)

    def _checked(self, group: Group) -> bool:
        """Whether a backend service with a health check has the NEG."""
        compute = self.plane.world.compute
        path = f"projects/{self.cluster.project}/zones/{group[2]}/networkEndpointGroups/{group[1]}"
        users = (compute.get(user) for user in compute.users(path) if "backendServices" in user)
        return any(user and user.get("healthChecks") for user in users)

    def _set(self, pod: Obj, status: str, reason: str, message: str) -> bool:
        message = message.replace("'", '"')
        old = [c for c in pod["status"].get("conditions") or () if c["type"] == GATE]
        if old and (old[0]["status"], old[0].get("reason")) == (status, reason):
            return False
        conditions = with_condition(
            pod["status"].get("conditions") or [], GATE, status, self.plane.now(),
            reason=reason, message=message,
        )  # fmt: skip
        new = {**pod["status"], "conditions": conditions}
        if status == "True":
            new = self.plane.part(Kubelet).answered(pod, new)
        self.plane.change("pods", pod, new)
        return True


def has_gate(pod: Obj) -> bool:
    gates = pod["spec"].get("readinessGates")
    return bool(gates) and any(gate["conditionType"] == GATE for gate in gates)
