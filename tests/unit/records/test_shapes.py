"""A record that is none, in whatever field: it is told as damaged, and in nobody's way."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from edgebook.cli.line import main
from edgebook.records import FolderArchive, compare, load_records, verify_archive
from edgebook.records import traffic as shown_traffic
from edgebook.records.index import archive_page
from edgebook.records.record import parse_record

from tests.unit.records.test_hostile_records import sample

UNREAD = ("files", "world", "git", "tool")
ODD: tuple[Any, ...] = (None, [], "x", {"a": 1}, 7, [None], True)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything in a record; of a list the first item stands for all."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()  # noqa: E501  # fmt: skip
    for name, item in items:
        yield from places(item, (*path, name))


def with_odd(path: tuple[Any, ...], odd: Any) -> dict[str, Any]:
    data = copy.deepcopy(sample())
    place: Any = data
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = odd
    return data


def test_what_is_read_as_a_record_can_be_shown() -> None:
    """Each field is an odd value in turn: then it is no record, or every view of it goes."""
    damaged, whole = 0, parse_record(json.dumps(sample()))
    for number, path in enumerate(places(sample())):
        if path[0] in UNREAD or path[1:2] in (("values",), ("timeline",), ("changes",)):
            continue
        for odd in (ODD[number % len(ODD)],):
            try:
                record = parse_record(json.dumps(with_odd(path, odd)))
            except ValueError:
                damaged += 1
                continue
            try:
                archive_page([record])
                shown_traffic.lines(record.data)
                compare(record, whole)
            except Exception as error:
                pytest.fail(f"{path} as {odd!r}: {type(error).__name__}: {error}")
    assert damaged > 50


def test_a_damaged_record_is_told_and_stands_in_nobodys_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = FolderArchive(tmp_path / "records")
    change_id = str(sample()["change_id"])
    (archive.folder / change_id).mkdir(parents=True)
    for path, odd in (
        (("sequence",), "x"), (("steps",), "x"), (("previous",), [1]), (("who",), [1]),
        (("approval",), 7), (("steps", 0), None), (("status",), {"a": 1}), (("change_id",), 7),
    ):  # fmt: skip
        text = json.dumps(with_odd(path, odd))
        (archive.folder / change_id / "record.json").write_text(text)
        assert load_records(archive) == [], path
        said = [str(problem) for problem in verify_archive(archive).problems]
        assert any(f"{change_id}/record.json: cannot be read: {path[0]}" in one for one in said)
        for words in (["list"], ["show", change_id], ["verify"], ["diff", change_id, change_id]):
            main(["records", *words, "--records", str(archive.folder)])
            assert "does not know" not in capsys.readouterr().err, (path, words)
