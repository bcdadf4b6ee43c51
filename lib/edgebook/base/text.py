"""Text from elsewhere, made safe to print: names, errors and annotations are data, never orders.

A terminal acts on control characters, and some invisible ones turn or hide what follows. They are
shown by their number here. So is the beginning of a line that a pipeline's log takes for an order.
What reaches a terminal or a file name passes `plain` or `plain_lines`, a page `escaped`.
"""

import contextlib
import html
import os
import re
from collections.abc import Callable, Iterable
from typing import Any, TextIO, cast

from edgebook.base.shapes import hide

# C0 and C1 controls, DEL, bidirectional and invisible marks, letters that look like blanks, BOM,
# line and paragraph separators.
UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff9-\ufffb]"
    "|[\ud800-\udfff]|[\U0001d173-\U0001d17a]|[\U000e0000-\U000e0fff]"
)
LINES = re.compile(r"\r\n|[\n\t]")
# What GitHub Actions, Airflow, Azure Pipelines and TeamCity obey when it stands in a log.
ORDER = re.compile(r"^(\s*):(?=:[A-Za-z][\w-]*(?: [^\n]*)?::)", re.MULTILINE)
ORDER_INSIDE = re.compile(r"#(?=#(?:\w+)?\[)")
# The colours that `edgebook.show.terminal` paints with.
OURS = re.compile("\x1b\\[(?:0|1|2|31|32|33)m")
# Words that push a table's last columns out of sight, and where such a name may be broken.
LONG = re.compile(r"[^\s<]{24,}")
JOINT = re.compile(r"(?<=[./_:])(?=[^./_:])")


def breakable(text: str) -> str:
    """Its HTML; long names may go on in the next line behind a dot, and are copied whole."""
    at, parts = 0, []
    for found in LONG.finditer(text):
        parts.append(escaped(text[at : found.start()]))
        parts.append("<wbr>".join(escaped(piece) for piece in JOINT.split(found[0])))
        at = found.end()
    return "".join([*parts, escaped(text[at:])])


def escaped(text: object) -> str:
    """Its HTML, for elements and quoted attributes: nothing in it is markup, hides or turns."""
    return html.escape(plain_lines(text))


def counted(number: int, noun: str) -> str:
    """1 change, 2 changes."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def plain(text: object) -> str:
    """One line without anything that acts: \\n and \\x1b as they would be written in code."""
    return _inert(str(text))


def plain_lines(text: object) -> str:
    """The same, but line breaks and tabs stay."""
    return _by_line(str(text), plain)


def still(text: str) -> str:
    """What a command prints, JSON too, with our colours and nothing else that acts."""
    parts, at = [], 0
    for found in OURS.finditer(text):
        parts += [_by_line(text[at : found.start()], _inert), found.group()]
        at = found.end()
    return "".join([*parts, _by_line(text[at:], _inert)])


def safe(text: object) -> str:
    """Text for people: nothing in it acts, and nothing looks like a secret."""
    return hide(plain_lines(text))


class Hiding:
    """A stream that lets no secret through, and nothing that acts except our own colours.

    What a command writes at once is looked at at once. Who draws, with text that is plain already,
    draws on `canvas`: a stream on which only secrets are hidden.
    """

    def __init__(self, stream: TextIO, *, still: bool = True) -> None:
        self._stream = stream
        self._still = still

    @property
    def canvas(self) -> "Hiding":
        return Hiding(self._stream, still=False)

    def write(self, text: str) -> int:
        self._stream.write(hide(still(text) if self._still else text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        self.write("".join(lines))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def canvas(stream: TextIO) -> TextIO:
    """Where `rich` may draw: its cursor movements pass, secrets do not."""
    return cast(TextIO, getattr(stream, "canvas", stream))


class Unbroken:
    """A stream whose reader may go: then nothing more is said, and what is done goes on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.broken = False

    @property
    def canvas(self) -> "Unbroken":
        return Unbroken(canvas(self._stream))

    def write(self, text: str) -> int:
        self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        self._try(self._stream.flush)

    def _try(self, work: Callable[[], object]) -> None:
        if self.broken:
            return
        try:
            work()
        except (OSError, ValueError):
            self.broken = True
            # What is still in its buffer would be tried again while Python shuts down.
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _by_line(text: str, change: Callable[[str], str]) -> str:
    parts, at = [], 0
    for found in LINES.finditer(text):
        parts += [change(text[at : found.start()]), found.group().replace("\r", "")]
        at = found.end()
    return "".join([*parts, change(text[at:])])


def _inert(text: str) -> str:
    text = UNSAFE.sub(_shown, text)
    # Behind a backslash and u it is the same to whoever reads it as JSON.
    return ORDER_INSIDE.sub(r"\\u0023", ORDER.sub(r"\1\\u003a", text))


def _shown(found: re.Match[str]) -> str:
    number = ord(found.group())
    if number == 10:
        return "\\n"
    if number < 256:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
