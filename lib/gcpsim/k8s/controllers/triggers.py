"""Which change of pods an endpoint slice goes back to: what Kubernetes notes beside each write.

The earliest moment at which a pod became Ready or ceased to be, or at which the Service was made,
among those that were not told before. A pod that is gone tells no moment.
"""

from collections.abc import Iterable

from gcpsim.k8s.controllers.objects import Obj, condition, key_of

NOTE = "endpoints.kubernetes.io/last-change-trigger-time"
Told = tuple[str, str]  # the moment, and what it was then


class Triggers:
    """What was told so far, by Service."""

    def __init__(self) -> None:
        self._told: dict[str, dict[str, Told]] = {}

    def forget(self, service: str) -> None:
        self._told.pop(service, None)

    def since(self, service: Obj, pods: Iterable[Obj]) -> str | None:
        """The earliest moment that is new; None when nothing is."""
        key = key_of(service)
        now: dict[str, Told] = {key: (str(service["metadata"]["creationTimestamp"]), "")}
        for pod in pods:
            ready = condition(pod, "Ready") or {}
            moment = str(ready.get("lastTransitionTime") or "")
            now[f"pod {key_of(pod)}"] = (moment, str(ready.get("status")))
        told = self._told.get(key, {})
        self._told[key] = now
        new = [entry[0] for name, entry in now.items() if told.get(name) != entry]
        return min(filter(None, new), default=None)
