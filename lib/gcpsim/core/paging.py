"""Pages of lists, for all services: how many, from where, and the token of the next.

A token belongs to one question (filter, order): another question's is refused. Where entries have a
position, a token names the last one shown, so that a list that changes between two pages neither
repeats nor loses the entries that stayed; elsewhere it counts.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import orjson

T = TypeVar("T")


class BadToken(ValueError):
    """A page token that is none of this list's; each service refuses it in its own words."""


def page(
    items: Sequence[T],
    *,
    size: int,
    token: str = "",
    asked: str = "",
    position: Callable[[T], Any] | None = None,
    descending: bool = False,
) -> tuple[list[T], str]:
    """(one page, token of the next or ""), of items in order. `position` gives JSON values."""
    mark = hashlib.sha256(asked.encode()).hexdigest()[:8]
    start = 0
    if token:
        after = _read(token, mark)
        start = _start(items, after, position, descending=descending)
    found = list(items[start : start + size])
    end = start + len(found)
    if not found or end >= len(items):
        return found, ""
    return found, _written([mark, end if position is None else position(found[-1])])


def size_of(text: str, *, default: int, largest: int) -> int | None:
    """How many entries a page may have, from the query's text; None when it is no number."""
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        return None
    return min(int(text), largest) or default


def _start(
    items: Sequence[T], after: Any, position: Callable[[T], Any] | None, *, descending: bool
) -> int:
    if position is None:
        if not isinstance(after, int) or isinstance(after, bool) or after < 0:
            raise BadToken
        return after
    try:
        for index, item in enumerate(items):
            here = position(item)
            if here < after if descending else here > after:
                return index
    except TypeError:
        raise BadToken from None
    return len(items)


def _written(content: list[Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(content)).decode().rstrip("=")


def _read(token: str, mark: str) -> Any:
    try:
        raw = base64.urlsafe_b64decode(token.encode() + b"=" * (-len(token) % 4))
        content = orjson.loads(raw)
    except (binascii.Error, ValueError):
        raise BadToken from None
    if not isinstance(content, list) or len(content) != 2 or content[0] != mark:
        raise BadToken
    return content[1]
