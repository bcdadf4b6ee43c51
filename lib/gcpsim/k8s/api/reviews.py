"""Reviews: who am I, what may I, what may somebody else.

While roles are not decided (see `--require-auth`), everybody may do everything.
"""

from typing import Any

from gcpsim.k8s.api import identity
from gcpsim.k8s.api.call import Call
from gcpsim.k8s.api.form import JSON
from gcpsim.k8s.objects import rbac
from gcpsim.k8s.objects.cluster import Cluster
from gcpsim.k8s.objects.rbac import User, Wish
from gcpsim.k8s.types.registry import Resource
from gcpsim.k8s.types.status import bad_request, invalid, required

Doc = dict[str, Any]
Reply = tuple[int, Any, str]
ALL: Doc = {
    "resourceRules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
    "nonResourceRules": [{"nonResourceURLs": ["*"], "verbs": ["*"]}],
    "incomplete": False,
}
ABOUT = {"resourceAttributes": dict, "nonResourceAttributes": dict, "groups": list, "user": str,
         "token": str, "namespace": str}  # fmt: skip


def respond(cluster: Cluster, call: Call, resource: Resource, body: Any) -> Reply:
    """Answer a review."""
    if not isinstance(body, dict):
        raise bad_request(f"the body must be a {resource.kind} object")
    spec: Doc = body["spec"] if isinstance(body.get("spec"), dict) else {}
    for field, kind in ABOUT.items():
        if spec.get(field) is not None and not isinstance(spec[field], kind):
            raise bad_request(f"{resource.kind} spec.{field}: not a {kind.__name__}")
    user = identity.asking(cluster, call, decided=call.decided)
    answers = {
        "SelfSubjectReview": _who,
        "SelfSubjectRulesReview": _rules,
        "TokenReview": _token,
    }
    answer = answers.get(resource.kind, _access)(cluster, call, resource, spec, user)
    named: Doc = {"apiVersion": resource.api_version, "kind": resource.kind}
    named["metadata"] = {"creationTimestamp": cluster.now()}
    if resource.kind != "SelfSubjectReview":
        named["spec"] = spec
    return 201, {**named, "status": answer}, JSON


def _who(cluster: Cluster, call: Call, resource: Resource, spec: Doc, user: User) -> Doc:
    return {"userInfo": _shown(user)}


def _token(cluster: Cluster, call: Call, resource: Resource, spec: Doc, user: User) -> Doc:
    return {"authenticated": True, "user": _shown(identity.user_of(spec.get("token") or ""))}


def _shown(user: User) -> Doc:
    return {"username": user.name, "groups": list(user.groups)}


def _rules(cluster: Cluster, call: Call, resource: Resource, spec: Doc, user: User) -> Doc:
    if not call.decided or identity.MASTERS in user.groups:
        return ALL
    namespace = spec.get("namespace") or ""
    rules = [rule for one in rbac.grants(cluster, user, namespace) for rule in one.rules]
    return {
        "resourceRules": [rule for rule in rules if rule.get("resources")],
        "nonResourceRules": [rule for rule in rules if rule.get("nonResourceURLs")],
        "incomplete": False,
    }


def _access(cluster: Cluster, call: Call, resource: Resource, spec: Doc, user: User) -> Doc:
    wish = _wish(resource, spec)
    if not resource.kind.startswith("Self"):
        groups = tuple(str(one) for one in spec.get("groups") or ())
        if not spec.get("user") and not groups:
            raise invalid(resource.kind, resource.group, "", [required("spec.user")])
        user = User(spec.get("user") or "", groups)
    if resource.kind == "LocalSubjectAccessReview" and wish.namespace != call.namespace:
        raise bad_request("spec.resourceAttributes.namespace must match metadata.namespace")
    if not call.decided or identity.MASTERS in user.groups:
        return {"allowed": True}
    reason = rbac.allowed_by(cluster, user, wish)
    return {"allowed": True, "reason": reason} if reason else {"allowed": False}


def _wish(resource: Resource, spec: Doc) -> Wish:
    asked, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if path:
        return Wish(str(path.get("verb", "")), path=str(path.get("path") or "/"))
    if not asked:
        return Wish("")
    names = ("verb", "group", "resource", "subresource", "namespace", "name")
    return Wish(*(str(asked.get(name) or "") for name in names))
