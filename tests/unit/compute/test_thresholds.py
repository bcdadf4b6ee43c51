"""When a change of what probes see comes into force."""

from gcpsim.compute.collections import thresholds

CHECK = {"checkIntervalSec": 5, "healthyThreshold": 2, "unhealthyThreshold": 3}


def test_thresholds_times_intervals() -> None:
    up = {"why": "", "since": 100.0, "before": "UNHEALTHY", "new": False}
    down = {**up, "why": "connection refused"}
    assert thresholds.due(up, CHECK) == 110
    assert thresholds.due(down, CHECK) == 115
    assert thresholds.due(down, CHECK, phase=0.5) == 117.5
    assert thresholds.due({**up, "new": True}, CHECK, new=20) == 130


def test_another_reason_does_not_begin_anew_and_another_verdict_does() -> None:
    first = thresholds.changed(None, "connection refused", 100.0, was="UNHEALTHY", new=True)
    assert first == {"why": "connection refused", "since": 100.0, "before": "UNHEALTHY",
                     "new": True}  # fmt: skip
    other = thresholds.changed(first, "HTTP 500, not 200", 110.0, was="UNHEALTHY", new=False)
    assert (other["why"], other["since"], other["new"]) == ("HTTP 500, not 200", 100.0, True)
    assert thresholds.changed(other, "HTTP 500, not 200", 120.0, was="", new=False) is other
    well = thresholds.changed(other, "", 130.0, was="UNHEALTHY", new=False)
    assert (well["since"], thresholds.verdict(well), thresholds.verdict(other)) == (
        130.0, "HEALTHY", "UNHEALTHY",
    )  # fmt: skip
