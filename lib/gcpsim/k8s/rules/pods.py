"""Rules of pods and pod templates."""

from typing import Any

from gcpsim.k8s.types import names
from gcpsim.k8s.types.quantity import amount
from gcpsim.k8s.types.status import Cause, duplicate, invalid_value, required, shown, unsupported

Doc = dict[str, Any]

PROTOCOLS = ["SCTP", "TCP", "UDP"]
PULL_POLICIES = ["Always", "IfNotPresent", "Never"]
DNS_POLICIES = ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"]
EFFECTS = ["NoExecute", "NoSchedule", "PreferNoSchedule"]
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
HANDLERS = ("exec", "grpc", "httpGet", "sleep", "tcpSocket")
MUTABLE = {"nodeName", "activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds",
           "schedulingGates"}  # fmt: skip
FROZEN_TEXT = (
    "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "
    "additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set "
    "to 1 if it was previously negative)"
)


SOUND_LIMIT = 64
_sound: dict[int, Doc] = {}  # specs without a fault by id; held, so that the id stays theirs


def pod(new: Doc, old: Doc | None) -> list[Cause]:
    spec = new.get("spec") or {}
    if old is None:
        return _new_causes(spec)
    before = old["spec"]
    if spec == before:
        return []
    causes = []
    if _frozen(spec) != _frozen(before):
        causes.append(Cause("FieldValueForbidden", FROZEN_TEXT, "spec"))
    if before.get("nodeName") and spec.get("nodeName") != before["nodeName"]:
        causes.append(Cause("FieldValueForbidden", FROZEN_TEXT, "spec"))
    kept = [_lasting(item) for item in spec.get("tolerations") or ()]
    if any(_lasting(item) not in kept for item in before.get("tolerations") or ()):
        message = "Forbidden: existing toleration can not be modified except its tolerationSeconds"
        causes.append(Cause("FieldValueForbidden", message, "spec.tolerations"))
    return causes + spec_causes(spec, "spec")


def _new_causes(spec: Doc) -> list[Cause]:
    """The causes of a new pod's spec; those of one template share theirs, so it's checked once."""
    if _sound.get(id(spec)) is spec:
        return []
    causes = spec_causes(spec, "spec")
    if not causes:
        if len(_sound) >= SOUND_LIMIT:
            _sound.clear()
        _sound[id(spec)] = spec
    return causes


def _frozen(spec: Doc) -> Doc:
    """The spec without what may change after creation."""
    bare = {name: value for name, value in spec.items() if name not in MUTABLE}
    for listed in ("containers", "initContainers"):
        bare[listed] = [
            {name: value for name, value in container.items() if name != "image"}
            for container in spec.get(listed) or ()
        ]
    return bare


def spec_causes(
    spec: Doc, path: str, template: bool = False, claims: frozenset[str] = frozenset()
) -> list[Cause]:
    """What is wrong with a pod's spec, or with a template's."""
    containers = spec.get("containers") or []
    if not containers:
        return [required(f"{path}.containers")]
    causes: list[Cause] = []
    volumes = {volume.get("name") for volume in spec.get("volumes") or ()} | claims
    causes += _volumes(spec, path)
    seen: set[str] = set()
    for listed in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(listed) or ()):
            where = f"{path}.{listed}[{index}]"
            causes += _container(container, where, volumes)
            name = container.get("name")
            if name in seen:
                causes.append(duplicate(f"{where}.name", name))
            seen.add(name or "")
    policies = ["Always"] if template else ["Always", "OnFailure", "Never"]
    causes += _one_of(spec, "restartPolicy", policies, path)
    causes += _one_of(spec, "dnsPolicy", DNS_POLICIES, path)
    for name in ("terminationGracePeriodSeconds",):
        if (spec.get(name) or 0) < 0:
            why = "must be greater than or equal to 0"
            causes.append(invalid_value(f"{path}.{name}", spec[name], why))
    for index, gate in enumerate(spec.get("readinessGates") or ()):
        field = f"{path}.readinessGates[{index}].conditionType"
        causes += names.check(names.qualified, field, gate.get("conditionType") or "")
    causes += _tolerations(spec, path)
    return causes + names.labels_causes(f"{path}.nodeSelector", spec.get("nodeSelector"))


def _one_of(spec: Doc, name: str, allowed: list[str], path: str) -> list[Cause]:
    value = spec.get(name)
    if value is None or value in allowed:
        return []
    return [unsupported(f"{path}.{name}", value, allowed)]


def _lasting(toleration: Doc) -> Doc:
    """What of a toleration can't change: all but how long it lasts."""
    return {name: value for name, value in toleration.items() if name != "tolerationSeconds"}


def _tolerations(spec: Doc, path: str) -> list[Cause]:
    causes = []
    for index, item in enumerate(spec.get("tolerations") or ()):
        where = f"{path}.tolerations[{index}]"
        causes += _one_of(item, "operator", ["Equal", "Exists"], where)
        if item.get("effect"):
            causes += _one_of(item, "effect", EFFECTS, where)
        if not item.get("key") and item.get("operator") != "Exists":
            why = (
                "operator must be Exists when `key` is empty, which means "
                '"match all values and all keys"'
            )
            causes.append(invalid_value(f"{where}.operator", item.get("operator", ""), why))
    return causes


def _volumes(spec: Doc, path: str) -> list[Cause]:
    causes = []
    seen: set[str] = set()
    for index, volume in enumerate(spec.get("volumes") or ()):
        where = f"{path}.volumes[{index}]"
        name = volume.get("name") or ""
        causes += (
            names.check(names.label, f"{where}.name", name) if name else [required(f"{where}.name")]
        )
        if name in seen:
            causes.append(duplicate(f"{where}.name", name))
        seen.add(name)
        sources = [key for key in volume if key != "name"]
        if len(sources) > 1:
            message = "Forbidden: may not specify more than 1 volume type"
            causes.append(Cause("FieldValueForbidden", message, f"{where}.{sorted(sources)[1]}"))
    return causes


def _container(container: Doc, where: str, volumes: set[str | None]) -> list[Cause]:
    causes: list[Cause] = []
    name = container.get("name") or ""
    if name:
        causes += names.check(names.label, f"{where}.name", name)
    else:
        causes.append(required(f"{where}.name"))
    if not (container.get("image") or "").strip():
        causes.append(required(f"{where}.image"))
    causes += _one_of(container, "imagePullPolicy", PULL_POLICIES, where)
    causes += _ports(container, where)
    causes += resources_causes(container.get("resources") or {}, f"{where}.resources")
    for index, variable in enumerate(container.get("env") or ()):
        if not variable.get("name"):
            causes.append(required(f"{where}.env[{index}].name"))
        elif "=" in variable["name"]:
            why = (
                "a valid environment variable name must consist only of printable ASCII characters "
                "other than '='"
            )
            causes.append(invalid_value(f"{where}.env[{index}].name", variable["name"], why))
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        field = f"{where}.volumeMounts[{index}]"
        if mount.get("name") not in volumes:
            message = f"Not found: {shown(mount.get('name', ''))}"
            causes.append(Cause("FieldValueNotFound", message, f"{field}.name"))
        if not mount.get("mountPath"):
            causes.append(required(f"{field}.mountPath"))
    for probe in PROBES:
        if container.get(probe) is not None:
            causes += _probe(container[probe], f"{where}.{probe}")
    for hook, handler in sorted((container.get("lifecycle") or {}).items()):
        if isinstance(handler, dict):
            causes += _handler(handler, f"{where}.lifecycle.{hook}")
    return causes


def _ports(container: Doc, where: str) -> list[Cause]:
    causes = []
    seen: set[str] = set()
    for index, port in enumerate(container.get("ports") or ()):
        field = f"{where}.ports[{index}]"
        number = port.get("containerPort")
        if number is None or number == 0:
            causes.append(required(f"{field}.containerPort"))
        else:
            causes += port_number(number, f"{field}.containerPort")
        if port.get("hostPort"):
            causes += port_number(port["hostPort"], f"{field}.hostPort")
        causes += _one_of(port, "protocol", PROTOCOLS, field)
        name = port.get("name")
        if name:
            causes += names.check(names.port_name, f"{field}.name", name)
            if name in seen:
                causes.append(duplicate(f"{field}.name", name))
            seen.add(name)
    return causes


def port_number(number: int, field: str) -> list[Cause]:
    if 1 <= number <= 65535:
        return []
    return [invalid_value(field, number, "must be between 1 and 65535, inclusive")]


def resources_causes(resources: Doc, where: str) -> list[Cause]:
    causes = []
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for kind, quantities in (("limits", limits), ("requests", requests)):
        for name, quantity in quantities.items():
            if amount(quantity) < 0:
                why = "must be greater than or equal to 0"
                causes.append(invalid_value(f"{where}.{kind}[{name}]", quantity, why))
    for name, quantity in requests.items():
        if name in limits and amount(quantity) > amount(limits[name]):
            why = f"must be less than or equal to {name} limit of {limits[name]}"
            causes.append(invalid_value(f"{where}.requests", quantity, why))
    return causes


def _probe(probe: Doc, where: str) -> list[Cause]:
    causes = _handler(probe, where)
    for name in ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold",
                 "failureThreshold"):  # fmt: skip
        if (probe.get(name) or 0) < 0:
            why = "must be greater than or equal to 0"
            causes.append(invalid_value(f"{where}.{name}", probe[name], why))
    if not where.endswith("readinessProbe") and probe.get("successThreshold", 1) != 1:
        field = f"{where}.successThreshold"
        causes.append(invalid_value(field, probe["successThreshold"], "must be 1"))
    return causes


def _handler(handler: Doc, where: str) -> list[Cause]:
    found = [name for name in HANDLERS if handler.get(name) is not None]
    if not found:
        return [required(where, "must specify a handler type")]
    if len(found) > 1:
        message = "Forbidden: may not specify more than 1 handler type"
        return [Cause("FieldValueForbidden", message, f"{where}.{found[1]}")]
    target = handler[found[0]]
    if found[0] in ("httpGet", "tcpSocket"):
        port = target.get("port")
        if isinstance(port, str):
            return names.check(names.port_name, f"{where}.{found[0]}.port", port)
        return port_number(port or 0, f"{where}.{found[0]}.port")
    return []


RULES = {"pods": pod}
