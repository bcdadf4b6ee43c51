"""Every text of a change record, hostile, on its pages and in what `edgebook records` prints.

The fields are those of the sample of a move, and of one that failed under traffic.
"""

import copy
import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from edgebook.cli.line import main
from edgebook.records import FolderArchive, load_record, load_records
from edgebook.records.index import archive_page, record_page
from edgebook.records.record import Record

from tests.unit.hostile import SAID, acts, acts_in_page, batches, leaves, poisoned

DOCS = Path(__file__).parents[3] / "docs"
# What a failed run has besides.
FAILED = {"what": "w", "where": "w", "why": "w", "seen": "s", "next": "n", "state": "s"}
TRAFFIC = {
    "at": "2026-11-27T01:02:03.123Z", "frontend": "web", "hostname": "h", "client": "https",
    "location": "l", "kind": "reset", "detail": "d", "ms": 1.0, "during": "update urlMap shop",
}  # fmt: skip


@cache
def sample() -> dict[str, Any]:
    """A record with all that records have."""
    archive = FolderArchive(DOCS / "sample-moves")
    moves = [dict(record.data) for record in load_records(archive)]
    data = copy.deepcopy(max(moves, key=lambda one: len(set(leaves(one)))))
    data["steps"] = [_short(step) for step in data["steps"]]
    data["plan"] = {**data["plan"], "changes": data["plan"]["changes"][:2]}
    data["files"] = dict(list(data["files"].items())[:2])
    data["steps"][-1] |= {"status": "failed", "error": FAILED}
    data["who"] |= {"pipeline": "p"}
    data["approval"] = {
        "hash": "a" * 64, "by": "b", "how": "h",
        "approvers": [{"name": "n", "proof": "p", "proven": True}],
    }  # fmt: skip
    traffic = data.setdefault("traffic", None) or {"sent": 1, "failed": 1, "by": [], "waiting": []}
    data["traffic"] = {
        **traffic, "by": traffic["by"][:2], "failures": [TRAFFIC], "sentence": "s", "sent": 2,
        "verdict": {"state": "breach", "reasons": ["r"]},
        "waiting": [{"frontend": "f", "hostname": "h", "client": "c", "last": "l"}],
        "users": {
            "since": "2026-11-27T01:02:03Z", "until": "2026-11-27T01:02:03Z", "blind": ["b"],
            "passthrough_packets": {"p": 1},
            "frontends": [{"name": "n", "real": True, "requests": 1, "by_class": {"2xx": 1},
                           "of_the_meter": 1, "day_before": 1, "failures": {"f": 1},
                           "compared": {"state": "worse", "why": "w"}}],
            "failures": [{"at": "2026-11-27T01:02:03Z", "frontend": "f", "kind": "k",
                          "status": 502, "detail": "d", "url": "u"}],
        },
    }  # fmt: skip
    return data


def _short(step: dict[str, Any]) -> dict[str, Any]:
    """Two of each, so that a page is quick: the fields are the same."""
    tables = {
        k: {**v, "rows": (v.get("rows") or [])[:2]} for k, v in step.get("tables", {}).items()
    }
    return {
        **step,
        "changes": step.get("changes", [])[:2],
        "checks": step.get("checks", [])[:2],
        "stages": (step.get("stages") or [])[:2],
        "tables": tables,
    }


# Which of them name something by a word of ours: another word is refused, or is none of a record.
OURS = {"change_id", "previous.change_id", "steps[].checks[].state", "steps[].status"}


def fields() -> list[str]:
    return sorted(set(leaves(sample())) - OURS)


def test_no_field_acts_on_a_page() -> None:
    found = []
    for field in batches(fields(), 12):
        data = poisoned(sample(), field, SAID)
        found += [(field, bad) for bad in acts_in_page(record_page(data))[:1]]
        found += [(field, bad) for bad in acts_in_page(archive_page([Record(data, "0")]))[:1]]
    assert found == []
    assert "evil" in record_page(poisoned(sample(), {"steps[].error.why"}, SAID))


def test_no_field_acts_in_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive, change_id = tmp_path / "records", str(sample()["change_id"])
    (archive / change_id).mkdir(parents=True)
    place, shown = ["--records", str(archive)], 0
    other = change_id[:-3] + "999"
    shutil.copytree(archive / change_id, archive / other)
    (archive / other / "record.json").write_text(json.dumps({**sample(), "change_id": other}))
    found = []
    for field in batches(fields(), 12):
        text = json.dumps(poisoned(sample(), field, SAID))
        (archive / change_id / "record.json").write_text(text)
        for words in (
            ["list"],
            ["show", change_id],
            ["show", change_id, "--traffic"],
            ["show", change_id, "--json"],
            ["diff", change_id, other],
            ["diff", change_id, other, "--json"],
        ):
            main(["records", *words, *place])
            said = capsys.readouterr()
            found += [(field, words, bad) for bad in acts(said.out + said.err)[:1]]
            found += [(field, words, said.err)] if "does not know" in said.err else []
            shown += "evil" in said.out
    assert found == []
    assert shown > 12
    assert load_record(FolderArchive(archive), change_id)
