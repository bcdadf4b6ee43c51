"""The values that everything passes around: resources, references, changes, plans, checks.

All are frozen, made of JSON types and print to JSON. They know nothing of Google Cloud: what a kind
is and how it is written stands in `kinds`. A body is the API's own JSON; a value that only the
server knows stays a `Ref` (or an `EachNeg`) inside it, so plans can be made before anything exists.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

from edgebook.base.shapes import hide, hide_in

Body = Mapping[str, Any]
# Of a stage's JSON: what people read; the changes are hashed by their digests.
_SECRET = re.compile(r"projects/[^/]+/secrets/[^/]+(/versions/[^/]+)?")
_ENV = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)")
PLAIN = frozenset({str, int, float, bool})  # what is its own JSON
STAGE_WORDS = frozenset({"what", "changes", "gate", "disrupts"})


class Step(StrEnum):
    """The six steps, in the order in which they are built."""

    ADDRESS_AND_DNS = "address-and-dns"
    CERTIFICATE = "certificate"
    FRONTENDS = "frontends"
    CERTIFICATE_MAP = "certificate-map"
    FIREWALL = "firewall"
    BACKENDS = "backends"

    @property
    def number(self) -> int:
        """The number of its notebook: 10, 20, ... 60."""
        return 10 * (list(Step).index(self) + 1)

    @property
    def heading(self) -> str:
        special = {Step.ADDRESS_AND_DNS: "Address and DNS"}
        return special.get(self, self.value.replace("-", " ").capitalize())


class Action(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    REPORT = "report"  # nothing to do, but you should know


class Ownership(StrEnum):
    CREATED = "created"  # edgebook creates it and marks it
    ADOPTED = "adopted"  # it exists, and the params hand it over
    REFERENCED = "referenced"  # it must exist; edgebook only refers to it


@dataclass(frozen=True, order=True)
class ResourceKey:
    """Which resource: kind, scope and name.

    The scope is the path of the parent: `projects/P/global`, `projects/P/locations/global`,
    `projects/P/locations/global/certificateMaps/M`, `projects/P/managedZones/Z`, or, in Kubernetes,
    `clusters/<name in the params>/namespaces/NS`. A record set's name is `www.example.com./A`.
    """

    kind: str
    scope: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"

    @property
    def id(self) -> str:
        """One string for journals and hashes; `parse` reads it back."""
        return f"{self.kind}|{self.scope}|{self.name}"

    @classmethod
    def parse(cls, text: str) -> "ResourceKey":
        kind, scope, name = text.split("|", 2)
        return cls(kind, scope, name)

    def to_json(self) -> dict[str, str]:
        return {"kind": self.kind, "scope": self.scope, "name": self.name}


@dataclass(frozen=True)
class Ref:
    """A value of another resource: a dotted field of what the server answers.

    The field `selfLink` stands for the way in which others refer to that kind (`kinds.link`): it is
    known beforehand. Every other field is known when the resource exists.
    """

    kind: str
    name: str
    scope: str = ""
    field: str = "selfLink"

    @property
    def key(self) -> ResourceKey:
        return ResourceKey(self.kind, self.scope, self.name)

    def to_json(self) -> dict[str, Any]:
        return {"$ref": self.key.id, "field": self.field}


@dataclass(frozen=True)
class EachNeg:
    """In a list of backends: one entry per ACTIVE zonal NEG of this Service port, from `entry`.

    Symbolic, since the zones are known only when GKE has made the NEGs, and may grow later.
    `capacities` are capacityScalers of single zones: a zone that is left has 0.
    """

    cluster: str
    namespace: str
    service: str
    port: int
    name: str
    entry: Body = field(default_factory=dict)
    capacities: Mapping[str, float] = field(default_factory=dict)

    def entry_in(self, zone: str) -> Body:
        """The entry of the NEG in one zone."""
        if zone not in self.capacities:
            return self.entry
        return {**self.entry, "capacityScaler": self.capacities[zone]}

    def to_json(self) -> dict[str, Any]:
        where = f"{self.cluster}/{self.namespace}/{self.service}:{self.port}"
        found = {"$each_neg": self.name, "of": where, "entry": to_json(self.entry)}
        zones = dict(sorted(self.capacities.items()))
        return {**found, "capacities": zones} if zones else found

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "EachNeg":
        where, port = value["of"].rsplit(":", 1)
        cluster, namespace, service = where.split("/")
        entry, zones = from_json(value["entry"]), value.get("capacities") or {}
        return cls(cluster, namespace, service, int(port), value["$each_neg"], entry, zones)


@dataclass(frozen=True)
class SecretRef:
    """Where a secret is kept: `secret` in Secret Manager, or `env`, an environment variable.

    Its value is read at the moment of the call that needs it, and appears nowhere else.
    """

    secret: str = ""
    env: str = ""

    @classmethod
    def named(cls, text: str) -> "SecretRef | None":
        """`env:NAME` or `projects/P/secrets/S[/versions/V]`; None for anything else."""
        if found := _ENV.fullmatch(text):
            return cls(env=found.group(1))
        return cls(secret=text) if _SECRET.fullmatch(text) else None

    def to_json(self) -> dict[str, Any]:
        return {"$secret": self.secret} if self.secret else {"$env": self.env}


def to_json(value: Any) -> Any:
    """A body with its references as plain JSON; `from_json` is the way back."""
    if value is None or type(value) in PLAIN:
        return value
    if isinstance(value, Ref | EachNeg | SecretRef):
        return value.to_json()
    if isinstance(value, Mapping):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, StrEnum):
        return value.value
    return value


def from_json(value: Any) -> Any:
    if isinstance(value, Mapping):
        if "$ref" in value:
            key = ResourceKey.parse(value["$ref"])
            return Ref(key.kind, key.name, key.scope, value["field"])
        if "$each_neg" in value:
            return EachNeg.from_json(value)
        if "$secret" in value or "$env" in value:
            return SecretRef(value.get("$secret", ""), value.get("$env", ""))
        return {key: from_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [from_json(item) for item in value]
    return value


def leaves(value: Any) -> Iterator[Any]:
    """Everything inside a body that is no mapping and no list."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from leaves(item)
    else:
        yield value


def refs(value: Any) -> Iterator[Ref]:
    """All references inside a body."""
    return (leaf for leaf in leaves(value) if isinstance(leaf, Ref))


def each_negs(value: Any) -> Iterator[EachNeg]:
    """All NEG placeholders inside a body."""
    return (leaf for leaf in leaves(value) if isinstance(leaf, EachNeg))


@dataclass(frozen=True, order=True)
class Wait:
    """A gate before a change: `key` must be in `state` (certificate ACTIVE, svcneg SYNCED)."""

    key: ResourceKey
    state: str

    def to_json(self) -> dict[str, Any]:
        return {"key": self.key.id, "state": self.state}


@dataclass(frozen=True)
class Resource:
    """What should be: a kind, a name, a body in the API's own JSON.

    `what` is the sentence of its creation ("managed, 2 domains, RSA-2048"). `depends` are resources
    that must exist before, besides those that the body refers to. `waits` are gates before its
    creation and its updates, `update_waits` before updates only.
    """

    kind: str
    name: str
    scope: str
    body: Body
    step: Step
    depends: tuple[ResourceKey, ...] = ()
    ownership: Ownership = Ownership.CREATED
    what: str = ""
    waits: tuple[Wait, ...] = ()
    update_waits: tuple[Wait, ...] = ()

    @cached_property
    def key(self) -> ResourceKey:
        return ResourceKey(self.kind, self.scope, self.name)

    @property
    def needs(self) -> tuple[ResourceKey, ...]:
        """Everything that must exist before it, sorted."""
        keys = {ref.key for ref in refs(self.body)} | set(self.depends)
        keys |= {wait.key for wait in self.waits}
        return tuple(sorted(keys - {self.key}))

    def to_json(self) -> dict[str, Any]:
        return {
            **self.key.to_json(),
            "step": self.step.value,
            "ownership": self.ownership.value,
            "what": self.what,
            "depends": [key.id for key in self.depends],
            "waits": [wait.to_json() for wait in self.waits],
            "update_waits": [wait.to_json() for wait in self.update_waits],
            "body": to_json(self.body),
        }


@dataclass(frozen=True)
class LiveResource:
    """What is: the raw answer of the API under the same key as the desired resource."""

    key: ResourceKey
    body: Body

    def to_json(self) -> dict[str, Any]:
        return {**self.key.to_json(), "body": to_json(self.body)}


Live = Mapping[ResourceKey, LiveResource]


@dataclass(frozen=True)
class Change:
    """One line of a plan, with its own sentence.

    `after` is the whole desired body, symbolic; `before` holds only the live values of `fields`,
    the dotted paths that differ. `disrupts` says what traffic is cut, and is empty when none is.
    `unknown` names what is known only after an earlier change. `blocks` marks a report that forbids
    to apply its step: something stands in the way that is not ours. `moves` names the runbook that
    does it when it would move live traffic: a plain apply refuses it then.

    Nothing in `before` and `sentence` looks like a secret: a token that is live in a custom header
    is shown, kept and hashed as `[redacted: kind]`. Records of DNS stay as they are: they are
    public, and a change of them must name them to the letter.
    """

    action: Action
    key: ResourceKey
    step: Step
    sentence: str
    disrupts: str = ""
    before: Body = field(default_factory=dict)
    after: Body = field(default_factory=dict)
    fields: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    depends: tuple[ResourceKey, ...] = ()
    waits: tuple[Wait, ...] = ()
    blocks: bool = False
    moves: str = ""

    def __post_init__(self) -> None:
        if self.before and self.key.kind != "dnsRecordSet":
            object.__setattr__(self, "before", hide_in(self.before))
            object.__setattr__(self, "sentence", hide(self.sentence))

    @property
    def order(self) -> tuple[int, int, str, str, str]:
        reported = 1 if self.action is Action.REPORT else 0
        return (self.step.number, reported, self.key.kind, self.key.name, self.key.scope)

    @property
    def digest(self) -> str:
        """SHA-256 over what will be done: no sentences, nothing that only the server knows."""
        said = [self.action, self.key.id, to_json(self.before), to_json(self.after), self.fields]
        text = json.dumps(said, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        return {
            "action": self.action.value,
            **self.key.to_json(),
            "step": self.step.value,
            "sentence": self.sentence,
            "disrupts": self.disrupts,
            "fields": list(self.fields),
            "unknown": list(self.unknown),
            "before": to_json(self.before),
            "after": to_json(self.after),
            "depends": [key.id for key in self.depends],
            "waits": [wait.to_json() for wait in self.waits],
            "blocks": self.blocks,
            "moves": self.moves,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Change":
        waits = (Wait(ResourceKey.parse(w["key"]), w["state"]) for w in value.get("waits", ()))
        return cls(
            action=Action(value["action"]),
            key=ResourceKey(value["kind"], value["scope"], value["name"]),
            step=Step(value["step"]),
            sentence=value["sentence"],
            disrupts=value.get("disrupts", ""),
            before=from_json(value.get("before", {})),
            after=from_json(value.get("after", {})),
            fields=tuple(value.get("fields", ())),
            unknown=tuple(value.get("unknown", ())),
            depends=tuple(ResourceKey.parse(text) for text in value.get("depends", ())),
            waits=tuple(waits),
            blocks=value.get("blocks", False),
            moves=value.get("moves", ""),
        )


@dataclass(frozen=True)
class Plan:
    """Changes of one front door in one environment, in the order in which they are carried out.

    Reports are shown but not hashed: they are nothing to approve. A move's plan has the `stages` of
    its ladder too (as JSON), and they are part of what is hashed.
    """

    changes: tuple[Change, ...] = ()
    front_door: str = ""
    environment: str = ""  # an approval for the simulator is none for Google Cloud
    stages: tuple[Body, ...] = ()
    allows: tuple[str, ...] = ()  # what it may cost users beyond the usual

    @property
    def to_do(self) -> tuple[Change, ...]:
        return tuple(c for c in self.changes if c.action is not Action.REPORT)

    @property
    def reports(self) -> tuple[Change, ...]:
        return tuple(c for c in self.changes if c.action is Action.REPORT)

    @property
    def blockers(self) -> tuple[Change, ...]:
        return tuple(c for c in self.changes if c.blocks)

    @property
    def movers(self) -> tuple[Change, ...]:
        return tuple(c for c in self.to_do if c.moves)

    @property
    def empty(self) -> bool:
        return not self.to_do

    @property
    def hash(self) -> str:
        """SHA-256 over the symbolic form, in hex; the first 8 digits are what people see.

        Not over the order of the changes: that follows from them.
        """
        digests = sorted(change.digest for change in self.to_do)
        said = [self.environment, self.front_door, *digests, *self.allows]
        for stage in self.stages:
            plain = {name: stage[name] for name in stage if name not in STAGE_WORDS}
            said.append(json.dumps(plain, sort_keys=True, separators=(",", ":")))
        return hashlib.sha256("\n".join(said).encode()).hexdigest()

    @property
    def short_hash(self) -> str:
        return self.hash[:8]

    def count(self, action: Action) -> int:
        return sum(change.action is action for change in self.changes)

    def only(self, steps: Sequence[Step] | Step) -> "Plan":
        """The part of the plan that belongs to these steps."""
        wanted = {steps} if isinstance(steps, Step) else set(steps)
        return replace(self, changes=tuple(c for c in self.changes if c.step in wanted))

    def to_json(self) -> dict[str, Any]:
        changes = [change.to_json() for change in self.changes]
        said = {
            "hash": self.hash,
            "environment": self.environment,
            "front_door": self.front_door,
            "changes": changes,
        }
        said |= {"stages": list(self.stages)} if self.stages else {}
        return said | ({"allows": list(self.allows)} if self.allows else {})

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Plan":
        changes = tuple(Change.from_json(change) for change in value["changes"])
        return cls(
            changes,
            value.get("front_door", ""),
            value.get("environment", ""),
            tuple(value.get("stages", ())),
            tuple(value.get("allows", ())),
        )


class CheckState(StrEnum):
    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNCERTAIN = "uncertain"


BY_HAND = "set at your provider: "  # in remedies that only somebody elsewhere can carry out


@dataclass(frozen=True)
class CheckResult:
    """One line of a verification: what was checked on what, how it ended, why, and the remedy."""

    state: CheckState
    check: str  # "CAA allows pki.goog"
    subject: str  # "example.com"
    reason: str = ""
    remedy: str = ""
    step: Step | None = None
    data: Body = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "state": self.state.value,
            "check": self.check,
            "subject": self.subject,
            "reason": self.reason,
            "remedy": self.remedy,
            "step": self.step.value if self.step else None,
            "data": to_json(self.data),
        }
