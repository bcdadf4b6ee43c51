"""The ladder from the classic scheme EXTERNAL to EXTERNAL_MANAGED, in place and back. Pure.

Google's own states, in Google's order: every backend service is prepared, tested by percentage and
with all traffic, and changes its scheme; then the forwarding rules do. Nothing is created, so the
IP, the certificates and the URL maps stay. For 90 days the same goes backwards.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from edgebook.desired import Desired
from edgebook.model.values import Ownership, Resource, ResourceKey, Step
from edgebook.moves import wish as wishes
from edgebook.moves.stages import START, Gate, Ladder, Stage
from edgebook.params.types import Spec

CLASSIC, MANAGED = "EXTERNAL", "EXTERNAL_MANAGED"
SCHEME, STATE = "loadBalancingScheme", "externalManagedMigrationState"
PERCENTAGE = "externalManagedMigrationTestingPercentage"
PREPARE, TEST_ALL = "prepare", "test all traffic"
SERVICES, RULES = "backend services", "forwarding rules"
SPREAD = 360  # seconds until a state has taken effect (Google: about 6 min)
STEPS = (10.0, 50.0)  # percentages that are tested before all traffic is


@dataclass(frozen=True)
class Classic:
    """A classic Application Load Balancer: rules that share backend services. Sorted keys."""

    rules: tuple[ResourceKey, ...]
    services: tuple[ResourceKey, ...]
    sticky: tuple[str, ...] = ()  # backend services with session affinity


def ladder(
    spec: Spec, base: Desired, found: Classic, steps: tuple[float, ...], soak_s: int
) -> Ladder:
    """`steps` are percentages below 100, growing."""
    maker = _Maker(base, found)
    stages = [Stage(START, "as it was", maker.at(None), gate=Gate(spread_s=SPREAD))]
    home = PREPARE
    told: list[tuple[str, str, str, float | None, str]] = [
        (PREPARE, "Google copies the configuration; no traffic yet", "PREPARE", None, START)
    ]
    for share in steps:
        name = f"test {share:g} %"
        what = f"{share:g} % of requests by the managed load balancer"
        told.append((name, what, "TEST_BY_PERCENTAGE", share, home))
    what = "all requests by the managed load balancer, still classic by name"
    told.append((TEST_ALL, what, "TEST_ALL_TRAFFIC", None, home))
    gate = Gate(spread_s=SPREAD, judged=True)
    for name, what, state, percent, back in told:
        share = 100.0 if name == TEST_ALL else percent or 0.0
        stages.append(
            Stage(name, what, maker.at(state, percent), {MANAGED: share}, gate=gate,
                  soak_s=0 if name == PREPARE else soak_s, back=back)
        )  # fmt: skip
    names = ", ".join(key.name for key in found.services)
    full = {MANAGED: 100.0}
    done = maker.at("TEST_ALL_TRAFFIC", services=MANAGED)
    stages.append(Stage(SERVICES, f"{names}: {MANAGED}", done, full, gate=gate, back=TEST_ALL))
    done = maker.at("TEST_ALL_TRAFFIC", services=MANAGED, rules=MANAGED)
    names = ", ".join(key.name for key in found.rules)
    stages.append(Stage(RULES, f"{names}: {MANAGED}", done, full, gate=gate, soak_s=soak_s,
                        back=SERVICES))  # fmt: skip
    return Ladder(
        "scheme",
        f"{', '.join(key.name for key in found.rules)} from {CLASSIC} to {MANAGED}",
        tuple(stages),
        _notes(found),
        front_door=base.front_door,
        environment=spec.environment.value,
        to=(MANAGED,),
    )


def _notes(found: Classic) -> tuple[str, ...]:
    notes = [
        "one request by hand, whatever the state: header X-External-Managed-Migration-Scheme-"
        f"Override: {MANAGED}; the answer's X-External-Managed-Migration-Selected-Scheme says who "
        "served it",
        "it can go back for 90 days after the scheme was changed: --mode back",
    ]
    if found.sticky:
        names = ", ".join(found.sticky)
        notes.append(f"{names}: session affinity breaks for the requests that are moved")
    return tuple(notes)


def steps(asked: Any) -> tuple[float, ...]:
    """Growing percentages; 100 is the state TEST_ALL_TRAFFIC, which always comes."""
    return tuple(s for s in wishes.steps([*(asked or STEPS), 100.0]) if s < 100)


class _Maker:
    """The bodies of one state: only what is migrated, never what else the services have."""

    def __init__(self, base: Desired, found: Classic) -> None:
        self._base, self._found = base, found

    def at(
        self,
        state: str | None,
        percentage: float | None = None,
        *,
        services: str = CLASSIC,
        rules: str = CLASSIC,
    ) -> Desired:
        body = {SCHEME: services, STATE: state, PERCENTAGE: percentage}
        words = f"{state or 'no migration'}" + (f" {percentage:g} %" if percentage else "")
        words = services if services == MANAGED else words
        made = [_adopted(key, body, words) for key in self._found.services]
        # A scheme goes one by one up the chain: rules refer to services of the new one.
        made += [_adopted(key, {SCHEME: rules}, rules) for key in self._found.rules]
        return replace(self._base, resources=tuple(made), reports=())


def _adopted(key: ResourceKey, body: Mapping[str, Any], what: str) -> Resource:
    return Resource(
        key.kind, key.name, key.scope, body, Step.FRONTENDS, ownership=Ownership.ADOPTED, what=what
    )
