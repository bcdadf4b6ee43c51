"""The resources of Compute Engine: stored, linked to each other, viewed, held by operations.

What all requests and all controllers stand on. A resource is its raw document under its path; who
refers to whom is an index beside it, kept for in-use refusals. It must not know about HTTP.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from gcpsim.compute.engine import documents, links
from gcpsim.compute.engine.catalog import region_of_scope
from gcpsim.compute.engine.derived import Derived, Follows, Refusal, Rows
from gcpsim.compute.engine.documents import get_path
from gcpsim.compute.engine.operations import Operations
from gcpsim.compute.engine.references import Index
from gcpsim.core import projects
from gcpsim.core.edge import Answer, Call
from gcpsim.core.errors import in_use, invalid, not_found, not_ready
from gcpsim.core.paths import collection_of, words_of
from gcpsim.core.schema import BodyReader
from gcpsim.core.store import Table
from gcpsim.core.world import World

Doc = dict[str, Any]
Docs = list[Doc]
Paths = list[str]
Touched = list[tuple[str, str]]


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
        return region_of_scope(self.scope)


@dataclass(frozen=True)
class Kind:
    """One collection.

    `scopes`: where it lives: global, regions, zones. `aggregated`: it has an aggregatedList.
    `prepare`: checks and completes a body on its way in. `view` adds what only reading shows.
    `remove` refuses or prepares a deletion. `after` follows an operation's end (no document: gone).
    `verbs`: the collection's own methods; `operation_types`: what Google calls their operations.
    `immutable`: fields that PATCH and PUT can't change.
    `in_use_number_form`: an in-use refusal names the project by its number.
    `fingerprint`: "" (none), "lenient" or "strict" (PATCH without one is refused; PUT always is).
    `labels_on_insert`: False where Google forgets labels sent with the insert (seen in recordings).
    `refs`: dotted paths of reference fields, `[]` for lists, with the collections they may name.
    `cascade`: users of these collections do not block a deletion, they go with it.
    `loose`: users of these collections do not block a deletion, and stay as they are.
    `keys`: what a resource can be looked up by in the index.
    `extra_refs`: paths a resource uses that no reference field says (an IP address).
    `on_absent`: verbs that may name a resource that is not there.
    `effects`: what operations of verbs do at their end: name -> f(compute, path, data, failed).
    `readonly`: nobody creates or changes one by this API; what there is follows from elsewhere.
    """

    collection: str
    schema: str
    noun: str
    scopes: tuple[str, ...] = ("global",)
    fingerprint: str = ""
    labels: bool = False
    labels_on_insert: bool = True
    refs: tuple[tuple[str, tuple[str, ...]], ...] = ()
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
    on_absent: tuple[str, ...] = ()
    readonly: bool = False


class Verdicts(Protocol):
    """Who knows how endpoints answer; `mark` names the groups to ask again, or all with none."""

    def mark(self, *groups: str) -> None: ...

    def states(self, service_path: str, group: str) -> list[tuple[Doc, str]]: ...


class Resources(ABC):
    """The resources of all projects. `kinds` is the table of collections by path segment."""

    health: Verdicts
    pool_health: Callable[[str, str], str] | None = None  # (target pool, instance) -> its state

    def __init__(self, world: World, kinds: dict[str, Kind]) -> None:
        self.world = world
        self.kinds = kinds
        self.reader = BodyReader("compute", root="")
        self.requests = world.store.table("compute/requests")
        self.operations = Operations(self)
        self.index = Index()
        self._last_id = 0
        self.observers: list[Callable[[str, Doc | None], None]] = []
        self.derived = Derived()
        self.paces: dict[tuple[str, str], tuple[int, int]] = {}
        self.new_project: Callable[[Resources, str], None] = lambda compute, project: None
        world.store.rolled_back.append(self._rolled_back)

    def get(self, path: str) -> Doc | None:
        """A resource as it is stored, by path, without counting a call."""
        is_one = len(words_of(path)) > 3
        return self.table(collection_of(path)).get(path) if is_one else None

    def list(self, project: str, collection: str, scope: str = "") -> Docs:
        """The resources of a collection in one scope (`global`, `zones/z`) or in all."""
        prefix = f"projects/{project}/{scope}/" if scope else f"projects/{project}/"
        return [doc for path, doc in self.table(collection).items() if path.startswith(prefix)]

    def derive(self, collection: str, rows: Follows, refusal: Refusal | None = None) -> None:
        """Show in a collection, beside what is stored there, what follows from something else."""
        self.derived.enter(collection, rows, refusal)

    def rows(self, collection: str, project: str, scope: str = "") -> Rows:
        """All that a collection shows: what is stored and what is derived."""
        prefix = f"projects/{project}/{scope}/" if scope else f"projects/{project}/"
        stored = [row for row in self.table(collection).items() if row[0].startswith(prefix)]
        return stored + self.derived.rows(collection, project, scope)

    @abstractmethod
    def make(self, project: str, scope: str, collection: str, body: Doc) -> Doc:
        """A resource that is simply there, without an operation."""

    def users(self, path: str) -> Paths:
        """The paths of the resources that refer to `path`, sorted."""
        return self.index.users(path)

    def when_done(self, operation: Doc | str, callback: Callable[[Doc], None]) -> None:
        """Call `callback(operation)` once the operation is DONE."""
        name = operation if isinstance(operation, str) else operation["selfLink"]
        self.operations.when_done(links.path_of(name), callback)

    def look_again(self, groups: Iterable[str]) -> None:
        """Endpoints of these groups (paths) may have started or stopped answering."""
        self.health.mark(*groups)

    def table(self, collection: str) -> Table:
        return self.world.store.table(f"compute/{collection}")

    def new_id(self) -> str:
        """Ids are uint64 strings that grow with time."""
        now = int(self.world.clock.now() * 1_000_000) * 1000
        self._last_id = max(self._last_id + 1, now)
        return str(self._last_id)

    def begin(
        self,
        kind: Kind,
        call: Call,
        path: str,
        verb: str,
        operation_type: str,
        doc: Doc,
        effect: Doc,
        *,
        at_once: bool = False,
        hold: bool = True,
        extra_seconds: float = 0.0,
    ) -> str:
        """Start the operation of a mutation, remember the request id; gives its path."""
        project, scope, collection, _ = links.split(path)
        fault = next((f for f in call.faults if f.effect == "operation"), None)
        row = verb if verb in ("insert", "delete", "patch", "update") else operation_type
        seconds = (
            0.0 if at_once else self.world.duration(f"compute.{collection}.{row.split('.')[-1]}")
        )
        seconds += extra_seconds
        request_id = call.query.get("requestId", "")
        op = self.operations.start(
            project=project,
            scope=scope,
            kind=operation_type,
            verb=verb,
            target=path,
            target_id=doc["id"],
            user=call.user,
            seconds=seconds,
            effect=effect,
            client_id=request_id,
            hold=hold,
            failure=(fault.error, fault.message) if fault else None,
        )
        if request_id:
            self.requests.put(f"{project}/{request_id}", {"operation": op})
        return op

    def operation_answer(self, op: str) -> Answer:
        """The operation, read once time has settled."""
        return Answer(body=lambda: self.operations.docs.get(op))

    def apply(self, path: str, verb: str, effect: Doc, *, failed: bool) -> None:
        """The end of an operation: its effect happens, or is undone when it failed."""
        collection = collection_of(path)
        kind = self.kinds[collection]
        before = self.get(path)
        if kind.effects and set(effect) & set(kind.effects):
            for name in sorted(set(effect) & set(kind.effects)):
                kind.effects[name](self, path, effect[name], failed)
        elif failed:
            if verb == "insert" and before is not None:
                self.drop(path)
            elif before is not None:
                self.reindex(path)
        elif effect.get("delete"):
            self.drop(path)
        elif effect.get("put") and before is not None:
            self.put(path, {**effect["put"], **documents.kept_labels(before)})
        after = self.get(path)
        if kind.after is not None:
            kind.after(self, path, after)
        for observer in self.observers:
            self.world.attempt(f"an observer of {path}", partial(observer, path, after))

    def put(self, path: str, doc: Doc) -> None:
        """Store a resource and what it refers to."""
        self.table(collection_of(path)).put(path, doc)
        self.reindex(path)

    def find(self, kind: Kind, raw_path: str, project: str) -> tuple[str, Doc]:
        """The resource a request path names, by name or numeric id; ApiError 404 otherwise."""
        scope, rest = self.place(raw_path)
        name = rest[1]
        path = f"projects/{project}/{scope}/{kind.collection}/{name}"
        doc = self.table(kind.collection).get(path)
        if doc is None and name.isdigit():
            for other, candidate in self.table(kind.collection).items():
                if candidate["id"] == name and other.startswith(f"projects/{project}/{scope}/"):
                    return other, candidate
        if doc is not None:
            return path, doc
        derived = self.derived.find(kind.collection, project, scope, name)
        if derived is None:
            raise not_found(path)
        return derived

    def view(self, kind: Kind, path: str, doc: Doc) -> Doc:
        """A resource as clients read it."""
        if kind.view is None:
            return doc
        shown = dict(doc)
        kind.view(self, path, shown)
        return shown

    def require_free(self, path: str) -> None:
        """Refuse a write while an operation holds the resource, and of what is only derived."""
        refusal = None if self.get(path) is not None else self.derived.refusal(path)
        if refusal is not None:
            raise refusal
        if self.operations.holder(path) is not None:
            raise not_ready(path)

    def require_unused(self, kind: Kind, path: str) -> None:
        users = [
            user
            for user in self.users(path)
            if collection_of(user) not in kind.cascade + kind.loose
        ]
        if not users:
            return
        if kind.in_use_number_form:
            raise in_use(kind.noun, links.number_form(path), links.number_form(users[0]))
        raise in_use(kind.noun, path, users[0])

    def resolve(self, field: str, value: str, project: str, collections: tuple[str, ...]) -> Doc:
        """The resource a reference names, which must exist and be ready."""
        path = links.reference(field, value, project, collections)
        doc = self.get(path)
        collection = collection_of(path)
        if doc is None:
            if collection in ("networks", "subnetworks"):
                noun = self.kinds[collection].noun
                raise invalid(field, value, f"The referenced {noun} resource cannot be found.")
            raise not_found(path)
        held = self.operations.holder(path)
        if held is not None and held["verb"] in ("insert", "delete"):
            raise not_ready(path)
        return doc

    def ensure_project(self, project: str) -> None:
        """A project comes into being when it is first asked for, with its default network."""
        if project and projects.number(project) not in self.world.store.table("projects"):
            projects.remember(self.world.store, project)
            self.new_project(self, project)

    def place(self, path: str) -> tuple[str, Paths]:
        """(scope, [collection, name, verb]) of a request path."""
        parts = words_of(path)
        if parts[2] == "global":
            return "global", parts[3:]
        if parts[2] in ("regions", "zones") and len(parts) > 4:
            return f"{parts[2]}/{parts[3]}", parts[4:]
        return "global", parts[2:]

    def reindex(self, path: str) -> None:
        """Note what a resource refers to now and, while an operation changes it, after that."""
        kind = self.kinds[collection_of(path)]
        now = self.table(kind.collection).get(path)
        if now is None:
            self.index.drop(path)
            return
        targets: set[str] = set()
        for doc in (now, self.operations.coming(path)):
            if doc is None:
                continue
            for pattern, _ in kind.refs:
                targets.update(links.path_of(value) for _, value in get_path(doc, pattern))
            if kind.extra_refs is not None:
                targets.update(kind.extra_refs(self, doc))
        self.index.note(path, targets, kind.keys(now) if kind.keys is not None else ())

    def _rolled_back(self, touched: Touched) -> None:
        for table, key in touched:
            if table.removeprefix("compute/") in self.kinds:
                self.reindex(key)

    def drop(self, path: str) -> None:
        self.table(collection_of(path)).delete(path)
        self.index.drop(path)
