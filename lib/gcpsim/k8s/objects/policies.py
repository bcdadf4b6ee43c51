"""ValidatingAdmissionPolicies: which bindings concern a write, and whether their expressions hold.

Expressions are read by `types.cel`, a part of the language. What it can't read counts as true:
`unreadable` names it when a policy is made. Nothing is called and nothing is changed.
"""

from collections.abc import Iterator
from typing import Any

from gcpsim.k8s.objects import hooks
from gcpsim.k8s.objects.hooks import Write
from gcpsim.k8s.types import cel
from gcpsim.k8s.types.names import group_of
from gcpsim.k8s.types.registry import Resource
from gcpsim.k8s.types.selectors import selector_test
from gcpsim.k8s.types.status import Cause, StatusError, forbidden
from gcpsim.k8s.types.store import Objects

Doc = dict[str, Any]
POLICIES, BINDINGS = "validatingadmissionpolicies", "validatingadmissionpolicybindings"
SPARED = {POLICIES, BINDINGS, *hooks.CONFIGURATIONS.values()}  # nobody may lock the way out
CODES = {"Forbidden": 403, "Invalid": 422, "RequestEntityTooLarge": 413, "Unauthorized": 401}
NOT_FOUND = (
    "failed to configure binding: no params found for policy binding with `Deny` "
    "parameterNotFoundAction"
)
NOT_HERE = "authorizer"  # a variable of CEL that asks who may do what


def there_are(cluster: Objects) -> bool:
    return len(cluster.table(BINDINGS)) > 0


def check(cluster: Objects, write: Write, warnings: list[str]) -> None:
    """StatusError for what a bound policy denies; what it only warns of is added to `warnings`."""
    if not there_are(cluster) or write.resource.key in SPARED:
        return
    for binding in cluster.list(BINDINGS):
        policy = cluster.get(POLICIES, None, binding["spec"].get("policyName", ""))
        if policy is None or not _concerns(cluster, policy, binding, write):
            continue
        called = (
            f"ValidatingAdmissionPolicy '{policy['metadata']['name']}' with binding "
            f"'{binding['metadata']['name']}'"
        )
        for reason, said in _failures(cluster, policy, binding, write):
            actions = binding["spec"].get("validationActions") or ()
            if "Warn" in actions:
                told = f"Validation failed for {called}: {said}"
                warnings += [told] if told not in warnings else []
            if "Deny" in actions:
                raise _denied(write, reason, f"{called} denied request: {said}")


def unreadable(policy: Doc) -> list[str]:
    """The expressions of a policy that count as true here, since they can't be read."""
    spec = policy.get("spec") or {}
    parts = ("variables", "matchConditions", "validations")
    given = [one.get("expression") or "" for part in parts for one in spec.get(part) or ()]
    return [text for text in given if _read(text) is None]


def _read(text: str) -> cel.Term | None:
    if NOT_HERE in text:
        return None
    try:
        return cel.read(text)
    except (cel.Unreadable, RecursionError):
        return None


def _denied(write: Write, reason: str, message: str) -> StatusError:
    resource, name = write.resource, str(write.object["metadata"].get("name", ""))
    cause = Cause("", message, "")
    error = forbidden(resource.plural, resource.group, name, message, [cause])
    error.reason, error.code = reason, CODES.get(reason, 422)
    return error


def _concerns(cluster: Objects, policy: Doc, binding: Doc, write: Write) -> bool:
    wanted = policy["spec"].get("matchConstraints") or {}
    narrower = binding["spec"].get("matchResources")
    return _matches(cluster, wanted, write, demanded=True) and (
        narrower is None or _matches(cluster, narrower, write, demanded=False)
    )


def _matches(cluster: Objects, wanted: Doc, write: Write, *, demanded: bool) -> bool:
    """Whether rules and selectors mean a write; `demanded`: without rules they mean nothing."""
    rules, excluded = wanted.get("resourceRules") or (), wanted.get("excludeResourceRules") or ()
    if any(_rule(rule, wanted, write) for rule in excluded):
        return False
    if (rules or demanded) and not any(_rule(rule, wanted, write) for rule in rules):
        return False
    selectors = {name: wanted.get(name) or {} for name in ("namespaceSelector", "objectSelector")}
    return hooks.selected(cluster, selectors, write)


def _rule(rule: Doc, wanted: Doc, write: Write) -> bool:
    names = rule.get("resourceNames") or ()
    if names and write.object["metadata"].get("name") not in names:
        return False
    empty: Doc = {"operations": [], "apiGroups": [], "apiVersions": [], "resources": []}
    body = {"rules": [{**empty, "scope": "*", **rule}],
            "matchPolicy": wanted.get("matchPolicy") or "Equivalent"}  # fmt: skip
    return bool(hooks.matched(body, write))


def _failures(
    cluster: Objects, policy: Doc, binding: Doc, write: Write
) -> Iterator[tuple[str, str]]:
    """(reason, message) of each validation that is false, or can't be told."""
    spec = policy["spec"]
    ignored = spec.get("failurePolicy") == "Ignore"
    found = _params(cluster, spec.get("paramKind"), binding, write)
    if found is None:
        if not ignored:
            yield "Invalid", NOT_FOUND
        return
    for params in found:
        scope = _scope(cluster, spec, write, params)
        try:
            if not all(_holds(one, scope) for one in spec.get("matchConditions") or ()):
                continue
        except cel.Missing as error:
            if not ignored:
                yield "Invalid", f"failed to evaluate match conditions: {error}"
            continue
        for one in spec.get("validations") or ():
            reason = one.get("reason") or "Invalid"
            try:
                if not _holds(one, scope):
                    yield reason, _message(one, scope)
            except cel.Missing as error:
                if not ignored:
                    text = one["expression"].strip()
                    yield reason, f"expression '{text}' resulted in error: {error}"


def _holds(given: Doc, scope: Doc) -> bool:
    """Whether an expression is true, or not readable here; cel.Missing when it can't be told."""
    text = given.get("expression") or ""
    if NOT_HERE in text:
        return True
    try:
        return cel.holds(text, scope)
    except cel.Unreadable:
        return True


def _message(given: Doc, scope: Doc) -> str:
    term = _read(given.get("messageExpression") or "")
    try:
        said = term(scope) if term is not None else None
    except (cel.Missing, cel.Unreadable, TypeError, AttributeError):
        said = None
    if isinstance(said, str) and said.strip():
        return said.strip()
    plain = str(given.get("message") or "").strip()
    return plain or f"failed expression: {str(given.get('expression', '')).strip()}"


class _Variables(dict[str, Any]):
    """`variables.NAME`: evaluated when it is asked for, and once."""

    def __init__(self, given: list[Doc], scope: Doc) -> None:
        super().__init__()
        self._terms = {one["name"]: one.get("expression") or "" for one in given}
        self._scope = scope

    def __contains__(self, name: object) -> bool:
        return name in self._terms

    def __getitem__(self, name: str) -> Any:
        if not super().__contains__(name):
            if NOT_HERE in self._terms[name]:
                raise cel.Unreadable(NOT_HERE)
            self[name] = cel.read(self._terms[name])(self._scope)
        return super().__getitem__(name)


def _scope(cluster: Objects, spec: Doc, write: Write, params: Doc | None) -> Doc:
    resource, where = write.resource, write.namespace
    named = {"group": resource.group, "version": write.version}
    user: Doc = {"username": write.user.name, "groups": list(write.user.groups)}
    request = {
        "operation": write.operation,
        "name": str(write.object["metadata"].get("name", "")),
        "namespace": where,
        "kind": {**named, "kind": resource.kind},
        "resource": {**named, "resource": resource.plural},
        "subResource": write.subresource,
        "userInfo": user,
        "dryRun": write.dry_run,
    }
    scope: Doc = {"object": write.new, "oldObject": write.old, "request": request,
                  "params": params}  # fmt: skip
    scope["namespaceObject"] = cluster.get("namespaces", None, where) if where else None
    scope["variables"] = _Variables(spec.get("variables") or [], scope)
    return scope


def _params(
    cluster: Objects, kind: Doc | None, binding: Doc, write: Write
) -> list[Doc | None] | None:
    """The parameters of a binding: each is evaluated by itself; None when they must be there."""
    if not kind:
        return [None]
    reference = binding["spec"].get("paramRef") or {}
    resource = cluster.registry.by_kind(group_of(kind.get("apiVersion", "")), kind.get("kind", ""))
    found = _parameters(cluster, resource, reference, write) if resource is not None else []
    if not found:
        return [] if reference.get("parameterNotFoundAction") == "Allow" else None
    return list(found)


def _parameters(cluster: Objects, resource: Resource, reference: Doc, write: Write) -> list[Doc]:
    place = reference.get("namespace") or write.namespace if resource.namespaced else None
    if reference.get("name"):
        one = cluster.get(resource, place, reference["name"])
        return [one] if one is not None else []
    wanted = selector_test(reference.get("selector") or {})
    listed = cluster.list(resource, place)
    return [one for one in listed if wanted(one["metadata"].get("labels") or {})]
