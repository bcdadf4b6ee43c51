"""Everything that somebody could do to an archive, and what `verify` says of it."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from edgebook.base.errors import EdgebookError
from edgebook.model import signatures
from edgebook.records import Draft, FolderArchive, Record, Redactor, anchors, verify_archive
from edgebook.records.chain import Verdict
from edgebook.records.index import archive_page
from edgebook.records.record import dump, load_records, parse_record
from edgebook.records.signing import SIGNATURE, VARIABLE

NOW = datetime(2026, 11, 23, 4, 5, 6, tzinfo=UTC)
ONE, TWO, THREE = (f"CHG-2026-11-23-00{number}" for number in (1, 2, 3))


def facts(**values: Any) -> dict[str, Any]:
    return {
        "title": "a change",
        "status": "succeeded",
        "who": {"user": "ada", "host": "laptop"},
        "started": "2026-11-23T04:05:06Z",
        "seconds": 1,
        "steps": [],
    } | values


def sealed(archive: FolderArchive, **values: Any) -> Record:
    draft = Draft.start(archive, now=NOW, redactor=Redactor())
    draft.write("notes.json", '{"é": 1}\n')
    return draft.seal(facts(**values))


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Records are signed with a key of an operator."""
    monkeypatch.setenv("EDGEBOOK_STATE", str(tmp_path / "state"))
    made = signatures.make_key(tmp_path / "key.pem")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "key.pem"))
    return signatures.public_name(made)


@pytest.fixture
def archive(tmp_path: Path, key: str) -> FolderArchive:
    made = FolderArchive(tmp_path / "records")
    for _ in range(3):
        sealed(made)
    return made


def said(archive: FolderArchive, **options: Any) -> str:
    verdict = verify_archive(archive, **options)
    assert verdict.intact == (not verdict.problems)
    return str(verdict)


def chain(archive: FolderArchive) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (archive.folder / "chain.jsonl").read_text().splitlines()]


def write_chain(archive: FolderArchive, links: list[dict[str, Any]]) -> None:
    text = "".join(json.dumps(link, sort_keys=True) + "\n" for link in links)
    (archive.folder / "chain.jsonl").write_text(text)


def recompute(archive: FolderArchive) -> None:
    """What an insider does who knows how it is made: every hash, link and page anew."""
    before: Record | None = None
    links = []
    for record in load_records(archive):
        previous = before and {"change_id": before.change_id, "sha256": before.sha256}
        data = {**record.data, "previous": previous}
        path = archive.folder / record.change_id / "record.json"
        path.write_text(dump(data))
        before = parse_record(dump(data))
        links.append(
            {"change_id": before.change_id, "sequence": before.sequence, "sha256": before.sha256}
        )
    write_chain(archive, links)
    (archive.folder / "index.html").write_text(archive_page(load_records(archive)))


def edit(archive: FolderArchive, change_id: str = TWO) -> None:
    path = archive.folder / change_id / "record.json"
    path.write_text(path.read_text().replace('"ada"', '"eve"'))


def cut_off(archive: FolderArchive) -> None:
    shutil.rmtree(archive.folder / THREE)
    write_chain(archive, chain(archive)[:-1])
    (archive.folder / "index.html").write_text(archive_page(load_records(archive)))


def insider(archive: FolderArchive) -> None:
    edit(archive)
    recompute(archive)


def without(archive: FolderArchive, name: str) -> None:
    (archive.folder / name).unlink()


def rename(archive: FolderArchive) -> None:
    (archive.folder / ONE).rename(archive.folder / "held")
    (archive.folder / TWO).rename(archive.folder / ONE)
    (archive.folder / "held").rename(archive.folder / TWO)


def link(archive: FolderArchive) -> None:
    path = archive.folder / TWO / "notes.json"
    other = archive.folder.parent / "elsewhere.json"
    path.rename(other)
    path.symlink_to(other)


HARM: dict[str, tuple[Callable[[FolderArchive], object], str]] = {
    "a record is edited": (edit, "was edited"),
    "a file is edited": (lambda a: (a.folder / TWO / "notes.json").write_text("{}"), "was edited"),
    "line ends become others": (
        lambda a: (a.folder / TWO / "notes.json").write_bytes(b'{"\xc3\xa9": 1}\r\n'),
        "was edited",
    ),
    "a byte becomes a wrong one": (
        lambda a: (a.folder / TWO / "notes.json").write_bytes(b'{"\xff": 1}\n'),
        "was edited",
    ),
    "line ends of the chain": (
        lambda a: (a.folder / "chain.jsonl").write_bytes(
            (a.folder / "chain.jsonl").read_bytes().replace(b"\n", b"\r\n")
        ),
        "is not written as it was",
    ),
    "a file is missing": (lambda a: without(a, f"{TWO}/notes.json"), "is missing"),
    "a record is missing": (lambda a: shutil.rmtree(a.folder / TWO), "is missing"),
    "an extra file": (lambda a: (a.folder / TWO / "x.html").write_text(""), "is an extra file"),
    "an extra hidden file": (lambda a: (a.folder / TWO / ".x").write_text("."), "is an extra file"),
    "one like a temporary": (lambda a: (a.folder / TWO / ".a.part").write_text(""), "extra file"),
    "in the owner's file": (lambda a: (a.folder / TWO / ".owner").write_text("x"), "extra"),
    "an extra file at the top": (lambda a: (a.folder / ".write-x").write_text(""), "extra file"),
    "an extra folder": (lambda a: (a.folder / TWO / "deep").mkdir(), "is an extra file"),
    "a symbolic link": (link, "symbolic link"),
    "a pipe": (lambda a: os.mkfifo(a.folder / TWO / "pipe"), "is no regular file"),
    "two records change places": (rename, "holds the record of"),
    "two lines change places": (
        lambda a: write_chain(a, [chain(a)[1], chain(a)[0], chain(a)[2]]),
        "line 1 says 2",
    ),
    "a line is cut out": (lambda a: write_chain(a, chain(a)[:1] + chain(a)[2:]), "line 2 says 3"),
    "no chain": (lambda a: without(a, "chain.jsonl"), "is not in the chain"),
    "nothing at all": (lambda a: shutil.rmtree(a.folder), "holds no record"),
    "an empty folder": (
        lambda a: (shutil.rmtree(a.folder), a.folder.mkdir()),
        "holds no record",
    ),
    "another page": (lambda a: (a.folder / "index.html").write_text(""), "not what the records"),
    "a signature of something else": (
        lambda a: shutil.copy(a.folder / ONE / SIGNATURE, a.folder / TWO / SIGNATURE),
        "is no true signature",
    ),
}  # fmt: skip


@pytest.mark.parametrize("harm", HARM)
def test_every_tampering_is_an_error(archive: FolderArchive, harm: str) -> None:
    assert "chain of 3 records intact" in said(archive)
    work, text = HARM[harm]
    work(archive)
    assert text in said(archive), harm
    assert "BROKEN" in said(archive)


def test_an_insider_who_recomputes_everything_shows_by_signatures(
    archive: FolderArchive, key: str
) -> None:
    assert "signatures: 3 by ada" in "; ".join(verify(archive, {"ada": key}).checked)
    insider(archive)
    for change_id in (TWO, THREE):
        (archive.folder / change_id / SIGNATURE).unlink()
    assert "chain of 3 records intact" in said(archive), "the chain alone does not see it"
    assert f"{TWO}: is not signed" in said(archive, signers={"ada": key})


def verify(archive: FolderArchive, signers: dict[str, str]) -> Verdict:
    return verify_archive(archive, signers=signers)


def test_a_forged_record_at_the_end_is_not_signed(
    archive: FolderArchive, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE)
    forged = sealed(archive, who={"user": "cto", "host": "x"})
    assert "intact" in said(archive)
    assert f"{forged.change_id}: is not signed" in said(archive, signers={"ada": key})


def test_a_signature_of_a_strangers_key_is_none(
    archive: FolderArchive, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signatures.make_key(tmp_path / "eve.pem")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "eve.pem"))
    sealed(archive)
    assert "is of a key that is not trusted" in said(archive, signers={"ada": key})


@pytest.mark.parametrize(("harm", "text"), [(cut_off, "is gone"), (insider, "is not the record")])
def test_what_is_anchored_elsewhere_cannot_be_taken_away(
    archive: FolderArchive, tmp_path: Path, harm: Any, text: str
) -> None:
    place = str(tmp_path / "elsewhere" / "heads.jsonl")
    for record in load_records(archive):
        anchors.note(place, record)
    held = anchors.read(place)
    assert "intact" in said(archive, anchored=held)
    harm(archive)
    assert text in said(archive, anchored=held)


def test_a_git_tag_is_an_anchor(
    archive: FolderArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    monkeypatch.chdir(checkout)
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "ada")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "ada@example.com")
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run(["git", *words], check=True)
    last = load_records(archive)[-1]
    assert "edgebook-records/000003-" in anchors.note("git", last)
    anchors.note("git", last)
    assert [anchor.sha256 for anchor in anchors.read("git")] == [last.sha256]


def test_no_anchor_is_no_proof(tmp_path: Path) -> None:
    with pytest.raises(EdgebookError, match="cannot be read"):
        anchors.read(str(tmp_path / "gone"))
    (tmp_path / "empty").write_text("")
    with pytest.raises(EdgebookError, match="No anchors"):
        anchors.read(str(tmp_path / "empty"))


def test_a_bundle_that_proves_nothing_is_an_error(archive: FolderArchive) -> None:
    (archive.folder / TWO / "record.sigstore.json").write_text("{}")
    text = said(archive, sealed_by=("https://github.com/acme/shop", "https://issuer"))
    assert f"{ONE}: has no keyless signature" in text
    assert f"{TWO}: is not proven to be of https://github.com/acme/shop" in text
