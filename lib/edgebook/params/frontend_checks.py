"""Checks of the frontends of a params file: what each protocol takes, and its TLS policy."""

from collections import Counter
from collections.abc import Iterator

from edgebook.params.reader import known, nearest, shown
from edgebook.params.types import (
    BackendProtocol,
    FrontendProtocol,
    FrontendSpec,
    Spec,
    SslPolicySpec,
    TlsProfile,
    TlsVersion,
)

Found = Iterator[tuple[str, str]]  # (path, text)
HTTP_PROTOCOLS = frozenset(
    {BackendProtocol.HTTP, BackendProtocol.HTTPS, BackendProtocol.HTTP2, BackendProtocol.H2C}
)


def check(spec: Spec) -> Found:
    """All problems of the frontends."""
    names = Counter(f.name for f in spec.frontends if known(f) and known(f.name))
    for index, frontend in enumerate(spec.frontends):
        if not known(frontend):
            continue
        path = f"frontends[{index}]"
        if names[frontend.name] > 1:
            yield f"{path}.name", f"{shown(frontend.name)} is used twice"
        if known(frontend.protocol):
            yield from _by_protocol(spec, frontend, path)
        if known(frontend.ssl_policy) and frontend.ssl_policy:
            yield from _ssl_policy(frontend.ssl_policy, f"{path}.ssl_policy")


def _by_protocol(spec: Spec, frontend: FrontendSpec, path: str) -> Found:
    https = frontend.protocol is FrontendProtocol.HTTPS
    for key in ("redirect_http", "http3", "keep_alive"):
        if not https and getattr(frontend, key) not in (None, False):
            yield f"{path}.{key}", f"not possible with protocol {frontend.protocol}; only HTTPS"
    if frontend.protocol is FrontendProtocol.TCP and frontend.ssl_policy:
        yield f"{path}.ssl_policy", "not possible with protocol TCP; only HTTPS and SSL"
    if https:
        if frontend.backend:
            yield f"{path}.backend", "not possible with protocol HTTPS; use routes"
        if frontend.proxy_header and frontend.proxy_header != "NONE":
            text = "not possible with protocol HTTPS: the client's address is in X-Forwarded-For"
            yield f"{path}.proxy_header", text
        if known(spec.routes) and not spec.routes:
            yield f"{path}", "protocol HTTPS needs routes"
        return
    if not known(frontend.backend):
        return
    if not frontend.backend:
        yield f"{path}.backend", f"missing; protocol {frontend.protocol} needs one"
        return
    yield from backend_exists(spec, frontend.backend, f"{path}.backend")
    backend = spec.backends.get(frontend.backend) if known(spec.backends) else None
    if backend and known(backend, backend.protocol) and backend.protocol in HTTP_PROTOCOLS:
        text = f"{shown(frontend.backend)} has protocol {backend.protocol}; allowed: SSL, TCP"
        yield f"{path}.backend", text


def backend_exists(spec: Spec, name: str, path: str) -> Found:
    """A name of a backend that is none, with the nearest one."""
    if known(spec.backends, name) and name not in spec.backends:
        near = nearest(name, spec.backends)
        yield path, f"there is no backend {shown(name)}{near}"


def _ssl_policy(policy: SslPolicySpec, path: str) -> Found:
    if policy.name:
        others = (policy.profile, policy.min_tls, policy.custom_features, policy.api)
        if others != (TlsProfile.MODERN, TlsVersion.TLS_1_2, (), {}):
            yield f"{path}.name", "names an existing policy; its content is not set here"
        return
    if policy.min_tls is TlsVersion.TLS_1_3 and policy.profile is not TlsProfile.RESTRICTED:
        yield f"{path}.min_tls", f"TLS_1_3 needs profile RESTRICTED, not {policy.profile}"
    if policy.profile is TlsProfile.CUSTOM and not policy.custom_features:
        yield f"{path}.custom_features", "missing; profile CUSTOM needs them"
    if policy.profile is not TlsProfile.CUSTOM and policy.custom_features:
        yield f"{path}.custom_features", f"not possible with profile {policy.profile}; only CUSTOM"
