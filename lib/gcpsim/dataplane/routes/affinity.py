"""Session affinity: what is hashed to choose an endpoint, and cookies that name one."""

from gcpsim.dataplane.routes.documents import Doc, NotCarried, short
from gcpsim.dataplane.routes.envoy import HTTP, T, seconds

COOKIE = "GCLB"
STATE = T + "envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState"
BY_ADDRESS = ("CLIENT_IP", "CLIENT_IP_PORT_PROTO", "CLIENT_IP_PROTO")


def hash_policy(service: Doc) -> list[Doc]:
    """Envoy's hash policies for a backend service; none without hashed affinity."""
    affinity = service.get("sessionAffinity", "NONE")
    consistent = service.get("consistentHash") or {}
    if affinity in BY_ADDRESS:
        return [{"connection_properties": {"source_ip": True}}]
    if affinity == "GENERATED_COOKIE":
        cookie: Doc = {"name": COOKIE, "path": "/"}
        # Envoy makes the cookie itself only where a time to live is given; 0 is a session cookie.
        cookie["ttl"] = seconds(service.get("affinityCookieTtlSec", 0))
        return [{"cookie": cookie}]
    if affinity == "HEADER_FIELD" and consistent.get("httpHeaderName"):
        return [{"header": {"header_name": consistent["httpHeaderName"]}}]
    if affinity == "HTTP_COOKIE" and consistent.get("httpCookie"):
        return [{"cookie": _cookie(consistent["httpCookie"])}]
    return []


def filters(path: str, service: Doc) -> Doc:
    """A cookie that names its endpoint (STRONG_COOKIE_AFFINITY)."""
    if service.get("sessionAffinity") != "STRONG_COOKIE_AFFINITY":
        return {}
    given = service.get("strongSessionAffinityCookie") or {}
    if not given.get("name"):
        raise NotCarried(f"{short(path)} STRONG_COOKIE_AFFINITY without a cookie name")
    return {
        HTTP + "stateful_session": {
            "@type": T + HTTP + "stateful_session.v3.StatefulSessionPerRoute",
            "stateful_session": {
                "session_state": {
                    "name": "envoy.http.stateful_session.cookie",
                    "typed_config": {"@type": STATE, "cookie": _cookie(given)},
                }
            },
        }
    }


def _cookie(given: Doc) -> Doc:
    life = given.get("ttl") or {}
    out: Doc = {"name": given.get("name", COOKIE), "ttl": seconds(float(life.get("seconds") or 0))}
    out["path"] = given.get("path") or "/"
    return out
