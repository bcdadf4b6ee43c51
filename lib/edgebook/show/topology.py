"""The way of a request as nodes and edges, and the certificates that serve: data for pictures.

A name leads to the address that it answers with: ours, the load balancer that serves today, or
somewhere else. Nothing here draws, writes or waits.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from edgebook.live.legacy import Legacy, read_legacy
from edgebook.model.hostnames import overlapping
from edgebook.params.types import FrontendProtocol
from edgebook.show.tables import Table
from edgebook.show.views import backends_short, days_left, endpoints, frontends
from edgebook.verify import certificate_checks
from edgebook.verify.dns_checks import RECORDS
from edgebook.verify.facts import Facts, probe_name


def legacy_of(facts: Facts) -> Legacy:
    """What the clusters that answer serve without edgebook, from the same reading."""
    there = tuple(name for name, one in facts.observed.clusters.items() if one.reachable)
    return read_legacy(facts.reader, there)


def expiry(facts: Facts) -> list[dict[str, Any]]:
    """domain, certificate, days left (None while not issued), by whom: ours and those of today."""
    rows: list[dict[str, Any]] = []
    for name in certificate_checks.certificate_names(facts):
        body = facts.body("certificate", name) or {}
        for domain in sorted(set(facts.spec.hostnames)):
            days = days_left(facts, body)
            rows.append({"domain": domain, "certificate": name, "days": days, "by": "Google"})
    now = facts.reader.wire.connection.utc()
    for item in legacy_of(facts).certificates:
        for domain in overlapping(item.domains, facts.spec.hostnames):
            days = (item.expires - now).days if item.expires else None
            name = f"{item.cluster}/{item.namespace}/{item.name}"
            rows.append({"domain": domain, "certificate": name, "days": days, "by": "cert-manager"})
    return rows


@dataclass
class Way:
    """Nodes and edges in the making."""

    facts: Facts
    nodes: dict[str, dict[str, str]] = field(default_factory=dict)
    edges: list[list[str]] = field(default_factory=list)

    def node(
        self, kind: str, name: str, state: str, detail: str = "", under: tuple[str, ...] = ()
    ) -> str:
        """Add a node, led to by those `under` which it stands; its id."""
        ident = f"{kind} {name}"
        self.nodes[ident] = {
            "id": ident, "kind": kind, "name": name, "state": state, "detail": detail
        }  # fmt: skip
        self.edges += [[one, ident] for one in under if one and [one, ident] not in self.edges]
        return ident

    @cached_property
    def counted(self) -> Table:
        return backends_short(self.facts, endpoints(self.facts, {}))

    def addresses(self) -> dict[str, str]:
        """Our addresses as nodes, by IP; "" stands for one that is not there yet."""
        found = {}
        for version in self.facts.versions:
            ip = self.facts.address(version)
            name = self.facts.names.address(version)
            found[ip] = self.node("address", name, "ACTIVE" if ip else "MISSING", ip)
        return found

    def names(self, known: Mapping[str, str]) -> None:
        """Each hostname, leading to where it answers."""
        for hostname in sorted(set(self.facts.spec.hostnames)):
            answers = [
                value
                for version in self.facts.versions
                for value in self.facts.lookup.resolved(
                    probe_name(hostname), RECORDS[version]
                ).values
            ]
            ours = {self.facts.address(version) for version in self.facts.versions} - {""}
            state = "ACTIVE" if ours & set(answers) else "ELSEWHERE" if answers else "MISSING"
            ident = self.node("DNS name", hostname, state, ", ".join(answers) or "no answer")
            for answer in answers:
                target = known.get(answer) or self.node(
                    "elsewhere", answer, "ELSEWHERE", "not ours"
                )
                self.edges.append([ident, target])

    def balancers(self) -> dict[str, str]:
        """The load balancers that serve without edgebook, by IP."""
        return {
            item.address: self.node(
                "old load balancer",
                f"{item.namespace}/{item.name}",
                "ELSEWHERE",
                f"{item.address} {item.cluster}: {', '.join(map(str, item.ports))}",
            )
            for item in legacy_of(self.facts).balancers
        }

    def frontends(self, addresses: Mapping[str, str]) -> None:
        """Frontends down to NEGs; port 80 leads to the redirect."""
        first = next(iter(addresses.values()), "")
        for row in (row.cells for row in frontends(self.facts).rows):
            above = addresses.get(str(row["address"]), first)
            state = "ACTIVE" if row["address"] else "MISSING"
            detail = f"{row['protocol']}:{row['port']}"
            name = str(row["frontend"])
            if row["protocol"] == "HTTP":
                self.node("frontend", f"{name} (redirect)", state, f"{detail} -> 443", (above,))
                continue
            front = self.node("frontend", name, state, detail, (above,))
            for service, parent in self._services(name, front):
                self._negs(service, parent)

    def _services(self, frontend: str, front: str) -> list[tuple[str, str]]:
        """The backend services behind a frontend, each with the node above it."""
        facts = self.facts
        spec = next(item for item in facts.spec.frontends if item.name == frontend)
        if spec.protocol is not FrontendProtocol.HTTPS:
            return [(facts.names.backend_service(spec.backend), front)]
        name = facts.names.url_map()
        state = "ACTIVE" if facts.body("urlMap", name) else "MISSING"
        parent = self.node("URL map", name, state, "", (front,))
        targets = [t for route in facts.spec.routes for t in (route.default, *route.paths.values())]
        used = {target.backend for target in targets if target.backend}
        used |= {backend for target in targets for backend in target.weights}
        return [(facts.names.backend_service(backend), parent) for backend in sorted(used)]

    def _negs(self, service: str, parent: str) -> None:
        rows = [row.cells for row in self.counted.rows if row.cells["backend"] == service]
        total = sum(int(row["endpoints"]) for row in rows)
        good = sum(int(row["healthy"]) for row in rows)
        said = f"{good} of {total} HEALTHY"
        below = self.node("backend service", service, _health(good, total), said, (parent,))
        for row in rows:
            healthy, count = int(row["healthy"]), int(row["endpoints"])
            name, detail = f"{row['NEG']} {row['zone']}", f"{row['cluster']}: {healthy} of {count}"
            self.node("NEG", name, _health(healthy, count), f"{detail} HEALTHY", (below,))


def topology(facts: Facts) -> dict[str, Any]:
    """Nodes and edges from the names down to the NEGs, endpoints as counts."""
    way = Way(facts)
    addresses = way.addresses()
    way.names({**way.balancers(), **{ip: node for ip, node in addresses.items() if ip}})
    way.frontends(addresses)
    return {"nodes": list(way.nodes.values()), "edges": way.edges}


def _health(good: int, total: int) -> str:
    if not total:
        return "MISSING"
    return "HEALTHY" if good == total else "PARTIAL" if good else "UNHEALTHY"
