"""Strings that act where they are shown, one that holds them all, and that none does is seen here.

`leaves` finds every text of a value, so that a field that comes later is tried by itself.
"""

import dataclasses
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from html.parser import HTMLParser
from typing import Any

from edgebook.base.text import UNSAFE

HOSTILE = (
    "\x1b[2J\x1b[1;1HPlan: nothing to do",
    "\x1b]0;owned\x07",
    "\x1b]8;;https://evil.example.com\x1b\\click\x1b]8;;\x1b\\",
    "\x9b31mred",
    "a\rb",
    "two\nFORGED\n  create  address  x",
    "\n::stop-commands::forged\n##vso[task.setvariable variable=x]y",
    "\u202egnp.exe",
    "\u200bzero\u2066width\u3164\ufeff",
    "\u2028line\x85line\x0bline",
    "<forged>alert(1)</forged>",
    '"><forged src=x onforged=alert(1)>',
    "' onforged='1' x='",
    "</style></title></script><forged onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    '${file("/etc/passwd")}%{ if true }',
    "'; DROP TABLE x; --",
    "../../../etc/passwd",
    "..\\..\\CON:aux.",
    "$(rm -rf /)`id`",
    "# heading\n| a | b |\n[x](javascript:alert(1)) ![x](http://e.example/x.png)",
    "[/bold][red]markup[link=http://e.example]",
    "\x00nul",
    "\ud800lonely",
    '=HYPERLINK("http://evil")',
    "!!python/object/apply:os.system ['id']\n---\n&a [*a, *a]",
    '[' * 2000,
    "x" * 20000,
)  # fmt: skip
EVIL = "evil" + "".join(HOSTILE[:-2])
SAID = EVIL.replace("\ud800", "")  # what JSON that anybody accepts can say
SEEN = UNSAFE.sub("", EVIL)  # what somebody can type
OURS = re.compile("\x1b\\[(?:0|1|2|31|32|33)m")
BEGINS = re.compile(r"^ {0,6}FORGED *$|^\s*::stop-commands|##vso\[", re.MULTILINE)
VOID = {"meta", "wbr", "br", "input", "rect", "path", "line", "circle", "polyline"}


def acts(text: str) -> list[str]:
    """What in a text for people would act in a terminal or in a pipeline's log."""
    bare = OURS.sub("", text).replace("\n", "").replace("\t", "")
    found = [repr(mark) for mark in sorted(set(UNSAFE.findall(bare)))]
    return found + [repr(line) for line in BEGINS.findall(text)]


class Page(HTMLParser):
    """What a browser would make of a page, as far as it should not."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = [repr(mark) for mark in sorted(set(UNSAFE.findall(
            text.replace("\n", "").replace("\t", ""))))]  # fmt: skip
        self.open: list[str] = []
        self.feed(text)
        self.close()
        self.found += [f"<{tag}> is not closed" for tag in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if "forged" in tag or any("forged" in name for name, _ in attrs):
            self.found.append(self.get_starttag_text() or tag)
        for name, value in attrs:
            if name in ("href", "src") and re.match(r"\s*(javascript|data|http)", value or ""):
                self.found.append(f"{name}={value}")
        if tag not in VOID and not (self.get_starttag_text() or "").endswith("/>"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()
        elif tag not in VOID:
            self.found.append(f"</{tag}> closes nothing")


def acts_in_page(html: str) -> list[str]:
    """What in HTML is not ours."""
    return Page(html).found


def leaves(value: Any, path: str = "") -> Iterator[str]:
    """The paths of all texts in dicts, lists and dataclasses; a place in a list is []."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, Mapping):
        for name in value:
            yield from leaves(value[name], f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from leaves(item, f"{path}[]")
    elif dataclasses.is_dataclass(value):
        for item in dataclasses.fields(value):
            yield from leaves(getattr(value, item.name), f"{path}.{item.name}")


def batches(fields: Sequence[Any], number: int) -> list[list[Any]]:
    """So many parts of them: neighbours are in different ones."""
    return [part for at in range(number) if (part := list(fields[at::number]))]


def poisoned(value: Any, wanted: Collection[str], text: str, path: str = "") -> Any:
    """The value with `text` behind every text at these paths."""
    if isinstance(value, str):
        return f"{value}{text}" if path in wanted else value
    if isinstance(value, Mapping):
        return {
            name: poisoned(item, wanted, text, f"{path}.{name}" if path else str(name))
            for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        return type(value)(poisoned(item, wanted, text, f"{path}[]") for item in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changed = {
            item.name: poisoned(getattr(value, item.name), wanted, text, f"{path}.{item.name}")
            for item in dataclasses.fields(value)
        }
        return dataclasses.replace(value, **changed)
    return value
