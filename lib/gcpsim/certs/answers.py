"""How answers are printed: numeric enums on demand, pages, filters and orders of lists.

Clients of the gapic libraries ask with `$alt=json;enum-encoding=int`; the resource inside a
finished operation keeps enum names all the same (recorded).
"""

import re
from collections.abc import Callable
from typing import Any

from gcpsim.certs import refusals
from gcpsim.core import paging
from gcpsim.core.discovery import api
from gcpsim.core.filters import FilterError, compile_filter
from gcpsim.core.schema import enum_numbers

Doc = dict[str, Any]
DEFAULT_PAGE = 100
LARGEST_PAGE = 1000


def wants_numbers(query: dict[str, str]) -> bool:
    """Whether the client asked for numeric enums."""
    asked = f"{query.get('$alt', '')};{query.get('alt', '')}"
    return "enum-encoding=int" in asked.replace(" ", "").lower()


def numeric(schema: str, doc: Doc) -> Doc:
    """The document with enum names replaced by numbers, by Google's schema."""
    properties = api("certificatemanager").schemas[schema].get("properties", {})
    return {
        key: _numeric(schema, key, properties[key], value) if key in properties else value
        for key, value in doc.items()
    }


def _numeric(schema: str, key: str, field: Doc, value: Any) -> Any:
    if isinstance(value, list) and "items" in field:
        return [_numeric(schema, key, field["items"], one) for one in value]
    if "$ref" in field and isinstance(value, dict):
        return numeric(field["$ref"], value)
    if "enum" in field and isinstance(value, str):
        known = {name: number for number, name in enum_numbers(schema, key, field).items()}
        return known.get(value, value)
    return value


def page(items: list[Doc], query: dict[str, str]) -> tuple[list[Doc], str]:
    """(one page, token of the next or ""), filtered and ordered as the query says."""
    asked, token = query.get("pageSize", ""), query.get("pageToken", "")
    size = paging.size_of(asked, default=DEFAULT_PAGE, largest=LARGEST_PAGE)
    if size is None:
        raise refusals.invalid("page_size", f"invalid page size: {asked}")
    text, order = query.get("filter", ""), query.get("orderBy", "")
    try:
        test = compile_filter(_camel(text))
    except FilterError as error:
        raise refusals.invalid("filter", f"invalid filter: {error}") from None
    chosen = _ordered([item for item in items if test(item)], order)
    try:
        return paging.page(chosen, size=size, token=token, asked=f"{text}\n{order}")
    except paging.BadToken:
        raise refusals.invalid("page_token", "invalid page token") from None


def _ordered(items: list[Doc], order: str) -> list[Doc]:
    items = sorted(items, key=lambda item: str(item["name"]))
    for term in reversed([part.strip() for part in order.split(",") if part.strip()]):
        found = re.fullmatch(r"([A-Za-z_.]+)(?:\s+(asc|desc))?", term, re.IGNORECASE)
        if found is None:
            raise refusals.invalid("order_by", f"invalid order: {term}")
        items.sort(
            key=_by(_camel(found.group(1))), reverse=(found.group(2) or "").lower() == "desc"
        )
    return items


def _by(path: str) -> Callable[[Doc], str]:
    def key(item: Doc) -> str:
        value: Any = item
        for part in path.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return "" if value is None else str(value)

    return key


def _camel(text: str) -> str:
    return re.sub(r"(?<=[a-z])_([a-z])", lambda match: match.group(1).upper(), text)


def mask(query: dict[str, str], mutable: frozenset[str]) -> set[str]:
    """The fields that `updateMask` names; ApiError 400 when it has none, or what is fixed."""
    text = query.get("updateMask", "").strip()
    if not text:
        raise refusals.invalid("update_mask", "must not be empty")
    if text == "*":
        return set(mutable)
    fields = set()
    for part in text.split(","):
        field = _camel(part.strip()).split(".")[0]
        if field not in mutable:
            raise refusals.invalid("update_mask", f"invalid or immutable field: {part.strip()}")
        fields.add(field)
    return fields
