"""Firewall policies of organizations, folders and regions, over the wire and in Google's order."""

from typing import Any

import pytest
from google.cloud import compute_v1

DENY = {
    "action": "deny", "direction": "INGRESS", "priority": 100,
    "match": {"srcIpRanges": ["35.191.0.0/16"],
              "layer4Configs": [{"ipProtocol": "tcp", "ports": ["8080"]}]},
}  # fmt: skip
ORGANIZATION = "organizations/77"  # of these tests: no other project is below it
ABOVE = "/compute/v1/locations/global/firewallPolicies"


class Organization:
    """Calls outside of every project."""

    def __init__(self, sim: Any) -> None:
        self.sim = sim

    def ask(self, verb: str, path: str, body: Any = None, **query: str) -> tuple[int, Any]:
        text = "&".join(f"{name}={value}" for name, value in query.items())
        code, answer = self.sim.http(verb, f"{ABOVE}{path}{'?' if text else ''}{text}", body)
        return int(code), answer

    def do(self, verb: str, path: str, body: Any = None, **query: str) -> Any:
        code, answer = self.ask(verb, path, body, **query)
        assert code == 200, answer
        return answer

    def policy(self, name: str, parent: str = ORGANIZATION) -> str:
        made = self.do("POST", "", {"shortName": name}, parentId=parent)
        assert made["status"] == "DONE" and made["operationType"] == "insert"
        return str(made["targetId"])


@pytest.fixture
def organization(gce: Any) -> Organization:
    return Organization(gce.sim)


def test_the_life_of_a_policy_of_an_organization(organization: Organization, gce: Any) -> None:
    client = gce.sim.compute(compute_v1.FirewallPoliciesClient)
    resource = {"short_name": "corp", "description": "all of us"}
    operation = client.insert(
        request={"parent_id": ORGANIZATION, "firewall_policy_resource": resource}
    )
    operation.result(timeout=20)
    (found,) = client.list(request={"parent_id": ORGANIZATION})
    assert (found.short_name, found.parent, found.name) == ("corp", ORGANIZATION, str(found.id))
    number = str(found.id)
    assert organization.ask("POST", "", {"shortName": "corp"}, parentId=ORGANIZATION)[0] == 409
    for query, body in (({}, {"shortName": "x"}), ({"parentId": "projects/x"}, {"shortName": "x"}),
                        ({"parentId": ORGANIZATION}, {})):  # fmt: skip
        assert organization.ask("POST", "", body, **query)[0] == 400

    organization.do("POST", f"/{number}/addRule", DENY)
    code, said = organization.ask("POST", f"/{number}/addRule", DENY)
    assert code == 400 and "same priorities" in said["error"]["message"]
    organization.do("POST", f"/{number}/patchRule", {"action": "goto_next"}, priority="100")
    rules = client.get(firewall_policy=number).rules
    assert [rule.action for rule in rules] == ["goto_next"] * 5
    organization.do("POST", f"/{number}/removeRule", priority="100")
    assert len(organization.do("GET", f"/{number}")["rules"]) == 4
    organization.do("PATCH", f"/{number}", {"description": "changed"})
    assert organization.do("GET", f"/{number}")["description"] == "changed"
    organization.do("POST", f"/{number}/move", parentId="folders/7")
    assert organization.do("GET", f"/{number}")["parent"] == "folders/7"
    organization.do("DELETE", f"/{number}")
    assert organization.ask("GET", f"/{number}")[0] == 404


def test_a_folder_has_one_policy_and_keeps_it(organization: Organization) -> None:
    corp, other = organization.policy("corp"), organization.policy("other")
    target = {"attachmentTarget": "folders/7", "name": "sevens"}
    organization.do("POST", f"/{corp}/addRule", DENY)
    organization.do("POST", f"/{corp}/addAssociation", target)
    assert organization.do("GET", f"/{corp}/getAssociation", name="sevens")["shortName"] == "corp"
    code, said = organization.ask("POST", f"/{other}/addAssociation", target)
    assert code == 400 and "already associated" in said["error"]["message"]
    code, said = organization.ask("DELETE", f"/{corp}")
    assert code == 400 and said["error"]["errors"][0]["reason"] == "resourceInUseByAnotherResource"
    replace = {"replaceExistingAssociation": "true"}
    organization.do("POST", f"/{other}/addAssociation", target, **replace)
    listed = organization.do("GET", "/listAssociations", targetResource="folders/7")
    assert [one["firewallPolicyId"] for one in listed["associations"]] == [other]
    organization.do("DELETE", f"/{corp}")
    organization.do("POST", f"/{other}/cloneRules", sourceFirewallPolicy=other)
    organization.do("POST", f"/{other}/removeAssociation", name="sevens")
    assert organization.ask("POST", f"/{other}/removeAssociation", name="sevens")[0] == 400
    organization.do("DELETE", f"/{other}")


def test_what_is_in_force_is_told_from_above_to_the_region(
    organization: Organization, gce: Any
) -> None:
    names = {"org": ORGANIZATION, "folder": "folders/7", "away": "folders/8"}
    for name, target in names.items():
        number = organization.policy(name)
        organization.do("POST", f"/{number}/addAssociation", {"attachmentTarget": target})
    under = {"project": gce.project, "under": ["folders/7", ORGANIZATION]}
    gce.sim.admin("POST", "stage/ancestry", under)
    network = gce.link("global/networks/default")
    for scope in ("global", "regions/us-central1", "regions/europe-west1"):
        gce.make(f"{scope}/firewallPolicies", name=scope.split("/")[-1])
        body = {"name": "here", "attachmentTarget": network}
        path = f"{scope}/firewallPolicies/{scope.split('/')[-1]}"
        gce.do("POST", f"{path}/addAssociation", body)
        code, _, text = gce.refused("POST", f"{path}/addAssociation", {**body, "name": "b"})
        assert code == 400 and "already associated" in text

    client = gce.sim.compute(compute_v1.NetworksClient)
    found = client.get_effective_firewalls(project=gce.project, network="default").firewall_policys
    called = [(one.short_name or one.name, one.type_) for one in found]
    assert called == [("org", "HIERARCHY"), ("folder", "HIERARCHY"), ("global", "NETWORK")]
    regional = gce.sim.compute(compute_v1.RegionNetworkFirewallPoliciesClient)
    seen = regional.get_effective_firewalls(
        project=gce.project, region="us-central1", network=network
    ).firewall_policys
    assert [one.type_ for one in seen] == [
        "HIERARCHY", "HIERARCHY", "NETWORK", "NETWORK_REGIONAL",
    ]  # fmt: skip
    assert seen[-1].name == "us-central1"
    path = "regions/us-central1/firewallPolicies/getEffectiveFirewalls"
    assert gce.refused("GET", path, None)[0] == 400
    for wrong in ({}, {"project": "p", "under": []}, {"project": "p", "under": ["projects/1"]}):
        assert gce.sim.http("POST", "/_sim/stage/ancestry", wrong)[0] == 400
