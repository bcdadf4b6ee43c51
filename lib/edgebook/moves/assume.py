"""A cluster's NEGs while its Kubernetes API does not answer: those that are attached. Pure.

The load balancer goes on without the API, so leaving a lost cluster must work too. A NEG with one
of our names in a zone of the cluster's region, claimed by no cluster that answers, is its own.
A move that has to do with attached NEGs only may assume them of clusters that answer, too.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from edgebook.model.links import canonical
from edgebook.model.observed import Neg, Observed, ObservedCluster, ObservedService
from edgebook.model.paths import zone_of
from edgebook.model.values import Live
from edgebook.moves.wish import region
from edgebook.params.names import Names
from edgebook.params.types import Spec


def lost(observed: Observed) -> tuple[str, ...]:
    """Clusters whose API does not answer."""
    return tuple(sorted(n for n, cluster in observed.clusters.items() if not cluster.reachable))


def with_attached(observed: Observed, live: Live, spec: Spec, more: Iterable[str] = ()) -> Observed:
    """The same, with the attached NEGs in the place of what lost clusters, and `more`, say."""
    gone = sorted({*lost(observed), *more} & observed.clusters.keys())
    if not gone:
        return observed
    claimed = {
        canonical(neg.link)
        for cluster in observed.clusters.values()
        if cluster.name not in gone
        for service in cluster.services
        for neg in service.negs
    }
    attached = sorted(set(_attached(live)) - claimed)
    found = {name: _cluster(spec, name, attached, observed.clusters[name]) for name in gone}
    return replace(observed, clusters={**observed.clusters, **found})


def _attached(live: Live) -> Iterable[str]:
    for key, item in live.items():
        if key.kind == "backendService":
            for entry in item.body.get("backends") or ():
                yield canonical(str(entry.get("group", "")))


def _cluster(spec: Spec, name: str, attached: list[str], seen: ObservedCluster) -> ObservedCluster:
    names, where = Names(spec), region(spec, name)
    negs: defaultdict[tuple[str, str], list[Neg]] = defaultdict(list)
    for backend, entry in sorted(spec.backends.items()):
        for group in attached:
            zone = zone_of(group)
            if group.endswith(f"/{names.neg(backend, name)}") and zone.startswith(f"{where}-"):
                negs[entry.neg.namespace, entry.neg.service].append(
                    Neg(names.neg(backend, name), zone, group)
                )
    services = tuple(
        ObservedService(*service, negs=tuple(dict.fromkeys(found)))
        for service, found in sorted(negs.items())
    )
    return replace(seen, services=services, reachable=True)
