"""What a run may go on with: proven first, whatever was written into the archive."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from edgebook.base.errors import EdgebookError, LockedError, RefusedError, UsageError
from edgebook.model import signatures
from edgebook.model.values import Action, Change, Plan, ResourceKey, Step
from edgebook.params import load
from edgebook.records import Draft, FolderArchive, Record, Redactor, proof, verify_archive
from edgebook.records.draft import RUNNING
from edgebook.records.leftovers import seal_leftovers
from edgebook.records.sealing import seal_or_keep
from edgebook.records.signing import VARIABLE, sign
from edgebook.runbook.request import Prepared, Request, prepare
from edgebook.runbook.resume import Before, find_key, identity, load_before, parse_key
from edgebook.runbook.sequence import front_door

NOW = datetime(2026, 11, 23, 4, 5, 6, tzinfo=UTC)
FIRST = "CHG-2026-11-23-001"
PARAMS = (Path(__file__).parents[3] / "params" / "rehearsal.yaml").read_text()
PLAN = Plan(
    (Change(Action.CREATE, ResourceKey("firewall", "projects/p/global", "a"), Step.FIREWALL, ""),),
    "shop",
    "google-cloud",
)


def facts(**values: Any) -> dict[str, Any]:
    return {
        "title": "a change",
        "status": "failed",
        "who": {"user": "ada", "host": "laptop"},
        "started": "2026-11-23T04:05:06Z",
        "seconds": 1,
        "environment": "google-cloud",
        "project": "p",
        "front_door": "shop",
        "params": {"file": "params.yaml", "sha256": "1" * 64, "values": {}},
        "plan": PLAN.to_json(),
        "approval": {"hash": PLAN.hash, "by": "cto", "how": "--approve"},
        "request": {"notebooks": ["10_a.ipynb"], "mode": "apply", "given": {}, "key": "run-1"},
        "steps": [],
    } | values


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderArchive:
    monkeypatch.setenv("EDGEBOOK_STATE", str(tmp_path / "state"))
    return FolderArchive(tmp_path / "records")


def begun(archive: FolderArchive, **values: Any) -> Draft:
    draft = Draft.start(archive, now=NOW, redactor=Redactor())
    draft.write_json(RUNNING, proof.prove(facts(status="running", **values)))
    return draft


def sealed(archive: FolderArchive, **values: Any) -> Record:
    return Draft.start(archive, now=NOW, redactor=Redactor()).seal(facts(**values))


def killed(draft: Draft) -> None:
    """As the kernel does it: the lock is gone, the files stay."""
    draft.leave()


def before(archive: FolderArchive, change_id: str = FIRST) -> Before:
    return load_before(archive, change_id, load(PARAMS, "params.yaml"))


def test_what_this_machine_sealed_is_proven(archive: FolderArchive) -> None:
    sealed(archive)
    assert before(archive).proven
    assert before(archive).approval.by == "cto"


def test_a_run_that_lives_is_not_resumed_and_not_sealed(archive: FolderArchive) -> None:
    draft = begun(archive)
    assert seal_leftovers(archive) == []
    with pytest.raises(LockedError, match="still runs"):
        before(archive)
    killed(draft)


def test_a_killed_run_is_sealed_by_the_next_command_and_can_be_resumed(
    archive: FolderArchive,
) -> None:
    draft = begun(archive)
    key = {"kind": "firewall", "scope": "projects/p/global", "name": "a"}
    event = {"event": "change", "step": "firewall", "status": "done", "action": "create", **key}
    draft.journal.write_text(json.dumps(event) + '\n{"event": "cha')
    killed(draft)
    (record,) = seal_leftovers(archive)
    assert (record.status, record.sequence) == ("interrupted", 1)
    assert before(archive).proven
    assert (
        before(archive).done == {"firewall|projects/p/global|a"} or len(before(archive).done) == 1
    )
    assert sorted(path.name for path in draft.folder.iterdir()) == [
        "index.html", "journal.jsonl", "record.json",
    ]  # fmt: skip
    assert seal_leftovers(archive) == []


def test_a_draft_in_which_nothing_happened_goes(archive: FolderArchive) -> None:
    draft = Draft.start(archive, now=NOW, redactor=Redactor())
    killed(draft)
    assert seal_leftovers(archive) == []
    assert not draft.folder.exists()


@pytest.mark.parametrize("status", ["succeeded", "failed", "refused"])
def test_a_run_that_could_not_be_sealed_is_sealed_as_it_ended(
    archive: FolderArchive, status: str
) -> None:
    draft = begun(archive)
    (draft.folder / "record.json").mkdir()  # as a disk that is full: it cannot be written
    with pytest.raises(EdgebookError, match="is not sealed yet") as told:
        seal_or_keep(draft, facts(status=status))
    assert "nothing was changed" in told.value.why and "next command" in told.value.next
    (draft.folder / "record.json").rmdir()
    (record,) = seal_leftovers(archive)
    assert (record.status, "unproven" in record.data) == (status, False)
    assert find_key(archive, "run-1") == draft.change_id
    assert verify_archive(archive).intact


def test_an_end_that_was_planted_is_sealed_as_interrupted(archive: FolderArchive) -> None:
    draft = Draft.start(archive, now=NOW, redactor=Redactor())
    (draft.folder / RUNNING).write_text(json.dumps(facts(status="succeeded")))
    killed(draft)
    (record,) = seal_leftovers(archive)
    assert (record.status, "unproven" in record.data) == ("interrupted", True)


def test_a_planted_state_is_sealed_as_unproven(archive: FolderArchive) -> None:
    draft = Draft.start(archive, now=NOW, redactor=Redactor())
    (draft.folder / RUNNING).write_text(json.dumps(facts(status="running")))
    killed(draft)
    (record,) = seal_leftovers(archive)
    assert record.data["unproven"]
    assert not before(archive).proven


def test_a_state_that_was_edited_is_unproven(archive: FolderArchive) -> None:
    draft = begun(archive)
    text = (draft.folder / RUNNING).read_text()
    (draft.folder / RUNNING).write_text(text.replace('"cto"', '"ceo"'))
    killed(draft)
    seal_leftovers(archive)
    assert not before(archive).proven


def test_another_machine_proves_nothing_without_a_signature(
    archive: FolderArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = sealed(archive)
    key = signatures.make_key(tmp_path / "key.pem")
    monkeypatch.setenv("EDGEBOOK_STATE", str(tmp_path / "elsewhere"))
    assert not before(archive).proven
    monkeypatch.setenv(VARIABLE, str(tmp_path / "key.pem"))
    assert sign(archive, record)
    assert not before(archive).proven, "nobody trusts that key"
    public = signatures.public_name(key)
    spec = load(PARAMS + f'records: {{signers: {{release: "{public}"}}}}\n', "params.yaml")
    assert load_before(archive, FIRST, spec).proven


@pytest.mark.parametrize("text", ["../evil", "CHG-2026-11-23-001/..", "/etc", "*", "CHG-1", ""])
def test_ids_are_parsed_and_never_paths(archive: FolderArchive, text: str) -> None:
    with pytest.raises(UsageError, match="Not a change id"):
        before(archive, text)


@pytest.mark.parametrize("text", ["../x", "a b", "\x1b[1m", "*", "a" * 300, "-x"])
def test_keys_are_parsed(text: str) -> None:
    with pytest.raises(UsageError, match="Not a key"):
        parse_key(text)


@pytest.mark.parametrize(
    "harm",
    [
        lambda path: path.write_text(path.read_text().replace("cto", "ceo")),
        lambda path: path.write_text("{}"),
        lambda path: path.write_text("[]"),
        lambda path: path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n")),
        lambda path: (path.parent / "extra.json").write_text("{}"),
        lambda path: (path.parent.parent / "chain.jsonl").write_text(""),
    ],
)
def test_a_broken_record_is_not_gone_on_with(archive: FolderArchive, harm: Any) -> None:
    sealed(archive)
    harm(archive.folder / FIRST / "record.json")
    with pytest.raises(EdgebookError):
        before(archive)


def test_a_plan_that_its_hash_does_not_fit_is_not_gone_on_with(archive: FolderArchive) -> None:
    sealed(archive, plan=PLAN.to_json() | {"hash": "0" * 64})
    with pytest.raises(RefusedError, match="edited"):
        before(archive)


def test_a_key_finds_the_newest_run_sealed_or_not(archive: FolderArchive) -> None:
    assert find_key(archive, "run-1") == ""
    sealed(archive)
    assert find_key(archive, "run-1") == FIRST
    draft = begun(archive)
    assert find_key(archive, "run-1") == draft.change_id
    killed(draft)
    seal_leftovers(archive)
    assert find_key(archive, "run-1") == draft.change_id
    assert find_key(archive, "run-2") == ""


def keyed(archive: FolderArchive, tmp_path: Path, **asked: Any) -> Prepared:
    """A run with the key that `sealed` has, as the command line asks for it."""
    file = tmp_path / "params.yaml"
    file.write_text(asked.pop("params", PARAMS))
    place = {"params_file": str(file), "records": str(archive.folder), "key": "run-1"}
    return prepare(Request(**{**place, "notebooks": (NOTEBOOK,), **asked}))


NOTEBOOK = front_door()[0]
APPROVED = {"hash": PLAN.hash, "by": "ada", "how": "--approve",
            "approvers": [{"name": "ada", "proof": "", "proven": False}]}  # fmt: skip


def shop_facts(**values: Any) -> dict[str, Any]:
    """A run of these params that asked for one notebook."""
    asked = {"notebooks": [str(NOTEBOOK)], "mode": "apply", "given": {}, "key": "run-1"}
    return {**identity(load(PARAMS, "params.yaml")), "request": asked, **values}


def test_a_key_is_of_one_front_door(archive: FolderArchive, tmp_path: Path) -> None:
    """Engines give every door of a fleet's run the same id: each of them is to be changed."""
    sealed(archive, **shop_facts(status="succeeded"))
    assert keyed(archive, tmp_path).already is not None
    other = keyed(archive, tmp_path, params=PARAMS.replace("name: shop-edge", "name: other-edge"))
    assert (other.already, other.before) == (None, None)
    draft = begun(archive, **shop_facts(front_door="other-edge"))
    found = keyed(archive, tmp_path)
    assert found.already is not None and found.already.change_id == FIRST
    killed(draft)


@pytest.mark.parametrize("machine", ["this one", "another"])
def test_an_identical_request_is_done_already_from_any_machine(
    archive: FolderArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: str
) -> None:
    sealed(archive, **shop_facts(status="succeeded", approval=APPROVED))
    if machine == "another":
        monkeypatch.setenv("EDGEBOOK_STATE", str(tmp_path / "elsewhere"))
    for approve in (PLAN.hash, PLAN.hash[:8], ""):
        already = keyed(archive, tmp_path, approve=approve).already
        assert already is not None and already.change_id == FIRST
    assert archive.change_ids() == [FIRST]


def test_an_identical_request_goes_on_from_another_machine_when_it_is_approved_again(
    archive: FolderArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed(archive, **shop_facts(status="interrupted", approval=APPROVED))
    monkeypatch.setenv("EDGEBOOK_STATE", str(tmp_path / "elsewhere"))
    going_on = keyed(archive, tmp_path, approve=PLAN.hash)
    assert going_on.request.resume == FIRST and going_on.given.hash == PLAN.hash
    assert going_on.before is not None and not going_on.before.proven


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"mode": "plan"}, "mode apply, now plan"),
        ({"notebooks": (front_door()[1],)}, f"{NOTEBOOK.stem}, now {front_door()[1].stem}"),
        ({"given": {"cluster": "blue"}}, "parameters none, now cluster=blue"),
        ({"approve": "0" * 64}, f"plan {PLAN.hash[:8]}, now 00000000"),
    ],
)
def test_another_request_under_the_same_key_is_refused(
    archive: FolderArchive, tmp_path: Path, asked: dict[str, Any], says: str
) -> None:
    """It would be called done, though nothing of it was."""
    sealed(archive, **shop_facts(status="succeeded", approval=APPROVED))
    with pytest.raises(UsageError, match="A key is for one request") as refused:
        keyed(archive, tmp_path, **asked)
    assert says in refused.value.why and FIRST in refused.value.why
