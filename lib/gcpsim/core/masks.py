"""Partial answers: the `fields` parameter that every Google API understands. Pure.

`kind,items(name,labels/*)` keeps what it names: commas part fields, a slash or parentheses lead
into an object or into each element of a list, `*` stands for any field.
"""

import re
from typing import Any

from gcpsim.core.errors import ApiError

Mask = dict[str, "Mask"]
_TOKEN = re.compile(r"[A-Za-z0-9_@$.-]+|\*|[(),/]")


def apply(text: str, body: Any) -> Any:
    """What a mask leaves of an answer; ApiError 400 for a mask that is not one."""
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != re.sub(r"\s", "", text):
        raise _refused(text)
    mask, rest = _parse(tokens, text)
    if rest:
        raise _refused(text)
    return _keep(mask, body)


def _parse(tokens: list[str], text: str) -> tuple[Mask, list[str]]:
    """A list of fields up to its end or a closing parenthesis; gives the tokens behind it."""
    mask: Mask = {}
    while True:
        at = mask
        while True:
            if not tokens or tokens[0] in "(),/":
                raise _refused(text)
            at = at.setdefault(tokens[0], {})
            tokens = tokens[1:]
            if tokens[:1] != ["/"]:
                break
            tokens = tokens[1:]
        if tokens[:1] == ["("]:
            inner, tokens = _parse(tokens[1:], text)
            if tokens[:1] != [")"]:
                raise _refused(text)
            at.update(inner)
            tokens = tokens[1:]
        if tokens[:1] != [","]:
            return mask, tokens
        tokens = tokens[1:]


def _keep(mask: Mask, value: Any) -> Any:
    if not mask:
        return value
    if isinstance(value, list):
        return [_keep(mask, item) for item in value]
    if not isinstance(value, dict):
        return value
    found = ((key, mask.get(key, mask.get("*")), item) for key, item in value.items())
    return {key: _keep(inner, item) for key, inner, item in found if inner is not None}


def _refused(text: str) -> ApiError:
    return ApiError(400, f"Invalid field selection {text}", "invalidParameter", location="fields")
