"""Routes: those of users, the one of each network to the Internet, and those of subnetworks.

The default route is stored with its network, since users may delete it. The routes of subnetworks
follow from these and cannot be deleted.
"""

import hashlib
import ipaddress

from gcpsim.compute.engine import links
from gcpsim.compute.engine.derived import Rows
from gcpsim.compute.engine.resources import Doc, Draft, Kind, Resources
from gcpsim.core.errors import ApiError, invalid, required

DEFAULT = "default-route-"
NEXT_HOPS = (
    "nextHopGateway",
    "nextHopIlb",
    "nextHopInstance",
    "nextHopIp",
    "nextHopNetwork",
    "nextHopVpnTunnel",
)


def to_internet(compute: Resources, path: str) -> None:
    """The default route of a new network."""
    project, _, _, _ = links.split(path)
    body = {
        "name": DEFAULT + _digest(path),
        "description": "Default route to the Internet.",
        "network": links.link(path),
        "destRange": "0.0.0.0/0",
        "priority": 1000,
        "nextHopGateway": links.link(
            f"projects/{project}/global/gateways/default-internet-gateway"
        ),
    }
    compute.make(project, "global", "routes", body)


def of_subnetworks(compute: Resources, project: str, scope: str) -> Rows:
    """A route for each range of each subnetwork."""
    if scope not in ("", "global"):
        return []
    rows: Rows = []
    for path, subnet in compute.rows("subnetworks", project):
        ranges = [subnet, *(subnet.get("secondaryIpRanges") or ())]
        rows += [_local(project, path, subnet, one["ipCidrRange"]) for one in ranges]
    return rows


def _local(project: str, subnet: str, doc: Doc, cidr: str) -> tuple[str, Doc]:
    digest = _digest(f"{subnet} {cidr}")
    path = f"projects/{project}/global/routes/{DEFAULT}r-{digest}"
    return path, {
        "kind": "compute#route",
        "id": str(int(digest[:15], 16) + 10**18),
        "creationTimestamp": doc["creationTimestamp"],
        "name": f"{DEFAULT}r-{digest}",
        "description": f"Default local route to the subnetwork {cidr}.",
        "network": doc["network"],
        "destRange": cidr,
        "priority": 0,
        "nextHopNetwork": doc["network"],
        "routeType": "SUBNET",
        "selfLink": links.link(path),
    }


def local(path: str) -> ApiError:
    """The refusal to change a route of a subnetwork."""
    return ApiError(400, "The local route cannot be deleted.", "badRequest")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def prepare_route(draft: Draft) -> None:
    body = draft.body
    for field in ("network", "destRange"):
        if not body.get(field):
            raise required(f"resource.{field}")
    try:
        body["destRange"] = str(ipaddress.ip_network(body["destRange"]))
    except ValueError:
        why = "Must be a CIDR address range."
        raise invalid("resource.destRange", body["destRange"], why) from None
    hops = [hop for hop in NEXT_HOPS if body.get(hop)]
    if len(hops) != 1:
        why = "Exactly one next hop must be specified."
        raise invalid("resource.nextHop", ", ".join(hops), why)
    body.setdefault("priority", 1000)
    body.setdefault("description", "")
    body.setdefault("routeType", "STATIC")


ROUTES = Kind(
    "routes",
    "Route",
    "route",
    aggregated=False,
    refs=(("network", ("networks",)), ("nextHopInstance", ("instances",))),
    prepare=prepare_route,
)
