"""Reads a tree of nodes into params objects, and lists everything that does not fit.

What cannot be read becomes UNREAD, about which nothing can be said, so that the checks across
fields still find the other problems in the same go.
"""

import dataclasses
import difflib
import functools
import math
import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any

from edgebook.base.errors import Problem
from edgebook.model.values import SecretRef
from edgebook.params.fields import (
    ENVIRONMENT_NAME,
    SECRET,
    ApiFields,
    Pattern,
    Percent,
    Rule,
    Seconds,
    required,
    rule_of,
)
from edgebook.params.source import Node, join

_DURATION = re.compile(r"(\d+)\s*(s|m|h)?")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_UNITS = {None: 1, "s": 1, "m": 60, "h": 3600}


class _Unread:
    """Stands where a value could not be read: false, empty, equal to nothing."""

    def __bool__(self) -> bool:
        return False

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __getattr__(self, name: str) -> "_Unread":
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_: Any, **__: Any) -> "_Unread":
        return self

    def __eq__(self, other: object) -> bool:
        return False

    def __hash__(self) -> int:
        return 0

    def __contains__(self, _: object) -> bool:
        return False

    def __lt__(self, _: object) -> bool:
        return False

    __gt__ = __le__ = __ge__ = __lt__

    def __repr__(self) -> str:
        return "UNREAD"


UNREAD: Any = _Unread()


def known(*values: Any) -> bool:
    """Whether all of these could be read."""
    return all(value is not UNREAD for value in values)


def nearest(word: str, words: Iterable[str]) -> str:
    """`; did you mean "port"?` or nothing."""
    near = difflib.get_close_matches(word, list(words), 1, 0.6)
    return f'; did you mean "{near[0]}"?' if near else ""


def shown(value: Any) -> str:
    """A value as it stands in an error message."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value if len(value) <= 60 else value[:57] + "..."}"'
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else str(value)


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    """The resolved types of a params class."""
    return typing.get_type_hints(cls)


class Reader:
    """Collects problems while it reads."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def problem(self, node: Node, path: str, text: str) -> Any:
        self.problems.append(Problem(node.line, path, text))
        return UNREAD

    def object(self, cls: Any, node: Node, path: str, shorthand: str = "") -> Any:
        """A params object of a mapping (or of its shorthand)."""
        if shorthand and isinstance(node.value, str):
            node = Node({shorthand: node}, node.line, {shorthand: node.line})
        if not isinstance(node.value, dict):
            words = "a mapping" if not shorthand else f"a mapping, or its {shorthand} alone"
            return self.problem(node, path, f"{shown(node.plain())}; expected: {words}")
        hints = _hints(cls)
        fields = {field.name: field for field in dataclasses.fields(cls)}
        values: dict[str, Any] = {}
        misspelt: set[str] = set()
        for name, item in node.value.items():
            inner = join(path, name)
            if name not in fields:
                line = Node(None, node.key_lines.get(name, node.line))
                self.problem(line, inner, f"unknown key{nearest(name, fields)}")
                misspelt.update(difflib.get_close_matches(name, list(fields), 1, 0.6))
                continue
            values[name] = self.value(hints[name], item, inner, rule_of(fields[name]))
        for name, field in fields.items():
            if name not in values and required(field):
                values[name] = UNREAD
                if name not in misspelt:
                    self.problem(node, join(path, name), f"missing. {rule_of(field).doc}")
        return cls(**values)

    def value(self, hint: Any, node: Node, path: str, rule: Rule) -> Any:
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if origin in (types.UnionType, typing.Union):
            if node.value is None:
                return None
            (hint,) = [item for item in arguments if item is not type(None)]
            return self.value(hint, node, path, rule)
        if hint is ApiFields:
            return self._api(node, path)
        if origin is tuple:
            return self._list(arguments[0], node, path, rule)
        if origin is Mapping or origin is typing.get_origin(Mapping[str, int]):
            return self._map(arguments[1], node, path, rule)
        if hint is SecretRef:
            return self._secret(node, path)
        if dataclasses.is_dataclass(hint):
            return self.object(hint, node, path, rule.shorthand)
        return self._scalar(hint, node, path, rule)

    def _api(self, node: Node, path: str) -> Any:
        if not isinstance(node.value, dict):
            return self.problem(node, path, f"{shown(node.plain())}; expected: a mapping")
        return node.plain()

    def _list(self, hint: Any, node: Node, path: str, rule: Rule) -> Any:
        if not isinstance(node.value, list):
            return self.problem(node, path, f"{shown(node.plain())}; expected: a list")
        if len(node.value) < rule.at_least:
            return self.problem(node, path, f"empty; at least {rule.at_least} expected")
        items = [
            self.value(hint, item, f"{path}[{index}]", rule)
            for index, item in enumerate(node.value)
        ]
        return tuple(items)

    def _map(self, hint: Any, node: Node, path: str, rule: Rule) -> Any:
        if not isinstance(node.value, dict):
            return self.problem(node, path, f"{shown(node.plain())}; expected: a mapping")
        result = {}
        for name, item in node.value.items():
            inner = join(path, name)
            if rule.keys:
                line = Node(None, node.key_lines.get(name, node.line))
                self._match(name, line, inner, rule.keys)
            result[name] = self.value(hint, item, inner, rule)
        return result

    def _secret(self, node: Node, path: str) -> Any:
        allowed = "{secret: projects/P/secrets/S/versions/V} or {env: NAME}"
        if not isinstance(node.value, dict):
            # The value is not repeated: it may be the secret itself.
            return self.problem(node, path, f"a secret's value has no place here; use {allowed}")
        if len(node.value) != 1 or not set(node.value) <= {"secret", "env"}:
            return self.problem(node, path, f"expected: {allowed}")
        ((kind, item),) = node.value.items()
        pattern = SECRET if kind == "secret" else ENVIRONMENT_NAME
        if not isinstance(item.value, str) or not re.fullmatch(pattern.regex, item.value):
            return self.problem(item, join(path, kind), f"expected: {pattern.words}")
        return SecretRef(**{kind: item.value})

    def _scalar(self, hint: Any, node: Node, path: str, rule: Rule) -> Any:
        value = node.value
        if isinstance(hint, type) and issubclass(hint, StrEnum):
            text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
            if text in list(hint):
                return hint(text)
            allowed = ", ".join(hint)
            return self.problem(node, path, f"{shown(node.plain())}; allowed: {allowed}")
        if hint is Seconds:
            return self._seconds(node, path, rule)
        if hint is Percent:
            return self._percent(node, path)
        if hint is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if type(value) is not hint:
            words = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
            seen, expected = shown(node.plain()), words[hint]
            quote = " (put it in quotes)" if hint is str and value is not None else ""
            return self.problem(node, path, f"{seen}; expected: {expected}{quote}")
        if isinstance(value, str) and rule.pattern and value:
            return self._match(value, node, path, rule.pattern)
        if isinstance(value, str) and not value and rule.pattern:
            return self.problem(node, path, f"empty; expected: {rule.pattern.words}")
        return self._in_range(value, node, path, rule)

    def _match(self, value: str, node: Node, path: str, pattern: Pattern) -> Any:
        if re.fullmatch(pattern.regex, value):
            return value
        return self.problem(node, path, f"{shown(value)}; expected: {pattern.words}")

    def _seconds(self, node: Node, path: str, rule: Rule) -> Any:
        found = None
        if isinstance(node.value, str | int) and not isinstance(node.value, bool):
            found = _DURATION.fullmatch(str(node.value))
        if not found:
            seen = shown(node.plain())
            return self.problem(node, path, f"{seen}; expected: a duration such as 60s or 10m")
        seconds = int(found.group(1)) * _UNITS[found.group(2)]
        return self._in_range(seconds, node, path, rule)

    def _percent(self, node: Node, path: str) -> Any:
        found = _PERCENT.fullmatch(node.value) if isinstance(node.value, str) else None
        if not found:
            seen = shown(node.plain())
            return self.problem(node, path, f"{seen}; expected: a percentage such as 50%")
        return float(found.group(1)) / 100

    def _in_range(self, value: Any, node: Node, path: str, rule: Rule) -> Any:
        low, high = rule.minimum, rule.maximum
        if isinstance(value, float) and not math.isfinite(value):
            return self.problem(node, path, f"{value}; expected: a number")
        if isinstance(value, str | bool) or (
            (low is None or value >= low) and (high is None or value <= high)
        ):
            return value
        if low is not None and high is not None:
            allowed = f"{low} to {high}"
        else:
            allowed = f"at least {low}" if low is not None else f"at most {high}"
        return self.problem(node, path, f"{shown(node.plain())}; allowed: {allowed}")
