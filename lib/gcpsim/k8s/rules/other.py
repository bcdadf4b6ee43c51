"""Rules of the remaining kinds: configuration, budgets, leases, roles, custom definitions."""

from typing import Any

from gcpsim.k8s.rules.workloads import amount_or_percent, selector_causes
from gcpsim.k8s.types import names
from gcpsim.k8s.types.status import Cause, invalid_value, required, unsupported

Doc = dict[str, Any]

DATA_LIMIT = 1024 * 1024  # bytes of a ConfigMap's or Secret's data
CODED = 4 / 3  # base64
SCOPES = ["Cluster", "Namespaced"]
REQUIRED_KEYS = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/basic-auth": (),
}


def configmap(new: Doc, old: Doc | None) -> list[Cause]:
    causes = _data(new, "data") + _data(new, "binaryData")
    return causes + _unchanged_if_immutable(new, old, ("data", "binaryData"))


def secret(new: Doc, old: Doc | None) -> list[Cause]:
    causes = _data(new, "data") + _unchanged_if_immutable(new, old, ("data",))
    kind = new.get("type", "Opaque")
    if old is not None and kind != old.get("type", "Opaque"):
        causes.append(invalid_value("type", kind, "field is immutable"))
    for key in REQUIRED_KEYS.get(kind, ()):
        if key not in (new.get("data") or {}):
            causes.append(required(f"data[{key}]"))
    return causes


def _data(new: Doc, field: str) -> list[Cause]:
    causes = []
    data = new.get(field) or {}
    for key in data:
        causes += names.check(names.config_key, f"{field}[{key}]", key)
    if sum(len(value) for value in data.values()) > DATA_LIMIT * CODED:
        message = f"Too long: may not be more than {DATA_LIMIT} bytes"
        causes.append(Cause("FieldValueTooLong", message, ""))
    return causes


def _unchanged_if_immutable(new: Doc, old: Doc | None, fields: tuple[str, ...]) -> list[Cause]:
    if old is None or not old.get("immutable"):
        return []
    causes = [
        Cause("FieldValueForbidden", "Forbidden: field is immutable when `immutable` is set", name)
        for name in fields
        if (new.get(name) or {}) != (old.get(name) or {})
    ]
    if not new.get("immutable"):
        message = "Forbidden: field is immutable when `immutable` is set"
        causes.append(Cause("FieldValueForbidden", message, "immutable"))
    return causes


def budget(new: Doc, old: Doc | None) -> list[Cause]:
    spec = new.get("spec") or {}
    low, high = spec.get("minAvailable"), spec.get("maxUnavailable")
    causes = selector_causes(spec.get("selector"), "spec.selector")
    if low is not None and high is not None:
        why = "minAvailable and maxUnavailable cannot be both set"
        causes.append(invalid_value("spec", spec, why))
    for name, value in (("minAvailable", low), ("maxUnavailable", high)):
        if value is not None:
            causes += amount_or_percent(value, f"spec.{name}")
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy not in (None, "IfHealthyBudget", "AlwaysAllow"):
        allowed = ["AlwaysAllow", "IfHealthyBudget"]
        causes.append(unsupported("spec.unhealthyPodEvictionPolicy", policy, allowed))
    return causes


def lease(new: Doc, old: Doc | None) -> list[Cause]:
    spec = new.get("spec") or {}
    seconds = spec.get("leaseDurationSeconds")
    if seconds is not None and seconds <= 0:
        return [invalid_value("spec.leaseDurationSeconds", seconds, "must be greater than 0")]
    return []


def binding(new: Doc, old: Doc | None) -> list[Cause]:
    if old is not None and new.get("roleRef") != old.get("roleRef"):
        return [invalid_value("roleRef", new.get("roleRef"), "cannot change roleRef")]
    kind = (new.get("roleRef") or {}).get("kind")
    if kind not in ("ClusterRole", "Role"):
        return [unsupported("roleRef.kind", kind, ["ClusterRole", "Role"])]
    return []


def event(new: Doc, old: Doc | None) -> list[Cause]:
    about = new.get("involvedObject") or {}
    namespace = new["metadata"].get("namespace")
    if about.get("namespace", namespace) != namespace:
        why = "does not match event.namespace"
        return [invalid_value("involvedObject.namespace", about["namespace"], why)]
    return []


def definition(new: Doc, old: Doc | None) -> list[Cause]:
    spec = new["spec"]
    group, named = spec.get("group") or "", spec.get("names") or {}
    plural = named.get("plural") or ""
    causes: list[Cause] = []
    wanted = f"{plural}.{group}"
    if new["metadata"]["name"] != wanted:
        why = 'must be spec.names.plural+"."+spec.group'
        causes.append(invalid_value("metadata.name", new["metadata"]["name"], why))
    if "." not in group:
        why = "should be a domain with at least one dot"
        causes.append(invalid_value("spec.group", group, why))
    for name in ("plural", "singular"):
        text = named.get(name) or (plural if name == "plural" else "x")
        causes += names.check(names.label_1035, f"spec.names.{name}", text)
    if spec.get("scope") not in SCOPES:
        causes.append(unsupported("spec.scope", spec.get("scope"), SCOPES))
    if old is not None:
        for field in ("group", "scope"):
            if spec.get(field) != old["spec"].get(field):
                causes.append(invalid_value(f"spec.{field}", spec.get(field), "field is immutable"))
    return causes + _versions(spec.get("versions") or [])


def _versions(versions: list[Doc]) -> list[Cause]:
    causes: list[Cause] = []
    if sum(bool(version.get("storage")) for version in versions) != 1:
        why = "must have exactly one version marked as storage version"
        causes.append(invalid_value("spec.versions", [v.get("name") for v in versions], why))
    for index, version in enumerate(versions):
        where = f"spec.versions[{index}]"
        causes += names.check(names.label_1035, f"{where}.name", version.get("name") or "")
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        if not schema:
            causes.append(required(f"{where}.schema.openAPIV3Schema", "schemas are required"))
        elif schema.get("type") != "object":
            field = f"{where}.schema.openAPIV3Schema.type"
            causes.append(
                invalid_value(field, schema.get("type", ""), "must be object at the root")
            )
    return causes


RULES = {
    "configmaps": configmap,
    "secrets": secret,
    "poddisruptionbudgets": budget,
    "leases": lease,
    "rolebindings": binding,
    "clusterrolebindings": binding,
    "events": event,
    "customresourcedefinitions": definition,
}
