"""`kubectl port-forward` to a pod's stand-in, in all the ways in which clients ask for it."""

import contextlib
import http.client
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client, config
from kubernetes.stream import portforward

LIMIT = 60.0
FORWARDING = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+) -> (\d+)")


@pytest.fixture(scope="module")
def world(sim: Any) -> Iterator[Any]:
    simulator = type(sim)("--dataplane", "--time-scale", "1", "--scenario", "legacy")
    yield simulator
    simulator.stop()


@pytest.fixture(scope="module")
def pod(world: Any) -> dict[str, Any]:
    """A pod of the shop that listens on 8080."""
    limit = time.monotonic() + 30
    while time.monotonic() < limit:
        for one in world.admin("GET", "pods"):
            if one["namespace"] == "shop" and "8080" in one["sockets"]:
                return dict(one)
    raise AssertionError("no pod of the shop listens")


@pytest.fixture
def core(world: Any, pod: dict[str, Any]) -> Iterator[Any]:
    """The Python client for the pod's cluster."""
    made = config.new_client_from_config(world.ready["clusters"][pod["cluster"]]["kubeconfig"])
    yield client.CoreV1Api(made)
    made.close()


def kubectl(world: Any, cluster: str, *arguments: str) -> list[str]:
    program = shutil.which("kubectl")
    if program is None:
        pytest.fail("kubectl is not installed: these tests run the real kubectl, put it in PATH")
    kubeconfig = world.ready["clusters"][cluster]["kubeconfig"]
    return [program, "--kubeconfig", kubeconfig, "-n", "shop", *arguments]


@contextlib.contextmanager
def forwarding(
    world: Any, pod: dict[str, Any], what: str, *ports: str, spdy: bool = False
) -> Iterator[tuple[list[int], list[str]]]:
    """kubectl forwards while this lasts: (ports of this machine, what it says on its errors)."""
    environment = {**os.environ, "KUBECTL_PORT_FORWARD_WEBSOCKETS": str(not spdy).lower()}
    command = kubectl(world, pod["cluster"], "port-forward", what, *(f":{port}" for port in ports))
    errors: list[str] = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as program:
        end = threading.Timer(LIMIT, program.kill)
        end.start()
        assert program.stdout is not None and program.stderr is not None
        listening = threading.Thread(target=lambda: errors.extend(program.stderr or ()))
        listening.start()
        found: list[int] = []
        try:
            while len(found) < len(ports):
                line = program.stdout.readline()
                assert line, "".join(errors)
                told = FORWARDING.match(line)
                found += [int(told[1])] if told else []
            yield found, errors
        finally:
            end.cancel()
            program.terminate()
            program.wait(10)
            listening.join(10)


def get(port: int, path: str, body: bytes | None = None) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("POST" if body else "GET", path, body)
        return connection.getresponse().read()
    finally:
        connection.close()


@pytest.mark.parametrize("spdy", [False, True], ids=["websocket", "spdy"])
def test_kubectl_forwards_to_a_pod(world: Any, pod: dict[str, Any], spdy: bool) -> None:
    with forwarding(world, pod, f"pod/{pod['pod']}", "8080", spdy=spdy) as ((port,), errors):
        assert f'"pod": "{pod["pod"]}"'.encode() in get(port, "/hello")
        large = os.urandom(700_000)
        assert get(port, "/x?pod-echo=1", large) == large
        many = [threading.Thread(target=get, args=(port, "/x?pod-bytes=300000")) for _ in range(8)]
        for one in many:
            one.start()
        for one in many:
            one.join(30)
            assert not one.is_alive()
        assert len(get(port, "/x?pod-bytes=2000000")) == 2_000_000
    assert errors == []


@pytest.mark.parametrize("spdy", [False, True], ids=["websocket", "spdy"])
def test_a_port_on_which_nothing_listens(world: Any, pod: dict[str, Any], spdy: bool) -> None:
    with (
        forwarding(world, pod, f"pod/{pod['pod']}", "81", spdy=spdy) as ((port,), errors),
        pytest.raises((http.client.HTTPException, ConnectionError)),
    ):
        get(port, "/")
    said = "".join(errors)
    assert "an error occurred forwarding" in said
    assert "dial tcp4 127.0.0.1:81: connect: connection refused" in said


def test_a_service_leads_to_one_of_its_pods(world: Any, pod: dict[str, Any], core: Any) -> None:
    labels = core.read_namespaced_pod(pod["pod"], "shop").metadata.labels
    (service,) = [
        one for one in core.list_namespaced_service("shop").items
        if one.spec.selector and one.spec.selector.items() <= labels.items()
    ][:1]  # fmt: skip
    number = str(service.spec.ports[0].port)
    with forwarding(world, pod, f"service/{service.metadata.name}", number) as ((port,), _):
        assert b'"namespace": "shop"' in get(port, "/")


def test_the_python_client_forwards(pod: dict[str, Any], core: Any) -> None:
    forward = portforward(
        core.connect_get_namespaced_pod_portforward, pod["pod"], "shop", ports="8080,81"
    )
    socket = forward.socket(8080)
    socket.settimeout(20)
    socket.sendall(b"GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = b""
    while f'"pod": "{pod["pod"]}"'.encode() not in answer:
        data = socket.recv(65536)
        assert data, answer
        answer += data
    assert answer.startswith(b"HTTP/1.1 200 OK")
    limit = time.monotonic() + 20
    while not forward.error(81):
        assert time.monotonic() < limit, "the refusal does not come"
    assert "connection refused" in forward.error(81)
    forward.close()
    forward.websocket.close()


def test_requests_are_passed_on_to_pods_and_services(
    world: Any, pod: dict[str, Any], core: Any
) -> None:
    program = kubectl(world, pod["cluster"], "get", "--raw")

    def raw(path: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*program, f"/api/v1/{path}"], capture_output=True, text=True, timeout=LIMIT,
            check=False,
        )  # fmt: skip

    place = f"namespaces/shop/pods/{pod['pod']}"
    answer = raw(f"{place}:8080/proxy/some/page?q=1").stdout
    assert f'"pod": "{pod["pod"]}"' in answer and '"path": "/some/page"' in answer
    assert pod["pod"] in core.connect_get_namespaced_pod_proxy(f"{pod['pod']}:8080", "shop")
    assert "dial tcp" in raw(f"{place}:81/proxy/").stderr
    labels = core.read_namespaced_pod(pod["pod"], "shop").metadata.labels
    (service,) = [
        one for one in core.list_namespaced_service("shop").items
        if one.spec.selector and one.spec.selector.items() <= labels.items()
    ][:1]  # fmt: skip
    services = f"namespaces/shop/services/{service.metadata.name}"
    assert '"namespace": "shop"' in raw(f"{services}:{service.spec.ports[0].port}/proxy/").stdout
    said = raw(f"{services}:9/proxy/").stderr
    assert 'no service port "9" found for service' in said
    node = core.list_node().items[0].metadata.name
    assert "nodes/proxy is not simulated" in raw(f"nodes/{node}/proxy/metrics").stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("exec", "{pod}", "--", "ls"), "pods/exec is not simulated"),
        (("cp", "/etc/hostname", "{pod}:/tmp/x"), "pods/exec is not simulated"),
        (("attach", "{pod}"), "pods/attach is not simulated"),
        (("debug", "{pod}", "--image=busybox"), "pods/ephemeralcontainers is not simulated"),
        (("port-forward", "no-such-pod", ":80"), 'pods "no-such-pod" not found'),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_what_needs_a_process_is_refused_in_one_line(
    world: Any, pod: dict[str, Any], arguments: tuple[str, ...], words: str
) -> None:
    command = kubectl(world, pod["cluster"], *(one.format(pod=pod["pod"]) for one in arguments))
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=LIMIT, check=False, input=""
    )
    assert done.returncode != 0
    (line,) = [one for one in done.stderr.splitlines() if one.startswith(("Error", "error"))]
    assert words in line
