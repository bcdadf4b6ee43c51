"""How long pods go on answering when they are told to end.

Google's front ends go on asking an endpoint for the batch of the NEG controller, the operation and
the spread: 30 to 60 seconds (measured in public reports; operate.md of the facts).
"""

import re
from collections.abc import Mapping
from typing import Any

ASKED = 60  # seconds that an endpoint is still asked after its pod is told to end
NGINX_ASKS = (
    10  # the same of a pod behind ingress-nginx: EndpointSlices, watched, taken over once a second
)
NGINX = "ingress-nginx"
NGINX_LABEL = ("app.kubernetes.io/name", NGINX)
GATE = "cloud.google.com/load-balancer-neg-ready"  # what pods get that GKE makes under a NEG
_SLEEP = re.compile(r"(?:^|[\s;&])sleep\s+(\d+)\s*(?:$|[;&])")


def waits(container: Mapping[str, Any]) -> float | None:
    """Seconds that a container's preStop takes: None without one, infinite if it does not say."""
    hook = (container.get("lifecycle") or {}).get("preStop")
    if not hook:
        return None
    if "sleep" in hook:
        return float((hook["sleep"] or {}).get("seconds") or 0)
    words = " ".join(str(word) for word in (hook.get("exec") or {}).get("command") or ())
    found = _SLEEP.findall(words)
    return float(sum(map(int, found))) if found else float("inf")


def is_nginx(pod: Mapping[str, Any]) -> bool:
    """Whether a pod is of ingress-nginx, by its label or its image."""
    labels = (pod.get("metadata") or {}).get("labels") or {}
    containers = (pod.get("spec") or {}).get("containers") or ()
    return labels.get(NGINX_LABEL[0]) == NGINX or any(
        f"{NGINX}/controller" in str(container.get("image", "")) for container in containers
    )


def gated(pod: Mapping[str, Any]) -> bool:
    """Whether a pod is Ready only when the load balancer says so."""
    gates = (pod.get("spec") or {}).get("readinessGates") or ()
    return any(gate.get("conditionType") == GATE for gate in gates)


def impatient(spec: Mapping[str, Any], asked: int = ASKED) -> str:
    """What of a pod's spec ends it while it is still asked; "" when it waits long enough.

    Nothing is said of pods without any preStop.
    """
    known = {
        str(container.get("name", "")): seconds
        for container in spec.get("containers") or ()
        if (seconds := waits(container)) is not None
    }
    if not known:
        return ""
    name, longest = max(known.items(), key=lambda item: item[1])
    if longest < asked:
        return f"preStop of {name} waits {longest:g} s, endpoints are asked for up to {asked} s"
    grace = float(spec.get("terminationGracePeriodSeconds") or 30)
    if longest != float("inf") and grace <= longest:
        return f"terminationGracePeriodSeconds {grace:g} ends the preStop of {name} ({longest:g} s)"
    return ""
