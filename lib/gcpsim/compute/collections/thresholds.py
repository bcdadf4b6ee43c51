"""When a change of what probes see comes into force: thresholds times intervals. Pure.

A record says why probes fail ("" when they pass), since when, what it counted as before, and
whether the endpoint is new. Times are simulated POSIX seconds.
"""

from typing import Any

Doc = dict[str, Any]
HEALTHY, UNHEALTHY = "HEALTHY", "UNHEALTHY"


def due(record: Doc, check: Doc, *, phase: float = 0.0, new: float = 0.0) -> float:
    """When the record's verdict counts; `phase` is a share of an interval, `new` for new ones."""
    threshold = check["healthyThreshold" if record["why"] == "" else "unhealthyThreshold"]
    late = new if record["new"] else 0.0
    return float(record["since"] + check["checkIntervalSec"] * (threshold + phase) + late)


def verdict(record: Doc) -> str:
    return HEALTHY if record["why"] == "" else UNHEALTHY


def changed(
    record: Doc | None, why: str, when: float, *, was: str, new: bool, at_once: bool = False
) -> Doc:
    """The record once probes say `why`; only a change of the verdict begins anew. `at_once`: it is
    in force now, and stays so when time begins to take its time."""
    if record is not None and (record["why"] == "") == (why == ""):
        return record if record["why"] == why else {**record, "why": why}
    made = {"why": why, "since": when, "before": was, "new": new}
    return held(made) if at_once else made


def held(record: Doc) -> Doc:
    """The record with its verdict in force, whenever it would have come into force."""
    return {**record, "before": verdict(record)}
