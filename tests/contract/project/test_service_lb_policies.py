"""Service load balancing policies of Network Services: their life and their refusals."""

from typing import Any

import pytest

PARENT = "projects/p/locations/global"
MINE = f"{PARENT}/serviceLbPolicies/mine"


def ask(cloud: Any, verb: str, path: str, body: Any = None, **query: str) -> Any:
    return cloud.request("networkservices", verb, path, body, **query)


def make(cloud: Any, name: str = "mine", **body: Any) -> Any:
    begun = ask(cloud, "POST", f"{PARENT}/serviceLbPolicies", body, serviceLbPolicyId=name)
    assert begun["done"] is False
    cloud.advance(60)
    ended = ask(cloud, "GET", begun["name"])
    assert ended["done"] is True
    return ended["response"]


def test_a_life(cloud: Any) -> None:
    made = make(cloud, loadBalancingAlgorithm="SPRAY_TO_REGION", labels={"a": "b"})
    assert made["name"] == MINE
    assert made["@type"].endswith("v1.ServiceLbPolicy")
    ask(cloud, "PATCH", MINE, {"autoCapacityDrain": {"enable": True}},
        updateMask="autoCapacityDrain,labels")  # fmt: skip
    cloud.advance(60)
    found = ask(cloud, "GET", MINE)
    assert found["autoCapacityDrain"] == {"enable": True}
    assert found["loadBalancingAlgorithm"] == "SPRAY_TO_REGION"
    assert "labels" not in found
    make(cloud, "other")
    listed = ask(cloud, "GET", f"{PARENT}/serviceLbPolicies", pageSize="1")
    assert [one["name"] for one in listed["serviceLbPolicies"]] == [MINE]
    token = listed["nextPageToken"]
    rest = ask(cloud, "GET", f"{PARENT}/serviceLbPolicies", pageSize="1", pageToken=token)
    assert [one["name"] for one in rest["serviceLbPolicies"]] == [f"{MINE[:-4]}other"]
    ask(cloud, "DELETE", MINE)
    cloud.advance(60)
    assert cloud.refusal("networkservices", "GET", MINE).code == 404


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"loadBalancingAlgorithm": "RANDOM"}, "RANDOM"),
        ({"failoverConfig": {"failoverHealthThreshold": 100}}, "between 1 and 99"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_what_a_policy_cannot_say(cloud: Any, body: Any, why: str) -> None:
    path = f"{PARENT}/serviceLbPolicies"
    refused = cloud.refusal("networkservices", "POST", path, body, serviceLbPolicyId="mine")
    assert refused.code == 400
    assert why in str(refused)


def test_names_places_masks_and_pages_are_checked(cloud: Any) -> None:
    make(cloud)
    path = f"{PARENT}/serviceLbPolicies"

    def code(verb: str, path: str, body: Any = None, **query: str) -> int:
        return int(cloud.refusal("networkservices", verb, path, body, **query).code)

    assert code("POST", path, {}, serviceLbPolicyId="mine") == 409
    assert code("POST", path, {}, serviceLbPolicyId="1st") == 400
    assert code("POST", path.replace("global", "us-central1"), {}, serviceLbPolicyId="a") == 400
    assert code("PATCH", MINE, {}, updateMask="createTime") == 400
    assert code("GET", path, pageToken="nonsense") == 400
    assert code("GET", path, pageSize="many") == 400
    assert code("GET", f"{PARENT}/operations/none") == 404
    ask(cloud, "DELETE", MINE)
    assert code("DELETE", MINE) == 409, "an operation has it"


def test_one_that_a_backend_service_names_is_kept(cloud: Any) -> None:
    make(cloud)
    body = {"name": "bs", "loadBalancingScheme": "EXTERNAL_MANAGED", "protocol": "HTTP",
            "serviceLbPolicy": f"//networkservices.googleapis.com/{MINE}"}  # fmt: skip
    cloud.request("compute", "POST", "projects/p/global/backendServices", body)
    cloud.advance(60)
    refused = cloud.refusal("networkservices", "DELETE", MINE)
    assert refused.code == 400
    assert "backendServices/bs" in str(refused)
