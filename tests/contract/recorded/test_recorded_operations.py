"""Operations as recorded traffic of the real Compute Engine shows them, on a clock that stands."""

from typing import Any

BEGUN = {
    "id",
    "insertTime",
    "kind",
    "name",
    "operationType",
    "progress",
    "selfLink",
    "startTime",
    "status",
    "targetId",
    "targetLink",
    "user",
}
INSERTS = [
    ("global/addresses", {}),
    ("global/healthChecks", {"type": "TCP", "tcpHealthCheck": {}}),
    ("global/backendServices", {}),
    ("global/firewalls", {"allowed": [{"IPProtocol": "tcp"}]}),
    ("global/networks", {"autoCreateSubnetworks": False}),
    ("global/securityPolicies", {}),
    ("global/urlMaps", {"defaultUrlRedirect": {"httpsRedirect": True}}),
]


def test_what_an_insert_answers(slow: Any) -> None:
    """Recorded: RUNNING with progress 0 and the target at once; endTime only when DONE."""
    for path, body in INSERTS:
        begun = slow.do("POST", path, {"name": "thing", **body})
        assert set(begun) == BEGUN, path
        assert (begun["status"], begun["progress"]) == ("RUNNING", 0)
        assert begun["operationType"] == "insert"
        assert begun["targetLink"] == slow.link(f"{path}/thing")
        assert begun["targetId"] == slow.get(f"{path}/thing")["id"]
    slow.sim.advance(60)
    for begun in slow.get("global/operations")["items"]:
        done = slow.get(f"global/operations/{begun['name']}")
        assert set(done) == BEGUN | {"endTime"}
        assert (done["status"], done["progress"]) == ("DONE", 100)


def test_zonal_operations_name_their_zone(slow: Any) -> None:
    begun = slow.do("POST", "zones/us-central1-a/networkEndpointGroups", {"name": "neg"})
    assert set(begun) == BEGUN | {"zone"}
    assert begun["zone"] == slow.link("zones/us-central1-a")
    assert begun["selfLink"] == slow.link(f"zones/us-central1-a/operations/{begun['name']}")


def test_ssl_policies_are_there_at_once(slow: Any) -> None:
    """Recorded: insert and delete of an SSL policy answer DONE, its PATCH answers RUNNING."""
    made = slow.do("POST", "global/sslPolicies", {"name": "policy", "profile": "RESTRICTED"})
    assert (made["status"], made["progress"]) == ("DONE", 100)
    assert set(made) == BEGUN | {"endTime"}
    policy = slow.get("global/sslPolicies/policy")
    change = slow.do("PATCH", "global/sslPolicies/policy", {**policy, "profile": "MODERN"})
    assert (change["operationType"], change["status"]) == ("compute.sslPolicies.patch", "RUNNING")
    slow.sim.advance(60)
    assert len(slow.get("global/sslPolicies/policy")["enabledFeatures"]) == 10
    gone = slow.do("DELETE", "global/sslPolicies/policy")
    assert (gone["operationType"], gone["status"]) == ("delete", "DONE")


def test_set_labels_is_done_at_once(slow: Any) -> None:
    """Recorded: setLabels of addresses answers DONE; labels sent with the insert are forgotten."""
    slow.do("POST", "global/addresses", {"name": "ip", "labels": {"a": "b"}})
    slow.sim.advance(60)
    address = slow.get("global/addresses/ip")
    assert "labels" not in address
    body = {"labels": {"a": "b"}, "labelFingerprint": address["labelFingerprint"]}
    done = slow.do("POST", "global/addresses/ip/setLabels", body)
    assert (done["operationType"], done["status"]) == ("setLabels", "DONE")
    assert slow.get("global/addresses/ip")["labels"] == {"a": "b"}


def test_types_of_changes(slow: Any) -> None:
    """Recorded: the strings are not uniform over the collections."""
    firewall = {"name": "fw", "allowed": [{"IPProtocol": "tcp"}]}
    slow.do("POST", "global/firewalls", firewall)
    slow.do("POST", "global/networks", {"name": "vpc", "autoCreateSubnetworks": False})
    slow.do("POST", "global/healthChecks", {"name": "hc", "type": "TCP", "tcpHealthCheck": {}})
    slow.sim.advance(60)
    changes = [
        ("PATCH", "global/firewalls/fw", {"disabled": True}, "patch"),
        (
            "PATCH",
            "global/networks/vpc",
            {"routingConfig": {"routingMode": "GLOBAL"}},
            "compute.networks.patch",
        ),
        (
            "PUT",
            "global/healthChecks/hc",
            {"name": "hc", "type": "TCP", "tcpHealthCheck": {"port": 88}},
            "update",
        ),
    ]
    for verb, path, body, type_ in changes:
        assert slow.do(verb, path, body)["operationType"] == type_
