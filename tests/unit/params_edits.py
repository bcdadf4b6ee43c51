"""Variants of params/rehearsal.yaml, written as edits: {"backends.web.timeout": 60}."""

import copy
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgebook.params import Spec, load

from tests import yamls

ROOT = Path(__file__).parents[2]
REHEARSAL = ROOT / "params" / "rehearsal.yaml"
GONE = "<gone>"


@functools.cache
def _rehearsal() -> Any:
    return yamls.read(REHEARSAL.read_text(encoding="utf-8"))


def edited(edits: Mapping[str, Any]) -> str:
    """The rehearsal's params with other values at some paths; GONE takes a key out."""
    params = copy.deepcopy(_rehearsal())
    for path, value in edits.items():
        *parents, last = path.split(".")
        place = params
        for part in parents:
            place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
        if value == GONE:
            del place[last if not isinstance(place, list) else int(last)]
        elif isinstance(place, list):
            place[int(last) : int(last) + 1] = [value]
        else:
            place[last] = value
    return yamls.write(params)


def spec_of(edits: Mapping[str, Any] | None = None) -> Spec:
    return load(edited(edits or {}), "params/rehearsal.yaml")
