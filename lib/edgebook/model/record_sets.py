"""What a record set may answer: its own values, and those of a routing policy."""

from collections.abc import Mapping
from typing import Any

VALUES = ("rrdatas", "externalEndpoints")


def answers(body: Any) -> set[str]:
    """Every value that a record set, or a part of its routing policy, may answer."""
    if isinstance(body, Mapping):
        mine = {str(value) for name in VALUES for value in body.get(name) or ()}
        return mine.union(*(answers(item) for item in body.values()))
    if isinstance(body, list):
        return set().union(*(answers(item) for item in body))
    return set()
