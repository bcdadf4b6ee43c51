"""Archives in buckets, against servers of both protocols: gcp-storage-emulator and moto."""

import itertools
import json
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from edgebook.base.errors import EdgebookError
from edgebook.base.interrupts import noted, shielded
from edgebook.records import Draft, Record, Redactor, open_archive, proof, verify_archive
from edgebook.records.buckets import BucketArchive
from edgebook.records.draft import RUNNING, outbox
from edgebook.records.leftovers import seal_leftovers, seal_remote
from edgebook.records.record import load_records
from edgebook.records.sealing import seal_or_keep
from edgebook.runbook.resume import find_key, load_before

from tests.silence import Silent

NOW = datetime(2026, 11, 23, 4, 5, 6, tzinfo=UTC)
PREFIXES = itertools.count(1)
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def gcs() -> Iterator[str]:
    from gcp_storage_emulator.server import create_server

    server = create_server("127.0.0.1", 0, in_memory=True, default_bucket="records")
    server.start()
    yield f"http://127.0.0.1:{server._api._httpd.socket.getsockname()[1]}"
    server.stop()


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    boto3.client("s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="x",
                 aws_secret_access_key="x").create_bucket(Bucket="records")  # fmt: skip
    yield url
    server.stop()


@pytest.fixture(params=["gs", "s3"])
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A fresh prefix in a bucket that is served here."""
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("EDGEBOOK_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    if request.param == "gs":
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", request.getfixturevalue("gcs"))
    else:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", request.getfixturevalue("s3"))
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return f"{request.param}://records/door-{next(PREFIXES)}"


def facts(**values: Any) -> dict[str, Any]:
    return {
        "title": "a change",
        "status": "succeeded",
        "who": {"user": "ada", "host": "laptop"},
        "started": "2026-11-23T04:05:06Z",
        "seconds": 1,
        "request": {"notebooks": [], "mode": "apply", "given": {}, "key": "run-1"},
        "steps": [],
    } | values


def sealed(archive: Any, **values: Any) -> Record:
    draft = Draft.start(archive, now=NOW, redactor=Redactor())
    draft.write("notes.json", '{"é": 1}\n')
    return draft.seal(facts(**values))


def test_records_are_sealed_verified_and_tampering_is_seen(place: str) -> None:
    archive = open_archive(place)
    first, second = sealed(archive), sealed(archive)
    assert (first.sequence, second.sequence) == (1, 2)
    assert verify_archive(archive).intact, str(verify_archive(archive))
    assert [record.change_id for record in load_records(archive)] == archive.change_ids()
    assert find_key(archive, "run-1") == second.change_id
    archive.write(f"{first.change_id}/notes.json", "{}")
    assert "was edited" in str(verify_archive(archive))


def test_the_chain_cannot_be_rewritten_beside_its_places(place: str) -> None:
    archive = open_archive(place)
    sealed(archive)
    chain = archive.read("chain.jsonl") or ""
    archive.write("chain.jsonl", chain.replace('"sequence": 1', '"sequence": 1, "key": "x"'))
    assert "is not what the places of the chain say" in str(verify_archive(archive))


def test_a_killed_run_is_gone_on_with_from_another_machine(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = open_archive(place)
    draft = Draft.start(archive, now=NOW, redactor=Redactor())
    event = {"event": "change", "step": "firewall", "kind": "firewall", "scope": "p", "name": "a",
             "action": "create", "status": "done"}  # fmt: skip
    draft.journal.write_text(json.dumps(event) + "\n")
    draft.write_json(RUNNING, proof.prove(facts(status="running", plan=None)))
    draft.upload()
    monkeypatch.setenv("EDGEBOOK_STATE", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))
    again = open_archive(place)
    before = load_before(again, find_key(again, "run-1"), None)
    assert (before.sealed, before.proven) == (False, False)
    assert len(before.done) == 1
    record = seal_remote(again, before.change_id)
    assert (record.status, record.sequence) == ("interrupted", 1)
    assert record.data["unproven"]
    assert verify_archive(again).intact, str(verify_archive(again))


def test_an_id_is_taken_once(place: str) -> None:
    archive = open_archive(place)
    one, two = (Draft.start(archive, now=NOW, redactor=Redactor()) for _ in range(2))
    assert one.change_id != two.change_id


def test_runs_that_seal_at_once_take_different_places(
    s3: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Only moto knows conditions: the emulator of Google's storage ignores them."""
    monkeypatch.setenv("EDGEBOOK_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    place = f"s3://records/door-{next(PREFIXES)}"
    open_archive(place).check_writable()
    found: list[Record] = []
    threads = [
        threading.Thread(target=lambda: found.append(sealed(open_archive(place)))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(record.sequence for record in found) == [1, 2, 3, 4]
    archive = open_archive(place)
    archive.write("index.html", _page(archive))
    assert verify_archive(archive).intact, str(verify_archive(archive))


def _page(archive: Any) -> str:
    from edgebook.records.index import archive_page

    return archive_page(load_records(archive))


def test_a_bucket_that_is_gone_is_said_before_anything_is_run(place: str) -> None:
    gone = open_archive(place.replace("records", "nowhere-at-all"))
    with pytest.raises(EdgebookError, match="cannot be written"):
        gone.check_writable()


@pytest.fixture
def silent(place: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Silent]]:
    with Silent() as server:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url)
        yield place, server


def test_a_silent_bucket_is_given_up_and_named(silent: tuple[str, Silent]) -> None:
    place, server = silent
    archive = BucketArchive(place, patience=0.3)
    for work, what in (
        (archive.change_ids, "Archive cannot be read"),
        (archive.check_writable, "Change records cannot be written"),
    ):
        with pytest.raises(EdgebookError) as failed:
            work()
        assert failed.value.what == what
        assert failed.value.where.startswith(place)
        assert failed.value.why == "no answer within 0.3 s"
        assert failed.value.next
    assert server.asked.is_set()


def test_a_signal_while_a_seal_waits_for_a_silent_bucket_ends_the_wait(
    silent: tuple[str, Silent],
) -> None:
    """A seal is finished whatever comes, but for what nobody on this machine can finish."""
    place, server = silent
    archive = BucketArchive(place, patience=3600)

    def interrupt() -> None:
        if server.asked.wait(60):
            signal.raise_signal(signal.SIGTERM)

    threading.Thread(target=interrupt).start()
    with pytest.raises(EdgebookError, match="cannot be read") as failed, shielded():
        archive.change_ids()
    assert failed.value.why == "given up when a signal came"
    assert noted.count == 0


def test_a_bucket_that_goes_in_the_middle_gets_its_record_when_it_is_back(place: str) -> None:
    """Sealed by the next command of that machine, as it ended; nothing is left in its outbox."""
    archive = open_archive(place)
    draft = Draft.start(archive, now=NOW, redactor=Redactor())
    draft.write_json(RUNNING, proof.prove(facts(status="running", plan=None)))
    draft.upload()
    draft.journal.write_text('{"event": "change", "step": "x", "name": "a", "status": "done"}\n')
    store, there = archive._store, archive._store._bucket  # type: ignore[attr-defined]
    gone = "nowhere-at-all"
    store._bucket = gone if place.startswith("s3") else store._bucket.client.bucket(gone)
    with pytest.raises(EdgebookError, match="is not sealed yet") as told:
        seal_or_keep(draft, facts(status="failed"))
    assert "1 change is done and journaled" in told.value.why
    assert draft.change_id in told.value.why
    store._bucket = there
    other = open_archive(place + "-other")
    assert seal_leftovers(other) == [], "a draft of another archive is left alone"
    (record,) = seal_leftovers(open_archive(place))
    assert (record.change_id, record.status) == (draft.change_id, "failed")
    assert "unproven" not in record.data
    assert verify_archive(archive).intact, str(verify_archive(archive))
    assert list(outbox().iterdir()) == []


def test_a_killed_run_of_a_bucket_is_sealed_by_the_next_command_of_its_machine(place: str) -> None:
    archive = open_archive(place)
    draft = Draft.start(archive, now=NOW, redactor=Redactor())
    draft.write_json(RUNNING, proof.prove(facts(status="running", plan=None)))
    draft.upload()
    draft.write("20_after.json", "{}")  # had not gone up
    assert seal_leftovers(archive) == [], "it lives"
    killed(draft)
    (record,) = seal_leftovers(archive)
    assert record.status == "interrupted" and "20_after.json" in record.files
    nothing = Draft.start(archive, now=NOW, redactor=Redactor())
    killed(nothing)
    assert seal_leftovers(archive) == []
    assert archive.change_ids() == [draft.change_id]
    assert verify_archive(archive).intact, str(verify_archive(archive))
    assert list(outbox().iterdir()) == []


def test_sealing_for_another_machine_touches_no_draft_of_this_one(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Change ids count up in each archive: the outbox holds the same id of two of them."""
    archive, other = open_archive(place), open_archive(place + "-other")
    theirs = Draft.start(archive, now=NOW, redactor=Redactor())
    theirs.write_json(RUNNING, proof.prove(facts(status="running", plan=None)))
    theirs.upload()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))
    ours = Draft.start(other, now=NOW, redactor=Redactor())
    ours.write("notes.json", "{}")
    assert ours.change_id == theirs.change_id
    assert seal_remote(archive, theirs.change_id).status == "interrupted"
    assert (ours.folder / "notes.json").exists()
    assert [path.name for path in outbox().iterdir()] == [ours.change_id]
    ours.discard()


def killed(draft: Draft) -> None:
    """As the kernel does it: the lock is gone, the files stay."""
    draft.leave()


def test_no_probe_is_left(place: str) -> None:
    archive = open_archive(place)
    archive.check_writable()
    assert archive.names() == []
