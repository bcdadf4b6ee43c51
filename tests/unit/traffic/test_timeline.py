"""The timeline, its picture and its table, and samples as a record keeps them."""

import xml.etree.ElementTree as ElementTree
from datetime import timedelta

import pytest
from edgebook.base.clock import rfc3339
from edgebook.traffic import archive, picture
from edgebook.traffic.samples import Anchor, SampleLog
from edgebook.traffic.statistics import Span
from edgebook.traffic.timeline import MOST, rows, spans, timeline
from edgebook.traffic.values import Blind, Client, Protocol, Sample, Series, Target

START = 1000.0
BLUE, GREEN = "blue/us-central1-a/p", "green/europe-west1-b/p"


def log_of(samples: list[Sample]) -> SampleLog:
    log = SampleLog(Anchor(START, 1_795_000_000.0))
    target = Target("web", "shop.example.com", "203.0.113.1", 443, Protocol.HTTPS)
    log.add_series(
        Series(n, target, Client.KEEP_ALIVE, "us-central1", "127.0.0.1", 443, 0.1) for n in (0, 1)
    )
    log.extend([list(sample) for sample in samples], heard=START + 100)
    return log


def a_move() -> SampleLog:
    """Ten seconds: blue answers, one failure at 5.2 s, then green."""
    samples = [
        Sample(START + n / 10, 0, 0.004, "", "", BLUE if n < 50 else GREEN)
        for n in range(100)
        if n != 52
    ]
    return log_of([*samples, Sample(START + 5.2, 0, 0.3, "reset", "connection reset", "")])


CHANGES = [Span(START + 5.0, START + 5.4, "update backends web", "backends")]


def test_answers_are_counted_by_cluster_and_failures_beside_the_change() -> None:
    log = a_move()
    log.blind.append(Blind(START + 8, START + 9, "late"))
    data = timeline(log, START, START + 10, changes=CHANGES)
    assert data["step_s"] == 0.1
    assert {name: sum(counts) for name, counts in data["answered"].items()} == {
        "blue": 50, "green": 49,
    }  # fmt: skip
    assert sum(data["failed"]) == 1
    assert data["changes"] == [{"at_s": 5.0, "text": "update backends web", "key": "backends"}]
    assert data["blind"] == [{"since_s": 8.0, "until_s": 9.0, "why": "late"}]
    bad = [row for row in rows(data) if row["failed"]]
    assert [row["at_s"] for row in bad] == [pytest.approx(5.2, abs=0.11)]


def test_a_long_watch_is_as_small_as_a_short_one() -> None:
    log = log_of([Sample(START + n, 0, 0.004, "", "", BLUE) for n in range(0, 86_400, 60)])
    data = timeline(log, START, START + 86_400)
    assert len(data["failed"]) <= MOST
    assert sum(data["answered"]["blue"]) == 1440


def test_the_picture_says_in_words_what_it_shows() -> None:
    data = timeline(a_move(), START, START + 10, changes=CHANGES)
    drawn = picture.svg(data, '1 of 100 requests failed; "half" & <more>')
    tree = ElementTree.fromstring(drawn)
    space = "{http://www.w3.org/2000/svg}"
    assert tree.attrib["aria-label"] == '1 of 100 requests failed; "half" & <more>'
    titles = [item.text or "" for item in tree.iter(f"{space}title")]
    assert any("1 failed" in title for title in titles)
    assert any("update backends web" in title for title in titles)
    assert any("answered by green" in title for title in titles)
    drawn_red = [item for item in tree.iter(f"{space}rect") if item.get("fill") == picture.RED]
    assert len(drawn_red) == 1
    table = ElementTree.fromstring(picture.table(data))
    assert len(list(table.iter("tr"))) == len(rows(data)) + 1


def test_clusters_keep_their_colours() -> None:
    one, two = picture.colours(["red-eu", "blue"]), picture.colours(["blue", "red-eu", "unnamed"])
    assert one["red-eu"] == two["red-eu"]
    assert len({one["blue"], one["green"], one["red-eu"]}) == 3


def test_a_watch_of_nothing_can_be_drawn() -> None:
    data = timeline(log_of([]), START, START + 5)
    ElementTree.fromstring(picture.svg(data, "no requests were sent"))
    assert rows(data) == []


def test_changes_of_a_journal_are_told_on_the_meter_s_clock() -> None:
    log = a_move()
    begun = log.anchor.date(START + 5)
    event = {"kind": "backends", "scope": "global", "name": "web", "action": "update"}
    journal = [
        {"event": "intent", "at": rfc3339(begun), **event},
        {"event": "change", "at": rfc3339(begun + timedelta(seconds=2)), **event},
        {"event": "intent", "at": rfc3339(begun), **event, "name": "api"},
    ]
    done, unfinished = sorted(spans(journal, log), key=lambda span: span.until)
    assert (done.since, done.until) == (pytest.approx(START + 5), pytest.approx(START + 7))
    assert done.text == "update backends web"
    assert unfinished.until == float("inf")


def test_samples_come_back_from_a_record_as_they_were() -> None:
    log = a_move()
    header, samples = archive.read(archive.write(log))
    assert len(samples) == header["samples"] == 100
    assert header["left_out"] == 0
    assert [s for s in samples if s.kind] == [
        Sample(pytest.approx(5.2), 0, pytest.approx(0.3), "reset", "connection reset", "")
    ]
    assert {s.who for s in samples} == {BLUE, GREEN, ""}
    assert header["series"]["0"]["frontend"] == "web"


def test_a_record_keeps_all_failures_when_not_everything_fits() -> None:
    good = [Sample(START + n / 100, 0, 0.004, "", "", BLUE) for n in range(1000)]
    bad = [Sample(START + n, 0, 0.1, "status", "HTTP 502", "") for n in range(10)]
    header, samples = archive.read(archive.write(log_of(good + bad), most=100))
    assert len(samples) <= 100
    assert sum(1 for s in samples if s.kind) == 10
    assert header["left_out"] == 1010 - len(samples)
