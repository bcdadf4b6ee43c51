"""Tables in a terminal: as wide as it is, in colour unless NO_COLOR says no, details on demand.

What goes into a file or a pipe is plain and as wide as it needs to be, so that it can be compared.
"""

import itertools
import os
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from edgebook.base.text import plain, plain_lines
from edgebook.plan.details import Detail
from edgebook.show.grid import Grid, Grids, Row

CODES = {"good": "32", "new": "32", "bad": "31", "gone": "31", "warn": "33", "quiet": ""}
BOLD, DIM = "1", "2"
NARROWEST = 12  # what a column is squeezed to before the last cells go below the others


def show(thing: Any, *, verbose: bool = False, stream: TextIO | None = None) -> None:
    """Print a table, several, or anything else that has words."""
    stream = stream or sys.stdout
    one = getattr(thing, "pages", thing)
    if not isinstance(one, Grid | Grids):
        print(thing, file=stream)
        return
    width = shutil.get_terminal_size().columns if stream.isatty() else 0
    print(render(one, width=width, colour=coloured(stream), verbose=verbose), file=stream)


def coloured(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether to use colours: not with NO_COLOR, not in a pipe unless FORCE_COLOR is set."""
    if environ.get("NO_COLOR"):
        return False
    return bool(environ.get("FORCE_COLOR")) or (stream.isatty() and environ.get("TERM") != "dumb")


def render(one: Grid | Grids, *, width: int = 0, colour: bool = False, verbose: bool) -> str:
    """The text of a table; `width` 0 is as wide as it needs to be."""
    if isinstance(one, Grids):
        blocks = [render(t, width=width, colour=colour, verbose=verbose) for t in one.tables]
        return "\n\n".join([_painted(one.title, BOLD, colour)] * bool(one.title) + blocks)
    lines = [_painted(line, BOLD, colour) for line in _wrapped(plain(one.headline), width)]
    widths = one.widths
    for number, row in enumerate((None, *one.rows) if one.rows else ()):
        code = DIM if row is None else CODES.get(row.tone, "")
        cells = list(one.columns) if row is None else [row.text(name) for name in one.columns]
        lines += [_painted(line, code, colour) for line in _line(cells, widths, width)]
        if number and row is not None and verbose:
            lines += _details(row, width, colour)
    for note in one.notes:
        lines += _note(note, width)
    if one.paste:
        pasted = plain_lines(one.paste).splitlines()
        lines += [plain(f"Next: {one.paste_why}"), *(f"  {line}" for line in pasted)]
    return "\n".join(lines)


def _line(cells: Sequence[str], widths: Sequence[int], width: int) -> list[str]:
    """One row. In a terminal the widest cells are wrapped; where that is too narrow, all follow."""
    if not width:
        parts = [f"{cell:<{w}}" for cell, w in zip(cells[:-1], widths, strict=False)]
        return [("  " + "  ".join([*parts, cells[-1]])).rstrip()]
    room = _shared(widths, width - 2 * len(widths))
    if room is None:
        first = textwrap.wrap(" ".join(cells[:-2]), max(10, width - 2)) or [""]
        below = [part for cell in cells[-2:] for part in textwrap.wrap(cell, max(10, width - 6))]
        return [*(f"  {part}" for part in first), *(f"      {part}" for part in below)]
    wrapped = [textwrap.wrap(cell, w) or [""] for cell, w in zip(cells, room, strict=True)]
    lines = itertools.zip_longest(*wrapped, fillvalue="")
    return [
        ("  " + "  ".join(f"{part:<{w}}" for part, w in zip(line, room, strict=True))).rstrip()
        for line in lines
    ]


def _note(note: str, width: int) -> list[str]:
    """A note; what it says in more lines is set in, so that it is no row."""
    lines = plain_lines(note).splitlines()
    first = [f"  {line}" for line in _wrapped("".join(lines[:1]), width and width - 2)]
    return first + [
        f"        {part}" for line in lines[1:] for part in _wrapped(line, width and width - 8)
    ]


def _shared(widths: Sequence[int], room: int) -> list[int] | None:
    """How wide the columns can be in so much room, the widest giving way; None: too narrow."""
    found = list(widths)
    while sum(found) > room:
        widest = max(range(len(found)), key=lambda index: found[index])
        if found[widest] <= NARROWEST:
            return None
        found[widest] -= 1
    return found


def _details(row: Row, width: int, colour: bool) -> list[str]:
    lines = []
    for detail in row.details:
        lines += _detail(detail, width, colour)
    return lines


def _detail(detail: Detail, width: int, colour: bool) -> list[str]:
    """`path: before -> after` on a line, or as a diff where it does not fit."""
    indent = " " * 6
    detail = Detail(plain(detail.path), plain(detail.before), plain(detail.after))
    if detail.before == "none" or not width or len(str(detail)) + len(indent) <= width:
        text = f"{detail.path}: {detail.after}" if detail.before == "none" else str(detail)
        return [indent + line for line in _wrapped(text, width and width - len(indent))]
    room = width - len(indent) - 2
    lines = [indent + part for part in textwrap.wrap(detail.path, max(10, room + 2))]
    for sign, code, value in (("-", "31", detail.before), ("+", "32", detail.after)):
        parts = textwrap.wrap(value, max(10, room - 2)) or [""]
        lines += [_painted(f"{indent}  {sign} {part}", code, colour) for part in parts]
    return lines


def _wrapped(text: str, width: int) -> list[str]:
    if not text:
        return []
    found: list[str] = []
    for line in plain_lines(text).splitlines():
        wrapped = textwrap.wrap(line, width, replace_whitespace=False) if width else [line]
        found += wrapped or [""]
    return found


def _painted(text: str, code: str, colour: bool) -> str:
    """The only escape sequences in a terminal are ours: the text itself has none."""
    text = plain(text)
    return f"\033[{code}m{text}\033[0m" if colour and code and text else text
