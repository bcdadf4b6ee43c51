"""YAML text as a tree that knows its lines; duplicate keys are problems, not last-one-wins.

Only the syntax is judged here: what keys mean is the reader's business.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from edgebook.base.errors import Problem

MAX_DEPTH = 40
DEEPEST = 1000  # open brackets, beyond which a parser's own stack is at risk
MAX_NODES = 100_000


@dataclass(frozen=True)
class Node:
    """A mapping, a list or a scalar, and the line where it begins."""

    value: Any  # dict[str, Node], list[Node] or a plain scalar
    line: int
    key_lines: dict[str, int] = field(default_factory=dict)

    def plain(self) -> Any:
        """The value without lines."""
        if isinstance(self.value, dict):
            return {key: item.plain() for key, item in self.value.items()}
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        return self.value


class _Reader:
    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._constructor = yaml.constructor.SafeConstructor()
        self._nodes = 0

    def node(self, raw: yaml.Node, path: str, depth: int) -> Node:
        line = raw.start_mark.line + 1
        self._nodes += 1
        if depth > MAX_DEPTH or self._nodes > MAX_NODES:
            if self._nodes <= MAX_NODES + 1:
                self.problems.append(Problem(line, path, "nested too deeply, or too large"))
            self._nodes = max(self._nodes, MAX_NODES + 1)
            return Node(None, line)
        if isinstance(raw, yaml.MappingNode):
            return self._mapping(raw, path, depth)
        if isinstance(raw, yaml.SequenceNode):
            items = [
                self.node(item, f"{path}[{index}]", depth + 1)
                for index, item in enumerate(raw.value)
            ]
            return Node(items, line)
        return Node(self._scalar(raw, path), line)

    def _scalar(self, raw: yaml.Node, path: str) -> Any:
        try:
            return self._constructor.construct_object(raw)
        except (yaml.YAMLError, ValueError) as error:
            reason = str(error).splitlines()[0]
            self.problems.append(Problem(raw.start_mark.line + 1, path, reason))
            return None

    def _mapping(self, raw: yaml.MappingNode, path: str, depth: int) -> Node:
        own = [key for key, _ in raw.value if key.tag != "tag:yaml.org,2002:merge"]
        seen: dict[Any, int] = {}
        for key in own:
            name, line = key.value, key.start_mark.line + 1
            if isinstance(name, str) and name in seen:
                text = f"written twice; the first one is on line {seen[name]}"
                self.problems.append(Problem(line, join(path, name), text))
            elif isinstance(name, str):
                seen[name] = line
        if len(own) != len(raw.value):
            try:
                self._constructor.flatten_mapping(raw)
            except yaml.constructor.ConstructorError as error:
                line = (error.problem_mark or raw.start_mark).line + 1
                self.problems.append(Problem(line, path, f"<<: {error.problem}"))
                raw.value = [(key, value) for key, value in raw.value if key in own]
        items: dict[str, Node] = {}
        lines: dict[str, int] = {}
        for key, value in raw.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                self.problems.append(Problem(line, path, "a key must be plain text"))
                continue
            items[key.value] = self.node(value, join(path, key.value), depth + 1)
            lines[key.value] = line
        return Node(items, raw.start_mark.line + 1, lines)


def join(path: str, key: str) -> str:
    """`backends.web`, and `paths."/api/*"` where a dot would mislead."""
    text = key if key.replace("-", "").replace("_", "").isalnum() else f'"{key}"'
    return f"{path}.{text}" if path else text


def _too_deep(text: str) -> int:
    """The line on which brackets are open that libyaml's recursion would not survive; 0: none."""
    if text.count("[") + text.count("{") < DEEPEST:
        return 0
    depth = 0
    for token in yaml.scan(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if isinstance(token, yaml.FlowSequenceStartToken | yaml.FlowMappingStartToken):
            depth += 1
            if depth > DEEPEST:
                return int(token.start_mark.line) + 1
        elif isinstance(token, yaml.FlowSequenceEndToken | yaml.FlowMappingEndToken):
            depth -= 1
    return 0


def _parse(text: str) -> yaml.Node | None:
    """By libyaml where it is there, ten times faster; errors are worded by the Python parser."""
    fast = getattr(yaml, "CSafeLoader", None)
    if fast is not None:
        try:
            return yaml.compose(text, Loader=fast)
        except yaml.YAMLError:
            pass
    return yaml.compose(text, Loader=yaml.SafeLoader)


def compose(text: str) -> tuple[Node | None, list[Problem]]:
    """The tree of a YAML text, and what is wrong with its syntax."""
    try:
        if line := _too_deep(text):
            return None, [Problem(line, "", "nested too deeply, or too large")]
        raw = _parse(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        return None, [Problem(line, "", f"no valid YAML: {error.problem or error.context}")]
    except yaml.YAMLError as error:
        return None, [Problem(0, "", f"no valid YAML: {str(error).splitlines()[0]}")]
    if raw is None:
        return None, [Problem(0, "", "the file is empty")]
    reader = _Reader()
    return reader.node(raw, "", 0), reader.problems


def lines_of(node: Node, path: str = "") -> Iterator[tuple[str, int]]:
    """Every path with the line of its key (or of the item in a list)."""
    yield path, node.line
    if isinstance(node.value, dict):
        for key, item in node.value.items():
            inner = join(path, key)
            yield from lines_of(item, inner)
            yield inner, node.key_lines[key]
    elif isinstance(node.value, list):
        for index, item in enumerate(node.value):
            yield from lines_of(item, f"{path}[{index}]")
