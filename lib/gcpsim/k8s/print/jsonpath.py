"""The JSONPath of printer columns: names, indexes, `[*]` and `[?(@.field=="value")]`."""

import re
from functools import lru_cache
from typing import Any

STEP = re.compile(
    r"""\.?\[\?\(@\.([\w.\\/-]+)\s*==\s*["']([^"']*)["']\)\]   # filter
      | \.?\[(-?\d+)\] | \.?\[(\*)\] | \.?\[["']([^"']+)["']\] | \.((?:\\.|[^.\[\]])+) """,
    re.VERBOSE,
)
Step = tuple[str, str, str]


@lru_cache(maxsize=1024)
def _steps(path: str) -> tuple[Step, ...]:
    steps = []
    position = 0
    while position < len(path):
        match = STEP.match(path, position)
        if match is None:
            return ()
        field, wanted, index, every, quoted, name = match.groups()
        if field is not None:
            steps.append(("filter", field, wanted))
        elif index is not None:
            steps.append(("index", index, ""))
        elif every is not None:
            steps.append(("every", "", ""))
        else:
            steps.append(("name", quoted or re.sub(r"\\(.)", r"\1", name), ""))
        position = match.end()
    return tuple(steps)


def find(obj: Any, path: str) -> list[Any]:
    """All values at a path like `.status.conditions[?(@.type=="Ready")].status`."""
    values = [obj]
    for kind, name, wanted in _steps(path):
        found: list[Any] = []
        for value in values:
            if kind == "name" and isinstance(value, dict) and name in value:
                found.append(value[name])
            elif kind == "every" and isinstance(value, list):
                found += value
            elif (
                kind == "index"
                and isinstance(value, list)
                and -len(value) <= int(name) < len(value)
            ):
                found.append(value[int(name)])
            elif kind == "filter" and isinstance(value, list):
                found += [item for item in value if _is(item, name, wanted)]
        values = found
    return values if _steps(path) else []


def _is(item: Any, field: str, wanted: str) -> bool:
    for name in field.split("."):
        item = item.get(name) if isinstance(item, dict) else None
    return item is not None and str(item) == wanted
