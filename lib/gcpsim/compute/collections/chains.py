"""From a forwarding rule to its backend services: who leads where, and which schemes fit together.

What URL maps, proxies, forwarding rules and health all ask, so that none of them imports another.
"""

from typing import Any

from gcpsim.compute.engine import links
from gcpsim.compute.engine.resources import Doc, Resources
from gcpsim.core.errors import invalid


def services(body: Any) -> set[str]:
    """The links of all backend services that a URL map can send requests to."""
    found: set[str] = set()
    if isinstance(body, dict):
        for key, value in body.items():
            if key == "tests":
                continue
            if key in ("service", "defaultService", "backendService") and isinstance(value, str):
                found.add(value)
            else:
                found |= services(value)
    elif isinstance(body, list):
        for item in body:
            found |= services(item)
    return found


def reached(compute: Resources, service_path: str) -> bool:
    """Whether some forwarding rule leads to a backend service."""
    for user in compute.users(service_path):
        if "/forwardingRules/" in user:
            return True
        if "/urlMaps/" in user:
            url_map = compute.get(user) or {}
            if links.link(service_path) not in services(url_map):
                continue
        if any(word in user for word in ("/urlMaps/", "/target")) and reached(compute, user):
            return True
    return False


def require_scheme(compute: Resources, scheme: str, services: set[str]) -> None:
    """ApiError 400 when a backend service (a path) can't stand behind a rule of this scheme."""
    for service in sorted(one for one in services if "/backendBuckets/" not in one):
        other = (compute.get(service) or {}).get("loadBalancingScheme", "EXTERNAL")
        if other != scheme and (scheme, other) != ("EXTERNAL", "EXTERNAL_MANAGED"):
            raise invalid(
                "resource.backendService",
                "",
                f"Load balancing scheme {scheme} does not match the backend service load balancing "
                f"scheme {other}.",
            )


def require_scheme_before(compute: Resources, path: str, services: set[str]) -> None:
    """The same for all rules that lead to `path` (a URL map or a proxy), whose services change."""
    for user in compute.users(path):
        if "/forwardingRules/" in user:
            rule = compute.get(user) or {}
            require_scheme(compute, rule.get("loadBalancingScheme", "EXTERNAL"), services)
        elif "/target" in user:
            require_scheme_before(compute, user, services)


def backend_services(compute: Resources, rule: Doc) -> set[str]:
    """The paths of the backend services that a rule leads to."""
    if rule.get("backendService"):
        return {links.path_of(rule["backendService"])}
    return backend_services_of(compute, compute.get(links.path_of(rule.get("target", ""))) or {})


def backend_services_of(compute: Resources, target: Doc) -> set[str]:
    """The paths of the backend services that a target proxy leads to."""
    if "service" in target:
        return {links.path_of(target["service"])}
    url_map = compute.get(links.path_of(target.get("urlMap", ""))) or {}
    return {links.path_of(service) for service in services(url_map)}
