"""Raw samples as a file of a change record: small, bounded, plain text, read back by `read`.

The first line is JSON with every word that occurs; the rest is the columns of numbers, compressed
and in base64 lines. Failures are kept before answers when not everything fits.
"""

import base64
import json
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

from edgebook.base.clock import rfc3339
from edgebook.traffic.samples import SampleLog
from edgebook.traffic.values import Sample

FILE = "traffic.samples"
FORMAT = 1
MOST = 200_000
LINE = 100


def write(log: SampleLog, *, most: int = MOST) -> str:
    """The text of the file: times in microseconds since the first sample, each as a difference."""
    kept = _kept(log, most)
    outcomes = sorted({(s.kind, s.detail) for s in kept})
    whos = sorted({s.who for s in kept})
    by_outcome = {words: number for number, words in enumerate(outcomes)}
    by_who = {words: number for number, words in enumerate(whos)}
    first = kept[0].at if kept else log.anchor.monotonic
    at = [round((sample.at - first) * 1e6) for sample in kept]
    columns = {
        "at_us": [b - a for a, b in zip([0, *at], at, strict=False)],
        "us": [round(sample.seconds * 1e6) for sample in kept],
        "series": [sample.series for sample in kept],
        "outcome": [by_outcome[sample.kind, sample.detail] for sample in kept],
        "who": [by_who[sample.who] for sample in kept],
    }
    series = {str(n): s.described() for n, s in sorted(log.series.items())}
    header = {
        "format": FORMAT,
        "first": rfc3339(log.anchor.date(first)),
        "samples": len(kept),
        "left_out": len(log) - len(kept),
        "series": series,
        "counted_from": {str(n): _us(t, first) for n, t in sorted(log.first_answer.items())},
        "counted_until": {str(n): _us(t, first) for n, t in sorted(log.dropped.items())},
        "blind": [[_us(b.since, first), _us(b.until, first), b.why] for b in log.blind],
        "outcomes": outcomes,
        "whos": whos,
    }
    packed = zlib.compress(json.dumps(columns, separators=(",", ":")).encode(), 9)
    text = base64.b64encode(packed).decode()
    lines = [text[at : at + LINE] for at in range(0, len(text), LINE)]
    return "\n".join([json.dumps(header, sort_keys=True), *lines]) + "\n"


def read(text: str) -> tuple[dict[str, Any], list[Sample]]:
    """The header, and the samples with `at` in seconds since the first one."""
    first, *lines = text.splitlines()
    header = json.loads(first)
    columns = json.loads(zlib.decompress(base64.b64decode("".join(lines))))
    found, at = [], 0
    rows: Iterable[Sequence[int]] = zip(*columns.values(), strict=True)
    for step, us, series, outcome, who in rows:
        at += step
        kind, detail = header["outcomes"][outcome]
        found.append(Sample(at / 1e6, series, us / 1e6, kind, detail, header["whos"][who]))
    return header, found


def _kept(log: SampleLog, most: int) -> list[Sample]:
    """All failures that fit, and evenly many of the answers between them; in order of time."""
    bad = min(sum(1 for sample in log.all() if sample.kind), most // 2)
    good = len(log) - bad
    every = max(1, -(-good // (most - bad)))
    kept: list[Sample] = []
    seen_bad = seen_good = 0
    for sample in log.all():
        if sample.kind:
            seen_bad += 1
            if seen_bad <= bad:
                kept.append(sample)
        else:
            if seen_good % every == 0:
                kept.append(sample)
            seen_good += 1
    return sorted(kept)


def _us(at: float, first: float) -> int:
    return round((at - first) * 1e6)
