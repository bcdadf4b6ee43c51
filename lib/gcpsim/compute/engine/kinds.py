"""The table of Compute Engine collections: what each is called, keeps, refers to and refuses.

A Kind is data plus a few hooks; the engine in service.py does the rest. A hook `prepare` gets a
Draft (the body as the client sent it, merged for PATCH) and completes or refuses it; `view` adds
what the server computes when a resource is read; `remove` may refuse a deletion.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gcpsim.compute.engine.resources import Resources

Doc = dict[str, Any]


@dataclass
class Draft:
    """A resource on its way in. `body` may be changed; `old` is what is there, None on insert."""

    compute: "Resources"
    project: str
    scope: str
    body: Doc
    old: Doc | None = None
    verb: str = "insert"

    @property
    def region(self) -> str:
        kind, _, name = self.scope.partition("/")
        return name if kind == "regions" else name.rsplit("-", 1)[0] if name else ""


@dataclass(frozen=True)
class Kind:
    """One collection.

    `fingerprint`: "" (none), "lenient" or "strict" (PATCH without one is refused; PUT always is).
    `labels_on_insert`: False where Google forgets labels sent with the insert (seen in recordings).
    `refs`: dotted paths of reference fields, `[]` for lists, with the collections they may name.
    `cascade`: users of these collections do not block a deletion, they go with it.
    `loose`: users of these collections do not block a deletion, and stay as they are.
    `keys`: what a resource can be looked up by in the index.
    `extra_refs`: paths a resource uses that no reference field says (an IP address).
    `effects`: what operations of verbs do at their end: name -> f(compute, path, data, failed).
    """

    collection: str
    schema: str
    noun: str
    scopes: tuple[str, ...] = ("global",)
    fingerprint: str = ""
    labels: bool = False
    labels_on_insert: bool = True
    refs: tuple[tuple[str, tuple[str, ...]], ...] = ()
    name_required: bool = True
    patch: bool = False
    put: bool = False
    aggregated: bool = True
    in_use_number_form: bool = False
    immutable: tuple[str, ...] = ()
    prepare: Callable[[Draft], None] = lambda draft: None
    view: Callable[["Resources", str, Doc], None] | None = None
    remove: Callable[["Resources", str, Doc], None] | None = None
    after: Callable[["Resources", str, Doc | None], None] | None = None
    cascade: tuple[str, ...] = ()
    loose: tuple[str, ...] = ()
    keys: Callable[[Doc], list[str]] | None = None
    extra_refs: Callable[["Resources", Doc], list[str]] | None = None
    effects: dict[str, Callable[["Resources", str, Any, bool], None]] = field(default_factory=dict)
    verbs: dict[str, Callable[..., Any]] = field(default_factory=dict)
    operation_types: dict[str, str] = field(default_factory=dict)


def get_path(doc: Any, path: str) -> list[tuple[str, str]]:
    """(where, value) of every string at a dotted path with `[]` for lists."""
    found: list[tuple[str, Any]] = [("", doc)]
    for part in path.split("."):
        name, many = part.removesuffix("[]"), part.endswith("[]")
        following: list[tuple[str, Any]] = []
        for where, item in found:
            if not isinstance(item, dict) or item.get(name) is None:
                continue
            at = f"{where}.{name}" if where else name
            value = item[name]
            if many and isinstance(value, list):
                following.extend((f"{at}[{index}]", one) for index, one in enumerate(value))
            else:
                following.append((at, value))
        found = following
    return [(where, value) for where, value in found if isinstance(value, str)]


def set_path(doc: Any, where: str, value: Any) -> None:
    """Set the value at a concrete path such as `backends[0].group`."""
    parts: list[str | int] = []
    for part in where.split("."):
        name, *indexes = part.replace("]", "").split("[")
        parts.append(name)
        parts.extend(int(index) for index in indexes)
    for step in parts[:-1]:
        doc = doc[step]
    doc[parts[-1]] = value
