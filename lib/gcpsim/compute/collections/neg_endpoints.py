"""Endpoints of network endpoint groups: attached, listed, and detached with draining.

They live beside their group, in the table `compute/endpoints`: path -> {"endpoints": [...]}. One
that is being detached stays, marked as draining, until its operation is over.
"""

import ipaddress
from typing import Any

from gcpsim.compute.engine import links
from gcpsim.compute.engine.listing import choose
from gcpsim.compute.engine.resources import Doc, Kind, Resources
from gcpsim.compute.engine.service import Compute
from gcpsim.core.edge import Answer, Call
from gcpsim.core.errors import ApiError, invalid, not_found, required
from gcpsim.core.paths import name_of

BATCH = 500


def endpoints(compute: Resources, path: str) -> list[Doc]:
    """The endpoints of a group: {ipAddress, port, instance, annotations, draining}."""
    doc = compute.world.store.table("compute/endpoints").get(path)
    return list(doc["endpoints"]) if doc else []


def groups(compute: Resources) -> list[str]:
    """The paths of the groups that have endpoints, sorted."""
    return sorted(compute.world.store.table("compute/endpoints").keys())


def _put(compute: Resources, path: str, items: list[Doc]) -> None:
    compute.world.store.table("compute/endpoints").put(path, {"endpoints": items})
    for observer in compute.observers:
        observer(path, compute.get(path))


def key(endpoint: Doc) -> tuple[str, int, str]:
    where = endpoint.get("ipAddress") or endpoint.get("fqdn", "")
    return where, endpoint.get("port", 0), endpoint.get("instance", "")


def attach(compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc) -> Answer:
    """attachNetworkEndpoints: present ones stay, new ones come with the operation."""
    again = compute._repeated(call, links.split(path)[0])
    if again is not None:
        return compute.operation_answer(again)
    items = [_checked(compute, path, doc, index, item) for index, item in enumerate(_batch(body))]
    seen = {key(item) for item in items}
    if len(seen) != len(items):
        raise invalid(
            "resource.networkEndpoints", "", "Duplicate network endpoints in the request."
        )
    op = compute.begin(
        kind,
        call,
        path,
        "attachNetworkEndpoints",
        "compute.networkEndpointGroups.attachNetworkEndpoints",
        doc,
        {"attach": items},
        hold=False,
    )
    return compute.operation_answer(op)


def detach(compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc) -> Answer:
    """networkEndpointGroups.detachNetworkEndpoints: no new connections now, gone when drained."""
    again = compute._repeated(call, links.split(path)[0])
    if again is not None:
        return compute.operation_answer(again)
    present = endpoints(compute, path)
    leaving = []
    for index, item in enumerate(_batch(body)):
        item = _shown_instance(item)
        match = [one for one in present if _same(one, item, doc)]
        if not match:
            raise invalid(
                f"resource.networkEndpoints[{index}]",
                f"{item.get('instance', '')}:{item.get('ipAddress', '')}:{item.get('port', '')}",
                "Network endpoint does not exist in the network endpoint group.",
            )
        leaving.extend(match)
    gone = {key(one) for one in leaving}
    marked = [{**one, "draining": True} if key(one) in gone else one for one in present]
    _put(compute, path, marked)
    op = compute.begin(
        kind,
        call,
        path,
        "detachNetworkEndpoints",
        "compute.networkEndpointGroups.detachNetworkEndpoints",
        doc,
        {"detach": [list(one) for one in sorted(gone)]},
        hold=False,
        extra_seconds=_drain_seconds(compute, path),
    )
    return compute.operation_answer(op)


def _drain_seconds(compute: Resources, path: str) -> float:
    """A shared group drains as long as the slowest backend service says."""
    times = [0]
    for user in compute.users(path):
        service = compute.get(user) or {}
        times.append((service.get("connectionDraining") or {}).get("drainingTimeoutSec", 0))
    return float(max(times))


def _batch(body: Doc) -> list[Doc]:
    items = body.get("networkEndpoints") or []
    if not items:
        raise required("resource.networkEndpoints")
    if len(items) > BATCH:
        raise invalid(
            "resource.networkEndpoints",
            len(items),
            f"At most {BATCH} network endpoints per request.",
        )
    return items


def _same(present: Doc, asked: Doc, neg: Doc) -> bool:
    if asked.get("ipAddress") and asked["ipAddress"] != present.get("ipAddress"):
        return False
    if asked.get("instance") and asked["instance"] != present.get("instance"):
        return False
    port = asked.get("port", neg.get("defaultPort"))
    return port is None or port == present.get("port")


def _shown_instance(item: Doc) -> Doc:
    """Endpoints name instances by their bare name."""
    return {**item, "instance": name_of(item["instance"])} if item.get("instance") else item


def _checked(compute: Resources, path: str, neg: Doc, index: int, item: Doc) -> Doc:
    where = f"resource.networkEndpoints[{index}]"
    item = _shown_instance(item)
    project, scope, _, _ = links.split(path)
    if neg["networkEndpointType"] == "GCE_VM_IP_PORT" and not item.get("instance"):
        raise required(f"{where}.instance")
    if "port" not in item and neg.get("defaultPort"):
        item["port"] = neg["defaultPort"]
    if neg["networkEndpointType"].startswith("INTERNET"):
        item.setdefault("port", 443)
    if neg["networkEndpointType"] == "INTERNET_FQDN_PORT":
        if not item.get("fqdn"):
            raise required(f"{where}.fqdn")
        return item
    if neg["networkEndpointType"].endswith("IP_PORT"):
        if "port" not in item:
            raise required(f"{where}.port")
        if not 1 <= item["port"] <= 65535:
            raise invalid(f"{where}.port", item["port"], "Must be between 1 and 65535.")
    if item.get("instance"):
        _check_instance(
            compute, f"projects/{project}/{scope}/instances/{item['instance']}", neg, item
        )
    elif not item.get("ipAddress"):
        raise required(f"{where}.ipAddress")
    return item


def _check_instance(compute: Resources, instance_path: str, neg: Doc, item: Doc) -> None:
    instance = compute.get(instance_path)
    if instance is None:
        raise not_found(instance_path)
    interface = instance["networkInterfaces"][0]
    if not item.get("ipAddress"):
        item["ipAddress"] = interface["networkIP"]
        return
    address = item["ipAddress"]
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        raise invalid("resource.ipAddress", address, "Must be a valid IP address.") from None
    ranges = [alias["ipCidrRange"] for alias in interface.get("aliasIpRanges") or []]
    if address != interface["networkIP"] and not any(
        ip in ipaddress.ip_network(one) for one in ranges
    ):
        network = name_of(neg["network"])
        raise ApiError(
            400,
            f"Invalid value for field 'resource.ipAddress': '{address}'. Specified IP address "
            f"{address} doesn't belong to the (sub)network {network} or to the instance "
            f"{item['instance']}.",
            "invalid",
        )


def attached(compute: Resources, path: str, items: list[Doc], failed: bool) -> None:
    if failed or compute.get(path) is None:
        return
    coming = {key(item): item for item in items}
    kept = [one for one in endpoints(compute, path) if key(one) not in coming]
    _put(compute, path, kept + list(coming.values()))


def detached(compute: Resources, path: str, items: list[Any], failed: bool) -> None:
    gone = {tuple(item) for item in items}
    if failed:
        back = [
            {k: v for k, v in one.items() if k != "draining"} if key(one) in gone else one
            for one in endpoints(compute, path)
        ]
        _put(compute, path, back)
        return
    if compute.get(path) is not None:
        _put(
            compute,
            path,
            [
                one
                for one in endpoints(compute, path)
                if not (key(one) in gone and one.get("draining"))
            ],
        )


def _healths(compute: Resources, group: str) -> dict[str, list[Doc]]:
    """The `healths` of the endpoints of a group by "ip:port", one for each backend service."""
    healths: dict[str, list[Doc]] = {}
    for user in compute.users(group):
        if "/backendServices/" not in user:
            continue
        checks = (compute.get(user) or {}).get("healthChecks")
        for endpoint, state in compute.health.states(user, group):
            item: Doc = {
                "backendService": {"backendService": links.link(user)},
                "healthState": state,
            }
            if checks:
                item["healthCheck"] = {"healthCheck": checks[0]}
            healths.setdefault(
                f"{endpoint.get('ipAddress', '')}:{endpoint.get('port', 0)}", []
            ).append(item)
    return healths


def list_endpoints(
    compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc
) -> Answer:
    """listNetworkEndpoints, with `healths` when the body asks for healthStatus SHOW."""
    healths = _healths(compute, path) if body.get("healthStatus") == "SHOW" else {}
    rows = []
    for index, endpoint in enumerate(endpoints(compute, path)):
        shown = {k: v for k, v in endpoint.items() if k != "draining"}
        item: Doc = {"networkEndpoint": shown}
        known = healths.get(f"{endpoint.get('ipAddress', '')}:{endpoint.get('port', 0)}")
        if known:
            item["healths"] = known
        rows.append((f"{path}/{index:09d}", {**item, "id": str(index)}))
    by_path = dict(rows)
    items, token = choose(
        rows, call, lambda one: {k: v for k, v in by_path[one].items() if k != "id"}
    )
    answer: Doc = {"kind": "compute#networkEndpointGroupsListNetworkEndpoints"}
    if items:
        answer["items"] = items
    if token:
        answer["nextPageToken"] = token
    return Answer(body=answer)


def forget_instance(compute: Resources, zone: str, instance: str) -> None:
    """Drop the endpoints of an instance that is gone. `zone` is the path of its zone."""
    table = compute.world.store.table("compute/endpoints")
    for path in [path for path in table if path.startswith(f"{zone}/")]:
        present = endpoints(compute, path)
        kept = [one for one in present if one.get("instance") != instance]
        if len(kept) != len(present):
            _put(compute, path, kept)
