"""ValidatingAdmissionPolicies deny and warn in the words of a real API server."""

import json
from typing import Any

import pytest
from cluster_objects import configmap, deployment
from conftest import Kubectl
from served import Api
from test_refusals import APPLY, DEPLOYMENTS, JSON, MAPS, MERGE, ask

Doc = dict[str, Any]
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
CONSTRAINTS: Doc = {"resourceRules": [{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": [
    "CREATE", "UPDATE"], "resources": ["deployments"]}]}  # fmt: skip
FEW: Doc = {"expression": "object.spec.replicas <= 2"}
SAID = "ValidatingAdmissionPolicy 'few' with binding 'few-bound' denied request: "


def policy(*validations: Doc, **spec: Any) -> Doc:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "few"},
        "spec": {"matchConstraints": CONSTRAINTS, "validations": list(validations), **spec},
    }


def binding(*actions: str, **spec: Any) -> Doc:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "few-bound"},
        "spec": {"policyName": "few", "validationActions": list(actions or ("Deny",)), **spec},
    }


def install(api: Api, given: Doc, bound: Doc | None = None) -> None:
    for plural, body in (("policies", given), ("policybindings", bound or binding())):
        code, answer = ask(api, "POST", f"{ADMISSION}/validatingadmission{plural}", body)
        assert code == 201, answer


def create(api: Api, replicas: int, name: str = "web") -> tuple[int, str, str]:
    code, answer = ask(api, "POST", DEPLOYMENTS, deployment(name, replicas))
    return code, answer.get("reason", ""), answer.get("message", "")


def test_a_bound_policy_denies(api: Api) -> None:
    install(api, policy(FEW))
    assert create(api, 2)[0] == 201
    code, reason, message = create(api, 3, "more")
    assert (code, reason) == (422, "Invalid")
    assert message == (
        f'deployments.apps "more" is forbidden: {SAID}failed expression: object.spec.replicas <= 2'
    )
    scaled = {"spec": {"replicas": 5}}
    code, answer = ask(api, "PATCH", f"{DEPLOYMENTS}/web", scaled, MERGE)
    assert (code, answer["details"]["causes"][0]["message"][: len(SAID)]) == (422, SAID)
    applied = {"apiVersion": "apps/v1", "kind": "Deployment", **deployment("new", 9)}
    path = f"{DEPLOYMENTS}/new?fieldManager=me"
    assert ask(api, "PATCH", path, applied, APPLY)[0] == 422
    assert ask(api, "DELETE", f"{DEPLOYMENTS}/web", None, JSON)[0] == 200, "no rule for that"
    assert ask(api, "POST", MAPS, configmap("c"))[0] == 201


def test_without_its_binding_a_policy_does_nothing(api: Api) -> None:
    assert ask(api, "POST", f"{ADMISSION}/validatingadmissionpolicies", policy(FEW))[0] == 201
    assert create(api, 3)[0] == 201


WORDS = [
    ({"message": "too many"}, "too many"),
    ({"message": "m", "messageExpression": "'at most two, ' + 'please'"}, "m"),
    ({"message": "m", "messageExpression": "object.metadata.name"}, "more"),
]


@pytest.mark.parametrize(("given", "said"), WORDS, ids=["plain", "unreadable", "expression"])
def test_a_policy_says_why(api: Api, given: Doc, said: str) -> None:
    install(api, policy({**FEW, "reason": "Forbidden", **given}))
    code, reason, message = create(api, 3, "more")
    assert (code, reason) == (403, "Forbidden")
    assert message.endswith(SAID + said)


def test_variables_conditions_and_what_the_request_says(api: Api) -> None:
    admitted = {"name": "not-mine", "expression": "!object.metadata.name.startsWith('mine')"}
    install(api, policy(
        {"expression": "variables.few || variables.small"},
        {"expression": "request.operation == 'CREATE' && request.namespace == 'default'"},
        {"expression": "namespaceObject.metadata.name == request.namespace"},
        variables=[{"name": "few", "expression": "object.spec.replicas <= variables.most"},
                   {"name": "small", "expression": "has(object.metadata.annotations)"},
                   {"name": "most", "expression": "2"}],
        matchConditions=[admitted]))  # fmt: skip
    assert create(api, 1)[0] == 201
    assert create(api, 3, "mine")[0] == 201
    assert create(api, 3, "theirs")[2].endswith(
        "failed expression: variables.few || variables.small"
    )
    code, answer = ask(api, "PATCH", f"{DEPLOYMENTS}/web", {"spec": {"replicas": 2}}, MERGE)
    assert code == 422 and "request.operation == 'CREATE'" in answer["message"]


@pytest.mark.parametrize(("failure", "code"), [("Fail", 422), ("Ignore", 201)])
def test_what_cannot_be_told_is_decided_by_the_failure_policy(
    api: Api, failure: str, code: int
) -> None:
    install(api, policy({"expression": "object.spec.none == 1"}, failurePolicy=failure))
    got, _, message = create(api, 1)
    assert got == code
    if code == 422:
        assert "expression 'object.spec.none == 1' resulted in error: no such key: none" in message


def test_parameters_of_a_binding(api: Api) -> None:
    given = policy({"expression": "object.metadata.name == params.data.only"},
                   paramKind={"apiVersion": "v1", "kind": "ConfigMap"})  # fmt: skip
    install(api, given, binding(paramRef={"name": "limits", "parameterNotFoundAction": "Deny"}))
    assert create(api, 1)[2].endswith(
        "failed to configure binding: no params found for policy binding with `Deny` "
        "parameterNotFoundAction"
    )
    assert ask(api, "POST", MAPS, configmap("limits", only="web"))[0] == 201
    assert create(api, 1, "other")[0] == 422
    assert create(api, 1)[0] == 201


def test_bindings_narrow_what_a_policy_concerns(api: Api) -> None:
    api.cluster.create("namespaces", {"metadata": {"name": "loose", "labels": {"rules": "none"}}})
    api.world.commit()
    strict = {"matchExpressions": [{"key": "rules", "operator": "NotIn", "values": ["none"]}]}
    spared = [{"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"],
               "resourceNames": ["spared"]}]  # fmt: skip
    install(api, policy(FEW), binding(matchResources={
        "namespaceSelector": strict, "excludeResourceRules": spared}))  # fmt: skip
    elsewhere = deployment("web", 9)
    elsewhere["metadata"]["namespace"] = "loose"
    assert ask(api, "POST", DEPLOYMENTS.replace("/default/", "/loose/"), elsewhere)[0] == 201
    assert create(api, 9, "spared")[0] == 201
    assert create(api, 9)[0] == 422


def test_a_warning_lets_pass_and_is_printed(kubectl: Kubectl, api: Api) -> None:
    install(api, policy(FEW), binding("Warn", "Audit"))
    done = kubectl("create", "-f", "-", stdin=json.dumps(deployment("web", 3)))
    assert "deployment.apps/web created" in done.stdout
    assert (
        "Warning: Validation failed for ValidatingAdmissionPolicy 'few' with binding 'few-bound': "
        "failed expression: object.spec.replicas <= 2"
    ) in done.stderr
    kubectl("patch", "validatingadmissionpolicybinding", "few-bound", "--type=merge",
            '-p={"spec":{"validationActions":["Deny"]}}')  # fmt: skip
    refused = kubectl("scale", "deployment", "web", "--replicas=3").stdout
    assert "scaled" in refused, "scale is another resource"
    denied = kubectl("create", "-f", "-", stdin=json.dumps(deployment("two", 3)), fails=True)
    assert 'The deployments "two" is invalid: : ValidatingAdmissionPolicy' in denied.stderr


def test_what_is_not_known_of_cel_is_told_and_admits(kubectl: Kubectl, api: Api) -> None:
    sums = "object.spec.replicas + 1 <= 2"
    asks = "authorizer.group('apps').resource('deployments').check('create').allowed()"
    given = policy({"expression": sums}, {"expression": asks})
    done = kubectl("create", "-f", "-", stdin=json.dumps(given))
    assert done.stderr.count("is in a part of CEL that is not known here") == 2
    assert sums in done.stderr and "authorizer.group(" in done.stderr
    kubectl("create", "-f", "-", stdin=json.dumps(binding()))
    assert create(api, 9)[0] == 201
    quiet = kubectl("create", "-f", "-", stdin=json.dumps({**policy(FEW), "metadata": {
        "name": "readable"}}))  # fmt: skip
    assert "gcpsim" not in quiet.stderr
