"""Change records: sealing, the chain, tampering, archives by URL, what differs between two."""

import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
import pytest
from edgebook.base.errors import EdgebookError, UsageError
from edgebook.records import (
    Draft,
    FolderArchive,
    Record,
    Redactor,
    compare,
    load_record,
    open_archive,
    verify_archive,
)
from edgebook.records.archive import Archive
from edgebook.records.buckets import BucketArchive
from edgebook.records.chain import Verdict
from papermill.iorw import papermill_io

NOW = datetime(2026, 11, 23, 4, 5, 6, tzinfo=UTC)


def facts(**values: Any) -> dict[str, Any]:
    step = {
        "name": "certificate",
        "title": "20 Certificate",
        "status": "ok",
        "seconds": 6.2,
        "html": "20_certificate.html",
        "headline": "1 of 1 domains AUTHORIZED",
        "changes": [
            {"action": "create", "kind": "certificate", "name": "shop", "sentence": "managed",
             "before": {}, "after": {"managed": {"domains": ["shop.example.com"]}},
             "status": "done"}
        ],
        "checks": [
            {"state": "ok", "check": "CAA allows pki.goog", "subject": "example.com",
             "reason": "", "remedy": ""}
        ],
    }  # fmt: skip
    return {
        "title": "shop: rehearsal",
        "status": "succeeded",
        "who": {"user": "ada", "host": "laptop"},
        "started": "2026-11-23T04:05:06Z",
        "finished": "2026-11-23T04:06:06Z",
        "seconds": 60,
        "environment": "simulator",
        "project": "shop-rehearsal",
        "front_door": "shop-edge",
        "git": {"commit": "0" * 40, "changed": False},
        "tool": {"edgebook": "0.1.0", "python": "3.11.7"},
        "params": {"file": "params/a.yaml", "sha256": "1" * 64, "values": {"dns": {"ttl": 300}}},
        "plan": {"hash": "5f0c2a91" + "0" * 56, "changes": []},
        "approval": {"hash": "5f0c2a91" + "0" * 56, "by": "ada", "how": "--approve"},
        "steps": [step],
        "traffic": {},
    } | values


def notebook(*outputs: Any, source: str = "step.plan()") -> str:
    cells = [
        nbformat.v4.new_markdown_cell("# 20 Certificate\n\nIssues one."),
        nbformat.v4.new_code_cell(source, outputs=list(outputs), execution_count=1),
    ]
    return nbformat.writes(nbformat.v4.new_notebook(cells=cells))


def stream(text: str, name: str = "stdout") -> Any:
    return nbformat.v4.new_output("stream", name=name, text=text)


def seal(archive: Archive, change_id: str = "", **values: Any) -> Record:
    draft = Draft.start(archive, now=NOW, redactor=Redactor(), change_id=change_id)
    draft.write_notebook("20_certificate.ipynb", notebook(stream("done")))
    return draft.seal(facts(**values))


@pytest.fixture
def archive(tmp_path: Path) -> FolderArchive:
    return FolderArchive(tmp_path / "records")


@pytest.fixture
def three(archive: FolderArchive) -> FolderArchive:
    for _ in range(3):
        seal(archive)
    return archive


def problems(archive: Archive, **options: str) -> str:
    verdict = verify_archive(archive, **options)
    assert verdict.intact == (not verdict.problems)
    return str(verdict)


def test_a_record_has_notebook_html_pages_and_hashes(archive: FolderArchive) -> None:
    record = seal(archive)
    folder = archive.folder / "CHG-2026-11-23-001"
    assert sorted(path.name for path in folder.iterdir()) == [
        "20_certificate.html", "20_certificate.ipynb", "index.html", "record.json",
    ]  # fmt: skip
    assert set(record.files) == {"20_certificate.html", "20_certificate.ipynb", "index.html"}
    assert record.data["previous"] is None
    assert nbformat.read(folder / "20_certificate.ipynb", as_version=4).cells[1].outputs
    assert str(verify_archive(archive)).startswith("chain of 1 record intact")


def test_pages_load_nothing_from_anywhere(archive: FolderArchive) -> None:
    seal(archive)
    pages = list(archive.folder.rglob("*.html"))
    assert len(pages) == 3
    for page in pages:
        text = page.read_text()
        assert "default-src 'none'" in text
        assert "http://" not in text and "https://" not in text
        assert "prefers-color-scheme: dark" in text


def test_change_ids_count_up_within_a_day_and_are_used_once(archive: FolderArchive) -> None:
    ids = [seal(archive).change_id for _ in range(2)]
    assert ids == ["CHG-2026-11-23-001", "CHG-2026-11-23-002"]
    assert seal(archive, "CHG-2026-11-23-107").change_id == "CHG-2026-11-23-107"
    assert seal(archive).change_id == "CHG-2026-11-23-108"
    with pytest.raises(UsageError, match="Record CHG-2026-11-23-001 exists"):
        seal(archive, "CHG-2026-11-23-001")
    with pytest.raises(UsageError, match="Not a change id"):
        seal(archive, "../../etc")


def test_records_sealed_at_the_same_time_make_one_chain(archive: FolderArchive) -> None:
    threads = [threading.Thread(target=seal, args=(archive,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert str(verify_archive(archive)).startswith("chain of 6 records intact")


def test_an_edited_file_is_found(three: FolderArchive) -> None:
    path = three.folder / "CHG-2026-11-23-002" / "20_certificate.ipynb"
    path.write_text(path.read_text().replace("done", "dune"))
    assert "CHG-2026-11-23-002/20_certificate.ipynb: was edited" in problems(three)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_an_edited_record_is_found_wherever_it_stands(three: FolderArchive, number: int) -> None:
    path = three.folder / f"CHG-2026-11-23-00{number}" / "record.json"
    path.write_text(path.read_text().replace("ada", "eve"))
    assert f"CHG-2026-11-23-00{number}/record.json: was edited" in problems(three)


def test_an_edited_record_is_found_also_with_the_chain_file_rewritten(three: FolderArchive) -> None:
    path = three.folder / "CHG-2026-11-23-002" / "record.json"
    path.write_text(path.read_text().replace("ada", "eve"))
    links = [json.loads(line) for line in (three.folder / "chain.jsonl").read_text().splitlines()]
    links[1]["sha256"] = load_record(three, "CHG-2026-11-23-002").sha256
    (three.folder / "chain.jsonl").write_text("".join(json.dumps(li) + "\n" for li in links))
    assert "was edited after CHG-2026-11-23-003 was sealed" in problems(three)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_missing_record_is_found(three: FolderArchive, number: int) -> None:
    gone = three.folder / f"CHG-2026-11-23-00{number}"
    gone.rename(three.folder.parent / "gone")
    assert f"CHG-2026-11-23-00{number}: is missing: the chain lists it" in problems(three)


def test_reordered_records_are_found(three: FolderArchive) -> None:
    one, two = three.folder / "CHG-2026-11-23-001", three.folder / "CHG-2026-11-23-002"
    one.rename(three.folder / "swap")
    two.rename(one)
    (three.folder / "swap").rename(two)
    assert "CHG-2026-11-23-001: holds the record of CHG-2026-11-23-002" in problems(three)


@pytest.mark.parametrize("place", ["CHG-2026-11-23-002/note.txt", "note.txt"])
def test_an_extra_file_is_found(three: FolderArchive, place: str) -> None:
    (three.folder / place).write_text("trust me")
    assert f"{place}: is an extra file" in problems(three)


def test_a_forged_record_is_found(three: FolderArchive) -> None:
    forged = three.folder / "CHG-2026-11-23-004"
    forged.mkdir()
    text = (three.folder / "CHG-2026-11-23-003" / "record.json").read_text()
    (forged / "record.json").write_text(text.replace("-003", "-004"))
    assert "CHG-2026-11-23-004: is not in the chain" in problems(three)


def test_an_edited_index_is_found_and_a_noted_head_must_be_there(three: FolderArchive) -> None:
    index = three.folder / "index.html"
    index.write_text(index.read_text().replace("succeeded", "failed"))
    assert "index.html: is not what the records say" in problems(three)
    assert "no record has the hash beef" in problems(three, head="beef")


def test_an_unsealed_draft_is_told_but_breaks_nothing(three: FolderArchive) -> None:
    Draft.start(three, now=NOW, redactor=Redactor())
    verdict: Verdict = verify_archive(three)
    assert verdict.intact
    assert "CHG-2026-11-23-004: is not sealed" in str(verdict)


def test_a_crash_between_record_and_chain_file_heals_with_the_next_seal(
    three: FolderArchive,
) -> None:
    chain = three.folder / "chain.jsonl"
    chain.write_text("".join(chain.read_text().splitlines(keepends=True)[:2]))
    seal(three)
    assert str(verify_archive(three)).startswith("chain of 4 records intact")


def test_an_archive_that_cannot_be_written_is_an_error_before_anything(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EdgebookError, match="Change records cannot be written") as caught:
        Draft.start(FolderArchive(tmp_path / "file"), now=NOW, redactor=Redactor())
    assert "--records" in caught.value.next


def test_a_url_without_a_handler_is_refused_with_those_that_have_one() -> None:
    with pytest.raises(UsageError) as caught:
        open_archive("ftp://somewhere/records")
    assert "gs://" in str(caught.value)


class Memory:
    """A papermill handler that keeps texts in a dict, as a storage library would register one."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.broken = False

    def read(self, path: str) -> str:
        return self.texts[path]

    def write(self, text: str, path: str) -> None:
        if self.broken:
            raise PermissionError("403 no storage.objects.create on this bucket")
        self.texts[path] = text

    def listdir(self, path: str) -> list[str]:
        return [name for name in self.texts if name.startswith(path)]

    def pretty_path(self, path: str) -> str:
        return path


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Memory:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    memory = Memory()
    papermill_io.register("memory://", memory)
    monkeypatch.setattr(papermill_io, "_handlers", list(papermill_io._handlers))
    return memory


def test_a_bucket_by_url_holds_the_same_chain(bucket: Memory, tmp_path: Path) -> None:
    archive = open_archive("memory://team/records")
    assert isinstance(archive, BucketArchive)
    for _ in range(2):
        seal(archive)
    assert "memory://team/records/CHG-2026-11-23-002/20_certificate.html" in bucket.texts
    assert str(verify_archive(archive)).startswith("chain of 2 records intact")
    assert not list(tmp_path.rglob("*.ipynb"))
    name = "memory://team/records/CHG-2026-11-23-001/record.json"
    bucket.texts[name] = bucket.texts[name].replace("ada", "eve")
    assert "CHG-2026-11-23-001/record.json: was edited" in problems(archive)


def test_a_bucket_that_refuses_is_an_error_before_anything_and_loses_nothing(
    bucket: Memory, tmp_path: Path
) -> None:
    archive = open_archive("memory://team/records")
    draft = Draft.start(archive, now=NOW, redactor=Redactor())
    draft.write_notebook("20_certificate.ipynb", notebook())
    bucket.broken = True
    with pytest.raises(EdgebookError, match="cannot be written"):
        draft.seal(facts())
    assert list(tmp_path.rglob("20_certificate.ipynb"))
    with pytest.raises(EdgebookError, match="cannot be written"):
        Draft.start(archive, now=NOW, redactor=Redactor())


def test_two_records_differ_by_step_and_resource(archive: FolderArchive) -> None:
    seal(archive)
    later = facts(
        status="failed", params={"file": "a", "sha256": "", "values": {"dns": {"ttl": 60}}}
    )
    step = later["steps"][0]
    step["status"] = "failed"
    step["error"] = {"what": "Certificate not issued", "why": "CAA forbids pki.goog"}
    step["checks"][0] |= {"state": "failed", "reason": '0 issue "other.example"'}
    step["changes"].append({"action": "create", "kind": "certificateMap", "name": "shop"})
    draft = Draft.start(archive, now=NOW, redactor=Redactor())
    draft.seal(later)
    left, right = (load_record(archive, f"CHG-2026-11-23-00{n}") for n in (1, 2))
    assert not compare(left, left)
    assert [(d.step, d.what, d.left, d.right) for d in compare(left, right)] == [
        ("", "parameter dns.ttl", "300", "60"),
        ("", "result", "succeeded", "failed"),
        ("certificate", "certificate map shop", "", "create"),
        ("certificate", "check CAA allows pki.goog, example.com", "ok",
         "failed: 0 issue \"other.example\""),
        ("certificate", "failure", "", "CAA forbids pki.goog"),
        ("certificate", "result", "ok", "failed"),
    ]  # fmt: skip
