"""Target proxies: HTTPS, HTTP, SSL and TCP, with their certificates and setters.

Certificates come from a certificate map or from classic SSL certificates; a proxy that speaks TLS
must always have one of the two, so a map can't be taken off while nothing else is there.
"""

from collections.abc import Callable
from typing import Any

from gcpsim.compute.collections import chains
from gcpsim.compute.engine import links
from gcpsim.compute.engine.resources import Doc, Draft, Kind
from gcpsim.compute.engine.service import Compute
from gcpsim.core.edge import Answer, Call
from gcpsim.core.errors import ApiError, invalid, not_found, required

CERTIFICATE_LIMIT = 15
BACKENDS = ("backendServices",)


def _certificates(draft: Draft) -> None:
    body = draft.body
    if body.get("certificateMap"):
        canonical = links.certificate_map("resource.certificateMap", body["certificateMap"])
        path = canonical.removeprefix(links.CERTIFICATE_ROOT)
        world = draft.compute.world
        if world.certificates.get(path) is None:
            raise not_found(path)
        body["certificateMap"] = canonical
    else:
        body.pop("certificateMap", None)
    certificates = body.get("sslCertificates") or []
    if not certificates:
        body.pop("sslCertificates", None)
    _require_few(certificates, "")
    if not certificates and not body.get("certificateMap"):
        raise invalid(
            "resource.sslCertificates",
            "",
            "At least one SSL certificate or a certificate map must be specified.",
        )
    for index, certificate in enumerate(certificates):
        if certificate.startswith(links.CERTIFICATE_ROOT):
            _managed(draft, f"resource.sslCertificates[{index}]", certificate)


def _require_few(certificates: list[str], doing: str) -> None:
    count = len(certificates)
    if count > CERTIFICATE_LIMIT:
        raise ApiError(
            400,
            f"At most {CERTIFICATE_LIMIT} SSL certificate(s) ({count} in the request) can be "
            f"specified{doing}",
            "invalid",
        )


def set_ssl_certificates(
    compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc
) -> Answer:
    """setSslCertificates, with the refusals that Terraform users quote."""
    certificates = body.get("sslCertificates") or []
    doing = f" for setting SSL certificates in {kind.schema}"
    _require_few(certificates, doing)
    if not certificates and not doc.get("certificateMap"):
        why = f"Certificate Map or at least 1 SSL certificate must be specified{doing}."
        raise ApiError(412, why, "conditionNotMet")
    changes = {"sslCertificates": certificates or None}
    return compute.set_fields(kind, call, path, doc, changes, "setSslCertificates")


def _managed(draft: Draft, field: str, certificate: str) -> None:
    """Certificate Manager certificates without a map: not in front of the world (documented)."""
    path = certificate.removeprefix(links.CERTIFICATE_ROOT)
    world = draft.compute.world
    if world.certificates.get(path) is None:
        raise not_found(path)
    services = [
        draft.compute.get(one) for one in chains.backend_services_of(draft.compute, draft.body)
    ]
    schemes = {(one or {}).get("loadBalancingScheme") for one in services}
    if draft.scope == "global" and schemes - {"INTERNAL_MANAGED"}:
        raise invalid(
            field, certificate, "Certificate Manager certificates need a certificate map here."
        )


def _scheme(draft: Draft, collection: str) -> None:
    """What the proxy now leads to must suit the forwarding rules before it."""
    if draft.old is None:
        return
    path = f"projects/{draft.project}/{draft.scope}/{collection}/{draft.old['name']}"
    services = chains.backend_services_of(draft.compute, draft.body)
    chains.require_scheme_before(draft.compute, path, services)


def prepare_https(draft: Draft) -> None:
    body = draft.body
    if not body.get("urlMap"):
        raise required("resource.urlMap")
    _scheme(draft, "targetHttpsProxies")
    if draft.scope != "global" and body.get("quicOverride"):
        raise invalid(
            "resource.quicOverride",
            body["quicOverride"],
            "QUIC override is supported only with global TargetHttpsProxy.",
        )
    _url_map_for_https(draft)
    _certificates(draft)
    _keep_alive(body)
    if draft.scope == "global":
        body.setdefault("quicOverride", "NONE")
    body.setdefault("tlsEarlyData", "DISABLED")


def _url_map_for_https(draft: Draft) -> None:
    url_map = draft.compute.get(links.path_of(draft.body["urlMap"])) or {}
    if (url_map.get("defaultUrlRedirect") or {}).get("httpsRedirect"):
        raise invalid(
            "resource.urlMap",
            draft.body["urlMap"],
            "The URL map redirects to HTTPS, which is not allowed under a target HTTPS proxy.",
        )


def prepare_http(draft: Draft) -> None:
    if not draft.body.get("urlMap"):
        raise required("resource.urlMap")
    _scheme(draft, "targetHttpProxies")
    _keep_alive(draft.body)


def _keep_alive(body: Doc) -> None:
    value = body.get("httpKeepAliveTimeoutSec")
    if value is not None and not 5 <= value <= 1200:
        raise invalid("resource.httpKeepAliveTimeoutSec", value, "Must be between 5 and 1200.")


def _service(draft: Draft, protocols: tuple[str, ...]) -> None:
    body = draft.body
    if not body.get("service"):
        raise required("resource.service")
    service = draft.compute.get(links.path_of(body["service"])) or {}
    if service.get("protocol") not in protocols:
        raise invalid(
            "resource.service",
            body["service"],
            f"The backend service must use protocol {' or '.join(protocols)}, "
            f"not {service.get('protocol')}.",
        )
    body.setdefault("proxyHeader", "NONE")


def prepare_ssl(draft: Draft) -> None:
    _service(draft, ("SSL", "TCP"))
    _scheme(draft, "targetSslProxies")
    _certificates(draft)


def prepare_tcp(draft: Draft) -> None:
    _service(draft, ("TCP", "SSL"))
    _scheme(draft, "targetTcpProxies")


def _setter(verb: str, *, optional: bool = False, **fields: str) -> Callable[..., Any]:
    """A verb that sets fields of the proxy from fields of the request: proxy field = body field."""

    def call_setter(
        compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc
    ) -> Answer:
        changes: Doc = {}
        for target, source in fields.items():
            if not body.get(source) and not optional:
                raise required(f"resource.{source}")
            changes[target] = body.get(source) or None
        return compute.set_fields(kind, call, path, doc, changes, verb)

    return call_setter


CERTIFICATE_SETTERS = {
    "setCertificateMap": _setter(
        "setCertificateMap", optional=True, certificateMap="certificateMap"
    ),
    "setSslCertificates": set_ssl_certificates,
    "setSslPolicy": _setter("setSslPolicy", optional=True, sslPolicy="sslPolicy"),
}


def _types(collection: str, *verbs: str) -> dict[str, str]:
    """Operation types of setters. Recordings show two styles; the short ones are the exceptions."""
    short = {"setSslCertificates": "SetSslCertificates", "setUrlMap": "SetUrlMap"}
    return {verb: short.get(verb, f"compute.{collection}.{verb}") for verb in verbs}


TARGET_HTTPS_PROXIES = Kind(
    "targetHttpsProxies",
    "TargetHttpsProxy",
    "target_https_proxy",
    scopes=("global", "regions"),
    fingerprint="strict",
    patch=True,
    refs=(
        ("urlMap", ("urlMaps",)),
        ("sslCertificates[]", ("sslCertificates",)),
        ("sslPolicy", ("sslPolicies",)),
    ),
    prepare=prepare_https,
    verbs={
        **CERTIFICATE_SETTERS,
        "setUrlMap": _setter("setUrlMap", urlMap="urlMap"),
        "setQuicOverride": _setter("setQuicOverride", quicOverride="quicOverride"),
    },
    operation_types=_types(
        "targetHttpsProxies",
        "setUrlMap",
        "setQuicOverride",
        "setSslPolicy",
        "setSslCertificates",
        "setCertificateMap",
    ),
)
TARGET_HTTP_PROXIES = Kind(
    "targetHttpProxies",
    "TargetHttpProxy",
    "target_http_proxy",
    scopes=("global", "regions"),
    fingerprint="strict",
    patch=True,
    refs=(("urlMap", ("urlMaps",)),),
    prepare=prepare_http,
    verbs={"setUrlMap": _setter("setUrlMap", urlMap="urlMap")},
    operation_types=_types("targetHttpProxies", "setUrlMap"),
)
TARGET_SSL_PROXIES = Kind(
    "targetSslProxies",
    "TargetSslProxy",
    "target_ssl_proxy",
    aggregated=False,
    refs=(
        ("service", BACKENDS),
        ("sslCertificates[]", ("sslCertificates",)),
        ("sslPolicy", ("sslPolicies",)),
    ),
    prepare=prepare_ssl,
    verbs={
        **CERTIFICATE_SETTERS,
        "setBackendService": _setter("setBackendService", service="service"),
        "setProxyHeader": _setter("setProxyHeader", proxyHeader="proxyHeader"),
    },
    operation_types=_types(
        "targetSslProxies",
        "setBackendService",
        "setProxyHeader",
        "setSslPolicy",
        "setSslCertificates",
        "setCertificateMap",
    ),
)
TARGET_TCP_PROXIES = Kind(
    "targetTcpProxies",
    "TargetTcpProxy",
    "target_tcp_proxy",
    scopes=("global", "regions"),
    refs=(("service", BACKENDS),),
    prepare=prepare_tcp,
    verbs={
        "setBackendService": _setter("setBackendService", service="service"),
        "setProxyHeader": _setter("setProxyHeader", proxyHeader="proxyHeader"),
    },
    operation_types=_types("targetTcpProxies", "setBackendService", "setProxyHeader"),
)
