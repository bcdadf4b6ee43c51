"""`kubectl logs`: what a pod's stand-in answered, as unmodified clients read it."""

import http.client
import time
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client, config


@pytest.fixture(scope="module")
def world(sim: Any) -> Iterator[Any]:
    simulator = type(sim)("--dataplane", "--time-scale", "1", "--scenario", "legacy")
    yield simulator
    simulator.stop()


def serving(world: Any, namespace: str) -> dict[str, Any]:
    """A pod of a namespace that listens by now."""
    limit = time.monotonic() + 30
    while time.monotonic() < limit:
        for pod in world.admin("GET", "pods"):
            if pod["namespace"] == namespace and "8080" in pod["sockets"]:
                return dict(pod)
    raise AssertionError(f"no pod of {namespace} listens")


def test_a_log_has_what_was_answered(world: Any) -> None:
    pod = serving(world, "shop")
    host, _, port = pod["sockets"]["8080"].partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=5)
    for path in ("/one?a=b", "/two"):
        connection.request("GET", path, headers={"Host": "shop.example.com", "User-Agent": "me"})
        assert connection.getresponse().read()
    connection.close()
    kubeconfig = world.ready["clusters"][pod["cluster"]]["kubeconfig"]
    core = client.CoreV1Api(config.new_client_from_config(kubeconfig))
    name = pod["pod"]
    lines = core.read_namespaced_pod_log(name, "shop").splitlines()
    assert "started" in lines[0]
    assert [line.split('"')[1] for line in lines[1:]] == ["GET /one?a=b", "GET /two"]
    assert '" 200 shop.example.com "me"' in lines[1]
    assert not any("GoogleHC" in line for line in lines), "probes are left out"

    (last,) = core.read_namespaced_pod_log(name, "shop", tail_lines=1, timestamps=True).splitlines()
    stamp, _, rest = last.partition(" ")
    assert stamp.endswith("Z") and '"GET /two"' in rest
    (first,) = core.read_namespaced_pod_log(name, "shop", limit_bytes=20).splitlines()
    assert len(first) == 20
    with pytest.raises(client.ApiException) as refused:
        core.read_namespaced_pod_log("no-such-pod", "shop")
    assert refused.value.status == 404
