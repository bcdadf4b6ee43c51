"""Record sets one by one, routing policies, and lists of record sets."""

from typing import Any

import pytest

ZONE = "projects/p/managedZones/z"
WWW = {"name": "www.example.com.", "type": "A", "ttl": 300, "rrdatas": ["192.0.2.1"]}


@pytest.fixture(autouse=True)
def zone(cloud: Any) -> None:
    body = {"name": "z", "dnsName": "example.com.", "description": ""}
    cloud.dns("POST", "projects/p/managedZones", body)
    cloud.dns("POST", f"{ZONE}/rrsets", WWW)


def test_create_get_patch_delete(cloud: Any) -> None:
    stored = WWW | {"kind": "dns#resourceRecordSet", "signatureRrdatas": []}
    assert cloud.dns("GET", f"{ZONE}/rrsets/www.example.com./A") == stored
    patched = cloud.dns("PATCH", f"{ZONE}/rrsets/www.example.com./A", {"ttl": 60})
    assert patched == stored | {"ttl": 60}
    patched = cloud.dns(
        "PATCH", f"{ZONE}/rrsets/www.example.com./A", {**WWW, "rrdatas": ["192.0.2.7"]}
    )
    assert (patched["ttl"], patched["rrdatas"]) == (300, ["192.0.2.7"])
    assert cloud.dns("DELETE", f"{ZONE}/rrsets/www.example.com./A") == {}
    assert cloud.refusal("dns", "GET", f"{ZONE}/rrsets/www.example.com./A").code == 404


def test_they_leave_changes_behind_and_are_served_when_those_are_done(cloud: Any) -> None:
    cloud.advance(5)
    cloud.dns("PATCH", f"{ZONE}/rrsets/www.example.com./A", {"rrdatas": ["192.0.2.8"]})
    changes = cloud.dns("GET", f"{ZONE}/changes")["changes"]
    assert [change["id"] for change in changes] == ["0", "1", "2"]
    assert changes[2]["deletions"][0]["rrdatas"] == ["192.0.2.1"]
    lookup = cloud.world.dns.lookup
    assert lookup.resolve("www.example.com", "A").data("A") == ["192.0.2.1"]
    cloud.advance(5)
    assert lookup.resolve("www.example.com", "A").data("A") == ["192.0.2.8"]


def test_refusals_name_the_record_set(cloud: Any) -> None:
    error = cloud.refusal("dns", "POST", f"{ZONE}/rrsets", WWW)
    assert (error.code, error.reason) == (409, "alreadyExists")
    assert error.message == (
        "The resource 'entity.rrset' named 'www.example.com. (A)' already exists"
    )
    for method in ("GET", "PATCH", "DELETE"):
        body = {"ttl": 5} if method == "PATCH" else None
        error = cloud.refusal("dns", method, f"{ZONE}/rrsets/b.example.com./A", body)
        assert (error.code, error.reason) == (404, "notFound")
        assert error.message == (
            "The 'parameters.name' resource named 'b.example.com. (A)' does not exist."
        )
    bad = WWW | {"name": "b.example.com.", "rrdatas": ["X"]}
    error = cloud.refusal("dns", "POST", f"{ZONE}/rrsets", bad)
    assert error.message == "Invalid value for 'entity.rrset.rrdata[0]': 'X'"
    conflict = WWW | {"type": "CNAME", "rrdatas": ["x.example.org."]}
    error = cloud.refusal("dns", "POST", f"{ZONE}/rrsets", conflict)
    assert error.reason == "cnameResourceRecordSetConflict"
    error = cloud.refusal("dns", "DELETE", f"{ZONE}/rrsets/example.com./NS")
    assert error.reason == "invalidZoneApex"


def test_a_list_is_in_dns_order_apex_first(cloud: Any) -> None:
    for name in ("a.b", "b", "*.b", "zz"):
        cloud.dns("POST", f"{ZONE}/rrsets", WWW | {"name": f"{name}.example.com."})
    listed = cloud.dns("GET", f"{ZONE}/rrsets")["rrsets"]
    assert [rrset["name"].removesuffix("example.com.") for rrset in listed] == [
        "",
        "",
        "b.",
        "*.b.",
        "a.b.",
        "www.",
        "zz.",
    ]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"name": "www.example.com."}, ["www.example.com."]),
        ({"name": "www.example.com.", "type": "A"}, ["www.example.com."]),
        ({"name": "www.example.com.", "type": "TXT"}, []),
        ({"name": "other.example.org."}, []),
        ({"filter": 'name="www.example.com." AND type="A"'}, ["www.example.com."]),
        ({"filter": '`name`=`has_suffix`("w.example.com.")'}, ["www.example.com."]),
    ],
)
def test_filters(cloud: Any, query: dict[str, str], names: list[str]) -> None:
    # The list is there when it is empty too: certbot's and lexicon's plugins read it unasked.
    found = cloud.dns("GET", f"{ZONE}/rrsets", **query)["rrsets"]
    assert [rrset["name"] for rrset in found] == names


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"type": "A"}, "Invalid value for 'parameters.name': ''"),
        ({"name": "www.example.com"}, "Invalid value for 'parameters.name': 'www.example.com'"),
        (
            {"name": "www.example.com.", "type": "group"},
            "Invalid value for 'parameters.type': 'group'",
        ),
        ({"filter": "type=A"}, "Invalid value for 'parameters.filter': 'type=A'"),
        ({"filter": "name~x"}, "Invalid value for 'parameters.filter': 'name~x'"),
    ],
)
def test_bad_filters(cloud: Any, query: dict[str, str], message: str) -> None:
    error = cloud.refusal("dns", "GET", f"{ZONE}/rrsets", **query)
    assert (error.code, error.message) == (400, message)


WEIGHTED = {
    "name": "w.example.com.",
    "type": "A",
    "ttl": 60,
    "routingPolicy": {
        "wrr": {
            "items": [
                {"weight": 0.25, "rrdatas": ["192.0.2.1"]},
                {"weight": 0.75, "rrdatas": ["192.0.2.2"]},
            ]
        }
    },
}


def test_weights_choose_between_records(cloud: Any) -> None:
    created = cloud.dns("POST", f"{ZONE}/rrsets", WEIGHTED)
    policy = created["routingPolicy"]
    assert policy["kind"] == "dns#rRSetRoutingPolicy"
    assert policy["wrr"]["items"][0]["kind"] == "dns#rRSetRoutingPolicyWrrPolicyWrrPolicyItem"
    assert "rrdatas" not in created
    cloud.advance(5)
    lookup = cloud.world.dns.lookup
    answers = [lookup.resolve("w.example.com", "A").data("A")[0] for _ in range(1000)]
    assert 650 < answers.count("192.0.2.2") < 850
    assert lookup.resolve("w.example.com", "A").varies


def test_plain_records_become_weighted_in_one_change(cloud: Any) -> None:
    weighted = WEIGHTED | {"name": "www.example.com."}
    cloud.dns("POST", f"{ZONE}/changes", {"deletions": [WWW], "additions": [weighted]})
    back = cloud.dns("GET", f"{ZONE}/rrsets/www.example.com./A")
    cloud.dns("POST", f"{ZONE}/changes", {"deletions": [back], "additions": [WWW]})
    assert "routingPolicy" not in cloud.dns("GET", f"{ZONE}/rrsets/www.example.com./A")


def test_geo_and_failover_policies_answer_what_is_near_and_healthy(cloud: Any) -> None:
    items = [
        {"location": "europe-west1", "rrdatas": ["192.0.2.1"]},
        {"location": "us-central1", "rrdatas": ["192.0.2.2"]},
    ]
    geo = {k: WEIGHTED[k] for k in ("name", "type", "ttl")} | {
        "routingPolicy": {"geo": {"items": items, "enableFencing": True}}
    }
    cloud.dns("POST", f"{ZONE}/rrsets", geo)
    backup = {
        "name": "f.example.com.",
        "type": "A",
        "ttl": 60,
        "routingPolicy": {
            "healthCheck": "https://www.googleapis.com/compute/v1/projects/p/global/healthChecks/h",
            "primaryBackup": {
                "primaryTargets": {"externalEndpoints": ["192.0.2.9"]},
                "backupGeoTargets": {"items": items},
                "trickleTraffic": 0.1,
            },
        },
    }
    cloud.dns("POST", f"{ZONE}/rrsets", backup)
    cloud.advance(5)
    lookup = cloud.world.dns.lookup
    assert lookup.resolve("w.example.com", "A").data("A") == ["192.0.2.2"]
    lookup.location = "europe-west1"
    assert lookup.resolve("w.example.com", "A").data("A") == ["192.0.2.1"]
    assert lookup.resolve("f.example.com", "A").data("A") == ["192.0.2.9"]


@pytest.mark.parametrize(
    "policy",
    [
        {},
        {"wrr": {"items": []}},
        {"wrr": {"items": [{"rrdatas": ["192.0.2.1"]}]}},
        {"wrr": {"items": [{"weight": -1, "rrdatas": ["192.0.2.1"]}]}},
        {"wrr": {"items": [{"weight": 1, "rrdatas": ["X"]}]}},
        {"wrr": {"items": [{"weight": 1}]}},
        {"geo": {"items": [{"rrdatas": ["192.0.2.1"]}]}},
        {"geo": {"items": [{"location": "us-east1", "rrdatas": ["192.0.2.1"]}] * 2}},
        {"wrr": {"items": []}, "geo": {"items": []}},
        {"primaryBackup": {}},
    ],
)
def test_bad_policies(cloud: Any, policy: dict[str, Any]) -> None:
    body = WEIGHTED | {"routingPolicy": policy}
    error = cloud.refusal("dns", "POST", f"{ZONE}/rrsets", body)
    assert (error.code, error.reason) == (400, "invalid")


def test_records_and_policy_exclude_each_other(cloud: Any) -> None:
    error = cloud.refusal("dns", "POST", f"{ZONE}/rrsets", WEIGHTED | {"rrdatas": ["192.0.2.1"]})
    assert error.message == "Invalid value for 'entity.rrset.rrdatas': '192.0.2.1'"
