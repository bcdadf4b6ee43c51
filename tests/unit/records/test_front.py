"""The facts on a record's first page are the facts: approvals, attempts, order, states."""

import re
from typing import Any

import pytest
from edgebook.model.values import Action, Change, Plan, ResourceKey, Step
from edgebook.records import front
from edgebook.records.index import record_page

KEY = ResourceKey("forwardingRule", "projects/p/global", "shop-web")


def change(name: str, at: str, **more: Any) -> dict[str, Any]:
    return {
        "action": "create",
        "kind": "forwardingRule",
        "name": name,
        "sentence": f"opens {name}",
        "disrupts": "",
        "before": {},
        "after": {"IPAddress": {"$ref": "address|p|shop", "field": "address"}, "port": 443},
        "real": {"IPAddress": "203.0.113.9"},
        "status": "done",
        "error": "",
        "at": f"2026-11-26T01:00:0{at}Z",
        **more,
    }


def record(**more: Any) -> dict[str, Any]:
    steps = [
        {
            "name": "30_frontends",
            "title": "30 frontends",
            "step": "frontends",
            "status": "ok",
            "seconds": 2,
            "changes": [change("late", "5"), change("early", "1")],
            "checks": [{"state": "ok", "check": "rule", "subject": "late", "reason": "r"}],
            "headline": "",
            "planned": {"hash": "b" * 64},
            "tables": {
                "certificates": {
                    "title": "certificates",
                    "columns": ["domain", "state"],
                    "rows": [{"tone": "good", "domain": "shop.test", "state": "ACTIVE"}],
                }
            },
        }
    ]
    return {
        "change_id": "CHG-2026-11-26-001",
        "title": "apply shop",
        "status": "succeeded",
        "who": {"user": "ann", "host": "h"},
        "started": "2026-11-26T01:00:00Z",
        "finished": "2026-11-26T01:01:00Z",
        "seconds": 60,
        "environment": "simulator",
        "project": "shop",
        "world": {"endpoint": "http://127.0.0.1:1", "how": "GCPSIM_URL"},
        "git": {"commit": ""},
        "tool": {"edgebook": "1", "python": "3"},
        "params": {"file": "p.yaml", "sha256": "c" * 64, "values": {}},
        "plan": {"hash": "a" * 64, "changes": [change("late", "5")]},
        "approval": {"hash": "a" * 64, "by": "bob", "how": "--approve",
                     "approvers": [{"name": "bob", "proof": "key ops", "proven": True}]},
        "request": {"mode": "apply"},
        "sequence": 3,
        "steps": steps,
        **more,
    }  # fmt: skip


def text(data: dict[str, Any]) -> str:
    body = record_page(data).split("<main>")[1].split("</main>")[0]
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def test_changes_stand_by_when_they_began_not_by_when_they_ended() -> None:
    slow = change("slow", "9", began="2026-11-26T01:00:01Z")
    quick = change("quick", "3", began="2026-11-26T01:00:02Z")
    never = change("never", "4", began="", status="failed", error="not ACTIVE in time")
    data = record(steps=[{**record()["steps"][0], "changes": [quick, never, slow]}])
    assert [item["name"] for item in front.changes(data)] == ["slow", "quick", "never"]
    page = record_page(data)
    assert page.index("01:00:01") < page.index("01:00:02") and "01:00:09" not in page


def test_changes_stand_in_the_order_in_which_they_were_made_in_the_plans_words() -> None:
    said = text(record())
    changed = said.split("What was changed")[1].split("Steps")[0]
    assert changed.index("early") < changed.index("late")
    assert "forwarding rule" in changed
    assert "forwardingRule" not in changed


def test_symbolic_values_stand_beside_what_they_turned_out_to_be() -> None:
    said = text(record())
    assert "(address of address shop) 203.0.113.9" in said


def test_an_attempt_is_no_change() -> None:
    data = record(status="failed")
    data["steps"][0]["changes"][0] |= {"status": "failed", "error": "quota"}
    assert front.verdict(data)[:2] == ["1 change made", "1 attempted and failed"]
    assert "create: attempted, failed" in text(data)


def test_the_first_page_says_who_answered_who_approved_and_how_it_is() -> None:
    said = text(record())
    for words in (
        "http://127.0.0.1:1 answered (GCPSIM_URL)",
        "plan aaaaaaaa (--approve) by bob (key ops)",
        "sealed as record 3",
        "simulated",
        "shop.test ACTIVE",
        "2 changes made",
    ):
        assert words in said, words


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({"status": "refused", "approval": None}, "no: it was refused, and nothing was changed"),
        ({"approval": None, "request": {"mode": "plan"}}, "no: it was only planned"),
        ({"sequence": None}, "not sealed : in no chain"),
        ({"status": "failed"}, "Went on in see the list of records"),
        ({"environment": "google-cloud"}, "Google Cloud"),
    ],
)
def test_what_a_record_must_not_hide(more: dict[str, Any], wanted: str) -> None:
    assert wanted in text(record(**more))


def test_a_proof_that_is_none_says_so() -> None:
    approval = {"hash": "a" * 64, "by": "eve", "how": "--approve"}
    assert "eve (--approve; not proven)" in text(record(approval=approval))


def test_a_steps_plan_is_linked_to_the_approved_one_only_where_it_is_a_part_of_it() -> None:
    plan = Plan((Change(Action.CREATE, KEY, Step.FRONTENDS, "x"),
                 Change(Action.CREATE, KEY, Step.FIREWALL, "x")), "shop", "simulator")  # fmt: skip
    part = plan.only(Step.FRONTENDS).hash
    data = record(plan=plan.to_json(), approval={"hash": plan.hash, "by": "bob", "how": "x"})
    step = data["steps"][0]
    step["planned"] = {"hash": part}
    assert front.part_of(step, data) == f"{part[:8]}, part of {plan.hash[:8]}"
    step["planned"] = {"hash": "b" * 64}
    assert front.part_of(step, data) == "bbbbbbbb"
    step["planned"] = {"hash": plan.hash}
    assert front.part_of(step, data) == f"{plan.hash[:8]}, approved"


def test_a_move_has_its_own_approval_and_its_stages() -> None:
    data = record()
    data["steps"][0] |= {
        "title": "swap",
        "planned": {"hash": "d" * 64},
        "ladder": {"title": "swap web to green", "hash": "d" * 64, "approval": {
            "hash": "d" * 64, "by": "eve", "how": "--approve",
            "approvers": [{"name": "eve", "proof": "key", "proven": True}]}},
        "stages": [{"event": "stage", "number": 1, "name": "half", "share": 50.0,
                    "status": "done", "seconds": 60, "at": "2026-11-26T01:00:01Z",
                    "seen": {"text": "0 of 9 failed"}}],
    }  # fmt: skip
    said = text(data)
    assert "swap: plan dddddddd (--approve) by eve (key)" in said
    assert "dddddddd, approved" in said
    assert "Swap web to green" in said
    assert "1 half 50 % done 1 min 0 of 9 failed" in said


def test_an_effect_that_was_planned_is_no_disruption_that_happened() -> None:
    data = record()
    data["steps"][0]["changes"][0]["disrupts"] = "requests go elsewhere"
    assert "1 of them with an effect on traffic, as planned" in front.verdict(data)


def test_a_hostile_name_is_text_on_the_page() -> None:
    data = record()
    name = "<img.src=x.onerror=alert(1)>.shop.example.com"
    data["steps"][0]["changes"] = [change(name, "1")]
    data["steps"][0]["checks"][0]["subject"] = name
    page = record_page(data)
    assert "<img" not in page
    assert page.count("&lt;img.") >= 2
    assert "shop.<wbr>example.<wbr>com</td>" in page  # may be broken there, and only for the eye
