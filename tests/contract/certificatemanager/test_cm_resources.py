"""Certificate Manager's resources: fields, references, refusals, updates, deletion, lists."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from gcpsim.core import projects

HOME = "projects/p/locations/global"
NUMBER = projects.number("p")
BY_NUMBER = f"projects/{NUMBER}/locations/global"
START = datetime(2027, 1, 15, 8, tzinfo=UTC)
REGION = "projects/p/locations/europe-west1"


def create(cloud: Any, collection: str, name: str, body: Any, home: str = HOME) -> Any:
    """Create a resource, wait for its operation, and read it."""
    kind = collection[:-1] if not collection.endswith("Entries") else "certificateMapEntry"
    operation = cloud.certs("POST", f"{home}/{collection}", body, **{f"{kind}Id": name})
    cloud.advance(4)
    done = cloud.certs("GET", operation["name"])
    assert done["done"] and "error" not in done, done
    return cloud.certs("GET", f"{home}/{collection}/{name}")


def violation(error: Any) -> tuple[int, str, str, str, str]:
    detail = error.details[0]
    assert detail["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    found = detail["fieldViolations"][0]
    return error.code, error.status, error.message, found["field"], found["description"]


@pytest.fixture
def authorization(cloud: Any) -> Any:
    return create(cloud, "dnsAuthorizations", "auth", {"domain": "example.com"})


@pytest.fixture
def certificate(cloud: Any, authorization: Any) -> Any:
    managed = {"domains": ["example.com"], "dnsAuthorizations": [f"{HOME}/dnsAuthorizations/auth"]}
    return create(cloud, "certificates", "cert", {"managed": managed})


@pytest.fixture
def entry(cloud: Any, certificate: Any) -> Any:
    create(cloud, "certificateMaps", "map", {})
    body = {"hostname": "example.com", "certificates": [f"{HOME}/certificates/cert"]}
    return create(cloud, "certificateMapEntries", "entry", body, f"{HOME}/certificateMaps/map")


def test_an_operation_runs_and_then_holds_the_resource(cloud: Any) -> None:
    body = {"description": "d", "labels": {"a": "b"}}
    operation = dict(cloud.certs("POST", f"{HOME}/certificateMaps", body, certificateMapId="map"))
    name = operation.pop("name")
    assert name.startswith(f"{HOME}/operations/operation-")
    prefix = "type.googleapis.com/google.cloud.certificatemanager.v1."
    assert operation == {
        "metadata": {
            "@type": f"{prefix}OperationMetadata",
            "createTime": "2027-01-15T08:00:00.000000Z",
            "target": f"{HOME}/certificateMaps/map",
            "verb": "create",
            "requestedCancellation": False,
            "apiVersion": "v1",
        },
        "done": False,
    }
    error = cloud.refusal("certificatemanager", "GET", f"{HOME}/certificateMaps/map")
    assert (error.code, error.status) == (404, "NOT_FOUND")
    assert error.message == f"Resource '{HOME}/certificateMaps/map' was not found"
    cloud.advance(3)
    done = cloud.certs("GET", name)
    assert done["done"] is True
    assert done["metadata"]["endTime"] == "2027-01-15T08:00:03.000000Z"
    created = cloud.certs("GET", f"{HOME}/certificateMaps/map")
    assert done["response"] == {"@type": f"{prefix}CertificateMap"} | created
    assert created == body | {
        "name": f"{HOME}/certificateMaps/map",
        "createTime": "2027-01-15T08:00:00.000000Z",
        "updateTime": "2027-01-15T08:00:03.000000Z",
    }
    gone = cloud.certs("DELETE", f"{HOME}/certificateMaps/map")
    cloud.advance(3)
    assert cloud.certs("GET", gone["name"])["response"] == {
        "@type": "type.googleapis.com/google.protobuf.Empty"
    }


def test_a_name_is_taken_from_the_start_of_the_operation(cloud: Any) -> None:
    cloud.certs("POST", f"{HOME}/certificateMaps", {}, certificateMapId="map")
    for _ in range(2):
        error = cloud.refusal(
            "certificatemanager", "POST", f"{HOME}/certificateMaps", {}, certificateMapId="map"
        )
        assert (error.code, error.status) == (409, "ALREADY_EXISTS")
        assert error.message == f"Resource '{HOME}/certificateMaps/map' already exists"
        cloud.advance(4)


def test_one_operation_at_a_time_for_a_resource(cloud: Any) -> None:
    create(cloud, "certificateMaps", "map", {})
    path = f"{HOME}/certificateMaps/map"
    cloud.certs("PATCH", path, {"description": "x"}, updateMask="description")
    error = cloud.refusal("certificatemanager", "DELETE", path)
    assert (error.code, error.status) == (409, "ABORTED")
    cloud.advance(3)
    cloud.certs("DELETE", path)


def test_a_fixed_record(authorization: Any) -> None:
    record = authorization["dnsResourceRecord"]
    assert authorization["type"] == "FIXED_RECORD"
    assert (record["name"], record["type"]) == ("_acme-challenge.example.com.", "CNAME")
    uuid, number, rest = record["data"].split(".", 2)
    assert len(uuid) == 36 and number.isdigit()
    assert rest == "authorize.certificatemanager.goog."


def test_a_record_per_project(cloud: Any) -> None:
    body = {"domain": "example.com", "type": "PER_PROJECT_RECORD"}
    one = create(cloud, "dnsAuthorizations", "one", body)
    label, _, domain = one["dnsResourceRecord"]["name"].partition(".")
    assert domain == "example.com."
    assert label.startswith("_acme-challenge_") and len(label) == len("_acme-challenge_") + 16
    regional = create(cloud, "dnsAuthorizations", "two", {"domain": "example.com"}, REGION)
    assert regional["type"] == "PER_PROJECT_RECORD"
    assert regional["dnsResourceRecord"]["data"].endswith(
        ".europe-west1.authorize.certificatemanager.goog."
    )
    assert regional["dnsResourceRecord"]["name"] != one["dnsResourceRecord"]["name"]
    fixed = create(cloud, "dnsAuthorizations", "three", {"domain": "example.com"})
    assert fixed["type"] == "FIXED_RECORD"


def test_a_domain_is_authorized_once_with_a_type(cloud: Any, authorization: Any) -> None:
    error = cloud.refusal(
        "certificatemanager",
        "POST",
        f"{HOME}/dnsAuthorizations",
        {"domain": "EXAMPLE.com"},
        dnsAuthorizationId="again",
    )
    assert (error.code, error.status) == (409, "ALREADY_EXISTS")


def test_references_are_given_back_with_the_project_number(certificate: Any, entry: Any) -> None:
    managed = certificate["managed"]
    assert managed["dnsAuthorizations"] == [f"{BY_NUMBER}/dnsAuthorizations/auth"]
    assert certificate["sanDnsnames"] == ["example.com"]
    assert "scope" not in certificate
    assert entry["certificates"] == [f"{BY_NUMBER}/certificates/cert"]
    assert entry["state"] == "PENDING"


def test_references_in_every_form(cloud: Any, authorization: Any) -> None:
    forms = [
        f"{HOME}/dnsAuthorizations/auth",
        f"{BY_NUMBER}/dnsAuthorizations/auth",
        f"//certificatemanager.googleapis.com/{HOME}/dnsAuthorizations/auth",
        f"http://127.0.0.1:99/v1/{HOME}/dnsAuthorizations/auth",
    ]
    for index, form in enumerate(forms):
        managed = {"domains": ["example.com"], "dnsAuthorizations": [form]}
        made = create(cloud, "certificates", f"c{index}", {"managed": managed})
        assert made["managed"]["dnsAuthorizations"] == [f"{BY_NUMBER}/dnsAuthorizations/auth"]
    assert cloud.certs("GET", f"{BY_NUMBER}/certificates/c0")["name"] == f"{HOME}/certificates/c0"


AUTH = [f"{HOME}/dnsAuthorizations/auth"]
BAD_CERTIFICATES: dict[str, tuple[Any, str, str]] = {
    "nothing": ({}, "type", "exactly one of self_managed, managed, managed_identity must be set"),
    "short reference": (
        {"managed": {"domains": ["example.com"], "dnsAuthorizations": ["auth"]}},
        "managed.dns_authorizations[0]",
        "invalid name",
    ),
    "no domain": (
        {"managed": {"dnsAuthorizations": AUTH}},
        "managed.domains",
        "must not be empty",
    ),
    "bad domain": (
        {"managed": {"domains": ["example.com", "-x"], "dnsAuthorizations": AUTH}},
        "managed.domains[1]",
        "invalid domain name: '-x'",
    ),
    "twice": (
        {"managed": {"domains": ["example.com", "Example.com"], "dnsAuthorizations": AUTH}},
        "managed.domains[1]",
        "duplicate domain Example.com",
    ),
    "not authorized": (
        {"managed": {"domains": ["www.example.com"], "dnsAuthorizations": AUTH}},
        "managed.domains[0]",
        "no DNS authorization for domain www.example.com",
    ),
    "wildcard two levels down": (
        {"managed": {"domains": ["*.a.example.com"], "dnsAuthorizations": AUTH}},
        "managed.domains[0]",
        "no DNS authorization for domain *.a.example.com",
    ),
    "wildcard without authorization": (
        {"managed": {"domains": ["*.example.com"]}},
        "managed.domains[0]",
        "wildcard domains require DNS authorization",
    ),
    "too many": (
        {"managed": {"domains": [f"d{n}.example.com" for n in range(101)]}},
        "managed.domains",
        "at most 100 domains are allowed",
    ),
    "no key": (
        {"selfManaged": {"pemCertificate": "x"}},
        "self_managed.pem_certificate",
        "no PEM-encoded certificate found",
    ),
    "label": (
        {"labels": {"Bad": "x"}, "managed": {"domains": ["example.com"]}},
        "labels",
        "invalid label Bad=x",
    ),
}


@pytest.mark.parametrize("case", BAD_CERTIFICATES)
def test_certificates_that_are_refused(cloud: Any, authorization: Any, case: str) -> None:
    body, field, why = BAD_CERTIFICATES[case]
    path = f"{HOME}/certificates"
    error = cloud.refusal("certificatemanager", "POST", path, body, certificateId="c")
    assert violation(error) == (400, "INVALID_ARGUMENT", "Validation failed", field, why)
    assert cloud.certs("GET", path) == {}


BAD_ENTRIES: dict[str, tuple[Any, str]] = {
    "no match": ({"certificates": [f"{HOME}/certificates/cert"]}, "match"),
    "two matches": (
        {
            "certificates": [f"{HOME}/certificates/cert"],
            "hostname": "a.example.com",
            "matcher": "PRIMARY",
        },
        "match",
    ),
    "no certificates": ({"hostname": "a.example.com"}, "certificates"),
    "five certificates": (
        {"hostname": "a.example.com", "certificates": [f"{HOME}/certificates/cert"] * 5},
        "certificates",
    ),
    "bad reference": ({"hostname": "a.example.com", "certificates": ["cert"]}, "certificates[0]"),
    "bad hostname": (
        {"hostname": "*.*.example.com", "certificates": [f"{HOME}/certificates/cert"]},
        "hostname",
    ),
}


@pytest.mark.parametrize("case", BAD_ENTRIES)
def test_entries_that_are_refused(cloud: Any, entry: Any, case: str) -> None:
    body, field = BAD_ENTRIES[case]
    path = f"{HOME}/certificateMaps/map/certificateMapEntries"
    error = cloud.refusal("certificatemanager", "POST", path, body, certificateMapEntryId="e")
    assert violation(error)[:4] == (400, "INVALID_ARGUMENT", "Validation failed", field)


def test_entries_need_their_map_their_certificates_and_a_name_of_their_own(
    cloud: Any, entry: Any
) -> None:
    path = f"{HOME}/certificateMaps/map/certificateMapEntries"
    body = {"hostname": "a.example.com", "certificates": [f"{HOME}/certificates/nope"]}
    for target, missing in (
        (path, "certificates/nope"),
        (path.replace("/map/", "/no/"), "certificateMaps/no"),
    ):
        error = cloud.refusal("certificatemanager", "POST", target, body, certificateMapEntryId="e")
        assert error.message == f"Resource '{HOME}/{missing}' was not found"
    same = {"hostname": "EXAMPLE.com", "certificates": [f"{HOME}/certificates/cert"]}
    error = cloud.refusal("certificatemanager", "POST", path, same, certificateMapEntryId="e")
    assert error.status == "ALREADY_EXISTS"


def test_an_entry_is_pending_then_active_and_again_after_a_change(cloud: Any, entry: Any) -> None:
    path = f"{HOME}/certificateMaps/map/certificateMapEntries/entry"
    cloud.advance(30)
    assert cloud.certs("GET", path)["state"] == "ACTIVE"
    assert cloud.certs("GET", path, **{"$alt": "json;enum-encoding=int"})["state"] == 1
    cloud.certs("PATCH", path, {"labels": {"a": "b"}}, updateMask="labels")
    cloud.advance(4)
    assert cloud.certs("GET", path)["state"] == "ACTIVE"
    managed = {"domains": ["example.com"], "dnsAuthorizations": AUTH}
    create(cloud, "certificates", "new", {"managed": managed})
    body = {"certificates": [f"{HOME}/certificates/new"]}
    cloud.certs("PATCH", path, body, updateMask="certificates")
    cloud.advance(4)
    assert cloud.certs("GET", path)["state"] == "PENDING"
    cloud.advance(30)
    assert cloud.certs("GET", path)["state"] == "ACTIVE"


DELETIONS = [
    ("dnsAuthorizations/auth", "dns authorization", f"//{{}}/{HOME}/certificates/cert"),
    ("certificates/cert", "certificate", "certificateMaps/map/certificateMapEntries/entry"),
    ("certificateMaps/map", "certificate map", "certificateMaps/map/certificateMapEntries/entry"),
]


@pytest.mark.parametrize(("path", "noun", "user"), DELETIONS)
def test_what_is_in_use_is_not_deleted(
    cloud: Any, entry: Any, path: str, noun: str, user: str
) -> None:
    error = cloud.refusal("certificatemanager", "DELETE", f"{HOME}/{path}")
    assert (error.code, error.status) == (400, "FAILED_PRECONDITION")
    assert error.message.startswith(f"can't delete {noun} '{HOME}/{path}' that is in use by: ")
    assert error.message.endswith(user.split("/")[-1])


def test_everything_is_deleted_in_the_right_order(cloud: Any, entry: Any) -> None:
    used_by = cloud.certs("GET", f"{HOME}/certificates/cert")["usedBy"]
    root = "//certificatemanager.googleapis.com"
    assert used_by == [{"name": f"{root}/{entry['name']}"}]
    for path in (
        "certificateMaps/map/certificateMapEntries/entry",
        "certificateMaps/map",
        "certificates/cert",
        "dnsAuthorizations/auth",
    ):
        cloud.certs("DELETE", f"{HOME}/{path}")
        cloud.advance(4)
        error = cloud.refusal("certificatemanager", "GET", f"{HOME}/{path}")
        assert error.code == 404


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ({}, "must not be empty"),
        ({"updateMask": "managed"}, "invalid or immutable field: managed"),
        ({"updateMask": "labels,nonsense"}, "invalid or immutable field: nonsense"),
        ({"updateMask": "create_time"}, "invalid or immutable field: create_time"),
    ],
)
def test_bad_update_masks(cloud: Any, certificate: Any, query: dict[str, str], why: str) -> None:
    path = f"{HOME}/certificates/cert"
    error = cloud.refusal("certificatemanager", "PATCH", path, {"labels": {}}, **query)
    assert violation(error)[3:] == ("update_mask", why)


def test_an_update_changes_what_the_mask_names_and_nothing_else(
    cloud: Any, certificate: Any
) -> None:
    path = f"{HOME}/certificates/cert"
    body = {"labels": {"a": "b"}, "description": "ignored"}
    cloud.certs("PATCH", path, body, updateMask="labels")
    cloud.advance(4)
    after = cloud.certs("GET", path)
    assert after["labels"] == {"a": "b"}
    assert "description" not in after
    assert after["managed"]["domains"] == ["example.com"]
    cloud.certs("PATCH", path, {}, updateMask="labels")
    cloud.advance(4)
    assert "labels" not in cloud.certs("GET", path)


def test_enums_go_in_and_out_as_numbers(cloud: Any) -> None:
    body = {"domain": "example.com", "type": 2}
    ints = {"$alt": "json;enum-encoding=int"}
    operation = cloud.certs(
        "POST", f"{HOME}/dnsAuthorizations", body, dnsAuthorizationId="a", **ints
    )
    cloud.advance(4)
    done = cloud.certs("GET", operation["name"], **ints)
    assert done["response"]["type"] == "PER_PROJECT_RECORD"
    assert cloud.certs("GET", f"{HOME}/dnsAuthorizations/a", **ints)["type"] == 2
    listed = cloud.certs("GET", f"{HOME}/dnsAuthorizations", **ints)
    assert [one["type"] for one in listed["dnsAuthorizations"]] == [2]
    plain = cloud.certs("GET", f"{HOME}/dnsAuthorizations/a")
    assert plain["type"] == "PER_PROJECT_RECORD"


def test_lists_filter_order_and_page(cloud: Any) -> None:
    for number in range(5):
        body = {"labels": {"odd": str(number % 2)}, "description": f"d{9 - number}"}
        create(cloud, "certificateMaps", f"m{number}", body)
    path = f"{HOME}/certificateMaps"

    def names(**query: str) -> list[str]:
        found = cloud.certs("GET", path, **query).get("certificateMaps", [])
        return [one["name"].split("/")[-1] for one in found]

    assert names() == ["m0", "m1", "m2", "m3", "m4"]
    assert names(filter="labels.odd=1") == ["m1", "m3"]
    assert names(filter='description="d9" OR description="d8"') == ["m0", "m1"]
    assert names(orderBy="description") == ["m4", "m3", "m2", "m1", "m0"]
    assert names(orderBy="create_time desc")[0] == "m4"
    first = cloud.certs("GET", path, pageSize="3")
    assert len(first["certificateMaps"]) == 3
    rest = cloud.certs("GET", path, pageSize="3", pageToken=first["nextPageToken"])
    assert len(rest["certificateMaps"]) == 2
    assert "nextPageToken" not in rest
    for query, field in (
        ({"filter": "(("}, "filter"),
        ({"orderBy": "a b c"}, "order_by"),
        ({"pageSize": "-1"}, "page_size"),
        ({"pageToken": "!"}, "page_token"),
        ({"pageToken": first["nextPageToken"], "orderBy": "name"}, "page_token"),
    ):
        error = cloud.refusal("certificatemanager", "GET", path, **query)
        assert violation(error)[3] == field


def test_locations(cloud: Any, authorization: Any) -> None:
    create(cloud, "dnsAuthorizations", "regional", {"domain": "example.org"}, REGION)
    everywhere = cloud.certs("GET", "projects/p/locations/-/dnsAuthorizations")
    assert len(everywhere["dnsAuthorizations"]) == 2
    places = cloud.certs("GET", "projects/p/locations", pageSize="500")["locations"]
    assert {"global", "europe-west1"} <= {place["locationId"] for place in places}
    assert cloud.certs("GET", "projects/p/locations/global")["name"] == HOME
    error = cloud.refusal("certificatemanager", "GET", "projects/p/locations/mars/certificates")
    assert (error.code, error.status) == (403, "PERMISSION_DENIED")
    assert error.message == "Permission denied on 'locations/mars' (or it may not exist)."


def test_operations_are_listed_cancelled_and_forgotten(cloud: Any) -> None:
    path = f"{HOME}/certificateMaps"
    operation = cloud.certs("POST", path, {}, certificateMapId="map")
    listed = cloud.certs("GET", f"{HOME}/operations")["operations"]
    assert [one["name"] for one in listed] == [operation["name"]]
    assert cloud.certs("POST", f"{operation['name']}:cancel", {}) == {}
    cloud.advance(10)
    ended = cloud.certs("GET", operation["name"])
    assert ended["error"]["code"] == 1
    assert ended["metadata"]["requestedCancellation"] is True
    assert cloud.certs("GET", path) == {}
    assert cloud.certs("DELETE", operation["name"]) == {}
    error = cloud.refusal("certificatemanager", "GET", operation["name"])
    assert error.code == 404


def test_an_operation_can_be_made_to_fail(cloud: Any) -> None:
    fault = {"effect": "operation", "code": 429, "message": "quota"}
    from gcpsim.core.edge import Call
    from gcpsim.core.faults import Faults

    struck = Faults().add(fault)
    call = Call(
        "certificatemanager",
        "POST",
        f"{HOME}/certificateMaps",
        {"certificateMapId": "map"},
        faults=(struck,),
    )
    operation = cloud.world.certificates.handle(call).body
    cloud.advance(4)
    done = cloud.certs("GET", operation["name"])
    assert done["error"] == {"code": 8, "message": "quota"}
    assert cloud.certs("GET", f"{HOME}/certificateMaps") == {}


def test_quotas_when_they_are_enforced(cloud: Any) -> None:
    cloud.world.options.enforce_quotas = True
    for number in range(100):
        cloud.certs("POST", f"{HOME}/certificateMaps", {}, certificateMapId=f"m{number}")
    path = f"{HOME}/certificateMaps"
    error = cloud.refusal("certificatemanager", "POST", path, {}, certificateMapId="one-more")
    assert (error.code, error.status) == (429, "RESOURCE_EXHAUSTED")


def test_denied_permissions(cloud: Any) -> None:
    cloud.world.stage["permissions"]({"deny": ["certificatemanager.certmaps.create"]})
    path = f"{HOME}/certificateMaps"
    error = cloud.refusal("certificatemanager", "POST", path, {}, certificateMapId="map")
    assert (error.code, error.status) == (403, "PERMISSION_DENIED")
    assert error.message.startswith("Permission 'certificatemanager.certmaps.create' denied on")
    assert cloud.certs("GET", path) == {}


def test_unknown_fields_types_and_names(cloud: Any) -> None:
    path = f"{HOME}/certificateMaps"

    def refused(body: Any, name: str = "map") -> Any:
        return cloud.refusal("certificatemanager", "POST", path, body, certificateMapId=name)

    assert refused({"nope": 1}).message == (
        "Invalid JSON payload received. Unknown name \"nope\" at 'certificate_map': "
        "Cannot find field."
    )
    assert refused({"description": 5}).code == 400
    assert violation(refused({}, "9bad"))[3] == "certificate_map_id"
    assert violation(refused({}, ""))[3] == "certificate_map_id"


def test_trust_configs_have_an_etag(cloud: Any) -> None:
    pem = cloud.world.certificates.authority.ca_pem.rstrip("\n")
    stores = [{"trustAnchors": [{"pemCertificate": pem}]}]
    made = create(cloud, "trustConfigs", "trust", {"trustStores": stores})
    assert made["trustStores"][0]["trustAnchors"][0]["pemCertificate"] == pem + "\n"
    path = f"{HOME}/trustConfigs/trust"
    stale = {"etag": "AAAA", "description": "x"}
    error = cloud.refusal("certificatemanager", "PATCH", path, stale, updateMask="description")
    assert error.status == "FAILED_PRECONDITION"
    cloud.certs("PATCH", path, stale | {"etag": made["etag"]}, updateMask="description")
    cloud.advance(4)
    after = cloud.certs("GET", path)
    assert after["description"] == "x"
    assert after["etag"] != made["etag"]


def test_issuance_configs(cloud: Any) -> None:
    service = {"caPool": "projects/p/locations/us-central1/caPools/pool"}
    body = {
        "certificateAuthorityConfig": {"certificateAuthorityServiceConfig": service},
        "keyAlgorithm": 4,
        "lifetime": "1814400s",
        "rotationWindowPercentage": 34,
    }
    made = create(cloud, "certificateIssuanceConfigs", "config", body)
    assert made["keyAlgorithm"] == "ECDSA_P256"
    config = made["certificateAuthorityConfig"]["certificateAuthorityServiceConfig"]
    assert config["caPool"] == f"projects/{NUMBER}/locations/us-central1/caPools/pool"
    path = f"{HOME}/certificateIssuanceConfigs/config"
    assert cloud.certs("GET", path, **{"$alt": "json;enum-encoding=int"})["keyAlgorithm"] == 4
    managed = {"domains": ["internal.example.com"], "issuanceConfig": made["name"]}
    create(cloud, "certificates", "private", {"managed": managed})
    cloud.advance(1000)
    assert cloud.certs("GET", f"{HOME}/certificates/private")["managed"]["state"] == "ACTIVE"
    error = cloud.refusal("certificatemanager", "DELETE", path)
    assert error.status == "FAILED_PRECONDITION"


def self_managed(cloud: Any, *names: str, days: float = 90) -> tuple[str, str]:
    start = START - timedelta(days=100)
    return cloud.world.certificates.authority.leaf(names, start, START + timedelta(days=days))


def test_a_self_managed_certificate(cloud: Any) -> None:
    chain, key = self_managed(cloud, "a.example.com", "*.b.example.com")
    body = {"selfManaged": {"pemCertificate": chain, "pemPrivateKey": key}}
    made = create(cloud, "certificates", "own", body)
    assert made["sanDnsnames"] == ["a.example.com", "*.b.example.com"]
    assert made["pemCertificate"] == chain
    assert made["selfManaged"] == {}
    assert made["expireTime"] == "2027-04-15T08:00:00Z"
    assert key not in str(made)
    assert cloud.world.certificates.key_pair(made["name"]) == (chain, key)
    newer, key = self_managed(cloud, "a.example.com", days=120)
    body = {"selfManaged": {"pemCertificate": newer, "pemPrivateKey": key}}
    cloud.certs("PATCH", f"{HOME}/certificates/own", body, updateMask="selfManaged")
    cloud.advance(4)
    after = cloud.certs("GET", f"{HOME}/certificates/own")
    assert after["sanDnsnames"] == ["a.example.com"]
    assert after["pemCertificate"] == newer


def test_self_managed_certificates_that_are_refused(cloud: Any) -> None:
    chain, key = self_managed(cloud, "a.example.com")
    _, other = cloud.world.certificates.authority.server_certificate(["a.example.com"])
    expired, _ = self_managed(cloud, "a.example.com", days=-0.5)
    leaf = chain.index("-----END CERTIFICATE-----\n") + len("-----END CERTIFICATE-----\n")
    cases = [
        (chain, "", "self_managed.pem_private_key", "private key must be set"),
        (chain, "junk", "self_managed.pem_private_key", "can not be parsed"),
        (chain, other, "self_managed.pem_private_key", "does not match"),
        (chain[leaf:] + chain[:leaf], key, "self_managed.pem_private_key", "does not match"),
        (chain[:leaf] * 2, key, "self_managed.pem_certificate", "not in order"),
        (expired, key, "self_managed.pem_certificate", "expired"),
        (chain.replace("MII", "!!!"), key, "self_managed.pem_certificate", "can not be parsed"),
    ]
    for certificate, private, field, why in cases:
        body = {"selfManaged": {"pemCertificate": certificate, "pemPrivateKey": private}}
        path = f"{HOME}/certificates"
        error = cloud.refusal("certificatemanager", "POST", path, body, certificateId="own")
        assert violation(error)[3] == field
        assert why in violation(error)[4]
        assert private == "" or private not in str(error.rpc_body())


@pytest.mark.parametrize(("type_", "longest"), [("FIXED_RECORD", 237), ("PER_PROJECT_RECORD", 220)])
def test_how_long_a_domain_may_be(cloud: Any, type_: str, longest: int) -> None:
    labels = ".".join(["x" * 60] * 4)
    body = {"domain": labels[: longest - 4] + ".com", "type": type_}
    create(cloud, "dnsAuthorizations", "long", body)
    body["domain"] = "y" + body["domain"]
    path = f"{HOME}/dnsAuthorizations"
    error = cloud.refusal("certificatemanager", "POST", path, body, dnsAuthorizationId="longer")
    assert violation(error)[3] == "domain"


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("dnsAuthorizations/auth", "domain"),
        ("dnsAuthorizations/auth", "type"),
        ("certificateMaps/map/certificateMapEntries/entry", "hostname"),
        ("certificates/cert", "scope"),
    ],
)
def test_what_may_not_change(cloud: Any, entry: Any, path: str, field: str) -> None:
    path = f"{HOME}/{path}"
    error = cloud.refusal("certificatemanager", "PATCH", path, {}, updateMask=field)
    assert violation(error)[3:] == ("update_mask", f"invalid or immutable field: {field}")
