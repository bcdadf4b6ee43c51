"""What a run makes of its meter: the sentence, and whether users noticed."""

from typing import Any

from edgebook.runbook import meter
from edgebook.traffic import Statistics
from edgebook.traffic.statistics import Share


def seen(*frontends: str, waiting: tuple[str, ...] = ()) -> Statistics:
    shares = tuple(Share(name, "http/2", "", "", "", 10, 10, 1.0, 2.0) for name in frontends)
    silent = tuple(
        {"frontend": name, "hostname": "h", "client": "http/2", "last": ""} for name in waiting
    )
    return Statistics(
        sent=20, answered=20, longest_gap_s=0.24, by=shares, waiting=silent, seconds=10.0
    )


def test_what_never_answered_is_said_once() -> None:
    assert meter.sentence(seen("web")) == "0 of 20 requests failed; longest gap 0.2 s"
    said = meter.sentence(seen("web", waiting=("mqtt", "mqtt", "web")))
    assert said.endswith("; mqtt never answered")  # some client of web did answer


CHANGE = "CHG-2026-11-26-001"


def traffic(state: str, *failures: dict[str, Any]) -> dict[str, Any]:
    reasons = [] if state == "ok" else ["1 of 20 requests failed, 0 allowed"]
    return {
        "sentence": "1 of 20 requests failed",
        "verdict": {"state": state, "reasons": reasons},
        "failures": list(failures),
    }


def test_a_run_that_users_noticed_has_not_succeeded() -> None:
    failure = {
        "at": "2026-11-23T14:00:00.100Z", "kind": "reset", "frontend": "web", "hostname": "shop",
        "detail": "connection reset", "during": "update backends web",
    }  # fmt: skip
    step = meter.failed_step(traffic("breach", failure), CHANGE)
    assert step is not None
    assert step["status"] == "failed"
    assert step["error"]["what"] == "Users noticed this change"
    assert "(during update backends web)" in step["error"]["seen"]
    assert step["error"]["next"].startswith(f"edgebook records show {CHANGE} --traffic ")


def test_a_blind_run_has_not_succeeded_either() -> None:
    step = meter.failed_step(traffic("blind"), CHANGE)
    assert step is not None
    assert step["error"]["what"] == "Whether users noticed cannot be told"


def test_a_quiet_run_has() -> None:
    assert meter.failed_step(traffic("ok"), CHANGE) is None
