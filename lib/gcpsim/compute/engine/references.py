"""Who refers to whom among resources, kept beside the documents for in-use refusals.

The index follows from the documents: it can be forgotten and built again at any time. It must not
know what a document means; the caller says what a path refers to and how it is found.
"""

from collections.abc import Iterable


class Index:
    """References between paths, in both directions, and paths by lookup key."""

    def __init__(self) -> None:
        self._targets: dict[str, frozenset[str]] = {}
        self._users: dict[str, set[str]] = {}
        self._keys: dict[str, frozenset[str]] = {}
        self._found: dict[str, dict[str, None]] = {}

    def note(self, path: str, targets: Iterable[str], keys: Iterable[str] = ()) -> None:
        """What `path` refers to, and the keys it is found under, replacing what was noted."""
        now = frozenset(targets) - {path}
        before = self._targets.get(path, frozenset())
        for gone in before - now:
            self._users[gone].discard(path)
        for new in now - before:
            self._users.setdefault(new, set()).add(path)
        self._targets[path] = now
        now_keys = frozenset(keys)
        for key in self._keys.get(path, frozenset()) - now_keys:
            self._found[key].pop(path, None)
        for key in now_keys:
            self._found.setdefault(key, {})[path] = None
        self._keys[path] = now_keys

    def drop(self, path: str) -> None:
        """Forget a path that is gone; what refers to it still does."""
        if path in self._targets:
            self.note(path, ())
            del self._targets[path], self._keys[path]

    def users(self, path: str) -> list[str]:
        """The paths that refer to `path`, sorted."""
        return sorted(self._users.get(path, ()))

    def found(self, key: str) -> list[str]:
        """The paths noted under a key, in the order in which they came."""
        return list(self._found.get(key, ()))

    def clear(self) -> None:
        self._targets.clear()
        self._users.clear()
        self._keys.clear()
        self._found.clear()
