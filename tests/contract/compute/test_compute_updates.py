"""PATCH, PUT and the setters: what they keep, clear, refuse, and what they need."""

import base64
import hashlib
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import compute_v1

BS = "global/backendServices/bs"
HC = "global/healthChecks/hc"
NO_FINGERPRINT = (400, "required", "Required field 'resource.fingerprint' not specified")
STALE = (412, "conditionNotMet", "Invalid fingerprint.")
STALE_LABELS = (
    412,
    "conditionNotMet",
    "Labels fingerprint either invalid or resource labels have changed",
)
ZERO = base64.b64encode(bytes(8)).decode()


RULE = "global/forwardingRules/rule"
LENIENT = [BS, "global/urlMaps/um", RULE, "global/securityPolicies/armor"]
STRICT = [
    "global/targetHttpsProxies/tls",
    "global/targetHttpProxies/proxy",
    "global/sslPolicies/policy",
]


def test_which_patches_need_a_fingerprint(door: Any) -> None:
    for path in STRICT:
        assert door.refused("PATCH", path, {"description": "new"}) == NO_FINGERPRINT
    for path in LENIENT:
        door.do("PATCH", path, {"description": "new"})
        assert door.get(path)["description"] == "new"


def test_every_put_needs_a_fingerprint(door: Any) -> None:
    for path in (BS, "global/urlMaps/um"):
        body = {key: value for key, value in door.get(path).items() if key != "fingerprint"}
        assert door.refused("PUT", path, body) == NO_FINGERPRINT


def test_a_stale_fingerprint_is_refused_and_changes_nothing(door: Any) -> None:
    for path in LENIENT + STRICT:
        before = door.get(path)
        change = {"description": "new", "fingerprint": ZERO}
        assert door.refused("PATCH", path, change) == STALE, path
        assert door.get(path) == before
        door.do("PATCH", path, {**change, "fingerprint": before["fingerprint"]})
        after = door.get(path)
        assert after["fingerprint"] != before["fingerprint"]
        assert (
            door.refused("PATCH", path, {**change, "fingerprint": before["fingerprint"]}) == STALE
        )


def test_both_alphabets_of_base64(gce: Any) -> None:
    gce.backend_service()
    for _ in range(200):
        mark = gce.get(BS)["fingerprint"]
        if "-" in mark or "_" in mark:
            break
        gce.do("PATCH", BS, {"description": mark})
    standard = mark.replace("-", "+").replace("_", "/")
    assert standard != mark
    gce.do("PATCH", BS, {"description": "x", "fingerprint": standard})
    assert gce.get(BS)["description"] == "x"


def test_etag_and_if_match(gce: Any) -> None:
    import urllib.request

    gce.backend_service()
    url = f"{gce.sim.url}/compute/v1/{gce.path(BS)}"
    with urllib.request.urlopen(url) as answer:
        etag = answer.headers["ETag"]
    stale = {"If-Match": '"' + hashlib.sha1(b"").hexdigest() + '"'}
    assert gce.refused("PATCH", BS, {"timeoutSec": 5}, headers=stale) == STALE
    assert gce.ask("PATCH", BS, {"timeoutSec": 5}, headers={"If-Match": etag})[0] == 200
    assert gce.refused("PATCH", BS, {"timeoutSec": 6}, headers={"If-Match": etag}) == STALE
    assert gce.ask("PATCH", BS, {"timeoutSec": 6}, headers={"If-Match": "*"})[0] == 200


def test_patch_keeps_clears_and_replaces_whole_lists(door: Any) -> None:
    operation = door.do(
        "PATCH",
        BS,
        {"description": None, "connectionDraining": {"drainingTimeoutSec": 7}, "healthChecks": []},
    )
    assert operation["operationType"] == "patch"
    doc = door.get(BS)
    assert doc["description"] == ""
    assert doc["timeoutSec"] == 50
    assert doc["connectionDraining"] == {"drainingTimeoutSec": 7}
    assert "healthChecks" not in doc
    door.do("DELETE", HC)


def test_put_returns_absent_fields_to_their_defaults(door: Any) -> None:
    before = door.get(BS)
    body = {"name": "bs", "fingerprint": before["fingerprint"], "protocol": "HTTP"}
    body["loadBalancingScheme"] = "EXTERNAL_MANAGED"
    assert door.do("PUT", BS, body)["operationType"] == "update"
    doc = door.get(BS)
    assert (doc["protocol"], doc["timeoutSec"], doc["description"]) == ("HTTP", 30, "")
    assert "healthChecks" not in doc
    for same in ("id", "creationTimestamp", "selfLink", "usedBy"):
        assert doc[same] == before[same]


def test_whole_objects_come_back_as_gcloud_sends_them(door: Any) -> None:
    doc = door.get(BS)
    sent = {**doc, "customRequestHeaders": [], "customResponseHeaders": [], "timeoutSec": 9}
    door.do("PATCH", BS, {**sent, "selfLink": "http://127.0.0.1:1/else", "id": "1"})
    after = door.get(BS)
    assert {**after, "fingerprint": ""} == {**doc, "timeoutSec": 9, "fingerprint": ""}
    door.do("PUT", BS, {**after, "backends": []})
    assert {**door.get(BS), "fingerprint": ""} == {**after, "fingerprint": ""}


def test_firewall_whole_object_with_its_undocumented_field(gce: Any) -> None:
    path = gce.make("global/firewalls", name="fw", allowed=[{"IPProtocol": "tcp"}])
    doc = gce.get(path)
    assert gce.do("PUT", path, {**doc, "priority": 7})["operationType"] == "update"
    assert gce.get(path) == {**doc, "priority": 7}
    change = {
        "denied": [],
        "destinationRanges": [],
        "disabled": True,
        "sourceTags": [],
        "targetTags": [],
        "logConfig": {"enable": True},
    }
    assert gce.do("PATCH", path, change)["operationType"] == "patch"
    assert gce.get(path) == {
        **doc,
        "priority": 7,
        "disabled": True,
        "logConfig": {"enable": True},
        "enableLogging": True,
    }


def test_the_python_client_keeps_an_explicit_zero(gce: Any) -> None:
    gce.health_check()
    groups = [gce.neg("one"), gce.neg("two")]
    backends = [{"group": g, "balancingMode": "RATE", "maxRate": 5} for g in groups]
    gce.backend_service(healthChecks=[HC], backends=backends)
    client = gce.client(compute_v1.BackendServicesClient)
    service = client.get(project=gce.project, backend_service="bs")
    service.backends[0].capacity_scaler = 0
    client.patch(
        project=gce.project, backend_service="bs", backend_service_resource=service
    ).result(timeout=10)
    assert [b["capacityScaler"] for b in gce.get(BS)["backends"]] == [0, 1]
    # An empty repeated field is not sent by this client: the backends stay.
    empty = compute_v1.BackendService(backends=[], fingerprint=gce.get(BS)["fingerprint"])
    client.patch(project=gce.project, backend_service="bs", backend_service_resource=empty)
    assert len(gce.get(BS)["backends"]) == 2
    with pytest.raises(exceptions.PreconditionFailed, match="Invalid fingerprint"):
        client.patch(project=gce.project, backend_service="bs", backend_service_resource=service)


def test_labels_of_an_insert_are_forgotten_and_set_afterwards(gce: Any) -> None:
    gce.backend_service()
    gce.http_door()
    gce.make("global/addresses", name="ip", labels={"team": "edge"})
    for path in ("global/addresses/ip", RULE):
        before = gce.get(path)
        assert "labels" not in before
        assert before["labelFingerprint"] == "42WmSpB8rSM="
        labels = {"team": "edge", "env": ""}
        body = {"labels": labels, "labelFingerprint": before["labelFingerprint"]}
        operation = gce.do("POST", f"{path}/setLabels", body)
        assert operation["operationType"] == "setLabels"
        assert operation["progress"] == 100
        assert operation["endTime"]
        after = gce.get(path)
        assert after["labels"] == labels
        assert after["labelFingerprint"] != before["labelFingerprint"]
        assert gce.refused("POST", f"{path}/setLabels", body) == STALE_LABELS
        assert gce.refused("POST", f"{path}/setLabels", {"labels": {}}) == STALE_LABELS
        bad = {"labels": {"Team": "x"}, "labelFingerprint": after["labelFingerprint"]}
        assert gce.refused("POST", f"{path}/setLabels", bad)[:2] == (400, "invalid")
        standard = after["labelFingerprint"].replace("-", "+").replace("_", "/")
        gce.do("POST", f"{path}/setLabels", {"labels": {}, "labelFingerprint": standard})
        assert "labels" not in gce.get(path)


def test_labels_survive_a_patch(gce: Any) -> None:
    gce.backend_service()
    gce.http_door()
    mark = gce.get(RULE)["labelFingerprint"]
    body = {"labels": {"a": "b"}, "labelFingerprint": mark}
    gce.do("POST", f"{RULE}/setLabels", body)
    gce.do("PATCH", RULE, {"description": "x"})
    assert gce.get(RULE)["labels"] == {"a": "b"}


def test_what_cannot_change(door: Any) -> None:
    assert door.refused("PATCH", BS, {"name": "other"}) == (
        400,
        "invalid",
        "Invalid value for field 'resource.name': 'other'. Name of an existing resource cannot be "
        "changed.",
    )
    for change in ({"portRange": "443"}, {"IPAddress": "34.8.1.1"}, {"IPProtocol": "UDP"}):
        assert door.refused("PATCH", RULE, change)[:2] == (400, "invalid")


def test_a_change_of_type_swaps_the_block_of_a_health_check(gce: Any) -> None:
    gce.health_check()
    gce.do("PATCH", HC, {"type": "TCP", "tcpHealthCheck": {"port": 8080}})
    doc = gce.get(HC)
    assert doc["tcpHealthCheck"] == {"port": 8080, "proxyHeader": "NONE"}
    assert "httpsHealthCheck" not in doc
    put = {"name": "hc", "type": "SSL", "sslHealthCheck": {"port": 443}}
    assert gce.do("PUT", HC, put)["operationType"] == "update"
    assert "tcpHealthCheck" not in gce.get(HC)


def test_iap_secret_is_never_shown(gce: Any) -> None:
    iap = {"enabled": True, "oauth2ClientId": "id", "oauth2ClientSecret": "hush"}
    path = gce.backend_service(iap=iap)
    digest = hashlib.sha256(b"hush").hexdigest()
    shown = {"enabled": True, "oauth2ClientId": "id", "oauth2ClientSecretSha256": digest}
    assert gce.get(path)["iap"] == shown
    gce.do("PATCH", path, {"timeoutSec": 3})
    assert gce.get(path)["iap"] == shown


def test_schemes_are_compared_when_a_map_changes(gce: Any) -> None:
    gce.backend_service()
    gce.backend_service("old", loadBalancingScheme="EXTERNAL")
    gce.http_door()
    change = {"defaultService": "global/backendServices/old"}
    code, reason, message = gce.refused("PATCH", "global/urlMaps/um", change)
    assert (code, reason) == (400, "invalid")
    assert "scheme EXTERNAL_MANAGED does not match" in message
    gce.url_map("old", "global/backendServices/old")
    change = {"urlMap": "global/urlMaps/old"}
    assert gce.refused("POST", "targetHttpProxies/proxy/setUrlMap", change)[:2] == (400, "invalid")
