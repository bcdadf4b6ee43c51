"""Bad input on the wire: always a Status object with the API's own code and words, never a 500."""

import json
import random
import urllib.error
import urllib.request
from typing import Any

import pytest
from cluster_objects import configmap, deployment, pod, service
from served import Api

JSON = "application/json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"


def ask(
    api: Api, method: str, path: str, body: Any = None, kind: str = JSON, **headers: str
) -> tuple[int, Any]:
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    request = urllib.request.Request(
        api.url + path, data=data, method=method, headers={"Content-Type": kind, **headers}
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


PODS = "/api/v1/namespaces/default/pods"
MAPS = "/api/v1/namespaces/default/configmaps"
SERVICES = "/api/v1/namespaces/default/services"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
NEGS = "/apis/networking.gke.io/v1beta1/namespaces/default/servicenetworkendpointgroups"

CASES: list[tuple[str, str, Any, str, int, str, str]] = [
    ("GET", "/api/v2/pods", None, JSON, 404, "NotFound", "could not find the requested resource"),
    ("GET", "/apis/none.example.com", None, JSON, 404, "NotFound", "could not find"),
    ("GET", "/nothing", None, JSON, 404, "NotFound", "could not find"),
    ("GET", PODS + "/none", None, JSON, 404, "NotFound", 'pods "none" not found'),
    ("GET", PODS + "/a%2Fb", None, JSON, 404, "NotFound", "not found"),
    ("GET", PODS + "?limit=many", None, JSON, 400, "BadRequest", "invalid syntax"),
    ("GET", PODS + "?continue=what", None, JSON, 400, "BadRequest", "continue key is not valid"),
    ("GET", PODS + "?labelSelector=a%3Db%3Dc", None, JSON, 400, "BadRequest", "unable to parse"),
    ("GET", PODS + "?labelSelector=a%20in%20b", None, JSON, 400, "BadRequest", "unable to parse"),
    ("GET", PODS + "?fieldSelector=spec.x%3D1", None, JSON, 400, "BadRequest",
     "field label not supported: spec.x"),
    ("GET", PODS + "?resourceVersion=99999", None, JSON, 504, "Timeout", "Too large resource"),
    ("GET", PODS + "?resourceVersion=x", None, JSON, 422, "Invalid", "Invalid value"),
    ("GET", PODS + "?watch=1&timeoutSeconds=x", None, JSON, 400, "BadRequest", "invalid syntax"),
    ("PUT", PODS, {}, JSON, 405, "MethodNotAllowed", "does not allow this method"),
    ("POST", "/api/v1/pods", pod("p"), JSON, 405, "MethodNotAllowed", "does not allow this method"),
    ("POST", PODS, b"{", JSON, 400, "BadRequest", "error decoding the body"),
    ("POST", PODS, b"", JSON, 400, "BadRequest", "error decoding the body"),
    ("POST", PODS, b"[]", JSON, 400, "BadRequest", "must be a Pod object"),
    ("POST", PODS, b"k8s\0\n\0", "application/vnd.kubernetes.protobuf", 415,
     "UnsupportedMediaType", "apply -f"),
    ("POST", PODS, b"<a/>", "text/xml", 415, "UnsupportedMediaType", "application/json"),
    ("POST", PODS, b"a: [", "application/yaml", 400, "BadRequest", "error parsing YAML"),
    ("POST", PODS, service("s"), JSON, 400, "BadRequest", "cannot be handled as a Pod"),
    ("POST", PODS, {"apiVersion": "v2", "kind": "Pod"}, JSON, 400, "BadRequest",
     "does not match the expected API version"),
    ("POST", PODS, {"metadata": {"namespace": "other", "name": "p"}}, JSON, 400, "BadRequest",
     "does not match the namespace sent on the request"),
    ("POST", PODS, {"metadata": {"name": "p"}}, JSON, 422, "Invalid",
     "spec.containers: Required value"),
    ("POST", PODS, {"metadata": {}}, JSON, 422, "Invalid", "name or generateName is required"),
    ("POST", PODS, pod("Web_1"), JSON, 422, "Invalid", "a lowercase RFC 1123 subdomain"),
    ("POST", PODS, pod("p", {"-": "x"}), JSON, 422, "Invalid", "name part must consist of"),
    ("POST", PODS, pod("p", containers=[{"name": "a"}]), JSON, 422, "Invalid",
     "spec.containers[0].image: Required value"),
    ("POST", PODS, pod("p", terminationGracePeriodSeconds="soon"), JSON, 400, "BadRequest",
     "cannot unmarshal string into Go struct field PodSpec.spec.terminationGracePeriodSeconds"),
    ("POST", PODS + "?fieldValidation=Strict", pod("p", colour="red"), JSON, 400, "BadRequest",
     'strict decoding error: unknown field "spec.colour"'),
    ("POST", PODS + "?fieldValidation=Loose", pod("p"), JSON, 422, "Invalid", "Unsupported value"),
    ("POST", PODS + "?dryRun=Some", pod("p"), JSON, 422, "Invalid", "dryRun"),
    ("POST", "/api/v1/namespaces/none/pods", {"metadata": {"name": "p"}}, JSON, 404, "NotFound",
     'namespaces "none" not found'),
    ("POST", MAPS, configmap("kube-root-ca.crt"), JSON, 409, "AlreadyExists", "already exists"),
    ("POST", SERVICES, service("s", ports=[]), JSON, 422, "Invalid", "spec.ports: Required value"),
    ("POST", SERVICES, service("s", type="Best"), JSON, 422, "Invalid", 'supported values: "Cl'),
    ("POST", SERVICES, service("s", clusterIP="34.118.224.1"), JSON, 422, "Invalid",
     "provided IP is already allocated"),
    ("POST", SERVICES, service("1s"), JSON, 422, "Invalid", "DNS-1035 label"),
    ("POST", SERVICES, service("s", ports=[{"port": 1}, {"port": 2}]), JSON, 422, "Invalid",
     "spec.ports[0].name: Required value"),
    ("POST", DEPLOYMENTS, {"metadata": {"name": "d"}}, JSON, 422, "Invalid", "spec.selector"),
    ("POST", DEPLOYMENTS, {**deployment("d"), "spec": {"template": {"metadata": {"labels": {}},
     "spec": pod("p")["spec"]}}}, JSON, 422, "Invalid",
     "[spec.selector: Required value, spec.template.metadata.labels: Invalid value: {}: `sel"),
    ("POST", MAPS, {"metadata": {"name": "m", "resourceVersion": "7"}}, JSON, 500, None,
     "resourceVersion should not be set on objects to be created"),
    ("PATCH", MAPS + "/m?fieldManager=m", {"apiVersion": "v1", "kind": "ConfigMap",
     "metadata": {"resourceVersion": "7"}}, APPLY, 500, None, "should not be set on objects"),
    ("POST", DEPLOYMENTS, {**deployment("d"), "spec": 7}, JSON, 400, "BadRequest",
     "cannot unmarshal number"),
    ("PATCH", MAPS + "/kube-root-ca.crt", {}, JSON, 415, "UnsupportedMediaType", "merge-patch"),
    ("PATCH", MAPS + "/kube-root-ca.crt", {}, "application/what-patch+json", 415,
     "UnsupportedMediaType", "application/apply-patch+yaml"),
    ("PATCH", MAPS + "/kube-root-ca.crt", [], MERGE, 400, "BadRequest", "must be a JSON object"),
    ("PATCH", MAPS + "/kube-root-ca.crt", {"data": 5}, MERGE, 400, "BadRequest", "cannot unm"),
    ("PATCH", MAPS + "/none", {}, MERGE, 404, "NotFound", 'configmaps "none" not found'),
    ("PATCH", MAPS + "/kube-root-ca.crt", {}, APPLY, 422, "Invalid", "fieldManager: Required"),
    ("PATCH", MAPS + "/kube-root-ca.crt?fieldManager=m", {"data": {}}, APPLY, 400, "BadRequest",
     "apiVersion and kind must be set"),
    ("PATCH", MAPS + "/kube-root-ca.crt?force=true", {}, MERGE, 422, "Invalid", "force: Forbidden"),
    ("PATCH", MAPS + "/kube-root-ca.crt", {"metadata": {"resourceVersion": "1"}}, MERGE, 409,
     "Conflict", "the object has been modified"),
    ("PATCH", MAPS + "/kube-root-ca.crt", {"metadata": {"uid": "x"}}, MERGE, 409, "Conflict",
     "Precondition failed: UID"),
    ("PATCH", SERVICES + "/kubernetes", {"spec": {"clusterIP": "34.118.224.9"}}, MERGE, 422,
     "Invalid", "may not change once set"),
    ("PATCH", SERVICES + "/kubernetes", {"spec": {"ports": [{"name": "a"}]}}, STRATEGIC, 422,
     "Invalid", "does not contain declared merge key: port"),
    ("PATCH", NEGS + "/none", {}, STRATEGIC, 415, "UnsupportedMediaType", "merge-patch+json"),
    ("PATCH", SERVICES + "/kubernetes", {"spec": {"$patch": "explode"}}, STRATEGIC, 422, "Invalid",
     "Unknown patch type found: explode"),
    ("DELETE", "/api/v1/namespaces/default", None, JSON, 403, "Forbidden", "may not be deleted"),
    ("DELETE", MAPS + "/kube-root-ca.crt", {"preconditions": {"uid": "x"}}, JSON, 409, "Conflict",
     "Precondition failed"),
    ("DELETE", MAPS + "/kube-root-ca.crt", {"propagationPolicy": "Wild"}, JSON, 422, "Invalid",
     "propagationPolicy"),
    ("DELETE", MAPS + "/kube-root-ca.crt", b"k8s\0", "application/vnd.kubernetes.protobuf", 415,
     "UnsupportedMediaType", "not read from protobuf"),
    ("POST", PODS + "/none/exec?command=ls", b"", JSON, 400, "BadRequest", "not simulated"),
    ("GET", PODS + "/none/portforward", None, JSON, 400, "BadRequest", "not simulated"),
    ("GET", PODS + "/none/log", None, JSON, 404, "NotFound", 'pods "none" not found'),
    ("POST", PODS + "/none/eviction", {}, JSON, 404, "NotFound", 'pods "none" not found'),
    ("POST", PODS, pod("p", serviceAccountName="none"), JSON, 403, "Forbidden",
     'serviceaccount "none" not found'),
    ("POST", MAPS, b" " * (3 * 1024 * 1024 + 10), JSON, 413, "RequestEntityTooLarge", "too large"),
    ("PATCH", PODS + "/p?fieldManager=m", {"apiVersion": "v1", "kind": "Pod", "spec": {
        "containers": [{"name": "a", "image": "i"}, {"name": "a", "image": "i"}]}}, APPLY, 400,
     "BadRequest", 'duplicate entries for key [name="a"]'),
    ("POST", "/healthz", {}, JSON, 404, "NotFound", "could not find"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "body", "kind", "code", "reason", "words"),
    CASES,
    ids=[f"{case[0]} {case[1].rpartition('/')[2]} {case[6][:30]}" for case in CASES],
)
def test_refusals(
    api: Api,
    method: str,
    path: str,
    body: Any,
    kind: str,
    code: int,
    reason: str | None,
    words: str,
) -> None:
    before = api.cluster.resource_version()
    status, answer = ask(api, method, path, body, kind)
    assert (status, answer["kind"], answer.get("reason")) == (code, "Status", reason), answer
    assert answer["code"] == code
    assert words in answer["message"]
    assert api.cluster.resource_version() == before


def test_protobuf_only_clients_are_told(api: Api) -> None:
    accept = {"Accept": "application/vnd.kubernetes.protobuf"}
    assert ask(api, "GET", PODS, **accept)[0] == 406


def test_unknown_fields_are_dropped_with_a_warning(api: Api) -> None:
    body = json.dumps(pod("p", colour="red")).encode()
    request = urllib.request.Request(
        api.url + PODS, data=body, method="POST", headers={"Content-Type": JSON}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.headers["Warning"] == r'299 - "unknown field \"spec.colour\""'
        assert "colour" not in json.loads(answer.read())["spec"]


def test_tokens_are_demanded_when_asked_for(api: Api) -> None:
    api.world.options.require_auth = True
    status, answer = ask(api, "GET", PODS)
    assert (status, answer["reason"]) == (401, "Unauthorized")
    assert ask(api, "GET", PODS, Authorization="Bearer anything")[0] == 200


def test_a_scripted_fault_strikes_before_and_after_the_effect(api: Api) -> None:
    api.world.faults.add({"service": "kubernetes", "effect": "http", "code": 503,
                          "collection": "configmaps", "method": "create"})  # fmt: skip
    assert ask(api, "POST", MAPS, configmap("a"))[0] == 503
    assert api.cluster.get("configmaps", "default", "a") is None
    api.world.faults.add({"service": "kubernetes", "effect": "drop_after", "verb": "POST"})
    with pytest.raises(OSError):
        ask(api, "POST", MAPS, configmap("b"))
    assert api.cluster.get("configmaps", "default", "b") is not None


def test_a_defect_is_a_status_too_and_leaves_no_trace(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(event: str, obj: Any, old: Any) -> None:
        raise KeyError(event)

    api.cluster.subscribe("configmaps", fails)
    status, answer = ask(api, "POST", MAPS, configmap("a"))
    assert (status, answer["reason"]) == (500, "InternalError")
    assert "KeyError" in caplog.text
    assert api.cluster.get("configmaps", "default", "a") is None


def test_requests_are_counted_by_verb_and_resource(api: Api) -> None:
    ask(api, "GET", PODS)
    ask(api, "GET", MAPS + "/none")
    ask(api, "POST", MAPS, configmap("a"))
    rows = [(row["collection"], row["method"]) for row in api.world.calls.table()]
    assert rows == [("configmaps", "create"), ("configmaps", "get"), ("pods", "list")]


def test_mangled_objects_are_never_an_internal_error(api: Api) -> None:
    """Every value of several good objects replaced by every kind of wrong one."""
    wrong: list[Any] = [None, 0, -1, 2**70, 1.5, "", "x y", True, [], {}, [None], [{}], {"a": None}]
    chance = random.Random(7)
    objects = [
        (PODS, pod("p", volumes=[{"name": "v", "emptyDir": {}}], tolerations=[{"key": "a"}])),
        (SERVICES, service("s", type="LoadBalancer")),
        (DEPLOYMENTS, deployment("d")),
        (MAPS, configmap("c", a="b")),
        ("/apis/policy/v1/namespaces/default/poddisruptionbudgets",
         {"metadata": {"name": "b"},
          "spec": {"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}}}),
        ("/apis/networking.k8s.io/v1/namespaces/default/ingresses",
         {"metadata": {"name": "i"},
          "spec": {"rules": [{"host": "a.example.com", "http": {"paths": [
              {"path": "/", "pathType": "Prefix",
               "backend": {"service": {"name": "s", "port": {"number": 80}}}}]}}]}}),
        ("/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
         {"metadata": {"name": "as.example.com"}, "spec": {
             "group": "example.com", "scope": "Namespaced", "names": {"plural": "as", "kind": "A"},
             "versions": [{"name": "v1", "served": True, "storage": True, "schema": {
                 "openAPIV3Schema": {"type": "object"}}}]}}),
        ("/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers",
         {"metadata": {"name": "h", "annotations": {"autoscaling.alpha.kubernetes.io/metrics": "[]",
                       "autoscaling.alpha.kubernetes.io/behavior": "{}"}},
          "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "d"}, "maxReplicas": 3,
                   "targetCPUUtilizationPercentage": 50}}),
        ("/apis/events.k8s.io/v1/namespaces/default/events",
         {"metadata": {"name": "e"}, "eventTime": "2026-09-21T14:13:20.000000Z", "type": "Normal",
          "reason": "R", "action": "A", "note": "n", "reportingController": "c",
          "reportingInstance": "i", "regarding": {"kind": "Pod", "name": "p"}}),
        ("/apis/batch/v1/namespaces/default/jobs",
         {"metadata": {"name": "j"}, "spec": {
             "manualSelector": True, "selector": {"matchLabels": {"a": "b"}, "matchExpressions": [
                 {"key": "a", "operator": "In", "values": ["b"]}]},
             "template": {"metadata": {"labels": {"a": "b"}}, "spec": {
                 "restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}}}),
        ("/api/v1/namespaces/default/resourcequotas",
         {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "9", "requests.cpu": "100"},
          "scopes": ["NotTerminating"], "scopeSelector": {"matchExpressions": [
              {"scopeName": "PriorityClass", "operator": "In", "values": ["x"]}]}}}),
        ("/apis/networking.k8s.io/v1/ipaddresses",
         {"metadata": {"name": "10.0.0.1"}, "spec": {"parentRef": {
             "resource": "services", "name": "s"}}}),
        ("/apis/networking.k8s.io/v1/servicecidrs",
         {"metadata": {"name": "s"}, "spec": {"cidrs": ["10.0.0.0/8"]}}),
        ("/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
         {"metadata": {"name": "v"}, "spec": {
             "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}, "failurePolicy": "Ignore",
             "matchConstraints": {"objectSelector": {"matchLabels": {}}, "resourceRules": [
                 {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"],
                  "resources": ["*"], "resourceNames": []}]},
             "variables": [{"name": "x", "expression": "1"}],
             "matchConditions": [{"name": "m", "expression": "true"}],
             "validations": [{"expression": "variables.x == 1", "messageExpression": "'m'"}]}}),
        ("/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
         {"metadata": {"name": "v"}, "spec": {
             "policyName": "v", "validationActions": ["Deny"], "paramRef": {
                 "name": "kube-root-ca.crt", "namespace": "default",
                 "parameterNotFoundAction": "Allow", "selector": {}},
             "matchResources": {"namespaceSelector": {}, "resourceRules": []}}}),
        ("/apis/apps/v1/namespaces/default/replicasets",
         {"metadata": {"name": "r"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {
             "metadata": {"labels": {"a": "b"}}, "spec": {"containers": [
                 {"name": "c", "image": "i"}]}}}}),
    ]  # fmt: skip
    asked = 0
    for path, good in objects:
        for where in sorted(_places(good), key=str):
            value = chance.choice(wrong)
            body = _replaced(good, where, value)
            code, answer = ask(api, "POST", path, body)
            asked += 1
            assert code < 500, (path, where, value, answer)
            code, answer = ask(api, "PATCH", MAPS + "/kube-root-ca.crt", body, MERGE)
            assert code < 500, (where, value, answer)
            name = "kubernetes" if path == SERVICES else "none"
            code, answer = ask(api, "PATCH", f"{path}/{name}", body, STRATEGIC)
            assert code < 500, (path, where, value, answer)
    assert asked > 100


def _places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))
    found = [at] if at else []
    for key, item in children:
        found += _places(item, (*at, key))
    return found


def _replaced(value: Any, at: tuple[Any, ...], new: Any) -> Any:
    if not at:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[at[0]] = _replaced(value[at[0]], at[1:], new)
    return copy
