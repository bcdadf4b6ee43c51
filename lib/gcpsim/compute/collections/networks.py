"""VPC networks and subnetworks, and the `default` network that every project starts with."""

import ipaddress

from gcpsim.compute.collections import routes
from gcpsim.compute.collections.effective_firewalls import effective_firewalls
from gcpsim.compute.engine import links
from gcpsim.compute.engine.catalog import AUTO_SECOND_BYTE, REGIONS
from gcpsim.compute.engine.resources import Doc, Draft, Kind, Resources
from gcpsim.compute.engine.service import Compute
from gcpsim.core.edge import Answer, Call
from gcpsim.core.errors import ApiError, in_use, invalid, required
from gcpsim.core.paths import name_of, parent_of

SMALLEST = 8  # addresses of a subnetwork's range
ROUTED = "compute/routed"  # networks that got their default route: it may be deleted meanwhile
AUTO_RANGE = ipaddress.ip_network("10.128.0.0/9")
DEFAULT_FIREWALLS: tuple[tuple[str, str, list[Doc], list[str]], ...] = (
    (
        "default-allow-icmp",
        "Allow ICMP from anywhere",
        [{"IPProtocol": "icmp"}],
        ["0.0.0.0/0"],
    ),
    (
        "default-allow-internal",
        "Allow internal traffic on the default network",
        [
            {"IPProtocol": "tcp", "ports": ["0-65535"]},
            {"IPProtocol": "udp", "ports": ["0-65535"]},
            {"IPProtocol": "icmp"},
        ],
        [str(AUTO_RANGE)],
    ),
    (
        "default-allow-rdp",
        "Allow RDP from anywhere",
        [{"IPProtocol": "tcp", "ports": ["3389"]}],
        ["0.0.0.0/0"],
    ),
    (
        "default-allow-ssh",
        "Allow SSH from anywhere",
        [{"IPProtocol": "tcp", "ports": ["22"]}],
        ["0.0.0.0/0"],
    ),
)


def default_network(compute: Resources, project: str) -> None:
    """The auto mode network `default`, its subnetworks and its four firewall rules."""
    compute.make(
        project,
        "global",
        "networks",
        {
            "name": "default",
            "autoCreateSubnetworks": True,
            "description": "Default network for the project",
        },
    )
    for name, description, allowed, ranges in DEFAULT_FIREWALLS:
        compute.make(
            project,
            "global",
            "firewalls",
            {
                "name": name,
                "description": description,
                "network": links.link(f"projects/{project}/global/networks/default"),
                "allowed": allowed,
                "sourceRanges": ranges,
                "priority": 65534,
            },
        )


def prepare_network(draft: Draft) -> None:
    body = draft.body
    body.setdefault("autoCreateSubnetworks", True)
    body.setdefault("routingConfig", {})
    body["routingConfig"].setdefault("routingMode", "REGIONAL")
    body["routingConfig"].setdefault("bgpBestPathSelectionMode", "LEGACY")
    body.setdefault("networkFirewallPolicyEnforcementOrder", "AFTER_CLASSIC_FIREWALL")
    if not 1300 <= body.get("mtu", 1460) <= 8896:
        raise invalid("resource.mtu", body["mtu"], "Must be between 1300 and 8896.")


def network_created(compute: Resources, path: str, doc: Doc | None) -> None:
    """A network gets a route to the Internet, in auto mode also a subnetwork in each region."""
    if doc is None:
        return
    if path not in compute.world.store.table(ROUTED):
        compute.world.store.table(ROUTED).put(path, {})
        routes.to_internet(compute, path)
    if not doc.get("autoCreateSubnetworks"):
        return
    project, _, _, name = links.split(path)
    for region in REGIONS:
        place = f"projects/{project}/regions/{region}/subnetworks/{name}"
        if compute.get(place) is not None:
            continue
        cidr = f"10.{AUTO_SECOND_BYTE[region]}.0.0/20"
        body = {"name": name, "network": doc["selfLink"], "ipCidrRange": cidr}
        compute.make(project, f"regions/{region}", "subnetworks", body)


def remove_network(compute: Resources, path: str, doc: Doc) -> None:
    """Auto mode subnetworks go with their network; what else uses it blocks the deletion."""
    subnets = [user for user in compute.users(path) if "/subnetworks/" in user]
    for subnet in subnets:
        if not doc.get("autoCreateSubnetworks") or name_of(subnet) != doc["name"]:
            raise in_use("network", path, subnet)
    for subnet in subnets:
        compute.require_unused(compute.kinds["subnetworks"], subnet)
    ways = [user for user in compute.users(path) if "/routes/" in user]
    for way in ways:
        if not name_of(way).startswith(routes.DEFAULT):
            raise in_use("network", path, way)
    for gone in (*subnets, *ways):
        compute.drop(gone)
    compute.world.store.table(ROUTED).delete(path)


def view_network(compute: Resources, path: str, doc: Doc) -> None:
    subnets = [links.link(user) for user in compute.users(path) if "/subnetworks/" in user]
    if subnets:
        doc["subnetworks"] = subnets
    _states(compute, path, doc)
    doc["selfLinkWithId"] = links.link(f"{parent_of(path)}/{doc['id']}")


def prepare_subnetwork(draft: Draft) -> None:
    body = draft.body
    if not body.get("network"):
        raise required("resource.network")
    if not body.get("ipCidrRange"):
        raise required("resource.ipCidrRange")
    cidr = _cidr("resource.ipCidrRange", body["ipCidrRange"])
    body["gatewayAddress"] = str(cidr[1])
    body.setdefault("allowSubnetCidrRoutesOverlap", False)
    body.setdefault("privateIpGoogleAccess", False)
    body.setdefault("purpose", "PRIVATE")
    body.setdefault("stackType", "IPV4_ONLY")
    body.setdefault("privateIpv6GoogleAccess", "DISABLE_GOOGLE_ACCESS")
    for index, secondary in enumerate(body.get("secondaryIpRanges", [])):
        where = f"resource.secondaryIpRanges[{index}].ipCidrRange"
        if not secondary.get("ipCidrRange"):
            raise required(where)
        _cidr(where, secondary["ipCidrRange"])
    if draft.old is not None:
        return
    for other in draft.compute.list(draft.project, "subnetworks"):
        if other["network"] == body["network"]:
            _require_apart(body, other)


def _cidr(where: str, text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        found = ipaddress.ip_network(text)
    except ValueError:
        raise invalid(where, text, "Must be a CIDR address range.") from None
    if found.num_addresses < SMALLEST:
        raise invalid(where, text, "Must be a CIDR address range of /29 or larger.")
    return found


def _ranges(subnet: Doc) -> list[str]:
    secondary = [one["ipCidrRange"] for one in subnet.get("secondaryIpRanges", [])]
    return [subnet["ipCidrRange"], *secondary]


def _require_apart(subnet: Doc, other: Doc) -> None:
    """ApiError 400 when two subnetworks of one network share addresses."""
    for mine in _ranges(subnet):
        for theirs in _ranges(other):
            if ipaddress.ip_network(mine).overlaps(ipaddress.ip_network(theirs)):
                raise ApiError(
                    400,
                    f"Invalid IPCidrRange: {mine} conflicts with existing subnetwork "
                    f"'{other['name']}' in region '{name_of(other['region'])}'.",
                    "invalid",
                )


def add_peering(compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc) -> Answer:
    """networks.addPeering: ACTIVE once the other network peers back."""
    project = links.split(path)[0]
    given = body.get("networkPeering") or {
        "name": body.get("name"),
        "network": body.get("peerNetwork"),
    }
    if not given.get("name"):
        raise required("networkPeering.name")
    if not given.get("network"):
        raise required("networkPeering.network")
    peerings = list(doc.get("peerings") or [])
    if any(one["name"] == given["name"] for one in peerings):
        why = "There is already a peering of this name."
        raise invalid("networkPeering.name", given["name"], why)
    peer = links.reference("networkPeering.network", given["network"], project, ("networks",))
    made = {
        "autoCreateRoutes": True,
        "exchangeSubnetRoutes": True,
        **given,
        "network": links.link(peer),
    }
    changes = {"peerings": [*peerings, made]}
    return compute.set_fields(kind, call, path, doc, changes, "addPeering")


def remove_peering(
    compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc
) -> Answer:
    left = [one for one in doc.get("peerings") or [] if one["name"] != body.get("name")]
    if len(left) == len(doc.get("peerings") or []):
        why = f"There is no peering {body.get('name')!r} on the network."
        raise invalid("name", body.get("name"), why)
    return compute.set_fields(kind, call, path, doc, {"peerings": left or None}, "removePeering")


def switch_to_custom(
    compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc
) -> Answer:
    changes = {"autoCreateSubnetworks": False}
    return compute.set_fields(kind, call, path, doc, changes, "switchToCustomMode")


def _states(compute: Resources, path: str, doc: Doc) -> None:
    """Whether each peering is answered from the other side."""
    shown = []
    for peering in doc.get("peerings") or []:
        peer = compute.get(links.path_of(peering["network"])) or {}
        back = any(one["network"] == links.link(path) for one in peer.get("peerings") or [])
        details = "Connected." if back else "Waiting for peer network to connect."
        state = "ACTIVE" if back else "INACTIVE"
        shown.append({**peering, "state": state, "stateDetails": details})
    if shown:
        doc["peerings"] = shown


NETWORKS = Kind(
    "networks",
    "Network",
    "network",
    aggregated=False,
    patch=True,
    prepare=prepare_network,
    view=view_network,
    after=network_created,
    remove=remove_network,
    cascade=("subnetworks", "routes"),
    verbs={
        "addPeering": add_peering,
        "getEffectiveFirewalls": effective_firewalls,
        "removePeering": remove_peering,
        "switchToCustomMode": switch_to_custom,
    },
    operation_types={"patch": "compute.networks.patch"},
)
SUBNETWORKS = Kind(
    "subnetworks",
    "Subnetwork",
    "subnetwork",
    scopes=("regions",),
    fingerprint="strict",
    patch=True,
    refs=(("network", ("networks",)),),
    prepare=prepare_subnetwork,
)
