"""What pods say of a probed port, and which cause follows from it; its wrong neighbours do not."""

from typing import Any

import pytest
from edgebook.verify import listening
from edgebook.verify.listening import Asked, Ports, said_by

from tests.unit.params_edits import spec_of


def pod(*containers: dict[str, Any], image: str = "api:1", **spec: Any) -> dict[str, Any]:
    named = [{"name": f"c{n}", "image": image, **one} for n, one in enumerate(containers)]
    return {"metadata": {"name": "api-0", "labels": {}}, "spec": {"containers": named, **spec}}


def ports(*pairs: tuple[str, int], **probe: Any) -> dict[str, Any]:
    declared = [{"name": name, "containerPort": number} for name, number in pairs]
    return {"ports": declared, **({"readinessProbe": probe} if probe else {})}


def page(port: Any, path: str = "/healthz", **more: Any) -> dict[str, Any]:
    return {"httpGet": {"port": port, "path": path, **more}}


@pytest.mark.parametrize(
    ("probe", "asked"),
    [
        (page("http"), Asked("HTTP", 8080, "/healthz")),
        (page(9100, scheme="HTTPS"), Asked("HTTPS", 9100, "/healthz")),
        ({"httpGet": {"port": "8080"}}, Asked("HTTP", 8080, "/")),
        (page("gone"), Asked("HTTP", 0, "/healthz")),
        ({"tcpSocket": {"port": "http"}}, Asked("TCP", 8080)),
        ({"grpc": {"port": 8080}}, Asked("GRPC", 8080)),
        ({"exec": {"command": ["true"]}}, Asked("exec")),
    ],
)
def test_a_readiness_probe_is_read(probe: dict[str, Any], asked: Asked) -> None:
    said = said_by([pod(ports(("http", 8080), **probe))])
    assert said.asked == (asked,) and said.declared == {8080} and said.read


def test_sidecars_count_and_what_ends_before_does_not() -> None:
    stays = {"name": "proxy", "restartPolicy": "Always", **ports(("proxy", 15001), **page(15021))}
    ends = {"name": "migrate", **ports(("old", 7000))}
    said = said_by([pod(ports(("http", 8080)), initContainers=[stays, ends])])
    assert said.declared == {8080, 15001} and said.known == {8080, 15001, 15021}
    assert said_by([]) == Ports()


CHECK = "backends.api.health_check"
PORT = "set backends.<name>.health_check.path"


def causes(said: Ports, edits: dict[str, Any], port: int = 8080) -> tuple[str, str, str]:
    """(title, words, remedy) of the first cause for the api backend."""
    backend = spec_of(edits).backends["api"]
    probed = backend.health_check.port or port
    found = [
        *listening.not_listening(said, backend, "shop/api", port),
        *listening.language(said, backend, probed),
        listening.answer(said, backend, "shop/api", probed),
    ]
    trouble, words = found[0]
    return trouble.title, words, trouble.remedy


NOBODY = "nobody listens on the port"
UNPROVEN = "nobody knows whether anybody listens on the port"
PATH = "the health check asks for a page that does not answer 200"
PROTOCOL = "the health check speaks another protocol than the pods"


@pytest.mark.parametrize(
    ("containers", "edits", "title", "words", "remedy"),
    [
        # The kubelet asks the same page: only what it takes besides 200 is left.
        ([ports(("http", 8080), **page("http"))], {}, PATH,
         "/healthz must answer 200 (their readinessProbe takes any 2xx and 3xx)", PORT),
        ([ports(("http", 8080), **page("http", "/ready"))], {}, PATH,
         "the pods' readinessProbe asks /ready there", f"{PORT} to /ready"),
        ([ports(("http", 8080), tcpSocket={"port": 8080})], {}, PATH,
         "port 8080; /healthz must answer 200", PORT),
        # Ready by another port, by a command, by nothing: a declared port proves no listener.
        ([ports(("http", 8080), ("health", 9100), **page("health"))], {}, UNPROVEN,
         "no readinessProbe asks port 8080, the pods are Ready by HTTP on port 9100 (/healthz)",
         "when it is refused, let the pods of shop/api listen there"),
        ([ports(("http", 8080), exec={"command": ["x"]})], {}, UNPROVEN,
         "the pods are Ready by a command", "correct targetPort"),
        ([ports(("http", 8080))], {}, UNPROVEN, "the pods have no readinessProbe", "port-forward"),
        ([ports(("http", 8080)), ports(("side", 15021), **page("side"))], {}, UNPROVEN,
         "Ready by HTTP on port 15021", "port-forward"),
        ([ports(("metrics", 9090), **page(9090))], {}, NOBODY, "name 9090; the endpoints are on",
         "correct targetPort of Service shop/api"),
        # Undeclared, but asked by the kubelet: it listens.
        ([ports(("metrics", 9090), **page(8080, "/"))], {}, PATH, "asks / there", f"{PORT} to /,"),
        ([ports(("http", 8080), **page("http", scheme="HTTPS"))], {}, PROTOCOL,
         "HTTP probes on port 8080, where the pods' readinessProbe speaks HTTPS",
         "health_check.type to HTTPS and backends.<name>.protocol to HTTPS"),
        ([ports(("grpc", 8080), grpc={"port": 8080})], {}, PROTOCOL, "speaks GRPC",
         "health_check.type to GRPC"),
        ([ports(("grpc", 8080), grpc={"port": 8080})], {"backends.api.protocol": "H2C"}, PROTOCOL,
         "speaks GRPC", "health_check.type to GRPC"),
        # A port of the health check's own.
        ([ports(("http", 8080), ("health", 9100), **page("health", "/up"))],
         {CHECK: {"type": "HTTP", "path": "/healthz", "port": 9100}}, PATH, "asks /up there",
         f"{PORT} to /up"),
        ([ports(("http", 8080), **page("http"))],
         {CHECK: {"type": "HTTP", "path": "/healthz", "port": 9100}},
         "the health check probes another port than the endpoints'", "probes go to port 9100",
         "remove backends.<name>.health_check.port"),
        ([ports(("http", 8080), **page(9100))],
         {CHECK: {"type": "HTTP", "path": "/healthz", "port": 9100}}, PATH, "any 2xx and 3xx",
         PORT),
    ],
)  # fmt: skip
def test_the_cause_that_fits(
    containers: list[dict[str, Any]], edits: dict[str, Any], title: str, words: str, remedy: str
) -> None:
    found = causes(said_by([pod(*containers)]), edits)
    assert found[0] == title
    assert words in found[1] and remedy in found[2]
    if title in (NOBODY, PROTOCOL):
        assert "must answer 200" not in found[1] and "health_check.path" not in found[2]
    if title == UNPROVEN:
        assert "must answer 200" not in found[1] and not found[2].startswith("set ")
    if title == PATH:
        assert "targetPort" not in found[2]


def test_tcp_probes_are_told_without_pages() -> None:
    tcp = {CHECK: {"type": "TCP"}}
    shown = causes(said_by([pod(ports(("db", 8080), tcpSocket={"port": 8080}))]), tcp)
    assert shown[0] == "endpoints are not HEALTHY" and "gets an answer there" in shown[1]
    blind = causes(said_by([pod(ports(("db", 8080)))]), tcp)
    assert blind[0] == UNPROVEN and "health_check.path" not in blind[2]


def test_nginx_listens_on_what_it_names_though_the_kubelet_asks_elsewhere() -> None:
    named = ports(("http", 8080), **page(10254))
    nginx = pod(named, image="registry.k8s.io/ingress-nginx/controller:v1")
    title, words, _ = causes(said_by([nginx]), {})
    assert title == PATH and "no readinessProbe" not in words


def test_pods_that_cannot_be_read_say_nothing() -> None:
    title, words, _ = causes(Ports(), {})
    assert title == PATH and words.endswith("/healthz must answer 200")
