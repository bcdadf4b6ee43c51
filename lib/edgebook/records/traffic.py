"""What users saw, on a record's page and in `records show --traffic`: from record.json alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from edgebook.base.text import plain
from edgebook.records import front, links
from edgebook.traffic import picture

SHARE_COLUMNS = ("frontend", "client", "location", "cluster", "zone", "sent", "failed", "p50_ms",
                 "p99_ms")  # fmt: skip
FAILURE_COLUMNS = ("at", "frontend", "hostname", "client", "location", "kind", "detail", "during")


def measured(data: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The traffic of a record, when its run had a meter."""
    traffic = data.get("traffic")
    return traffic if isinstance(traffic, Mapping) and "sent" in traffic else None


def verdict(data: Mapping[str, Any]) -> tuple[str, str]:
    """The sentence at the top of a page, and its tone: ok, failed or uncertain."""
    traffic = measured(data)
    if traffic is None:
        return "", ""
    state = str((traffic.get("verdict") or {}).get("state", "ok"))
    tone = {"breach": "failed", "blind": "uncertain"}.get(state, "ok")
    if not traffic["sent"]:
        return "Nothing could be watched: no requests were sent.", "uncertain"
    sentence = str(traffic.get("sentence") or "")
    if people := real_users(traffic):
        sentence += f"; {people}"
    if doubts := worse(traffic):
        sentence += f"; {'; '.join(doubts)}"
        tone = "uncertain" if tone == "ok" else tone
    return sentence + ".", tone


def real_users(traffic: Mapping[str, Any]) -> str:
    """3 of 4 frontends also seen by real users; empty when nobody looked at logs."""
    frontends = (traffic.get("users") or {}).get("frontends") or []
    told = [item for item in frontends if item.get("real") is not None]
    if not told:
        return ""
    count = sum(1 for item in told if item["real"])
    if not count:
        return "no real users were seen"
    return f"{count} of {len(frontends)} frontends also seen by real users"


def worse(traffic: Mapping[str, Any]) -> list[str]:
    """Frontends whose real users fared worse than the day before, each with the numbers."""
    frontends = (traffic.get("users") or {}).get("frontends") or []
    told = [(item["name"], item.get("compared") or {}) for item in frontends]
    return [f"{name}: {said['why']}" for name, said in told if said.get("state") == "worse"]


def page_values(data: Mapping[str, Any]) -> dict[str, Any]:
    """What the template needs; `timeline` and `moments` are markup that we made ourselves."""
    traffic, (sentence, tone) = measured(data), verdict(data)
    if traffic is None:
        return {"traffic": None, "traffic_sentence": "", "traffic_tone": ""}
    changed, line = front.changes(data), traffic.get("timeline")
    line = links.timeline(line, changed) if line else None
    drawn = picture.figure(line, sentence) if line and traffic["sent"] else ""
    moments = picture.table(line) if line and drawn else ""
    return {
        "traffic": {**traffic, "failures": links.linked(traffic["failures"], changed)},
        "traffic_sentence": sentence,
        "traffic_tone": tone,
        "timeline": Markup(drawn),
        "moments": Markup(moments),
    }


def lines(data: Mapping[str, Any]) -> list[str]:
    """The same for a terminal."""
    traffic, (sentence, _) = measured(data), verdict(data)
    if traffic is None:
        return ["no meter: this run changed nothing, or is older than the meter"]
    found = [plain(sentence)]
    reasons = (traffic.get("verdict") or {}).get("reasons") or []
    found += [plain(f"  {reason}") for reason in reasons]
    found += _columns(traffic.get("by") or (), SHARE_COLUMNS)
    if traffic.get("failures"):
        found += ["", "failures", *_columns(traffic["failures"], FAILURE_COLUMNS)]
        if left := traffic.get("failures_left_out"):
            found.append(f"  and {left} more, in traffic.samples")
    rows = (traffic.get("users") or {}).get("frontends") or []
    if said := [
        {"frontend": row["name"], **row["compared"]} for row in rows if row.get("compared")
    ]:
        found += ["", "real users, against the same time of the day before"]
        found += _columns(said, ("frontend", "state", "why"))
    if traffic.get("waiting"):
        found += ["", "never answered, and not counted"]
        found += _columns(traffic["waiting"], ("frontend", "hostname", "client", "last"))
    return found


def _columns(rows: Sequence[Mapping[str, Any]], names: tuple[str, ...]) -> list[str]:
    cells = [list(names), *([plain(row.get(name, "")) for name in names] for row in rows)]
    widths = [max(len(row[index]) for row in cells) for index in range(len(names))]
    return [
        "  " + "  ".join(f"{c:<{w}}" for c, w in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]
