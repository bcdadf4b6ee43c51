"""A change of scheme as its runbook asks for it: the load balancer's parts, and what forbids it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from edgebook.base.errors import RefusedError, UsageError
from edgebook.front_door import FrontDoor, Moment
from edgebook.model.links import canonical, link
from edgebook.model.paths import project_of
from edgebook.model.values import CheckResult, CheckState, Live, ResourceKey, Step
from edgebook.moves import scheme
from edgebook.moves import wish as wishes
from edgebook.moves.scheme import CLASSIC, MANAGED, SCHEME, Classic
from edgebook.moves.stages import Ladder

TAKES = ("rules", "steps", "soak")
PROXIES = ("targetHttpProxy", "targetHttpsProxy")


class SchemeOf:
    """One classic Application Load Balancer, found by the names of its forwarding rules."""

    def __init__(self, door: FrontDoor, options: Mapping[str, Any]) -> None:
        if stray := sorted(set(options) - set(TAKES)):
            why = f"it takes {', '.join(TAKES)}"
            raise UsageError(f"scheme takes no {', '.join(stray)}", where="book.move", why=why)
        names = options.get("rules") or ()
        names = names.split(",") if isinstance(names, str) else names
        self._names = tuple(sorted({str(name).strip() for name in names} - {""}))
        if not self._names:
            raise UsageError(
                "No forwarding rule",
                where="rules",
                why="a load balancer is named by its global forwarding rules, ports 80 and 443",
                next="`gcloud compute forwarding-rules list --global --project "
                f"{door.spec.project}` names them",
            )
        self._steps = scheme.steps(options.get("steps"))
        self._soak = wishes.seconds(options.get("soak") or wishes.SOAK, "soak")
        self._door = door

    def ladder(self, moment: Moment) -> Ladder:
        """Raises RefusedError for what cannot be migrated."""
        found = classic(moment.live, self._names)
        return scheme.ladder(self._door.spec, moment.desired, found, self._steps, self._soak)

    def checks(self, moment: Moment) -> list[CheckResult]:
        """Which scheme every part has now."""
        found = classic(moment.live, self._names)
        seen = {key: moment.live[key].body for key in (*found.services, *found.rules)}
        kinds = {body.get(SCHEME) for body in seen.values()}
        return [
            CheckResult(
                CheckState.OK if len(kinds) == 1 else CheckState.UNCERTAIN,
                "load balancing scheme",
                key.name,
                f"{body.get(SCHEME)}, {body.get(scheme.STATE) or 'no migration'}",
                "" if len(kinds) == 1 else "a migration is half done: run operate/scheme again",
                Step.FRONTENDS,
            )
            for key, body in sorted(seen.items())
        ]


def classic(live: Live, names: Iterable[str]) -> Classic:
    """The load balancer of these forwarding rules; RefusedError for what cannot be migrated."""
    names = tuple(names)
    chains = {key: _services(live, key) for key in live if _global_rule(key)}
    rules = sorted(key for key in chains if key.name in names)
    services = sorted({service for key in rules for service in chains[key]})
    problems = [] if services or not rules else ["no backend service is behind them"]
    problems += [
        f"no global forwarding rule {name}"
        for name in names
        if name not in {key.name for key in rules}
    ]
    problems += [p for key in rules for p in _problems(live, key, chains[key])]
    problems += [
        f"{key.name} leads to {', '.join(sorted(s.name for s in shared))} as well: name it too"
        for key, reached in sorted(chains.items())
        if key not in rules and (shared := set(reached) & set(services))
    ]
    if problems:
        raise RefusedError(
            f"{', '.join(names)} cannot change the scheme in place",
            where="rules",
            why="\n".join(dict.fromkeys(problems)),
            next="mend them, then plan again; nothing was changed",
        )
    sticky = tuple(
        key.name for key in services if live[key].body.get("sessionAffinity") not in (None, "NONE")
    )
    return Classic(tuple(rules), tuple(services), sticky)


def _global_rule(key: ResourceKey) -> bool:
    return key.kind == "forwardingRule" and key.scope.endswith("/global")


def _problems(live: Live, rule: ResourceKey, services: tuple[ResourceKey, ...]) -> Iterator[str]:
    body = live[rule].body
    target = _by_link(live, body.get("target"))
    schemes = {live[key].body.get(SCHEME) for key in (rule, *services)}
    if stray := sorted(str(one) for one in schemes - {CLASSIC, MANAGED}):
        yield f"{rule.name}: scheme {', '.join(stray)}; only {CLASSIC} can become {MANAGED}"
    if target is None or target.kind not in PROXIES:
        yield f"{rule.name}: does not lead to an HTTP(S) proxy: TCP and SSL have another migration"
    if any("/backendBuckets/" in text for text in _links(live, target)):
        yield (
            f"{rule.name}: serves a backend bucket; its states are of the forwarding rule: "
            f"`gcloud compute forwarding-rules update {rule.name} --global --project "
            f"{project_of(rule.scope)} --external-managed-backend-bucket-migration-state PREPARE`"
            " is the first of them"
        )
    if rule.name.startswith(("k8s-", "k8s2-")):
        yield f"{rule.name}: made by GKE's Ingress controller, which would set it back: use Gateway"


def _services(live: Live, rule: ResourceKey) -> tuple[ResourceKey, ...]:
    """The backend services that the URL map of a rule's proxy names, sorted."""
    target = _by_link(live, live[rule].body.get("target"))
    reached = set(_links(live, target))
    services = (key for key in sorted(live) if key.kind == "backendService")
    return tuple(key for key in services if canonical(link(key)) in reached)


def _links(live: Live, proxy: ResourceKey | None) -> Iterator[str]:
    """Every link in the URL map of a proxy, in its short form."""
    key = _by_link(live, live[proxy].body.get("urlMap")) if proxy else None
    return _texts(live[key].body) if key else iter(())


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield canonical(value)
    elif isinstance(value, Mapping | list | tuple):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(item)


def _by_link(live: Live, text: Any) -> ResourceKey | None:
    wanted = canonical(str(text or ""))
    return next((k for k in live if canonical(link(k)) == wanted), None) if wanted else None
