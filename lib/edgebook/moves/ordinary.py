"""Ladders of what the ordinary plan would change anyway, in stages with gates. Pure.

`zones`: NEGs of zones that a cluster has grown into, and of those that are gone. `certificates`:
what new hostnames need, issued and spread before anybody is asked for them, the old one last.
"""

from collections.abc import Iterable
from dataclasses import replace

from edgebook.base.errors import RefusedError
from edgebook.desired import Desired
from edgebook.model.values import Action, Live, Plan, ResourceKey, Step
from edgebook.moves.stages import START, Gate, Ladder, Stage
from edgebook.moves.wish import SPREAD
from edgebook.params.types import Spec

ISSUE, SERVE, LET_GO = "issue", "serve", "let go"
CERTIFICATE_STEPS = (Step.CERTIFICATE, Step.CERTIFICATE_MAP)
SERVING = frozenset({"certificateMapEntry", "targetHttpsProxy", "targetSslProxy", "forwardingRule"})


def zones(spec: Spec, desired: Desired, live: Live, plan: Plan) -> Ladder:
    """Only the entries of backend services, as the clusters' zones are now; RefusedError."""
    if blocked := [c for c in plan.blockers if c.step is Step.BACKENDS]:
        raise RefusedError(
            "The zones of the clusters cannot be brought up to date",
            where="backends",
            why="\n".join(sorted({change.sentence for change in blocked})),
            next="mend that, or take the cluster out of active; nothing was changed, traffic is "
            "where it was",
        )
    changes = tuple(c for c in plan.to_do if c.key.kind in ("backends", "detachment"))
    stages = [_start(desired, live)]
    if changes:
        active = {cluster for backend in spec.backends.values() for cluster in backend.active}
        # What is taken out is a change of its own, of the same list.
        keys = {replace(change.key, kind="backends") for change in changes}
        stages.append(
            Stage(
                "zones",
                "; ".join(dict.fromkeys(change.sentence for change in changes)),
                _part(desired, live, keys),
                gate=Gate(healthy=tuple(sorted(active)), spread_s=SPREAD, judged=True),
                back=START,
                known=changes,
            )
        )
    title = "attach the NEGs of new zones, take those of gone ones out"
    return _ladder(spec, desired, "zones", title if changes else "every zone is attached", stages)


def certificates(spec: Spec, desired: Desired, live: Live, plan: Plan) -> Ladder:
    """Issue, then serve, then let go; each stage is there only when it has something to do."""
    mine = [c for c in plan.to_do if c.step in CERTIFICATE_STEPS and not c.moves]
    later = [c for c in plan.to_do if c.step in CERTIFICATE_STEPS and c.moves]
    gone = [change for change in mine if change.action is Action.DELETE]
    serve = [c for c in mine if c not in gone and c.key.kind in SERVING]
    issue = [c for c in mine if c not in gone and c not in serve]
    stages = [_start(desired, live)]
    for name, changes, what in (
        (ISSUE, issue, "authorized and issued, before anybody is asked for it"),
        (SERVE, serve, "entries and proxies follow when the certificate is ACTIVE"),
    ):
        if changes:
            keys = {c.key for c in (issue if name == ISSUE else [*issue, *serve])}
            gate = Gate(spread_s=SPREAD, judged=True)
            part = _part(desired, live, keys)
            stages.append(Stage(name, what, part, gate=gate, back=START, known=tuple(changes)))
    if gone:
        names = ", ".join(sorted({change.key.name for change in gone}))
        keys = {c.key for c in [*issue, *serve]}
        after = _part(desired, live, keys, [change.key for change in gone])
        gate = Gate(judged=True)
        stages.append(Stage(LET_GO, f"{names} goes", after, gate=gate, known=tuple(gone)))
    title = f"certificates of {', '.join(sorted(spec.hostnames))}"
    besides = frozenset(change.key for change in gone)
    made = _ladder(spec, desired, "certificates", title, stages, besides)
    notes = (f"{c.key.name} still has classic certificates, and leaves them by {c.moves}"
             for c in later)  # fmt: skip
    return replace(made, notes=(*made.notes, *notes))


def _ladder(
    spec: Spec,
    desired: Desired,
    move: str,
    title: str,
    stages: list[Stage],
    besides: frozenset[ResourceKey] = frozenset(),
) -> Ladder:
    return Ladder(
        move,
        title if len(stages) > 1 else f"{title}: nothing to do",
        tuple(stages),
        front_door=desired.front_door,
        environment=spec.environment.value,
        besides=besides,
    )


def _start(desired: Desired, live: Live) -> Stage:
    return Stage(START, "as it is", _part(desired, live, ()))


def _part(
    desired: Desired,
    live: Live,
    keys: Iterable[ResourceKey],
    gone: Iterable[ResourceKey] = (),
) -> Desired:
    """Only these resources are wanted, and nothing but `gone` is deleted."""
    wanted = set(keys)
    mine = tuple(r for r in desired.resources if r.key in wanted)
    return replace(desired, resources=mine, kept=frozenset(live) - set(gone))
