"""Plans: made from params, observation and live resources; limited, compared, approved. Pure.

`make` is the whole way from a Spec to sorted changes. `refusal` says which limit of the params a
plan breaks, `check_approval` whether it is the approved one, `differences` what sets two plans
apart, `covers` whether the rest of an interrupted run is still what was approved.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

from edgebook.desired import Desired, desired
from edgebook.desired.certificate import content
from edgebook.errors import ApprovalError, EdgebookError, OwnershipError, SafetyError
from edgebook.model.kinds import certificate_scope, noun
from edgebook.model.observed import Observed
from edgebook.model.values import Action, Change, Live, Plan, ResourceKey, to_json
from edgebook.params.types import SafetySpec, Spec
from edgebook.plan.diff import diff
from edgebook.plan.live_index import index_of

SHORTEST_APPROVAL = 8  # hex digits
# Replacing a record is one atomic change: no name is ever without an answer.
ATOMIC = frozenset({"dnsRecordSet"})
SEVERITY = {
    Action.REPORT: 0,
    Action.UPDATE: 1,
    Action.CREATE: 2,
    Action.REPLACE: 3,
    Action.DELETE: 4,
}


def wanted(spec: Spec, observed: Observed, live: Live) -> Desired:
    """The desired resources; which certificate carries our hostnames is seen in `live`."""
    certificates = {
        resource.key.name: content(resource.body.get("managed") or {})
        for resource in index_of(live).certificates
        if resource.key.scope == certificate_scope(spec.project)
    }
    return desired(spec, replace(observed, certificates=certificates))


def make(spec: Spec, observed: Observed, live: Live, *, target: Desired | None = None) -> Plan:
    """The plan of all steps; `plan.only(step)` is the part of one. `target`: what `wanted` said."""
    target = target or wanted(spec, observed, live)
    return Plan(tuple(diff(target, live, observed)), target.front_door, spec.environment.value)


def refusal(plan: Plan, safety: SafetySpec, file: str = "the params") -> EdgebookError | None:
    """The reason why this plan may not be applied at all, whoever approves it."""
    if blockers := plan.blockers:
        names = "\n".join(f"{change.key}: {change.sentence}" for change in blockers)
        count = len(blockers)
        return OwnershipError(
            f"Plan refused: {count} thing{'s stand' if count != 1 else ' stands'} in the way",
            where=file,
            why=names,
            next="clear them, or say in the params that they are handed over, and plan again",
        )
    deletes = [change for change in plan.to_do if change.action is Action.DELETE]
    if len(deletes) > safety.max_deletes:
        names = ", ".join(f"{noun(change.key)} {change.key.name}" for change in deletes)
        return SafetyError(
            f"Plan refused: {len(deletes)} of {len(plan.to_do)} changes delete something, "
            f"limit {safety.max_deletes}",
            where=f"{file}: safety.max_deletes",
            why=names,
            next="if that is intended, set the limit for this change and plan again",
        )
    replaces = [
        change
        for change in plan.to_do
        if change.action is Action.REPLACE and change.key.kind not in ATOMIC
    ]
    if replaces and not safety.allow_replace:
        names = "\n".join(f"{noun(c.key)} {c.key.name}: {c.sentence}" for c in replaces)
        return SafetyError(
            f"Plan refused: {len(replaces)} of {len(plan.to_do)} changes replace something",
            where=f"{file}: safety.allow_replace",
            why=names,
            next="if that is intended, allow it for this change and plan again",
        )
    return None


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
        elif to_json(one.after) != to_json(other.after):
            paths = ", ".join(_changed(one, other))
            yield Difference(key, f"other values than approved: {paths}")
        else:
            yield Difference(key, f"somebody changed it meanwhile: {other.sentence}")


def _changed(one: Change, other: Change) -> list[str]:
    first, second = to_json(one.after), to_json(other.after)
    return sorted(k for k in {*first, *second} if first.get(k) != second.get(k))


def covers(approved: Plan, now: Plan) -> tuple[Difference, ...]:
    """What the plan of now does beyond the approved one; empty when it is the rest of it.

    After an interruption a resource may be half done, so that its create became an update: what
    counts is that the goal is the approved one and the action no harsher.
    """
    old = {change.key: change for change in approved.to_do}
    beyond = []
    for change in now.to_do:
        before = old.get(change.key)
        if before is None:
            beyond.append(Difference(change.key, f"{change.action}: {change.sentence}"))
        elif _goal(before) != _goal(change):
            beyond.append(Difference(change.key, "other values than approved"))
        elif SEVERITY[change.action] > SEVERITY[before.action]:
            text = f"approved was {before.action}, now {change.action}"
            beyond.append(Difference(change.key, text))
    return tuple(sorted(beyond))


def _goal(change: Change) -> str:
    return json.dumps(to_json(change.after), sort_keys=True)


def check_approval(plan: Plan, approve: str, approved: Plan | None = None) -> None:
    """Raise ApprovalError unless `approve` is this plan's hash, or at least its first 8 digits."""
    text = approve.strip().lower()
    if len(text) >= SHORTEST_APPROVAL and plan.hash.startswith(text):
        return
    if not text:
        raise ApprovalError(
            f"Plan {plan.short_hash} is not approved",
            why=f"{len(plan.to_do)} changes would be made",
            next=f'read the plan, then give approve = "{plan.short_hash}"',
        )
    why = f"approved was {text[:12]}, the plan of now is {plan.short_hash}"
    if approved is not None:
        why = "\n".join([why, *(str(item) for item in differences(approved, plan))])
    raise ApprovalError(
        "Plan refused: it is not the approved one",
        why=why,
        next="plan again, read what is different, and approve the new hash",
    )
