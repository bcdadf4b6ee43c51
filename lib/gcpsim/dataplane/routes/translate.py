"""All of it: the documents that a location knows, as the resources its Envoy should have."""

from collections.abc import Callable
from dataclasses import dataclass, field

from gcpsim.core.paths import region_of
from gcpsim.dataplane.routes import clusters, listeners, url_map
from gcpsim.dataplane.routes.documents import Doc, Documents, NotCarried, path_of, port_of
from gcpsim.dataplane.routes.listeners import Front
from gcpsim.dataplane.routes.policies import policy_of

Place = Callable[[str, int], tuple[str, int]]


@dataclass
class Config:
    """Envoy's resources by name, but for endpoints; `fronts` are the rules that are served.

    `failed` says by forwarding rule or backend service what is not served, and why.
    """

    clusters: dict[str, Doc] = field(default_factory=dict)
    listeners: dict[str, Doc] = field(default_factory=dict)
    routes: dict[str, Doc] = field(default_factory=dict)
    secrets: dict[str, Doc] = field(default_factory=dict)
    fronts: list[Front] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def translate(
    documents: Documents, place: Place, *, country: str = "", region: str = "", retries: bool = True
) -> Config:
    """`place` says where this location serves (address, port); a regional front end is served only
    where `region` is its own."""
    out = Config()
    services: set[str] = set()
    for front in listeners.fronts(documents):
        if not front.scheme.startswith("EXTERNAL"):
            continue
        if region and region_of(front.path) not in ("", region):
            continue
        host, port = place(front.rule["IPAddress"], port_of(front.rule))
        made, secrets = listeners.listener(documents, front, host, port, country)
        if made is None:
            out.failed[front.path] = listeners.unserved(front, documents)
            continue
        out.listeners[front.path] = made
        if listeners.offers_http3(front):
            over = listeners.quic(documents, front, host, port, country)
            out.listeners[over["name"]] = over
        out.secrets |= secrets
        out.fronts.append(front)
        services |= _behind(documents, front, out, (country, retries))
    for path in sorted(services):
        _cluster(documents, path, out)
    return out


def _behind(documents: Documents, front: Front, out: Config, here: tuple[str, bool]) -> set[str]:
    """The backend services that a front can lead to; its routes are made on the way."""
    if front.kind not in listeners.HTTP_PROXIES:
        return {path_of(front.proxy.get("service") or "")}
    path = path_of(front.proxy.get("urlMap") or "")
    doc = documents.get(path) or {}
    name = url_map.name_of(path, front.scheme)
    if name not in out.routes:
        out.routes[name] = url_map.route_configuration(documents, path, doc, front.scheme, *here)
    return listeners.services_of(doc)


def _cluster(documents: Documents, path: str, out: Config) -> None:
    service = documents.get(path)
    if service is None or "/backendServices/" not in path:
        return
    try:
        made = clusters.cluster(path, service)
        policy_of(documents, path, service)
        if clusters.sent_proxy_line(documents, path):
            made = clusters.with_proxy_line(made)
    except NotCarried as what:
        out.failed[path] = f"gcpsim's data plane does not carry {what} yet"
        return
    out.clusters[path] = made
