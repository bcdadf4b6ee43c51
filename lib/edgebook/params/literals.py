"""Values of a params file that look like secrets: refused, since params are read by many.

They belong into Secret Manager or the environment, and are named in the params (`{secret: ...}`,
`{env: ...}`). The refusal never repeats the value.
"""

from collections.abc import Iterator

from edgebook.base.errors import Problem
from edgebook.base.shapes import kinds
from edgebook.params.source import Node, join


def secrets_in(node: Node, path: str = "") -> Iterator[Problem]:
    """One problem for each literal, or list of them, that looks like a secret."""
    if isinstance(node.value, dict):
        for name, item in node.value.items():
            inner = join(path, name)
            if isinstance(item.value, str) and (found := next(kinds(f"{name}: {item.value}"), "")):
                yield _problem(node.key_lines[name], inner, found)
            else:
                yield from secrets_in(item, inner)
    elif isinstance(node.value, list):
        for index, item in enumerate(node.value):
            yield from secrets_in(item, f"{path}[{index}]")
    elif isinstance(node.value, str) and (found := next(kinds(node.value), "")):
        yield _problem(node.line, path, found)


def _problem(line: int, path: str, kind: str) -> Problem:
    name = "{secret: projects/P/secrets/S/versions/V}"
    return Problem(
        line, path, f"looks like a secret ({kind}): name it instead, {name}, or leave it out"
    )
