"""A pod's documents as an order for the farm: ports, what they speak, phases."""

from typing import Any

import pytest
from gcpsim.core.behaviour import HEALTHY, Behaviour
from gcpsim.dataplane import entries
from gcpsim.k8s.controllers.containers import pages


def pod(*containers: dict[str, Any], running: bool = True, **meta: Any) -> dict[str, Any]:
    state = {"running": {}} if running else {"terminated": {}}
    states = [{"name": c["name"], "containerID": c["name"], "state": state} for c in containers]
    return {
        "metadata": {"name": "web-1", "namespace": "shop", "labels": {"app": "web"}, **meta},
        "spec": {"containers": list(containers)},
        "status": {"containerStatuses": states},
    }


def container(*ports: tuple[str, int], **more: Any) -> dict[str, Any]:
    return {"name": "web", "ports": [{"name": n, "containerPort": p} for n, p in ports], **more}


def service(*ports: dict[str, Any], app: str = "web") -> dict[str, Any]:
    return {"spec": {"selector": {"app": app}, "ports": list(ports)}}


def probe(port: Any, scheme: str = "HTTP") -> dict[str, Any]:
    return {"readinessProbe": {"httpGet": {"path": "/", "port": port, "scheme": scheme}}}


def test_pages_are_those_that_probes_of_any_kind_ask_for_by_http() -> None:
    app = {
        "ports": [{"name": "web", "containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": "web"}},
        "livenessProbe": {"httpGet": {"path": "/alive?deep=1", "port": 8080}},
        "startupProbe": {"tcpSocket": {"port": 9100}},
    }
    side = {"readinessProbe": {"httpGet": {"port": 10254}}}
    assert pages({"containers": [app, side]}) == {8080: {"/healthz", "/alive"}, 10254: {"/"}}


@pytest.mark.parametrize(
    ("made", "services", "wanted"),
    [
        (container(("mqtt", 8883)), [], {8883: ""}),
        (container(("http", 8080), ("https", 8443)), [], {8080: "http", 8443: "https"}),
        (container(("web", 8080), **probe("web")), [], {8080: "http"}),
        (container(("web", 8443), **probe(8443, "HTTPS")), [], {8443: "https"}),
        (container(("web", 8080), **probe(10254)), [], {8080: "", 10254: "http"}),
        (container(("web", 8080)), [service({"port": 80, "targetPort": 9100})],
         {8080: "", 9100: ""}),
        (container(("web", 8080)), [service({"port": 80, "targetPort": "gone"})], {8080: ""}),
        (container(("web", 8080)),
         [service({"port": 80, "targetPort": "web", "appProtocol": "HTTPS"})], {8080: "https"}),
        (container(("web", 8080)),
         [service({"port": 80, "targetPort": "web", "appProtocol": "kubernetes.io/h2c"})],
         {8080: ""}),
        (container(("web", 8080)), [service({"port": 1, "targetPort": 5}, app="other")],
         {8080: ""}),
        (container(("dns", 53)), [service({"port": 5353, "targetPort": 5353, "protocol": "UDP"})],
         {53: ""}),
    ],
)  # fmt: skip
def test_ports(made: Any, services: list[Any], wanted: dict[int, str]) -> None:
    assert entries.ports(pod(made), services) == wanted


def test_ports_of_containers_that_have_ended_are_closed() -> None:
    side = {"name": "side", "ports": [{"name": "metrics", "containerPort": 9100}]}
    both = pod(container(("web", 8080)), side)
    both["status"]["containerStatuses"][1]["state"] = {"terminated": {}}
    assert entries.ports(both, []) == {8080: ""}
    assert entries.ports(pod(side, running=False), [service({"port": 1, "targetPort": 2})]) == {}


def test_phases() -> None:
    def told(ready: str, *, deleting: bool, live: bool = True, mood: Behaviour = HEALTHY) -> str:
        made = pod(
            container(), **({"deletionTimestamp": "2026-11-26T00:00:00Z"} if deleting else {})
        )
        made["status"]["conditions"] = [{"type": "ContainersReady", "status": ready}]
        return entries.phase(made, mood, live=live)

    assert told("True", deleting=False) == told("False", deleting=False) == "serving"
    assert told("True", deleting=True) == "serving", "preStop runs"
    assert told("False", deleting=True) == "ending"
    assert told("False", deleting=True, mood=Behaviour(ignore_sigterm=True)) == "serving"
    assert told("True", deleting=False, live=False) == "lost"


def test_controllers_of_ingress_nginx() -> None:
    image = "registry.k8s.io/ingress-nginx/controller:v1.13.3"
    ports = (("http", 80), ("https", 443), ("webhook", 8443))
    made = pod(container(*ports, image=image))
    assert entries.is_ingress_nginx(made)
    assert entries.routed(made) == [80, 443]
    assert entries.is_ingress_nginx(pod(container(args=["/nginx-ingress-controller"])))
    assert not entries.is_ingress_nginx(pod(container(image="nginx:1.29")))


def test_what_is_staged_wins_over_a_controllers_manners() -> None:
    made = pod(container(), annotations={"gcpsim.example.com/keepalive": "5s"})
    order = entries.entry(
        "blue/shop/web-1", "127.40.128.1", made, about={}, listening={8080: "http"}, live=True,
        certificates=[], ingress="blue", manners={"keepalive": 75.0, "proxy_protocol": "on"},
    )  # fmt: skip
    assert order["behaviour"]["keepalive"] == 5
    assert order["behaviour"]["proxy_protocol"] == "on"
