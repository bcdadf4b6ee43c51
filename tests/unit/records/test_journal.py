"""The journal, written and read."""

from datetime import UTC, datetime

from edgebook.base.clock import SteppedClock
from edgebook.model.values import Action, Change, ResourceKey, Step
from edgebook.records.journal import Journal, read, read_unfinished


def key(kind, name="n", scope="projects/p/global"):
    return ResourceKey(kind, scope, name)


def change(action, kind, name="n", **more):
    return Change(action, key(kind, name), Step.FRONTENDS, "", **more)


def test_a_journal_explains_a_killed_run(tmp_path):
    path = tmp_path / "journal.jsonl"
    journal = Journal(path, SteppedClock(datetime(2026, 11, 23, tzinfo=UTC)))
    first, second = change(Action.CREATE, "healthCheck"), change(Action.CREATE, "backendService")
    journal.write("applying", step="frontends", total=2)
    journal.intent(first, "1")
    journal.outcome(first, seconds=1.0)
    journal.intent(second, "2")
    with path.open("a") as file:
        file.write('{"event": "chan')  # cut off in the middle of a write
    found = read_unfinished(path)
    assert found is not None
    text = "an earlier run stopped after 1 of 2 changes; under way were: create backendService n"
    assert str(found) == text
    assert read(path)[0]["at"] == "2026-11-23T00:00:00.000Z"
    journal.outcome(second, seconds=1.0)
    journal.write("applied", step="frontends")
    assert read_unfinished(path) is None
