"""Which entries a backend service's `backends` list should have, and whose the others are.

Ours are the entries whose NEG has one of our names, or had it until it was renamed: GKE says that
it belongs to the same Service port. A NEG that GKE calls INACTIVE (its zone has no node at the
moment) stays where it is; one TO_BE_DELETED, one of a cluster that is no longer active and one
under an old name go. One that no cluster names stays and is reported, since pods may still serve
behind it. Entries of others are never touched. Pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from edgebook.model.kinds import KINDS
from edgebook.model.links import canonical
from edgebook.model.observed import Neg, Observed
from edgebook.model.paths import name_of
from edgebook.model.values import EachNeg
from edgebook.plan.compare import Comparison

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Attachments:
    """The entries of one backend service, sorted into what is to be done with them."""

    missing: tuple[Neg, ...]  # ACTIVE, not attached
    changed: tuple[Entry, ...]  # attached, with other balancing
    stale: tuple[Entry, ...]  # ours, to be taken out
    serving: tuple[str, ...]  # clusters among the stale whose NEGs may still carry traffic
    unclaimed: tuple[Entry, ...]  # ours by name, but no cluster names them; all can be read
    foreign: tuple[Entry, ...]
    attached: int  # ours that stay
    waiting: tuple[str, ...]  # clusters whose NEGs do not exist yet
    clusters: Mapping[str, str]  # canonical NEG link -> cluster
    unread: tuple[str, ...] = ()  # wanted clusters that cannot be read


def attachments(
    wanted: Iterable[EachNeg], live: Iterable[Entry], own: frozenset[str], observed: Observed
) -> Attachments:
    """Compare the wanted NEGs with the entries that are there."""
    wanted = tuple(wanted)
    known = _negs(observed, own, wanted)
    where = {canonical(neg.link): cluster for cluster, negs in known.items() for neg in negs}
    active = {
        canonical(neg.link): (each, neg)
        for each in wanted
        for neg in known.get(each.cluster, ())
        if neg.name == each.name and neg.state == "ACTIVE"
    }
    kept = {
        canonical(neg.link)
        for each in wanted
        for neg in known.get(each.cluster, ())
        if neg.name == each.name and neg.state in ("ACTIVE", "INACTIVE")
    }
    # A zone that is left is left while its NEG is INACTIVE too: its nodes may be back any moment.
    told = active | {
        canonical(neg.link): (each, neg)
        for each in wanted
        for neg in known.get(each.cluster, ())
        if neg.name == each.name and neg.state == "INACTIVE" and neg.zone in each.capacities
    }
    entries = {canonical(str(entry.get("group", ""))): entry for entry in live}
    ours = {g: e for g, e in entries.items() if name_of(g) in own or g in where}
    stale = {g: entry for g, entry in ours.items() if g in where and g not in kept}
    compare = Comparison(KINDS["backends"], lambda ref: None, observed.project_numbers)
    changed = [
        ours[group]
        for group, (each, neg) in sorted(told.items())
        if group in ours and _differs(compare, each.entry_in(neg.zone), ours[group])
    ]
    # Of a cluster that cannot be read nothing is known: nothing of it is made, changed or detached.
    unread = {name for name, cluster in observed.clusters.items() if not cluster.reachable}
    waiting = {each.cluster for each in wanted if not _any_active(each, known)} - unread
    serving = {where[group] for group in stale} - {each.cluster for each in wanted}
    return Attachments(
        missing=tuple(neg for group, (_, neg) in sorted(active.items()) if group not in ours),
        changed=tuple(changed),
        stale=tuple(entry for _, entry in sorted(stale.items())),
        serving=tuple(sorted(serving)),
        unclaimed=tuple(e for g, e in sorted(ours.items()) if g not in where and not unread),
        foreign=tuple(e for group, e in sorted(entries.items()) if group not in ours),
        attached=len(ours) - len(stale),
        waiting=tuple(sorted(waiting)),
        clusters=where,
        unread=tuple(sorted(unread & {each.cluster for each in wanted})),
    )


def _negs(
    observed: Observed, own: frozenset[str], wanted: tuple[EachNeg, ...]
) -> dict[str, list[Neg]]:
    """Our NEGs by cluster: by name, and those that the same Service ports had under another."""
    ports = {(each.namespace, each.service, each.port) for each in wanted}
    return {
        name: [
            neg
            for service in cluster.services
            for neg in service.negs
            if neg.name in own or (service.namespace, service.name, neg.port) in ports
        ]
        for name, cluster in sorted(observed.clusters.items())
    }


def _any_active(each: EachNeg, known: Mapping[str, list[Neg]]) -> bool:
    return any(n.name == each.name and n.state == "ACTIVE" for n in known.get(each.cluster, ()))


def _differs(compare: Comparison, wanted: Entry, live: Entry) -> bool:
    # Zero counts: a capacity that the API does not show is 1, not 0.
    return bool(compare.fields(wanted, {"capacityScaler": 1.0, **live}))
