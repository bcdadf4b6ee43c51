"""Who else lives on our firewall rules: load balancers whose requests or probes come by them. Pure.

Of others, or of ours when others hold them. They may serve from NEGs that nobody names in our
params: of the same Services by a binding, by a MultiClusterService, or of other Services whose pods
listen on the same port. Whom another rule lets in as well does not live on ours.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

from edgebook.desired import Desired
from edgebook.model.firewall_rules import Verdict, evaluate, opens
from edgebook.model.links import canonical, link
from edgebook.model.marks import owner
from edgebook.model.observed import Filled
from edgebook.model.paths import name_of
from edgebook.model.values import Live, ResourceKey
from edgebook.plan.exposures import Exposures
from edgebook.plan.holders import Holders, neg_name


class Tenants:
    """Answers for one reading."""

    def __init__(self, desired: Desired, live: Live, holders: Holders) -> None:
        self._desired = desired
        self._live = live
        self._holders = holders
        self._own = frozenset(name for names in desired.own_negs.values() for name in names)
        self._exposed = Exposures(live).names
        self._wanted = {resource.key for resource in desired.resources}

    def of(
        self, rule: ResourceKey, loses: Callable[[int], bool] | None = None
    ) -> dict[ResourceKey, str]:
        """The backend services that need a rule for a port that it loses, with what they need.

        Without `loses` it goes as a whole.
        """
        if rule not in self._live:
            return {}
        body = self._live[rule].body
        loses = loses or (lambda port: opens(body, port))
        found = {}
        for user in self._others:
            if text := self._needs(user, rule, loses):
                found[user] = text
        return found

    def _needs(self, user: ResourceKey, rule: ResourceKey, loses: Callable[[int], bool]) -> str:
        body = self._live[user].body
        probed = set(self._probed(body))
        for entry in body.get("backends") or ():
            ports = self._ports(entry, rule, marked=bool(owner(body)))
            if ports is None:
                continue
            unknown = not ports and not owner(body)  # a front door has rules of its own
            if unknown or any(
                loses(port) and not self._let_in_otherwise(rule, port) for port in {*ports, *probed}
            ):
                return f"backend service {user.name} serves from NEG {neg_name(entry)}"
        return ""

    def _ports(
        self, entry: Mapping[str, Any], rule: ResourceKey, *, marked: bool
    ) -> tuple[int, ...] | None:
        """The ports of an entry's pods behind a rule: () unknown, None when there are none.

        Behind a rule whose cluster is not read may be whatever no cluster is known to fill; what
        another front door keeps has rules of its own there.
        """
        group = canonical(str(entry.get("group", "")))
        if group in self._behind:
            keys, filled = self._behind[group]
            return filled.ports if rule in keys else None
        name = name_of(group)
        may_be = name in self._exposed - self._own
        if not self._desired.behind.get(rule):
            may_be |= name in self._own or (not marked and "/networkEndpointGroups/" in group)
        return () if may_be else None

    @cached_property
    def _behind(self) -> Mapping[str, tuple[set[ResourceKey], Filled]]:
        """NEG -> the rules before it, and who fills it."""
        found: dict[str, tuple[set[ResourceKey], Filled]] = {}
        for rule, negs in self._desired.behind.items():
            for filled in negs:
                found.setdefault(canonical(filled.link), (set(), filled))[0].add(rule)
        return found

    @cached_property
    def _others(self) -> tuple[ResourceKey, ...]:
        ours = self._desired.front_door
        return tuple(
            key
            for key, item in sorted(self._live.items())
            if key.kind == "backendService"
            and item.body.get("backends")
            and (owner(item.body) != ours or self._held(key, ours))
        )

    def _held(self, key: ResourceKey, ours: str) -> bool:
        """Whether others hold it in the end; what is wanted lets go by a change of its own."""
        return key not in self._wanted and any(
            owner(self._live[holder].body) != ours or self._held(holder, ours)
            for holder in self._holders.of(key) - self._wanted
        )

    def _probed(self, service: Mapping[str, Any]) -> Iterator[int]:
        """The fixed ports of its health checks."""
        for text in service.get("healthChecks") or ():
            body = self._checks.get(canonical(str(text)), {})
            for part in body.values():
                port = part.get("port") if isinstance(part, Mapping) else None
                if isinstance(port, int) and part.get("portSpecification") != "USE_SERVING_PORT":
                    yield port

    @cached_property
    def _checks(self) -> Mapping[str, Mapping[str, Any]]:
        return {
            canonical(link(key)): item.body
            for key, item in self._live.items()
            if key.kind == "healthCheck"
        }

    def _let_in_otherwise(self, rule: ResourceKey, port: int) -> bool:
        """Whether rules that are not ours let in, at that port, all that this one does."""
        body = self._live[rule].body
        return all(
            evaluate(
                self._rules,
                network=name_of(str(body.get("network", ""))),
                source=str(source),
                port=port,
                tags=body.get("targetTags") or (),
            ).verdict
            is Verdict.ALLOWED
            for source in body.get("sourceRanges") or ("0.0.0.0/0",)
        )

    @cached_property
    def _rules(self) -> list[Mapping[str, Any]]:
        return [
            item.body
            for key, item in self._live.items()
            if key.kind == "firewall" and owner(item.body) != self._desired.front_door
        ]
