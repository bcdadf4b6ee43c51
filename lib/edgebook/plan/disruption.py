"""What a change does to traffic, in one sentence; empty when nobody notices. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from edgebook.model.kinds import KINDS, kind_of
from edgebook.model.links import canonical, link
from edgebook.model.paths import name_of, parent_of
from edgebook.model.values import Action, Ref, ResourceKey, to_json
from edgebook.plan import details, routes

UNPROVEN = "endpoints that do not pass the new check count as unhealthy"
# What a teardown says of itself: the rest goes unnoticed once these are gone.
SERVING = ("address", "forwardingRule")
# Of a URL map: what is no route, and what decides about an answer besides the backend.
BESIDE = ("description", "fingerprint", "tests")  # tests: Google's own try of it, no traffic
ANSWERS = ("edirect", "urlRewrite", "pathRule", "routeRule", "hostRules", "faultInjection")
POLICIES = {"securityPolicy": "Cloud Armor policy", "edgeSecurityPolicy": "edge security policy"}
DOT = re.compile(r"\.(?![^\[]*\])")  # between fields; one inside of [names] is part of a name
TLS_ORDER = ("TLS_1_0", "TLS_1_1", "TLS_1_2", "TLS_1_3")


def of(
    action: Action,
    key: ResourceKey,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    live: Mapping[str, Any],
) -> str:
    """What replacing, deleting or updating this resource disrupts."""
    if action is Action.REPLACE:
        return kind_of(key).replacing
    if action is Action.DELETE:
        return kind_of(key).deleting
    update = {
        "dnsRecordSet": _record,
        "firewall": _firewall,
        "backendService": _backend_service,
        "sslPolicy": _ssl_policy,
        "forwardingRule": _forwarding_rule,
        "targetHttpsProxy": _proxy,
        "targetSslProxy": _stream_proxy,
        "targetTcpProxy": _stream_proxy,
        "serviceAnnotation": _annotation,
        "urlMap": _url_map,
    }.get(key.kind)
    return update(before, after, live) if update else ""


def of_rival(name: str) -> str:
    """A rule that can come only when the one with its address and port is gone."""
    return f"its port answers nobody between the delete of {name} and this"


def of_teardown(key: ResourceKey) -> str:
    """What a delete cuts when the whole front door goes."""
    kind = kind_of(key)
    return kind.torn_down or (kind.deleting if kind.name in SERVING else "")


def of_record(live: Mapping[str, Any]) -> str:
    """Taking a record over is the cut-over."""
    ttl = live.get("ttl")
    return f"clients move to this front door as their caches expire (TTL {ttl} s)"


def of_detaching(clusters: Iterable[str]) -> str:
    """Taking out the NEGs of clusters that are no longer active."""
    names = ", ".join(sorted(clusters))
    if not names:
        return ""
    return f"connections to {names} may be cut: the swap runbook drains them first"


def _record(before: Mapping[str, Any], _: Mapping[str, Any], live: Mapping[str, Any]) -> str:
    return of_record(live) if "rrdatas" in before else ""


def _firewall(before: Mapping[str, Any], after: Mapping[str, Any], live: Mapping[str, Any]) -> str:
    if after.get("disabled") and "disabled" in before:
        return KINDS["firewall"].deleting
    gone = set(live.get("targetTags") or ()) - set(after.get("targetTags") or ())
    if "targetTags" in before and gone:
        return f"Google can no longer reach the nodes tagged {', '.join(sorted(gone))}"
    return ""


def _backend_service(
    before: Mapping[str, Any], after: Mapping[str, Any], _: Mapping[str, Any]
) -> str:
    if "protocol" in before:
        return f"requests fail unless the pods speak {after.get('protocol')} already"
    if "healthChecks" in before:
        return "endpoints count as unhealthy until the new check has passed"
    if "iap.enabled" in before:
        state = "has to log in" if (after.get("iap") or {}).get("enabled") else "gets in unasked"
        return f"everybody {state}"
    if int(before.get("timeoutSec") or 0) > int(after.get("timeoutSec") or 0) > 0:
        return f"answers and idle connections that take longer than {after['timeoutSec']} s are cut"
    for field, name in POLICIES.items():
        if field in before:
            new, old = _name(after.get(field)), _name(before[field])
            return (
                f"requests that {name} {new} denies are refused"
                if new
                else f"requests that {name} {old} denied get in"
            )
    return ""


def _url_map(before: Mapping[str, Any], after: Mapping[str, Any], live: Mapping[str, Any]) -> str:
    """Routes and weights decide where requests go."""
    leaves = [
        leaf
        for leaf in details.of_json({"before": before, "after": to_json(after)})
        if not leaf.path.startswith(BESIDE)
    ]
    moved = [
        leaf
        for leaf in leaves
        if leaf.path.endswith((".weight", "ervice")) or leaf.after == details.NONE
    ] or [leaf for leaf in leaves if any(word in leaf.path for word in ANSWERS)]
    if not moved or not before or routes.same_for_hosts(live, after):
        return ""
    first = ".".join(DOT.split(moved[0].path)[-2:])
    more = f", and {len(moved) - 1} more" if len(moved) > 1 else ""
    return f"requests go elsewhere: {first} {moved[0].before} -> {moved[0].after}{more}"


def _ssl_policy(before: Mapping[str, Any], after: Mapping[str, Any], _: Mapping[str, Any]) -> str:
    old, new = str(before.get("minTlsVersion") or "TLS_1_0"), str(after.get("minTlsVersion"))
    known = old in TLS_ORDER and new in TLS_ORDER
    if "minTlsVersion" in before and known and TLS_ORDER.index(new) > TLS_ORDER.index(old):
        return f"clients below {new.replace('_', ' ', 1).replace('_', '.')} are refused"
    if "profile" in before or "customFeatures" in before:
        return "clients without one of the new ciphers are refused"
    return ""


def _forwarding_rule(
    before: Mapping[str, Any], after: Mapping[str, Any], _: Mapping[str, Any]
) -> str:
    """A proxy of another kind speaks another language with clients."""
    old, new = _proxy_kind(before.get("target")), _proxy_kind(after.get("target"))
    if "target" not in before or not old or not new or old == new:
        return ""
    return f"{new} answers instead of {old}: clients have to speak its protocol from then on"


def _proxy_kind(target: Any) -> str:
    """What people call the kind of the proxy that a rule leads to, by its link."""
    text = canonical(link(target.key)) if isinstance(target, Ref) else str(target or "")
    collection = name_of(parent_of(text))
    return next(
        (f"a {k.noun}" for k in KINDS.values() if collection and k.collection == collection), ""
    )


def _proxy(before: Mapping[str, Any], after: Mapping[str, Any], _: Mapping[str, Any]) -> str:
    if "sslPolicy" in before and (name := _name(after.get("sslPolicy"))):
        return f"clients that SSL policy {name} does not take are refused"
    return ""


def _stream_proxy(
    before: Mapping[str, Any], after: Mapping[str, Any], live: Mapping[str, Any]
) -> str:
    if "proxyHeader" in before:
        return f"connections fail unless the pods expect PROXY header {after['proxyHeader']} now"
    if "service" in before:
        old, new = _name(before["service"]), _name(after.get("service"))
        return f"new connections go to backend service {new}, not to {old} any more"
    return _proxy(before, after, live)


def _name(value: Any) -> str:
    return value.name if isinstance(value, Ref) else name_of(str(value or ""))


def _annotation(before: Mapping[str, Any], after: Mapping[str, Any], _: Mapping[str, Any]) -> str:
    renamed = [path for path in before if path.endswith(".name") and before[path]]
    if renamed:
        return "GKE stops updating the old NEGs at once: no rollout until the new ones are attached"
    return ""
