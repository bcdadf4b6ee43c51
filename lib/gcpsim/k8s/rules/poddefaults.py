"""Defaults of pods and pod templates, and what admission adds to pods."""

import functools
from typing import Any

import orjson

Doc = dict[str, Any]

SPEC: Doc = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
}
CONTAINER: Doc = {
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
PROBE: Doc = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1,
              "failureThreshold": 3}  # fmt: skip
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
MODE = 0o644
TOKEN_SECONDS = 3600
SOURCES_WITH_MODE = ("configMap", "secret", "projected", "downwardAPI")
TOLERATED = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
TOLERATED_FOR = 300  # seconds
# What admission, not defaulting, adds to a new pod.
ADMITTED = ("preemptionPolicy", "priority", "serviceAccount", "serviceAccountName", "tolerations")
PRIORITIES = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}


def fill_pod(pod: Doc, old: Doc | None) -> None:
    """A pod: its spec, its account and tolerations, and the status that it starts with."""
    if old is None:
        pod["spec"], quality_class = _filled(orjson.dumps(pod.get("spec") or {}))
        pod["status"] = {"phase": "Pending", "qosClass": quality_class}
        return
    spec = pod.setdefault("spec", {})
    fill_spec(spec)
    _fill(spec, {"enableServiceLinks": True})
    _tolerate(spec)


def _tolerate(spec: Doc) -> None:
    """What admission adds on create and update alike: pods leave dead nodes after five minutes."""
    tolerations = list(spec.get("tolerations") or ())
    for key in TOLERATED:
        if not any(_tolerates(item, key) for item in tolerations):
            tolerations.append({"key": key, "operator": "Exists", "effect": "NoExecute",
                                "tolerationSeconds": TOLERATED_FOR})  # fmt: skip
    spec["tolerations"] = tolerations


@functools.lru_cache(maxsize=256)
def _filled(text: bytes) -> tuple[Doc, str]:
    """A new pod's spec and quality; pods of one template share it, frozen as stored things are."""
    spec: Doc = orjson.loads(text)
    fill_spec(spec)
    _fill(spec, {"enableServiceLinks": True})
    _tolerate(spec)
    account = spec.get("serviceAccountName") or spec.get("serviceAccount") or "default"
    spec["serviceAccountName"] = spec["serviceAccount"] = account
    priority = PRIORITIES.get(spec.get("priorityClassName", ""), 0)
    _fill(spec, {"priority": priority, "preemptionPolicy": "PreemptLowerPriority"})
    return spec, quality(spec)


def fill_spec(spec: Doc) -> None:
    """The part that templates have, too."""
    _fill(spec, SPEC)
    if spec.get("securityContext") is None:
        spec["securityContext"] = {}
    if spec.get("serviceAccountName"):
        _fill(spec, {"serviceAccount": spec["serviceAccountName"]})
    host = bool(spec.get("hostNetwork"))
    for container in spec.get("containers") or ():
        _container(container, host)
    for container in spec.get("initContainers") or ():
        _container(container, host)
    for volume in spec.get("volumes") or ():
        _volume(volume)


def quality(spec: Doc) -> str:
    """The quality-of-service class that a pod's resources make."""
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    resources = [item.get("resources") or {} for item in containers]
    if not any(item.get("requests") or item.get("limits") for item in resources):
        return "BestEffort"
    for item in resources:
        limits, requests = item.get("limits") or {}, item.get("requests") or {}
        for name in ("cpu", "memory"):
            if name not in limits or requests.get(name, limits[name]) != limits[name]:
                return "Burstable"
    return "Guaranteed"


def _fill(doc: Doc, values: Doc) -> None:
    for name, value in values.items():
        if doc.get(name) is None:
            doc[name] = value


def _container(container: Doc, host: bool) -> None:
    _fill(container, CONTAINER)
    if not container.get("imagePullPolicy"):
        container["imagePullPolicy"] = _pull_policy(container.get("image") or "")
    resources = container.get("resources")
    if resources is None:
        container["resources"] = {}
    elif resources.get("limits"):
        resources["requests"] = {**resources["limits"], **(resources.get("requests") or {})}
    for port in container.get("ports") or ():
        _fill(port, {"protocol": "TCP"})
        if host:
            _fill(port, {"hostPort": port.get("containerPort")})
    for name in PROBES:
        probe = container.get(name)
        if probe is not None:
            _fill(probe, PROBE)
            _http(probe)
            if "grpc" in probe and isinstance(probe["grpc"], dict):
                _fill(probe["grpc"], {"service": ""})
    for hook in (container.get("lifecycle") or {}).values():
        if isinstance(hook, dict):
            _http(hook)
    for variable in container.get("env") or ():
        reference = (variable.get("valueFrom") or {}).get("fieldRef")
        if reference is not None:
            _fill(reference, {"apiVersion": "v1"})


def _pull_policy(image: str) -> str:
    name = image.partition("@")[0].rpartition("/")[2]
    tag = name.partition(":")[2]
    return "Always" if "@" not in image and tag in ("", "latest") else "IfNotPresent"


def _http(probe: Doc) -> None:
    if isinstance(probe.get("httpGet"), dict):
        _fill(probe["httpGet"], {"path": "/", "scheme": "HTTP"})


def _volume(volume: Doc) -> None:
    if volume.keys() <= {"name"}:
        volume["emptyDir"] = {}
    for source in SOURCES_WITH_MODE:
        if isinstance(volume.get(source), dict):
            _fill(volume[source], {"defaultMode": MODE})
    for part in (volume.get("projected") or {}).get("sources") or ():
        if isinstance(part.get("serviceAccountToken"), dict):
            _fill(part["serviceAccountToken"], {"expirationSeconds": TOKEN_SECONDS})


def _tolerates(toleration: Doc, key: str) -> bool:
    if toleration.get("effect", "NoExecute") != "NoExecute":
        return False
    return bool(toleration.get("key", key) == key)
