"""TLS of a front end: which certificate for which server name, versions and suites, secrets.

One secret for each entry of a map: exchanging what a secret holds ends no connection, exchanging
which secret a chain uses does.
"""

from dataclasses import dataclass

from gcpsim.dataplane.routes.documents import Doc, Documents, path_of
from gcpsim.dataplane.routes.envoy import ADS, T, seconds, typed

HANDSHAKE_SECONDS = 10
VERSIONS = {"TLS_1_0": "TLSv1_0", "TLS_1_1": "TLSv1_1", "TLS_1_2": "TLSv1_2", "TLS_1_3": "TLSv1_3"}
SUITES = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_RSA_WITH_AES_128_CBC_SHA": "AES128-SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256": "AES128-GCM-SHA256",
    "TLS_RSA_WITH_AES_256_CBC_SHA": "AES256-SHA",
    "TLS_RSA_WITH_AES_256_GCM_SHA384": "AES256-GCM-SHA384",
}
CURVES = ["X25519", "P-256", "P-384"]
PRIMARY = "PRIMARY"


@dataclass(frozen=True)
class Chain:
    """A certificate choice: the server name it is for (PRIMARY: all others), and its secrets."""

    match: str
    secrets: tuple[str, ...]


def chains(documents: Documents, proxy_path: str, proxy: Doc) -> tuple[list[Chain], dict[str, Doc]]:
    """The choices of a proxy, sorted, and the secrets they name. Certificates that cannot serve
    yet are left out, and so is an entry without any."""
    found: list[Chain] = []
    secrets: dict[str, Doc] = {}
    if proxy.get("certificateMap"):
        choices = [
            (entry, doc.get("hostname") or PRIMARY, doc["certificates"])
            for entry, doc in documents.entries(proxy["certificateMap"])
        ]
    else:
        choices = [(path_of(proxy_path), PRIMARY, proxy.get("sslCertificates") or [])]
    for name, match, certificates in choices:
        names = []
        for index, certificate in enumerate(certificates):
            pair = documents.pair(certificate)
            if pair is not None:
                known = f"{name}#{index}"
                secrets[known] = secret(known, *pair)
                names.append(known)
        if names:
            found.append(Chain(match.lower() if match != PRIMARY else match, tuple(names)))
    return sorted(found, key=lambda chain: chain.match), secrets


def secret(name: str, chain: str, key: str) -> Doc:
    """A secret as Envoy takes it; `chain` and `key` are PEM."""
    return {
        "name": name,
        "tls_certificate": {
            "certificate_chain": {"inline_string": chain},
            "private_key": {"inline_string": key},
        },
    }


def context(documents: Documents, proxy: Doc, chain: Chain, alpn: list[str]) -> Doc:
    """The DownstreamTlsContext of one choice."""
    common: Doc = {
        "tls_params": parameters(documents.get(proxy.get("sslPolicy") or "")),
        "tls_certificate_sds_secret_configs": [
            {"name": name, "sds_config": ADS} for name in chain.secrets
        ],
    }
    if alpn:
        common["alpn_protocols"] = alpn
    return {"common_tls_context": common}


def parameters(policy: Doc | None) -> Doc:
    """Versions and suites: without a policy COMPATIBLE with TLS 1.0; TLS 1.3 is always on.

    Triple DES is left out: the TLS library of Envoy no longer has it.
    """
    least = (policy or {}).get("minTlsVersion") or "TLS_1_0"
    features = (policy or {}).get("enabledFeatures")
    suites = sorted(SUITES) if features is None else features
    out: Doc = {
        "tls_minimum_protocol_version": VERSIONS[least],
        "tls_maximum_protocol_version": "TLSv1_3",
        "ecdh_curves": CURVES,
    }
    names = [SUITES[name] for name in suites if name in SUITES]
    if names:
        out["cipher_suites"] = names
    return out


def matcher(found: list[Chain]) -> Doc:
    """Exact name, then the wildcard one label up, then PRIMARY; without PRIMARY nothing."""
    server_name = typed("sni", "envoy.extensions.matching.common_inputs.network.v3.ServerNameInput")
    out: Doc = {}
    exact = {
        chain.match: _to(chain.match)
        for chain in found
        if chain.match != PRIMARY and not chain.match.startswith("*.")
    }
    if exact:
        out["matcher_tree"] = {"input": server_name, "exact_match_map": {"map": exact}}
    otherwise = _otherwise(found, server_name)
    if not exact:
        return otherwise.get("matcher") or {"on_no_match": otherwise}
    if otherwise:
        out["on_no_match"] = otherwise
    return out


def _otherwise(found: list[Chain], server_name: Doc) -> Doc:
    wild = [chain.match for chain in found if chain.match.startswith("*.")]
    primary = _to(PRIMARY) if any(chain.match == PRIMARY for chain in found) else {}
    if not wild:
        return primary
    listed: Doc = {
        "matcher_list": {
            "matchers": [
                {
                    "predicate": {
                        "single_predicate": {"input": server_name, "value_match": _one_label(name)}
                    },
                    "on_match": _to(name),
                }
                for name in wild
            ]
        }
    }
    if primary:
        listed["on_no_match"] = primary
    return {"matcher": listed}


def _one_label(wildcard: str) -> Doc:
    rest = wildcard.removeprefix("*").replace(".", r"\.")
    return {"safe_regex": {"google_re2": {}, "regex": rf"[^.]+{rest}"}}


def _to(chain: str) -> Doc:
    value = {"@type": T + "google.protobuf.StringValue", "value": chain}
    return {"action": {"name": chain, "typed_config": value}}


def filter_chain(chain: Chain, context_: Doc, filters: list[Doc]) -> Doc:
    name = "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"
    return {
        "name": chain.match,
        "transport_socket": typed("tls", name, **context_),
        "transport_socket_connect_timeout": seconds(HANDSHAKE_SECONDS),
        "filters": filters,
    }
