"""Records that a pipeline sealed, with sigstore instances of the tests' own, to be verified."""

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from edgebook.cli import main
from edgebook.records import Draft, FolderArchive, Redactor
from edgebook.records.redact import environment_secrets

from tests.unit.sigstore_instance import ISSUER, WHO, Instance

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ONE, TWO, THREE = (f"CHG-2026-11-23-00{number}" for number in (1, 2, 3))
Said = Callable[..., tuple[int, str]]


@pytest.fixture(scope="session")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    instance = Instance(tmp_path_factory.mktemp("ours"))
    yield instance
    instance.stop()


@pytest.fixture(scope="session")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    instance = Instance(tmp_path_factory.mktemp("strangers"))
    yield instance
    instance.stop()


@pytest.fixture(scope="session")
def two(ours: Instance, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of two records that the pipeline sealed."""
    folder = tmp_path_factory.mktemp("sealed") / "records"
    with pytest.MonkeyPatch.context() as patched:
        in_pipeline(patched, ours)
        for _ in "12":
            seal(folder)
    return folder


@pytest.fixture
def place(two: Path, ours: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of them, to be harmed; whoever verifies has no token."""
    monkeypatch.delenv("SIGSTORE_ID_TOKEN", raising=False)
    monkeypatch.setenv("EDGEBOOK_SIGSTORE", str(ours.config))
    return Path(shutil.copytree(two, tmp_path / "records"))


@pytest.fixture
def verify(place: Path, capsys: pytest.CaptureFixture[str]) -> Said:
    """Exit code and words of `edgebook records verify`, on stdout and stderr."""

    def said(*options: str, who: str = WHO, issuer: str = ISSUER) -> tuple[int, str]:
        expected = ("--identity", who, "--issuer", issuer)
        code = main(["records", "verify", "--records", str(place), *expected, *options])
        captured = capsys.readouterr()
        text = captured.out + captured.err
        assert "Traceback" not in text
        return code, text

    return said


def in_pipeline(monkeypatch: pytest.MonkeyPatch, instance: Instance, **claims: Any) -> str:
    token = instance.token(**claims)
    monkeypatch.setenv("SIGSTORE_ID_TOKEN", token)
    monkeypatch.setenv("EDGEBOOK_SIGSTORE", str(instance.config))
    return token


def seal(folder: Path, **facts: Any) -> None:
    redactor = Redactor(environment_secrets())
    draft = Draft.start(FolderArchive(folder), now=NOW, redactor=redactor)
    draft.write("notes.json", json.dumps({"token": facts.get("title", "")}))
    who = {"user": "pipeline", "host": "runner"}
    draft.seal({"status": "succeeded", "steps": [], "who": who, **facts})
