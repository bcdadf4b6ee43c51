"""Changes of a zone: every documented refusal with its code, reason and text, and what is kept."""

from typing import Any

import pytest

ZONE = "projects/p/managedZones/z"


def a(name: str, *datas: str, ttl: int = 300, type: str = "A") -> dict[str, Any]:
    return {"name": name, "type": type, "ttl": ttl, "rrdatas": list(datas)}


@pytest.fixture
def zone(cloud: Any) -> Any:
    body = {"name": "z", "dnsName": "example.com.", "description": "", "labels": {"a": "b"}}
    created = cloud.dns("POST", "projects/p/managedZones", body)
    cloud.dns("POST", f"{ZONE}/changes", {"additions": [a("www.example.com.", "192.0.2.1")]})
    cloud.advance(5)
    return created


def at(list_: str, index: int = 0) -> str:
    return f"entity.change.{list_}[{index}]"


OUTSIDE = a("www.example.org.", "192.0.2.9")
REFUSED = {
    "empty": ({}, 400, "required", "The 'entity.change' parameter is required but was missing."),
    "outside": (
        {"additions": [OUTSIDE]},
        400,
        "invalid",
        f"Invalid value for '{at('additions')}.name': 'www.example.org.'",
    ),
    "relative": (
        {"additions": [a("www", "192.0.2.9")]},
        400,
        "invalid",
        f"Invalid value for '{at('additions')}.name': 'www'",
    ),
    "empty label": (
        {"additions": [a("a..example.com.", "192.0.2.9")]},
        400,
        "invalid",
        f"Invalid value for '{at('additions')}.name': 'a..example.com.'",
    ),
    "type": (
        {"additions": [a("b.example.com.", "192.0.2.9", type="group")]},
        400,
        "invalid",
        f"Invalid value for '{at('additions')}.type': 'group'",
    ),
    "ttl": (
        {"additions": [a("b.example.com.", "192.0.2.9", ttl=-1)]},
        400,
        "invalid",
        f"Invalid value for '{at('additions')}.ttl': '-1'",
    ),
    "no data": (
        {"additions": [a("b.example.com.")]},
        400,
        "invalid",
        f"Invalid value for '{at('additions')}.rrdata': '<empty>'",
    ),
    "bad data": (
        {"additions": [a("b.example.com.", "192.0.2.9"), a("c.example.com.", "X.X.X.X")]},
        400,
        "invalid",
        f"Invalid value for '{at('additions', 1)}.rrdata[0]': 'X.X.X.X'",
    ),
    "relative target": (
        {"additions": [a("b.example.com.", "www.example.com", type="CNAME")]},
        400,
        "invalid",
        f"Invalid value for '{at('additions')}.rrdata[0]': 'www.example.com'",
    ),
    "deletion absent": (
        {"deletions": [a("b.example.com.", "192.0.2.9")]},
        404,
        "notFound",
        f"The '{at('deletions')}' resource named 'b.example.com. (A)' does not exist.",
    ),
    "deletion other ttl": (
        {"deletions": [a("www.example.com.", "192.0.2.1", ttl=60)]},
        412,
        "conditionNotMet",
        f"Precondition not met for '{at('deletions')}'",
    ),
    "deletion other data": (
        {"deletions": [a("www.example.com.", "192.0.2.2")]},
        412,
        "conditionNotMet",
        f"Precondition not met for '{at('deletions')}'",
    ),
    "addition exists": (
        {"additions": [a("www.example.com.", "192.0.2.2")]},
        409,
        "alreadyExists",
        f"The resource '{at('additions')}' named 'www.example.com. (A)' already exists",
    ),
    "addition twice": (
        {"additions": [a("b.example.com.", "192.0.2.2"), a("b.example.com.", "192.0.2.3")]},
        409,
        "alreadyExists",
        f"The resource '{at('additions', 1)}' named 'b.example.com. (A)' already exists",
    ),
    "soa elsewhere": (
        {"additions": [a("b.example.com.", "a.b. c.d. 1 2 3 4 5", type="SOA")]},
        400,
        "invalidZoneApex",
        f"The resource record set '{at('additions')}' is invalid because a zone must contain "
        "exactly one resource record set of type 'SOA' at the apex.",
    ),
    "two cnames": (
        {"additions": [a("b.example.com.", "c.example.org.", "d.example.org.", type="CNAME")]},
        400,
        "invalidRecordCount",
        f"The resource record set '{at('additions')}' is only permitted to have one record because "
        "it is of type 'CNAME'.",
    ),
    "cname beside": (
        {"additions": [a("www.example.com.", "c.example.org.", type="CNAME")]},
        400,
        "cnameResourceRecordSetConflict",
        f"The resource record set '{at('additions')}' is invalid because the DNS name "
        "'www.example.com.' may have either one CNAME resource record set or resource record sets "
        "of other types, but not both.",
    ),
    "wildcard ns": (
        {"additions": [a("*.example.com.", "ns.example.org.", type="NS")]},
        400,
        "wildcardNotAllowed",
        f"The resource record set '{at('additions')}' is invalid because a resource record set of "
        "type 'NS' cannot be a wildcard.",
    ),
    "unknown field": (
        {"additions": [a("b.example.com.", "192.0.2.9") | {"rrdata": "x"}]},
        400,
        "badRequest",
        "Invalid JSON payload received. Unknown name \"rrdata\" at 'change.additions[0]': "
        "Cannot find field.",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refused_change_has_googles_words_and_no_effect(cloud: Any, zone: Any, case: str) -> None:
    body, code, reason, message = REFUSED[case]
    before = cloud.dns("GET", f"{ZONE}/rrsets")
    error = cloud.refusal("dns", "POST", f"{ZONE}/changes", body)
    assert (error.code, error.reason, error.message) == (code, reason, message)
    assert cloud.dns("GET", f"{ZONE}/rrsets") == before
    assert len(cloud.dns("GET", f"{ZONE}/changes")["changes"]) == 2


@pytest.mark.parametrize(
    ("body", "reasons"),
    [
        (
            {"additions": [OUTSIDE, a("b.example.com.", "not-an-address")]},
            ["invalid", "invalid"],
        ),
        (
            {
                "deletions": [
                    a("none.example.com.", "192.0.2.1"),
                    a("www.example.com.", "192.0.2.99"),
                    a("none2.example.com.", "192.0.2.1"),
                ],
                "additions": [a("www.example.com.", "192.0.2.2")],
            },
            ["notFound", "conditionNotMet", "notFound"],
        ),
        (
            {"additions": [a("www.example.com.", "192.0.2.2")] * 2},
            ["alreadyExists", "alreadyExists"],
        ),
    ],
)
def test_a_refused_change_names_every_error_of_its_step(
    cloud: Any, zone: Any, body: Any, reasons: list[str]
) -> None:
    error = cloud.refusal("dns", "POST", f"{ZONE}/changes", body)
    told = error.legacy_body()["error"]
    assert [item["reason"] for item in told["errors"]] == reasons
    assert told["message"] == told["errors"][0]["message"]
    assert len({item["message"] for item in told["errors"]}) == len(reasons)


def test_what_one_change_deletes_twice_is_not_there_the_second_time(cloud: Any, zone: Any) -> None:
    record = a("www.example.com.", "192.0.2.1")
    new = a("www.example.com.", "192.0.2.2")
    error = cloud.refusal("dns", "POST", f"{ZONE}/changes",
                          {"deletions": [record, record], "additions": [new]})  # fmt: skip
    assert (error.code, error.reason) == (404, "notFound")
    assert at("deletions", 1) in error.message


@pytest.mark.parametrize("type_", ["NS", "SOA"])
def test_the_apex_keeps_its_ns_and_soa(cloud: Any, zone: Any, type_: str) -> None:
    apex = cloud.dns("GET", f"{ZONE}/rrsets/example.com./{type_}")
    error = cloud.refusal("dns", "POST", f"{ZONE}/changes", {"deletions": [apex]})
    assert error.reason == "invalidZoneApex"
    assert f"exactly one resource record set of type '{type_}' at the apex" in error.message
    changed = apex | {"ttl": 60}
    cloud.dns("POST", f"{ZONE}/changes", {"deletions": [apex], "additions": [changed]})
    assert cloud.dns("GET", f"{ZONE}/rrsets/example.com./{type_}")["ttl"] == 60


def test_a_cname_at_the_apex_is_refused(cloud: Any, zone: Any) -> None:
    body = {"additions": [a("example.com.", "x.example.org.", type="CNAME")]}
    error = cloud.refusal("dns", "POST", f"{ZONE}/changes", body)
    assert (error.code, error.reason) == (400, "recordTypeDisallowedAtZoneApex")


def test_checks_come_in_googles_order(cloud: Any, zone: Any) -> None:
    """A bad name in an addition comes before a deletion that is absent, that before a conflict."""
    body = {
        "additions": [a("www.example.com.", "192.0.2.2"), OUTSIDE],
        "deletions": [a("b.example.com.", "192.0.2.9")],
    }
    assert cloud.refusal("dns", "POST", f"{ZONE}/changes", body).reason == "invalid"
    body["additions"].pop()
    assert cloud.refusal("dns", "POST", f"{ZONE}/changes", body).reason == "notFound"
    body["deletions"] = []
    assert cloud.refusal("dns", "POST", f"{ZONE}/changes", body).reason == "alreadyExists"


def test_deletion_matches_records_in_any_order(cloud: Any, zone: Any) -> None:
    pair = a("b.example.com.", "192.0.2.1", "192.0.2.2")
    cloud.dns("POST", f"{ZONE}/changes", {"additions": [pair]})
    swapped = pair | {"rrdatas": pair["rrdatas"][::-1]}
    change = cloud.dns("POST", f"{ZONE}/changes", {"deletions": [swapped]})
    assert [rrset["rrdatas"] for rrset in change["deletions"]] == [pair["rrdatas"]]


def test_deletions_come_first_so_that_a_record_can_be_replaced(cloud: Any, zone: Any) -> None:
    old, new = a("www.example.com.", "192.0.2.1"), a("www.example.com.", "192.0.2.7", ttl=60)
    change = cloud.dns("POST", f"{ZONE}/changes", {"additions": [new], "deletions": [old]})
    assert change["status"] == "pending"
    kept = cloud.dns("GET", f"{ZONE}/rrsets", name="www.example.com.", type="A")["rrsets"]
    assert kept == [new | {"kind": "dns#resourceRecordSet", "signatureRrdatas": []}]


def test_a_change_is_pending_then_done_and_only_then_served(cloud: Any, zone: Any) -> None:
    body = {"additions": [a("b.example.com.", "192.0.2.3")]}
    change = cloud.dns("POST", f"{ZONE}/changes", body)
    assert change["kind"] == "dns#change"
    assert (change["id"], change["status"], change["deletions"]) == ("2", "pending", [])
    lookup = cloud.world.dns.lookup
    assert lookup.resolve("b.example.com", "A").status == "NXDOMAIN"
    cloud.advance(4.9)
    assert cloud.dns("GET", f"{ZONE}/changes/2")["status"] == "pending"
    assert lookup.resolve("b.example.com", "A").status == "NXDOMAIN"
    cloud.advance(0.2)
    assert cloud.dns("GET", f"{ZONE}/changes/2")["status"] == "done"
    assert lookup.resolve("b.example.com", "A").data("A") == ["192.0.2.3"]


def test_change_ids_count_up_from_the_zones_own_change(cloud: Any, zone: Any) -> None:
    listed = cloud.dns("GET", f"{ZONE}/changes", sortBy="changeSequence", sortOrder="descending")
    assert [change["id"] for change in listed["changes"]] == ["1", "0"]
    first = cloud.dns("GET", f"{ZONE}/changes/0")
    assert sorted(rrset["type"] for rrset in first["additions"]) == ["NS", "SOA"]
    error = cloud.refusal("dns", "GET", f"{ZONE}/changes/77")
    expected = "The 'parameters.changeId' resource named '77' does not exist."
    assert (error.code, error.message) == (404, expected)


def test_the_same_client_operation_id_repeats_the_answer(cloud: Any, zone: Any) -> None:
    body = {"additions": [a("b.example.com.", "192.0.2.3")]}
    first = cloud.dns("POST", f"{ZONE}/changes", body, clientOperationId="once")
    again = cloud.dns("POST", f"{ZONE}/changes", body, clientOperationId="once")
    assert again == first
    other = {"additions": [a("c.example.com.", "192.0.2.3")]}
    error = cloud.refusal("dns", "POST", f"{ZONE}/changes", other, clientOperationId="once")
    assert error.code == 409


def test_quotas_of_one_change(cloud: Any, zone: Any) -> None:
    many = [a(f"h{number}.example.com.", "192.0.2.1") for number in range(1001)]
    error = cloud.refusal("dns", "POST", f"{ZONE}/changes", {"additions": many})
    assert (error.code, error.reason) == (403, "quotaExceeded")
    cloud.dns("POST", f"{ZONE}/changes", {"additions": many[:1000]})
    wide = a("wide.example.com.", *(f"192.0.2.{number}" for number in range(101)))
    error = cloud.refusal("dns", "POST", f"{ZONE}/changes", {"additions": [wide]})
    assert error.reason == "quotaExceeded"


GOOD_DATA = {
    "A": "192.0.2.1",
    "AAAA": "2001:db8::1",
    "CAA": '0 issue "pki.goog"',
    "CNAME": "target.example.org.",
    "DS": "31406 8 2 " + "ab" * 32,
    "HTTPS": "1 . alpn=h2,h3",
    "MX": "10 mail.example.org.",
    "NAPTR": '100 10 "U" "E2U+sip" "!^.*$!sip:info@example.org!" .',
    "NS": "ns1.example.org.",
    "PTR": "host.example.org.",
    "SPF": '"v=spf1 -all"',
    "SRV": "1 1 443 host.example.org.",
    "SSHFP": "1 1 " + "ab" * 20,
    "SVCB": "1 svc.example.org.",
    "TLSA": "3 1 1 " + "ab" * 32,
    "TXT": '"hello world"',
}


@pytest.mark.parametrize("type_", GOOD_DATA)
def test_data_is_judged_by_type(cloud: Any, zone: Any, type_: str) -> None:
    good = a("t.example.com.", GOOD_DATA[type_], type=type_)
    cloud.dns("POST", f"{ZONE}/changes", {"additions": [good]})
    assert cloud.dns("GET", f"{ZONE}/rrsets/t.example.com./{type_}")["rrdatas"] == [
        GOOD_DATA[type_]
    ]
    if type_ in ("TXT", "SPF"):
        return
    bad = a("u.example.com.", "not valid data at all", type=type_)
    error = cloud.refusal("dns", "POST", f"{ZONE}/changes", {"additions": [bad]})
    assert error.message == (
        f"Invalid value for '{at('additions')}.rrdata[0]': 'not valid data at all'"
    )


def test_text_is_quoted_as_the_api_gives_it_back(cloud: Any, zone: Any) -> None:
    body = {"additions": [a("t.example.com.", "plain", type="TXT")]}
    change = cloud.dns("POST", f"{ZONE}/changes", body)
    assert change["additions"][0]["rrdatas"] == ['"plain"']
