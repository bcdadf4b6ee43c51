"""Whether what is there is what should be: a pure comparison of two bodies, by kind.

Only fields that desired sets are compared. Lists without an order are matched item by item, links
in any form are equal, what the server fills in by itself is no difference. A value that only the
server knows is looked up; when it can't be known yet, it counts as different.
"""

from collections.abc import Callable, Mapping
from typing import Any

from edgebook.model import fields
from edgebook.model.kinds import Kind
from edgebook.model.links import link, plain, same_text
from edgebook.model.values import Live, Ref, SecretRef

UNKNOWN: Any = object()
"""Stands for a value that is known only after an earlier change."""

Lookup = Callable[[Ref], Any]


def lookup(live: Live) -> Lookup:
    """How references are resolved by what is there now."""

    def value(ref: Ref) -> Any:
        if ref.field == "selfLink":
            return link(ref.key)
        found = fields.at(live[ref.key].body, ref.field) if ref.key in live else None
        return UNKNOWN if found is None else found

    return value


class Comparison:
    """Compares bodies of one kind."""

    def __init__(self, kind: Kind, value_of: Lookup, numbers: Mapping[str, str]) -> None:
        self._kind = kind
        self._value_of = value_of
        self._numbers = numbers

    def fields(self, desired: Mapping[str, Any], live: Mapping[str, Any]) -> tuple[str, ...]:
        """The dotted paths of desired that differ from live, sorted."""
        found: list[str] = []
        for name, value in desired.items():
            if name not in self._kind.create_only:
                found += self._differences(value, live.get(name), name, name)
        return tuple(sorted(found))

    def _differences(self, desired: Any, live: Any, path: str, pattern: str) -> list[str]:
        if isinstance(desired, Ref):
            desired = self._value_of(desired)
        if isinstance(desired, SecretRef):
            return []  # the API never shows it
        if isinstance(desired, Mapping):
            if not isinstance(live, Mapping):
                live = {}
            found = [
                difference
                for name, value in desired.items()
                for difference in self._differences(
                    value, live.get(name), f"{path}.{name}", f"{pattern}.{name}"
                )
            ]
            return found + self._beyond(desired, live, path, pattern)
        if isinstance(desired, list | tuple):
            return [] if self._same_list(list(desired), live, path, pattern) else [path]
        return [] if self._same(desired, live, pattern) else [path]

    def _beyond(
        self, desired: Mapping[str, Any], live: Mapping[str, Any], path: str, pattern: str
    ) -> list[str]:
        """What is set in a map that is ours as a whole, and not wanted there."""
        if not pattern.startswith(tuple(self._kind.whole)):
            return []
        more = sorted(set(live) - set(desired) - self._kind.create_only)
        return [
            f"{path}.{name}"
            for name in more
            if is_set(live[name]) and live[name] != self._kind.defaults.get(f"{pattern}.{name}")
        ]

    def _same_list(self, desired: list[Any], live: Any, path: str, pattern: str) -> bool:
        live = list(live or [])
        if len(desired) != len(live):
            return False
        inner = f"{pattern}[]"
        if pattern not in self._kind.order_free:
            pairs = zip(desired, live, strict=True)
            return not any(self._differences(one, other, path, inner) for one, other in pairs)
        for one in desired:
            match = next(
                (
                    i
                    for i, other in enumerate(live)
                    if not self._differences(one, other, path, inner)
                ),
                None,
            )
            if match is None:
                return False
            live.pop(match)
        return True

    def _same(self, desired: Any, live: Any, pattern: str) -> bool:
        if desired is UNKNOWN:
            return False
        if desired is None:
            unset = (self._kind.defaults.get(pattern), self._kind.wishes.get(pattern))
            return not is_set(live) or live in unset
        if live is None:
            default = self._kind.defaults.get(pattern)
            return bool(desired == default) if default is not None else not desired
        if isinstance(desired, bool) or isinstance(live, bool):
            return desired is live
        if isinstance(desired, int | float) and isinstance(live, int | float):
            return float(desired) == float(live)
        return same_text(str(desired or ""), str(live), self._numbers)


def is_set(value: Any) -> bool:
    """Whether a field says something: not what an API shows of a field that nobody set."""
    if isinstance(value, Mapping):
        return any(is_set(item) for item in value.values())
    return bool(value)


def at(body: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path, in plain form; None where there is none."""
    return plain(fields.at(body, path))


def immutable(kind: Kind, fields: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the fields that can't be changed in place."""
    return tuple(
        path
        for path in fields
        if any(path == fixed or path.startswith(f"{fixed}.") for fixed in kind.immutable)
    )
