"""What Ingresses and Services ask for in annotations and fields, and what becomes of it behind a
global front door: nobody heeds it, or heeds it wrongly.

Rules over objects as they were read; each yields (state, check, why, remedy).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from json import JSONDecodeError, loads
from re import compile as pattern
from typing import Any

from edgebook.base.parsing import whole
from edgebook.model.ranges import IPV4_RANGES
from edgebook.model.values import CheckState
from edgebook.params.types import BackendProtocol, BackendSpec
from edgebook.verify.facts import FAILED, UNCERTAIN, joined

Object = Mapping[str, Any]
Said = tuple[CheckState, str, str, str]
ANNOTATIONS = "nginx.ingress.kubernetes.io"
HEEDED = "NGINX's annotations work behind the front door"
PATIENCE = ("proxy-read-timeout", "proxy-send-timeout")
COUNTING = frozenset({"limit-connections", "limit-rpm", "limit-rps"})
SNIPPETS = ("server-snippet", "configuration-snippet", "location-snippet")
BACKEND_CONFIGS = ("cloud.google.com/backend-config", "beta.cloud.google.com/backend-config")
APP_PROTOCOLS = "cloud.google.com/app-protocols"
_BY_SCHEME = pattern(r"\$scheme\s*(=\s*[\"']?http\b(?!s)|!=\s*[\"']?https)")

# What a port says of itself, and which protocols of a backend agree with it.
SPEAKS = {
    "http": (BackendProtocol.HTTP, BackendProtocol.TCP),
    "https": (
        BackendProtocol.HTTPS, BackendProtocol.HTTP2, BackendProtocol.SSL, BackendProtocol.TCP,
    ),
    "http2": (
        BackendProtocol.HTTP2, BackendProtocol.H2C, BackendProtocol.SSL, BackendProtocol.TCP,
    ),
    "grpc": (
        BackendProtocol.HTTP2, BackendProtocol.H2C, BackendProtocol.SSL, BackendProtocol.TCP,
    ),
    "kubernetes.io/h2c": (BackendProtocol.H2C, BackendProtocol.TCP),
}  # fmt: skip


@dataclass(frozen=True)
class Hop:
    """How NGINX is asked: by which backend, and what it is told of the clients."""

    name: str
    backend: BackendSpec
    sees_clients: bool
    passes_through: bool = False  # the controller was started with --enable-ssl-passthrough


def is_true(text: str) -> bool:
    """How ingress-nginx reads a switch."""
    return text.strip().lower() in ("true", "1", "t")


def distrust(settings: Mapping[str, str]) -> str:
    """Why NGINX does not take Google's word for who the client is; "" when it does."""
    if settings.get("use-forwarded-headers") != "true":
        return "use-forwarded-headers is not true"
    ranges = [text.strip() for text in settings.get("proxy-real-ip-cidr", "").split(",")]
    missing = [google for google in IPV4_RANGES if not any(_within(google, r) for r in ranges)]
    if any(ranges) and missing:
        return f"proxy-real-ip-cidr lacks {joined(missing)}"
    return ""


def _within(inner: str, outer: str) -> bool:
    try:
        known, wide = ip_network(inner), ip_network(outer, strict=False)
    except ValueError:
        return False
    return known.version == wide.version and known.subnet_of(wide)  # type: ignore[arg-type]


def of_ingress(item: Object, hop: Hop) -> Iterator[Said]:
    """An Ingress of NGINX's, behind an HTTP(S) frontend."""
    about = item["metadata"]
    where = f"Ingress {about['namespace']}/{about['name']}"
    said = {
        str(key).removeprefix(f"{ANNOTATIONS}/"): str(value)
        for key, value in (about.get("annotations") or {}).items()
        if str(key).startswith(f"{ANNOTATIONS}/")
    }
    for state, why, remedy in (*_tls(said, hop), *_clients(said, hop), *_scheme(said, hop)):
        yield state, HEEDED, f"{where}: {why}", remedy
    waits = {key: whole(said.get(key), 0) for key in PATIENCE}
    key, longest = max(waits.items(), key=lambda item: item[1])
    if longest > int(hop.backend.timeout):
        why = f"{where}: {key} is {longest} s, Google waits {int(hop.backend.timeout)} s in all"
        remedy = f"set backends.{hop.name}.timeout to {longest} s or more, if it is wanted"
        yield UNCERTAIN, "timeouts fit", why, remedy


def _tls(said: Mapping[str, str], hop: Hop) -> Iterator[tuple[CheckState, str, str]]:
    """What needs the client's own TLS connection, which ends at Google now."""
    if said.get("auth-tls-secret"):
        yield (
            FAILED,
            "auth-tls-secret asks for client certificates, and none gets past Google's front end",
            "leave its hosts on the old load balancer, or give them a front door of TCP frontends",
        )
    if hop.passes_through and is_true(said.get("ssl-passthrough", "")):
        yield (
            FAILED,
            "ssl-passthrough chooses by SNI, which Google's front end does not pass on",
            "give its hosts a front door of TCP frontends, or take the annotation off",
        )
    speaks = said.get("backend-protocol", "").upper()
    if speaks in ("GRPC", "GRPCS") and hop.backend.protocol is not BackendProtocol.HTTP2:
        yield (
            FAILED,
            f"backend-protocol {speaks} needs HTTP/2 up to NGINX, "
            f"and Google would speak {hop.backend.protocol}",
            f"set backends.{hop.name}.protocol to HTTP2, and neg.port to NGINX's port for TLS",
        )


def _clients(said: Mapping[str, str], hop: Hop) -> Iterator[tuple[CheckState, str, str]]:
    if hop.sees_clients:
        return
    remedy = 'set use-forwarded-headers: "true" and proxy-real-ip-cidr to Google\'s ranges'
    if counting := sorted(COUNTING & said.keys()):
        why = f"{joined(counting)} would count Google's addresses, and refuse many with 503"
        yield UNCERTAIN, why, remedy
    if said.get("denylist-source-range"):
        yield UNCERTAIN, "denylist-source-range would never meet whom it denies", remedy


def _scheme(said: Mapping[str, str], hop: Hop) -> Iterator[tuple[CheckState, str, str]]:
    if hop.backend.protocol is not BackendProtocol.HTTP:
        return
    for key in SNIPPETS:
        if looping := _BY_SCHEME.search(said.get(key, "")):
            why = f"{key} asks for {looping.group().split()[0]}, which is http for every request"
            yield UNCERTAIN, f"{why} by Google: a redirect there never ends", (
                "ask for $http_x_forwarded_proto instead, or protocol: HTTPS, port 443"
            )  # fmt: skip


def of_service(name: str, backend: BackendSpec, body: Object) -> Iterator[Said]:
    """The Service of a backend: what it asks of load balancers that are not this one."""
    annotations = body["metadata"].get("annotations") or {}
    spec = body.get("spec") or {}
    check = "the Service's settings apply"
    if any(annotations.get(key) for key in BACKEND_CONFIGS):
        why = (
            "its BackendConfig is heeded by GKE's Ingress only: none of its timeout, draining, "
            "affinity, CDN, IAP, headers, health check and Cloud Armor policy applies here"
        )
        remedy = (
            f"say the same under backends.{name}: timeout, draining, session_affinity, cdn, iap, "
            "custom_headers, health_check, security_policy"
        )
        yield UNCERTAIN, check, why, remedy
    if (ranges := spec.get("loadBalancerSourceRanges")) and not backend.security_policy:
        why = f"loadBalancerSourceRanges lets {joined(map(str, ranges))} in, the front door all"
        remedy = f"a Cloud Armor policy of these ranges, under backends.{name}.security_policy"
        yield UNCERTAIN, check, why, remedy
    if spec.get("publishNotReadyAddresses"):
        why = "publishNotReadyAddresses: pods that are not Ready are published as if they were"
        yield UNCERTAIN, check, why, "a Service of its own, without it, for this backend"
    for port in spec.get("ports") or ():
        said = _app_protocol(port, annotations)
        agree = SPEAKS.get(said.lower(), (backend.protocol,))
        if int(port["port"]) == backend.neg.port and backend.protocol not in agree:
            why = f"port {port['port']} says that it speaks {said}, the params {backend.protocol}"
            remedy = f"set backends.{name}.protocol to {agree[0]}, or correct the Service"
            yield UNCERTAIN, "protocols agree", why, remedy


def _app_protocol(port: Object, annotations: Object) -> str:
    """What a port speaks, by the annotation for GKE's Ingress or else by its appProtocol."""
    try:
        named = loads(annotations.get(APP_PROTOCOLS) or "{}")
    except JSONDecodeError:
        named = {}
    found = named.get(port.get("name")) if isinstance(named, dict) else None
    return str(found or port.get("appProtocol") or "")
