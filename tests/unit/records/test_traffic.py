"""What users saw, on a record's page and in the terminal, from record.json alone."""

from typing import Any

from edgebook.records import traffic
from edgebook.records.pages import render

FAILURE = {
    "at": "2026-11-23T14:03:00.120Z", "frontend": "web", "hostname": "shop.example.com",
    "client": "http/2", "location": "us-central1", "kind": "status",
    "detail": "HTTP 502 (failed_to_connect_to_backend)", "ms": 3.0,
    "during": "update backends <web>",
}  # fmt: skip
SHARE = {
    "frontend": "web", "client": "http/2", "location": "us-central1", "cluster": "blue",
    "zone": "us-central1-a", "sent": 10, "answered": 9, "failed": 1, "p50_ms": 3.0, "p99_ms": 5.0,
}  # fmt: skip
LINE = {
    "since": "2026-11-23T14:02:58.000Z", "seconds": 10.0, "step_s": 1.0,
    "answered": {"blue": [1] * 9 + [0]}, "failed": [0, 0, 1] + [0] * 7, "p99_ms": [3.0] * 10,
    "changes": [{"at_s": 2.0, "text": "update backends <web>", "key": "backends"}], "blind": [],
}  # fmt: skip
STEP = {
    "title": "60 Backends",
    "changes": [{"action": "update", "kind": "backends", "name": "<web>",
                 "at": "2026-11-23T14:03:01.000Z", "status": "done"}],
}  # fmt: skip


def data(**more: Any) -> dict[str, Any]:
    base = {
        "sent": 10, "answered": 9, "failed": 1, "longest_gap_s": 0.2, "by": [SHARE],
        "failures": [FAILURE], "failures_left_out": 2, "waiting": [], "timeline": LINE,
        "sentence": "1 of 10 requests failed; longest gap 0.2 s",
        "verdict": {"state": "breach", "reasons": ["1 of 10 requests failed, 0 allowed"]},
        "users": None,
    }  # fmt: skip
    return {"traffic": {**base, **more}, "steps": [STEP]}


def page(record: dict[str, Any]) -> str:
    return render("traffic.html.j2", data=record, **traffic.page_values(record))


def test_a_breach_is_told_with_each_failure_and_its_change() -> None:
    assert traffic.verdict(data()) == ("1 of 10 requests failed; longest gap 0.2 s.", "failed")
    shown = page(data())
    assert "HTTP 502 (failed_to_connect_to_backend)" in shown
    assert "update backends &lt;web&gt;" in shown and "<web>" not in shown
    assert "<svg" in shown and "as a table" in shown
    assert '<a href="#change-1">update backends &lt;web&gt;</a>' in shown
    assert (
        '<a href="#change-1" style="color:inherit"><title>2 s: update backends' in shown
    )  # in the picture
    assert "and 2 more" in shown
    said = "\n".join(traffic.lines(data()))
    assert "update backends <web>" in said and "blue" in said


def test_a_quiet_change_says_so_and_who_else_saw_it() -> None:
    users = {
        "since": "2026-11-23T14:00:00Z", "until": "2026-11-23T14:10:00Z", "failures": [],
        "blind": ["shop-api writes no request logs"], "passthrough_packets": {"old": 7},
        "frontends": [
            {"name": "mqtt", "real": None, "requests": 5, "by_class": {}, "failures": None},
            {"name": "web", "real": True, "requests": 50, "by_class": {"200": 50}, "failures": {}},
        ],
    }  # fmt: skip
    quiet = data(
        failed=0, failures=[], failures_left_out=0, users=users, verdict={"state": "ok"},
        sentence="0 of 10 requests failed; longest gap 0.2 s",
    )  # fmt: skip
    sentence, tone = traffic.verdict(quiet)
    assert sentence.endswith("; 1 of 2 frontends also seen by real users.")
    assert tone == "ok"
    shown = page(quiet)
    assert "shop-api writes no request logs" in shown and "old (7)" in shown
    assert "cannot be read" in shown


def test_real_users_who_fared_worse_than_the_day_before_are_a_doubt() -> None:
    worse = {"name": "web", "real": True, "requests": 500, "by_class": {}, "failures": {},
             "of_the_meter": 10, "day_before": 2000,
             "compared": {"state": "worse", "why": "490 requests of real users"}}  # fmt: skip
    users = {"since": "2026-11-23T14:00:00Z", "until": "2026-11-23T14:10:00Z", "failures": [],
             "blind": [], "passthrough_packets": {}, "frontends": [worse]}  # fmt: skip
    record = data(failed=0, failures=[], failures_left_out=0, users=users, verdict={"state": "ok"})
    sentence, tone = traffic.verdict(record)
    assert sentence.endswith("; web: 490 requests of real users.")
    assert tone == "uncertain"
    assert "490 requests of real users" in page(record)
    assert "worse" in "\n".join(traffic.lines(record))


def test_a_blind_meter_is_no_success() -> None:
    blind = data(verdict={"state": "blind", "reasons": ["the meter was blind for 9.0 s of 10.0 s"]})
    assert traffic.verdict(blind)[1] == "uncertain"


def test_where_nothing_could_be_watched_nobody_claims_anything() -> None:
    nothing = data(sent=0, answered=0, failed=0, by=[], failures=[], failures_left_out=0)
    assert traffic.verdict(nothing) == (
        "Nothing could be watched: no requests were sent.", "uncertain",
    )  # fmt: skip
    assert "<svg" not in page(nothing)


def test_records_older_than_the_meter_have_no_verdict() -> None:
    for old in ({}, {"traffic": []}, {"traffic": None}):
        assert traffic.verdict(old) == ("", "")
        assert page(old).strip() == ""
