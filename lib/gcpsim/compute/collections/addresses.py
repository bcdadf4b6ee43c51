"""Reserved IP addresses, global and regional, and where their numbers come from."""

import ipaddress

from gcpsim.compute.engine import links
from gcpsim.compute.engine.resources import Doc, Draft, Kind, Resources
from gcpsim.core.errors import ApiError, invalid, required

GLOBAL_IPV4 = ipaddress.ip_network("34.8.0.0/14")
GLOBAL_IPV6 = ipaddress.ip_network("2600:1901::/40")
REGIONAL_IPV4 = ipaddress.ip_network("35.192.0.0/12")


def allocate(compute: Resources, scope: str, version: str = "IPV4") -> str:
    """A public IP address that nothing had before: global anycast, or of a region."""
    store = compute.world.store
    if version == "IPV6":
        count = store.next_number("ipv6")
        return str(GLOBAL_IPV6[count << 64])
    pool = GLOBAL_IPV4 if scope == "global" else REGIONAL_IPV4
    count = store.next_number(f"ipv4/{pool}")
    # An odd multiplier walks through the pool without repeating, so that addresses look scattered.
    return str(pool[(count * 40503 + 7) % (pool.num_addresses - 2) + 1])


def by_ip(compute: Resources, project: str, address: str, scope: str = "") -> str | None:
    """The path of the reserved address with this IP, in one scope or in any."""
    found = compute.index.found(f"ip/{project}/{scope}/{address}")
    return found[0] if found else None


def keys(doc: Doc) -> list[str]:
    project, scope, _, _ = links.split(links.path_of(doc["selfLink"]))
    return [f"ip/{project}/{scope}/{doc['address']}", f"ip/{project}//{doc['address']}"]


def rules_of(compute: Resources, project: str, scope: str, address: str) -> list[Doc]:
    """The forwarding rules of a scope that have this IP."""
    paths = compute.index.found(f"rule/{project}/{scope}/{address}")
    return [doc for doc in map(compute.get, paths) if doc is not None]


def prepare(draft: Draft) -> None:
    body = draft.body
    kind = body.setdefault("addressType", "EXTERNAL")
    body.setdefault("networkTier", "PREMIUM")
    body.setdefault("description", "")
    if draft.scope == "global" and kind == "INTERNAL":
        if body.get("purpose") not in ("VPC_PEERING", "PRIVATE_SERVICE_CONNECT"):
            raise required("resource.purpose")
        body.setdefault(
            "address", f"10.{draft.compute.world.store.next_number('peering') % 128}.0.0"
        )
        return
    if kind == "EXTERNAL":
        _external(draft)
        return
    subnet = body.get("subnetwork")
    if not subnet:
        subnet = links.link(f"projects/{draft.project}/{draft.scope}/subnetworks/default")
        body["subnetwork"] = subnet
    body.setdefault("purpose", "GCE_ENDPOINT")
    found = draft.compute.resolve("resource.subnetwork", subnet, draft.project, ("subnetworks",))
    network = ipaddress.ip_network(found["ipCidrRange"])
    if "address" not in body:
        number = draft.compute.world.store.next_number(f"subnet/{found['id']}", 2)
        body["address"] = str(network[number])
    elif _parsed(body["address"]) not in network:
        raise invalid(
            "resource.address", body["address"], "The specified address is not in the subnetwork."
        )


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(address)
    except ValueError:
        raise invalid("resource.address", address, "Must be a valid IP address.") from None


def _external(draft: Draft) -> None:
    body = draft.body
    if draft.scope == "global" and body["networkTier"] != "PREMIUM":
        raise invalid(
            "resource.networkTier", body["networkTier"], "Global addresses are PREMIUM only."
        )
    given = body.get("address")
    if given is None:
        body["address"] = allocate(draft.compute, draft.scope, body.get("ipVersion", "IPV4"))
        return
    _parsed(given)
    if by_ip(draft.compute, draft.project, given):
        raise ApiError(
            400,
            f"Invalid value for field 'resource.address': '{given}'. "
            "Specified IP address is already reserved.",
            "invalid",
        )
    if not rules_of(draft.compute, draft.project, draft.scope, given):
        raise invalid(
            "resource.address", given, "Specified IP address is not in use by this project."
        )


def view(compute: Resources, path: str, doc: Doc) -> None:
    users = compute.users(path)
    doc["status"] = "IN_USE" if users else "RESERVED"
    if users:
        doc["users"] = [links.link(user) for user in users]


def promoted(compute: Resources, path: str, doc: Doc | None) -> None:
    """An ephemeral address that was reserved: its forwarding rules now use the reservation."""
    if doc is None:
        return
    project, scope, _, _ = links.split(path)
    for rule in rules_of(compute, project, scope, doc["address"]):
        compute.reindex(links.path_of(rule["selfLink"]))


ADDRESSES = Kind(
    "addresses",
    "Address",
    "address",
    scopes=("global", "regions"),
    labels=True,
    labels_on_insert=False,
    refs=(("network", ("networks",)), ("subnetwork", ("subnetworks",))),
    prepare=prepare,
    view=view,
    after=promoted,
    keys=keys,
)
