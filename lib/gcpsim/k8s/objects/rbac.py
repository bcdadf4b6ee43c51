"""RBAC: who may do what, decided from the roles and bindings that a cluster holds.

Aggregated roles are put together when they are asked, not written back into the object. Rules only
allow; what no rule allows is refused. It knows no requests: those are read in `api.identity`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gcpsim.k8s.types.selectors import selector_test
from gcpsim.k8s.types.store import Objects

Doc = dict[str, Any]
ACCOUNT = "system:serviceaccount:"


@dataclass(frozen=True, slots=True)
class User:
    """Who asks: `groups` as the API server knows them, system:authenticated among them."""

    name: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to do: to a resource, or, with `path`, to a URL outside of them."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    def refused(self, user: User) -> str:
        """The API server's own words for it."""
        if self.path:
            return f'User "{user.name}" cannot {self.verb} path "{self.path}"'
        what = f"{self.resource}/{self.subresource}" if self.subresource else self.resource
        where = f'in the namespace "{self.namespace}"' if self.namespace else "at the cluster scope"
        return (
            f'User "{user.name}" cannot {self.verb} resource "{what}" in API group '
            f'"{self.group}" {where}'
        )


@dataclass(frozen=True, slots=True)
class Grant:
    """A binding that reaches a user, and the rules of its role."""

    reason: str
    rules: tuple[Doc, ...]


def account(namespace: str, name: str) -> User:
    """A service account as a user."""
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
    return User(f"{ACCOUNT}{namespace}:{name}", (*groups, "system:authenticated"))


def allowed_by(cluster: Objects, user: User, wish: Wish) -> str:
    """The binding that allows it, in the API server's words; "" when none does."""
    for grant in grants(cluster, user, "" if wish.path else wish.namespace):
        if any(_covers(rule, wish) for rule in grant.rules):
            return grant.reason
    return ""


def grants(cluster: Objects, user: User, namespace: str) -> Iterator[Grant]:
    """What reaches a user: cluster-wide, and of one namespace when it is given."""
    for binding in cluster.list("clusterrolebindings"):
        if subject := _subject(binding, user, ""):
            yield _grant(cluster, binding, subject, "ClusterRoleBinding", "")
    for binding in cluster.list("rolebindings", namespace) if namespace else ():
        if subject := _subject(binding, user, namespace):
            yield _grant(cluster, binding, subject, "RoleBinding", namespace)


def _grant(cluster: Objects, binding: Doc, subject: str, kind: str, namespace: str) -> Grant:
    ref, name = binding["roleRef"], binding["metadata"]["name"]
    called = f"{name}/{namespace}" if namespace else name
    reason = f'RBAC: allowed by {kind} "{called}" of {ref["kind"]} "{ref["name"]}" to {subject}'
    if ref["kind"] == "Role":
        role = cluster.get("roles", namespace, ref["name"])
        return Grant(reason, tuple((role or {}).get("rules") or ()))
    return Grant(reason, rules_of(cluster, ref["name"]))


def rules_of(cluster: Objects, name: str) -> tuple[Doc, ...]:
    """The rules of a cluster role, those that it aggregates included; a circle ends by itself."""
    found: list[Doc] = []
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        wanted = waiting.pop()
        role = cluster.get("clusterroles", None, wanted)
        if wanted in seen or role is None:
            continue
        seen.add(wanted)
        selectors = (role.get("aggregationRule") or {}).get("clusterRoleSelectors") or ()
        if not selectors:
            found += role.get("rules") or ()
        for other in cluster.list("clusterroles") if selectors else ():
            labels = other["metadata"].get("labels") or {}
            if any(selector_test(selector)(labels) for selector in selectors):
                waiting.append(other["metadata"]["name"])
    return tuple(found)


def _subject(binding: Doc, user: User, namespace: str) -> str:
    """The subject of a binding that is the user, in words; "" when none is."""
    for one in binding.get("subjects") or ():
        kind, name = one.get("kind"), one.get("name", "")
        if kind == "User" and name == user.name:
            return f'User "{name}"'
        if kind == "Group" and name in user.groups:
            return f'Group "{name}"'
        home = one.get("namespace") or namespace
        if kind == "ServiceAccount" and user.name == f"{ACCOUNT}{home}:{name}":
            return f'ServiceAccount "{name}/{home}"'
    return ""


def _covers(rule: Doc, wish: Wish) -> bool:
    if not _among(wish.verb, rule.get("verbs")):
        return False
    if wish.path:
        return any(_reaches(one, wish.path) for one in rule.get("nonResourceURLs") or ())
    names = rule.get("resourceNames") or ()
    resources = rule.get("resources") or ()
    whole = f"{wish.resource}/{wish.subresource}" if wish.subresource else wish.resource
    return (
        _among(wish.group, rule.get("apiGroups"))
        and ("*" in resources or whole in resources
             or bool(wish.subresource and f"*/{wish.subresource}" in resources))
        and (not names or wish.name in names)
    )  # fmt: skip


def _among(value: str, allowed: Any) -> bool:
    return "*" in (allowed or ()) or value in (allowed or ())


def _reaches(pattern: str, path: str) -> bool:
    """`/healthz/*` reaches what is below it."""
    return path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern
