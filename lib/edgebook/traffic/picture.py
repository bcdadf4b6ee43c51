"""The timeline as SVG: who answered, what failed, how long it took, and each change as a line.

Drawn from `timeline`'s plain data, for notebooks, terminals' browsers and record pages alike, in
colours that stand on light and dark. Every mark has its words as a title, and `table` has the same
content without a picture.
"""

from collections.abc import Mapping
from typing import Any

from edgebook.base.text import escaped
from edgebook.traffic.timeline import NOBODY, rows

WIDTH, LEFT, RIGHT = 960.0, 58.0, 14.0
RATE = (30.0, 150.0)  # top and height of each band
FAILED = (196.0, 44.0)
LATENCY = (260.0, 64.0)
HEIGHT = 356.0
INK = "currentColor"
RED = "#dc2626"
GREY = "#8a8f98"
# Blue and green for clusters of that name: what people call them is what they look for.
NAMED = {"blue": "#3b82f6", "green": "#22a054", NOBODY: GREY}
OTHERS = ("#a855f7", "#d98c0a", "#0ea5a4", "#e11d74", "#7c8b1f", "#6366f1")


def colours(clusters: list[str]) -> dict[str, str]:
    """A colour for each cluster, always the same for the same clusters."""
    free = [name for name in sorted(clusters) if name not in NAMED]
    return NAMED | {name: OTHERS[index % len(OTHERS)] for index, name in enumerate(free)}


def svg(data: Mapping[str, Any], sentence: str) -> str:
    """The whole picture; `sentence` is what it says, for those who do not see it."""
    scale = (WIDTH - LEFT - RIGHT) / max(data["seconds"], data["step_s"])
    parts = [_blind(item, scale) for item in data["blind"]]
    parts += _rates(data, scale)
    parts += _failures(data, scale)
    parts += _latency(data, scale)
    parts += _changes(data, scale)
    parts += _axis(data, scale)
    label = escaped(sentence)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{label}" '
        f'viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" width="100%" style="max-width:{WIDTH:.0f}px" '
        f'font-family="system-ui, sans-serif" font-size="11" color="inherit">'
        f"<title>{escaped(sentence)}</title>{''.join(parts)}</svg>"
    )


def table(data: Mapping[str, Any]) -> str:
    """The same as an HTML table."""
    found = rows(data)
    heads = list(found[0]) if found else ["at_s"]
    head = "".join(f'<th scope="col">{escaped(_head(name))}</th>' for name in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{escaped(_cell(row[name]))}</td>" for name in heads) + "</tr>"
        for row in found
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def figure(data: Mapping[str, Any], sentence: str) -> str:
    """Picture and table together, the table folded."""
    return (
        f'<figure class="traffic-timeline" style="margin:0">{svg(data, sentence)}'
        f"<details><summary>as a table</summary>{table(data)}</details></figure>"
    )


def _head(name: str) -> str:
    return {"at_s": "second", "p99_ms": "p99, ms"}.get(name, name)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "blind" if value else ""
    return str(value)


def _rates(data: Mapping[str, Any], scale: float) -> list[str]:
    """Stacked bars: answers a second, by cluster."""
    top, height = RATE
    step, shown = data["step_s"], colours(list(data["answered"]))
    sums = [sum(counts) for counts in zip(*data["answered"].values(), strict=True)] or [0]
    most = max(*sums, 1) / step
    parts = [_caption(top, "answers/s"), _scale(top, most), _line(top + height)]
    floor = [0.0] * len(sums)
    for name, counts in data["answered"].items():
        for number, count in enumerate(counts):
            if not count:
                continue
            tall = count / step / most * height
            y = top + height - floor[number] - tall
            floor[number] += tall
            words = f"{number * step:g} s: {count / step:.0f}/s answered by {name}"
            wide = min(step, data["seconds"] - number * step)
            parts.append(_bar(number * step, y, wide, tall, scale, shown[name], words))
    x = LEFT + 90
    for name in data["answered"]:
        parts.append(f'<rect x="{x:.0f}" y="{top - 20:.0f}" width="9" height="9" rx="2" '
                     f'fill="{shown[name]}"/>')  # fmt: skip
        parts.append(_text(x + 13, top - 12, name))
        x += 30 + len(name) * 6.6
    return parts


def _failures(data: Mapping[str, Any], scale: float) -> list[str]:
    top, height = FAILED
    most, step = max(*data["failed"], 1), data["step_s"]
    parts = [_caption(top, "failed"), _scale(top, most, whole=True), _line(top + height)]
    for number, count in enumerate(data["failed"]):
        if count:
            tall = max(3.0, count / most * height)
            words = f"{number * step:g} s: {count} failed"
            y = top + height - tall
            parts.append(_bar(number * step, y, step, tall, scale, RED, words))
    return parts


def _latency(data: Mapping[str, Any], scale: float) -> list[str]:
    top, height = LATENCY
    most, step = max(*data["p99_ms"], 1.0), data["step_s"]
    parts = [_caption(top, "p99, ms"), _scale(top, most), _line(top + height)]
    points: list[str] = []
    for number, value in enumerate(data["p99_ms"]):
        if value:
            x = LEFT + (number + 0.5) * step * scale
            points.append(f"{x:.1f},{top + height - value / most * height:.1f}")
        elif points:
            parts.append(_path(points))
            points = []
    return [*parts, _path(points)]


def _changes(data: Mapping[str, Any], scale: float) -> list[str]:
    """A thin line for each change through all bands; its words are its title."""
    parts = []
    for number, change in enumerate(data["changes"], 1):
        x = LEFT + change["at_s"] * scale
        words = escaped(f"{change['at_s']:g} s: {change['text']}")
        link = escaped(str(change.get("link") or ""))
        begins, ends = (
            (f'<a href="#{link}" style="color:inherit">', "</a>") if link else ("<g>", "</g>")
        )
        parts.append(
            f'{begins}<title>{words}</title><line x1="{x:.1f}" x2="{x:.1f}" y1="{RATE[0]:.0f}" '
            f'y2="{LATENCY[0] + LATENCY[1]:.0f}" stroke="{INK}" stroke-opacity=".45" '
            f'stroke-dasharray="2 3"/><circle cx="{x:.1f}" cy="{RATE[0]:.0f}" r="3" fill="{INK}" '
            f'fill-opacity=".7"><title>{number}. {words}</title></circle>{ends}'
        )
    return parts


def _blind(item: Mapping[str, Any], scale: float) -> str:
    x, width = LEFT + item["since_s"] * scale, (item["until_s"] - item["since_s"]) * scale
    words = escaped(f"blind from {item['since_s']:g} to {item['until_s']:g} s: {item['why']}")
    return (
        f'<rect x="{x:.1f}" y="{RATE[0]:.0f}" width="{max(width, 1):.1f}" '
        f'height="{LATENCY[0] + LATENCY[1] - RATE[0]:.0f}" fill="{GREY}" fill-opacity=".25">'
        f"<title>{words}</title></rect>"
    )


def _axis(data: Mapping[str, Any], scale: float) -> list[str]:
    bottom = LATENCY[0] + LATENCY[1] + 16
    every = max(1.0, data["seconds"] / 8)
    every = next((n for n in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800) if n >= every), 3600)
    ticks = range(0, int(data["seconds"]) + 1, every)
    parts = [_text(LEFT + tick * scale, bottom, f"{tick} s", anchor="middle") for tick in ticks]
    return [*parts, _text(LEFT, HEIGHT - 4, f"since {data['since']}", faint=True)]


def _bar(
    at: float, y: float, step: float, tall: float, scale: float, colour: str, words: str
) -> str:
    width = max(0.6, step * scale - 0.4)
    return (
        f'<rect x="{LEFT + at * scale:.1f}" y="{y:.1f}" width="{width:.1f}" height="{tall:.1f}" '
        f'fill="{colour}"><title>{escaped(words)}</title></rect>'
    )


def _path(points: list[str]) -> str:
    if len(points) == 1:
        x, y = points[0].split(",")
        return f'<circle cx="{x}" cy="{y}" r="1.6" fill="{INK}"/>'
    if not points:
        return ""
    return f'<polyline points="{" ".join(points)}" fill="none" stroke="{INK}" stroke-width="1.4"/>'


def _caption(top: float, words: str) -> str:
    return _text(4, top - 8, words, faint=True)


def _scale(top: float, most: float, *, whole: bool = False) -> str:
    said = f"{most:.0f}" if whole or most >= 10 else f"{most:.1f}"
    return _text(LEFT - 6, top + 9, said, anchor="end", faint=True)


def _line(y: float) -> str:
    return (
        f'<line x1="{LEFT:.0f}" x2="{WIDTH - RIGHT:.0f}" y1="{y:.0f}" y2="{y:.0f}" '
        f'stroke="{INK}" stroke-opacity=".3"/>'
    )


def _text(x: float, y: float, words: str, *, anchor: str = "start", faint: bool = False) -> str:
    opacity = ' fill-opacity=".65"' if faint else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{INK}"{opacity} text-anchor="{anchor}">'
        f"{escaped(words)}</text>"
    )
