"""The sample records show changes as they were carried out, and none before one that it needed."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from edgebook.model.values import Change, Plan, Step
from edgebook.plan import order
from edgebook.records import front
from edgebook.records.index import record_page

DOCS = Path(__file__).parents[3] / "docs"


def _data(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _says_when_it_began(data: dict[str, Any]) -> bool:
    """Records of before decision 0097 are sealed with a plan sorted by kind."""
    return all("began" in change for change in front.changes(data))


ALL = sorted(DOCS.glob("sample-*/CHG-*/record.json"))
RECORDS = [path for path in ALL if _says_when_it_began(_data(path))]
IDS = [f"{path.parts[-3]}/{path.parts[-2]}" for path in RECORDS]
ROW = re.compile(r'<tr id="change-\d+">.*?<td class="name">(.*?)</td>', re.DOTALL)


def _data(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", RECORDS, ids=IDS)
def test_executed_changes_stand_by_the_time_at_which_they_were_begun(path: Path) -> None:
    data = _data(path)
    changes = front.changes(data)
    begun = [change["began"] for change in changes]
    assert all(begun) and begun == sorted(begun)
    assert all(change["began"] <= change["at"] for change in changes)
    for step in data["steps"]:
        said = [change["began"] for change in step["changes"]]
        assert said == sorted(said), step["title"]
    shown = ROW.findall(record_page(data))
    assert len(shown) == len(changes)
    assert [_bare(name) for name in shown] == [front.name(change) for change in changes]


@pytest.mark.parametrize("path", RECORDS, ids=IDS)
def test_no_planned_line_stands_before_one_that_it_needs(path: Path) -> None:
    for part in _planned(_data(path)):
        waits = order.before(part, {})
        above = set()
        for change in part:
            assert waits[change.key] <= above, f"{change.key} stands before what it needs"
            above.add(change.key)


@pytest.mark.parametrize("path", RECORDS, ids=IDS)
def test_what_was_needed_had_ended_before(path: Path) -> None:
    """The order that is shown is the one that was kept: by the times, not only by the list."""
    data = _data(path)
    done: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for change in front.changes(data):
        done.setdefault((change["kind"], change["name"]), []).append(
            (change["began"], change["at"])
        )
    for part in _planned(data):
        for key, first in order.before(part, {}).items():
            for other in first:
                mine, its = (done.get((k.kind, k.name), []) for k in (key, other))
                if len(mine) == len(its) == 1:
                    assert its[0][1] <= mine[0][0], f"{key} began before {other} had ended"


def _planned(data: dict[str, Any]) -> Iterator[list[Change]]:
    """What was carried out at once: a step of a front door, or a stage of a move."""
    plan = Plan.from_json(data["plan"])
    if plan.stages:
        for stage in plan.stages:
            yield [Change.from_json(change) for change in stage["changes"]]
        return
    for step in Step:
        yield [change for change in plan.to_do if change.step is step]


def _bare(html: str) -> str:
    return re.sub(r"<[^>]+>", "", html)
