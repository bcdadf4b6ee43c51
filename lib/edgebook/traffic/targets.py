"""From params to what is watched: each hostname on each frontend, as the `checks` say.

Pure: addresses in, targets out. The old way of a name (`elsewhere`) is watched beside the new one,
so that a move between them is seen from both sides.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from edgebook.model.hostnames import Hostname
from edgebook.params.traffic_types import SAFE_METHODS, CheckSpec, TrafficSafetySpec
from edgebook.params.types import FrontendProtocol, FrontendSpec, Spec
from edgebook.traffic.judge import TrafficLimits
from edgebook.traffic.values import Client, Protocol, Target

POLITE = 5.0  # requests a second and frontend, on Google Cloud
LOCAL = 20.0  # in a simulator, whose pods share the machine with us; time runs faster there
REDIRECTS = (301, 302, 303, 307, 308)
TODAY = "today"
NAMES = "names"


def targets(
    spec: Spec,
    addresses: Iterable[str],
    *,
    elsewhere: Mapping[str, Iterable[str]] | None = None,
    name_servers: Iterable[tuple[str, int]] = (),
    ca_file: str = "",
) -> list[Target]:
    """Everything to watch. `elsewhere`: addresses that are not ours, by the hostname they serve.

    A frontend of an address of ours has the params' name; what serves elsewhere is "today".
    """
    found: list[Target] = []
    for frontend in sorted(spec.frontends, key=lambda item: item.name):
        checks = [item for item in spec.checks if item.frontend == frontend.name]
        for ip in sorted(set(addresses)):
            found += _frontend(spec, frontend, checks, ip, ca_file)
    for hostname, ips in sorted((elsewhere or {}).items()):
        for ip in sorted(set(ips)):
            found += _today(spec, Hostname(hostname), ip, ca_file)
    for host, port in name_servers:
        for hostname in sorted(set(spec.hostnames)):
            name = str(Hostname(hostname).probe)
            found.append(Target(NAMES, name, host, port, Protocol.DNS))
    return found


def rates(spec: Spec, *, local: bool) -> dict[str, float]:
    """Requests a second of each frontend, as the params say or politely."""
    usual = LOCAL if local else POLITE
    found = {frontend.name: usual for frontend in spec.frontends} | {TODAY: usual}
    for item in spec.checks:
        if item.rate is not None:
            found[item.frontend] = item.rate
    ttl = spec.dns.ttl if spec.dns else 60
    names = len(set(spec.hostnames))
    return found | {NAMES: usual if local else names / max(1, min(ttl, 60))}


def limits(safety: TrafficSafetySpec) -> TrafficLimits:
    return TrafficLimits(
        max_failed=safety.max_failed,
        max_gap_s=float(safety.max_gap),
        max_latency_rise=safety.max_latency_rise,
    )


def _frontend(
    spec: Spec, frontend: FrontendSpec, checks: list[CheckSpec], ip: str, ca_file: str
) -> Iterator[Target]:
    protocol = Protocol(frontend.protocol.value)
    base = Target(frontend.name, "", ip, frontend.port, protocol, ca_file=ca_file)
    if protocol is Protocol.TCP:
        for item in checks or [CheckSpec(frontend.name)]:
            yield _said(base, item)
        return
    for hostname in sorted(set(spec.hostnames)):
        name = Hostname(hostname)
        for item in checks or [CheckSpec(frontend.name)]:
            if item.host and not name.covers(item.host):
                continue
            named = replace(base, hostname=item.host or str(name.probe))
            yield from _asked(named, item) if protocol is Protocol.HTTPS else [_said(named, item)]
        if frontend.redirect_http:
            yield replace(
                base, hostname=str(name.probe), port=80, protocol=Protocol.HTTP,
                statuses=REDIRECTS, ca_file="", weight=0.25,
            )  # fmt: skip


def _asked(base: Target, item: CheckSpec) -> Iterator[Target]:
    """An HTTPS check: by every client that may send it."""
    target = replace(
        base,
        path=item.path,
        method=item.method.value,
        body=item.body,
        statuses=item.statuses,
        contains=item.contains,
        patience=float(item.timeout),
    )
    if item.websocket:
        yield replace(target, websocket=item.websocket, clients=(Client.WEBSOCKET,))
    elif item.method in SAFE_METHODS:
        yield replace(target, clients=(Client.KEEP_ALIVE, Client.FRESH, Client.HTTP2))
    else:
        yield replace(target, clients=(Client.POST,))


def _said(base: Target, item: CheckSpec) -> Target:
    """An SSL or TCP check; a stream is held only where something can be said on it.

    A server may close a silent connection when it likes: that is no failure of the front door.
    """
    return replace(
        base,
        send=item.send,
        expect=item.contains,
        patience=float(item.timeout),
        clients=(Client.HANDSHAKE, Client.STREAM) if item.send else (Client.HANDSHAKE,),
    )


def _today(spec: Spec, hostname: Hostname, ip: str, ca_file: str) -> Iterator[Target]:
    """What serves a name now, on the ports that users of an HTTPS frontend use."""
    ports = {f.port for f in spec.frontends if f.protocol is FrontendProtocol.HTTPS}
    for port in sorted(ports):
        yield Target(
            TODAY, str(hostname.probe), ip, port, Protocol.HTTPS,
            clients=(Client.KEEP_ALIVE, Client.FRESH), ca_file=ca_file,
        )  # fmt: skip
