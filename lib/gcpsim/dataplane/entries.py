"""A pod's documents as the farm needs them: which ports, speaking what, in which phase. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from gcpsim.core import behaviour
from gcpsim.core.behaviour import HEALTHY
from gcpsim.gke.endpoints import listening
from gcpsim.k8s.controllers.containers import listens, pages
from gcpsim.k8s.controllers.endpointslices import target_port
from gcpsim.k8s.controllers.objects import Obj, annotations_of, deleting, is_true, labels_of

CONTROLLER = "/nginx-ingress-controller"
PROBES = ("readinessProbe", "livenessProbe", "startupProbe")


def containers_running(pod: Obj) -> tuple[str, ...]:
    """The ids of the containers that run now."""
    states = (pod.get("status") or {}).get("containerStatuses") or ()
    return tuple(s["containerID"] for s in states if "running" in (s.get("state") or {}))


def ports(pod: Obj, services: Iterable[Obj]) -> dict[int, str]:
    """Ports on which the pod's running containers listen, with what they are declared to speak.

    Numeric targetPorts that no container declares are listened on too, as real processes do.
    """
    spec = pod["spec"]
    states = (pod.get("status") or {}).get("containerStatuses") or ()
    running = {s["name"] for s in states if "running" in (s.get("state") or {})}
    found = {
        port: _declared(container, port)
        for port, container in listens(spec).items()
        if container["name"] in running
    }
    if not running:
        return {}
    declared = set(listens(spec))
    services = list(services)
    for number in listening(pod, services) - declared:
        found[number] = ""
    for service in services:
        for port in service["spec"].get("ports") or ():
            app = (port.get("appProtocol") or "").lower()
            target = target_port(port, pod)
            if target in found and not found[target] and app in ("http", "https"):
                found[target] = app
    return dict(sorted(found.items()))


def _declared(container: Obj, number: int) -> str:
    """What a container's port is said to speak: by a probe on it, else by its name."""
    names = {p.get("name"): p["containerPort"] for p in container.get("ports") or ()}
    for kind in PROBES:
        probe = (container.get(kind) or {}).get("httpGet")
        if probe and names.get(probe["port"], probe["port"]) == number:
            return str(probe.get("scheme") or "HTTP").lower()
    for name, port in names.items():
        if port == number and name in ("http", "https"):
            return str(name)
    return ""


def selected(service: Obj, pod: Obj) -> bool:
    selector = service["spec"].get("selector")
    return bool(selector) and selector.items() <= labels_of(pod).items()


def mounted(pod: Obj) -> list[str]:
    """Names of the Secrets that the pod mounts, in order."""
    volumes = pod["spec"].get("volumes") or ()
    return [v["secret"]["secretName"] for v in volumes if (v.get("secret") or {}).get("secretName")]


def is_ingress_nginx(pod: Obj) -> bool:
    """Whether the pod is a controller of ingress-nginx."""
    return any(
        CONTROLLER in (container.get("args") or []) + (container.get("command") or [])
        or "ingress-nginx/controller" in container.get("image", "")
        for container in pod["spec"].get("containers") or ()
    )


def routed(pod: Obj) -> list[int]:
    """The ports of an ingress controller on which it routes."""
    return sorted(
        int(port["containerPort"])
        for container in pod["spec"].get("containers") or ()
        for port in container.get("ports") or ()
        if port.get("name") in ("http", "https")
    )


def phase(pod: Obj, mood: behaviour.Behaviour, *, live: bool) -> str:
    """SIGTERM was sent when the kubelet took the readiness of a pod that is being deleted."""
    if not live:
        return "lost"
    asked_to_end = deleting(pod) and not is_true(pod, "ContainersReady")
    return "ending" if asked_to_end and not mood.ignore_sigterm else "serving"


def entry(
    key: str, address: str, pod: Obj, *, about: Obj, listening: dict[int, str], live: bool,
    certificates: list[str], ingress: str, manners: Mapping[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """The farm's order for a pod whose containers run; what is staged wins over its manners."""
    mood = behaviour.read(annotations_of(pod))
    staged = {name for name, value in mood.to_json().items() if value != getattr(HEALTHY, name)}
    mood = replace(mood, **{k: v for k, v in manners.items() if k not in staged})
    return {
        "op": "pod",
        "key": key,
        "address": address,
        "about": about,
        "ports": {str(port): speaks for port, speaks in listening.items()},
        "pages": {str(port): sorted(found) for port, found in sorted(pages(pod["spec"]).items())},
        "phase": phase(pod, mood, live=live),
        "behaviour": mood.to_json(),
        "certificates": certificates,
        "ingress": ingress,
        "routed": routed(pod) if ingress else [],
    }
