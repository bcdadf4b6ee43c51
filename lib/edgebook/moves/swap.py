"""The ladder of a swap: attach, a growing share, all, drain, exchange, and clean up. Pure."""

from collections.abc import Mapping
from dataclasses import replace

from edgebook.desired import Desired
from edgebook.desired.backends import annotation_key
from edgebook.model.observed import Observed
from edgebook.model.paths import compute_scope
from edgebook.model.values import Action, Change, Live, Resource, ResourceKey, Step
from edgebook.moves import mechanics
from edgebook.moves import wish as wishes
from edgebook.moves.mechanics import Moment, Sides
from edgebook.moves.stages import START, Gate, Ladder, Stage
from edgebook.moves.wish import Wish
from edgebook.params.names import Names
from edgebook.params.types import SessionAffinity, Spec
from edgebook.plan import make as plans

ATTACH, CONNECT, ALL = "attach", "connect", "all"
EXCHANGE, RETURN, PLAIN, CLEAN_UP = "exchange", "return", "plain", "clean up"


def ladder(spec: Spec, observed: Observed, live: Live, wish: Wish) -> Ladder:
    """From where the backends are served to `wish.to`; only the start when nothing moves."""
    moving = mechanics.sides(spec, wish)
    maker = _Maker(spec, observed, live, wish, moving)
    return Ladder(
        "swap",
        maker.title,
        maker.stages(),
        maker.notes(),
        front_door=Names(spec).front_door,
        environment=spec.environment.value,
        besides=_twins(spec),
        to=wish.to,
    )


class _Maker:
    """Makes the stages of one swap."""

    def __init__(
        self, spec: Spec, observed: Observed, live: Live, wish: Wish, moving: Mapping[str, Sides]
    ) -> None:
        self._spec = spec
        self._observed = observed
        self._live = live
        self._wish = wish
        self._moving = moving
        self._weighted = [n for n, s in moving.items() if mechanics.by_weights(spec, n, s)]

    @property
    def title(self) -> str:
        if not self._moving:
            return f"nothing to move to {', '.join(self._wish.to)}"
        source = sorted({name for side in self._moving.values() for name in side.source})
        froms = ", ".join(wishes.place(self._spec, name) for name in source)
        tos = ", ".join(wishes.place(self._spec, name) for name in self._wish.to)
        return f"swap {', '.join(self._moving)} from {froms} to {tos}"

    def stages(self) -> tuple[Stage, ...]:
        start = self._start()
        if not self._moving:
            return (start,)
        found = [start, self._attach()] if self._clusters("arriving") else [start]
        if self._weighted:
            found.append(self._connect())
        if self._wish.canary and self._weighted:
            found.append(self._step("canary", Moment(canary=True), self._wish.canary))
        if self._wish.mirror and self._weighted:
            found.append(self._step("mirror", Moment(mirror=True), "copies of requests"))
        for share in self._wish.steps:
            found.append(self._step(wishes.step_name(share), Moment(share), self._turned(share)))
        if self._clusters("leaving"):
            found.append(self._exchange())
            if self._weighted:
                found += [self._return(), self._plain()]
            found.append(self._clean_up())
        return tuple(_without_repeats(found))

    def _start(self) -> Stage:
        """Where the way back ends: the new side is drained before it is taken out."""
        arriving, source = self._clusters("arriving"), self._clusters("source")
        before = Gate(quiet=arriving, drain_s=self._drain_s, patience_s=self._drain_s)
        return Stage(
            START,
            "as it was",
            self._at(Moment(twin=False, weighted=False), start=True),
            before=before if arriving else Gate(),
            gate=Gate(healthy=source),
            cuts=self._streams if arriving else (),
        )

    @property
    def _streams(self) -> tuple[str, ...]:
        return mechanics.long_streams(self._spec, self._moving, over_http=bool(self._weighted))

    @property
    def _drain_s(self) -> int:
        return mechanics.drain_seconds(self._spec, self._moving)

    def _attach(self) -> Stage:
        arriving = self._clusters("arriving")
        return Stage(
            ATTACH,
            f"attach the NEGs of {', '.join(arriving)}, no traffic yet",
            self._at(Moment(weighted=False)),
            share=self._shares(0),
            gate=Gate(healthy=self._wish.to, spread_s=self._wish.spread_s, judged=True),
            back=START,
        )

    def _connect(self) -> Stage:
        """Apart from the attach: a location that learns the URL map first would answer 502.

        Only now does Google look at the health of what was attached.
        """
        names = ", ".join(f"{name} 100:0" for name in self._weighted)
        return Stage(
            CONNECT,
            f"the URL map knows both sides: weights {names}",
            self._at(Moment(), words=f"weights {names}"),
            share=self._shares(0),
            gate=Gate(healthy=self._wish.to, spread_s=self._wish.spread_s, judged=True),
            back=ATTACH,
        )

    @property
    def _home(self) -> str:
        """The stage from which everybody is served by the old side, and nothing is detached."""
        if self._weighted:
            return CONNECT
        return ATTACH if self._clusters("arriving") else START

    def _step(self, name: str, moment: Moment, what: str) -> Stage:
        return Stage(
            name,
            what,
            self._at(moment, words=what),
            share=self._shares(moment.share),
            gate=Gate(healthy=self._wish.to, spread_s=self._wish.spread_s, judged=True),
            soak_s=self._wish.soak_s,
            back=self._home,
        )

    def _turned(self, share: float) -> str:
        parts = [f"weights {name} {100 - share:g}:{share:g}" for name in self._weighted]
        for name, side in self._moving.items():
            if name in self._weighted:
                continue
            now = mechanics.at(self._spec, self._moving, Moment(share), self._wish).backends[name]
            turned = {c: now.capacity[c] for c in sorted({*side.arriving, *side.leaving})}
            if share < 100 and all(turned[cluster] == 0 for cluster in side.arriving):
                continue
            words = " ".join(f"{cluster} {value:g}" for cluster, value in turned.items())
            parts.append(f"capacity {name} {words}")
        return ", ".join(parts) or "nothing that can be split"

    def _exchange(self) -> Stage:
        leaving = self._clusters("leaving")
        drain = self._drain_s
        patience = max(drain, self._wish.patience_s)
        before = Gate(quiet=leaving, drain_s=drain, patience_s=patience)
        cut = f"connections of {', '.join(self._streams)} that outlive the drain"
        return Stage(
            EXCHANGE,
            f"{', '.join(leaving)} drained for {drain} s at 0, then detached",
            self._at(Moment(100, exchanged=True)),
            share=self._shares(100),
            before=before,
            gate=Gate(healthy=self._wish.to, spread_s=self._wish.spread_s, judged=True),
            back=ALL,
            disrupts=cut,
            cuts=self._streams,
        )

    def _return(self) -> Stage:
        names = ", ".join(self._weighted)
        words = ", ".join(f"{name} 100:0" for name in self._weighted)
        return Stage(
            RETURN,
            f"{names}: back to the first backend service, the same pods behind it",
            self._at(Moment(0, exchanged=True), words=f"weights {words}"),
            share=self._shares(100),
            gate=Gate(healthy=self._wish.to, spread_s=self._wish.spread_s, judged=True),
            back=EXCHANGE,
        )

    def _plain(self) -> Stage:
        """Apart from the return: who still has the old URL map must find both sides served."""
        return Stage(
            PLAIN,
            "the URL map names one backend service again",
            self._at(Moment(exchanged=True, weighted=False)),
            share=self._shares(100),
            gate=Gate(healthy=self._wish.to, spread_s=self._wish.spread_s, judged=True),
            back=RETURN,
        )

    def _clean_up(self) -> Stage:
        extra = tuple(self._released())
        after = Gate(healthy=self._wish.to, judged=True, collected=bool(extra))
        return Stage(
            CLEAN_UP,
            "what the move needed goes; GKE takes the old NEGs away" if extra else "as the params",
            self._at(Moment(twin=False, exchanged=True, weighted=False), after=True),
            share=self._shares(100),
            gate=after,
            extra=extra,
        )

    def _released(self) -> list[Change]:
        """The old side's annotation goes, so that GKE collects its NEGs."""
        after = mechanics.at(self._spec, self._moving, Moment(exchanged=True), self._wish)
        ports: dict[ResourceKey, dict[str, dict[str, str]]] = {}
        still = {
            (annotation_key(cluster, backend), str(backend.neg.port))
            for backend in after.backends.values()
            for cluster in backend.active
        }
        names = Names(self._spec)
        for name, side in self._moving.items():
            backend = self._spec.backends[name]
            for cluster in side.leaving:
                key, port = annotation_key(cluster, backend), str(backend.neg.port)
                if (key, port) not in still:
                    ports.setdefault(key, {})[port] = {"name": names.neg(name, cluster)}
        return [
            Change(
                Action.DELETE,
                key,
                Step.BACKENDS,
                f"take {', '.join(e['name'] for e in found.values())} out of the annotation",
                before={"exposed_ports": found},
            )
            for key, found in sorted(ports.items())
        ]

    def _at(
        self, moment: Moment, *, start: bool = False, after: bool = False, words: str = ""
    ) -> Desired:
        spec = self._spec
        if start or after:
            ends = {
                name: mechanics.end(spec, name, side, side.source if start else side.to)
                for name, side in self._moving.items()
            }
            spec = replace(spec, backends={**spec.backends, **ends})
        else:
            spec = mechanics.at(spec, self._moving, moment, self._wish)
        found = plans.wanted(spec, self._observed, self._live)
        return replace(found, resources=tuple(_worded(r, words) for r in found.resources))

    def _clusters(self, which: str) -> tuple[str, ...]:
        return tuple(sorted({c for side in self._moving.values() for c in getattr(side, which)}))

    def _shares(self, share: float) -> dict[str, float]:
        if not self._weighted:
            return {}
        leaving = self._clusters("leaving")
        return dict.fromkeys(self._wish.to, share) | dict.fromkeys(leaving, 100 - share)

    def notes(self) -> tuple[str, ...]:
        found = []
        apart = [n for n in self._moving if n not in self._weighted]
        if apart and self._clusters("leaving"):
            names = ", ".join(f"{n} ({self._spec.backends[n].protocol.value})" for n in apart)
            found.append(
                f"{names}: no percentages there: capacity only says when a side is full, so at "
                f"low load everybody stays where he is until stage {ALL}; from then on new "
                f"connections go to {', '.join(self._wish.to)}, open ones stay until they end or "
                f"{self._wish.patience_s} s pass"
            )
        elif apart:
            found.append(
                f"{', '.join(apart)}: with both sides serving, each client stays with the region "
                "nearest to it; capacity limits a side, it does not split evenly"
            )
        sticky = [
            name
            for name in self._moving
            if self._spec.backends[name].session_affinity is not SessionAffinity.NONE
        ]
        if sticky:
            found.append(f"{', '.join(sticky)}: session affinity breaks for nearly all users")
        return tuple(found)


def _twins(spec: Spec) -> frozenset[ResourceKey]:
    """The second backend services of all moves: those of another one say that it is half done."""
    scope, names = compute_scope(spec.project), Names(spec)
    return frozenset(
        ResourceKey("backendService", scope, f"{names.backend_service(mechanics.twin(name))}")
        for name in spec.backends
    )


def _without_repeats(stages: list[Stage]) -> list[Stage]:
    """Stages that differ from the one before them (or have something else to do)."""
    kept = stages[:1]
    for stage in stages[1:]:
        same = {r.key: str(r.body) for r in stage.desired.resources} == {
            r.key: str(r.body) for r in kept[-1].desired.resources
        }
        if not same or stage.extra or stage.name in (ATTACH, ALL):
            kept.append(stage)
    return kept


def _worded(resource: Resource, words: str) -> Resource:
    """Sentences that tell what a stage's entries and weights are."""
    if resource.kind == "urlMap" and words:
        return replace(resource, what=words)
    return mechanics.worded(resource)
