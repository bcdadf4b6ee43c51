"""Managed zones: defaults, name servers, updates, deletion, and every documented refusal."""

from typing import Any

import pytest

ZONES = "projects/p/managedZones"
BODY = {"name": "z", "dnsName": "example.com.", "description": "a zone"}


def test_a_new_zone_has_servers_an_id_and_its_first_records(cloud: Any) -> None:
    zone = cloud.dns("POST", ZONES, BODY)
    assert zone["kind"] == "dns#managedZone"
    assert zone["visibility"] == "public"
    assert zone["cloudLoggingConfig"] == {"kind": "dns#managedZoneCloudLoggingConfig"}
    assert zone["id"].isdigit()
    assert zone["creationTime"] == "2027-01-15T08:00:00.000Z"
    letter = zone["nameServers"][0].removeprefix("ns-cloud-")[0]
    expected = [f"ns-cloud-{letter}{n}.googledomains.com." for n in range(1, 5)]
    assert zone["nameServers"] == expected
    common = {"kind": "dns#resourceRecordSet", "signatureRrdatas": [], "name": "example.com."}
    soa = f"{expected[0]} cloud-dns-hostmaster.google.com. 1 21600 3600 259200 300"
    assert cloud.dns("GET", f"{ZONES}/z/rrsets")["rrsets"] == [
        common | {"type": "NS", "ttl": 21600, "rrdatas": expected},
        common | {"type": "SOA", "ttl": 21600, "rrdatas": [soa]},
    ]
    assert cloud.dns("GET", f"{ZONES}/{zone['id']}") == zone
    assert cloud.dns("GET", f"{ZONES}/{zone['id']}/rrsets")["rrsets"]


REFUSED: dict[str, tuple[dict[str, Any], int, str, str]] = {
    **{
        f"no {field}": (
            {key: value for key, value in BODY.items() if key != field},
            400,
            "required",
            f"The 'entity.managedZone.{field}' parameter is required but was missing.",
        )
        for field in BODY
    },
    "name": (
        BODY | {"name": "Z_1"},
        400,
        "invalid",
        "Invalid value for 'entity.managedZone.name': 'Z_1'",
    ),
    "dns name": (
        BODY | {"dnsName": "example.com"},
        400,
        "invalid",
        "Invalid value for 'entity.managedZone.dnsName': 'example.com'",
    ),
    "reserved": (
        BODY | {"dnsName": "com."},
        400,
        "managedZoneDnsNameNotAvailable",
        "The 'com.' managed zone is not available to be created.",
    ),
    "owned": (
        BODY | {"dnsName": "mail.google.com."},
        400,
        "verifyManagedZoneDnsNameOwnership",
        "Please verify ownership of the 'mail.google.com' domain (or a parent) at "
        "http://www.google.com/webmasters/verification/ and try again",
    ),
    "unknown field": (
        BODY | {"nam": "x"},
        400,
        "badRequest",
        "Invalid JSON payload received. Unknown name \"nam\" at 'managed_zone': Cannot find field.",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_zones(cloud: Any, case: str) -> None:
    body, code, reason, message = REFUSED[case]
    error = cloud.refusal("dns", "POST", ZONES, body)
    assert (error.code, error.reason, error.message) == (code, reason, message)
    assert cloud.dns("GET", ZONES) == {"kind": "dns#managedZonesListResponse", "managedZones": []}


def test_a_zone_exists_once(cloud: Any) -> None:
    cloud.dns("POST", ZONES, BODY)
    error = cloud.refusal("dns", "POST", ZONES, BODY | {"dnsName": "example.org."})
    assert (error.code, error.reason) == (409, "alreadyExists")
    assert error.message == "The resource 'entity.managedZone' named 'z' already exists"
    assert cloud.dns("POST", "projects/q/managedZones", BODY)["name"] == "z"


def test_the_same_domain_gets_other_servers_until_there_are_none(cloud: Any) -> None:
    letters = set()
    for number in range(5):
        zone = cloud.dns("POST", ZONES, BODY | {"name": f"z{number}"})
        letters.add(zone["nameServers"][0])
    assert len(letters) == 5
    error = cloud.refusal("dns", "POST", ZONES, BODY | {"name": "z5"})
    assert error.reason == "managedZoneDnsNameNotAvailable"


def test_an_absent_zone(cloud: Any) -> None:
    for method, path in (
        ("GET", "nope"),
        ("DELETE", "nope"),
        ("GET", "12345"),
        ("GET", "nope/rrsets"),
        ("GET", "nope/changes/0"),
    ):
        error = cloud.refusal("dns", method, f"{ZONES}/{path}")
        name = path.split("/")[0]
        assert (error.code, error.reason) == (404, "notFound")
        expected = f"The 'parameters.managedZone' resource named '{name}' does not exist."
        assert error.message == expected


def test_patch_merges_put_replaces_and_both_give_an_operation(cloud: Any) -> None:
    cloud.dns("POST", ZONES, BODY | {"labels": {"team": "a"}})
    operation = cloud.dns("PATCH", f"{ZONES}/z", {"labels": {"env": "b"}})
    assert operation["kind"] == "dns#operation"
    assert (operation["type"], operation["status"]) == ("update", "pending")
    assert operation["zoneContext"]["oldValue"]["labels"] == {"team": "a"}
    zone = cloud.dns("GET", f"{ZONES}/z")
    assert zone["labels"] == {"team": "a", "env": "b"}
    assert zone["description"] == "a zone"
    cloud.advance(2)
    assert cloud.dns("GET", f"{ZONES}/z/operations/{operation['id']}")["status"] == "done"
    cloud.dns("PUT", f"{ZONES}/z", BODY | {"description": "other"})
    zone = cloud.dns("GET", f"{ZONES}/z")
    assert zone["description"] == "other"
    assert "labels" not in zone
    kinds = {one["type"] for one in cloud.dns("GET", f"{ZONES}/z/operations")["operations"]}
    assert kinds == {"create", "update"}


@pytest.mark.parametrize(
    ("field", "value"), [("dnsName", "example.org."), ("name", "y"), ("visibility", "private")]
)
def test_what_may_not_change(cloud: Any, field: str, value: str) -> None:
    cloud.dns("POST", ZONES, BODY)
    error = cloud.refusal("dns", "PATCH", f"{ZONES}/z", {field: value})
    assert error.message == f"Invalid value for 'entity.managedZone.{field}': '{value}'"


def test_a_zone_with_records_is_not_deleted(cloud: Any) -> None:
    cloud.dns("POST", ZONES, BODY)
    record = {"name": "a.example.com.", "type": "A", "ttl": 1, "rrdatas": ["192.0.2.1"]}
    cloud.dns("POST", f"{ZONES}/z/rrsets", record)
    error = cloud.refusal("dns", "DELETE", f"{ZONES}/z")
    assert (error.code, error.reason) == (400, "containerNotEmpty")
    assert error.message == (
        "The resource named 'z' cannot be deleted because it contains one or more "
        "'resource records'."
    )
    cloud.dns("DELETE", f"{ZONES}/z/rrsets/a.example.com./A")
    assert cloud.dns("DELETE", f"{ZONES}/z") == {}
    assert cloud.refusal("dns", "GET", f"{ZONES}/z").code == 404
    cloud.advance(60)
    cloud.dns("POST", ZONES, BODY)
    assert len(cloud.dns("GET", f"{ZONES}/z/rrsets")["rrsets"]) == 2


def test_lists_come_in_pages(cloud: Any) -> None:
    for number in range(5):
        body = BODY | {"name": f"z{number}", "dnsName": f"d{number % 2}.example.com."}
        cloud.dns("POST", ZONES, body)
    names: list[str] = []
    query: dict[str, str] = {"maxResults": "2"}
    for expected in (2, 2, 1):
        answer = cloud.dns("GET", ZONES, **query)
        assert len(answer["managedZones"]) == expected
        names += [zone["name"] for zone in answer["managedZones"]]
        query["pageToken"] = answer.get("nextPageToken", "")
    assert names == [f"z{number}" for number in range(5)]
    assert query["pageToken"] == ""
    found = cloud.dns("GET", ZONES, dnsName="d1.example.com.")["managedZones"]
    assert [zone["name"] for zone in found] == ["z1", "z3"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"maxResults": "0"}, "Invalid value for 'parameters.maxResults': '0'"),
        ({"maxResults": "many"}, "Invalid value for 'parameters.maxResults': 'many'"),
        ({"pageToken": "***"}, "Invalid value for 'parameters.pageToken': '***'"),
        ({"pageToken": "MTIz"}, "Invalid value for 'parameters.pageToken': 'MTIz'"),
        ({"dnsName": "example.com"}, "Invalid value for 'parameters.dnsName': 'example.com'"),
    ],
)
def test_bad_list_options(cloud: Any, query: dict[str, str], message: str) -> None:
    cloud.dns("POST", ZONES, BODY)
    error = cloud.refusal("dns", "GET", ZONES, **query)
    assert (error.code, error.message) == (400, message)


def test_a_private_zone_is_not_served_to_the_world(cloud: Any) -> None:
    network = "https://www.googleapis.com/compute/v1/projects/p/global/networks/default"
    config = {"networks": [{"networkUrl": network}]}
    zone = cloud.dns(
        "POST", ZONES, BODY | {"visibility": "private", "privateVisibilityConfig": config}
    )
    assert zone["nameServers"] == ["ns-gcp-private.googledomains.com."]
    assert zone["privateVisibilityConfig"]["networks"][0]["networkUrl"] == network
    assert cloud.world.dns.lookup.resolve("example.com", "SOA").status == "REFUSED"


def test_project_quotas(cloud: Any) -> None:
    project = cloud.dns("GET", "projects/p")
    assert (project["kind"], project["id"]) == ("dns#project", "p")
    assert project["number"].isdigit()
    assert project["quota"]["kind"] == "dns#quota"
    assert project["quota"]["rrsetAdditionsPerChange"] == 1000
    assert project["quota"]["rrsetsPerManagedZone"] == 10000


def test_keys_of_an_unsigned_zone(cloud: Any) -> None:
    cloud.dns("POST", ZONES, BODY)
    assert cloud.dns("GET", f"{ZONES}/z/dnsKeys") == {"kind": "dns#dnsKeysListResponse"}
    assert cloud.refusal("dns", "GET", f"{ZONES}/z/dnsKeys/1").code == 404


def test_methods_that_are_missing_here_say_so(cloud: Any) -> None:
    error = cloud.refusal("dns", "GET", "projects/p/locations/global/outboundEndpoints")
    assert error.code == 400
    assert "dns.outboundEndpoints.list" in error.message
    assert cloud.refusal("dns", "GET", "projects/p/nonsense").code == 404


def test_denied_permissions(cloud: Any) -> None:
    cloud.world.stage["permissions"]({"project": "p", "deny": ["dns.managedZones.*"]})
    error = cloud.refusal("dns", "POST", ZONES, BODY)
    assert (error.code, error.reason, error.message) == (403, "forbidden", "Forbidden")
    cloud.world.stage["permissions"]({"project": "p", "allow": ["dns.managedZones.*"]})
    cloud.dns("POST", ZONES, BODY)
