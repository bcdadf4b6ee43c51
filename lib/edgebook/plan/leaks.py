"""What is left over: what carries our mark and nothing wants, NEGs whose cluster is gone. Pure.

A front door that serves has no leaks. After a teardown nothing of it is wanted any more, so that
everything with its mark counts.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from edgebook.desired import Desired
from edgebook.model.kinds import KINDS, noun
from edgebook.model.links import canonical
from edgebook.model.marks import neg_owner, owner
from edgebook.model.observed import Observed
from edgebook.model.paths import name_of, project_of
from edgebook.model.values import Live
from edgebook.plan import teardown
from edgebook.plan.dns_records import STRAY, taking_away
from edgebook.plan.live_index import holders_in


@dataclass(frozen=True)
class Leak:
    """Something that is left over, why it counts as such, and what to do about it."""

    kind: str
    name: str
    where: str
    why: str
    remedy: str


def leaks(
    desired: Desired,
    live: Live,
    observed: Observed,
    negs: Iterable[Mapping[str, Any]],
    *,
    torn_down: bool = False,
) -> list[Leak]:
    """What is left over; `negs` are all of the project. `torn_down`: nothing is wanted any more."""
    return [
        *_marked(desired, live, torn_down),
        *_pointing(desired, live),
        *_negs(desired, live, observed, negs, torn_down),
    ]


def _pointing(desired: Desired, live: Live) -> Iterator[Leak]:
    """Records of other names, in any zone that was read: they hold the address."""
    wanted = {resource.key for resource in desired.resources}
    for address in sorted(key for key in wanted if key.kind == "address" and key in live):
        ip = str(live[address].body.get("address") or "")
        for record in sorted(holders_in(live).answering(ip) - wanted):
            remedy = taking_away(record, live[record].body, frozenset({ip}))
            yield Leak(noun(record), record.name, name_of(record.scope), STRAY, remedy)


def _marked(desired: Desired, live: Live, torn_down: bool) -> Iterator[Leak]:
    wanted = set() if torn_down else {r.key for r in desired.resources} | desired.kept
    holders = holders_in(live)
    # Pods of what still serves, for others by now, are reached by our rules.
    serving = teardown.Serving(desired, live) if torn_down else None
    for key, item in sorted(live.items()):
        if not KINDS[key.kind].marker or owner(item.body) != desired.front_door or key in wanted:
            continue
        holding = set(holders.of(key))
        if serving and key.kind == "firewall":
            holding |= serving.by(key)
        held = ", ".join(sorted(f"{noun(holder)} {holder.name}" for holder in holding))
        again = "run teardown again" if torn_down else "edgebook plan shows how it goes"
        why = "carries our mark" if torn_down else "carries our mark, but the params do not name it"
        yield Leak(noun(key), key.name, key.scope, why, f"held by {held}" if held else again)


def _negs(
    desired: Desired,
    live: Live,
    observed: Observed,
    negs: Iterable[Mapping[str, Any]],
    torn_down: bool,
) -> Iterator[Leak]:
    own = {name for names in desired.own_negs.values() for name in names}
    claimed = {
        canonical(neg.link)
        for cluster in observed.clusters.values()
        for service in cluster.services
        for neg in service.negs
    }
    unread = sorted(name for name, cluster in observed.clusters.items() if not cluster.reachable)
    for neg in sorted(negs, key=lambda item: str(item.get("selfLink"))):
        there = canonical(str(neg["selfLink"])) in claimed
        if neg["name"] not in own or (there and not torn_down):
            continue
        zone = name_of(str(neg.get("zone", "")))
        held = _held_by(neg, live)
        if held and there:
            continue  # others serve from it, and GKE keeps it up to date
        if held:
            remedy = f"held by backend service {', '.join(held)}: detach it there"
        elif there:
            remedy = "GKE's garbage collection deletes it within minutes (each 120 s)"
        elif unread:
            names = ", ".join(unread)
            remedy = f"cluster {names} does not answer, and it may be its: look again when it does"
        else:
            remedy = (
                f"gcloud compute network-endpoint-groups delete {neg['name']} --zone {zone} "
                f"--project {project_of(str(neg['selfLink']))}"
            )
        yield Leak("NEG", str(neg["name"]), zone, neg_owner(neg), remedy)


def _held_by(neg: Mapping[str, Any], live: Live) -> list[str]:
    wanted = canonical(str(neg["selfLink"]))
    return sorted(
        key.name
        for key, item in live.items()
        if key.kind == "backendService" and _attaches(item.body, wanted)
    )


def _attaches(service: Mapping[str, Any], wanted: str) -> bool:
    entries = service.get("backends") or ()
    return any(canonical(str(entry.get("group", ""))) == wanted for entry in entries)
