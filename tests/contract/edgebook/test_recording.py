"""Whatever writes leaves a record: applies, teardowns, failures, refusals, by whichever door."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from edgebook.base.errors import EdgebookError, SafetyError, StepFailed
from edgebook.records import FolderArchive, load_records, verify_archive
from edgebook.records.leftovers import seal_leftovers


def records(shop: Any) -> list[Any]:
    archive = FolderArchive(shop.folder / "records")
    assert verify_archive(archive).intact
    return load_records(archive)


def test_an_apply_and_a_teardown_by_hand_are_sealed_in_one_chain(shop: Any) -> None:
    book = shop.book()
    plan = book.plan()
    book.apply("apply", plan.hash, show_progress=False)
    down = book.teardown().plan()
    book.teardown().apply("apply", down.hash, show_progress=False)
    made, gone = records(shop)
    assert (made.status, gone.status) == ("succeeded", "succeeded")
    assert made.data["approval"]["hash"] == plan.hash == made.data["plan"]["hash"]
    assert gone.data["approval"]["hash"] == down.hash
    assert len(made.changes) == len(plan.plan.to_do)
    assert {change["action"] for change in gone.changes} == {"delete"}
    assert made.data["approval"]["approvers"][0]["proof"].endswith("not proven")


def test_nothing_to_do_leaves_no_record(shop: Any) -> None:
    book = shop.book()
    book.apply("apply", "auto", show_progress=False)
    book.apply("apply", "auto", show_progress=False)
    assert len(records(shop)) == 1


def test_a_failed_apply_is_sealed_with_its_reason(shop: Any) -> None:
    shop.fault(service="compute", method="POST", collection="urlMaps", code=400,
               reason="invalid", message="no \x1b[2J such", times=0)  # fmt: skip
    with pytest.raises(StepFailed):
        shop.book().apply("apply", "auto", show_progress=False)
    (record,) = records(shop)
    assert record.status == "failed"
    assert "invalid" in json.dumps(record.steps[0]["error"]) or record.steps[0]["error"]["what"]


def test_a_teardown_has_a_limit_of_its_own_that_no_approval_passes(shop: Any) -> None:
    shop.book().apply("apply", "auto", show_progress=False)
    limited = shop.book(safety={"max_deletes": 2, "teardown": 10})
    refused = limited.teardown().plan()
    assert "safety.teardown" in str(refused)
    with pytest.raises(SafetyError, match="limit 10"):
        limited.teardown().apply("apply", refused.hash, show_progress=False)
    with pytest.raises(SafetyError, match="limit 10"):
        limited.teardown().apply("apply", "auto", show_progress=False)
    assert len(records(shop)) == 1


def test_an_archive_that_cannot_be_written_is_said_before_anything_changes(shop: Any) -> None:
    (shop.folder / "file").write_text("")
    book = shop.book(records={"archive": str(shop.folder / "file" / "records")})
    before = shop.log()
    with pytest.raises(EdgebookError, match="cannot be written"):
        book.apply("apply", "auto", show_progress=False)
    written = [e for e in shop.log()[len(before) :] if e["verb"] not in ("GET",)]
    assert {e["collection"] for e in written} <= {"addresses", "globalAddresses", ""}, written


def test_an_apply_that_is_killed_is_sealed_by_the_next_command(shop: Any) -> None:
    """In the midst of a call; what signals do at other moments is in test_signals.py."""
    shop.fault(service="compute", method="POST", collection="urlMaps", effect="latency", seconds=6,
               times=0)  # fmt: skip
    command = [str(Path(sys.executable).with_name("edgebook")), "apply", "--params", shop.file()]
    process = subprocess.Popen(
        [*command, "--approve", "auto", "--quiet"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "GCPSIM_URL": shop.sim.url},
    )  # fmt: skip
    _until_writing(shop)
    process.kill()
    assert process.wait(60) == -signal.SIGKILL
    seal_leftovers(FolderArchive(shop.folder / "records"))
    (record,) = records(shop)
    assert record.status == "interrupted"
    assert record.changes
    shop.calm()
    shop.book().apply("apply", "auto", show_progress=False)
    assert shop.book().plan().empty
    live = shop.book().door.wire.get(
        "compute", "compute/v1/projects/shop-rehearsal/global/addresses/shop-edge"
    )
    assert set(live["labels"]) == {"edgebook"}


def _until_writing(shop: Any) -> None:
    """Until it has written: the call that hangs is the next."""
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        if any(
            e["collection"] == "backendServices" and e["method"] == "insert" for e in shop.log()
        ):
            return
        time.sleep(0.05)
    raise AssertionError("it never began")
