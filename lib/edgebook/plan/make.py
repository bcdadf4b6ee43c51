"""Plans: made from params, observation and live resources, and limited. Pure.

`make` is the whole way from a Spec to changes in the order of the steps. `refusal` says which limit
of the params a plan breaks. What an approval covers is `approval`'s.
"""

import shlex
from collections.abc import Iterable
from dataclasses import replace

from edgebook.base import paste
from edgebook.base.errors import EdgebookError, OwnershipError, SafetyError
from edgebook.desired import Desired, desired
from edgebook.desired.certificate import content
from edgebook.model.kinds import named, noun
from edgebook.model.observed import Observed
from edgebook.model.paths import certificate_scope
from edgebook.model.values import Action, Change, Live, Plan
from edgebook.params.types import SafetySpec, Spec
from edgebook.plan import lines
from edgebook.plan.allowances import allowances
from edgebook.plan.diff import diff
from edgebook.plan.live_index import index_of
from edgebook.plan.order import by_steps

# Replacing a record is one atomic change: no name is ever without an answer.
ATOMIC = frozenset({"dnsRecordSet"})
# Deletes that always count against the limit, and those that never do: a successor is there.
MEANT = frozenset({"address", "backendService", "certificateMapEntry", "forwardingRule"})
FOLLOWING = frozenset({"certificate", "healthCheck", "proof", "proofCheck"})


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
    return Plan(
        tuple(by_steps(diff(target, live, observed), live)),
        target.front_door,
        spec.environment.value,
        allows=allowances(spec.safety.traffic),
    )


def refusal(
    plan: Plan, safety: SafetySpec, file: str = "the params", *, made: lines.Words
) -> EdgebookError | None:
    """The reason why this plan may not be applied at all, whoever approves it.

    `made`: the words of the command that shows this plan.
    """
    teardown, again = made[0] == lines.TEARDOWN, f"plan again: `{lines.line(made)}`"
    if blockers := plan.blockers:
        names = "\n".join(f"{named(change.key)}: {change.sentence}" for change in blockers)
        count = len(blockers)
        return OwnershipError(
            f"Plan refused: {count} thing{'s stand' if count != 1 else ' stands'} in the way",
            where=file,
            why=names,
            next=f"each says its way out; then {again}",
        )
    if not teardown and (movers := plan.movers):
        return _moves(movers, file)
    deletes = [change for change in plan.to_do if change.action is Action.DELETE]
    if not teardown:
        deletes = rooted(deletes)
    name = "teardown" if teardown else "max_deletes"
    limit = safety.teardown if teardown else safety.max_deletes
    if len(deletes) > limit:
        names = ", ".join(f"{noun(change.key)} {change.key.name}" for change in deletes)
        return SafetyError(
            f"Plan refused: {len(deletes)} of {len(plan.to_do)} changes delete something, "
            f"limit {limit}",
            where=f"{file}: safety.{name}",
            why=names,
            next=f"if that is intended, set the limit for this change and {again}",
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
            next=f"if that is intended, allow it for this change and {again}",
        )
    return None


def rooted(deletes: Iterable[Change]) -> list[Change]:
    """The deletes that somebody meant: without what only hangs on another one of them.

    A hostname takes its authorization, the record of that, and its old certificate along; a
    frontend its proxy; a backend its health check.
    """
    deletes = list(deletes)
    going = {change.key for change in deletes}
    return [
        change
        for change in deletes
        if change.key.kind in MEANT
        or (change.key.kind not in FOLLOWING and not set(change.depends) & going)
    ]


def _moves(movers: Iterable[Change], file: str) -> EdgebookError:
    movers = list(movers)
    near = shlex.quote(paste.path(file))
    ways = sorted({f"edgebook plan {change.moves} --params {near}" for change in movers})
    count = len(movers)
    return SafetyError(
        f"Plan refused: {count} change{'s' if count != 1 else ''} would move live traffic",
        where=file,
        why="\n".join(f"{noun(c.key)} {c.key.name}: {c.sentence}" for c in movers),
        next="\n".join(ways),
    )
