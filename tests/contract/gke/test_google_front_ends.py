"""GKE's own Ingress of class gce, and the stand-in for autoneg, beside the annotation."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from gcpsim.front.build import Cloud, Config, build

RULE = {
    "host": "shop.example.com",
    "http": {
        "paths": [
            {"path": "/api", "pathType": "Prefix",
             "backend": {"service": {"name": "web", "port": {"number": 80}}}},
        ]
    },
}  # fmt: skip


class Shop:
    """A Deployment with its Service in cluster blue."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.blue = cloud.gke.clusters["blue"]
        template = {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 8080}]}]
            },
        }
        self.make("deployments", "web", spec={"replicas": 3, "template": template,
                  "selector": {"matchLabels": {"app": "web"}}})  # fmt: skip

    def make(
        self, resource: str, name: str, notes: dict[str, str] | None = None, **body: Any
    ) -> None:
        meta = {"name": name, "namespace": "default", "annotations": notes or {}}
        copied = json.loads(json.dumps({"metadata": meta, **body}))
        self.cloud.world.transact(lambda: self.blue.create(resource, copied))
        self.settle()

    def service(self, notes: dict[str, str] | None = None) -> None:
        spec = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}
        self.make("services", "web", notes, spec=spec)

    def settle(self) -> None:
        self.cloud.world.clock.settle()
        self.cloud.world.clock.advance(60)
        assert self.cloud.world.failures == []

    def names(self, collection: str) -> list[str]:
        return sorted(d["name"] for d in self.cloud.compute.list(self.blue.project, collection))

    def get(self, resource: str, name: str) -> dict[str, Any]:
        return self.blue.get(resource, "default", name) or {}


@pytest.fixture
def shop() -> Iterator[Shop]:
    yield Shop(build(Config(time_scale=0)))


def test_an_ingress_of_gkes_own_class(shop: Shop) -> None:
    shop.service()
    path = f"projects/{shop.blue.project}/global/addresses"
    shop.cloud.world.transact(lambda: shop.cloud.compute.call("POST", path, {"name": "shop"}))
    shop.settle()
    shop.make("managedcertificates", "cert", spec={"domains": ["shop.example.com"]})
    notes = {
        "kubernetes.io/ingress.class": "gce",
        "kubernetes.io/ingress.global-static-ip-name": "shop",
        "networking.gke.io/managed-certificates": "cert",
    }
    shop.make("ingresses", "shop", notes, spec={"rules": [RULE]})
    ingress = shop.get("ingresses", "shop")
    address = shop.cloud.compute.get(f"{path}/shop") or {}
    assert ingress["status"]["loadBalancer"]["ingress"] == [{"ip": address["address"]}]
    (service,) = shop.cloud.compute.list(shop.blue.project, "backendServices")
    assert service["name"].startswith("k8s1-")
    assert len(service["backends"]) == 3
    assert service["loadBalancingScheme"] == "EXTERNAL"
    assert [name[:8] for name in shop.names("forwardingRules")] == ["k8s2-fr-", "k8s2-fs-"]
    (url_map,) = shop.cloud.compute.list(shop.blue.project, "urlMaps")
    assert url_map["hostRules"][0]["hosts"] == ["shop.example.com"]
    assert url_map["pathMatchers"][0]["pathRules"][0]["paths"] == ["/api", "/api/*"]
    assert shop.names("sslCertificates")[0].startswith("mcrt-")
    shown = ingress["metadata"]["annotations"]
    assert shown["ingress.kubernetes.io/url-map"] == url_map["name"]
    group = service["backends"][0]["group"].split("/compute/v1/")[1]
    answer = shop.cloud.compute.call(
        "POST",
        service["selfLink"].split("/compute/v1/")[1] + "/getHealth",
        {"group": service["backends"][0]["group"]},
    )
    assert {one["healthState"] for one in answer["healthStatus"]} <= {"HEALTHY", "UNHEALTHY"}
    assert group.endswith(service["name"])

    shop.cloud.world.transact(lambda: shop.blue.delete("ingresses", "default", "shop"))
    shop.settle()
    shop.settle()
    assert shop.get("ingresses", "shop") == {}
    for collection in ("forwardingRules", "urlMaps", "backendServices"):
        assert shop.names(collection) == [], collection
    assert len(shop.names("sslCertificates")) == 1  # the ManagedCertificate's, which is still there
    assert shop.names("addresses") == ["shop"]


def test_a_managed_certificate_tells_its_state(shop: Shop) -> None:
    shop.make("managedcertificates", "cert", spec={"domains": ["a.example.com", "b.example.com"]})
    (name,) = shop.names("sslCertificates")
    status = shop.get("managedcertificates", "cert")["status"]
    assert status == {
        "certificateName": name,
        "certificateStatus": "Provisioning",
        "domainStatus": [
            {"domain": "a.example.com", "status": "Provisioning"},
            {"domain": "b.example.com", "status": "Provisioning"},
        ],
    }
    path = f"projects/{shop.blue.project}/global/sslCertificates/{name}"
    doc = shop.cloud.compute.get(path) or {}
    managed = {**doc["managed"], "status": "ACTIVE"}
    shop.cloud.world.transact(lambda: shop.cloud.compute.put(path, {**doc, "managed": managed}))
    shop.cloud.world.transact(lambda: shop.blue.patch("managedcertificates", "default", "cert",
                              {"metadata": {"labels": {"look": "again"}}}))  # fmt: skip
    shop.settle()
    assert shop.get("managedcertificates", "cert")["status"]["certificateStatus"] == "Active"
    shop.cloud.world.transact(lambda: shop.blue.delete("managedcertificates", "default", "cert"))
    shop.settle()
    assert shop.names("sslCertificates") == []


def test_an_ingress_of_another_class_is_left_alone(shop: Shop) -> None:
    shop.service()
    shop.make("ingresses", "own", spec={"ingressClassName": "nginx", "rules": [RULE]})
    assert shop.names("urlMaps") == []


def test_autoneg_merges_its_own_backends_only(shop: Shop) -> None:
    place = f"projects/{shop.blue.project}/global"
    check = {"name": "h", "type": "HTTP", "httpHealthCheck": {"portSpecification":
             "USE_SERVING_PORT"}}  # fmt: skip
    world, compute = shop.cloud.world, shop.cloud.compute
    world.transact(lambda: compute.call("POST", f"{place}/healthChecks", check))
    shop.settle()
    body = {"name": "b", "protocol": "HTTP", "loadBalancingScheme": "EXTERNAL_MANAGED",
            "healthChecks": [f"{place}/healthChecks/h"]}  # fmt: skip
    world.transact(lambda: compute.call("POST", f"{place}/backendServices", body))
    shop.settle()
    wish = {"backend_services": {"80": [{"name": "b", "max_rate_per_endpoint": 50}]}}
    notes = {
        "cloud.google.com/neg": '{"exposed_ports":{"80":{"name":"web-neg"}}}',
        "controller.autoneg.dev/neg": json.dumps(wish),
    }
    shop.service(notes)

    def backends() -> list[Any]:
        found = compute.get(f"{place}/backendServices/b") or {}
        return list(found.get("backends", []))

    assert backends() == []
    world.transact(lambda: world.stage["autoneg"]({"cluster": "blue"}))
    shop.settle()
    assert len(backends()) == 3
    assert {one["maxRatePerEndpoint"] for one in backends()} == {50}
    assert (
        "controller.autoneg.dev/neg-status"
        in shop.get("services", "web")["metadata"]["annotations"]
    )
    patch = {"metadata": {"annotations": {"controller.autoneg.dev/neg": None}}}
    world.transact(lambda: shop.blue.patch("services", "default", "web", patch))
    shop.settle()
    assert backends() == []
