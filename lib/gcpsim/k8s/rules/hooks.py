"""Webhook configurations: what the API server fills in, and what it refuses."""

from typing import Any

from gcpsim.k8s.types.status import Cause, duplicate, invalid_value, required, unsupported

Doc = dict[str, Any]

KINDS = ("mutatingwebhookconfigurations", "validatingwebhookconfigurations")
POLICIES = ["Fail", "Ignore"]
MATCHES = ["Equivalent", "Exact"]
AGAIN = ["IfNeeded", "Never"]
SIDE_EFFECTS = ["None", "NoneOnDryRun"]
SCOPES = ["*", "Cluster", "Namespaced"]
OPERATIONS = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"]
READABLE = ("v1", "v1beta1")  # of AdmissionReview
LONGEST = 30  # seconds
USUAL: Doc = {"failurePolicy": "Fail", "matchPolicy": "Equivalent", "timeoutSeconds": 10}


def fill(new: Doc, old: Doc | None) -> None:
    """Complete the webhooks of a configuration."""
    for hook in new.get("webhooks") or ():
        for name, value in USUAL.items():
            _set(hook, name, value)
        for name in ("namespaceSelector", "objectSelector"):
            _set(hook, name, {})
        if new["kind"] == "MutatingWebhookConfiguration":
            _set(hook, "reinvocationPolicy", "Never")
        for rule in hook.get("rules") or ():
            _set(rule, "scope", "*")
        service = (hook.get("clientConfig") or {}).get("service")
        if service:
            _set(service, "port", 443)


def _set(doc: Doc, name: str, value: Any) -> None:
    if doc.get(name) is None:
        doc[name] = value


def check(new: Doc, old: Doc | None) -> list[Cause]:
    """What is wrong with a configuration."""
    causes: list[Cause] = []
    seen: set[str] = set()
    for index, hook in enumerate(new.get("webhooks") or ()):
        where, name = f"webhooks[{index}]", hook.get("name") or ""
        if name in seen:
            causes.append(duplicate(f"{where}.name", name))
        seen.add(name)
        if name.count(".") < 2:
            why = "should be a domain with at least three segments separated by dots"
            causes.append(invalid_value(f"{where}.name", name, why))
        causes += _choices(where, hook) + _called(f"{where}.clientConfig", hook["clientConfig"])
        for place, rule in enumerate(hook.get("rules") or ()):
            causes += _rule(f"{where}.rules[{place}]", rule)
    return causes


def _choices(where: str, hook: Doc) -> list[Cause]:
    causes: list[Cause] = []
    wanted = {"failurePolicy": POLICIES, "matchPolicy": MATCHES, "sideEffects": SIDE_EFFECTS,
              "reinvocationPolicy": AGAIN}  # fmt: skip
    for field, allowed in wanted.items():
        if field in hook and hook[field] not in allowed:
            causes.append(unsupported(f"{where}.{field}", hook[field], allowed))
    versions = hook.get("admissionReviewVersions") or []
    if not any(version in READABLE for version in versions):
        why = f"must include at least one of {', '.join(READABLE)}"
        causes.append(invalid_value(f"{where}.admissionReviewVersions", versions, why))
    if not 1 <= hook["timeoutSeconds"] <= LONGEST:
        why = f"the timeout value must be between 1 and {LONGEST} seconds"
        causes.append(invalid_value(f"{where}.timeoutSeconds", hook["timeoutSeconds"], why))
    return causes


def _called(where: str, client: Doc) -> list[Cause]:
    url, service = client.get("url"), client.get("service")
    if (url is None) == (service is None):
        why = "exactly one of url or service is required"
        return [required(where, why)]
    if url is not None and not url.startswith("https://"):
        why = "'https' is the only allowed URL scheme; desired format: https://host[/path]"
        return [invalid_value(f"{where}.url", url, why)]
    if service and not str(service.get("path") or "/").startswith("/"):
        why = "must start with a '/'"
        return [invalid_value(f"{where}.service.path", service["path"], why)]
    return []


def _rule(where: str, rule: Doc) -> list[Cause]:
    causes: list[Cause] = []
    for field in ("operations", "apiGroups", "apiVersions", "resources"):
        if not rule.get(field):
            causes.append(required(f"{where}.{field}"))
    for index, operation in enumerate(rule.get("operations") or ()):
        if operation not in OPERATIONS:
            causes.append(unsupported(f"{where}.operations[{index}]", operation, OPERATIONS))
    if rule["scope"] not in SCOPES:
        causes.append(unsupported(f"{where}.scope", rule["scope"], SCOPES))
    return causes
