"""An apply by hand under each signal at each moment: it ends in words, sealed, its lease let go."""

import contextlib
import os
import signal
import sys
from typing import Any

import pytest
from edgebook.base.errors import EXIT_INTERRUPTED
from edgebook.cli.line import main
from edgebook.records import FolderArchive, load_records, verify_archive

from tests import moments

ADDRESS = "compute/v1/projects/shop-rehearsal/global/addresses/shop-edge"
STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
MOMENTS = {
    "before it is planned": ("open", "shop.yaml"),
    "when its record begins": ("os.rename", "run.json"),
    "before the first change": ("open", "journal.jsonl"),
    "while it is sealed": ("os.rename", "index.html"),
    "when its record is written": ("os.rename", "record.json"),
    "when the chain is written": ("os.rename", "chain.jsonl"),
}


# What is done before, and what the signal comes to.
COMMANDS = {
    "apply": ((), ("apply", "--step", "firewall", "--approve", "auto")),
    "teardown": (
        ("apply", "--step", "firewall", "--quiet", "--approve", "auto"),
        ("teardown", "--step", "firewall", "--approve", "auto"),
    ),
}


@pytest.mark.parametrize("number", STOPPING)
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_signal_at_any_moment(
    shop: Any, capsys: Any, name: str, moment: str, number: signal.Signals
) -> None:
    first, command = (_words(shop, words) for words in COMMANDS[name])
    assert not first or main(first) == 0
    before = {each: signal.getsignal(each) for each in STOPPING}
    with moments.at(*MOMENTS[moment], number) as left, contextlib.suppress(SystemExit):
        code = main(command)
    assert left == [], "the moment never came"
    assert code == EXIT_INTERRUPTED
    said = capsys.readouterr().err
    assert "Traceback" not in said and "topped by hand" in said
    assert {each: signal.getsignal(each) for each in STOPPING} == before
    all_is_sealed_and_let_go(shop)
    assert main(command) == 0
    assert main(command) == 0
    assert verify_archive(FolderArchive(shop.folder / "records")).intact


@pytest.mark.parametrize("quiet", [(), ("--quiet",), ("--json",)])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_whose_reader_is_gone_does_its_work_and_seals_it(
    shop: Any, monkeypatch: pytest.MonkeyPatch, name: str, quiet: tuple[str, ...]
) -> None:
    first, command = (_words(shop, words) for words in COMMANDS[name])
    assert not first or main(first) == 0
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as gone, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", gone)
        patch.setattr(sys, "stderr", gone)
        main([*command, *quiet])
    all_is_sealed_and_let_go(shop)
    record = load_records(FolderArchive(shop.folder / "records"))[-1]
    assert record.status == "succeeded" and record.changes
    assert len(load_records(FolderArchive(shop.folder / "records"))) == 1 + bool(first)
    assert main(command) == 0


def _words(shop: Any, words: tuple[str, ...]) -> list[str]:
    return [*words, "--params", shop.file()] if words else []


def all_is_sealed_and_let_go(shop: Any) -> None:
    archive = FolderArchive(shop.folder / "records")
    sealed = load_records(archive)
    assert [record.change_id for record in sealed] == archive.change_ids(), "a draft was left"
    assert not sealed or verify_archive(archive).intact, str(verify_archive(archive))
    wire = shop.book().door.wire
    assert wire.find("compute", f"{ADDRESS}-lock") is None, "its lease is still held"
    made = wire.find("compute", ADDRESS) or {}
    assert set(made.get("labels") or ()) <= {"edgebook"}, "its lease is still held"
