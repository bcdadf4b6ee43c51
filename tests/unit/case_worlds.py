"""What a case of tests/cases says of its clusters, as the library would have observed it."""

import dataclasses
from typing import Any

from edgebook.model.observed import Neg, Observed, ObservedService
from edgebook.params import Spec

from tests.unit.ideal_cloud import neg_of, observe

PLAIN = frozenset({"reachable", "ipv6", "node_tags", "network"})


def observed_of(spec: Spec, case: dict[str, Any]) -> Observed:
    observed = observe(spec, negs=case.get("negs", "built" in case))
    clusters = dict(observed.clusters)
    for name, edit in case.get("clusters", {}).items():
        cluster = clusters[name]
        if "negs" in edit:
            found = [_neg(spec, text) for text in edit["negs"]]
            services = tuple(
                dataclasses.replace(s, negs=tuple(n for n in found if _of(spec, s, n)))
                for s in cluster.services
            )
            cluster = dataclasses.replace(cluster, services=services)
        if "without" in edit:
            services = tuple(
                dataclasses.replace(s, found=False, target_ports={}, negs=())
                if s.name == edit["without"]
                else s
                for s in cluster.services
            )
            cluster = dataclasses.replace(cluster, services=services)
        if "target_ports" in edit:  # Service: {port: [ports of its pods]}
            services = tuple(
                dataclasses.replace(
                    s, target_ports={p: tuple(to) for p, to in edit["target_ports"][s.name].items()}
                )
                if s.name in edit["target_ports"]
                else s
                for s in cluster.services
            )
            cluster = dataclasses.replace(cluster, services=services)
        plain = {k: v for k, v in edit.items() if k in PLAIN}
        clusters[name] = dataclasses.replace(
            cluster, **{k: tuple(v) if isinstance(v, list) else v for k, v in plain.items()}
        )
    for name in case.get("not_read", ()):
        del clusters[name]
    certificates = {name: tuple(held) for name, held in case.get("certificates", {}).items()}
    return dataclasses.replace(observed, clusters=clusters, certificates=certificates)


def _of(spec: Spec, service: ObservedService, neg: Neg) -> bool:
    names = {b.neg.name for b in spec.backends.values() if b.neg.service == service.name}
    return neg.name in names or neg.port in service.target_ports


def _neg(spec: Spec, text: str) -> Neg:
    name, zone, *more = text.split()
    state, port = more[0] if more else "ACTIVE", int(more[1]) if len(more) > 1 else 0
    return neg_of(spec, name, zone, state, port)
