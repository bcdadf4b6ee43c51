"""Checks of the backends of a params file: protocols, health checks, balancing, NEGs.

Source of the combinations: Google's table of load balancers, protocols and balancing modes; GKE's
rules for the NEG annotation.
"""

import re
from collections.abc import Iterator

from edgebook.params.names import NEG_LIMIT
from edgebook.params.reader import known, nearest, shown
from edgebook.params.types import (
    BackendProtocol,
    BackendSpec,
    BalancingMode,
    ClusterSpec,
    HealthCheckSpec,
    HealthCheckType,
    ProxyHeader,
    SessionAffinity,
    Spec,
)

Found = Iterator[tuple[str, str]]

CONTEXT = re.compile(r"gke_([^_]+)_([^_]+)_(.+)")
STREAMS = frozenset({BackendProtocol.SSL, BackendProtocol.TCP})
HTTP_CHECKS = frozenset({HealthCheckType.HTTP, HealthCheckType.HTTPS, HealthCheckType.HTTP2})
TLS_CHECKS = frozenset({HealthCheckType.HTTPS, HealthCheckType.HTTP2, HealthCheckType.SSL})
CLEAR_PROTOCOLS = frozenset({BackendProtocol.HTTP, BackendProtocol.H2C})
TLS_PROTOCOLS = frozenset({BackendProtocol.HTTPS, BackendProtocol.HTTP2, BackendProtocol.SSL})


def check(spec: Spec) -> Found:
    """All problems of the backends."""
    for name, backend in spec.backends.items() if known(spec.backends) else ():
        if not known(backend):
            continue
        path = f"backends.{name}"
        yield from _active(spec, backend, path)
        yield from _by_cluster(spec, backend, path)
        yield from _balancing(backend, path)
        yield from _options(backend, path)
        if known(backend.health_check):
            yield from _health_check(spec, name, backend.health_check, f"{path}.health_check")
    yield from _negs(spec)


def mode_of(protocol: BackendProtocol) -> BalancingMode:
    """The balancing mode that zonal NEGs need behind this protocol."""
    return BalancingMode.CONNECTION if protocol in STREAMS else BalancingMode.RATE


def location(cluster: ClusterSpec) -> str:
    """The region of a cluster, as far as the params tell it."""
    place = cluster.location
    if not place and (found := CONTEXT.fullmatch(cluster.context)):
        place = found.group(2)
    return re.sub(r"-[a-z]$", "", place)


def _active(spec: Spec, backend: BackendSpec, path: str) -> Found:
    for index, cluster in enumerate(backend.active):
        if not known(cluster, spec.clusters):
            continue
        if cluster not in spec.clusters:
            near = nearest(cluster, spec.clusters)
            yield f"{path}.active[{index}]", f"there is no cluster {shown(cluster)}{near}"
        if cluster in backend.active[:index]:
            yield f"{path}.active[{index}]", f"{shown(cluster)} is listed twice"


def _by_cluster(spec: Spec, backend: BackendSpec, path: str) -> Found:
    """Capacity and preference name clusters of the params."""
    for name, values in (("capacity", backend.capacity), ("preference", backend.preference)):
        if not known(values, spec.clusters):
            continue
        for cluster, value in values.items():
            if cluster not in spec.clusters:
                near = nearest(cluster, spec.clusters)
                yield f"{path}.{name}.{cluster}", f"there is no cluster {shown(cluster)}{near}"
            elif isinstance(value, float) and 0 < value < 0.1:
                yield f"{path}.{name}.{cluster}", f"{value}; allowed: 0, or 0.1 to 1"
    if not known(backend.capacity, backend.active):
        return
    served = [backend.capacity.get(cluster) for cluster in backend.active]
    if known(*served) and served and all(value == 0 for value in served):
        yield f"{path}.capacity", "0 in all active clusters leaves no capacity; Google refuses it"


def _balancing(backend: BackendSpec, path: str) -> Found:
    balancing, protocol = backend.balancing, backend.protocol
    if not known(balancing, protocol):
        return
    path = f"{path}.balancing"
    wanted = mode_of(protocol)
    if known(balancing.mode) and balancing.mode not in (None, wanted):
        text = f"{balancing.mode} is not possible with protocol {protocol}; use {wanted}"
        yield f"{path}.mode", text
        return
    rate = [key for key in ("max_rate_per_endpoint", "max_rate") if getattr(balancing, key)]
    connections = [
        key
        for key in ("max_connections_per_endpoint", "max_connections")
        if getattr(balancing, key)
    ]
    right, wrong = (rate, connections) if wanted is BalancingMode.RATE else (connections, rate)
    for key in wrong:
        yield f"{path}.{key}", f"not possible with mode {wanted}"
    limits = (
        "max_rate_per_endpoint or max_rate"
        if wanted is BalancingMode.RATE
        else "max_connections_per_endpoint or max_connections"
    )
    readable = known(
        balancing.max_rate,
        balancing.max_rate_per_endpoint,
        balancing.max_connections,
        balancing.max_connections_per_endpoint,
    )
    if readable and not right:
        yield path, f"missing; mode {wanted} needs {limits}"
    if len(right) > 1:
        yield f"{path}.{right[1]}", f"not together with {right[0]}"
    capacity = balancing.capacity
    if known(capacity) and capacity is not None:
        if 0 < capacity < 0.1:
            yield f"{path}.capacity", f"{capacity}; allowed: 0, or 0.1 to 1"
        elif capacity == 0:
            text = "0 in all active clusters leaves no capacity; Google refuses it"
            yield f"{path}.capacity", text


def _options(backend: BackendSpec, path: str) -> Found:
    protocol = backend.protocol
    if not known(protocol):
        return
    if protocol in STREAMS:
        for key in ("cdn", "iap", "edge_security_policy"):
            if getattr(backend, key):
                yield f"{path}.{key}", f"not possible with protocol {protocol}"
        for key in ("request", "response"):
            if getattr(backend.custom_headers, key):
                text = f"not possible with protocol {protocol}"
                yield f"{path}.custom_headers.{key}", text
        if known(backend.session_affinity) and backend.session_affinity not in (
            SessionAffinity.NONE,
            SessionAffinity.CLIENT_IP,
        ):
            text = f"{backend.session_affinity} is not possible with protocol {protocol}; "
            yield f"{path}.session_affinity", f"{text}allowed: NONE, CLIENT_IP"
    if backend.iap and backend.iap.enabled and backend.cdn:
        yield f"{path}.iap", "not possible together with cdn"
    iap = backend.iap
    readable = iap and known(iap.client_id, iap.client_secret)
    if iap and readable and bool(iap.client_id) != bool(iap.client_secret):
        yield f"{path}.iap", "client_id and client_secret go together"
    if backend.affinity_cookie_ttl and backend.session_affinity in (
        SessionAffinity.NONE,
        SessionAffinity.CLIENT_IP,
        SessionAffinity.HEADER_FIELD,
    ):
        text = f"not possible with session_affinity {backend.session_affinity}"
        yield f"{path}.affinity_cookie_ttl", text


def _health_check(spec: Spec, name: str, probe: HealthCheckSpec, path: str) -> Found:
    if probe.timeout > probe.interval:
        text = f"{probe.timeout}s is longer than the interval, {probe.interval}s"
        yield f"{path}.timeout", text
    if known(probe.type) and probe.type not in HTTP_CHECKS:
        if probe.path and probe.path != "/":
            yield f"{path}.path", f"not possible with type {probe.type}"
        if probe.host:
            yield f"{path}.host", f"not possible with type {probe.type}"
    protocol = spec.backends[name].protocol
    if probe.port is None and known(probe.type, protocol):
        # On the port that serves, the probe has to speak what the port speaks.
        plain = probe.type in (HealthCheckType.HTTP, HealthCheckType.GRPC)
        if plain and protocol in TLS_PROTOCOLS:
            text = f"{probe.type} is not possible on a port that speaks {protocol}; use "
            fitting = "SSL" if protocol is BackendProtocol.SSL else "HTTPS"
            yield f"{path}.type", f"{text}{fitting}, TCP, or a port of its own"
        if probe.type is HealthCheckType.GRPC and protocol is BackendProtocol.HTTP:
            text = "GRPC is not possible on a port that speaks HTTP; use HTTP, TCP, "
            yield f"{path}.type", f"{text}or a port of its own"
        if probe.type in TLS_CHECKS and protocol in CLEAR_PROTOCOLS:
            fitting = "GRPC" if protocol is BackendProtocol.H2C else "HTTP"
            text = f"{probe.type} is not possible on a port that speaks {protocol}; use {fitting}, "
            yield f"{path}.type", f"{text}TCP, or a port of its own"
    for frontend in spec.frontends:
        sends = frontend.backend == name and frontend.proxy_header is ProxyHeader.PROXY_V1
        if sends and probe.port is None and probe.proxy_header is ProxyHeader.NONE:
            text = f"NONE, but frontend {frontend.name} sends PROXY_V1 to the same port; "
            yield f"{path}.proxy_header", f"{text}use PROXY_V1, or a port of its own"
    if probe.type is HealthCheckType.GRPC and probe.proxy_header is ProxyHeader.PROXY_V1:
        yield f"{path}.proxy_header", "not possible with type GRPC"


def _negs(spec: Spec) -> Found:
    if not known(spec.backends, spec.clusters):
        return
    names: dict[tuple[str, str], tuple[str, tuple[str, str, int]]] = {}
    ports: dict[tuple[str, str, int], tuple[str, str]] = {}
    for backend, entry in spec.backends.items():
        if not known(entry, entry.neg):
            continue
        neg = entry.neg
        if not known(neg.namespace, neg.service, neg.port, neg.name):
            continue
        path = f"backends.{backend}.neg.name"
        port = (neg.namespace, neg.service, neg.port)
        longest = max((len(neg.name.replace("{cluster}", c)) for c in spec.clusters), default=0)
        if longest > NEG_LIMIT:
            text = f"{longest} characters; at most {NEG_LIMIT}: GKE appends 7 on more subnets"
            yield path, text
        other = ports.setdefault(port, (backend, neg.name))
        if other[1] != neg.name:
            text = f"{neg.service}:{neg.port} has the name {shown(other[1])} in backends.{other[0]}"
            yield path, f"{text}; a Service port has one NEG name"
        owner = names.setdefault((neg.namespace, neg.name), (backend, port))
        if owner[1] != port:
            yield path, f"{shown(neg.name)} is the NEG of another port in backends.{owner[0]}"
        if "{cluster}" not in neg.name:
            yield from _same_place(spec, path)


def _same_place(spec: Spec, path: str) -> Found:
    """Two clusters in one region share its zones, and a NEG's name is unique in a zone."""
    places: dict[tuple[str, str], str] = {}
    for name, cluster in spec.clusters.items():
        if not known(cluster, cluster.context, cluster.location, cluster.project):
            continue
        found = CONTEXT.fullmatch(cluster.context)
        project = cluster.project or (found.group(1) if found else "")
        place = (project, location(cluster))
        if not place[1]:
            continue
        if place in places:
            text = f"clusters {places[place]} and {name} are both in {place[1]}, where a NEG name "
            yield path, f"{text}can be used once; put {{cluster}} into the name"
            return
        places.setdefault(place, name)
