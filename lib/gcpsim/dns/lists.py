"""Pages of Cloud DNS lists, and the filter of resourceRecordSets.list."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from gcpsim.core import paging
from gcpsim.dns import refusals

Doc = dict[str, Any]
DEFAULT_PAGE = 100
LARGEST_PAGE = 1000
_TERM = re.compile(
    r"\s*`?(name|type)`?\s*=\s*(?:`?(has_suffix)`?\s*\(\s*\"([^\"]*)\"\s*\)|\"?([^\"\s()]+)\"?)\s*"
)


def page(
    items: Sequence[Doc],
    position: Callable[[Doc], Any],
    query: dict[str, str],
    *,
    descending: bool = False,
) -> tuple[list[Doc], str]:
    """(one page, token of the next or ""), of `items` sorted by `position` (JSON values)."""
    asked, token = query.get("maxResults", ""), query.get("pageToken", "")
    size = paging.size_of(asked, default=DEFAULT_PAGE, largest=LARGEST_PAGE)
    if size is None or (asked and int(asked) == 0):
        raise refusals.invalid("parameters.maxResults", asked)
    ordered = sorted(items, key=position, reverse=descending)
    try:
        return paging.page(
            ordered, size=size, token=token, position=position, descending=descending
        )
    except paging.BadToken:
        raise refusals.invalid("parameters.pageToken", token) from None


def rrset_filter(query: dict[str, str], types: Sequence[str]) -> Callable[[Doc], bool]:
    """The test of `name`, `type` and `filter`; ApiError 400 for what can't be combined."""
    name, type_, text = query.get("name"), query.get("type"), query.get("filter")
    if text:
        if name or type_:
            given = "name" if name else "type"
            raise refusals.invalid(f"parameters.{given}", name or type_)
        return _parse(text)
    if name is not None and not name.endswith("."):
        raise refusals.invalid("parameters.name", name)
    if type_ is not None and name is None:
        raise refusals.invalid("parameters.name", "")
    if type_ is not None and type_ not in types:
        raise refusals.invalid("parameters.type", type_)
    wanted = None if name is None else name.lower()
    return lambda rrset: (
        (wanted is None or rrset["name"] == wanted) and (type_ is None or rrset["type"] == type_)
    )


def _parse(text: str) -> Callable[[Doc], bool]:
    tests: list[Callable[[Doc], bool]] = []
    fields = set()
    for term in re.split(r"\s+AND\s+", text):
        match = _TERM.fullmatch(term)
        if match is None:
            raise refusals.invalid("parameters.filter", text)
        field, has_suffix, suffix, value = match.groups()
        fields.add(field)
        if has_suffix and field == "name":
            tests.append(_suffix_test(suffix.lower()))
        elif has_suffix:
            raise refusals.invalid("parameters.filter", text)
        else:
            tests.append(_equal_test(field, value.lower() if field == "name" else value))
    if "name" not in fields:
        raise refusals.invalid("parameters.filter", text)
    return lambda rrset: all(test(rrset) for test in tests)


def _suffix_test(suffix: str) -> Callable[[Doc], bool]:
    return lambda rrset: str(rrset["name"]).endswith(suffix)


def _equal_test(field: str, value: str) -> Callable[[Doc], bool]:
    return lambda rrset: bool(rrset[field] == value)
