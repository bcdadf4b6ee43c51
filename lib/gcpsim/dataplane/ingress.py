"""What ingress-nginx would be configured to do: Ingress objects as routes for the farm. Pure.

The annotations are those that matter when an Ingress moves to a load balancer of Google's; names
that the controller does not know are ignored, as it ignores them. Snippets are not executed.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gcpsim.core.behaviour import seconds
from gcpsim.k8s.controllers.objects import Obj, annotations_of, key_of

PREFIX = "nginx.ingress.kubernetes.io/"
SIZES = {"k": 1024, "m": 1024**2, "g": 1024**3}
CATCH_ALL = "_"
DEFAULTS = {
    "use-forwarded-headers": "false", "compute-full-forwarded-for": "false",
    "proxy-real-ip-cidr": "0.0.0.0/0", "http-redirect-code": "308", "hsts": "true",
    "hsts-max-age": "31536000", "hsts-include-subdomains": "true", "ssl-redirect": "true",
    "force-ssl-redirect": "false", "proxy-body-size": "1m", "proxy-connect-timeout": "5",
    "proxy-read-timeout": "60", "enable-underscores-in-headers": "false",
    "generate-request-id": "true", "keep-alive": "75", "use-proxy-protocol": "false",
}  # fmt: skip
Upstream = Callable[[str, Obj], str]
Doc = dict[str, Any]


class Notes:
    """The annotations of one Ingress over the controller's ConfigMap."""

    def __init__(self, ingress: Obj, options: Mapping[str, str]) -> None:
        self._notes = annotations_of(ingress)
        self._options = options

    def text(self, name: str) -> str:
        return str(self._notes.get(PREFIX + name, self._options.get(name, ""))).strip()

    def flag(self, name: str) -> bool:
        return self.text(name) == "true"

    def number(self, name: str, otherwise: int) -> int:
        text = self.text(name)
        return int(text) if text.isdigit() else otherwise

    def seconds(self, name: str, otherwise: float) -> float:
        try:
            return seconds(self.text(name))
        except ValueError:
            return otherwise

    def listed(self, *names: str) -> list[str]:
        for name in names:
            found = [text.strip() for text in self.text(name).split(",") if text.strip()]
            if found:
                return found
        return []


def options(config: Mapping[str, str]) -> Doc:
    """What the controller's ConfigMap says for all hosts."""
    have = {**DEFAULTS, **config}
    return {
        "use_forwarded_headers": have["use-forwarded-headers"] == "true",
        "full_forwarded_for": have["compute-full-forwarded-for"] == "true",
        "real_ip_cidrs": [text.strip() for text in have["proxy-real-ip-cidr"].split(",")],
        "http_redirect_code": int(have["http-redirect-code"]),
        "hsts": have["hsts"] == "true",
        "hsts_max_age": int(have["hsts-max-age"]),
        "hsts_subdomains": have["hsts-include-subdomains"] == "true",
        "underscores": have["enable-underscores-in-headers"] == "true",
        "request_id": have["generate-request-id"] == "true",
    }


def manners(config: Mapping[str, str]) -> dict[str, Any]:
    """How the controller's pods treat connections, as fields of a Behaviour."""
    have = {**DEFAULTS, **config}
    proxy = "on" if have["use-proxy-protocol"] == "true" else "off"
    idle = float(have["keep-alive"]) if have["keep-alive"].isdigit() else 0.0
    return {"keepalive": idle, "proxy_protocol": proxy}


def tcp_service(text: str) -> tuple[str, Obj, Doc] | None:
    """`namespace/service:port[:PROXY][:PROXY]`: (namespace, backend, what to do with the line)."""
    parts = text.strip().split(":")
    namespace, slash, name = parts[0].partition("/")
    if len(parts) < 2 or not slash or not name:
        return None
    port: Obj = {"number": int(parts[1])} if parts[1].isdigit() else {"name": parts[1]}
    flags = [*parts[2:], "", ""]
    more = {"decode": flags[0] == "PROXY", "encode": flags[1] == "PROXY"}
    return namespace, {"name": name, "port": port}, more


def size(text: str) -> int:
    """A size of NGINX's (16m, 8k) in bytes; 0 is no limit."""
    number, unit = text[:-1], text[-1:].lower()
    if unit in SIZES and number.isdigit():
        return int(number) * SIZES[unit]
    return int(text) if text.isdigit() else SIZES["m"]


def routes(ingresses: Iterable[Obj], config: Mapping[str, str], upstream: Upstream) -> Doc:
    """Options and servers; `upstream(namespace, service backend)` names the pods behind."""
    have = {**DEFAULTS, **config}
    ordered = sorted(ingresses, key=lambda one: (one["metadata"]["creationTimestamp"], key_of(one)))
    plain = [one for one in ordered if not Notes(one, {}).flag("canary")]
    canaries = [one for one in ordered if Notes(one, {}).flag("canary")]
    regex = {
        _host(rule)
        for one in plain
        for rule in one["spec"].get("rules") or ()
        if Notes(one, {}).flag("use-regex") or Notes(one, {}).text("rewrite-target")
    }
    hosts: defaultdict[str, list[Doc]] = defaultdict(list)
    for one in plain:
        for host, path in _paths(one):
            notes = Notes(one, have)
            location = _location(one, notes, path, upstream)
            location["canaries"] = _canaries(canaries, have, host, path, upstream)
            for name in [host, *notes.listed("server-alias")]:
                hosts[name] += _matches(location, path, regex=host in regex)
    servers: Doc = {
        host: {"tls": False, "locations": _in_order(locations), "redirect_to": ""}
        for host, locations in hosts.items()
    }
    for one in plain:
        for name in _other_names(one, servers):
            target = name.removeprefix("www.") if name.startswith("www.") else f"www.{name}"
            servers[name] = {"tls": False, "locations": _in_order(hosts[target]),
                             "redirect_to": target}  # fmt: skip
    secured = {name for names in certificates(plain).values() for name in names}
    for name in secured & set(servers):
        servers[name]["tls"] = True
    return {"options": options(config), "servers": dict(sorted(servers.items()))}


def certificates(ingresses: Iterable[Obj]) -> dict[str, list[str]]:
    """TLS Secrets (namespace/name) with the hosts that they are for, sorted."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for one in ingresses:
        for entry in one["spec"].get("tls") or ():
            if entry.get("secretName"):
                hosts = entry.get("hosts") or [_host(r) for r in one["spec"].get("rules") or ()]
                key = f"{one['metadata']['namespace']}/{entry['secretName']}"
                found[key] |= {host.lower() for host in hosts}
    return {key: sorted(hosts) for key, hosts in sorted(found.items())}


def _host(rule: Obj) -> str:
    return str(rule.get("host") or CATCH_ALL).lower()


def _paths(ingress: Obj) -> Iterable[tuple[str, Obj]]:
    """(host, path) of an Ingress; its default backend is a path of the catch-all."""
    for rule in ingress["spec"].get("rules") or ():
        for path in (rule.get("http") or {}).get("paths") or ():
            yield _host(rule), path
    default = ingress["spec"].get("defaultBackend")
    if default:
        yield CATCH_ALL, {"path": "/", "pathType": "Prefix", "backend": default}


def _location(ingress: Obj, notes: Notes, path: Obj, upstream: Upstream) -> Doc:
    protocol = notes.text("backend-protocol").upper() or "HTTP"
    service = path["backend"].get("service")
    return {
        "ingress": key_of(ingress),
        "upstream": upstream(ingress["metadata"]["namespace"], service) if service else "",
        "tls": protocol in ("HTTPS", "GRPCS"),
        "ssl_redirect": notes.flag("ssl-redirect"),
        "force_ssl_redirect": notes.flag("force-ssl-redirect"),
        "redirect": _redirect(notes),
        "app_root": notes.text("app-root"),
        "rewrite": notes.text("rewrite-target"),
        "vhost": notes.text("upstream-vhost"),
        "allow": notes.listed("allowlist-source-range", "whitelist-source-range"),
        "deny": notes.listed("denylist-source-range"),
        "body": size(notes.text("proxy-body-size")),
        "connect_timeout": notes.seconds("proxy-connect-timeout", 5.0),
        "read_timeout": notes.seconds("proxy-read-timeout", 60.0),
        "sticky": _sticky(notes),
    }


def _redirect(notes: Notes) -> Doc | None:
    """temporal-redirect wins over permanent-redirect."""
    if notes.text("temporal-redirect"):
        code = notes.number("temporal-redirect-code", 302)
        return {"to": notes.text("temporal-redirect"), "code": code}
    if notes.text("permanent-redirect"):
        code = notes.number("permanent-redirect-code", 301)
        return {"to": notes.text("permanent-redirect"), "code": code}
    return None


def _sticky(notes: Notes) -> Doc | None:
    if notes.text("affinity") != "cookie":
        return None
    return {
        "name": notes.text("session-cookie-name") or "INGRESSCOOKIE",
        "path": notes.text("session-cookie-path") or "/",
        "max_age": notes.number("session-cookie-max-age", 0),
    }


def _canaries(
    canaries: list[Obj], have: Mapping[str, str], host: str, path: Obj, upstream: Upstream
) -> list[Doc]:
    """The canaries of one path."""
    found = []
    for one in canaries:
        notes = Notes(one, have)
        for where, other in _paths(one):
            service = other["backend"].get("service")
            if (where, other.get("path", "/")) != (host, path.get("path", "/")) or not service:
                continue
            found.append(
                {
                    "upstream": upstream(one["metadata"]["namespace"], service),
                    "weight": notes.number("canary-weight", 0),
                    "total": notes.number("canary-weight-total", 100),
                    "header": notes.text("canary-by-header"),
                    "value": notes.text("canary-by-header-value"),
                    "pattern": notes.text("canary-by-header-pattern"),
                    "cookie": notes.text("canary-by-cookie"),
                }
            )
    return found


def _matches(location: Doc, path: Obj, *, regex: bool) -> list[Doc]:
    """A path as locations of NGINX; one regex on a host makes all of its paths regexes."""
    text, kind = path.get("path") or "/", path.get("pathType", "ImplementationSpecific")
    if regex:
        return [{**location, "match": "regex", "path": text}]
    if kind == "Exact":
        return [{**location, "match": "exact", "path": text}]
    if kind == "Prefix" and text != "/":
        whole = text.rstrip("/")
        return [
            {**location, "match": "exact", "path": whole},
            {**location, "match": "prefix", "path": whole + "/"},
        ]
    return [{**location, "match": "prefix", "path": text}]


def _in_order(locations: list[Doc]) -> list[Doc]:
    """As NGINX tries them: exact ones, then the longest; the oldest of two that are the same."""
    kinds = {"exact": 0, "regex": 1, "prefix": 1}
    seen: set[tuple[str, str]] = set()
    kept = []
    for location in locations:
        key = (location["match"], location["path"])
        if key not in seen:
            seen.add(key)
            kept.append(location)
    return sorted(kept, key=lambda one: (kinds[one["match"]], -len(one["path"])))


def _other_names(ingress: Obj, servers: Mapping[str, Any]) -> list[str]:
    """The names that from-to-www-redirect adds: those without an Ingress of their own."""
    if not Notes(ingress, {}).flag("from-to-www-redirect"):
        return []
    names = []
    for rule in ingress["spec"].get("rules") or ():
        host = _host(rule)
        other = host.removeprefix("www.") if host.startswith("www.") else f"www.{host}"
        if other not in servers and host != CATCH_ALL and not host.startswith("*"):
            names.append(other)
    return names
