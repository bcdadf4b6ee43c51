"""Samples laid on one line of time: answers by cluster, failures, latency, changes, blind times.

Pure, and small whatever was seen: at most MOST buckets. It is what pictures are drawn from, live
and in a record, and what the table for machines and screen readers is made of.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from edgebook.base.clock import rfc3339
from edgebook.traffic.samples import SampleLog
from edgebook.traffic.statistics import Span, percentile
from edgebook.traffic.values import Client, Who

MOST = 120
STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
NOBODY = "unnamed"  # an answer that does not say who gave it


def timeline(
    log: SampleLog, since: float, until: float, *, changes: Sequence[Span] = ()
) -> dict[str, Any]:
    """Per bucket: answers by cluster, failures, p99; the changes and blind times beside them."""
    step = _step(until - since)
    count = max(1, math.ceil((until - since) / step))
    answers: dict[str, list[int]] = defaultdict(lambda: [0] * count)
    failed = [0] * count
    seconds: list[list[float]] = [[] for _ in range(count)]
    names = {n for n, series in list(log.series.items()) if series.client is Client.DNS}
    for sample in log.counted(since, until):
        if sample.series in names and not sample.kind:
            continue  # a name server's answers are not the front door's
        bucket = min(count - 1, int((sample.at - since) / step))
        if sample.kind:
            failed[bucket] += 1
        else:
            answers[Who.parse(sample.who).cluster or NOBODY][bucket] += 1
            seconds[bucket].append(sample.seconds)
    blind = [(max(0.0, b.since - since), min(until, b.until) - since, b.why) for b in log.blind]
    return {
        "since": rfc3339(log.anchor.date(since)),
        "seconds": round(until - since, 2),
        "step_s": step,
        "answered": dict(sorted(answers.items())),
        "failed": failed,
        "p99_ms": [percentile(sorted(bucket), 0.99) for bucket in seconds],
        "changes": [
            {"at_s": round(span.since - since, 2), "text": span.text, "key": span.key}
            for span in sorted(changes, key=lambda item: item.since)
            if since <= span.since <= until
        ],
        "blind": [
            {"since_s": round(a, 2), "until_s": round(b, 2), "why": why}
            for a, b, why in blind
            if b > a
        ],
    }


def _step(seconds: float) -> float:
    """The finest step with which everything fits into MOST buckets."""
    return next((step for step in STEPS if seconds / step <= MOST), max(1.0, seconds / MOST))


def rows(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The timeline as a table: one row for each bucket in which something happened."""
    found = []
    step = float(data["step_s"])
    for number, failed in enumerate(data["failed"]):
        answered = {name: counts[number] for name, counts in data["answered"].items()}
        begins, ends = number * step, (number + 1) * step
        changes = [c["text"] for c in data["changes"] if begins <= c["at_s"] < ends]
        blind = any(b["since_s"] < ends and b["until_s"] > begins for b in data["blind"])
        if failed or any(answered.values()) or changes or blind:
            found.append(
                {
                    "at_s": round(begins, 2),
                    **{f"answered {name}": count for name, count in answered.items()},
                    "failed": failed,
                    "p99_ms": data["p99_ms"][number],
                    "changes": "; ".join(changes),
                    "blind": blind,
                }
            )
    return found


def spans(events: Iterable[Mapping[str, Any]], log: SampleLog) -> list[Span]:
    """The changes of a journal on the meter's clock: from intent to outcome."""
    from datetime import datetime

    begun: dict[tuple[str, str, str], float] = {}
    found = []
    for event in events:
        if event.get("event") not in ("intent", "change"):
            continue
        key = (str(event.get("kind")), str(event.get("scope")), str(event.get("name")))
        at = log.anchor.monotonic_at(datetime.fromisoformat(str(event["at"])))
        if event["event"] == "intent":
            begun.setdefault(key, at)
        else:
            text = f"{event.get('action')} {key[0]} {key[2]}"
            found.append(Span(begun.pop(key, at), at, text, key[0]))
    for key, at in begun.items():  # never ended: under way until the end
        found.append(Span(at, float("inf"), f"{key[0]} {key[2]}, unfinished", key[0]))
    return sorted(found, key=lambda span: (span.since, span.text))
