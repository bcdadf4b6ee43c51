"""What no single key can tell: how the parts of a params file fit together.

Every check reports at the key that has to change. Objects that could not be read are UNREAD, of
which nothing is said. Sources of the limits: Google's pages on load balancing, Certificate Manager
and GKE's NEG annotation.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from edgebook.base.errors import Problem
from edgebook.model.hostnames import Hostname, covered
from edgebook.model.kinds import KINDS
from edgebook.model.signatures import public_bytes
from edgebook.params import apitypes, backend_checks, frontend_checks, traffic_checks
from edgebook.params.frontend_checks import HTTP_PROTOCOLS
from edgebook.params.names import LIMIT, Names
from edgebook.params.reader import known, nearest, shown
from edgebook.params.types import (
    Authorization,
    FrontendProtocol,
    Spec,
    TargetSpec,
)

# Certificate Manager: longest domain of an authorization, domains of one certificate.
DOMAIN_LIMITS = {Authorization.FIXED_RECORD: 237, Authorization.PER_PROJECT_RECORD: 220}
CERTIFICATE_DOMAINS = 100
WHOLE = (100, 1000)  # what weights add up to: they are read as shares
PROXY_TYPES = {
    FrontendProtocol.HTTPS: "TargetHttpsProxy",
    FrontendProtocol.SSL: "TargetSslProxy",
    FrontendProtocol.TCP: "TargetTcpProxy",
}

Found = Iterator[tuple[str, str]]  # (path, text)


def check(spec: Spec, lines: Mapping[str, int]) -> list[Problem]:
    """All problems across the fields of a Spec, at the lines of their keys."""
    found: list[tuple[str, str]] = []
    for look in (_hostnames, _certificate, _ports, _routes, _unused, _names, _people, _rest):
        found.extend(look(spec))
    found.extend(frontend_checks.check(spec))
    found.extend(backend_checks.check(spec))
    found.extend(traffic_checks.check(spec))
    apis: list[tuple[str, str]] = []
    for type_name, fields, path in _api_blocks(spec):
        apitypes.check(type_name, fields, path, lambda at, text: apis.append((at, text)))
    return [Problem(line_of(path, lines), path, text) for path, text in found + apis]


def line_of(path: str, lines: Mapping[str, int]) -> int:
    """The line of a path, or of the nearest object around it."""
    while path and path not in lines:
        cut = max(path.rfind("."), path.rfind("["))
        path = path[:cut] if cut > 0 else ""
    return lines.get(path, 0)


def _hostnames(spec: Spec) -> Found:
    seen: set[str] = set()
    domain = spec.dns.domain if known(spec.dns) and spec.dns else ""
    for index, host in enumerate(spec.hostnames):
        if not known(host):
            continue
        path = f"hostnames[{index}]"
        if host in seen:
            yield path, f"{shown(host)} is listed twice"
        seen.add(host)
        bare = Hostname(host).domain
        if known(domain) and domain and not _in_a_zone(spec, bare):
            yield path, f"{shown(host)} is outside the zone {domain}"
        if len(host) > 253:
            yield path, f"{len(host)} characters; a DNS name has at most 253"
    if known(spec.dns) and spec.dns:
        for index, host in enumerate(spec.dns.take_over):
            if known(host) and known(*spec.hostnames) and host not in spec.hostnames:
                near = nearest(host, spec.hostnames)
                yield f"dns.take_over[{index}]", f"{shown(host)} is not in hostnames{near}"


def _in_a_zone(spec: Spec, host: str) -> bool:
    assert spec.dns is not None
    domains = [spec.dns.domain, *(spec.dns.zones.values() if known(spec.dns.zones) else ())]
    return any(known(domain) and Hostname(host).under(domain) for domain in domains)


def _certificate(spec: Spec) -> Found:
    if not known(spec.certificate):
        return
    tls = [
        f for f in spec.frontends if f.protocol in (FrontendProtocol.HTTPS, FrontendProtocol.SSL)
    ]
    if spec.certificate is None:
        if tls:
            yield "certificate", f"missing; frontend {tls[0].name} is {tls[0].protocol}"
        return
    if not tls and known(*spec.frontends):
        yield "certificate", "no frontend uses it: none is HTTPS or SSL"
    if spec.certificate.map and spec.certificate.adopt:
        yield "certificate.adopt", "not together with map: an existing map brings its certificates"
    if spec.certificate.map or spec.certificate.adopt:
        return
    limit = DOMAIN_LIMITS.get(spec.certificate.authorization)
    for index, host in enumerate(spec.hostnames):
        if known(host) and limit and len(Hostname(host).domain) > limit:
            kind = spec.certificate.authorization
            length = len(Hostname(host).domain)
            text = f"{length} characters; {kind} allows {limit}"
            yield f"hostnames[{index}]", text
    if len(spec.hostnames or ()) > CERTIFICATE_DOMAINS:
        text = f"{len(spec.hostnames)} names; a certificate has at most {CERTIFICATE_DOMAINS}"
        yield "hostnames", text


def _ports(spec: Spec) -> Found:
    taken: dict[int, str] = {}
    for index, frontend in enumerate(spec.frontends):
        if not known(frontend) or not known(frontend.port):
            continue
        path = f"frontends[{index}].port"
        if frontend.port in taken:
            yield path, f"{frontend.port} is already used by {taken[frontend.port]}"
        taken.setdefault(frontend.port, f"frontend {frontend.name}")
        if frontend.redirect_http and frontend.protocol is FrontendProtocol.HTTPS:
            if 80 in taken:
                text = f"port 80 is already used by {taken[80]}"
                yield f"frontends[{index}].redirect_http", text
            taken.setdefault(80, f"the redirect of frontend {frontend.name}")
            if frontend.port not in (80, 443):
                text = f"a redirect leads to port 443, this frontend is on {frontend.port}"
                yield f"frontends[{index}].redirect_http", text


def _routes(spec: Spec) -> Found:
    https = any(f.protocol is FrontendProtocol.HTTPS for f in spec.frontends)
    readable = known(*spec.frontends) and all(known(f.protocol) for f in spec.frontends)
    if spec.routes and readable and not https:
        yield "routes", "no frontend uses them: none is HTTPS"
    hosts: dict[str, int] = {}
    for index, route in enumerate(spec.routes):
        if not known(route):
            continue
        path = f"routes[{index}]"
        for number, host in enumerate(route.hosts):
            if not known(host):
                continue
            at = f"{path}.hosts[{number}]"
            if host in hosts:
                yield at, f"{shown(host)} has a route already: routes[{hosts[host]}]"
            hosts.setdefault(host, index)
            if known(*spec.hostnames) and not covered([host], spec.hostnames):
                yield at, f"{shown(host)} is not in hostnames{_depth(spec, host)}"
        yield from _services(spec, route.api, f"{path}.api")
        yield from _target(spec, route.default, f"{path}.default")
        for url_path, target in route.paths.items() if known(route.paths) else ():
            yield from _target(spec, target, f'{path}.paths."{url_path}"')


def _services(spec: Spec, api: Mapping[str, Any], path: str) -> Found:
    """Names of backends under `api:`; a service of others is given by its link."""
    if not known(api):
        return
    for at, name in apitypes.services_in(api, path):
        if "/" in name:
            continue
        for where, text in frontend_checks.backend_exists(spec, name, at):
            yield where, f"{text}; one of others: projects/P/global/backendServices/NAME"
        yield from _speaks_http(spec, name, at)


def _speaks_http(spec: Spec, name: str, path: str) -> Found:
    backend = spec.backends.get(name) if known(spec.backends) else None
    if backend and known(backend, backend.protocol) and backend.protocol not in HTTP_PROTOCOLS:
        text = f"{shown(name)} has protocol {backend.protocol}; allowed: HTTP, HTTPS, HTTP2, H2C"
        yield path, text


def _depth(spec: Spec, host: str) -> str:
    for name in spec.hostnames:
        if Hostname(name).wildcard and host.endswith(name[1:]):
            return f"; {name} covers one level only"
    return nearest(host, spec.hostnames)


def _target(spec: Spec, target: TargetSpec, path: str) -> Found:
    if not known(target):
        return
    yield from _services(spec, target.api, f"{path}.api")
    ways = [key for key in ("backend", "weights", "redirect") if getattr(target, key)]
    readable = known(target.backend, target.weights, target.redirect)
    if readable and len(ways) != 1:
        seen = " and ".join(ways) or "none of them"
        yield path, f"{seen}; expected: one of backend, weights, redirect"
    names = [target.backend] if target.backend else list(target.weights)
    for name in names:
        yield from frontend_checks.backend_exists(spec, name, path)
        yield from _speaks_http(spec, name, path)
    if target.weights and known(*target.weights.values()) and not any(target.weights.values()):
        yield f"{path}.weights", "all are 0"
    elif target.weights and known(*target.weights.values()):
        total = sum(target.weights.values())
        if total not in WHOLE:
            yield f"{path}.weights", f"add up to {total}; expected: 100 (percent), or 1000 (tenths)"
    if target.redirect:
        if target.rewrite:
            yield f"{path}.rewrite", "not possible with a redirect"
        if target.api:
            yield f"{path}.api", "not possible with a redirect"
        places = [k for k in ("host", "path", "prefix") if getattr(target.redirect, k)]
        if not places:
            yield f"{path}.redirect", "leads to the same place; set host, path or prefix"
        if {"path", "prefix"} <= set(places):
            yield f"{path}.redirect.prefix", "not together with path"
    if target.rewrite and not (target.rewrite.host or target.rewrite.prefix):
        yield f"{path}.rewrite", "changes nothing; set host or prefix"


def _unused(spec: Spec) -> Found:
    """A backend that no forwarding rule reaches is never probed, so it can't be verified."""
    if not known(spec.backends, spec.routes, *spec.frontends, *spec.routes):
        return
    used = {frontend.backend for frontend in spec.frontends}
    for route in spec.routes:
        if not known(route.default, route.paths):
            return
        for target in (route.default, *route.paths.values()):
            if not known(target):
                return
            used |= {target.backend, *target.weights}
            used |= apitypes.backends_in(target.api)
        used |= apitypes.backends_in(route.api)
    if not known(*used) or used - {""} - set(spec.backends):
        return  # a name is misspelt: what is unused follows from that
    for name in spec.backends:
        if name not in used:
            yield f"backends.{name}", "used by no frontend and no route"


def _names(spec: Spec) -> Found:
    parts = (spec.address, spec.backends, spec.clusters, spec.name, *spec.frontends)
    if not known(*parts, spec.address.name, spec.address.ip_versions):
        return
    if not all(known(b, b.health_check, b.health_check.type) for b in spec.backends.values()):
        return
    names = Names(spec)
    for name, path in names.derived():
        if len(name) > LIMIT:
            yield path, f"too long: {name} would have {len(name)} characters, limit {LIMIT}"


def _people(spec: Spec) -> Found:
    """Who holds one key is one person, by whatever names."""
    if not known(spec.safety) or not known(spec.safety.approvers):
        return
    holders: dict[bytes, str] = {}
    for name, key in spec.safety.approvers.items():
        if known(key) and (first := holders.setdefault(public_bytes(key), name)) != name:
            text = f"the key of {first}; who approves has a key of their own"
            yield f"safety.approvers.{name}", text


def _rest(spec: Spec) -> Found:
    for index, text in enumerate(spec.adopt):
        kind = text.partition("/")[0] if known(text) else ""
        if known(text) and ("/" not in text or kind not in KINDS):
            allowed = ", ".join(name for name, entry in KINDS.items() if entry.deletable)
            yield f"adopt[{index}]", f"{shown(text)}; expected: kind/name, kind one of {allowed}"
    for name in spec.labels if known(spec.labels) else ():
        if name == "edgebook":
            yield f"labels.{name}", "edgebook marks its own resources with it"
    for name, cluster in spec.clusters.items() if known(spec.clusters) else ():
        if not known(cluster):
            continue
        parts = [key for key in ("project", "location", "name") if getattr(cluster, key)]
        readable = known(cluster.context, cluster.project, cluster.location, cluster.name)
        if readable and bool(cluster.context) == bool(parts):
            seen = "both" if parts else "neither"
            text = f"{seen}; expected: either context, or project, location and name"
            yield f"clusters.{name}", text
        elif readable and parts and len(parts) < 3:
            missing = next(key for key in ("project", "location", "name") if key not in parts)
            yield f"clusters.{name}.{missing}", "missing; project, location and name go together"


def _api_blocks(spec: Spec) -> Iterator[tuple[str, Mapping[str, object], str]]:
    """Every `api:` that is filled: its type, its content, its path."""
    blocks = [
        ("Address", spec.address.api, "address.api"),
        ("UrlMap", spec.url_map_api, "url_map_api"),
        ("Firewall", spec.firewall.api, "firewall.api"),
    ]
    if spec.certificate:
        blocks.append(("Certificate", spec.certificate.api, "certificate.api"))
    for index, frontend in enumerate(spec.frontends):
        path = f"frontends[{index}]"
        if type_name := PROXY_TYPES.get(frontend.protocol):
            blocks.append((type_name, frontend.api, f"{path}.api"))
        rule = frontend.forwarding_rule_api
        blocks.append(("ForwardingRule", rule, f"{path}.forwarding_rule_api"))
        if frontend.ssl_policy:
            blocks.append(("SslPolicy", frontend.ssl_policy.api, f"{path}.ssl_policy.api"))
    for index, route in enumerate(spec.routes):
        blocks.append(("PathMatcher", route.api, f"routes[{index}].api"))
        blocks.append(("HttpRouteAction", route.default.api, f"routes[{index}].default.api"))
        for url_path, target in route.paths.items():
            path = f'routes[{index}].paths."{url_path}".api'
            blocks.append(("HttpRouteAction", target.api, path))
    for name, backend in spec.backends.items():
        path = f"backends.{name}"
        blocks.append(("BackendService", backend.api, f"{path}.api"))
        blocks.append(("HealthCheck", backend.health_check.api, f"{path}.health_check.api"))
        if backend.cdn:
            blocks.append(("BackendServiceCdnPolicy", backend.cdn.api, f"{path}.cdn.api"))
    yield from (block for block in blocks if known(block[1]) and block[1])
