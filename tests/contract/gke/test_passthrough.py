"""Services with l4-rbs, a class, or internal: backend services over GCE_VM_IP groups."""

from collections.abc import Iterator
from typing import Any

import pytest
from gcpsim.front.build import Cloud, Config, build


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    yield build(Config(time_scale=0))


def service(cloud: Cloud, name: str, notes: dict[str, str], **spec: Any) -> dict[str, Any]:
    blue = cloud.gke.clusters["blue"]
    body = {
        "metadata": {"name": name, "namespace": "default", "annotations": notes},
        "spec": {"type": "LoadBalancer", "selector": {"app": "x"},
                 "ports": [{"port": 80, "targetPort": 8080}], **spec},
    }  # fmt: skip
    cloud.world.transact(lambda: blue.create("services", body))
    cloud.world.clock.settle()
    cloud.world.clock.advance(60)
    assert cloud.world.failures == []
    return blue.get("services", "default", name) or {}


@pytest.mark.parametrize(
    ("notes", "spec", "scheme"),
    [
        ({"cloud.google.com/l4-rbs": "enabled"}, {}, "EXTERNAL"),
        ({}, {"loadBalancerClass": "networking.gke.io/l4-regional-external"}, "EXTERNAL"),
        ({"networking.gke.io/load-balancer-type": "Internal"}, {}, "INTERNAL"),
        ({}, {"loadBalancerClass": "networking.gke.io/l4-regional-internal"}, "INTERNAL"),
    ],
)
def test_a_backend_service_over_groups_of_nodes(
    cloud: Cloud, notes: dict[str, str], spec: dict[str, Any], scheme: str
) -> None:
    made = service(cloud, "web", notes, **spec)
    (ingress,) = made["status"]["loadBalancer"]["ingress"]
    assert ingress["ip"].startswith("10.") is (scheme == "INTERNAL")
    compute = cloud.compute
    project = cloud.gke.clusters["blue"].project
    (rule,) = [
        r for r in compute.list(project, "forwardingRules") if r["IPAddress"] == ingress["ip"]
    ]
    assert rule["loadBalancingScheme"] == scheme
    backend = compute.get(rule["backendService"].split("/compute/v1/")[1]) or {}
    assert backend["name"].startswith("k8s2-")
    groups = [one["group"].split("/compute/v1/")[1] for one in backend["backends"]]
    assert len(groups) == 3
    for path in groups:
        group = compute.get(path) or {}
        assert group["networkEndpointType"] == "GCE_VM_IP"
        kept = cloud.world.store.table("compute/endpoints").get(path) or {"endpoints": []}
        assert len(kept["endpoints"]) == 1


def test_all_of_it_goes_with_the_service(cloud: Cloud) -> None:
    service(cloud, "web", {"cloud.google.com/l4-rbs": "enabled"})
    blue = cloud.gke.clusters["blue"]
    cloud.world.transact(lambda: blue.delete("services", "default", "web"))
    cloud.world.clock.settle()
    cloud.world.clock.advance(120)
    assert blue.get("services", "default", "web") is None
    for collection in ("forwardingRules", "backendServices", "networkEndpointGroups"):
        assert cloud.compute.list(blue.project, collection) == []
