"""RBAC as a cluster decides it with --require-auth: reviews, tokens, impersonation, aggregation."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3
from gcpsim.k8s.objects import rbac
from gcpsim.k8s.objects.rbac import User, Wish
from served import Api

OWNER = "gcpsim-access-token"
GROUP = "rbac.authorization.k8s.io"


@pytest.fixture
def ask(api: Api) -> Iterator[Any]:
    """`ask(path, body, token, **headers)`: status and answer, roles being decided."""
    api.world.options.require_auth = True
    pool = urllib3.PoolManager()

    def send(path: str, body: Any = None, token: str = OWNER, **headers: str) -> tuple[int, Any]:
        sent = urllib3.HTTPHeaderDict({"Content-Type": "application/json"})
        sent["Authorization"] = f"Bearer {token}"
        for name, value in headers.items():
            for one in value.split(","):
                sent.add(name.replace("_", "-"), one)
        answer = pool.request(
            "POST" if body is not None else "GET",
            api.url + path,
            body=None if body is None else json.dumps(body),
            headers=sent,
            timeout=30,
        )
        return answer.status, json.loads(answer.data)

    yield send
    pool.clear()


def bind(ask: Any, role: str, *, user: str = "", group: str = "", robot: str = "") -> None:
    subject = {"kind": "User", "name": user, "apiGroup": GROUP}
    if group:
        subject = {"kind": "Group", "name": group, "apiGroup": GROUP}
    if robot:
        subject = {"kind": "ServiceAccount", "name": robot, "namespace": "default"}
    path = f"/apis/{GROUP}/v1/namespaces/default/rolebindings"
    body = {
        "metadata": {"name": f"b-{role}-{user or group or robot}".replace(":", "-")},
        "subjects": [subject],
        "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": role},
    }
    status, answer = ask(path, body)
    assert status == 201, answer


def may(ask: Any, user: str, verb: str, resource: str, **more: str) -> bool:
    about = {"namespace": "default", "verb": verb, "resource": resource, **more}
    body = {"spec": {"user": user, "resourceAttributes": about}}
    status, answer = ask("/apis/authorization.k8s.io/v1/subjectaccessreviews", body)
    assert status == 201, answer
    return bool(answer["status"]["allowed"])


def test_reviews_follow_bindings_and_their_namespaces(ask: Any) -> None:
    assert not may(ask, "ann", "list", "pods")
    bind(ask, "view", user="ann")
    assert may(ask, "ann", "list", "pods")
    assert may(ask, "ann", "list", "deployments", group="apps")
    assert not may(ask, "ann", "list", "deployments", group="other")
    assert not may(ask, "ann", "delete", "pods")
    assert not may(ask, "ann", "get", "secrets")
    assert not may(ask, "ann", "list", "pods", namespace="kube-system")
    assert not may(ask, "ann", "list", "pods", namespace="")
    assert not may(ask, "bob", "list", "pods")
    bind(ask, "edit", user="bob")  # what view may is part of edit
    assert may(ask, "bob", "get", "pods", subresource="log")
    assert may(ask, "bob", "delete", "secrets")
    assert not may(ask, "bob", "create", "roles", group=GROUP)


def test_a_review_says_which_binding_allows(ask: Any) -> None:
    bind(ask, "view", user="ann")
    about = {"namespace": "default", "verb": "get", "resource": "pods"}
    spec = {"user": "ann", "resourceAttributes": about}
    _, answer = ask("/apis/authorization.k8s.io/v1/subjectaccessreviews", {"spec": spec})
    why = 'RBAC: allowed by RoleBinding "b-view-ann/default" of ClusterRole "view" to User "ann"'
    assert answer["status"] == {"allowed": True, "reason": why}
    status, answer = ask("/apis/authorization.k8s.io/v1/subjectaccessreviews", {"spec": {}})
    assert (status, answer["reason"]) == (422, "Invalid")


def test_a_service_accounts_token_says_who_it_is(ask: Any) -> None:
    accounts = "/api/v1/namespaces/default/serviceaccounts"
    assert ask(accounts, {"metadata": {"name": "robot"}})[0] == 201
    _, answer = ask(f"{accounts}/robot/token", {"spec": {}})
    token = answer["status"]["token"]
    status, refused = ask("/api/v1/namespaces/default/pods", token=token)
    assert (status, refused["reason"]) == (403, "Forbidden")
    assert refused["message"] == (
        'pods is forbidden: User "system:serviceaccount:default:robot" cannot list resource '
        '"pods" in API group "" in the namespace "default"'
    )
    assert ask("/api/v1/namespaces/default/pods?watch=1", token=token)[0] == 403
    bind(ask, "view", robot="robot")
    assert ask("/api/v1/namespaces/default/pods", token=token)[0] == 200
    assert ask("/api/v1/namespaces/default/secrets", token=token)[0] == 403
    assert ask("/apis", token=token)[0] == 200  # discovery is for everyone
    assert ask("/metrics", token=token)[0] == 403
    _, who = ask("/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, token=token)
    assert "system:serviceaccounts:default" in who["status"]["userInfo"]["groups"]


def test_who_is_impersonated_counts_and_not_everyone_may(ask: Any) -> None:
    pods = "/api/v1/namespaces/default/pods"
    assert ask(pods, Impersonate_User="ann")[0] == 403
    bind(ask, "view", group="readers")
    assert ask(pods, Impersonate_User="ann", Impersonate_Group="others,readers")[0] == 200
    assert ask(pods, Impersonate_User="ann", Impersonate_Group="others")[0] == 403
    assert ask(pods, Impersonate_Group="readers")[0] == 400
    assert ask(pods)[0] == 200
    accounts = "/api/v1/namespaces/default/serviceaccounts"
    ask(accounts, {"metadata": {"name": "robot"}})
    token = ask(f"{accounts}/robot/token", {"spec": {}})[1]["status"]["token"]
    bind(ask, "view", robot="robot")
    status, answer = ask(pods, token=token, Impersonate_User="ann")
    assert status == 403
    assert 'cannot impersonate resource "users"' in answer["message"]


def test_rules_and_access_of_oneself(ask: Any) -> None:
    path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    body = {"spec": {"namespace": "default"}}
    _, answer = ask(path, body, Impersonate_User="ann")
    listed = [name for rule in answer["status"]["resourceRules"] for name in rule["resources"]]
    assert "selfsubjectaccessreviews" in listed
    assert "pods" not in listed
    bind(ask, "view", user="ann")
    _, answer = ask(path, body, Impersonate_User="ann")
    listed = [name for rule in answer["status"]["resourceRules"] for name in rule["resources"]]
    assert "pods" in listed
    about = {"namespace": "default", "verb": "delete", "resource": "pods"}
    review = {"spec": {"resourceAttributes": about}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    assert ask(path, review, Impersonate_User="ann")[1]["status"] == {"allowed": False}
    assert ask(path, review)[1]["status"]["allowed"] is True


def test_nothing_is_decided_unless_asked_for(ask: Any, api: Api) -> None:
    api.world.options.require_auth = False
    assert may(ask, "ann", "delete", "pods")
    assert ask("/api/v1/namespaces/default/pods", Impersonate_User="ann")[0] == 200


def test_roles_of_names_subresources_and_circles(api: Api) -> None:
    ann, cluster = User("ann"), api.cluster
    one = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"], "resourceNames": ["a"]}
    deep = {"apiGroups": ["apps"], "resources": ["*/scale"], "verbs": ["*"]}
    label = {"team": "edge"}
    rule = {"clusterRoleSelectors": [{"matchLabels": label}]}
    cluster.create("clusterroles", {"metadata": {"name": "part", "labels": label},
                                    "rules": [one, deep]})  # fmt: skip
    cluster.create("clusterroles", {"metadata": {"name": "sum", "labels": label},
                                    "aggregationRule": rule, "rules": []})  # fmt: skip
    who = [{"kind": "User", "name": "ann", "apiGroup": GROUP}]
    ref = {"apiGroup": GROUP, "kind": "ClusterRole", "name": "sum"}
    cluster.create(
        "clusterrolebindings", {"metadata": {"name": "b"}, "subjects": who, "roleRef": ref}
    )
    assert rbac.allowed_by(cluster, ann, Wish("get", "", "configmaps", "", "default", "a"))
    assert not rbac.allowed_by(cluster, ann, Wish("get", "", "configmaps", "", "default", "b"))
    assert not rbac.allowed_by(cluster, ann, Wish("list", "", "configmaps", "", "default"))
    assert rbac.allowed_by(cluster, ann, Wish("patch", "apps", "deployments", "scale", "default"))
    assert not rbac.allowed_by(cluster, ann, Wish("patch", "apps", "deployments", "", "default"))
