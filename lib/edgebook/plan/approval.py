"""The one decider: whether what would be done is what was approved, and if not, what differs.

An approval covers the plan it was given for and what remains of it, nothing that came since: a
change that was made already and has come undone needs a new approval, and so does one that the
approved plan did not have. A plan is approved by its hash, by its JSON, or by signed statements
(`approvers`). `auto` is for the simulator only. Decision record 0055 has the table of histories.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from edgebook.base.errors import ApprovalError
from edgebook.base.text import counted
from edgebook.model.kinds import named, noun
from edgebook.model.people import Person
from edgebook.model.values import Action, Change, Plan, ResourceKey, to_json
from edgebook.plan import lines
from edgebook.plan.approvers import SIGNED, Rules, how_signed, require
from edgebook.plan.given import AUTO, Given

SHOWN = 12
SEVERITY = {
    Action.REPORT: 0,
    Action.UPDATE: 1,
    Action.CREATE: 2,
    Action.REPLACE: 3,
    Action.DELETE: 4,
}


@dataclass(frozen=True)
class Approval:
    """Which plan was approved, by whom and how: goes into the record."""

    hash: str
    by: str
    how: str
    approvers: tuple[Person, ...] = ()

    def to_json(self) -> dict[str, Any]:
        people = [person.to_json() for person in self.approvers]
        return {"hash": self.hash, "by": self.by, "how": self.how, "approvers": people}


@dataclass(frozen=True)
class Asked:
    """What is to be carried out under one hash, when it is more than a plan: a ladder of plans."""

    hash: str
    size: int
    environment: str
    front_door: str
    what: str = "ladder"
    plan: Plan | None = None  # all its changes, to say what differs


@dataclass(frozen=True)
class Circumstances:
    """Who asks, when, which approvals the params want, what was made under this one already.

    `made` are the words of the command that shows what is asked for; `how` is what gives approvals.
    """

    by: Person
    now: datetime
    rules: Rules = field(default_factory=Rules)
    spent: Collection[str] = ()
    how: str = "--approve"
    made: lines.Words = ("plan", "--params", "FILE")


def refuse_auto(given: Given, environment: str, way_on: str = "") -> None:
    """Raises ApprovalError for `auto` where something real would be changed."""
    if given.hash == AUTO and environment != "simulator":
        why = f"environment is {environment}; auto is for the simulator"
        raise ApprovalError("Not approved", where="--approve auto", why=why, next=way_on)


def decide(given: Given, asked: Plan | Asked, about: Circumstances) -> Approval:
    """Raises ApprovalError unless `given` approves what is asked, or what it is the rest of."""
    plan = asked if isinstance(asked, Plan) else None
    size = len(asked.to_do) if isinstance(asked, Plan) else asked.size
    refuse_auto(given, asked.environment, way_to_approve(about, asked.hash))
    if size == 0:
        return Approval(asked.hash, about.by.name, "nothing to change")
    if given.hash == AUTO:
        return Approval(asked.hash, about.by.name, "automatic: rehearsal", (about.by,))
    if not given.hash:
        what = "Plan" if plan else asked.what.capitalize()  # type: ignore[union-attr]
        raise ApprovalError(
            f"{what} {asked.hash[:8]} is not approved",
            why=f"{counted(size, 'change')} would be made",
            next=way_to_approve(about, asked.hash),
        )
    exact = asked.hash.startswith(given.hash)
    approved = plan if exact else given.plan
    if not exact and plan is None:
        raise _refused(given, asked, _unlike(given, asked), about)
    if plan is not None:
        _refuse_beyond(given, approved, plan, about)
    hash_ = asked.hash if exact else given.hash
    people = require(given.signed, about.by, about.rules, hash_, asked, about.now, made=about.made)
    how = about.how if exact else "the rest of the approved plan"
    return Approval(hash_, ", ".join(person.name for person in people), how, people)


def way_to_approve(about: Circumstances, hash_: str = "HASH") -> str:
    """How what is asked for gets approved: the command that shows it, and what to give then."""
    if signing := how_signed(about.rules, *about.made):
        line = lines.line((*lines.carrying_out(about.made), "--approve", SIGNED))
        return f"{signing}; then `{line}`"
    return lines.read(about.made, about.how, hash_[:8])


def base_hash(given: Given, asked: Plan | Asked) -> str:
    """The whole hash of the plan that was approved, as far as it is known."""
    if len(given.hash) >= 8 and asked.hash.startswith(given.hash):
        return asked.hash
    return given.plan.hash if given.plan else ""


def decide_rest(
    approved: Plan, rest: Plan, done: Collection[str], before: Approval, way_on: str = ""
) -> Approval:
    """Approve what remains of an earlier run's plan; `done` are the ids of what it has made."""
    if beyond := covers(approved, rest, done):
        raise ApprovalError(
            "More than what was approved before",
            why="\n".join(f"also: {difference}" for difference in beyond[:SHOWN]),
            next=way_on,
        )
    return Approval(approved.hash, before.by, before.how, before.approvers)


@dataclass(frozen=True, order=True)
class Difference:
    """What one plan would do to a resource and the other would not, or would do otherwise."""

    key: ResourceKey
    text: str

    def __str__(self) -> str:
        return f"{noun(self.key)} {self.key.name}: {self.text}"


def differences(approved: Plan, now: Plan) -> tuple[Difference, ...]:
    """What sets the plan of now apart from the approved one, sorted."""
    return tuple(sorted(_differences(approved, now)))


def covers(approved: Plan, now: Plan, spent: Collection[str] = ()) -> tuple[Difference, ...]:
    """What the plan of now does beyond what remains of the approved one; empty when nothing.

    After an interruption a resource may be half done, so that its create became an update: what
    counts is that the goal is the approved one and the action no harsher. What is in `spent` was
    made already: that it is to do again came since.
    """
    old = {change.key: change for change in approved.to_do}
    beyond = []
    for change in now.to_do:
        before = old.get(change.key)
        if before is None:
            beyond.append(Difference(change.key, f"{change.action}: {change.sentence}"))
        elif change.key.id in spent:
            text = f"was made under this approval and came undone since: {change.action} again"
            beyond.append(Difference(change.key, text))
        elif _goal(before) != _goal(change):
            text = f"other values than approved: {', '.join(_changed(before, change))}"
            beyond.append(Difference(change.key, text))
        elif SEVERITY[change.action] > SEVERITY[before.action]:
            text = f"approved was {before.action}, now {change.action}"
            beyond.append(Difference(change.key, text))
        elif change.action is before.action and (drift := _drift(before, change)):
            text = f"somebody changed it meanwhile: {', '.join(drift)}"
            beyond.append(Difference(change.key, text))
    for name in ("environment", "front_door"):
        if now.to_do and getattr(approved, name) != getattr(now, name):
            text = f"{name} was {getattr(approved, name)}, is {getattr(now, name)}"
            beyond.append(Difference(now.to_do[0].key, text))
    if now.to_do and (more := sorted(set(now.allows) - set(approved.allows))):
        text = f"safety.traffic allows more than approved: {'; '.join(more)}"
        beyond.append(Difference(now.to_do[0].key, text))
    return tuple(sorted(beyond))


def _refuse_beyond(given: Given, approved: Plan | None, plan: Plan, about: Circumstances) -> None:
    if approved is None:
        text = "the approved plan is not kept here, so all that would be done is:"
        raise _refused(given, plan, [text, *_lines("would do", plan.to_do)], about)
    if beyond := covers(approved, plan, about.spent):
        more = [f"and {len(beyond) - SHOWN} more"] if len(beyond) > SHOWN else []
        raise _refused(given, plan, [*map(str, beyond[:SHOWN]), *more], about)


def _unlike(given: Given, asked: Plan | Asked) -> list[str]:
    """Why a ladder is not the approved one: what differs, as far as that one is kept here."""
    said = ["only its very hash approves it"]
    now = asked.plan if isinstance(asked, Asked) else asked
    if given.plan is None or now is None:
        return said
    found = [str(difference) for difference in differences(given.plan, now)]
    more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    same = ["the changes are the same; its stages, gates, waits or limits are not"]
    return [*said, *(found[:SHOWN] or same), *more]


def _refused(
    given: Given, asked: Plan | Asked, why: Sequence[str], about: Circumstances
) -> ApprovalError:
    first = f"approved was {given.hash[:12]}, what would be done now is {asked.hash[:8]}"
    if asked.hash.startswith(given.hash):
        first = f"{given.hash[:12]} was approved, and part of it was made under that approval"
    return ApprovalError(
        "Plan refused: it is not the approved one",
        why="\n".join([first, *why]),
        next=way_to_approve(about, asked.hash),
    )


def _differences(approved: Plan, now: Plan) -> Iterator[Difference]:
    old = {change.key: change for change in approved.to_do}
    new = {change.key: change for change in now.to_do}
    for key in old.keys() - new.keys():
        yield Difference(key, f"approved was {old[key].action}, now there is nothing to do")
    for key in new.keys() - old.keys():
        yield Difference(key, f"now {new[key].action}: {new[key].sentence}; was not approved")
    for key in old.keys() & new.keys():
        one, other = old[key], new[key]
        if one.digest == other.digest:
            continue
        if one.action is not other.action:
            yield Difference(key, f"approved was {one.action}, now {other.action}")
        elif _goal(one) != _goal(other):
            paths = ", ".join(_changed(one, other))
            yield Difference(key, f"other values than approved: {paths}")
        else:
            yield Difference(key, f"somebody changed it meanwhile: {other.sentence}")


def _changed(one: Change, other: Change) -> list[str]:
    """The fields in whose wanted values two changes differ."""
    first, second = to_json(one.after), to_json(other.after)
    return sorted(k for k in {*first, *second} if first.get(k) != second.get(k))


def _drift(before: Change, now: Change) -> list[str]:
    """Fields that differ now from what they were at approval, or did not differ then."""
    if now.key.kind == "backends":
        return []  # a merge of our own entries: those of others are never touched
    grown = set(now.fields) - set(before.fields)
    moved = {
        name
        for name in now.fields
        if name in before.before and to_json(now.before.get(name)) != to_json(before.before[name])
    }
    return sorted(grown | moved)


def _goal(change: Change) -> str:
    return json.dumps(to_json(change.after), sort_keys=True)


def _lines(label: str, changes: Sequence[Change]) -> list[str]:
    lines = [
        f"{label}: {change.action.value} {named(change.key)}"
        + (f" ({', '.join(change.fields)})" if change.fields else "")
        for change in changes[:SHOWN]
    ]
    more = len(changes) - SHOWN
    return [*lines, f"{label}: {more} more"] if more > 0 else lines
