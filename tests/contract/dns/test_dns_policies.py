"""Policies of networks, keys of signed zones, IAM policies of zones."""

from typing import Any

ZONES, POLICIES = "projects/p/managedZones", "projects/p/policies"
ZONE = {"name": "z", "dnsName": "example.com.", "description": ""}
NETWORK = {"networkUrl": "https://www.googleapis.com/compute/v1/projects/p/global/networks/default"}


def test_policies_of_networks(cloud: Any) -> None:
    assert cloud.dns("GET", POLICIES) == {"kind": "dns#policiesListResponse"}
    body = {"name": "inbound", "enableInboundForwarding": True, "networks": [NETWORK]}
    made = cloud.dns("POST", POLICIES, body)
    assert (made["name"], made["description"]) == ("inbound", "")
    assert cloud.refusal("dns", "POST", POLICIES, body).code == 409
    second = {"name": "second", "networks": [NETWORK]}
    assert cloud.refusal("dns", "POST", POLICIES, second).code == 409
    changed = cloud.dns("PATCH", f"{POLICIES}/inbound", {"enableLogging": True})
    assert changed["policy"]["enableInboundForwarding"] is True
    assert cloud.refusal("dns", "DELETE", f"{POLICIES}/inbound").code == 412
    cloud.dns("PUT", f"{POLICIES}/inbound", {"name": "inbound", "enableLogging": True})
    whole = cloud.dns("GET", f"{POLICIES}/inbound")
    assert set(whole) == {"kind", "id", "name", "description", "enableLogging"}
    cloud.dns("DELETE", f"{POLICIES}/inbound")
    assert cloud.refusal("dns", "GET", f"{POLICIES}/inbound").code == 404


def test_keys_come_with_dnssec(cloud: Any) -> None:
    cloud.dns("POST", ZONES, {**ZONE, "dnssecConfig": {"state": "on"}})
    ksk, zsk = cloud.dns("GET", f"{ZONES}/z/dnsKeys")["dnsKeys"]
    assert (ksk["type"], zsk["type"]) == ("keySigning", "zoneSigning")
    assert len(ksk["digests"][0]["digest"]) == 64
    assert 0 < ksk["keyTag"] < 65536
    assert cloud.dns("GET", f"{ZONES}/z/dnsKeys/0") == ksk
    cloud.dns("PATCH", f"{ZONES}/z", {"dnssecConfig": {"state": "off"}})
    assert "dnsKeys" not in cloud.dns("GET", f"{ZONES}/z/dnsKeys")


def test_iam_policies_are_guarded_by_their_etag(cloud: Any) -> None:
    cloud.dns("POST", ZONES, ZONE)
    assert cloud.dns("POST", f"{ZONES}/z:getIamPolicy", {})["etag"] == "ACAB"
    binding = {"role": "roles/dns.reader", "members": ["user:a@example.com"]}
    policy = {"policy": {"bindings": [binding], "etag": "ACAB"}}
    kept = cloud.dns("POST", f"{ZONES}/z:setIamPolicy", policy)
    assert kept["bindings"] == [binding]
    assert cloud.refusal("dns", "POST", f"{ZONES}/z:setIamPolicy", policy).code == 409
    assert cloud.dns("POST", f"{ZONES}/z:getIamPolicy", {}) == kept
    placed = "projects/p/locations/global/managedZones/z"  # as gcloud asks, in version 2
    assert cloud.dns("POST", f"{placed}:getIamPolicy", {}) == kept


def test_response_policies_and_their_rules(cloud: Any) -> None:
    path = "projects/p/responsePolicies"
    assert cloud.dns("GET", path) == {}
    assert cloud.refusal("dns", "POST", path, {}).code == 400
    network = {"networkUrl": "https://www.googleapis.com/compute/v1/projects/p/global/networks/n"}
    made = cloud.dns("POST", path, {"responsePolicyName": "r", "networks": [network]})
    assert cloud.dns("GET", f"{path}/r") == made
    assert cloud.refusal("dns", "POST", path, {"responsePolicyName": "r"}).code == 409
    other = {"responsePolicyName": "s", "networks": [network]}
    assert cloud.refusal("dns", "POST", path, other).code == 409
    data = {"name": "a.example.com.", "type": "A", "ttl": 60, "rrdatas": ["10.0.0.1"]}
    rule = {"ruleName": "a", "dnsName": "a.example.com.", "localData": {"localDatas": [data]}}
    cloud.dns("POST", f"{path}/r/rules", rule)
    assert cloud.refusal("dns", "POST", f"{path}/r/rules", rule).code == 409
    assert cloud.refusal("dns", "POST", f"{path}/r/rules", {"ruleName": "b"}).code == 400
    assert cloud.refusal("dns", "POST", f"{path}/none/rules", rule).code == 404
    changed = cloud.dns("PATCH", f"{path}/r/rules/a", {"dnsName": "*.example.com."})
    assert changed["responsePolicyRule"]["dnsName"] == "*.example.com."
    [listed] = cloud.dns("GET", f"{path}/r/rules")["responsePolicyRules"]
    assert listed["localData"]["localDatas"][0]["rrdatas"] == ["10.0.0.1"]
    cloud.dns("PUT", f"{path}/r", {"description": "no networks"})
    assert cloud.refusal("dns", "DELETE", f"{path}/r").code == 412  # it still has a rule
    cloud.dns("DELETE", f"{path}/r/rules/a")
    assert cloud.refusal("dns", "GET", f"{path}/r/rules/a").code == 404
    cloud.dns("DELETE", f"{path}/r")
    assert cloud.dns("GET", path) == {}
