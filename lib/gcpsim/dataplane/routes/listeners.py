"""Forwarding rules as listeners: what Google's front end does with a connection to an address."""

from dataclasses import dataclass

from gcpsim.core.paths import collection_of
from gcpsim.dataplane.routes import access, armor, clusters, replies, tls, url_map
from gcpsim.dataplane.routes.documents import Doc, Documents, NotCarried, path_of, port_of, short
from gcpsim.dataplane.routes.envoy import ADS, HTTP, seconds, typed

CLIENT_KEEP_ALIVE = 610
QUIC_IDLE = 300
REQUEST_HEADERS_KB = 60
EARLY_BYTES = 64 * 1024
ALT_SVC = 'h3=":{port}"; ma=2592000,h3-29=":{port}"; ma=2592000'
HTTP_PROXIES = ("targetHttpProxies", "targetHttpsProxies")
TLS_PROXIES = ("targetHttpsProxies", "targetSslProxies")
PROXIES = ("targetHttpProxies", "targetHttpsProxies", "targetSslProxies", "targetTcpProxies")


@dataclass(frozen=True)
class Front:
    """A forwarding rule and the documents behind it."""

    path: str
    rule: Doc
    proxy_path: str
    proxy: Doc

    @property
    def kind(self) -> str:
        return collection_of(self.proxy_path)

    @property
    def scheme(self) -> str:
        return str(self.rule.get("loadBalancingScheme", "EXTERNAL"))


def fronts(documents: Documents) -> list[Front]:
    """The proxies' forwarding rules whose target is known, sorted by path.

    A location may learn of a rule before it learns that the one before it is gone: of those that
    have one address and port, the newest serves.
    """
    found: dict[tuple[str, str], Front] = {}
    oldest_first = sorted(documents.all("forwardingRules"), key=lambda item: _age(item[1]))
    for path, rule in oldest_first:
        target = path_of(rule.get("target") or "")
        if any(f"/{kind}/" in target for kind in PROXIES) and rule.get("IPAddress"):
            proxy = documents.get(target)
            if proxy is not None:
                place = (str(rule["IPAddress"]), str(rule.get("portRange")))
                found[place] = Front(path, rule, target, proxy)
    return sorted(found.values(), key=lambda front: front.path)


def _age(rule: Doc) -> tuple[str, int]:
    return str(rule.get("creationTimestamp", "")), int(rule.get("id") or 0)


def listener(
    documents: Documents, front: Front, host: str, port: int, country: str
) -> tuple[Doc | None, dict[str, Doc]]:
    """The listener of a front, and the secrets it names. None when it can't be served."""
    if unserved(front, documents):
        return None, {}
    secrets: dict[str, Doc] = {}
    out: Doc = {
        "name": front.path,
        "address": {"socket_address": {"address": host, "port_value": port}},
        "enable_reuse_port": False,
        "metadata": {"filter_metadata": {"gcpsim": _metadata(front, country)}},
        "listener_filters": [],
    }
    if front.kind != "targetTcpProxies":
        # The CONNECT proxy tells who the client is in a PROXY line; others need not.
        name = "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol"
        said = typed("proxy_line", name, allow_requests_without_proxy_protocol=True)
        out["listener_filters"].append(said)
    filters = [*_guards(documents, front), _filter(documents, front)]
    if front.kind not in TLS_PROXIES:
        out["filter_chains"] = [{"name": "plain", "filters": filters}]
        return out, secrets
    chosen, secrets = tls.chains(documents, front.proxy_path, front.proxy)
    inspector = "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"
    out["listener_filters"].append(typed("sni", inspector))
    alpn = ["h2", "http/1.1"] if front.kind == "targetHttpsProxies" else []
    out["filter_chains"] = [
        tls.filter_chain(chain, tls.context(documents, front.proxy, chain, alpn), filters)
        for chain in chosen
    ]
    out["filter_chain_matcher"] = tls.matcher(chosen)
    return out, secrets


def quic(documents: Documents, front: Front, host: str, port: int, country: str) -> Doc:
    """The same HTTPS front over HTTP/3: UDP, with the certificates of `listener`."""
    chosen, _ = tls.chains(documents, front.proxy_path, front.proxy)
    filters = [_http(documents, front, codec="HTTP3")]
    chains = []
    for chain in chosen:
        context = tls.context(documents, front.proxy, chain, ["h3"])
        made = tls.filter_chain(chain, context, filters)
        name = "envoy.extensions.transport_sockets.quic.v3.QuicDownstreamTransport"
        made["transport_socket"] = typed(
            "envoy.transport_sockets.quic", name, downstream_tls_context=context
        )
        chains.append(made)
    return {
        "name": f"{front.path}#quic",
        "address": {"socket_address": {"protocol": "UDP", "address": host, "port_value": port}},
        "metadata": {"filter_metadata": {"gcpsim": _metadata(front, country)}},
        "udp_listener_config": {
            "quic_options": {"idle_timeout": seconds(QUIC_IDLE)},
        },
        "filter_chains": chains,
        "filter_chain_matcher": tls.matcher(chosen),
    }


def _metadata(front: Front, country: str) -> Doc:
    return {
        "country": country,
        "encrypted": "true" if front.kind in TLS_PROXIES else "false",
        "ip": front.rule["IPAddress"],
        "port": str(port_of(front.rule)),
        "rule": front.path,
    }


def _filter(documents: Documents, front: Front) -> Doc:
    if front.kind in HTTP_PROXIES:
        return _http(documents, front)
    return _stream(documents, front)


def _guards(documents: Documents, front: Front) -> list[Doc]:
    """What a stream passes before its backend is looked for; requests are guarded by routes."""
    if front.kind in HTTP_PROXIES:
        return []
    service = documents.get(path_of(front.proxy.get("service") or "")) or {}
    return armor.connection_filters(documents, service)


def _stream(documents: Documents, front: Front) -> Doc:
    path = path_of(front.proxy.get("service") or "")
    service = documents.get(path) or {}
    fields: Doc = {
        "stat_prefix": "front",
        "cluster": path,
        "idle_timeout": seconds(service.get("timeoutSec", 30)),
        "max_connect_attempts": 1,
        "access_log": access.connections(),
        "access_log_options": {"flush_access_log_on_connected": True},
    }
    if front.kind in TLS_PROXIES:
        # TLS is finished before a backend is looked for.
        fields["upstream_connect_mode"] = "ON_DOWNSTREAM_TLS_HANDSHAKE"
        fields["max_early_data_bytes"] = EARLY_BYTES
    if service.get("sessionAffinity", "NONE") != "NONE":
        fields["hash_policy"] = [{"source_ip": {}}]
    return typed("stream", "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", **fields)


def _http(documents: Documents, front: Front, codec: str = "AUTO") -> Doc:
    map_path = path_of(front.proxy.get("urlMap") or "")
    managed = front.scheme != "EXTERNAL"
    keep_alive = front.proxy.get("httpKeepAliveTimeoutSec") or CLIENT_KEEP_ALIVE
    fields: Doc = {
        "stat_prefix": "front",
        "codec_type": codec,
        "rds": {
            "route_config_name": url_map.name_of(map_path, front.scheme),
            "config_source": ADS,
        },
        "http_filters": http_filters(),
        "access_log": access.requests(),
        "use_remote_address": True,
        "internal_address_config": {
            "cidr_ranges": [{"address_prefix": "240.0.0.0", "prefix_len": 32}]
        },
        "via": "1.1 google",
        "server_header_transformation": "PASS_THROUGH",
        "generate_request_id": False,
        "max_request_headers_kb": REQUEST_HEADERS_KB,
        "common_http_protocol_options": {
            "idle_timeout": seconds(keep_alive),
            "max_headers_count": 1000,
        },
        "http_protocol_options": {"accept_http_10": True},
        "stream_idle_timeout": "0s",
        "request_timeout": seconds(_slowest(documents, map_path)),
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "normalize_path": False,
        "merge_slashes": managed,
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
        "local_reply_config": replies.local_replies(front.scheme),
    }
    if codec == "HTTP3":
        fields["http3_protocol_options"] = {}
    if offers_http3(front):
        fields["http_filters"] = [alt_svc(port_of(front.rule)), *fields["http_filters"]]
    name = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    return typed("http", name, **fields)


def _slowest(documents: Documents, map_path: str) -> float:
    """How long a client may take to send a request: the largest timeout of the map's services."""
    found = [documents.get(path) for path in sorted(services_of(documents.get(map_path) or {}))]
    return max((clusters.timeout_of(one) for one in found if one), default=30.0)


def services_of(part: object) -> set[str]:
    """The paths of all backend services that a document names."""
    found: set[str] = set()
    if isinstance(part, dict):
        for key, value in part.items():
            if key in ("service", "defaultService", "backendService") and isinstance(value, str):
                found.add(path_of(value))
            elif key != "tests":
                found |= services_of(value)
    elif isinstance(part, list):
        for item in part:
            found |= services_of(item)
    return found


def http_filters() -> list[Doc]:
    """The chain of every request. All but the router are asleep: a route that has a configuration
    for one wakes it, so others do not pay for it, and listeners (whose change would end
    connections) stay as they are when a policy comes or goes."""
    asleep = [
        typed(HTTP + "rbac", HTTP + "rbac.v3.RBAC"),
        typed(HTTP + "local_ratelimit", HTTP + "local_ratelimit.v3.LocalRateLimit",
              stat_prefix="none"),
        typed(HTTP + "cors", HTTP + "cors.v3.Cors"),
        typed(HTTP + "fault", HTTP + "fault.v3.HTTPFault"),
        typed(HTTP + "stateful_session", HTTP + "stateful_session.v3.StatefulSession"),
    ]  # fmt: skip
    router = typed(HTTP + "router", HTTP + "router.v3.Router", suppress_envoy_headers=True)
    return [*({**one, "disabled": True} for one in asleep), router]


def offers_http3(front: Front) -> bool:
    """quicOverride NONE is ENABLE at the front of the world."""
    return (
        front.kind == "targetHttpsProxies" and front.proxy.get("quicOverride", "NONE") != "DISABLE"
    )


def alt_svc(port: int) -> Doc:
    """The offer of HTTP/3, on every answer."""
    offer = {
        "header": {"key": "alt-svc", "value": ALT_SVC.format(port=port)},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }
    mutations = {"response_mutations": [{"append": offer}]}
    return typed(HTTP + "header_mutation", HTTP + "header_mutation.v3.HeaderMutation",
                 mutations=mutations)  # fmt: skip


def unserved(front: Front, documents: Documents) -> str:
    """Why a front has no listener; "" when it has one."""
    for field in ("authorizationPolicy", "serverTlsPolicy"):
        if front.proxy.get(field):
            return f"gcpsim's data plane does not carry {short(front.proxy_path)} {field} yet"
    if front.kind in TLS_PROXIES and not tls.chains(documents, front.proxy_path, front.proxy)[0]:
        return f"{short(front.proxy_path)} has no certificate that can serve"
    try:
        _guards(documents, front)
    except NotCarried as what:
        return f"gcpsim's data plane does not carry {what} yet"
    return ""
