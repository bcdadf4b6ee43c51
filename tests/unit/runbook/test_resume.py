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
from edgebook.records import Draft, FolderArchive, Record, Redactor, proof
from edgebook.records.leftovers import RUNNING, seal_leftovers
from edgebook.records.signing import VARIABLE, sign
from edgebook.runbook.resume import Before, find_key, load_before, parse_key

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
    draft._owner.drop()


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
