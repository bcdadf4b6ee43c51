"""What ingress-nginx decides about a request, from its routes: answer it, or send it on. Pure.

Routes are plain dicts that `gcpsim.dataplane.ingress` makes of Ingress objects. Locations are in
the order in which they are tried. Where this differs from NGINX stands in docs/kindnesses.md.
"""

import hashlib
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from gcpsim.dataplane.farm.answers import REASONS, Headers, Reply, Request

Doc = Mapping[str, Any]
ACME = "/.well-known/acme-challenge/"
CATCH_ALL = "_"
TLS_ONLY = "strict-transport-security"


@dataclass(slots=True)
class Onward:
    """A request for a pod behind: with which target and headers, to which upstreams."""

    upstream: str
    target: str
    headers: dict[str, str]
    read_timeout: float = 60.0
    connect_timeout: float = 5.0
    sticky: Doc | None = None
    cookie: str = ""
    add: Headers = field(default_factory=list)
    tls: bool = False


@dataclass(slots=True)
class Arrived:
    """What NGINX knows about a request after its real-IP and forwarded-header rules."""

    client: str
    scheme: str
    host: str
    port: int
    forwarded: str


def decide(routes: Doc, request: Request, draw: float) -> Reply | Onward:
    """The answer to a request, or where it goes. `draw` (0 to 1) decides about canaries."""
    arrived = arrive(routes["options"], request)
    if request.path.startswith(ACME):
        solved = solve(routes, arrived.host, request.path)
        if solved is not None:
            return solved
    server = server_for(routes["servers"], arrived.host)
    if server is None:
        return page(200, "") if request.path == "/healthz" else page(404)
    location = location_for(server, request.path)
    if location is None:
        return page(404)
    return _located(routes, server, location, request, arrived, draw)


def _located(
    routes: Doc, server: Doc, location: Doc, request: Request, arrived: Arrived, draw: float
) -> Reply | Onward:
    reply = _redirected(routes, server, location, request, arrived)
    if reply is not None:
        return reply
    if not permitted(location, arrived.client):
        return page(403)
    if location["body"] and request.length > location["body"]:
        return page(413)
    if not location["upstream"]:
        return page(503)
    return Onward(
        chosen(location, request, draw),
        rewritten(location, request),
        onward_headers(routes["options"], location, request, arrived),
        location["read_timeout"],
        location["connect_timeout"],
        location.get("sticky"),
        cookies(request).get((location.get("sticky") or {}).get("name", ""), ""),
        security_headers(routes["options"], arrived, server),
        location["tls"],
    )


def page(status: int, text: str | None = None) -> Reply:
    """An answer that NGINX makes itself."""
    reason = f"{status} {REASONS.get(status, '')}"
    html = f"<html>\n<head><title>{reason}</title></head>\n<body>{reason}\nnginx</body>\n</html>\n"
    return Reply(status, [("content-type", "text/html")], (html if text is None else text).encode())


def arrive(options: Doc, request: Request) -> Arrived:
    """Client, scheme and host: what came in, or what trusted headers say."""
    client = request.client.rpartition(":")[0]
    scheme = "https" if request.tls is not None else "http"
    host = request.host
    forwarded = request.headers.get("x-forwarded-for", "")
    if options["use_forwarded_headers"] and trusts(options["real_ip_cidrs"], client):
        scheme = request.headers.get("x-forwarded-proto", scheme).partition(",")[0].strip()
        client = real_ip(options["real_ip_cidrs"], forwarded, client)
        host = request.headers.get("x-forwarded-host", host)
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    return Arrived(client, scheme, (name or host).lower(), 443 if scheme == "https" else 80,
                   forwarded)  # fmt: skip


def real_ip(cidrs: list[str], forwarded: str, peer: str) -> str:
    """real_ip_recursive: the last address of X-Forwarded-For that is not trusted."""
    addresses = [text.strip() for text in forwarded.split(",") if text.strip()]
    for address in reversed(addresses):
        if not trusts(cidrs, address):
            return address
    return addresses[0] if addresses else peer


def trusts(cidrs: list[str], address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in _network(text) for text in cidrs)


@lru_cache(maxsize=1024)
def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text.strip(), strict=False)


def solve(routes: Doc, host: str, path: str) -> Reply | None:
    """A pending HTTP-01 challenge's answer; None when there is none for this host."""
    token = path.removeprefix(ACME)
    answer = (routes.get("challenges") or {}).get(f"{host}/{token}")
    if answer is None:
        return None
    return Reply(200, [("content-type", "text/plain")], answer.encode())


def server_for(servers: Doc, host: str) -> Doc | None:
    """By name, then by a wildcard of one label, then the catch-all."""
    wild = f"*.{host.partition('.')[2]}"
    found: Doc | None = servers.get(host) or servers.get(wild) or servers.get(CATCH_ALL)
    return found


def location_for(server: Doc, path: str) -> Doc | None:
    for location in server["locations"]:
        if matches(location, path):
            found: Doc = location
            return found
    return None


def matches(location: Doc, path: str) -> bool:
    if location["match"] == "exact":
        return bool(path == location["path"])
    if location["match"] == "regex":
        return _regex(location["path"]).match(path) is not None
    return path.startswith(location["path"])


@lru_cache(maxsize=1024)
def _regex(text: str) -> "re.Pattern[str]":
    try:
        return re.compile(text, re.IGNORECASE)
    except re.error:
        return re.compile(r"(?!)")  # NGINX would refuse the configuration: nothing matches


def _redirected(
    routes: Doc, server: Doc, location: Doc, request: Request, arrived: Arrived
) -> Reply | None:
    wanted = location.get("redirect")
    if wanted:
        return _moved(wanted["code"], wanted["to"])
    secure = location["force_ssl_redirect"] or (location["ssl_redirect"] and server["tls"])
    acme = request.path.startswith(ACME)
    if secure and arrived.scheme != "https" and not acme:
        target = f"https://{arrived.host}{request.target}"
        return _moved(routes["options"]["http_redirect_code"], target)
    if server.get("redirect_to"):
        target = f"{arrived.scheme}://{server['redirect_to']}{request.target}"
        return _moved(308, target)
    if location.get("app_root") and request.path == "/":
        return _moved(302, f"{arrived.scheme}://{arrived.host}{location['app_root']}")
    return None


def _moved(code: int, to: str) -> Reply:
    reply = page(code)
    reply.headers.append(("location", to))
    return reply


def permitted(location: Doc, client: str) -> bool:
    """whitelist-source-range and denylist-source-range."""
    if location["deny"] and trusts(location["deny"], client):
        return False
    return not location["allow"] or trusts(location["allow"], client)


def chosen(location: Doc, request: Request, draw: float) -> str:
    """The upstream: the canary's by header, then cookie, then weight; else the own one."""
    own = str(location["upstream"])
    for canary in location["canaries"]:
        verdict = _canary(canary, request)
        if verdict is None:
            verdict = draw * canary["total"] < canary["weight"]
        if verdict:
            return str(canary["upstream"])
    return own


def _canary(canary: Doc, request: Request) -> bool | None:
    said = request.headers.get(canary["header"].lower(), "") if canary["header"] else ""
    if said and canary["value"]:
        if said == canary["value"]:
            return True
    elif said and canary["pattern"]:
        if re.search(canary["pattern"], said):
            return True
    elif said in ("always", "never"):
        return said == "always"
    baked = cookies(request).get(canary["cookie"], "") if canary["cookie"] else ""
    return baked == "always" if baked in ("always", "never") else None


def cookies(request: Request) -> dict[str, str]:
    found = {}
    for piece in request.headers.get("cookie", "").replace(",", ";").split(";"):
        name, _, value = piece.strip().partition("=")
        if name:
            found[name] = value
    return found


def rewritten(location: Doc, request: Request) -> str:
    """The target for the pod: rewrite-target with the groups of the path's expression."""
    target = str(location["rewrite"])
    if not target:
        return request.target
    found = _regex(location["path"]).match(request.path) if location["match"] == "regex" else None
    if found is not None:
        groups = [found[0], *(text or "" for text in found.groups())]
        target = re.sub(
            r"\$(\d)", lambda m: groups[int(m[1])] if int(m[1]) < len(groups) else "", target
        )
    return target + (f"?{request.query}" if request.query else "")


def onward_headers(
    options: Doc, location: Doc, request: Request, arrived: Arrived
) -> dict[str, str]:
    """The headers a pod behind NGINX gets."""
    dropped = ("connection", "keep-alive", "transfer-encoding", "content-length", "te", "expect")
    headers = {name: value for name, value in request.headers.items() if name not in dropped}
    if not options["underscores"]:
        headers = {name: value for name, value in headers.items() if "_" not in name}
    chain = f"{arrived.forwarded}, {arrived.client}" if arrived.forwarded else arrived.client
    headers |= {
        "host": location["vhost"] or request.host,
        "x-real-ip": arrived.client,
        "x-forwarded-for": chain if options["full_forwarded_for"] else arrived.client,
        "x-forwarded-host": request.host,
        "x-forwarded-port": str(arrived.port),
        "x-forwarded-proto": arrived.scheme,
        "x-forwarded-scheme": arrived.scheme,
        "x-scheme": arrived.scheme,
    }
    if arrived.forwarded:
        headers["x-original-forwarded-for"] = arrived.forwarded
    if options["request_id"]:
        seed = f"{request.client} {request.target} {id(request)}".encode()
        made = hashlib.md5(seed, usedforsecurity=False).hexdigest()
        headers.setdefault("x-request-id", made)
    return headers


def security_headers(options: Doc, arrived: Arrived, server: Doc) -> Headers:
    """HSTS is sent only when NGINX itself, or a header that it trusts, says https."""
    if not options["hsts"] or arrived.scheme != "https" or not server["tls"]:
        return []
    words = f"max-age={options['hsts_max_age']}"
    if options["hsts_subdomains"]:
        words += "; includeSubDomains"
    return [(TLS_ONLY, words)]


def cookie_value(upstream: str) -> str:
    """What the affinity cookie says about a pod."""
    return hashlib.sha1(upstream.encode(), usedforsecurity=False).hexdigest()[:32]
