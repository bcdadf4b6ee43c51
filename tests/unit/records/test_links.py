"""From a failure to the row of its change."""

from edgebook.records import links

CHANGES = [
    {"action": "update", "kind": "backends", "name": "web", "at": "2026-11-23T14:02:00.000Z"},
    {"action": "create", "kind": "address", "name": "a", "at": "2026-11-23T14:02:30.000Z"},
    {"action": "update", "kind": "backends", "name": "web", "at": "2026-11-23T14:03:00.000Z"},
]


def linked(at: str, during: str) -> str:
    (found,) = links.linked([{"at": at, "during": during}], CHANGES)
    return str(found["link"])


def test_a_failure_leads_to_the_change_that_was_under_way() -> None:
    assert linked("2026-11-23T14:01:59.000Z", "update backends web") == "change-1"
    assert linked("2026-11-23T14:02:59.000Z", "update backends web") == "change-3"
    assert linked("2026-11-23T14:03:20.000Z", "update backends web") == "change-3"  # shortly after
    assert linked("2026-11-23T14:02:20.000Z", "create address a") == "change-2"


def test_a_failure_without_a_change_leads_nowhere() -> None:
    assert linked("2026-11-23T14:02:59.000Z", "") == ""
    assert linked("2026-11-23T14:02:59.000Z", "address b, unfinished") == ""


def test_the_marks_of_a_timeline_lead_there_too() -> None:
    marks = [{"at_s": at, "text": text, "key": ""} for at, text in
             ((1.0, "update backends web"), (2.0, "create address a"),
              (3.0, "update backends web"), (4.0, "delete address b"))]  # fmt: skip
    found = links.timeline({"changes": marks, "seconds": 5.0}, CHANGES)
    assert [mark["link"] for mark in found["changes"]] == ["change-1", "change-2", "change-3", ""]
    assert found["seconds"] == 5.0 and "link" not in marks[0]
