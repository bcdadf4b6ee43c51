"""Text from elsewhere, made safe to print: names, errors and annotations are data, never orders.

A terminal acts on control characters, and some invisible ones turn or hide what follows. They are
shown by their number here. Everything that reaches a terminal, a page or a file name passes `plain`
or `plain_lines`.
"""

import re
from typing import Any, TextIO

from edgebook.base.shapes import hide

# C0 and C1 controls, DEL, bidirectional and invisible marks, line and paragraph separators, BOM.
UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]"
    "|[\ud800-\udfff]|[\U000e0000-\U000e007f]"
)
LINES = re.compile(r"\r\n|[\n\t]")


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

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _shown(found: re.Match[str]) -> str:
    number = ord(found.group())
    if number == 10:
        return "\\n"
    if number < 256:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
