"""The same object under another name: autoscaling/v1 beside v2, events.k8s.io beside core events.

`shown` turns a stored object into the form that a view serves, `stored` brings it back; nothing is
lost on the way. What autoscaling/v1 has no field for is in annotations, as the API server has it.
"""

from collections.abc import Callable
from typing import Any

import orjson

from gcpsim.k8s.types.decode import WrongType, decode
from gcpsim.k8s.types.registry import Resource, stored_as
from gcpsim.k8s.types.shapes import Type, model
from gcpsim.k8s.types.status import Cause, invalid, required

Doc = dict[str, Any]

ALPHA = "autoscaling.alpha.kubernetes.io/"
METRICS, BEHAVIOR = ALPHA + "metrics", ALPHA + "behavior"
CONDITIONS, CURRENT = ALPHA + "conditions", ALPHA + "current-metrics"
SPEC = ("scaleTargetRef", "minReplicas", "maxReplicas")
STATUS = ("observedGeneration", "lastScaleTime", "currentReplicas", "desiredReplicas")
USE = "averageUtilization"
SOURCES = {"Resource": "resource", "ContainerResource": "containerResource", "Pods": "pods",
           "Object": "object", "External": "external"}  # fmt: skip
EVENT = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
EVENT_NEEDS = ("eventTime", "reportingController", "reportingInstance", "action", "reason")
CORE = {after: before for before, after in EVENT.items()}


def shown(resource: Resource, obj: Doc) -> Doc:
    """A stored object as a view has it; itself where the resource is no view."""
    if not resource.view:
        return obj
    return {**WAYS[resource.key][0](obj), "apiVersion": resource.api_version}


def stored(resource: Resource, obj: Doc) -> Doc:
    """An object that was sent to a view, as it is stored. StatusError 422 for what lacks a part."""
    if not resource.view:
        return obj
    main = stored_as(resource)
    return {**WAYS[resource.key][1](obj), "apiVersion": main.api_version}


def field_selector(resource: Resource, selector: str) -> str:
    """A field selector in a view's names, in those of what is stored."""
    if not resource.view or resource.key != "events":
        return selector
    for after, before in CORE.items():
        selector = selector.replace(f"{after}.", f"{before}.").replace(f"{after}=", f"{before}=")
    return selector


def _event_out(event: Doc) -> Doc:
    return {EVENT.get(name, name): value for name, value in event.items()} | {
        "eventTime": event.get("eventTime")
    }


def _event_in(event: Doc) -> Doc:
    fresh = "uid" not in event["metadata"]
    missing = [required(name) for name in EVENT_NEEDS if fresh and not event.get(name)]
    if fresh and event.get("type") not in ("Normal", "Warning"):
        message = f'Invalid value: "{event.get("type", "")}": has invalid value'
        missing.append(Cause("FieldValueInvalid", message, "type"))
    if missing:
        raise invalid("Event", "events.k8s.io", event["metadata"].get("name", ""), missing)
    return {"involvedObject": {}} | {CORE.get(name, name): value for name, value in event.items()}


def _scaler_out(scaler: Doc) -> Doc:
    spec, status = scaler.get("spec") or {}, scaler.get("status") or {}
    kept = {name: spec[name] for name in SPEC if name in spec}
    others = list(spec.get("metrics") or ())
    target = next((metric for metric in others if _is_cpu_use(metric)), None)
    if target is not None:
        others.remove(target)
        kept["targetCPUUtilizationPercentage"] = target["resource"]["target"][USE]
    state = {"currentReplicas": 0, "desiredReplicas": 0}
    state |= {name: status[name] for name in STATUS if name in status}
    current = [_current_out(metric) for metric in status.get("currentMetrics") or ()]
    for metric in current:
        found = metric.get("resource") or {}
        if found.get("name") == "cpu" and "currentAverageUtilization" in found:
            state["currentCPUUtilizationPercentage"] = found["currentAverageUtilization"]
    notes = {
        METRICS: [_metric_out(metric) for metric in others],
        BEHAVIOR: _renamed(spec.get("behavior"), lambda name: name[:1].upper() + name[1:]),
        CONDITIONS: status.get("conditions"),
        CURRENT: current,
    }
    noted = {name: orjson.dumps(value).decode() for name, value in notes.items() if value}
    return _annotated({**scaler, "spec": kept, "status": state}, noted)


def _scaler_in(scaler: Doc) -> Doc:
    given, notes = scaler.get("spec") or {}, scaler["metadata"].get("annotations") or {}
    spec = {name: given[name] for name in SPEC if name in given}
    noted = _noted(notes, METRICS)
    listed = noted if isinstance(noted, list) else []
    found = [_metric_in(one) for one in listed if isinstance(one, dict)]
    metrics = [one for one in found if one["type"] in SOURCES and _is_aimed(one)]
    percent = given.get("targetCPUUtilizationPercentage")
    if percent is not None:
        target = {"type": "Utilization", USE: percent}
        metrics.insert(0, {"type": "Resource", "resource": {"name": "cpu", "target": target}})
    if metrics:
        spec["metrics"] = metrics
    behavior = _renamed(_noted(notes, BEHAVIOR), lambda name: name[:1].lower() + name[1:])
    behavior = _sound(model("V2HorizontalPodAutoscalerBehavior"), behavior)
    if behavior:
        spec["behavior"] = behavior
    status = scaler.get("status") or {}
    state = {name: status[name] for name in STATUS if name in status}
    if "currentCPUUtilizationPercentage" in status:
        current = {USE: status["currentCPUUtilizationPercentage"]}
        metric = {"type": "Resource", "resource": {"name": "cpu", "current": current}}
        state["currentMetrics"] = [metric]
    return _annotated({**scaler, "spec": spec, "status": state}, {})


def _annotated(obj: Doc, noted: dict[str, str]) -> Doc:
    """The object with these notes in the place of those that it had."""
    metadata = dict(obj["metadata"])
    before = metadata.pop("annotations", None) or {}
    ours = (METRICS, BEHAVIOR, CONDITIONS, CURRENT)
    after = {name: text for name, text in before.items() if name not in ours} | noted
    return {**obj, "metadata": {**metadata, "annotations": after} if after else metadata}


def _noted(notes: dict[str, str], name: str) -> Any:
    try:
        return orjson.loads(notes[name])
    except (KeyError, orjson.JSONDecodeError):
        return None


def _sound(type: Type, value: Any) -> Any:
    """What a note said, as far as it has the form of a field; None for what has not."""
    try:
        return decode(type, value).value
    except WrongType:
        return None


def _is_aimed(metric: Doc) -> bool:
    """Whether a metric that a note told has the form of one, and says what is wanted."""
    sound = _sound(model("V2MetricSpec"), metric)
    return sound is not None and bool(sound[SOURCES[metric["type"]]].get("target"))


def _is_cpu_use(metric: Doc) -> bool:
    resource = metric.get("resource") or {}
    return resource.get("name") == "cpu" and USE in (resource.get("target") or {})


def _parts(metric: Doc) -> tuple[str, str, Doc]:
    """Its type, the field of that type, and a copy of what is there."""
    kind = str(metric.get("type", ""))
    source = SOURCES.get(kind, kind[:1].lower() + kind[1:])
    body = metric.get(source)
    return kind, source, dict(body) if isinstance(body, dict) else {}


def _metric_out(metric: Doc) -> Doc:
    """A metric as autoscaling/v1 wrote it: names and targets are not yet apart."""
    kind, source, body = _parts(metric)
    target, of = body.pop("target", {}), body.pop("metric", {})
    if "describedObject" in body:
        body["target"] = body.pop("describedObject")
    if of:
        body["metricName"] = of.get("name", "")
        if "selector" in of:
            body["metricSelector" if kind == "External" else "selector"] = of["selector"]
    average = "averageValue" if kind == "Object" else "targetAverageValue"
    names = {USE: "targetAverageUtilization", "value": "targetValue", "averageValue": average}
    body |= {after: target[before] for before, after in names.items() if before in target}
    return {"type": kind, source: body}


def _metric_in(metric: Doc) -> Doc:
    kind, source, body = _parts(metric)
    names = {"targetAverageUtilization": (USE, "Utilization"), "targetValue": ("value", "Value"),
             "targetAverageValue": ("averageValue", "AverageValue"),
             "averageValue": ("averageValue", "AverageValue")}  # fmt: skip
    target: Doc = {}
    for before, (after, form) in names.items():
        if before in body:
            target |= {"type": form, after: body.pop(before)}
    if "target" in body:
        body["describedObject"] = body.pop("target")
    if "metricName" in body:
        of = {"name": body.pop("metricName")}
        for name in ("metricSelector", "selector"):
            if name in body:
                of["selector"] = body.pop(name)
        body["metric"] = of
    return {"type": kind, source: {**body, "target": target}}


def _current_out(metric: Doc) -> Doc:
    kind, source, body = _parts(metric)
    current = body.pop("current", {})
    body |= {f"current{name[:1].upper()}{name[1:]}": value for name, value in current.items()}
    return {"type": kind, source: body}


def _renamed(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {change(name): _renamed(item, change) for name, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, change) for item in value]
    return value


Way = Callable[[Doc], Doc]
WAYS: dict[str, tuple[Way, Way]] = {
    "events": (_event_out, _event_in),
    "horizontalpodautoscalers": (_scaler_out, _scaler_in),
}
