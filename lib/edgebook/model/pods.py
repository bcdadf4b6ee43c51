"""How long pods go on answering when they are told to end.

Google's front ends go on asking an endpoint for the batch of the NEG controller, the operation and
the spread: 30 to 60 seconds (measured in public reports; operate.md of the facts).
"""

import re
from collections.abc import Mapping
from typing import Any

ASKED = 60  # seconds that an endpoint is still asked after its pod is told to end
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


def impatient(spec: Mapping[str, Any]) -> str:
    """What of a pod's spec ends it while it is still asked; "" when it waits long enough."""
    known = {
        str(container.get("name", "")): seconds
        for container in spec.get("containers") or ()
        if (seconds := waits(container)) is not None
    }
    if not known:
        return ""
    name, longest = max(known.items(), key=lambda item: item[1])
    if longest < ASKED:
        return f"preStop of {name} waits {longest:g} s, endpoints are asked for up to {ASKED} s"
    grace = float(spec.get("terminationGracePeriodSeconds") or 30)
    if longest != float("inf") and grace <= longest:
        return f"terminationGracePeriodSeconds {grace:g} ends the preStop of {name} ({longest:g} s)"
    return ""
