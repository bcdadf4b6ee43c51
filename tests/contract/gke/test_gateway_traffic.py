"""A Gateway with kubectl and curl's eyes: manifests as the pages show them, and real requests."""

import http.client
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

MANIFEST = """
apiVersion: gateway.networking.k8s.io/v1beta1
kind: Gateway
metadata: {name: front, namespace: shop}
spec:
  gatewayClassName: gke-l7-global-external-managed
  listeners:
  - {name: http, protocol: HTTP, port: 80}
---
apiVersion: v1
kind: Service
metadata: {name: through-gateway, namespace: shop}
spec:
  selector: {app: api}
  ports: [{port: 8080, targetPort: 8080}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: api, namespace: shop}
spec:
  parentRefs: [{name: front}]
  hostnames: [gateway.example.com]
  rules:
  - matches: [{path: {type: PathPrefix, value: /api}}]
    filters:
    - type: URLRewrite
      urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /v2}}
    backendRefs: [{name: through-gateway, port: 8080}]
  - matches: [{path: {value: /broken}}]
    backendRefs: [{name: nobody, port: 8080}]
"""
LIMIT = 90.0


@pytest.fixture(scope="module")
def world(sim: Any) -> Iterator[Any]:
    simulator = type(sim)("--dataplane", "--time-scale", "60", "--scenario", "legacy")
    yield simulator
    simulator.stop()


def kubectl(world: Any, *arguments: str, stdin: str = "") -> str:
    program = shutil.which("kubectl")
    if program is None:
        pytest.fail("kubectl is not installed: these tests run the real kubectl, put it in PATH")
    kubeconfig = world.ready["clusters"]["blue"]["kubeconfig"]
    command = [program, "--kubeconfig", kubeconfig, "-n", "shop", *arguments]
    done = subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def get(world: Any, ip: str, path: str) -> tuple[int, bytes]:
    """A request through Google's front end; (0, b"") while nothing is served there."""
    found = [one for one in world.admin("GET", "reach") if (one["ip"], one["port"]) == (ip, 80)]
    if not found:
        return 0, b""
    host, _, port = found[0]["connect"].partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    try:
        connection.request("GET", path, headers={"Host": "gateway.example.com"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def eventually(world: Any, ip: str, path: str, wanted: int) -> bytes:
    limit, seen = time.monotonic() + LIMIT, 0
    while time.monotonic() < limit:
        seen, body = get(world, ip, path)
        if seen == wanted:
            return body
        kubectl(world, "version")  # a moment, without sleeping
    raise AssertionError(f"{path} is answered with {seen}, not {wanted}")


def test_kubectl_makes_a_gateway_that_serves(world: Any) -> None:
    kubectl(world, "apply", "-f", "-", stdin=MANIFEST)
    programmed = "--for=condition=Programmed"
    kubectl(world, "wait", "gateway/front", programmed, "--timeout=60s")
    name, kind, ip, state, _ = kubectl(world, "get", "gtw", "front", "--no-headers").split()
    assert (name, kind, state) == ("front", "gke-l7-global-external-managed", "True")
    assert "True" in kubectl(world, "get", "gatewayclass", "gke-l7-global-external-managed")
    body = json.loads(eventually(world, ip, "/api/x", 200))
    assert (body["namespace"], body["path"]) == ("shop", "/v2/x")
    assert json.loads(eventually(world, ip, "/api", 200))["path"] == "/v2"
    assert eventually(world, ip, "/else", 404) == b"fault filter abort"
    assert eventually(world, ip, "/broken", 500) == b"fault filter abort"
    told = kubectl(world, "describe", "gateway", "front")
    assert "SYNC on shop/front was a success" in told and "sc-gateway-controller" in told
    kubectl(world, "delete", "gateway", "front", "--wait=true", "--timeout=60s")
