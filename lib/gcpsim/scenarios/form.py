"""Reading YAML with positions: values checked against a form, every problem with its line and key.

A form says which keys a mapping has, of what type, and which must be there. All problems of a
file are collected before anything is refused.
"""

import difflib
import re
from dataclasses import dataclass, field
from typing import Any

import yaml


@dataclass(frozen=True)
class Text:
    """A string; `pattern` must match all of it, `what` says it in words."""

    pattern: str = ".*"
    what: str = "text"


@dataclass(frozen=True)
class Number:
    low: int = 0
    high: int = 1_000_000


@dataclass(frozen=True)
class ListOf:
    item: Any
    least: int = 0


@dataclass(frozen=True)
class Mapping:
    """Known keys with their forms; `needed` ones must be there."""

    keys: dict[str, Any]
    needed: tuple[str, ...] = ()


@dataclass
class Problems:
    """What is wrong in a file, with line numbers."""

    source: str
    found: list[tuple[int, str, str]] = field(default_factory=list)

    def add(self, node: yaml.Node, key: str, text: str) -> None:
        self.found.append((node.start_mark.line + 1, key, text))

    def __str__(self) -> str:
        count = len(self.found)
        head = f"{self.source}: {count} problem{'s' if count != 1 else ''}"
        rows = [f"  line {line}  {key}   {text}" for line, key, text in sorted(self.found)]
        return "\n".join([head, *rows])


def read(node: yaml.Node, form: Any, key: str, problems: Problems) -> Any:
    """The value of a YAML node; None where it is wrong, and then a problem says why."""
    if isinstance(form, Mapping):
        return _mapping(node, form, key, problems)
    if isinstance(form, ListOf):
        return _list(node, form, key, problems)
    if not isinstance(node, yaml.ScalarNode):
        problems.add(node, key, f"{_kind(node)}; a single value is expected")
        return None
    if isinstance(form, Number):
        return _number(node, form, key, problems)
    if not re.fullmatch(form.pattern, node.value):
        problems.add(node, key, f'"{node.value}"; allowed: {form.what}')
        return None
    return node.value


def _mapping(node: yaml.Node, form: Mapping, key: str, problems: Problems) -> Any:
    if not isinstance(node, yaml.MappingNode):
        problems.add(node, key or "(top)", f"{_kind(node)}; a mapping is expected")
        return None
    result: dict[str, Any] = {}
    for name_node, value in node.value:
        name = str(name_node.value)
        at = f"{key}.{name}" if key else name
        if name not in form.keys:
            near = difflib.get_close_matches(name, form.keys, 1)
            hint = f'did you mean "{near[0]}"?' if near else f"known: {', '.join(form.keys)}"
            problems.add(name_node, at, f"unknown key; {hint}")
        elif name in result:
            problems.add(name_node, at, "given twice")
        else:
            result[name] = read(value, form.keys[name], at, problems)
    for name in form.needed:
        if name not in result:
            problems.add(node, f"{key}.{name}" if key else name, "missing")
    return result


def _list(node: yaml.Node, form: ListOf, key: str, problems: Problems) -> Any:
    if not isinstance(node, yaml.SequenceNode):
        problems.add(node, key, f"{_kind(node)}; a list is expected")
        return None
    if len(node.value) < form.least:
        problems.add(node, key, f"at least {form.least} expected")
    return [read(item, form.item, f"{key}[{at}]", problems) for at, item in enumerate(node.value)]


def _number(node: yaml.ScalarNode, form: Number, key: str, problems: Problems) -> int | None:
    if not node.value.isdigit() or not form.low <= int(node.value) <= form.high:
        text = f'"{node.value}"; a whole number from {form.low} to {form.high} is expected'
        problems.add(node, key, text)
        return None
    return int(node.value)


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    return "a list" if isinstance(node, yaml.SequenceNode) else f'"{node.value}"'
