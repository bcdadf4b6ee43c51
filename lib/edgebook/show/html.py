"""Tables as HTML for notebooks: searchable, sortable, to be copied; still tables without scripts.

Styles are inline and the script comes with each output: JupyterLab takes style sheets and scripts
out of what it does not trust, and then a plain table is left. Colours suit light and dark pages.
Nothing is loaded from anywhere.
"""

from collections.abc import Sequence
from functools import cache
from importlib import resources

from edgebook.base.text import breakable, escaped
from edgebook.plan.details import NONE, Detail
from edgebook.show.grid import Grid, Row

# Half-transparent, so that they work on a light and on a dark page.
TONES = {
    "good": "rgba(34,160,84,.14)",
    "bad": "rgba(220,38,38,.22)",
    "warn": "rgba(217,140,10,.20)",
    "new": "rgba(34,160,84,.14)",
    "gone": "rgba(220,38,38,.16)",
    "quiet": "",
}
LINE = "1px solid var(--jp-border-color2, rgba(128,128,128,.35))"
FONT = "var(--jp-code-font-family, ui-monospace, monospace)"
MUTED = "var(--jp-ui-font-color2, #777)"
CELL = f"text-align:left;padding:2px 10px;border-bottom:{LINE};vertical-align:top"
HEAD = f"{CELL};position:sticky;top:0;background:var(--jp-layout-color0,inherit);color:{MUTED};font-weight:normal"  # noqa: E501
MANY = 20  # rows, from which on a table scrolls


def table(one: Grid) -> str:
    """One table with its title, its notes, what to paste, and its script."""
    parts = [f'<div class="edgebook" style="font-family:{FONT};font-size:12px">', _title(one)]
    if one.rows:
        parts.append(_body(one))
    parts += [
        f'<div style="color:{MUTED};margin:4px 0">{escaped(note)}</div>' for note in one.notes
    ]
    if one.paste:
        parts.append(paste(one.paste, one.paste_why))
    return "".join(parts) + f"<script>{script()}</script></div>"


def paste(lines: str, why: str) -> str:
    """Lines to be copied into a cell or a terminal, with a button that does it."""
    ground = "var(--jp-layout-color2, rgba(128,128,128,.12))"
    return (
        f'<div style="margin:8px 0"><b>Next:</b> {escaped(why)}'
        '<div style="display:flex;align-items:flex-start">'
        f'<pre class="eb-paste" style="background:{ground};padding:6px 10px;margin:4px 0;'
        f'border-radius:4px;min-width:24em">{escaped(lines)}</pre></div></div>'
    )


@cache
def script() -> str:
    """Search, sorting and copying, in about two kilobytes."""
    return resources.files("edgebook.show").joinpath("table.js").read_text(encoding="utf-8").strip()


def _title(one: Grid) -> str:
    aside = (
        f'<span style="float:right;color:{MUTED}">{escaped(one.aside)}</span>' if one.aside else ""
    )
    count = f"{len(one.rows)} row{'' if len(one.rows) == 1 else 's'}"
    rows = f'<span class="eb-count" style="color:{MUTED}">{count}</span>' if one.rows else ""
    title = f"<b>{escaped(one.title)}</b> " if one.title else ""
    return f'<div class="eb-title" style="margin:4px 0">{aside}{title}{rows}</div>'


def _body(one: Grid) -> str:
    many = len(one.rows) > MANY
    frame = f"max-height:32em;overflow:auto;resize:vertical;border:{LINE}" if many else ""
    heads = "".join(f'<th scope="col" style="{HEAD}">{escaped(name)}</th>' for name in one.columns)
    rows = "".join(_row(one, row) for row in one.rows)
    scroll = (
        f'<div style="color:{MUTED}">more rows below: scroll in the table</div>' if many else ""
    )
    return (
        f'<div class="eb-scroll" style="{frame}" tabindex="0">'
        '<table style="border-collapse:collapse;table-layout:auto;width:100%;margin:0">'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>{scroll}"
    )


def _row(one: Grid, row: Row) -> str:
    colour = TONES.get(row.tone, "")
    style = f' style="background:{colour}"' if colour else ""
    cells = []
    for column in one.columns:
        inner = breakable(row.text(column))
        if row.details and column == one.detailed:
            inner += details(row.details)
        wide = ";min-width:9em" if column == one.columns[-1] else ""
        cells.append(f'<td style="{CELL}{wide}">{inner}</td>')
    return f"<tr{style}>{''.join(cells)}</tr>"


def details(found: Sequence[Detail]) -> str:
    """Changed fields, folded: path, before, after."""
    ink = {"before": "#b3261e", "after": "#116b34"}
    lines = "".join(
        f'<tr><td style="padding:1px 10px 1px 0;color:{MUTED}">{escaped(item.path)}</td>'
        f'<td style="padding:1px 10px 1px 0;color:var(--jp-error-color1,{ink["before"]})">'
        f"{'' if item.before == NONE else f'<del>{escaped(item.before)}</del>'}</td>"
        f'<td style="padding:1px 0;color:var(--jp-success-color1,{ink["after"]})">'
        f"{escaped(item.after)}</td></tr>"
        for item in found
    )
    count = f"{len(found)} field{'' if len(found) == 1 else 's'}"
    return (
        f'<details><summary style="cursor:pointer;color:{MUTED}">{count}, before and after'
        f'</summary><table style="border-collapse:collapse;margin:2px 0 6px">'
        f"<tbody>{lines}</tbody></table></details>"
    )
