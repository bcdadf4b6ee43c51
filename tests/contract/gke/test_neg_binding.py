"""NetworkEndpointGroupBinding: endpoints in NEGs that somebody else makes."""

import json
from typing import Any

import pytest
from gcpsim.front.build import Config, build

from tests.contract.gke.gateway_shop import Shop

KIND = "networkendpointgroupbindings"


@pytest.fixture
def shop() -> Shop:
    made = Shop(build(Config(time_scale=0)))
    for zone in made.blue.zones:
        body = {"name": "mine", "networkEndpointType": "GCE_VM_IP_PORT",
                "network": "global/networks/default", "defaultPort": 8080}  # fmt: skip
        path = f"projects/{made.project}/zones/{zone}/networkEndpointGroups"
        made.cloud.world.transact(
            lambda path=path, body=body: made.compute.call("POST", path, body)
        )
    made.settle()
    return made


def bind(shop: Shop, called: str = "web", neg: str = "mine", **ref: Any) -> None:
    backend = {"group": "", "kind": "Service", "name": "web", "port": 80, **ref}
    shop.make(KIND, called, spec={"backendRef": backend, "networkEndpointGroups": [{"name": neg}]})


def endpoints(shop: Shop, neg: str = "mine") -> list[str]:
    table = shop.cloud.world.store.table("compute/endpoints")
    return sorted(
        f"{one['ipAddress']}:{one['port']}"
        for zone in shop.blue.zones
        for one in (
            table.get(f"projects/{shop.project}/zones/{zone}/networkEndpointGroups/{neg}")
            or {"endpoints": []}
        )["endpoints"]
    )


def addresses(shop: Shop) -> list[str]:
    pods = shop.blue.list("pods", "default")
    return sorted(f"{one['status']['podIP']}:8080" for one in pods if one["status"].get("podIP"))


def said(shop: Shop, name: str = "web") -> tuple[str, str, str]:
    (one,) = shop.get(KIND, name)["status"]["conditions"]
    return one["status"], one["reason"], one["message"]


def test_endpoints_follow_the_pods(shop: Shop) -> None:
    bind(shop)
    assert len(addresses(shop)) == 3 and endpoints(shop) == addresses(shop)
    assert said(shop) == ("True", "NEGsAttachmentSuccessful", "")
    listed = shop.get(KIND, "web")["status"]["networkEndpointGroups"]
    assert len(listed) == 3 and all(
        one["resourceURL"].endswith("/networkEndpointGroups/mine") for one in listed
    )
    shop.change("deployments", "web", {"spec": {"replicas": 5}})
    shop.settle()
    assert len(addresses(shop)) == 5 and endpoints(shop) == addresses(shop)
    before = shop.blue.resource_version()
    shop.settle()
    assert shop.blue.resource_version() == before, "what is right is not written again"


def test_a_binding_that_goes_takes_its_endpoints_along(shop: Shop) -> None:
    bind(shop)
    assert shop.get(KIND, "web")["metadata"]["finalizers"] == [
        "networking.gke.io/negbinding-cleaner"
    ]
    shop.remove(KIND, "web")
    shop.settle()
    assert shop.get(KIND, "web") == {} and endpoints(shop) == []
    assert {one["name"] for one in shop.docs("networkEndpointGroups")} == {"mine"}, "NEGs stay"


@pytest.mark.parametrize(
    ("ref", "neg", "words"),
    [
        ({"name": "none"}, "mine", "service default/none not found"),
        ({"port": 81}, "mine", "port 81 not found in service default/web"),
        ({"kind": "Pod"}, "mine", "unsupported BackendRef Kind"),
        ({}, "theirs", "NEG theirs not found in zone"),
    ],
)
def test_what_can_not_be_bound(shop: Shop, ref: dict[str, Any], neg: str, words: str) -> None:
    bind(shop, neg=neg, **ref)
    status, reason, message = said(shop)
    assert (status, reason) == ("False", "NEGsAttachmentFailed") and words in message
    assert endpoints(shop) == []


def test_a_neg_has_one_keeper(shop: Shop) -> None:
    bind(shop)
    shop.cloud.world.clock.advance(5)
    bind(shop, "second", name="api")
    assert said(shop)[0] == "True" and endpoints(shop) == addresses(shop)
    assert "already managed by NetworkEndpointGroupBinding default/web" in said(shop, "second")[2]
    shop.remove(KIND, "web")
    shop.settle()
    assert said(shop, "second")[0] == "True", "it is free, and the next one fills it"
    assert endpoints(shop) == addresses(shop)


def test_beside_the_annotation(shop: Shop) -> None:
    note = json.dumps({"exposed_ports": {"80": {"name": "annotated"}}})
    shop.change("services", "web", {"metadata": {"annotations": {"cloud.google.com/neg": note}}})
    bind(shop)
    assert endpoints(shop) == endpoints(shop, "annotated") == addresses(shop)
    bind(shop, "wrong", neg="annotated")
    assert "already managed by the annotation of a Service" in said(shop, "wrong")[2]
    assert endpoints(shop, "annotated") == addresses(shop)
