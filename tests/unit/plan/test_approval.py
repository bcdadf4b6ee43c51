"""What an approval covers: a table of histories, and who must have given it."""

import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from edgebook.base.errors import ApprovalError, UsageError
from edgebook.model import signatures
from edgebook.model.people import Person
from edgebook.model.values import Action, Change, Plan, Ref, ResourceKey, Step
from edgebook.plan import kept
from edgebook.plan.approval import (
    Approval,
    Asked,
    Circumstances,
    base_hash,
    decide,
    decide_rest,
)
from edgebook.plan.approvers import Rules, statement
from edgebook.plan.given import Given, parse_hash, read_given
from edgebook.plan.lines import of_move, of_plan, of_teardown

ADA = Person("ada@example.com", "Google account of the credentials", proven=True)
WORLD = "google-cloud"
NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)  # a day after what is signed here


def change(name: str, action: str = "create", **more: Any) -> Change:
    key = ResourceKey("firewall", "projects/shop/global", name)
    after = {} if action == "delete" else {"name": name, "priority": 1000, **more.pop("goal", {})}
    return Change(Action(action), key, Step.FIREWALL, f"{action} {name}", after=after, **more)


def plan(*changes: Change, environment: str = "google-cloud", door: str = "shop") -> Plan:
    return Plan(changes, door, environment)


A, B, C = change("a"), change("b"), change("c")
MOVED = change("b", "update", fields=("priority",), before={"priority": 5})
DRIFTED = change("b", "update", fields=("priority",), before={"priority": 7})
WIDER = change("b", "update", fields=("priority", "x"), before={"priority": 5, "x": 1})
OTHER = change("b", goal={"priority": 1})
AT = Ref("address", "shop-edge", "projects/shop/global", "address")
SYMBOLIC = change("d", goal={"IPAddress": AT})
LITERAL = change("d", goal={"IPAddress": "203.0.113.9"})
GOES = change("e", "delete", before={"name": "e"})
LOUDER = Plan((A, B), "shop", "google-cloud", allows=("max_failed 5",))

# history: the plan that was approved, what was made under it, the plan of now, and whether it may.
HISTORIES: list[tuple[str, Plan, tuple[Change, ...], Plan, bool]] = [
    ("nothing happened since", plan(A, B), (), plan(A, B), True),
    ("a part was made, the rest is left", plan(A, B), (A,), plan(B), True),
    ("all was made, nothing is left", plan(A, B), (A, B), plan(), True),
    ("made by hand meanwhile, less is left", plan(A, B), (), plan(A), True),
    ("killed in the middle of a create", plan(A, B), (A,), plan(MOVED), True),
    ("one was made and deleted by hand", plan(A, B), (A,), plan(A, B), False),
    ("all was made, one deleted by hand", plan(A, B), (A, B), plan(B), False),
    ("the only one was made and deleted", plan(A), (A,), plan(A), False),
    ("something else came up", plan(A), (), plan(A, B), False),
    ("something else instead", plan(A), (), plan(C), False),
    ("the params want another value", plan(A, B), (), plan(A, OTHER), False),
    ("a create became a delete", plan(A), (), plan(change("a", "delete")), False),
    ("an update became a replacement", plan(MOVED), (), plan(change("b", "replace")), False),
    ("somebody changed the value before", plan(A, MOVED), (), plan(DRIFTED), False),
    ("somebody changed one more field", plan(A, MOVED), (), plan(WIDER), False),
    ("a part was made, and something came up", plan(A, B), (A,), plan(B, C), False),
    ("what it refers to is there by now", plan(A, SYMBOLIC), (A,), plan(SYMBOLIC), True),
    ("a value in place of what was to be known", plan(SYMBOLIC), (), plan(LITERAL), False),
    ("a delete is left", plan(A, GOES), (A,), plan(GOES), True),
    ("what was deleted came back and goes again", plan(GOES), (GOES,), plan(GOES), False),
    ("users may notice more than was approved", plan(A, B), (A,), LOUDER, False),
    ("the simulator's plan in the cloud", plan(A, environment="simulator"), (), plan(A), False),
    ("another front door's plan", plan(A, door="blog"), (), plan(A), False),
]


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEBOOK_STATE", str(tmp_path / "state"))


def judge(given: Given, now: Plan | Asked, **about: Any) -> Approval:
    base = base_hash(given, now)
    spent = kept.spent(base, WORLD) if base else ()
    return decide(given, now, Circumstances(ADA, NOW, spent=spent, **about))


@pytest.mark.parametrize("case", HISTORIES, ids=lambda case: case[0])
def test_an_approval_covers_its_plan_and_what_remains_of_it(case: Any) -> None:
    _, approved, made, now, may = case
    kept.keep(approved)
    for done in made:
        kept.note_done(approved.hash, WORLD, done.key)
    for given in (read_given(approved.hash), read_given(approved.hash[:8])):
        if may:
            assert judge(given, now).by == ADA.name
        else:
            with pytest.raises(ApprovalError):
                judge(given, now)


@pytest.mark.parametrize("case", HISTORIES, ids=lambda case: case[0])
def test_a_resumed_run_is_judged_the_same_way(case: Any) -> None:
    _, approved, made, now, may = case
    before = Approval(approved.hash, "ada", "--approve")
    done = {change.key.id for change in made}
    if may:
        assert decide_rest(approved, now, done, before).hash == approved.hash
    else:
        with pytest.raises(ApprovalError, match="More than what was approved"):
            decide_rest(approved, now, done, before)


def test_a_plan_that_is_shown_anew_can_be_approved_anew() -> None:
    kept.keep(plan(A))
    kept.note_done(plan(A).hash, WORLD, A.key)
    with pytest.raises(ApprovalError, match="came undone since"):
        judge(read_given(plan(A).hash), plan(A))
    kept.show(plan(A), WORLD)
    assert judge(read_given(plan(A).hash), plan(A)).hash == plan(A).hash


def test_what_was_made_in_one_simulator_was_not_made_in_another() -> None:
    kept.note_done(plan(A).hash, "http://127.0.0.1:1", A.key)
    assert judge(read_given(plan(A).hash), plan(A))


def test_the_environment_and_the_door_are_part_of_the_hash() -> None:
    hashes = {plan(A).hash, plan(A, environment="simulator").hash, plan(A, door="blog").hash}
    assert len(hashes) == 3


@pytest.mark.parametrize("text", ["????????", "../../plan", "*", "5f0c2a9", "g" * 8, "a" * 65,
                                  "[0-9]" * 8, "/etc/passwd", "~root", "5f0c2a91\x00"])  # fmt: skip
def test_a_hash_is_parsed_and_never_a_pattern_or_a_path(text: str) -> None:
    kept.keep(plan(A))
    assert kept.find(text) is None
    with pytest.raises(UsageError, match="Not a plan's hash"):
        parse_hash(text)


def test_a_kept_plan_that_was_edited_is_none() -> None:
    kept.keep(plan(A))
    path = kept._folder() / f"{plan(A).hash}.json"
    assert path.stat().st_mode & 0o077 == 0
    path.write_text(json.dumps(plan(A, B).to_json()))
    assert kept.find(plan(A).hash) is None


def test_a_plan_file_whose_changes_are_not_those_of_its_hash_is_refused(tmp_path: Path) -> None:
    said = plan(A, B).to_json() | {"hash": plan(A).hash}
    (tmp_path / "plan.json").write_text(json.dumps(said))
    with pytest.raises(UsageError, match="edited"):
        read_given(str(tmp_path / "plan.json"))


def test_auto_is_for_the_simulator() -> None:
    assert judge(Given("auto"), plan(A, environment="simulator")).how == "automatic: rehearsal"
    with pytest.raises(ApprovalError, match="Not approved"):
        judge(Given("auto"), plan(A))


def test_a_ladder_is_approved_by_its_very_hash() -> None:
    ladder = Asked("ab" * 32, 5, "google-cloud", "shop")
    assert judge(Given("abababab"), ladder).hash == ladder.hash
    for given in (Given("cd" * 32), Given("")):
        with pytest.raises(ApprovalError):
            judge(given, ladder)


def test_a_ladder_that_is_not_the_approved_one_says_what_differs() -> None:
    """Its plan was shown here, so that it is known what was approved."""
    stages = ({"name": "half", "soak": 600},)
    approved, longer = (
        Plan((A, B), "shop", "google-cloud", ({**stages[0], "soak": soak},)) for soak in (600, 60)
    )
    now = Plan((A, OTHER, C), "shop", "google-cloud", stages)
    kept.show(approved, WORLD)
    for plan_, said in (
        (now, ["firewall rule b: other values than approved: priority", "firewall rule c: now"]),
        (longer, ["the changes are the same; its stages, gates, waits or limits are not"]),
    ):
        asked = Asked(plan_.hash, 2, "google-cloud", "shop", "swap", plan_)
        with pytest.raises(ApprovalError) as refused:
            judge(read_given(approved.hash[:8]), asked)
        for words in ["only its very hash approves it", *said]:
            assert words in refused.value.why


def test_a_plan_is_shown_also_where_none_can_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EDGEBOOK_STATE", str(tmp_path / "file"))
    kept.show(plan(A), WORLD)
    with pytest.raises(ApprovalError, match="not kept here"):
        judge(read_given("ab" * 32), plan(A))


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, Any]:
    return {name: signatures.make_key(tmp_path / name) for name in ("ada", "bob", "eve")}


def signed(key: Any, by: str, of: Plan, **other: str) -> dict[str, Any]:
    said = statement(of.hash, of, by=by, at="2026-11-23T10:00:00Z") | other
    return {"statement": said, **signatures.sign(key, said)}


def rules(keys: dict[str, Any], number: int = 2) -> Rules:
    known = {"ada@example.com": keys["ada"], "bob": keys["bob"]}
    return Rules(number, {name: signatures.public_name(key) for name, key in known.items()})


def test_two_approvals_are_two_people(keys: dict[str, Any]) -> None:
    given = Given(plan(A).hash, plan(A), (signed(keys["bob"], "bob", plan(A)),))
    approval = judge(given, plan(A), rules=rules(keys))
    assert [person.name for person in approval.approvers] == ["ada@example.com", "bob"]
    assert all(person.proven for person in approval.approvers)


def test_the_rest_of_a_plan_needs_no_new_signature(keys: dict[str, Any]) -> None:
    given = Given(plan(A, B).hash, plan(A, B), (signed(keys["bob"], "bob", plan(A, B)),))
    assert judge(given, plan(B), rules=rules(keys)).hash == plan(A, B).hash


@pytest.mark.parametrize(
    ("says", "make"),
    [
        ("1 of 2", lambda keys: []),
        ("1 of 2", lambda keys: [signed(keys["ada"], "ada@example.com", plan(A))]),
        ("not listed", lambda keys: [signed(keys["eve"], "eve", plan(A))]),
        ("not listed", lambda keys: [signed(keys["eve"], "bob", plan(A))]),
        ("it approves", lambda keys: [signed(keys["bob"], "bob", plan(A, B))]),
        ("environment", lambda keys: [signed(keys["bob"], "bob", plan(A), environment="x")]),
        ("front_door", lambda keys: [signed(keys["bob"], "bob", plan(A), front_door="x")]),
        ("expired", lambda keys: [signed(keys["bob"], "bob", plan(A), at="2026-11-17T09:59:59Z")]),
        ("not yet", lambda keys: [signed(keys["bob"], "bob", plan(A), at="2026-11-24T10:06:00Z")]),
        ("say when", lambda keys: [signed(keys["bob"], "bob", plan(A), at="last week")]),
        ("not true", lambda keys: [{**signed(keys["bob"], "bob", plan(A)), "signature": "AAAA"}]),
    ],
)
def test_what_does_not_count_as_a_second_person(keys: dict[str, Any], says: str, make: Any) -> None:
    given = Given(plan(A).hash, plan(A), tuple(make(keys)))
    with pytest.raises(ApprovalError, match=says):
        judge(given, plan(A), rules=rules(keys))


def test_a_signature_holds_for_as_long_as_the_params_say(keys: dict[str, Any]) -> None:
    old = signed(keys["bob"], "bob", plan(A), at="2026-11-17T10:00:00Z")
    given = Given(plan(A).hash, plan(A), (old,))
    assert judge(given, plan(A), rules=rules(keys)).approvers[1].name == "bob"
    with pytest.raises(ApprovalError, match=r"safety\.approval_days is 6"):
        judge(given, plan(A), rules=dataclasses.replace(rules(keys), days=6))


def test_an_approval_of_a_ladder_expires_too(keys: dict[str, Any]) -> None:
    ladder = Asked(plan(A).hash, 1, "google-cloud", "shop", what="swap")
    late = signed(keys["bob"], "bob", plan(A), at="2026-11-17T09:59:59Z")
    with pytest.raises(ApprovalError, match="expired"):
        judge(Given(plan(A).hash, plan(A), (late,)), ladder, rules=rules(keys))
    in_time = Given(plan(A).hash, plan(A), (signed(keys["bob"], "bob", plan(A)),))
    assert judge(in_time, ladder, rules=rules(keys)).hash == ladder.hash


def test_who_is_not_proven_does_not_count_where_two_are_asked_for(keys: dict[str, Any]) -> None:
    typed = Person("root", "user name of the system, not proven")
    given = Given(plan(A).hash, plan(A), (signed(keys["bob"], "bob", plan(A)),))
    with pytest.raises(ApprovalError, match="not proven"):
        decide(given, plan(A), Circumstances(typed, NOW, rules(keys)))
    both = (*given.signed, signed(keys["ada"], "ada@example.com", plan(A)))
    approval = decide(
        dataclasses.replace(given, signed=both), plan(A), Circumstances(typed, NOW, rules(keys))
    )
    assert [person.name for person in approval.approvers] == ["ada@example.com", "bob"], "not root"


SWAP = of_move("operate/swap", {"to": "green", "steps": [50, 100], "first": ""}, "my params.yaml")
LINES = [
    (of_plan("prod.yaml"), "edgebook plan --params prod.yaml"),
    (of_plan("prod.yaml", ["firewall"]), "edgebook plan --params prod.yaml --step firewall"),
    (of_teardown("prod.yaml"), "edgebook teardown --params prod.yaml"),
    (
        SWAP,
        "edgebook plan operate/swap -p steps '[50, 100]' -p to green --params 'my params.yaml'",
    ),
]


@pytest.mark.parametrize(("made", "line"), LINES)
@pytest.mark.parametrize(
    ("given", "how", "then"),
    [
        (Given(""), "--approve", "give its hash: --approve {hash}"),
        (Given("auto"), "--approve", "give its hash: --approve {hash}"),
        (Given("cd" * 32), "--approve", "give its hash: --approve {hash}"),
        (Given("cd" * 32), "the approval of the run", "give its hash: --approve {hash}"),
        (Given(""), "approve", 'give approve = "{hash}"'),
        (Given("cd" * 32), "approve", 'give approve = "{hash}"'),
    ],
)
def test_a_refusal_names_the_command_that_shows_what_was_asked_for(
    made: Any, line: str, given: Given, how: str, then: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for asked in (plan(A), Asked(plan(A).hash, 1, WORLD, "shop", "swap", plan(A))):
        with pytest.raises(ApprovalError) as refused:
            judge(given, asked, how=how, made=made)
        said = then.format(hash=plan(A).short_hash)
        assert refused.value.next == f"read `{line}`, then {said}"


def test_where_two_must_approve_a_refusal_says_who_signs_what(keys: dict[str, Any]) -> None:
    given = Given(plan(A).hash, plan(A), (signed(keys["eve"], "eve", plan(A)),))
    for what, lines_ in (
        (Given(""), [f"`{LINES[3][1]} --out plan.json`", "--params 'my params.yaml' --approve"]),
        (Given(plan(A).hash), [f"(plan.json is what `{LINES[3][1]} --out plan.json` wrote)"]),
        (given, [f"have that plan signed: `{LINES[3][1]} --out plan.json`"]),
    ):
        with pytest.raises(ApprovalError) as refused:
            judge(what, plan(A), rules=rules(keys), made=SWAP)
        said = refused.value.next.replace(".venv/bin/", "")  # where it is not on the PATH
        for line in lines_:
            assert line in said


def test_what_is_no_hash_is_refused_with_the_way_to_one() -> None:
    for read in (read_given, parse_hash):
        with pytest.raises(UsageError) as refused:
            read("5f0c2a9", instead="read it")
        assert refused.value.next == "read it"
