"""Webhook configurations are called, and kubectl shows what they decide."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Kubectl
from gcpsim.k8s.objects.cluster import Cluster
from served import Api
from webhook_server import Webhook, configuration, patching

Doc = dict[str, Any]


@pytest.fixture
def webhook(tmp_path: Path) -> Iterator[Webhook]:
    server = Webhook(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def install(kubectl: Kubectl, webhook: Webhook) -> Any:
    """Apply a configuration with one webhook that leads to the server."""

    def apply(kind: str = "Validating", name: str = "a-check", **options: Any) -> None:
        url = f"https://127.0.0.1:{webhook.port}/check"
        client = {"url": url, "caBundle": webhook.bundle}
        options.setdefault("clientConfig", client)
        made = configuration(kind, name, options.pop("clientConfig"), **options)
        kubectl("apply", "-f", "-", stdin=json.dumps(made))

    return apply


def configmap(name: str = "one", **more: Any) -> str:
    metadata = {"name": name, "namespace": "default", **more}
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata,
                       "data": {"a": "b"}})  # fmt: skip


def test_a_validating_webhook_refuses_in_its_own_words(
    kubectl: Kubectl, webhook: Webhook, install: Any
) -> None:
    install()
    webhook.decide = lambda request: {
        "allowed": request["object"]["metadata"].get("labels", {}).get("team") == "shop",
        "status": {"code": 403, "message": "a team is missing"},
        "warnings": ["teams will be checked against a list"],
    }
    refused = kubectl("apply", "-f", "-", stdin=configmap(), fails=True).stderr
    assert 'admission webhook "a-check.example.com" denied the request: a team is missing' in (
        refused
    )
    assert kubectl("get", "configmap", "one", "--ignore-not-found").stdout == ""
    said = kubectl("apply", "-f", "-", stdin=configmap(labels={"team": "shop"}))
    assert "created" in said.stdout
    assert "Warning: teams will be checked against a list" in said.stderr
    asked = webhook.requests[-1]
    assert (asked["operation"], asked["name"], asked["namespace"]) == ("CREATE", "one", "default")
    assert asked["kind"] == {"group": "", "version": "v1", "kind": "ConfigMap"}
    assert asked["resource"] == {"group": "", "version": "v1", "resource": "configmaps"}
    assert asked["userInfo"]["username"] == "gcpsim" and asked["dryRun"] is False
    assert asked["object"]["metadata"]["uid"] and asked["oldObject"] is None
    assert webhook.paths[-1] == "/check?timeout=10s"


def test_changes_and_deletions_are_asked_about(
    kubectl: Kubectl, webhook: Webhook, install: Any
) -> None:
    kubectl("create", "configmap", "one", "--from-literal=a=b")
    install()
    kubectl("label", "configmap", "one", "x=y")
    asked = webhook.requests[-1]
    assert asked["operation"] == "UPDATE"
    assert "labels" not in asked["oldObject"]["metadata"]
    assert asked["object"]["metadata"]["labels"] == {"x": "y"}
    kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=configmap())
    assert webhook.requests[-1]["operation"] == "UPDATE"
    before = len(webhook.requests)
    kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", stdin=configmap("two"))
    assert webhook.requests[-1]["dryRun"] is True and len(webhook.requests) > before
    webhook.decide = lambda request: {"allowed": False}
    refused = kubectl("delete", "configmap", "one", fails=True).stderr
    assert "denied the request without explanation" in refused
    assert webhook.requests[-1]["operation"] == "DELETE"
    assert webhook.requests[-1]["object"] is None
    kubectl("delete", "validatingwebhookconfiguration", "a-check")
    kubectl("delete", "configmap", "one")


def test_a_mutating_webhook_changes_the_object(
    kubectl: Kubectl, webhook: Webhook, install: Any, cluster: Cluster
) -> None:
    install("Mutating")
    webhook.decide = lambda request: patching(
        {"op": "add", "path": "/data/injected", "value": "yes"}
    )
    kubectl("apply", "-f", "-", stdin=configmap())
    stored = cluster.require("configmaps", "default", "one")
    assert stored["data"] == {"a": "b", "injected": "yes"}
    assert "uid" not in webhook.requests[0]["object"]["metadata"], "it is not stored yet"
    kubectl("create", "configmap", "two", "--from-literal=a=b")
    assert cluster.require("configmaps", "default", "two")["data"]["injected"] == "yes"
    webhook.decide = lambda request: patching({"op": "remove", "path": "/data/nothing"})
    refused = kubectl("create", "configmap", "three", "--from-literal=a=b", fails=True).stderr
    assert "Internal error occurred" in refused
    webhook.decide = lambda request: patching({"op": "replace", "path": "/data", "value": "text"})
    refused = kubectl("create", "configmap", "three", "--from-literal=a=b", fails=True).stderr
    assert "Internal error occurred" in refused


def test_later_webhooks_see_what_earlier_ones_did(
    kubectl: Kubectl, webhook: Webhook, install: Any, cluster: Cluster
) -> None:
    def decide(request: Doc) -> Doc:
        data = request["object"].get("data", {})
        if "first" not in data:
            return patching({"op": "add", "path": "/data/first", "value": "1"})
        if "second" not in data:
            return patching({"op": "add", "path": "/data/second", "value": "2"})
        return {"allowed": True}

    webhook.decide = decide
    install("Mutating", "a-first", reinvocationPolicy="IfNeeded")
    install("Mutating", "b-second")
    install("Validating", "c-check")
    kubectl("apply", "-f", "-", stdin=configmap())
    assert cluster.require("configmaps", "default", "one")["data"] == {
        "a": "b", "first": "1", "second": "2",
    }  # fmt: skip
    seen = [sorted(one["object"]["data"]) for one in webhook.requests]
    assert seen == [["a"], ["a", "first"], ["a", "first", "second"], ["a", "first", "second"]], (
        "the first is asked again, since the second changed what it had seen"
    )


SERVICE = {"service": {"namespace": "default", "name": "hook", "path": "/check"}}
START = (
    'Internal error occurred: failed calling webhook "a-check.example.com": failed to call '
    'webhook: Post "https://hook.default.svc:443/check?timeout=10s": '
)


def test_a_service_that_does_not_answer(kubectl: Kubectl, install: Any, cluster: Cluster) -> None:
    install(clientConfig=SERVICE)
    create = ("create", "configmap", "one", "--from-literal=a=b")
    refused = kubectl(*create, fails=True).stderr
    assert START + 'service "hook" not found' in refused
    kubectl("create", "service", "clusterip", "hook", "--tcp=443:8443")
    refused = kubectl(*create, fails=True).stderr
    assert START + 'no endpoints available for service "hook"' in refused
    install(clientConfig=SERVICE, failurePolicy="Ignore")
    kubectl(*create)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ((500, b"out of order"), 'an error on the server ("out of order") has prevented'),
        ((404, b""), "the server could not find the requested resource"),
        ((200, b"<html>"), "received invalid webhook response"),
        (
            (200, b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview",'
                  b'"response":{"uid":"x","allowed":true}}'),
            "expected response.uid=",
        ),
    ],
    ids=["500", "404", "page", "uid"],
)  # fmt: skip
def test_answers_that_are_none(
    kubectl: Kubectl, webhook: Webhook, install: Any, raw: tuple[int, bytes], words: str
) -> None:
    webhook.raw = raw
    install()
    refused = kubectl("create", "configmap", "one", "--from-literal=a=b", fails=True).stderr
    assert "Internal error occurred: failed calling webhook" in refused and words in refused
    install(failurePolicy="Ignore")
    kubectl("create", "configmap", "one", "--from-literal=a=b")


def test_who_it_does_not_know_is_not_trusted(
    kubectl: Kubectl, webhook: Webhook, install: Any
) -> None:
    install(clientConfig={"url": f"https://127.0.0.1:{webhook.port}/check"})
    refused = kubectl("create", "configmap", "one", "--from-literal=a=b", fails=True).stderr
    assert "x509: certificate signed by unknown authority" in refused
    assert webhook.requests == []


def test_selectors_and_conditions_decide_who_is_asked(
    kubectl: Kubectl, webhook: Webhook, install: Any
) -> None:
    webhook.decide = lambda request: {"allowed": False}
    kubectl("create", "namespace", "left")
    kubectl("label", "namespace", "left", "checks=off")
    install(
        namespaceSelector={"matchExpressions": [
            {"key": "checks", "operator": "NotIn", "values": ["off"]}]},
        objectSelector={"matchLabels": {"app": "shop"}},
        matchConditions=[
            {"name": "not-robots", "expression": "!(request.name.startsWith('robot-'))"}],
    )  # fmt: skip
    shop = {"labels": {"app": "shop"}}
    kubectl("apply", "-f", "-", stdin=configmap("plain"))
    kubectl("apply", "-f", "-", stdin=configmap("robot-1", **shop))
    kubectl("apply", "-f", "-", stdin=configmap("away", **shop).replace("default", "left"))
    assert webhook.requests == []
    kubectl("apply", "-f", "-", stdin=configmap("asked", **shop), fails=True)
    assert [one["name"] for one in webhook.requests] == ["asked"]


def test_configurations_are_completed_and_checked(
    kubectl: Kubectl, api: Api, cluster: Cluster, install: Any
) -> None:
    install()
    (hook,) = cluster.require("validatingwebhookconfigurations", None, "a-check")["webhooks"]
    assert (hook["failurePolicy"], hook["timeoutSeconds"], hook["matchPolicy"]) == (
        "Fail", 10, "Equivalent",
    )  # fmt: skip
    before = cluster.resource_version()
    install()
    assert cluster.resource_version() == before, "nothing is written when nothing changes"
    wrong = configuration(
        "Mutating", "short", {"url": "http://x.example.com"}, timeoutSeconds=31,
        sideEffects="Some", failurePolicy="Maybe", admissionReviewVersions=["v9"],
    )  # fmt: skip
    wrong["webhooks"][0]["name"] = "short"
    refused = kubectl("apply", "-f", "-", stdin=json.dumps(wrong), fails=True).stderr
    for part in (
        "should be a domain with at least three segments", "'https' is the only allowed URL scheme",
        "between 1 and 30 seconds", 'Unsupported value: "Some"', 'Unsupported value: "Maybe"',
        "must include at least one of v1, v1beta1",
    ):  # fmt: skip
        assert part in refused, refused
