"""What changes in a backend service's entries and in the Services' NEG annotations. Pure.

What serves keeps serving: entries are added first, and those that go are a change of their own
(`detachment`) that waits until the rest is HEALTHY. Taking out a cluster that serves is a move of
live traffic, and belongs to its runbook. A NEG name that somebody else serves from is not taken.
Another Service is another backend: the entries of the one before are nobody's to take out, since
nothing tells them from entries that somebody attached by hand.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from edgebook.desired import Desired
from edgebook.model.links import canonical
from edgebook.model.marks import owner
from edgebook.model.observed import Observed
from edgebook.model.paths import cluster_of, namespace_of, zone_of
from edgebook.model.values import (
    Action,
    Change,
    EachNeg,
    Live,
    LiveResource,
    Ownership,
    Resource,
    ResourceKey,
    Step,
    Wait,
    each_negs,
)
from edgebook.plan import disruption, sentences
from edgebook.plan.attachments import Attachments, Entry, attachments
from edgebook.plan.changes import ChangeMaker, report
from edgebook.plan.exposures import Exposures, words
from edgebook.plan.holders import Holders, neg_name

HEALTHY = "HEALTHY"
ANOTHER = (
    "another Service is another backend: give it one of its own, with its own neg.name, and lead "
    "the routes or the frontend there; requests follow when its endpoints are HEALTHY"
)


class BackendChanges:
    """Entries and annotations of one front door."""

    def __init__(
        self,
        desired: Desired,
        live: Live,
        observed: Observed,
        *,
        holders: Holders,
        maker: ChangeMaker,
    ) -> None:
        self._desired = desired
        self._live = live
        self._observed = observed
        self._holders = holders
        self._make = maker
        self._exposures = Exposures(live)

    # Entries

    def entries(self, resource: Resource) -> Iterator[Change]:
        """Attach, rebalance, detach; and what is known of the other entries."""
        service = ResourceKey("backendService", resource.scope, resource.name)
        live = list(
            (self._live[service].body.get("backends") if service in self._live else ()) or ()
        )
        own = self._desired.own_negs.get(resource.name, frozenset())
        wanted = tuple(each_negs(resource.body))
        seen = attachments(wanted, live, own, self._observed)
        yield from _known_entries(resource, seen)
        for cluster in seen.unread:
            text = f"cluster {cluster} cannot be read: its NEGs stay as they are"
            yield report(resource.key, resource.step, text)
        if self._desired.at_once:
            yield from self._exchanging(resource, seen)
            return
        if (text := self._of_another_service(service, seen)) and not seen.unread:
            yield report(resource.key, resource.step, text, blocks=True)
            return
        attaching = bool(seen.missing or seen.changed or seen.waiting)
        if attaching:
            change = self._attaching(resource, seen)
            moves, turned = _turned(seen, wanted)
            text = "; ".join(part for part in (change.sentence, turned) if part)
            yield replace(change, sentence=text, moves=moves)
        if seen.stale:
            yield self._detaching(resource, seen, wanted, after=attaching)

    def _exchanging(self, resource: Resource, seen: Attachments) -> Iterator[Change]:
        """One write that attaches and detaches: for stages of a move, which know what serves."""
        if not (seen.missing or seen.changed or seen.waiting or seen.stale):
            return
        change = self._attaching(resource, seen)
        if seen.stale:
            parts = [sentences.attaching(seen), sentences.detaching(seen)]
            going = [dict(entry) for entry in (*seen.changed, *seen.stale)]
            change = replace(
                change,
                sentence="; ".join(part for part in parts if part),
                disrupts=disruption.of_detaching(seen.serving),
                before={"backends": going},
            )
        yield change

    def _of_another_service(self, service: ResourceKey, seen: Attachments) -> str:
        """What serves a backend of ours whose params name another Service by now."""
        if seen.attached or seen.stale or service not in self._live or not self._is_ours(service):
            return ""
        named = sorted(
            f"{words(key)} (NEG {name})"
            for name in {neg_name(entry) for entry in seen.foreign}
            for key in self._exposures.of(name)
        )
        return f"it serves from {', '.join(named)}, and {ANOTHER}" if named else ""

    def _attaching(self, resource: Resource, seen: Attachments) -> Change:
        if not (seen.attached or seen.stale):
            return self._make.create(resource)
        return Change(
            Action.UPDATE,
            resource.key,
            resource.step,
            sentences.attaching(seen) or resource.what,
            before={"backends": [dict(entry) for entry in seen.changed]},
            after=resource.body,
            fields=("backends",),
            depends=resource.needs,
            waits=resource.waits,
        )

    def _detaching(
        self, resource: Resource, seen: Attachments, wanted: tuple[EachNeg, ...], *, after: bool
    ) -> Change:
        service = ResourceKey("backendService", resource.scope, resource.name)
        depends = {key for key in resource.needs if key.kind != "svcneg"}
        to = ",".join(sorted(each.cluster for each in wanted))
        return Change(
            Action.UPDATE,
            ResourceKey("detachment", resource.scope, resource.name),
            resource.step,
            sentences.detaching(seen),
            disrupts=disruption.of_detaching(seen.serving),
            before={"backends": [dict(entry) for entry in seen.stale]},
            fields=("backends",),
            depends=tuple(sorted(depends | ({resource.key} if after else set()))),
            waits=(Wait(service, HEALTHY),),
            moves=f"operate/swap -p to {to}" if seen.serving else "",
        )

    # Annotations

    def annotation(self, resource: Resource, found: LiveResource | None) -> Iterator[Change]:
        """Expose our ports under our names, unless somebody else serves from another name."""
        body = found.body if found else {}
        fields = self._make.compare(resource, body)
        if not fields:
            return
        blocked = (*self._of_other_services(resource), *self._taken(resource, body))
        yield from blocked
        if blocked:
            return
        if found and _exposes_any(resource, body):
            yield self._make.update(resource, found, fields)
        else:
            yield self._make.create(resource)

    def _of_other_services(self, resource: Resource) -> Iterator[Change]:
        """Names that another Service of the cluster has: GKE gives a name to one of them only."""
        cluster = self._observed.clusters.get(cluster_of(resource.scope))
        bound = cluster.bound if cluster else {}
        for entry in resource.body["exposed_ports"].values():
            if by := bound.get(entry["name"]):
                text = (
                    f"NEG name {entry['name']} is one that {by} fills, and GKE fills a NEG for one "
                    "of them only: give the backend another neg.name"
                )
                yield report(resource.key, resource.step, text, blocks=True)
            for key in self._exposures.of(entry["name"]):
                if cluster_of(key.scope) == cluster_of(resource.scope) and key != resource.key:
                    text = (
                        f"NEG name {entry['name']} belongs to {words(key)}, and GKE keeps it "
                        f"there; {ANOTHER}"
                    )
                    yield report(resource.key, resource.step, text, blocks=True)

    def _taken(self, resource: Resource, body: Mapping[str, Any]) -> Iterator[Change]:
        there = body.get("exposed_ports")
        there = there if isinstance(there, Mapping) else {}
        wanted = resource.body["exposed_ports"]
        if body.get("ingress") is True:
            yield from self._of_ingress(resource)
        for port, entry in sorted(wanted.items()):
            if port in there:
                yield from self._other_name(resource, port, there[port] or {}, entry["name"])
            for other in sorted(set(there) - set(wanted)):
                if (there[other] or {}).get("name") == entry["name"]:
                    text = (
                        f"NEG name {entry['name']} belongs to port {other} of this Service, and "
                        f"GKE keeps it there: give the backend of port {port} another neg.name"
                    )
                    yield report(resource.key, resource.step, text, blocks=True)

    def _other_name(
        self, resource: Resource, port: str, entry: Mapping[str, Any], name: str
    ) -> Iterator[Change]:
        there = entry.get("name")
        names = [there] if there else self._made_up(resource, port)
        if there == name or resource.ownership is Ownership.ADOPTED:
            return
        users = {user for one in names for user in self._holders.using_neg(one)}
        ours = {user for user in users if self._is_ours(user)}
        if users and users == ours:
            return  # our own old name: the rename says what it means
        shown = ", ".join(names) or "a name that GKE makes up"
        who = ", ".join(sorted(self._described(user) for user in users - ours))
        used = f"{who or 'nothing of this front door'} serves from it"
        text = (
            f"port {port} is exposed as {shown} already, and {used}: renamed, its endpoints freeze "
            f"and die with the next rollout; expose another port or Service, or hand it over with "
            f"`adopt: [serviceAnnotation/{resource.name}]`"
        )
        yield report(resource.key, resource.step, text, blocks=True)

    def _of_ingress(self, resource: Resource) -> Iterator[Change]:
        """GKE's Ingress serves from NEGs that it gets by `ingress: true`, and by nothing else."""
        users = {user for name in self._made_up(resource) for user in self._holders.using_neg(name)}
        others = sorted(self._described(user) for user in users if not self._is_ours(user))
        if others and resource.ownership is not Ownership.ADOPTED:
            text = (
                f"an Ingress of GKE serves from it ({', '.join(others)}): `ingress: true` cannot "
                "stand beside a NEG name, and without it that load balancer loses its pods; "
                "expose another Service, or hand it over with "
                f"`adopt: [serviceAnnotation/{resource.name}]`"
            )
            yield report(resource.key, resource.step, text, blocks=True)

    def _made_up(self, resource: Resource, port: str = "") -> list[str]:
        """The names that GKE gave to a port that is exposed without one, or to any port."""
        cluster, namespace = cluster_of(resource.scope), namespace_of(resource.scope)
        seen = self._observed.clusters.get(cluster)
        service = seen.service(namespace, resource.name) if seen else None
        negs = service.negs if service else ()
        return sorted({neg.name for neg in negs if port in ("", str(neg.port))})

    def _is_ours(self, key: ResourceKey) -> bool:
        return owner(self._live[key].body) == self._desired.front_door

    def _described(self, key: ResourceKey) -> str:
        whose = owner(self._live[key].body)
        return f"backend service {key.name}" + (f" of front door {whose}" if whose else "")

    def unexposed(self, changes: Iterable[Change]) -> Iterator[Change]:
        """Ports that only backends of ours used which are gone or have another name now.

        `changes` are all others: while an entry stays attached, nothing is done to what feeds it.
        """
        leaving = {pair for change in changes for pair in _let_go(change, self._live)}
        own = {name for names in self._desired.own_negs.values() for name in names}
        services = {r.key for r in self._desired.resources if r.kind == "backendService"}
        for key, found in sorted(self._live.items()):
            if key.kind != "serviceAnnotation":
                continue
            ports = found.body.get("exposed_ports")
            mine = {
                port: dict(entry)
                for port, entry in sorted((ports if isinstance(ports, Mapping) else {}).items())
                if (name := (entry or {}).get("name"))
                and name not in own
                and (users := self._holders.using_neg(name))
                and all(self._is_ours(user) and (user, name) in leaving for user in users)
            }
            renamed = {r.key: r.body["exposed_ports"] for r in self._desired.resources
                       if r.kind == "serviceAnnotation"}.get(key, {})  # fmt: skip
            mine = {port: entry for port, entry in mine.items() if port not in renamed}
            if mine:
                yield self._unexpose(key, mine, services)

    def _unexpose(
        self, key: ResourceKey, ports: Mapping[str, Any], services: set[ResourceKey]
    ) -> Change:
        named = ", ".join(str(entry["name"]) for entry in ports.values())
        users = {user for e in ports.values() for user in self._holders.using_neg(e["name"])}
        letting_go = {
            ResourceKey("detachment", user.scope, user.name) if user in services else user
            for user in users
        }
        return Change(
            Action.DELETE,
            ResourceKey("unexposure", key.scope, key.name),
            Step.BACKENDS,
            f"take {named} out of the annotation: no backend uses it any more",
            before={"exposed_ports": dict(ports)},
            depends=tuple(sorted(letting_go)),
        )


def _let_go(change: Change, live: Live) -> Iterator[tuple[ResourceKey, str]]:
    """The backend services and NEG names that a change parts."""
    if change.action is Action.REPORT:
        return
    key = ResourceKey("backendService", change.key.scope, change.key.name)
    entries: Iterable[Entry] = ()
    if change.key == key and change.action is Action.DELETE:
        entries = (live[key].body.get("backends") if key in live else ()) or ()
    elif change.key.kind in ("backends", "detachment"):
        entries = change.before.get("backends") or ()
    yield from ((key, neg_name(entry)) for entry in entries)


def _exposes_any(resource: Resource, body: Mapping[str, Any]) -> bool:
    """Whether the annotation has one of our ports already."""
    ports = body.get("exposed_ports")
    return isinstance(ports, Mapping) and bool(set(ports) & set(resource.body["exposed_ports"]))


def _turned(seen: Attachments, wanted: tuple[EachNeg, ...]) -> tuple[str, str]:
    """A capacity that would be taken away wholly, or given back from nothing: whose runbook, and
    in words."""
    by_cluster = {each.cluster: each for each in wanted}
    for entry in seen.changed:
        group = canonical(str(entry.get("group", "")))
        zone, cluster = zone_of(group), seen.clusters[group]
        after = by_cluster[cluster].entry_in(zone).get("capacityScaler")
        before = entry.get("capacityScaler", 1.0)
        if after is not None and bool(before) != bool(after):
            mine = [e for e in seen.changed if seen.clusters[canonical(str(e["group"]))] == cluster]
            whole = len(mine) == sum(cluster == name for name in seen.clusters.values())
            place = cluster if whole else zone
            return (
                f"operate/failover -p leave {place}",
                f"capacity of {place} {before:g} -> {after:g}",
            )
    return "", ""


def _known_entries(resource: Resource, seen: Attachments) -> Iterator[Change]:
    for entries, text in (
        (seen.foreign, "not ours: left alone"),
        (seen.unclaimed, "named by no cluster: left alone; `edgebook status` has its endpoints"),
    ):
        for entry in entries:
            group = canonical(str(entry.get("group", "")))
            yield report(resource.key, resource.step, f"backend {group}: {text}")
