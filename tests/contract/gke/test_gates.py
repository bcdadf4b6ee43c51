"""The readiness gate of NEGs and its traps, through the official clients."""

from typing import Any

from google.cloud import compute_v1

from .conftest import PROJECT, ready
from .test_neg_life import NAMESPACE, SERVICE, WISH, ZONES, attach

GATE = "cloud.google.com/load-balancer-neg-ready"


def gate(pod: Any) -> tuple[str, str, str]:
    """(status, reason, message) of the gate's condition; empty when it is not there."""
    for condition in pod.status.conditions or []:
        if condition.type == GATE:
            return condition.status, condition.reason, condition.message
    return "", "", ""


def serve(sim: Any) -> None:
    """A frontend before the backend service, so that health is evaluated."""
    link = f"projects/{PROJECT}/global"
    for client, resource, body in (
        (compute_v1.UrlMapsClient, "url_map_resource",
         {"name": "shop", "default_service": f"{link}/backendServices/shop-web"}),
        (compute_v1.TargetHttpProxiesClient, "target_http_proxy_resource",
         {"name": "shop", "url_map": f"{link}/urlMaps/shop"}),
        (compute_v1.GlobalForwardingRulesClient, "forwarding_rule_resource",
         {"name": "shop", "target": f"{link}/targetHttpProxies/shop", "port_range": "80",
          "load_balancing_scheme": "EXTERNAL_MANAGED"}),
    ):  # fmt: skip
        sim.compute(client).insert(project=PROJECT, **{resource: body})
        sim.advance(60)


def firewall(sim: Any, tag: str, port: str) -> None:
    sim.compute(compute_v1.FirewallsClient).insert(
        project=PROJECT,
        firewall_resource={
            "name": f"allow-lb-{port}",
            "network": f"projects/{PROJECT}/global/networks/default",
            "source_ranges": ["35.191.0.0/16", "130.211.0.0/22"],
            "target_tags": [tag],
            "allowed": [{"I_p_protocol": "tcp", "ports": [port]}],
        },
    )
    sim.advance(60)


def exposed(blue: Any) -> str:
    """NEGs in a backend service with a frontend; gives the nodes' tag."""
    blue.annotate(NAMESPACE, SERVICE, WISH)
    blue.pass_time(30)
    attach(blue.sim, "shop-web", ZONES)
    serve(blue.sim)
    path = f"/v1/projects/{PROJECT}/locations/us-central1/clusters/blue"
    cluster = blue.sim.http("GET", path)[1]
    return f"gke-{cluster['name']}-{cluster['id'][:8]}-node"


def roll(blue: Any) -> None:
    blue.direct("rollout", cluster="blue", namespace=NAMESPACE, deployment=SERVICE)


def test_a_pod_is_ready_when_its_load_balancer_says_so(stage: Any) -> None:
    blue = stage("greenfield")
    firewall(blue.sim, exposed(blue), "443")
    blue.pass_time(60)
    old = {p.metadata.name for p in blue.pods(NAMESPACE)}
    roll(blue)
    blue.pass_time(16)
    (young,) = [p for p in blue.pods(NAMESPACE) if p.metadata.name not in old]
    assert gate(young)[:2] == ("", "LoadBalancerNegNotReady")
    assert gate(young)[2].startswith(
        "Waiting for pod to become healthy in at least one of the NEG(s)"
    )
    reasons = {c.type: c.reason for c in young.status.conditions}
    assert reasons["Ready"] == "ReadinessGatesNotReady" and not ready(young)
    assert len([p for p in blue.pods(NAMESPACE) if p.metadata.name in old]) == 6
    blue.pass_time(60)
    young = blue.core.read_namespaced_pod(young.metadata.name, NAMESPACE)
    assert gate(young)[:2] == ("True", "LoadBalancerNegReady")
    assert "has become Healthy in NEG" in gate(young)[2] and "shop-web" in gate(young)[2]
    assert ready(young)


def test_a_broken_health_check_stalls_the_rollout_ten_minutes_a_step(stage: Any) -> None:
    blue = stage("greenfield")
    exposed(blue)  # no firewall rule lets the probes in
    old = {p.metadata.name for p in blue.pods(NAMESPACE)}
    roll(blue)
    blue.pass_time(500)
    names = {p.metadata.name for p in blue.pods(NAMESPACE)}
    (young,) = names - old
    assert names >= old
    assert gate(blue.core.read_namespaced_pod(young, NAMESPACE))[1] == "LoadBalancerNegNotReady"
    blue.pass_time(120)
    pod = blue.core.read_namespaced_pod(young, NAMESPACE)
    assert gate(pod)[:2] == ("True", "LoadBalancerNegTimeout") and ready(pod)
    assert len({p.metadata.name for p in blue.pods(NAMESPACE)} - old) == 2


def test_pods_from_before_the_annotation_lack_the_gate(stage: Any) -> None:
    blue = stage("greenfield")
    exposed(blue)
    assert not any(p.spec.readiness_gates for p in blue.pods(NAMESPACE))
    assert all(ready(p) for p in blue.pods(NAMESPACE))
    assert not any(p.spec.readiness_gates for p in blue.pods("shop"))
