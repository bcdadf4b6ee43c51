"""The tables of a front door, made from one reading: certificates, endpoints, DNS, and so on.

Each function turns Facts into a Table. Nothing here writes, waits or judges a step.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from edgebook.base.clock import moment
from edgebook.model.firewall_rules import Verdict
from edgebook.model.links import canonical
from edgebook.model.paths import name_of, zone_of
from edgebook.params.types import FrontendProtocol, FrontendSpec, IpVersion
from edgebook.plan.leaks import Leak
from edgebook.show import tables as show
from edgebook.show.tables import Table
from edgebook.verify import backend_checks, causes, certificate_checks, failures, firewalling
from edgebook.verify.dns_checks import RECORDS
from edgebook.verify.facts import Facts, probe_name
from edgebook.verify.health import Endpoint, health_of

Cells = Mapping[str, Any]
# (group, endpoint) -> (health, when this book saw it change).
Memory = dict[tuple[str, str], tuple[str, datetime]]


def certificates(facts: Facts) -> Table:
    """One row per hostname and certificate."""
    columns = ("domain", "certificate", "state", "authorization", "issue", "expires", "map entry",
               "attached to")  # fmt: skip
    rows = []
    scope = f"{facts.certificates}/certificateMaps/{facts.names.certificate_map()}"
    carried = facts.body("certificateMap", facts.names.certificate_map()) or {}
    attached = ", ".join(sorted(certificate_checks.targets(carried)))
    for name in certificate_checks.certificate_names(facts):
        body = facts.body("certificate", name)
        for domain in sorted(set(facts.spec.hostnames)):
            if body is None:
                rows.append(
                    ({"domain": domain, "certificate": name, "state": "not there"}, "quiet")
                )
                continue
            entry = facts.body("certificateMapEntry", facts.names.map_entry(domain), scope) or {}
            state, authorization, issue = _domain_state(body, domain)
            days = days_left(facts, body)
            tone = {"ACTIVE": "good", "FAILED": "bad"}.get(state, "warn")
            if issue:
                tone = "bad"
            cells = {
                "domain": domain,
                "certificate": name,
                "state": state,
                "authorization": authorization,
                "issue": issue,
                "expires": f"{days} days" if days is not None else "",
                "map entry": entry.get("state", ""),
                "attached to": attached,
            }
            rows.append((cells, tone))
    return show.table(columns, rows, title="certificates")


def _domain_state(body: Mapping[str, Any], domain: str) -> tuple[str, str, str]:
    managed = body.get("managed") or {}
    state = str(managed.get("state") or ("ACTIVE" if body.get("expireTime") else "UNKNOWN"))
    attempt: Mapping[str, Any] = next(
        (a for a in managed.get("authorizationAttemptInfo") or () if a.get("domain") == domain), {}
    )
    issue = str(attempt.get("failureReason", ""))
    if issue and (trouble := failures.of_certificate(body)):
        issue = f"{issue}: {trouble.seen}"
    return state, str(attempt.get("state") or ("AUTHORIZED" if state == "ACTIVE" else "")), issue


def days_left(facts: Facts, body: Mapping[str, Any]) -> int | None:
    expires = moment(body.get("expireTime"))
    return None if expires is None else (expires - facts.reader.wire.connection.utc()).days


def _cluster_by_group(facts: Facts) -> dict[str, str]:
    return {
        canonical(neg.link): cluster.name
        for cluster in facts.observed.clusters.values()
        for service in cluster.services
        for neg in service.negs
    }


def endpoints(facts: Facts, memory: Memory) -> Table:
    """Every endpoint of every attached NEG; unhealthy ones first, with the likeliest reason."""
    columns: tuple[str, ...] = ("backend", "cluster", "zone", "NEG", "endpoint", "health", "since")
    clusters = _cluster_by_group(facts)
    now = facts.reader.wire.connection.clock.utc()
    names = {facts.names.backend_service(name): name for name in facts.spec.backends}
    rows, notes, explained = [], [], set()
    total = healthy = 0
    for found in health_of(facts.reader, backend_checks.groups_of(facts)):
        total, healthy = total + found.total, healthy + found.healthy
        for endpoint in found.endpoints:
            cells = {
                "backend": found.service,
                "cluster": clusters.get(canonical(endpoint.group), ""),
                "zone": endpoint.zone,
                "NEG": endpoint.neg,
                "endpoint": endpoint.address,
                "health": endpoint.health,
                "since": _since(memory, endpoint, now),
            }
            rows.append((cells, "good" if endpoint.health == "HEALTHY" else "bad"))
            if endpoint.health != "HEALTHY" and endpoint.group not in explained:
                explained.add(endpoint.group)
                name = names[found.service]
                trouble, seen = causes.why_unhealthy(
                    facts, name, facts.spec.backends[name], endpoint, found.endpoints
                )
                notes.append(f"{endpoint.neg} {endpoint.zone}: {seen}. {trouble.remedy}")
        notes += [f"{_neg_and_zone(group)}: no endpoint" for group in found.empty]
    rows.sort(key=lambda row: (row[0]["health"] == "HEALTHY", *map(str, row[0].values())))
    title = f"{healthy} of {total} endpoints HEALTHY"
    if not any(cells["since"] for cells, _ in rows):
        columns = columns[:-1]  # a first look knows no change, and Google does not tell it
    return show.table(columns, rows, title=title, notes=sorted(notes))


def _neg_and_zone(group: str) -> str:
    return f"{name_of(group)} {zone_of(group)}"


def _since(memory: Memory, endpoint: Endpoint, now: datetime) -> str:
    """When this book saw the health change: Google does not say it, the first look knows none."""
    key = (endpoint.group, endpoint.address)
    before = memory.get(key)
    if before is None:
        memory[key] = (endpoint.health, datetime.min)
    elif before[0] != endpoint.health:
        memory[key] = (endpoint.health, now)
    when = memory[key][1]
    return "" if when == datetime.min else when.strftime("%H:%M:%S")


def dns(facts: Facts) -> Table:
    """What each hostname should answer, and what it does."""
    rows = []
    for hostname in sorted(set(facts.spec.hostnames)):
        for version in facts.versions:
            kind, wanted = RECORDS[version], facts.address(version)
            reply = facts.lookup.resolved(probe_name(hostname), kind)
            right = bool(wanted) and wanted in reply.values
            state = "ok" if right else "elsewhere" if reply.values else reply.problem or "-"
            cells = {
                "name": hostname,
                "type": kind,
                "TTL (s)": int(facts.spec.dns.ttl) if facts.spec.dns else "",
                "should answer": wanted,
                "answers": ", ".join(reply.values),
                "state": state,
            }
            rows.append((cells, "good" if right else "warn"))
    columns = ("name", "type", "TTL (s)", "should answer", "answers", "state")
    return show.table(columns, rows, title="names")


def frontends(facts: Facts) -> Table:
    """One row per frontend and address, port 80 where it redirects included."""
    columns = ("frontend", "protocol", "address", "port", "leads to", "certificate map", "TLS")
    rows = []
    for frontend in sorted(facts.spec.frontends, key=lambda item: item.name):
        for version in facts.versions:
            rows.append(_frontend(facts, frontend, version))
            if frontend.redirect_http:
                rows.append(_redirect(facts, frontend, version))
    return show.table(columns, rows, title="frontends")


PROXIES = {
    FrontendProtocol.HTTPS: "targetHttpsProxy",
    FrontendProtocol.SSL: "targetSslProxy",
    FrontendProtocol.TCP: "targetTcpProxy",
}


def _frontend(facts: Facts, frontend: FrontendSpec, version: IpVersion) -> tuple[Cells, str]:
    kind = PROXIES[frontend.protocol]
    proxy = facts.body(kind, facts.names.frontend(frontend.name)) or {}
    rule = facts.body("forwardingRule", facts.names.forwarding_rule(frontend.name, version))
    policy = frontend.ssl_policy
    cells = {
        "frontend": frontend.name,
        "protocol": frontend.protocol.value,
        "address": (rule or {}).get("IPAddress", ""),
        "port": frontend.port,
        "leads to": name_of(str(proxy.get("urlMap") or proxy.get("service") or "")),
        "certificate map": name_of(str(proxy.get("certificateMap", ""))),
        "TLS": f"{policy.min_tls.value}+" if policy and not policy.name else "",
    }
    return cells, "good" if rule else "quiet"


def _redirect(facts: Facts, frontend: FrontendSpec, version: IpVersion) -> tuple[Cells, str]:
    name = facts.names.forwarding_rule(frontend.name, version, redirect=True)
    rule = facts.body("forwardingRule", name)
    cells = {
        "frontend": frontend.name,
        "protocol": "HTTP",
        "address": (rule or {}).get("IPAddress", ""),
        "port": 80,
        "leads to": "redirect to HTTPS",
    }
    return cells, "good" if rule else "quiet"


def firewall(facts: Facts) -> Table:
    """What Google's ranges may reach, per cluster and port."""
    columns = ("cluster", "port", "from", "verdict", "by")
    rows = []
    for cluster, port, source, answer in firewalling.answers(facts):
        cells = {
            "cluster": cluster,
            "port": f"tcp:{port}",
            "from": source,
            "verdict": answer.verdict.value,
            "by": ", ".join(answer.by),
        }
        rows.append((cells, "good" if answer.verdict is Verdict.ALLOWED else "bad"))
    return show.table(columns, rows, title="firewall")


def backends(facts: Facts) -> Table:
    """Every entry of our backend services, ours and others'."""
    columns = ("backend", "cluster", "zone", "NEG", "balancing", "capacity", "endpoints",
               "healthy", "whose")  # fmt: skip
    clusters = _cluster_by_group(facts)
    health: dict[tuple[str, str], list[Endpoint]] = {}
    for found in health_of(facts.reader, backend_checks.groups_of(facts)):
        for endpoint in found.endpoints:
            health.setdefault((found.service, endpoint.group), []).append(endpoint)
    rows = []
    for service, own in sorted(facts.desired.own_negs.items()):
        for entry in (facts.body("backendService", service) or {}).get("backends") or ():
            group = str(entry["group"])
            seen = health.get((service, group), [])
            good = sum(endpoint.health == "HEALTHY" for endpoint in seen)
            name, zone = name_of(group), zone_of(group)
            cells = {
                "backend": service,
                "cluster": clusters.get(canonical(group), ""),
                "zone": zone,
                "NEG": name,
                "balancing": _balancing(entry),
                "capacity": f"{entry.get('capacityScaler', 1):g}",
                "endpoints": len(seen),
                "healthy": good,
                "whose": "ours" if name in own else "foreign",
            }
            rows.append((cells, "good" if seen and good == len(seen) else "warn"))
    rows.sort(key=lambda row: [str(value) for value in row[0].values()])
    return show.table(columns, rows, title="backends")


def _balancing(entry: Mapping[str, Any]) -> str:
    mode = str(entry.get("balancingMode", ""))
    limits = [
        f"{entry[name]:g}{unit}"
        for name, unit in (
            ("maxRatePerEndpoint", "/s each"),
            ("maxRate", "/s"),
            ("maxConnectionsPerEndpoint", " each"),
            ("maxConnections", ""),
        )
        if name in entry
    ]
    return " ".join([mode, *limits])


def leaks(found: Iterable[Leak]) -> Table:
    """What a teardown left."""
    rows = [
        (
            {"kind": leak.kind, "name": leak.name, "where": leak.where, "why": leak.why,
             "what to do": leak.remedy},
            "warn",
        )
        for leak in found
    ]  # fmt: skip
    columns = ("kind", "name", "where", "why", "what to do")
    return show.table(columns, rows, title="left over" if rows else "nothing is left over")


def backends_short(facts: Facts, seen: Table) -> Table:
    """Endpoints counted per NEG and zone: 10,000 of them fit on a page this way."""
    counts: dict[tuple[str, ...], list[int]] = {}
    for row in seen.rows:
        key = tuple(str(row.cells[name]) for name in ("backend", "cluster", "zone", "NEG"))
        count = counts.setdefault(key, [0, 0])
        count[0] += 1
        count[1] += row.cells["health"] == "HEALTHY"
    rows = [
        (
            {
                "backend": key[0],
                "cluster": key[1],
                "zone": key[2],
                "NEG": key[3],
                "endpoints": total,
                "healthy": good,
            },
            "good" if good == total else "bad",
        )
        for key, (total, good) in sorted(counts.items())
    ]
    return show.table(("backend", "cluster", "zone", "NEG", "endpoints", "healthy"), rows)
