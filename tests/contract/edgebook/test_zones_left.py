"""A hostname and its zone are taken out of the params in one edit: what is left there is told."""

from typing import Any

from tests.contract.edgebook.conftest import Staged
from tests.contract.edgebook.staging import Stage, apply, leaks, plan, teardown_plan

ZONE = "dns/v1/projects/shop-rehearsal/managedZones/elsewhere"
TWO = {
    "dns.zones": {"elsewhere": "example.org"},
    "hostnames": ["shop.example.com", "*.shop.example.com", "www.example.org"],
}
TOLD = "points at this front door, but is not in hostnames"
LINE = (
    "gcloud dns record-sets delete www.example.org. --type A --zone elsewhere "
    "--project shop-rehearsal"
)


def said(table: Any) -> str:
    return " ".join(str(table).split())


def test_a_zone_that_the_params_name_no_more_keeps_nothing_in_silence(staged: Staged) -> None:
    staged.sim.admin("POST", "reset", {"to": "built"})
    staged.edits = {}
    stage = Stage(staged)
    stage.zone("elsewhere", dnsName="example.org.")
    stage.zone("inside", dnsName="example.org.", visibility="private")
    stage.advance(60)
    staged.edits = TWO
    apply(staged)
    staged.edits = {}
    edit = said(plan(staged))
    assert f"www.example.org./A {TOLD}: left alone" in edit and LINE in edit
    assert ".www.example.org./CNAME belongs to DNS authorization www-example-org" in edit
    apply(staged)
    there = stage.door.wire.request("dns", "GET", f"{ZONE}/rrsets")["rrsets"]
    assert [row["name"] for row in there if row["type"] in ("A", "CNAME")] == ["www.example.org."]
    assert staged.book().door.read().plan.empty
    assert f"www.example.org./A elsewhere {TOLD}" in said(leaks(staged))
    assert "address shop-edge held by DNS record set www.example.org./A" in (
        down := said(teardown_plan(staged))
    )
    assert "delete address" not in down
    body = {"deletions": [row for row in there if row["type"] == "A"]}
    stage.door.wire.request("dns", "POST", f"{ZONE}/changes", body=body)
    stage.advance(60)
    assert said(leaks(staged)) == "nothing is left over"
    assert "delete address shop-edge" in said(teardown_plan(staged))
