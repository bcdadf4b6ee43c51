"""Forwarding rules: which address and port leads to which target, and every clash between them."""

import ipaddress

from gcpsim.compute.collections import addresses, chains
from gcpsim.compute.engine import links
from gcpsim.compute.engine.resources import Doc, Draft, Kind, Resources
from gcpsim.compute.engine.service import Compute
from gcpsim.core.edge import Answer, Call
from gcpsim.core.errors import invalid, not_found, required

PROXIES = ("targetHttpsProxies", "targetHttpProxies", "targetSslProxies", "targetTcpProxies")
IMMUTABLE = (
    "IPAddress",
    "IPProtocol",
    "portRange",
    "loadBalancingScheme",
    "target",
    "backendService",
)


def prepare(draft: Draft) -> None:
    if draft.old is not None:
        _change(draft)
        return
    body = draft.body
    body.setdefault("loadBalancingScheme", "EXTERNAL")
    body.setdefault("IPProtocol", "TCP")
    body.setdefault("networkTier", "PREMIUM")
    body.setdefault("description", "")
    if draft.scope == "global" and body["networkTier"] != "PREMIUM":
        raise invalid(
            "resource.networkTier", body["networkTier"], "Global forwarding rules are PREMIUM only."
        )
    if draft.scope == "global" and not body.get("target"):
        raise required("resource.target")
    if not (body.get("target") or body.get("backendService")):
        raise required("resource.target")
    _ports(draft)
    _address(draft)
    _scheme(draft)
    _conflict(draft)


def _change(draft: Draft) -> None:
    """Only the target (and what PATCH names) of an existing rule can change."""
    old, body = draft.old or {}, draft.body
    for field in IMMUTABLE:
        if field == "loadBalancingScheme" and _migrates(draft):
            continue
        if draft.verb == "patch" and body.get(field) != old.get(field):
            raise invalid(f"resource.{field}", body.get(field, ""), "The field is immutable.")
    _scheme(draft)


def _migrates(draft: Draft) -> bool:
    """Whether the scheme changes between the classic and the managed one, as when migrating."""
    schemes = {draft.body.get("loadBalancingScheme"), (draft.old or {}).get("loadBalancingScheme")}
    return draft.scope == "global" and schemes == {"EXTERNAL", "EXTERNAL_MANAGED"}


def _ports(draft: Draft) -> None:
    body = draft.body
    text = body.get("portRange")
    proxied = any(f"/{collection}/" in body.get("target", "") for collection in PROXIES)
    if not text:
        if proxied:
            raise required("resource.portRange")
        if "/targetPools/" in body.get("target", ""):
            body["portRange"] = "1-65535"
        return
    low, _, high = str(text).partition("-")
    high = high or low
    if not (low.isdigit() and high.isdigit() and 1 <= int(low) <= int(high) <= 65535):
        raise invalid(
            "resource.portRange", text, "Must be a port or a range of ports from 1 to 65535."
        )
    if proxied and low != high:
        raise invalid("resource.portRange", text, "A proxy forwarding rule takes exactly one port.")
    body["portRange"] = f"{int(low)}-{int(high)}"


def _address(draft: Draft) -> None:
    body, compute = draft.body, draft.compute
    given = body.get("IPAddress")
    if given and body.get("ipVersion"):
        raise invalid(
            "resource.ipVersion",
            body["ipVersion"],
            "Both IP Version and IP Address cannot be specified.",
        )
    internal = body["loadBalancingScheme"].startswith("INTERNAL")
    if not given:
        version = body.get("ipVersion", "IPV4")
        body["IPAddress"] = (
            _internal_ip(draft) if internal else addresses.allocate(compute, draft.scope, version)
        )
        return
    try:
        ip = str(ipaddress.ip_address(given))
    except ValueError:
        path = links.reference("resource.IPAddress", given, draft.project, ("addresses",))
        doc = compute.get(path)
        if doc is None:
            raise not_found(path) from None
        ip = doc["address"]
        if links.split(path)[1] != draft.scope:
            raise invalid("resource.IPAddress", ip, "Invalid IP address specified.") from None
        body["IPAddress"] = ip
        return
    body["IPAddress"] = ip
    in_use = addresses.rules_of(compute, draft.project, draft.scope, ip)
    reserved = addresses.by_ip(compute, draft.project, ip, draft.scope)
    if reserved is None and not in_use and not internal:
        raise invalid("resource.IPAddress", ip, "Invalid IP address specified.")


def _internal_ip(draft: Draft) -> str:
    """An address of the rule's subnetwork, or of the default one of its region."""
    body, compute = draft.body, draft.compute
    place = f"projects/{draft.project}/regions/{draft.region}/subnetworks/default"
    subnet = body.setdefault("subnetwork", links.link(place))
    found = compute.resolve("resource.subnetwork", subnet, draft.project, ("subnetworks",))
    number = compute.world.store.next_number(f"subnet/{found['id']}", 2)
    return str(ipaddress.ip_network(found["ipCidrRange"])[number])


def _conflict(draft: Draft) -> None:
    body = draft.body
    low, high = _range(body)
    for rule in addresses.rules_of(draft.compute, draft.project, draft.scope, body["IPAddress"]):
        if rule["IPProtocol"] != body["IPProtocol"]:
            continue
        other_low, other_high = _range(rule)
        if low <= other_high and other_low <= high:
            raise invalid(
                "resource.IPAddress",
                body["IPAddress"],
                "Specified IP address is in-use and would result in a conflict.",
            )


def _range(rule: Doc) -> tuple[int, int]:
    if not rule.get("portRange"):
        return (0, 65535)
    low, _, high = rule["portRange"].partition("-")
    return int(low), int(high or low)


def _scheme(draft: Draft) -> None:
    """EXTERNAL rules may lead to EXTERNAL_MANAGED backend services, not the other way round."""
    body = draft.body
    scheme = body.get("loadBalancingScheme", "EXTERNAL")
    chains.require_scheme(draft.compute, scheme, chains.backend_services(draft.compute, body))


def uses_address(compute: Resources, doc: Doc) -> list[str]:
    project, scope, _, _ = links.split(links.path_of(doc["selfLink"]))
    path = addresses.by_ip(compute, project, doc.get("IPAddress", ""), scope)
    return [path] if path else []


def keys(doc: Doc) -> list[str]:
    project, scope, _, _ = links.split(links.path_of(doc["selfLink"]))
    return [f"rule/{project}/{scope}/{doc['IPAddress']}"]


def set_target(compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc) -> Answer:
    target = body.get("target")
    if not target:
        raise required("resource.target")
    return compute.set_fields(kind, call, path, doc, {"target": target}, "setTarget")


FORWARDING_RULES = Kind(
    "forwardingRules",
    "ForwardingRule",
    "forwarding_rule",
    scopes=("global", "regions"),
    fingerprint="lenient",
    labels=True,
    labels_on_insert=False,
    patch=True,
    refs=(
        ("target", (*PROXIES, "targetPools", "targetInstances")),
        ("backendService", ("backendServices",)),
        ("network", ("networks",)),
        ("subnetwork", ("subnetworks",)),
    ),
    extra_refs=uses_address,
    keys=keys,
    prepare=prepare,
    verbs={"setTarget": set_target},
    operation_types={"setTarget": "SetTarget"},
)
