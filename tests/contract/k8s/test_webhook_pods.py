"""Webhooks whose Service leads to pods: their stand-ins answer, as they are told to."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config
from webhook_server import Webhook, configuration

NAMESPACE = "guard"
WHERE = {"cluster": "blue", "namespace": NAMESPACE, "pod": "guard-*"}


@pytest.fixture(scope="module", params=["--dataplane", "--no-dataplane"])
def world(sim: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    simulator = type(sim)(request.param, "--time-scale", "0", "--scenario", "legacy")
    simulator.traffic = request.param == "--dataplane"
    install(simulator)
    yield simulator
    simulator.stop()


def apis(world: Any) -> Any:
    kubeconfig = world.ready["clusters"]["blue"]["kubeconfig"]
    return config.new_client_from_config(kubeconfig)


def install(world: Any) -> None:
    """A guard in a namespace of its own: a Deployment, a Service and a configuration."""
    api = apis(world)
    core, apps = client.CoreV1Api(api), client.AppsV1Api(api)
    core.create_namespace({"metadata": {"name": NAMESPACE}})
    labels = {"app": "guard"}
    container = {"name": "guard", "image": "guard", "ports": [{"containerPort": 8443}]}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    apps.create_namespaced_deployment(NAMESPACE, {"metadata": {"name": "guard"}, "spec": spec})
    ports = [{"port": 443, "targetPort": 8443}]
    core.create_namespaced_service(
        NAMESPACE, {"metadata": {"name": "guard"}, "spec": {"selector": labels, "ports": ports}}
    )
    limit = time.monotonic() + 30
    while not ready(core):
        assert time.monotonic() < limit, "the guard's pod does not get ready"
    if world.traffic:
        while not [p for p in world.admin("GET", "pods")
                   if p["namespace"] == NAMESPACE and "8443" in p["sockets"]]:  # fmt: skip
            assert time.monotonic() < limit, "the guard's pod does not listen"
    made = configuration(
        "Validating", "guard", {"service": {"name": "guard", "namespace": NAMESPACE}},
        timeoutSeconds=1,
    )  # fmt: skip
    client.AdmissionregistrationV1Api(api).create_validating_webhook_configuration(made)


def ready(core: Any) -> bool:
    slices = client.DiscoveryV1Api(core.api_client).list_namespaced_endpoint_slice(NAMESPACE)
    return any(e.conditions.ready for s in slices.items for e in s.endpoints or ())


def try_to_create(world: Any) -> str:
    """Create a ConfigMap, and why it can't be; "" when it can."""
    core = client.CoreV1Api(apis(world))
    try:
        core.create_namespaced_config_map("default", {"metadata": {"generateName": "x-"}})
    except client.ApiException as error:
        return str(json.loads(error.body)["message"])
    return ""


def test_a_stand_in_allows(world: Any) -> None:
    assert try_to_create(world) == ""


@pytest.mark.parametrize(
    ("direction", "more", "words"),
    [
        ("pod-deny", {"text": "not on Fridays"},
         'admission webhook "guard.example.com" denied the request: not on Fridays'),
        ("pod-fail", {}, "the server is currently unable to handle the request"),
        ("pod-hang", {}, "?timeout=1s\": context deadline exceeded"),
        ("pod-refuse", {}, "connect: connection refused"),
    ],
)  # fmt: skip
def test_stage_directions_make_it_fail(
    world: Any, direction: str, more: dict[str, str], words: str
) -> None:
    world.admin("POST", "stage/" + direction, {**WHERE, **more})
    settle(world)
    try:
        assert words in try_to_create(world)
    finally:
        world.admin("POST", "stage/pod-heal", WHERE)
        settle(world)
    assert try_to_create(world) == ""


def settle(world: Any) -> None:
    """Readiness follows a pod's mood; the webhook is asked while it still counts as ready."""
    core = client.CoreV1Api(apis(world))
    limit = time.monotonic() + 30
    while not ready(core):
        assert time.monotonic() < limit, "the guard's pod does not get ready"


def test_a_process_in_its_place_decides(world: Any, tmp_path: Path) -> None:
    if not world.traffic:
        assert try_to_create(world) == "", "without traffic there is no place for a process"
        return
    server = Webhook(tmp_path, f"guard.{NAMESPACE}.svc")
    api = apis(world)
    hooks = client.AdmissionregistrationV1Api(api)
    (pod,) = client.CoreV1Api(api).list_namespaced_pod(NAMESPACE).items
    place = {"ip": pod.status.pod_ip, "port": "8443"}
    world.admin("POST", "stage/endpoint-serve", {**place, "socket": f"127.0.0.1:{server.port}"})
    try:
        assert "x509: certificate signed by unknown authority" in try_to_create(world)
        bundle = [{"op": "add", "path": "/webhooks/0/clientConfig/caBundle",
                   "value": server.bundle}]  # fmt: skip
        hooks.patch_validating_webhook_configuration("guard", bundle)
        server.decide = lambda request: {"allowed": False, "status": {"message": "mine"}}
        assert try_to_create(world).endswith("denied the request: mine")
        server.decide = lambda request: {"allowed": True}
        assert try_to_create(world) == ""
    finally:
        world.admin("POST", "stage/endpoint-serve", {**place, "socket": ""})
        server.stop()
