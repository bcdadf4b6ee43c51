"""Keyless bundles with a timestamp: by Rekor's second API, and beside the promise of the first.

The log of the second knows no time, so that a timestamp authority must say when a signature was
made; the public service has one beside its log of the first.
"""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from edgebook.cli import main
from edgebook.records import FolderArchive, verify_archive
from edgebook.records.keyless import BUNDLE

from tests.unit.records.conftest import ONE, in_pipeline, seal
from tests.unit.sigstore_instance import ISSUER, STAMPS, WHO, Instance
from tests.unit.sigstore_stamps import Stamps


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """An instance as sigstore makes them now: a log without times, and a clock."""
    instance = Instance(tmp_path_factory.mktemp("second"), rekor=2, stamped=True)
    yield instance
    instance.stop()


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """An instance as the public one: a log that promises a time, and a clock."""
    instance = Instance(tmp_path_factory.mktemp("first"), stamped=True)
    yield instance
    instance.stop()


def bundle(place: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((place / ONE / BUNDLE).read_text())
    return found


def stamps(found: dict[str, Any]) -> list[dict[str, str]]:
    said: list[dict[str, str]] = found["verificationMaterial"]["timestampVerificationData"][
        "rfc3161Timestamps"
    ]
    return said


def trouble(place: Path) -> str:
    """What is wrong with the one record, in one line; "" when nothing is."""
    verdict = verify_archive(FolderArchive(place), sealed_by=(WHO, ISSUER))
    assert len(verdict.problems) <= 1
    return "".join(problem.text for problem in verdict.problems)


@pytest.mark.parametrize("which", ["first", "second"])
def test_a_stamped_record_is_proven(
    request: pytest.FixtureRequest, which: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    instance: Instance = request.getfixturevalue(which)
    in_pipeline(monkeypatch, instance)
    for _ in "123":  # the third stands elsewhere in the log's tree than the second
        seal(tmp_path)
    line = ["records", "verify", "--records", str(tmp_path), "--identity", WHO]
    assert main([*line, "--issuer", ISSUER]) == 0
    assert f"keyless: 3 of 3 records by {WHO}" in capsys.readouterr().out
    assert main([*line, "--issuer", "https://gitlab.com"]) == 1
    [entry] = bundle(tmp_path)["verificationMaterial"]["tlogEntries"]
    assert len(stamps(bundle(tmp_path))) == 1
    assert ("inclusionPromise" in entry) == (which == "first")
    assert STAMPS in instance.asked


def test_a_log_without_times_and_no_clock_make_no_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    instance = Instance(tmp_path / "instance", rekor=2)
    try:
        in_pipeline(monkeypatch, instance)
        seal(tmp_path / "records")
    finally:
        instance.stop()
    assert "has no keyless signature" in (said := capsys.readouterr().err)
    assert "signed timestamp" in said
    assert trouble(tmp_path / "records") == "has no keyless signature"


class Broken(Stamps):
    def __init__(self) -> None:
        return

    def answer(self, asked: bytes) -> bytes:
        return b"no stamp"


def test_a_clock_that_fails_is_told_and_the_promise_of_the_log_is_enough(
    first: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    in_pipeline(monkeypatch, first)
    monkeypatch.setattr(first, "stamps", Broken())
    seal(tmp_path)
    assert "Unable to use" in caplog.text
    assert trouble(tmp_path) == ""
    assert stamps(bundle(tmp_path)) == []


def without(found: dict[str, Any]) -> None:
    stamps(found).clear()


def garbled(found: dict[str, Any]) -> None:
    stamps(found)[0]["signedTimestamp"] = "bm8gc3RhbXA="


def twice(found: dict[str, Any]) -> None:
    stamps(found).append(stamps(found)[0])


HARM: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "no stamp": (without, "does not say when it was made"),
    "a garbled stamp": (garbled, "its timestamp cannot be read"),
    "the same stamp twice": (twice, "duplicate timestamp"),
}


@pytest.mark.parametrize("harm", HARM)
def test_a_harmed_stamp_is_an_error_in_words(
    second: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    work, words = HARM[harm]
    in_pipeline(monkeypatch, second)
    seal(tmp_path)
    found = bundle(tmp_path)
    work(found)
    (tmp_path / ONE / BUNDLE).write_text(json.dumps(found))
    assert words in trouble(tmp_path)


def test_the_stamp_of_a_strangers_clock_says_nothing(
    first: Instance, second: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_pipeline(monkeypatch, second)
    monkeypatch.setattr(second, "stamps", first.stamps)
    seal(tmp_path)
    assert "nobody of this instance says when it was made" in trouble(tmp_path)


def test_the_stamp_of_another_signature_says_nothing(
    second: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_pipeline(monkeypatch, second)
    for name in ("one", "other"):
        seal(tmp_path / name)
    found = bundle(tmp_path / "one")
    stamps(found)[:] = stamps(bundle(tmp_path / "other"))
    (tmp_path / "one" / ONE / BUNDLE).write_text(json.dumps(found))
    assert "nobody of this instance says when it was made" in trouble(tmp_path / "one")


def test_a_stamp_after_the_certificate_expired_proves_nothing(
    second: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_pipeline(monkeypatch, second)
    monkeypatch.setattr(second, "late", second.life + timedelta(minutes=1))
    seal(tmp_path)
    assert "no authority of this instance vouches for its certificate" in trouble(tmp_path)
