"""The ladder of a cut-over: the TTL is lowered and waited out, then names move to the front door.

At once, or as weighted records in steps. What a name answered before is its origin: it stands in
the live record, and once that has changed, in Cloud DNS's own list of changes. Pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from edgebook.desired import Desired
from edgebook.desired.address import RECORD_TYPES
from edgebook.model.hostnames import covered
from edgebook.model.paths import compute_scope, record_of, zone_scope
from edgebook.model.record_sets import answers
from edgebook.model.values import Body, Live, Ownership, Resource, ResourceKey, Step
from edgebook.moves.stages import START, Gate, Ladder, Stage
from edgebook.moves.wish import step_name
from edgebook.params.names import Names
from edgebook.params.types import Spec
from edgebook.plan import sentences
from edgebook.plan.dns_answers import Answers, let_go
from edgebook.plan.live_index import index_of

LOWER = "lower TTL"
LOW_TTL = 60  # seconds
TAIL = 60  # resolvers that are a little late


@dataclass(frozen=True)
class CutOver:
    """What is asked for; `names` empty: all hostnames that are served elsewhere now."""

    names: tuple[str, ...] = ()
    steps: tuple[float, ...] = (5.0, 25.0, 50.0, 100.0)
    soak_s: int = 600
    ttl_s: int = LOW_TTL


@dataclass(frozen=True)
class Origin:
    """A name's record as it was before: where it pointed, and for how long that is remembered."""

    key: ResourceKey
    ttl: int
    rrdatas: tuple[str, ...]


def addresses(spec: Spec, live: Live) -> dict[str, str]:
    """Record type -> our address."""
    scope, names = compute_scope(spec.project), Names(spec)
    found = {}
    for version in spec.address.ip_versions:
        item = live.get(ResourceKey("address", scope, names.address(version)))
        if item and item.body.get("address"):
            found[RECORD_TYPES[version]] = str(item.body["address"])
    return found


def origins(
    spec: Spec, live: Live, changes: Iterable[Body], asked: CutOver
) -> dict[ResourceKey, Origin]:
    """What each name of the move pointed at before; names that never pointed elsewhere are not in.

    `changes` is the zone's history as Cloud DNS lists it, newest first.
    """
    if spec.dns is None:
        return {}
    history = list(changes)
    ours = addresses(spec, live)
    scope = zone_scope(spec.dns.project or spec.project, spec.dns.zone)
    found = {}
    for hostname in asked.names or _names(spec, live, scope):
        for kind, address in sorted(ours.items()):
            key = ResourceKey("dnsRecordSet", scope, f"{hostname}./{kind}")
            item = live.get(key)
            if item is not None and (one := _origin(key, item.body, history, address, asked)):
                found[key] = one
    return found


def _names(spec: Spec, live: Live, scope: str) -> list[str]:
    """The hostnames, and the names with records of their own that a wildcard of them covers."""
    here = [
        str(item.body.get("name", "")).rstrip(".")
        for key, item in live.items()
        if key.kind == "dnsRecordSet" and key.scope == scope
        and item.body.get("type") in ("A", "AAAA")
    ]  # fmt: skip
    return sorted({*spec.hostnames, *covered(here, spec.hostnames)})


def _origin(
    key: ResourceKey, body: Body, history: list[Body], address: str, asked: CutOver
) -> Origin | None:
    name, kind = record_of(key.name)
    if _of_others(body, address):
        return None
    past = [
        record
        for change in history
        for record in change.get("deletions") or ()
        if record.get("name") == name and record.get("type") == kind
    ]
    for record in (body, *past):
        data = tuple(str(item) for item in record.get("rrdatas") or ())
        if data and address not in data and int(record.get("ttl", 0)) != asked.ttl_s:
            return Origin(key, int(record["ttl"]), data)
    for record in (body, *past):
        data = tuple(str(item) for item in record.get("rrdatas") or ())
        if data and address not in data:
            return Origin(key, int(record["ttl"]), data)
    return None


def _of_others(body: Body, address: str) -> bool:
    """Whether a record answers by a policy that no stage of a cut-over made."""
    policy = body.get("routingPolicy")
    return bool(policy) and address not in answers(policy)


def unmovable(spec: Spec, live: Live, asked: CutOver) -> dict[str, str]:
    """Names that are served elsewhere by what no weight can be put on, and what to do first."""
    if spec.dns is None:
        return {}
    scope = zone_scope(spec.dns.project or spec.project, spec.dns.zone)
    ours, found = addresses(spec, live), {}
    for name in asked.names or _names(spec, live, scope):
        alias = live.get(ResourceKey("dnsRecordSet", scope, f"{name}./CNAME"))
        if alias is not None:
            found[name] = f"{name} is a {sentences.record(alias.body)}"
        for kind, address in sorted(ours.items()):
            item = live.get(ResourceKey("dnsRecordSet", scope, f"{name}./{kind}"))
            if item is not None and _of_others(item.body, address):
                found[name] = f"{name} is {sentences.record(item.body)}"
    first = "replace it by a plain address record first, with the answers of now"
    return {name: f"{text}: {first}" for name, text in sorted(found.items())}


def ladder(
    spec: Spec, base: Desired, live: Live, changes: Iterable[Body], asked: CutOver
) -> Ladder:
    """`base` is what the params want besides: nothing of it is touched."""
    ours, found = addresses(spec, live), origins(spec, live, changes, asked)
    names = sorted({key.name.rpartition("./")[0] for key in found})
    old = sorted({data for origin in found.values() for data in origin.rrdatas})
    title = f"cut over {', '.join(names)} from {', '.join(old)} to {', '.join(ours.values())}"
    maker = _Maker(base, found, ours, asked)
    left = tuple(f"not moved by itself: {text}" for text in unmovable(spec, live, asked).values())
    none = "none can be moved as it is" if left else "no hostname points elsewhere"
    return Ladder(
        "cut-over",
        title if found else f"nothing to cut over: {none}",
        maker.stages() if found else (maker.start(),),
        (
            *left,
            "weights are per answer of a name server, not per user: one big resolver is all or "
            "nothing for a TTL; judge by the load balancer's own requests",
            "most clients follow within two TTLs, a tail of hours or days keeps the old address: "
            "both sides serve until it is quiet (90_retire proves that)",
        ),
        front_door=Names(spec).front_door,
        environment=spec.environment.value,
        to=("new",),
    )


class _Maker:
    """Makes the stages."""

    def __init__(
        self,
        base: Desired,
        found: Mapping[ResourceKey, Origin],
        ours: Mapping[str, str],
        asked: CutOver,
    ) -> None:
        self._base, self._found, self._ours, self._asked = base, found, ours, asked

    def start(self) -> Stage:
        bodies = {key: _plain(o.ttl, o.rrdatas) for key, o in self._found.items()}
        gate = Gate(spread_s=2 * self._asked.ttl_s + TAIL if self._found else 0)
        return Stage(START, "as it was", self._with(bodies, "as it was"), gate=gate)

    def stages(self) -> tuple[Stage, ...]:
        ttl = self._asked.ttl_s
        made = [self.start()]
        if any(origin.ttl > ttl for origin in self._found.values()):
            bodies = {key: _plain(min(ttl, o.ttl), o.rrdatas) for key, o in self._found.items()}
            text = f"TTL {ttl} s, same data; the old TTL is waited out before names move"
            made.append(
                Stage(LOWER, text, self._with(bodies, text), {"new": 0.0, "old": 100.0},
                      gate=Gate(judged=True), back=START)
            )  # fmt: skip
        oldest = max(origin.ttl for origin in self._found.values())
        for number, share in enumerate(self._asked.steps):
            made.append(self._step(share, Gate(drain_s=oldest) if number == 0 else Gate()))
        back = made[1].name if made[1].name == LOWER else START
        return (*made[:2], *(replace(stage, back=back) for stage in made[2:]))

    def _step(self, share: float, before: Gate) -> Stage:
        bodies: dict[ResourceKey, dict[str, Any]] = {}
        for key, origin in self._found.items():
            ttl = min(self._asked.ttl_s, origin.ttl)  # a shorter one stays as it is
            ours = self._ours[record_of(key.name)[1]]
            bodies[key] = (
                _plain(ttl, (ours,)) if share == 100 else _split(ttl, share, ours, origin.rrdatas)
            )
        text = "all answers" if share == 100 else f"{share:g} % of the answers"
        what = f"{text} lead to {', '.join(self._ours.values())}"
        spread = 2 * self._asked.ttl_s + TAIL
        return Stage(
            step_name(share),
            what,
            self._with(bodies, what),
            share={"new": share, "old": 100 - share},
            before=before,
            gate=Gate(spread_s=spread, judged=True),
            soak_s=self._asked.soak_s,
            back=START,
        )

    def _with(self, bodies: Mapping[ResourceKey, Mapping[str, Any]], what: str) -> Desired:
        """Everything as the params want it, and these records."""
        others = tuple(r for r in self._base.resources if r.key not in bodies)
        records = tuple(
            Resource(
                key.kind,
                key.name,
                key.scope,
                dict(zip(("name", "type"), record_of(key.name), strict=True)) | dict(body),
                Step.ADDRESS_AND_DNS,
                ownership=Ownership.ADOPTED,
                what=what,
            )
            for key, body in sorted(bodies.items())
        )
        return replace(self._base, resources=(*others, *records))


def _plain(ttl: int, rrdatas: Iterable[str]) -> dict[str, Any]:
    return {"ttl": ttl, "rrdatas": sorted(rrdatas), "routingPolicy": None}


def _split(ttl: int, share: float, ours: str, old: Iterable[str]) -> dict[str, Any]:
    items = [
        {"weight": float(100 - share), "rrdatas": sorted(old)},
        {"weight": float(share), "rrdatas": [ours]},
    ]
    return {"ttl": ttl, "rrdatas": None, "routingPolicy": {"wrr": {"items": items}}}


# What is in the way, seen in the zone


def obstacles(spec: Spec, live: Live, found: Mapping[ResourceKey, Origin]) -> list[str]:
    """Records beside those that move by which clients would still go the old way, or back to it."""
    problems: list[str] = []
    ours = addresses(spec, live)
    index = index_of(live)
    for key in sorted(found):
        name, _ = record_of(key.name)
        owner = Answers(index, key.scope).owner(name)
        if owner and f"dnsRecordSet/{key.name}" not in spec.adopt:
            problems.append(f"{owner} owns {name}: it would put the old record back; {let_go(key)}")
        for other, item in sorted(live.items()):
            if other.kind != "dnsRecordSet" or other.scope != key.scope:
                continue
            problems += _beside(name, other.name, item.body, ours)
    return list(dict.fromkeys(problems))


def _beside(name: str, other: str, body: Body, ours: Mapping[str, str]) -> Iterable[str]:
    its, kind = record_of(other)
    data = [str(item) for item in body.get("rrdatas") or ()]
    if its == name and kind in ("A", "AAAA") and kind not in ours:
        yield f"{name} has an {kind} record to {', '.join(data)}: clients would go on using it"
    if its == name and kind in ("HTTPS", "SVCB"):
        yield f"{name} has an {kind} record ({', '.join(data)}): its hints may lead the old way"
