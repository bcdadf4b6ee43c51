"""Validation by kind (stub: grows next)."""

from typing import Any

from gcpsim.k8s.registry import Resource
from gcpsim.k8s.status import Cause

Doc = dict[str, Any]


def check(resource: Resource, new: Doc, old: Doc | None) -> list[Cause]:
    return []
