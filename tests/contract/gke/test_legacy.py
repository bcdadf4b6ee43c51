"""The world that teams come from: passthrough load balancer, Ingress, cert-manager, DNS."""

import base64
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from google.api_core import exceptions
from google.cloud import compute_v1
from kubernetes import client

from .conftest import PROJECT

NAMESPACE, SERVICE = "ingress-nginx", "ingress-nginx-controller"
REGION = "us-central1"


def parts(blue: Any) -> dict[str, Any]:
    """The Compute Engine resources of the Service's load balancer, by collection."""
    uid = blue.core.read_namespaced_service(SERVICE, NAMESPACE).metadata.uid
    name = ("a" + uid.replace("-", ""))[:32]
    rules = blue.sim.compute(compute_v1.ForwardingRulesClient)
    pools = blue.sim.compute(compute_v1.TargetPoolsClient)
    walls = blue.sim.compute(compute_v1.FirewallsClient)
    return {
        "name": name,
        "rule": [r for r in rules.list(project=PROJECT, region=REGION) if r.name == name],
        "pool": [p for p in pools.list(project=PROJECT, region=REGION) if p.name == name],
        "walls": {
            w.name: w
            for w in walls.list(project=PROJECT)
            if w.name == f"k8s-fw-{name}" or w.name.endswith("-node-http-hc")
        },
    }


def test_the_load_balancer_is_what_gke_makes(stage: Any) -> None:
    blue = stage("legacy")
    service = blue.core.read_namespaced_service(SERVICE, NAMESPACE)
    ip = service.status.load_balancer.ingress[0].ip
    found = parts(blue)
    (rule,), (pool,) = found["rule"], found["pool"]
    assert (rule.I_p_address, rule.I_p_protocol, rule.port_range) == (ip, "TCP", "80-443")
    assert rule.description == f'{{"kubernetes.io/service-name":"{NAMESPACE}/{SERVICE}"}}'
    assert rule.target.endswith(f"regions/{REGION}/targetPools/{found['name']}")
    nodes = {n.metadata.name for n in blue.core.list_node().items}
    assert {url.rpartition("/")[2] for url in pool.instances} == nodes
    assert len(found["walls"]) == 2
    clients = found["walls"][f"k8s-fw-{found['name']}"]
    assert list(clients.source_ranges) == ["0.0.0.0/0"]
    assert list(clients.allowed[0].ports) == ["80", "443"]
    address = blue.sim.compute(compute_v1.AddressesClient).get(
        project=PROJECT, region=REGION, address="shop-legacy"
    )
    assert (address.address, address.status) == (ip, "IN_USE")
    assert list(address.users) == [rule.self_link]


def test_ingress_dns_and_certificates_point_at_it(stage: Any) -> None:
    blue = stage("legacy")
    ip = blue.core.read_namespaced_service(SERVICE, NAMESPACE).status.load_balancer.ingress[0].ip
    ingresses = blue.networking.list_namespaced_ingress("shop").items
    assert {i.status.load_balancer.ingress[0].ip for i in ingresses} == {ip}
    hosts = {r.host: [p.path for p in r.http.paths] for i in ingresses for r in i.spec.rules}
    assert hosts["shop.example.com"] == ["/api", "/"]
    zone = blue.sim.dns(PROJECT).zone("shop-example", "example.com.")
    records = {r.name: r.rrdatas for r in zone.list_resource_record_sets() if r.record_type == "A"}
    assert records == {f"{host}.": [ip] for host in hosts}
    for secret, names in (
        ("shop-legacy-tls", ["shop.example.com", "www.shop.example.com"]),
        ("admin-legacy-tls", ["admin.shop.example.com"]),
    ):
        data = blue.core.read_namespaced_secret(secret, "shop").data["tls.crt"]
        leaf = x509.load_pem_x509_certificate(base64.b64decode(data))
        san = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        assert san.value.get_values_for_type(x509.DNSName) == names
        certificate = blue.custom.get_namespaced_custom_object(
            "cert-manager.io", "v1", "shop", "certificates", secret
        )
        status = certificate["status"]
        assert status["conditions"][0]["status"] == "True"
        assert leaf.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ") == status["notAfter"]
        age = leaf.not_valid_after_utc - leaf.not_valid_before_utc
        assert age >= timedelta(days=24)


def test_only_blue_is_public(stage: Any) -> None:
    green = stage("legacy", "green")
    service = green.core.read_namespaced_service(SERVICE, NAMESPACE)
    assert service.spec.type == "ClusterIP" and not service.status.load_balancer.ingress
    # Both route the shop, or a swap to green would answer 404; green's address is none of outside.
    routes = green.networking.list_ingress_for_all_namespaces().items
    assert {item.metadata.name for item in routes} == {"shop", "admin"}
    inside = service.spec.cluster_ip
    assert {item.status.load_balancer.ingress[0].ip for item in routes} == {inside}
    assert len(green.pods(NAMESPACE)) == 6


def test_another_type_takes_the_load_balancer_away(stage: Any) -> None:
    blue = stage("legacy")
    before = parts(blue)
    change = {"spec": {"type": "ClusterIP", "loadBalancerIP": None}}
    blue.core.patch_namespaced_service(SERVICE, NAMESPACE, change)
    blue.pass_time(120)
    after = parts(blue)
    assert (after["rule"], after["pool"], after["walls"]) == ([], [], {})
    assert before["rule"]
    service = blue.core.read_namespaced_service(SERVICE, NAMESPACE)
    assert not service.status.load_balancer.ingress and not service.metadata.finalizers
    address = blue.sim.compute(compute_v1.AddressesClient).get(
        project=PROJECT, region=REGION, address="shop-legacy"
    )
    assert address.status == "RESERVED"

    # Without an address of its own the next load balancer gets an ephemeral one, and loses it.
    blue.core.patch_namespaced_service(SERVICE, NAMESPACE, {"spec": {"type": "LoadBalancer"}})
    blue.pass_time(1)
    events = [reason for _, reason, _ in blue.events(NAMESPACE, f"Service/{SERVICE}")]
    assert events.count("EnsuringLoadBalancer") >= 1
    blue.pass_time(120)
    service = blue.core.read_namespaced_service(SERVICE, NAMESPACE)
    assert service.status.load_balancer.ingress[0].ip != address.address


def test_deleting_the_service_waits_for_its_load_balancer(stage: Any) -> None:
    blue = stage("legacy")
    name = parts(blue)["name"]
    blue.core.delete_namespaced_service(SERVICE, NAMESPACE)
    assert blue.core.read_namespaced_service(SERVICE, NAMESPACE).metadata.deletion_timestamp
    blue.pass_time(120)
    with pytest.raises(client.ApiException):
        blue.core.read_namespaced_service(SERVICE, NAMESPACE)
    with pytest.raises(exceptions.NotFound):
        blue.sim.compute(compute_v1.ForwardingRulesClient).get(
            project=PROJECT, region=REGION, forwarding_rule=name
        )


def test_the_same_service_can_have_both(stage: Any) -> None:
    """The old load balancer and NEGs side by side, as during a migration."""
    blue = stage("legacy")
    blue.annotate(NAMESPACE, SERVICE, '{"exposed_ports":{"443":{"name":"shop-web"}}}')
    blue.pass_time(30)
    assert sum(blue.sizes("shop-web").values()) == 6
    assert blue.core.read_namespaced_service(SERVICE, NAMESPACE).status.load_balancer.ingress


def test_a_certificate_that_dns_does_not_lead_to_is_not_issued(stage: Any) -> None:
    green = stage("legacy", "green")
    certificate = {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": {"name": "early", "namespace": "shop"},
        "spec": {
            "secretName": "early",
            "dnsNames": ["shop.example.com"],
            "issuerRef": {"name": "letsencrypt", "kind": "ClusterIssuer"},
        },
    }
    where = ("cert-manager.io", "v1", "shop", "certificates")
    green.custom.create_namespaced_custom_object(*where, certificate)
    green.pass_time(300)
    status = green.custom.get_namespaced_custom_object(*where, "early")["status"]
    assert {c["type"]: c["status"] for c in status["conditions"]} == {
        "Ready": "False",
        "Issuing": "True",
    }
    told = [text for _, _, text in green.events("shop", "Certificate/early")]
    assert any("Waiting for HTTP-01 challenge propagation" in text for text in told)
