"""The shapes of objects: of built-in kinds from the Kubernetes client's models, lazily.

The client's generated models say each field's name, type and whether it is required. Their source
is read as text, one file when first needed: importing the client would cost the server seconds at
start. What the models don't say (how lists merge, which maps are atomic) comes from `listtypes`.
"""

import importlib.util
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from gcpsim.k8s.types.listtypes import (
    ATOMIC_FIELDS,
    ATOMIC_MODELS,
    LISTS,
    QUANTITIES,
    RETAIN_KEYS,
    Merging,
)

Doc = dict[str, Any]

FIELD = re.compile(r"^    (\w+): (.+?) = (Field\(.*|None.*)$|^    (\w+): ([^=\n]+)$", re.MULTILINE)
END = "    openapi_types: ClassVar"
NAMES = re.compile(r'^        "(\w+)": "([^"]+)",?$', re.MULTILINE)
DESCRIPTION = re.compile(r'description="((?:[^"\\]|\\.)*)"\)$')
IMPORT = re.compile(r"^from kubernetes\.client\.models\.(\w+) import (\w+)$", re.MULTILINE)
CLASS_TEXT = re.compile(r'^class \w+\(BaseModel\):\n    """\n    (.*?)\n\n', re.MULTILINE | re.S)
SCALARS = {
    "StrictStr": "string",
    "str": "string",
    "StrictInt": "integer",
    "StrictBool": "boolean",
    "datetime": "time",
    "StrictInt | StrictStr": "int-or-string",
    "Union[StrictFloat, StrictInt]": "number",
    "Union[Annotated[bytes, Field(strict=True)], Annotated[str, Field(strict=True)]]": "bytes",
}


@dataclass(slots=True)
class Type:
    """One shape. `kind` is object, map, list, any or a scalar's name.

    `fields` of an object are looked up when first asked for; `items` is what a list or map holds;
    `merging` is set for lists whose items merge. An object that is `open` keeps unknown fields.
    """

    kind: str
    name: str = ""
    items: "Type | None" = None
    merging: Merging | None = None
    atomic: bool = False
    retain: bool = False
    open: bool = False
    nullable: bool = False
    required: tuple[str, ...] = ()
    schema: Doc | None = None
    description: str = ""
    load: Callable[[], "dict[str, Type]"] | None = None
    _fields: "dict[str, Type] | None" = field(default=None)

    @property
    def fields(self) -> "dict[str, Type]":
        if self._fields is None:
            self._fields = {} if self.load is None else self.load()
        return self._fields

    def child(self, name: str) -> "Type":
        """The type below a field or key; `ANY` where nothing is known."""
        if self.kind == "object":
            return self.fields.get(name, ANY)
        return self.items or ANY


ANY = Type("any", open=True)


@cache
def models_folder() -> Path:
    spec = importlib.util.find_spec("kubernetes")
    assert spec is not None and spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "client" / "models"


@cache
def model(name: str, file: str = "") -> Type:
    """The type of one of the client's models, e.g. `V1Pod`."""
    text = (models_folder() / f"{file or _file(name)}.py").read_text(encoding="utf-8")
    body, _, rest = text[text.index(f"class {name}(BaseModel):") :].partition(END)
    json_names = dict(NAMES.findall(rest.partition("attribute_map: ")[2].partition("}")[0]))
    imports = {kind: module for module, kind in IMPORT.findall(text)}
    about = CLASS_TEXT.search(body)
    found = [
        (json_names.get(python_name) or _reserved(python_name, json_names), hint, words)
        for python_name, hint, words in _lines(body)
    ]

    def load() -> dict[str, Type]:
        return {
            alias: _described(_field(name, alias, hint, imports), words)
            for alias, hint, words in found
        }

    return Type(
        "object",
        name,
        atomic=name in ATOMIC_MODELS,
        required=tuple(
            alias for alias, hint, _ in found if not hint.startswith(("Optional[", "Any"))
        ),
        description=about[1] if about else "",
        load=load,
    )


def _reserved(python_name: str, json_names: dict[str, str]) -> str:
    """The JSON name of a field whose own is a Python word: var_from -> from."""
    bare = python_name.removeprefix("var_")
    return json_names.get(bare) or json_names.get("_" + bare, bare)


def _lines(body: str) -> Iterator[tuple[str, str, str]]:
    """Each field line's Python name, type hint and description."""
    for match in FIELD.finditer(body.split("# noqa: E501\n", 1)[1]):
        hint = match[2] or match[5]
        words = DESCRIPTION.search(match[3] or "")
        text = words[1].replace('\\"', '"').replace("\\\\", "\\") if words else ""
        yield match[1] or match[4], hint.strip(), text


def _described(type: Type, words: str) -> Type:
    return replace(type, description=words) if words else type


def _field(owner: str, alias: str, hint: str, imports: dict[str, str]) -> Type:
    path = f"{owner}.{alias}"
    if hint.startswith("Optional["):
        hint = hint[len("Optional[") : -1]
    type = _type(hint, imports)
    if path in QUANTITIES:
        quantity = Type("quantity")
        type = replace(type, items=quantity) if type.kind == "map" else quantity
    merging, atomic, retain = LISTS.get(path), path in ATOMIC_FIELDS, path in RETAIN_KEYS
    if merging or atomic or retain:
        type = replace(type, merging=merging, atomic=atomic or type.atomic, retain=retain)
    return type


def _type(hint: str, imports: dict[str, str]) -> Type:
    if hint in SCALARS:
        return Type(SCALARS[hint])
    if hint.startswith("List["):
        return Type("list", items=_type(hint[5:-1], imports))
    if hint.startswith("Dict[str, ") and " | " not in hint:
        inner = hint[len("Dict[str, ") : -1]
        return (
            Type("any", open=True) if inner == "Any" else Type("map", items=_type(inner, imports))
        )
    if hint in imports:
        return model(hint, imports[hint])
    return ANY


def _file(name: str) -> str:
    """The module of a model: V1HTTPGetAction -> v1_http_get_action."""
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name).lower()
