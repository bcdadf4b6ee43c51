"""Which webhooks a write concerns: rules, selectors and conditions of webhook configurations.

It only reads. Calling them, and what their answers mean, is `api.admission` and `api.hookcalls`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gcpsim.k8s.objects.rbac import User
from gcpsim.k8s.types import cel
from gcpsim.k8s.types.registry import Resource
from gcpsim.k8s.types.selectors import selector_test
from gcpsim.k8s.types.store import Objects

Doc = dict[str, Any]
CONFIGURATIONS = {
    "mutating": "mutatingwebhookconfigurations",
    "validating": "validatingwebhookconfigurations",
}


@dataclass(frozen=True, slots=True)
class Hook:
    """One webhook of a configuration; `version` is that of the group in which it reads objects."""

    configuration: str
    body: Doc
    version: str = ""

    @property
    def name(self) -> str:
        return str(self.body["name"])

    @property
    def ignored(self) -> bool:
        """Whether a call that fails is passed over."""
        return bool(self.body["failurePolicy"] == "Ignore")


@dataclass(frozen=True, slots=True)
class Write:
    """What is about to be written: `new` is None for a deletion, `old` for a creation."""

    operation: str
    resource: Resource
    version: str
    subresource: str
    user: User
    new: Doc | None
    old: Doc | None
    dry_run: bool = False

    @property
    def object(self) -> Doc:
        found = self.new if self.new is not None else self.old
        assert found is not None, "a write has an object"
        return found

    @property
    def namespace(self) -> str:
        return str(self.object["metadata"].get("namespace") or "")


def any_of(cluster: Objects, kind: str) -> bool:
    """Whether there is a configuration at all: most clusters have none, and ask nobody."""
    return len(cluster.table(CONFIGURATIONS[kind])) > 0


def there_are(cluster: Objects) -> bool:
    """Whether anybody has to be asked at all."""
    return any(any_of(cluster, kind) for kind in CONFIGURATIONS)


def concerned(cluster: Objects, kind: str, write: Write) -> Iterator[Hook]:
    """The webhooks to be asked, by configuration and in its order."""
    if write.resource.key in CONFIGURATIONS.values():
        return  # nobody may lock the way out
    for configuration in cluster.list(CONFIGURATIONS[kind]):
        for body in configuration.get("webhooks") or ():
            version = matched(body, write)
            if version and selected(cluster, body, write):
                yield Hook(configuration["metadata"]["name"], body, version)


def matched(body: Doc, write: Write) -> str:
    """The version in which its rules name the write; "" when they do not."""
    versions = [write.version]
    if body["matchPolicy"] == "Equivalent":
        versions += [one for one in write.resource.versions if one != write.version]
    for version in versions:
        if any(_rule(rule, write, version) for rule in body.get("rules") or ()):
            return version
    return ""


def _rule(rule: Doc, write: Write, version: str) -> bool:
    scope = "Namespaced" if write.namespace else "Cluster"
    return (
        _among(rule["operations"], write.operation)
        and _among(rule["apiGroups"], write.resource.group)
        and _among(rule["apiVersions"], version)
        and rule["scope"] in ("*", scope)
        and any(_names(text, write) for text in rule["resources"])
    )


def _among(listed: list[str], wanted: str) -> bool:
    return "*" in listed or wanted in listed


def _names(text: str, write: Write) -> bool:
    """`pods`, `pods/status`, `pods/*`, `*/scale`, `*` (no subresource) or `*/*`."""
    plural, slash, subresource = text.partition("/")
    if plural not in ("*", write.resource.plural):
        return False
    if not slash:
        return not write.subresource
    return subresource == "*" or (bool(write.subresource) and subresource == write.subresource)


def selected(cluster: Objects, body: Doc, write: Write) -> bool:
    """Whether its selectors of namespaces and objects mean the write."""
    labels = _namespace_labels(cluster, write)
    if labels is not None and not selector_test(body["namespaceSelector"])(labels):
        return False
    wanted = selector_test(body["objectSelector"])
    return any(
        wanted(one["metadata"].get("labels") or {})
        for one in (write.new, write.old)
        if one is not None
    )


def _namespace_labels(cluster: Objects, write: Write) -> dict[str, str] | None:
    """Labels of the namespace that the write is in, or is; None outside of namespaces."""
    if write.resource.key == "namespaces":
        return write.object["metadata"].get("labels") or {}
    if not write.namespace:
        return None
    found = cluster.get("namespaces", None, write.namespace)
    return (found or {"metadata": {}})["metadata"].get("labels") or {}


def conditions_hold(hook: Hook, request: Doc) -> bool:
    """Whether all matchConditions are true; cel.Missing when one can't be told. What is not
    readable here counts as true: the webhook is asked."""
    scope = {
        "object": request.get("object"),
        "oldObject": request.get("oldObject"),
        "request": request,
    }
    missing: cel.Missing | None = None
    for condition in hook.body.get("matchConditions") or ():
        try:
            if not cel.holds(condition["expression"], scope):
                return False
        except cel.Unreadable:
            continue
        except cel.Missing as error:
            missing = error
    if missing is not None:
        raise missing
    return True
