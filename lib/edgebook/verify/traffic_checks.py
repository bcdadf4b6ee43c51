"""Checks with real connections: what clients of each frontend would see.

Skipped where there is nothing to connect to (a simulator without its data plane), and before the
frontend is there.
"""

from collections.abc import Iterator

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
    if frontend.protocol is FrontendProtocol.HTTPS:
        yield from _https(facts, frontend, address)
    elif frontend.protocol is FrontendProtocol.SSL:
        for hostname in sorted(set(facts.spec.hostnames)):
            yield _handshake(facts, address, frontend, hostname)
        name = probe_name(facts.spec.hostnames[0])
        seen = traffic.echo(address, frontend.port, tls_name=name, ca_file=connection.ca_file)
        yield _judged(seen, "SSL connection stands", subject, Step.BACKENDS)
    else:
        seen = traffic.echo(address, frontend.port)
        yield _judged(seen, "TCP connection stands", subject, Step.BACKENDS)


def _https(facts: Facts, frontend: FrontendSpec, address: str) -> Iterator[CheckResult]:
    connection = facts.reader.wire.connection
    for hostname in sorted(set(facts.spec.hostnames)):
        yield _handshake(facts, address, frontend, hostname)
        seen = traffic.request(
            address, frontend.port, probe_name(hostname), ca_file=connection.ca_file
        )
        yield _judged(seen, "HTTPS answers", hostname, Step.BACKENDS)
    if frontend.redirect_http:
        name = probe_name(facts.spec.hostnames[0])
        seen = traffic.request(address, 80, name, tls=False)
        right = seen.status in (301, 302, 303, 307, 308) and seen.headers.get(
            "location", ""
        ).startswith("https://")
        yield result(
            OK if right else FAILED,
            "HTTP redirects to HTTPS",
            f"{name}:80",
            seen.words,
            "" if right else "run 30 frontends; first serving takes up to 5 minutes",
            step=Step.FRONTENDS,
        )


def _handshake(facts: Facts, address: str, frontend: FrontendSpec, hostname: str) -> CheckResult:
    connection = facts.reader.wire.connection
    name = probe_name(hostname)
    seen = traffic.handshake(address, frontend.port, name, ca_file=connection.ca_file)
    check, step = "TLS handshake", Step.CERTIFICATE_MAP
    subject = f"{hostname}:{frontend.port}"
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
