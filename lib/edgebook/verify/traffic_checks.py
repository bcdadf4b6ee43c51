"""Checks with real connections: what clients of each frontend would see.

Skipped where there is nothing to connect to (a simulator without its data plane), and before the
frontend is there.
"""

from collections.abc import Iterator

from edgebook.cloud.reach import Way
from edgebook.model.values import CheckResult, Step
from edgebook.params.types import FrontendProtocol, FrontendSpec, IpVersion
from edgebook.verify import failures, traffic
from edgebook.verify.facts import FAILED, OK, SKIPPED, UNCERTAIN, Facts, probe_name, result
from edgebook.verify.traffic import Probe

SOON = 14


def frontends(facts: Facts) -> Iterator[CheckResult]:
    """Handshakes, answers and connections, per frontend and address."""
    for frontend in sorted(facts.spec.frontends, key=lambda item: item.name):
        for version in facts.versions:
            yield from _frontend(facts, frontend, version)


def _frontend(facts: Facts, frontend: FrontendSpec, version: IpVersion) -> Iterator[CheckResult]:
    connection = facts.reader.wire.connection
    subject = f"{frontend.name}:{frontend.port}"
    rule = facts.names.forwarding_rule(frontend.name, version)
    step = Step.FRONTENDS if frontend.protocol is FrontendProtocol.TCP else Step.CERTIFICATE_MAP
    why = facts.pending("forwardingRule", rule) or connection.no_data_plane
    address = facts.address(version)
    if why or not address:
        why = why or "no address yet: 10 Address and DNS reserves it"
        yield result(SKIPPED, f"{frontend.protocol} frontend answers", subject, why, step=step)
        return
    ways = connection.reach(address, frontend.port)
    if not ways:
        why = f"no front end serves {address}:{frontend.port} here: gcpsim reach"
        yield result(UNCERTAIN, f"{frontend.protocol} frontend answers", subject, why, step=step)
    for way in ways:
        yield from _by_way(facts, frontend, way, address)


def _by_way(facts: Facts, frontend: FrontendSpec, way: Way, address: str) -> Iterator[CheckResult]:
    """What clients see who come by one way; never by the address itself when there are ways."""
    connection = facts.reader.wire.connection
    subject = f"{frontend.name}:{frontend.port}{_at(way)}"
    if frontend.protocol is FrontendProtocol.HTTPS:
        yield from _https(facts, frontend, way, address)
    elif frontend.protocol is FrontendProtocol.SSL:
        for hostname in sorted(set(facts.spec.hostnames)):
            yield _handshake(facts, way, frontend, hostname)
        name = probe_name(facts.spec.hostnames[0])
        seen = traffic.echo(way.host, way.port, tls_name=name, ca_file=connection.ca_file)
        yield _judged(seen, "SSL connection stands", subject, Step.BACKENDS)
    else:
        seen = traffic.echo(way.host, way.port)
        yield _judged(seen, "TCP connection stands", subject, Step.BACKENDS)


def _at(way: Way) -> str:
    return f" from {way.location}" if way.location else ""


def _https(facts: Facts, frontend: FrontendSpec, way: Way, address: str) -> Iterator[CheckResult]:
    connection = facts.reader.wire.connection
    for hostname in sorted(set(facts.spec.hostnames)):
        yield _handshake(facts, way, frontend, hostname)
        seen = traffic.request(way.host, way.port, probe_name(hostname), ca_file=connection.ca_file)
        yield _judged(seen, "HTTPS answers", hostname + _at(way), Step.BACKENDS)
    if frontend.redirect_http:
        plain = [one for one in connection.reach(address, 80) if one.location == way.location]
        for one in plain:
            yield _redirect(facts, one)


def _redirect(facts: Facts, way: Way) -> CheckResult:
    name = probe_name(facts.spec.hostnames[0])
    seen = traffic.request(way.host, way.port, name, tls=False)
    right = seen.status in (301, 302, 303, 307, 308) and seen.headers.get(
        "location", ""
    ).startswith("https://")
    return result(
        OK if right else FAILED,
        "HTTP redirects to HTTPS",
        f"{name}:80{_at(way)}",
        seen.words,
        "" if right else "run 30 frontends; first serving takes up to 5 minutes",
        step=Step.FRONTENDS,
    )


def _handshake(facts: Facts, way: Way, frontend: FrontendSpec, hostname: str) -> CheckResult:
    connection = facts.reader.wire.connection
    name = probe_name(hostname)
    seen = traffic.handshake(way.host, way.port, name, ca_file=connection.ca_file)
    check, step = "TLS handshake", Step.CERTIFICATE_MAP
    subject = f"{hostname}:{frontend.port}{_at(way)}"
    if not seen.ok:
        return result(FAILED, check, subject, seen.words, failures.HANDSHAKE.remedy, step=step)
    days = (seen.expires - connection.clock.utc()).days if seen.expires else None
    if days is not None and days < SOON:
        remedy = "Google renews a month before: check the CNAME and CAA records"
        return result(UNCERTAIN, check, subject, f"expires in {days} days", remedy, step=step)
    return result(OK, check, subject, seen.words, step=step)


def _judged(seen: Probe, check: str, subject: str, step: Step) -> CheckResult:
    if seen.ok:
        return result(OK, check, subject, seen.words, step=step)
    remedy = "book.endpoints() shows the health; a new frontend serves within 5 minutes"
    if seen.status in (502, 503):
        remedy = failures.ROLLOUT_502.remedy if seen.status == 502 else remedy
    return result(FAILED, check, subject, seen.words, remedy, step=step)
