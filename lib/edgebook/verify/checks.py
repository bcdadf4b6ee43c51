"""Which checks belong to which step, and running them: one list, walked by steps, book and runner.

A check that cannot be made (no answer, no permission) is uncertain with the error's words; it does
not keep the others from being made.
"""

from collections.abc import Callable, Iterable, Iterator

from edgebook.base.errors import EdgebookError
from edgebook.base.text import counted
from edgebook.model.kinds import kind_of, named
from edgebook.model.marks import owner
from edgebook.model.values import Action, Change, CheckResult, Resource, ResourceKey, Step
from edgebook.verify import (
    backend_checks,
    certificate_checks,
    dns_checks,
    following,
    led_away,
    neg_owners,
    set_by_hand,
    traffic_checks,
)
from edgebook.verify.facts import FAILED, OK, SKIPPED, UNCERTAIN, Facts, result

# Kinds that are a part of something that exists before us.
AMIDST = ("serviceAnnotation", "backends")

Check = Callable[[Facts], Iterable[CheckResult]]

CHECKS: tuple[tuple[Step, Check], ...] = (
    (Step.ADDRESS_AND_DNS, dns_checks.zone),
    (Step.ADDRESS_AND_DNS, dns_checks.records),
    (Step.ADDRESS_AND_DNS, dns_checks.beside),
    (Step.ADDRESS_AND_DNS, dns_checks.lost),
    (Step.ADDRESS_AND_DNS, dns_checks.led_off),
    (Step.CERTIFICATE, dns_checks.cnames),
    (Step.CERTIFICATE, dns_checks.caa),
    (Step.CERTIFICATE, certificate_checks.certificates),
    (Step.CERTIFICATE_MAP, certificate_checks.covers),
    (Step.CERTIFICATE_MAP, certificate_checks.attached),
    (Step.FIREWALL, backend_checks.firewall),
    (Step.BACKENDS, backend_checks.zones),
    (Step.BACKENDS, backend_checks.nodes),
    (Step.BACKENDS, backend_checks.health),
    (Step.BACKENDS, following.following),
    (Step.BACKENDS, neg_owners.owners),
    (Step.FRONTENDS, led_away.led_away),
    (Step.FRONTENDS, set_by_hand.left),
    (Step.FRONTENDS, set_by_hand.refusing),
)


def run(facts: Facts, steps: Iterable[Step] = tuple(Step)) -> list[CheckResult]:
    """All checks of these steps, then whether anything is left to change in them."""
    wanted = set(steps)
    found: list[CheckResult] = []
    for step, check in CHECKS:
        if step in wanted:
            found += [item for item in _made(facts, step, check) if item.step in wanted]

    # What clients see speaks for the certificate map and the backends too.
    def what_clients_see(now: Facts) -> Iterable[CheckResult]:
        return traffic_checks.frontends(now, wanted)

    seen = _made(facts, Step.FRONTENDS, what_clients_see)
    found += [item for item in seen if item.step in wanted]
    return found + list(drift(facts, wanted))


def _made(facts: Facts, step: Step, check: Check) -> list[CheckResult]:
    try:
        return list(check(facts))
    except EdgebookError as error:
        name = check.__name__.replace("_", " ")
        return [result(UNCERTAIN, name, step.value, error.what, error.next or error.why, step=step)]


def drift(facts: Facts, steps: Iterable[Step]) -> Iterator[CheckResult]:
    """Nothing is left to change in a step that was applied."""
    check = "nothing left to change"
    for step in sorted(set(steps), key=lambda item: item.number):
        changes = [change for change in facts.plan.to_do if change.step is step]
        wanted = [resource for resource in facts.desired.resources if resource.step is step]
        known = {change.key for change in facts.plan.reports}  # records of others, for instance
        touched = {change.key for change in changes}
        there = [
            r
            for r in wanted
            if r.key in facts.live
            and r.key not in known
            and (r.kind not in AMIDST or _made_by_us(facts, r, touched))
        ]
        strange = [change for change in _others_in_place(facts) if change.step is step]
        creates = all(change.action is Action.CREATE for change in changes)
        if not changes and not wanted:
            yield result(SKIPPED, check, step.value, "the params want nothing of it", step=step)
        elif strange and (there or not changes):
            told = "; ".join(f"{named(change.key)} {change.sentence}" for change in strange)
            remedy = "edgebook plan says the same: nothing of it is changed until that is cleared"
            yield result(FAILED, check, step.value, told, remedy, step=step)
        elif not changes and (unknown := _unknown(facts, wanted)):
            yield result(UNCERTAIN, check, step.value, "; ".join(unknown), step=step)
        elif not changes:
            yield result(OK, check, step.value, f"{len(wanted)} resources as wanted", step=step)
        elif (creates and not there) or _untouched(facts, step):
            reason = f"not applied yet: {counted(len(changes), 'change')} to make"
            yield result(SKIPPED, check, step.value, reason, step=step)
        else:
            listed = ", ".join(map(_told, changes[:3]))
            more = f" and {len(changes) - 3} more" if len(changes) > 3 else ""
            remedy = f"edgebook plan, then run {step.number} {step.heading} again"
            if moves := sorted({change.moves for change in changes if change.moves}):
                remedy = f"edgebook plan {moves[0]}: it would move traffic, which that is for"
            yield result(FAILED, check, step.value, f"{listed}{more}", remedy, step=step)


def in_the_way(facts: Facts) -> Iterator[CheckResult]:
    """What has the name of ours and another owner, where the rest of the front door stands."""
    ours = any(r.key in facts.live for r in facts.desired.resources if r.kind == "backendService")
    for change in _others_in_place(facts) if ours else ():
        yield result(FAILED, "nothing in the way", named(change.key), change.sentence,
                         step=change.step)  # fmt: skip


def _others_in_place(facts: Facts) -> list[Change]:
    """Reports of what has the name of ours and is not ours."""
    return [
        change
        for change in facts.plan.reports
        if change.blocks
        and change.key in facts.live
        and kind_of(change.key).marker
        and owner(facts.live[change.key].body) != facts.desired.front_door
    ]


def _made_by_us(facts: Facts, resource: Resource, touched: set[ResourceKey]) -> bool:
    """Whether an annotation or a list of backends, parts of what was there, is as a run left it."""
    if facts.live[resource.key].body.get("backends"):
        return True
    exposed = resource.kind == "serviceAnnotation" and resource.key not in touched
    return exposed and bool(facts.live[resource.key].body)


def _told(change: Change) -> str:
    """A change that is left; of what is there and differs, in which way."""
    differs = f" ({change.sentence})" if change.action is Action.UPDATE else ""
    return f"{change.action.value} {named(change.key)}{differs}"


def _unknown(facts: Facts, wanted: Iterable[Resource]) -> list[str]:
    """Why nothing is planned for what is not there: a cluster that could not be read, say."""
    missing = {resource.key for resource in wanted} - set(facts.live)
    return sorted({c.sentence for c in facts.plan.reports if c.key in missing})


def _untouched(facts: Facts, step: Step) -> bool:
    """Nothing of the step was made: all that it would create is still to be created."""
    wanted = {r.key for r in facts.desired.resources if r.step is step}
    planned = {change.key for change in facts.plan.to_do if change.step is step}
    return wanted <= planned
