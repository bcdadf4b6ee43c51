"""Every story of `edgebook rehearse`, played under traffic, and the records of it in docs/.

The records stay true: what is played today makes the same changes in the same order, by the same
stages, judged by the same checks, and loses no request. How long it took, and how many requests it
carried, is of the day. The whole story builds its front door notebook by notebook; the others begin
on one that is built already.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from edgebook.cli.commands._stories import Chapter, stories
from edgebook.cli.commands.rehearse import unverified
from edgebook.records import FolderArchive, Record, load_record, verify_archive
from edgebook.runbook.sequence import front_door

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
SAMPLE = FolderArchive(ROOT / "docs" / "sample-stories")
REFRESH = "refresh: .venv/bin/python tools/sample_record.py stories"
BUILDING = {path.name for path in front_door()}
NAMES = sorted(name for name in stories() if name != "build")
STAGE = ("name", "number", "share", "status")
CHANGE = ("action", "kind", "scope", "name", "status", "sentence")
# Which of an SSL or TCP frontend's zones have answered within a check's time is chance.
CHANCE = "each zone answers"
SCALES = ("180", "60", "30")  # as a rehearsal; slower where other tests leave it no time
BLIND = "the meter was blind"  # a machine that is busy leaves the meter no time to look
pytestmark = pytest.mark.timeout(900)


def moving(chapter: Chapter) -> list[str]:
    """The notebooks of a chapter that do not build the front door."""
    return [path.name for path in chapter.notebooks if path.name not in BUILDING]


def kept(story: str) -> list[Record]:
    """The committed records of a story, in their order."""
    ids = iter(SAMPLE.change_ids())
    found: dict[str, list[Record]] = {}
    for name in NAMES:
        found[name] = [load_record(SAMPLE, next(ids)) for c in stories()[name]() if moving(c)]
    assert next(ids, None) is None, f"more records than chapters; {REFRESH}"
    return found[story]


def facts(record: Record) -> list[dict[str, Any]]:
    """What may not differ between two times that a chapter is played."""
    return [
        {
            "notebook": step["notebook"],
            "status": step["status"],
            "stages": [[s[key] for key in STAGE] for s in step.get("stages") or ()],
            # Writes of one stage go out side by side: which is done first is of the day.
            "changes": sorted([timeless(c[key]) for key in CHANGE] for c in step["changes"]),
            "checks": [
                (c["check"], c["subject"], c["state"])
                for c in step["checks"]
                if c["check"] != CHANCE
            ],
            "tables": {name: table["columns"] for name, table in step["tables"].items()},
            "standing": timeless((step.get("ladder") or {}).get("standing") or ""),
        }
        for step in record.steps
        if step["notebook"] not in BUILDING
    ]


def timeless(words: str) -> str:
    return re.sub(r"\d+(\.\d+)? (s|min|h|days?)\b", "TIME", words)


def played(story: str, folder: Path, scale: str) -> tuple[str, list[Record]]:
    """What a story prints and its records as it is played now, each of a run that ended well."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("GCPSIM", "EDGEBOOK"))}
    words = [
        "rehearse",
        "--params",
        "params/rehearsal.yaml",
        "--records",
        str(folder / "records"),
        "--time-scale",
        scale,
    ]
    done = subprocess.run(
        [BIN / "edgebook", *words, *(("--story", story, "--built") if story else ())],
        cwd=ROOT, env={**clean, "EDGEBOOK_STATE": str(folder / "state")},
        capture_output=True, text=True, timeout=800,
    )  # fmt: skip
    if done.returncode and BLIND in done.stdout + done.stderr:
        return "", []
    assert done.returncode == 0, done.stdout + done.stderr
    archive = FolderArchive(folder / "records")
    assert verify_archive(archive).intact
    return done.stdout, [load_record(archive, change_id) for change_id in archive.change_ids()]


def tells_of_its_building(said: str, built: Record, archive: Path) -> None:
    """A rehearsal says of each step what it did, and its record is of what was verified."""
    lines = said.splitlines()
    assert lines[0].startswith("Edgebook rehearsal: legacy shop -> global front door")
    assert "2 clusters, 18 nodes" in lines[0]
    for name in BUILDING:
        assert any(line.startswith(f"  {name[:2]} ") and " ok " in line for line in lines), name
    assert "none disrupts traffic" in said and "automatic: rehearsal" in said
    assert "chain of 1 record intact" in said
    assert re.match(r"  0 of [\d,]+ requests failed; longest gap", lines[-1])
    wanted = [c for c in built.data["plan"]["changes"] if c["action"] != "report"]
    made = [c for step in built.steps if step["notebook"] in BUILDING for c in step["changes"]]
    assert len(made) == len(wanted)
    assert all(change["after"] for change in built.changes if change["action"] == "create")
    assert unverified(built) == []
    broken = json.loads(json.dumps(built.data))
    verified = next(step for step in broken["steps"] if step["step"] == "verify")
    verified["checks"][0]["state"] = "uncertain"
    assert unverified(Record(broken, "")) != []
    shown = subprocess.run(
        [BIN / "edgebook", "records", "--records", archive, "show", built.change_id],
        capture_output=True, text=True,
    )  # fmt: skip
    assert "automatic: rehearsal" in shown.stdout


@pytest.mark.parametrize("story", NAMES, ids=lambda name: name or "whole")
def test_a_story_is_what_its_sample_says_and_loses_no_request(story: str, tmp_path: Path) -> None:
    for scale in SCALES:
        folder = tmp_path / scale
        folder.mkdir()
        said, records = played(story, folder, scale)
        if records:
            break
    assert records, "the meter was blind three times"
    for record in records:
        traffic = record.data["traffic"]
        assert traffic["sent"] > 0 and traffic["failed"] == 0, traffic["sentence"]
    if not story:
        tells_of_its_building(said, records[0], folder / "records")
    now = [facts(record) for record in records]
    for before, after in zip(kept(story), now, strict=True):
        assert json.loads(json.dumps(after)) == json.loads(json.dumps(facts(before))), REFRESH


def test_the_sample_stories_are_intact_and_were_made_under_traffic() -> None:
    verdict = verify_archive(SAMPLE)
    assert verdict.intact, f"{verdict}\n{REFRESH}"
    for name in NAMES:
        for record in kept(name):
            traffic = record.data["traffic"]
            assert record.status == "succeeded" and traffic["failed"] == 0
            fronts = {share["frontend"] for share in traffic["by"]}
            assert {"web", "mqtt", "postgres"} <= fronts, f"{record.change_id}: {REFRESH}"
            for step in record.steps:
                for stage in step.get("stages") or ():
                    assert stage["seen"]["state"] == "ok", (step["name"], stage["name"])
