"""The Jinja environment of all record pages: everything escaped, templates beside this file."""

import json
from datetime import datetime
from functools import cache
from typing import Any

import jinja2
from markupsafe import Markup

from edgebook.base.text import breakable, plain_lines
from edgebook.records import front


def render(template: str, **values: Any) -> str:
    """One page; `extra_css` and a notebook's `body` are the only values that are not escaped.

    Long names are, with places where they may be broken.
    """
    return _environment().get_template(template).render({"extra_css": "", **values})


def duration(seconds: float | None) -> str:
    """Seconds as people read them: 4 s, 2 min 10 s, 1 h 5 min."""
    if not isinstance(seconds, int | float):
        return ""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def instant(text: str) -> str:
    """An RFC 3339 time as 2026-11-23 14:05:09."""
    try:
        return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M:%S}"
    except (TypeError, ValueError):
        return str(text or "")


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("edgebook.records"),
        autoescape=True,
        undefined=jinja2.ChainableUndefined,
        finalize=_inert,
        trim_blocks=True,
    )
    environment.filters["duration"] = duration
    environment.filters["instant"] = instant
    environment.filters["pretty"] = lambda value: json.dumps(
        value, indent=2, sort_keys=True, ensure_ascii=False
    )
    environment.filters |= {
        "breakable": lambda text: breakable(str(text)),
        "noun": front.noun,
        "resource_name": front.name,
        "fields": front.fields,
        "part_of": front.part_of,
        "tone": front.state_tone,
        "cells": front.cells,
        "capitalize_first": lambda text: str(text)[:1].upper() + str(text)[1:],
    }
    return environment


def _inert(value: Any) -> Any:
    """What a page shows of a record: no mark in it turns or hides what stands beside it."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return plain_lines(value)
