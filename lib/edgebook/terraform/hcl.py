"""HCL as text, in the layout of `terraform fmt`. Knows blocks and values, not what they mean."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from edgebook.base.text import UNSAFE, plain

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class Expression:
    """Goes out as it is: a reference to another resource, or a template around one."""

    text: str


@dataclass(frozen=True)
class Block:
    """A block: its type and labels, then single values, maps, and blocks inside."""

    type: str
    labels: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    blocks: Sequence["Block"] = ()
    comment: str = ""


def render(blocks: Iterable[Block]) -> str:
    """Blocks as a file."""
    return "\n".join("\n".join(_block(block, 0)) + "\n" for block in blocks)


def _block(block: Block, depth: int) -> list[str]:
    pad = "  " * depth
    labels = "".join(f" {quoted(label)}" for label in block.labels)
    groups = _groups(block, depth + 1)
    head = [f"{pad}# {plain(line)}" for line in block.comment.splitlines()]
    if not groups:
        return [*head, f"{pad}{block.type}{labels} {{}}"]
    lines = [*head, f"{pad}{block.type}{labels} {{"]
    for number, group in enumerate(groups):
        lines += ([""] if number else []) + group
    return [*lines, f"{pad}}}"]


def _groups(block: Block, depth: int) -> list[list[str]]:
    """What stands together between empty lines: values, each map, each block."""
    single = {k: v for k, v in block.values.items() if not isinstance(v, Mapping)}
    maps = {k: v for k, v in block.values.items() if isinstance(v, Mapping)}
    groups = [_aligned(single, depth)] if single else []
    for name, value in maps.items():
        pad = "  " * depth
        entries = {_key(key): item for key, item in sorted(value.items())}
        groups.append([f"{pad}{name} = {{", *_aligned(entries, depth + 1), f"{pad}}}"])
    return groups + [_block(inner, depth) for inner in block.blocks]


def _aligned(values: Mapping[str, Any], depth: int) -> list[str]:
    width = max(len(name) for name in values)
    return [f"{'  ' * depth}{name:<{width}} = {value(item)}" for name, item in values.items()]


def _key(name: str) -> str:
    return name if _WORD.fullmatch(name) else value(name)


def value(item: Any) -> str:
    """One value on one line."""
    if isinstance(item, Expression):
        return item.text
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, float):
        return str(int(item)) if item.is_integer() else str(item)
    if isinstance(item, int):
        return str(item)
    if isinstance(item, list | tuple):
        return "[" + ", ".join(value(one) for one in item) + "]"
    return quoted(str(item))


def quoted(text: str) -> str:
    """A string; `${` and `%{` would begin a template, and HCL has fewer escapes than JSON."""
    said = UNSAFE.sub(
        lambda found: f"\\u{ord(found.group()):04x}", json.dumps(text, ensure_ascii=False)
    )
    said = said.replace("\\b", "\\u0008").replace("\\f", "\\u000c")
    return said.replace("${", "$${").replace("%{", "%%{")
