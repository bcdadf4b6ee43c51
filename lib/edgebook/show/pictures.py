"""Pictures for notebooks: the way of a request from DNS name to pod, and when certificates expire.

Drawn as inline SVG from plain data, in colours that suit light and dark pages, with the same
content as text for terminals and comparisons. Nothing here reads anything or knows an API.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from edgebook.base.text import escaped, plain

INK = "var(--jp-content-font-color1, currentColor)"
MUTED = "var(--jp-ui-font-color2, #777)"
COLOURS = {"good": "#22a054", "bad": "#dc2626", "warn": "#d98c0a", "quiet": "#8a8f98"}
STATES = {
    "good": {"HEALTHY", "ACTIVE", "OK", "DONE", "ATTACHED", "RESERVED", "IN_USE", "ANSWERS"},
    "bad": {"UNHEALTHY", "FAILED", "MISSING", "EXPIRED"},
    "warn": {
        "PARTIAL",
        "PROVISIONING",
        "PENDING",
        "DRAINING",
        "UNCERTAIN",
        "UNKNOWN",
        "EMPTY",
        "ELSEWHERE",
    },
}
CHAR, LINE, PAD, GAP_X, GAP_Y = 6.7, 15, 8, 46, 12
NAME_LENGTH = 30
DAYS_SHOWN = 90
RENEWAL_DAYS = 30


@dataclass(frozen=True)
class Picture:
    """An SVG and the same content as text."""

    svg: str
    text: str
    data: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def to_json(self) -> dict[str, Any]:
        return dict(self.data)

    def _repr_html_(self) -> str:
        return f'<div style="overflow-x:auto;color:{INK}">{self.svg}</div>'


@dataclass
class _Box:
    node: Mapping[str, Any]
    lines: list[str]
    column: int
    x: float = 0.0
    y: float = 0.0
    across: float = 0.0  # the width of its column

    @property
    def width(self) -> float:
        if not self.lines:
            return self.across
        return max(len(line) for line in self.lines) * CHAR + 2 * PAD

    @property
    def height(self) -> float:
        if not self.lines:
            return float(PAD)
        return len(self.lines) * LINE + 2 * PAD - 4

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


def tone(state: str) -> str:
    """good, bad, warn or quiet: the colour of a state word of any API."""
    word = str(state).upper()
    return next((name for name, words in STATES.items() if word in words), "quiet")


def topology(data: Mapping[str, Any]) -> Picture:
    """`nodes` [{id, kind, name, state, detail}] and `edges` [[from, to]], from left to right."""
    nodes = {str(node["id"]): node for node in data["nodes"]}
    edges = [(str(a), str(b)) for a, b in data["edges"] if str(a) in nodes and str(b) in nodes]
    columns = _columns(nodes, edges)
    boxes = {name: _Box(node, _lines(node), columns[name]) for name, node in nodes.items()}
    lanes, steps = _lanes(columns, edges)
    boxes |= lanes
    width, height = _place(boxes, steps)
    parts = [_curve(boxes[a], boxes[b]) for a, b in steps]
    parts += [_across(lane) for lane in lanes.values()]
    parts += [_draw(box) for name, box in boxes.items() if name in nodes]
    svg = _svg(width, height, parts, "The way of a request from DNS name to pod, with health")
    return Picture(svg, _tree(nodes, edges), data)


def expiry(rows: Iterable[Mapping[str, Any]]) -> Picture:
    """`rows` of {domain, certificate, by, days}, one bar each; `days` is None before issue."""
    found = sorted(
        (dict(row) for row in rows), key=lambda row: (str(row["domain"]), str(row["by"]))
    )
    label = max([len(_whose(row)) for row in found], default=6) * CHAR + 2 * PAD
    scale = 5.0
    parts, lines = [], []
    for number, row in enumerate(found):
        y = 26 + number * 26
        days = row.get("days")
        name = escaped(_whose(row))
        parts.append(_text(PAD, y + 13, name))
        if days is None:
            said, colour = "not issued yet", COLOURS["quiet"]
        else:
            said = f"{int(days)} days"
            kind = "bad" if days < 7 else "warn" if days < RENEWAL_DAYS else "good"
            colour = COLOURS[kind]
            length = max(2.0, min(float(days), DAYS_SHOWN) * scale)
            parts.append(
                f'<rect x="{label:.0f}" y="{y}" width="{length:.0f}" height="17" rx="3" '
                f'fill="{colour}" fill-opacity=".55"/>'
            )
        at = label + (0 if days is None else min(float(days), DAYS_SHOWN) * scale) + 6
        parts.append(_text(at, y + 13, said))
        lines.append(plain(f"  {row['domain']}  {row['by']} {row['certificate']}  {said}"))
    bottom = 26 + len(found) * 26
    for day in (0, RENEWAL_DAYS, 60, DAYS_SHOWN):
        x = label + day * scale
        note = f"{day} days" + (": renewal" if day == RENEWAL_DAYS else "")
        parts.insert(0, _text(x, 14, note, muted=True))
        parts.insert(
            0,
            f'<line x1="{x:.0f}" y1="20" x2="{x:.0f}" y2="{bottom}" stroke="{COLOURS["quiet"]}" '
            'stroke-opacity=".5" stroke-dasharray="2 3"/>',
        )
    svg = _svg(label + DAYS_SHOWN * scale + 90, bottom + 6, parts, "Days until certificates expire")
    return Picture(svg, "\n".join(lines) or "  no certificate", {"rows": found})


def _whose(row: Mapping[str, Any]) -> str:
    return f"{row['domain']}  {row['by']}"


def _columns(nodes: Mapping[str, Any], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """How far each node is from a start, at most; nodes of a kind share the farthest column."""
    depth = dict.fromkeys(nodes, 0)
    for _ in nodes:
        changed = False
        for a, b in edges:
            if depth[b] < depth[a] + 1 <= len(nodes):
                depth[b], changed = depth[a] + 1, True
        if not changed:
            break
    deepest: dict[str, int] = {}
    for name, node in nodes.items():
        kind = str(node["kind"])
        deepest[kind] = max(deepest.get(kind, 0), depth[name])
    columns = {name: deepest[str(node["kind"])] for name, node in nodes.items()}
    used = sorted(set(columns.values()))
    return {name: used.index(column) for name, column in columns.items()}


def _lines(node: Mapping[str, Any]) -> list[str]:
    name = str(node["name"])
    short = name if len(name) <= NAME_LENGTH else name[: NAME_LENGTH - 1] + "…"
    lines = [str(node["kind"]), short]
    if detail := str(node.get("detail") or ""):
        lines.append(detail)
    elif state := str(node.get("state") or ""):
        lines.append(state)
    return lines


def _place(boxes: Mapping[str, _Box], edges: Sequence[tuple[str, str]]) -> tuple[float, float]:
    """Columns from left to right; in a column, near the middle of what leads to a box."""
    before: dict[str, list[str]] = {name: [] for name in boxes}
    for a, b in edges:
        before[b].append(a)
    x = 2.0
    tallest = 0.0
    for column in range(1 + max((box.column for box in boxes.values()), default=0)):
        names = [name for name, box in boxes.items() if box.column == column]

        def pull(name: str) -> tuple[float, str]:
            above = [boxes[other].middle for other in before[name]]
            return (sum(above) / len(above) if above else 0.0, name)

        y = 2.0
        for name in sorted(names, key=pull):
            boxes[name].x, boxes[name].y = x, y
            y += boxes[name].height + GAP_Y
        tallest = max(tallest, y)
        widest = max((boxes[name].width for name in names), default=0)
        for name in names:
            boxes[name].across = widest
        x += widest + GAP_X
    for column in range(1 + max((box.column for box in boxes.values()), default=0)):
        mine = [box for box in boxes.values() if box.column == column]
        used = max((box.y + box.height for box in mine), default=0.0)
        for box in mine:
            box.y += (tallest - GAP_Y - used) / 2
    return x - GAP_X + 2, tallest


def _lanes(
    columns: Mapping[str, int], edges: Sequence[tuple[str, str]]
) -> tuple[dict[str, _Box], list[tuple[str, str]]]:
    """A lane in each column that an edge passes, so that no line goes through a box."""
    lanes: dict[str, _Box] = {}
    steps: list[tuple[str, str]] = []
    for a, b in edges:
        last = a
        for column in range(columns[a] + 1, columns[b]):
            name = f"{a} {b} {column}"
            lanes[name] = _Box({}, [], column)
            steps.append((last, name))
            last = name
        steps.append((last, b))
    return lanes, steps


def _across(lane: _Box) -> str:
    return (
        f'<path d="M{lane.x:.0f} {lane.middle:.0f}H{lane.x + lane.across:.0f}" fill="none" '
        f'stroke="{COLOURS["quiet"]}" stroke-width="1.3"/>'
    )


def _curve(a: _Box, b: _Box) -> str:
    start, x1, x2, y1, y2 = a.x + a.width, a.x + a.across, b.x, a.middle, b.middle
    bend = (x1 + x2) / 2
    return (
        f'<path d="M{start:.0f} {y1:.0f}H{x1:.0f}'
        f'C{bend:.0f} {y1:.0f} {bend:.0f} {y2:.0f} {x2:.0f} {y2:.0f}" '
        f'fill="none" stroke="{COLOURS["quiet"]}" stroke-width="1.3"/>'
    )


def _draw(box: _Box) -> str:
    colour = COLOURS[tone(box.node.get("state", ""))]
    said = " ".join(str(box.node.get(name) or "") for name in ("kind", "name", "state", "detail"))
    parts = [
        f"<g><title>{escaped(said.strip())}</title>"
        f'<rect x="{box.x:.0f}" y="{box.y:.0f}" width="{box.width:.0f}" height="{box.height:.0f}" '
        f'rx="5" fill="{colour}" fill-opacity=".13" stroke="{colour}" stroke-width="1.3"/>'
    ]
    for number, line in enumerate(box.lines):
        y = box.y + PAD + 9 + number * LINE
        text = escaped(line)
        parts.append(_text(box.x + PAD, y, text, muted=number == 0, bold=number == 1))
    return "".join(parts) + "</g>"


def _text(x: float, y: float, text: str, *, muted: bool = False, bold: bool = False) -> str:
    fill = MUTED if muted else INK
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x:.0f}" y="{y:.0f}" style="fill:{fill}"{weight}>{text}</text>'


def _svg(width: float, height: float, parts: Sequence[str], title: str) -> str:
    return (
        f'<svg role="img" aria-label="{escaped(title)}" '
        f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" '
        'style="max-width:none" font-family="ui-monospace, Menlo, Consolas, monospace" '
        f'font-size="11">{"".join(parts)}</svg>'
    )


def _tree(nodes: Mapping[str, Any], edges: Sequence[tuple[str, str]]) -> str:
    """The same as indented text; what was shown before is only named again."""
    after: dict[str, list[str]] = {name: [] for name in nodes}
    led = set()
    for a, b in edges:
        after[a].append(b)
        led.add(b)
    lines: list[str] = []
    shown: set[str] = set()

    def walk(name: str, depth: int) -> None:
        node = nodes[name]
        extra = str(node.get("detail") or node.get("state") or "")
        again = name in shown and bool(after[name])
        said = f"{node['kind']} {node['name']}" + ("  (as above)" if again else f"  {extra}")
        lines.append("  " * (depth + 1) + plain(said.rstrip()))
        if not again:
            shown.add(name)
            for follower in sorted(after[name], key=lambda n: str(nodes[n]["name"])):
                walk(follower, depth + 1)

    for name in sorted(nodes, key=lambda n: str(nodes[n]["name"])):
        if name not in led:
            walk(name, 0)
    return "\n".join(lines)
