"""Rules of what makes pods: Deployments, ReplicaSets, StatefulSets, DaemonSets, Jobs and more."""

from typing import Any

from gcpsim.k8s.rules.pods import spec_causes
from gcpsim.k8s.types import names
from gcpsim.k8s.types.selectors import selector_test
from gcpsim.k8s.types.status import Cause, invalid_value, required, unsupported

Doc = dict[str, Any]

OPERATORS = ["DoesNotExist", "Exists", "In", "NotIn"]
UNMATCHED = "`selector` does not match template `labels`"
STATEFUL_MUTABLE = {"replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
                    "persistentVolumeClaimRetentionPolicy", "minReadySeconds"}  # fmt: skip
STATEFUL_TEXT = (
    "Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', "
    "'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' "
    "and 'minReadySeconds' are forbidden"
)


def selector_causes(selector: Doc | None, path: str) -> list[Cause]:
    """What is wrong with a LabelSelector."""
    causes = names.labels_causes(f"{path}.matchLabels", (selector or {}).get("matchLabels"))
    for index, item in enumerate((selector or {}).get("matchExpressions") or ()):
        where = f"{path}.matchExpressions[{index}]"
        operator = item.get("operator")
        if operator not in OPERATORS:
            causes.append(
                invalid_value(f"{where}.operator", operator, "not a valid selector operator")
            )
        elif operator in ("In", "NotIn") and not item.get("values"):
            why = "must be specified when `operator` is 'In' or 'NotIn'"
            causes.append(required(f"{where}.values", why))
        elif operator in ("Exists", "DoesNotExist") and item.get("values"):
            message = (
                "Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            )
            causes.append(Cause("FieldValueForbidden", message, f"{where}.values"))
        causes += names.check(names.qualified, f"{where}.key", item.get("key") or "")
    return causes


def _workload(new: Doc, old: Doc | None, claims: frozenset[str] = frozenset()) -> list[Cause]:
    """What all four have: replicas, a fixed selector that matches the template, the template."""
    spec = new["spec"]
    causes = _not_negative(spec, "spec", "replicas", "minReadySeconds", "revisionHistoryLimit")
    selector, template = spec.get("selector"), spec.get("template") or {}
    wrong = selector_causes(selector, "spec.selector")
    if selector is None:
        causes.append(required("spec.selector"))
        labels = (template.get("metadata") or {}).get("labels") or {}
        causes.append(invalid_value("spec.template.metadata.labels", labels, UNMATCHED))
    elif not (selector.get("matchLabels") or selector.get("matchExpressions")):
        why = "empty selector is invalid for deployment"
        causes.append(invalid_value("spec.selector", selector, why))
    elif not wrong:
        labels = (template.get("metadata") or {}).get("labels") or {}
        if not selector_test(selector)(labels):
            causes.append(invalid_value("spec.template.metadata.labels", labels, UNMATCHED))
    if old is not None and selector != old["spec"].get("selector"):
        causes.append(invalid_value("spec.selector", selector, "field is immutable"))
    labels = (template.get("metadata") or {}).get("labels")
    causes += wrong + names.labels_causes("spec.template.metadata.labels", labels)
    if old is not None and template == old["spec"].get("template"):
        return causes
    spec = template.get("spec") or {}
    return causes + spec_causes(spec, "spec.template.spec", template=True, claims=claims)


def _not_negative(spec: Doc, path: str, *fields: str) -> list[Cause]:
    why = "must be greater than or equal to 0"
    return [
        invalid_value(f"{path}.{name}", spec[name], why)
        for name in fields
        if isinstance(spec.get(name), int) and spec[name] < 0
    ]


def deployment(new: Doc, old: Doc | None) -> list[Cause]:
    spec = new["spec"]
    causes = _workload(new, old) + _not_negative(spec, "spec", "progressDeadlineSeconds")
    strategy = spec.get("strategy") or {}
    rolling = strategy.get("rollingUpdate")
    if strategy.get("type") not in ("Recreate", "RollingUpdate"):
        allowed = ["Recreate", "RollingUpdate"]
        causes.append(unsupported("spec.strategy.type", strategy.get("type"), allowed))
    elif strategy["type"] == "Recreate":
        if rolling is not None:
            message = "Forbidden: may not be specified when strategy `type` is 'Recreate'"
            causes.append(Cause("FieldValueForbidden", message, "spec.strategy.rollingUpdate"))
    else:
        causes += _rolling(rolling or {}, "spec.strategy.rollingUpdate")
    deadline = spec.get("progressDeadlineSeconds")
    if isinstance(deadline, int) and deadline <= spec.get("minReadySeconds", 0):
        why = "must be greater than minReadySeconds"
        causes.append(invalid_value("spec.progressDeadlineSeconds", deadline, why))
    return causes


def _rolling(rolling: Doc, path: str) -> list[Cause]:
    causes: list[Cause] = []
    for name in ("maxUnavailable", "maxSurge"):
        causes += amount_or_percent(rolling.get(name, 0), f"{path}.{name}")
    unavailable = rolling.get("maxUnavailable", 0)
    percent = isinstance(unavailable, str) and unavailable.endswith("%") and not causes
    if percent and int(unavailable[:-1]) > 100:
        why = "must not be greater than 100%"
        causes.append(invalid_value(f"{path}.maxUnavailable", unavailable, why))
    if not causes and _zero(unavailable) and _zero(rolling.get("maxSurge", 0)):
        why = "may not be 0 when `maxSurge` is 0"
        causes.append(invalid_value(f"{path}.maxUnavailable", unavailable, why))
    return causes


def _zero(value: Any) -> bool:
    return value in (0, "0%", "0")


def amount_or_percent(value: Any, field: str) -> list[Cause]:
    """A count, or a text like `25%`."""
    if isinstance(value, str):
        if value.endswith("%") and value[:-1].isdigit():
            return []
        why = (
            "a valid percent string must be a numeric string followed by an ending '%' (e.g. "
            "'1%',  or '93%', regex used for validation is '[0-9]+%')"
        )
        return [invalid_value(field, value, why)]
    if isinstance(value, int) and value < 0:
        return [invalid_value(field, value, "must be greater than or equal to 0")]
    return []


def replicaset(new: Doc, old: Doc | None) -> list[Cause]:
    return _workload(new, old)


def statefulset(new: Doc, old: Doc | None) -> list[Cause]:
    claims = new["spec"].get("volumeClaimTemplates") or ()
    named = {(claim.get("metadata") or {}).get("name") for claim in claims}
    causes = _workload(new, old, frozenset(filter(None, named)))
    if old is None:
        return causes
    changed = {name: value for name, value in new["spec"].items() if name not in STATEFUL_MUTABLE}
    before = {name: value for name, value in old["spec"].items() if name not in STATEFUL_MUTABLE}
    if changed != before:
        causes.append(Cause("FieldValueForbidden", STATEFUL_TEXT, "spec"))
    return causes


def daemonset(new: Doc, old: Doc | None) -> list[Cause]:
    causes = _workload(new, old)
    kind = (new["spec"].get("updateStrategy") or {}).get("type")
    if kind not in ("OnDelete", "RollingUpdate"):
        allowed = ["OnDelete", "RollingUpdate"]
        causes.append(unsupported("spec.updateStrategy.type", kind, allowed))
    return causes


def job(new: Doc, old: Doc | None) -> list[Cause]:
    spec = new["spec"]
    causes = _not_negative(spec, "spec", "completions", "parallelism", "backoffLimit")
    template = spec.get("template") or {}
    if old is not None and template != old["spec"].get("template"):
        causes.append(invalid_value("spec.template", template, "field is immutable"))
    policy = (template.get("spec") or {}).get("restartPolicy")
    if policy not in ("OnFailure", "Never"):
        where = "spec.template.spec.restartPolicy"
        causes.append(required(where, 'valid values: "OnFailure", "Never"'))
    causes += _job_selector(new, old)
    return causes + spec_causes(template.get("spec") or {}, "spec.template.spec")


def _job_selector(new: Doc, old: Doc | None) -> list[Cause]:
    """Of a Job: what it generates itself must not be set to something else."""
    spec, metadata = new["spec"], new["metadata"]
    selector = spec.get("selector")
    if old is not None:
        if selector != old["spec"].get("selector"):
            return [invalid_value("spec.selector", selector, "field is immutable")]
        return []
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    if spec.get("manualSelector"):
        if not selector:
            return [required("spec.selector")]
        if not selector_test(selector)(labels):
            why = "`selector` does not match template `labels`"
            return [invalid_value("spec.template.metadata.labels", labels, why)]
        return []
    causes = []
    for prefix in ("", "batch.kubernetes.io/"):
        for key, wanted in (
            ("controller-uid", metadata.get("uid")),
            ("job-name", metadata["name"]),
        ):
            if labels.get(prefix + key) != wanted:
                where = f"spec.template.metadata.labels[{prefix}{key}]"
                causes.append(invalid_value(where, labels, f"must be '{wanted}'"))
    if not selector_test(selector)({"batch.kubernetes.io/controller-uid": metadata.get("uid")}):
        causes.append(invalid_value("spec.selector", selector, "`selector` not auto-generated"))
    return causes


def cronjob(new: Doc, old: Doc | None) -> list[Cause]:
    where = "spec.jobTemplate.spec"
    spec = (new["spec"].get("jobTemplate") or {}).get("spec")
    if not spec:
        return [required(f"{where}.template.spec.containers")]
    pod = (spec.get("template") or {}).get("spec") or {}
    causes = _not_negative(spec, where, "completions", "parallelism", "backoffLimit")
    if pod.get("restartPolicy") not in ("OnFailure", "Never"):
        why = 'valid values: "OnFailure", "Never"'
        causes.append(required(f"{where}.template.spec.restartPolicy", why))
    return causes + spec_causes(pod, f"{where}.template.spec")


def replication_controller(new: Doc, old: Doc | None) -> list[Cause]:
    spec = new["spec"]
    causes = _not_negative(spec, "spec", "replicas")
    if not spec.get("selector"):
        causes.append(required("spec.selector"))
    if not spec.get("template"):
        return [*causes, required("spec.template")]
    return causes + spec_causes(spec["template"].get("spec") or {}, "spec.template.spec", True)


def autoscaler(new: Doc, old: Doc | None) -> list[Cause]:
    spec = new["spec"]
    low, high = spec.get("minReplicas", 1), spec.get("maxReplicas", 0)
    causes = []
    if low < 1:
        causes.append(invalid_value("spec.minReplicas", low, "must be greater than or equal to 1"))
    if high < 1:
        causes.append(invalid_value("spec.maxReplicas", high, "must be greater than 0"))
    elif high < low:
        why = "must be greater than or equal to `minReplicas`"
        causes.append(invalid_value("spec.maxReplicas", high, why))
    return causes


RULES = {
    "deployments": deployment,
    "replicasets": replicaset,
    "statefulsets": statefulset,
    "daemonsets": daemonset,
    "jobs": job,
    "cronjobs": cronjob,
    "replicationcontrollers": replication_controller,
    "horizontalpodautoscalers": autoscaler,
}
