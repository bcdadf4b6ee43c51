"""Text from elsewhere, made safe to print: names, errors and annotations are data, never orders.

A terminal acts on control characters, and some invisible ones turn or hide what follows. They are
shown by their number here. Everything that reaches a terminal, a page or a file name passes `plain`
or `plain_lines`.
"""

import contextlib
import html
import os
import re
from collections.abc import Callable, Iterable
from typing import Any, TextIO

from edgebook.base.shapes import hide

# C0 and C1 controls, DEL, bidirectional and invisible marks, line and paragraph separators, BOM.
UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]"
    "|[\ud800-\udfff]|[\U000e0000-\U000e007f]"
)
LINES = re.compile(r"\r\n|[\n\t]")
# Words that push a table's last columns out of sight, and where such a name may be broken.
LONG = re.compile(r"[^\s<]{24,}")
JOINT = re.compile(r"(?<=[./_:])(?=[^./_:])")


def breakable(text: str) -> str:
    """Its HTML; long names may go on in the next line behind a dot, and are copied whole."""
    at, parts = 0, []
    for found in LONG.finditer(text):
        parts.append(html.escape(text[at : found.start()]))
        parts.append("<wbr>".join(html.escape(piece) for piece in JOINT.split(found[0])))
        at = found.end()
    return "".join([*parts, html.escape(text[at:])])


def counted(number: int, noun: str) -> str:
    """1 change, 2 changes."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def plain(text: object) -> str:
    """One line without anything that acts: \\n and \\x1b as they would be written in code."""
    return UNSAFE.sub(_shown, str(text))


def plain_lines(text: object) -> str:
    """The same, but line breaks and tabs stay."""
    parts, at = [], 0
    said = str(text)
    for found in LINES.finditer(said):
        parts += [plain(said[at : found.start()]), found.group().replace("\r", "")]
        at = found.end()
    return "".join([*parts, plain(said[at:])])


def safe(text: object) -> str:
    """Text for people: nothing in it acts, and nothing looks like a secret."""
    return hide(plain_lines(text))


class Hiding:
    """A stream that lets no secret through; what a command writes at once is looked at at once."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(hide(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        self.write("".join(lines))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Unbroken:
    """A stream whose reader may go: then nothing more is said, and what is done goes on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.broken = False

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


def _shown(found: re.Match[str]) -> str:
    number = ord(found.group())
    if number == 10:
        return "\\n"
    if number < 256:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
