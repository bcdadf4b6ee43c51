"""What the clusters say: node tags and zones, Services with their annotation, pods' ports and NEGs.

NEGs come from the svcneg objects, the only place that knows their state. A cluster that does not
answer is marked unreachable when the caller can do without, else the error goes up.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from edgebook.base.errors import AccessError, ApiError, ConnectError, EdgebookError
from edgebook.base.parsing import from_json, whole
from edgebook.live import filled
from edgebook.live.ports import OF_SERVICE, SLICES, target_ports
from edgebook.live.reader import Reader
from edgebook.model import paths
from edgebook.model.links import canonical
from edgebook.model.observed import Neg, ObservedCluster, ObservedService, Pod
from edgebook.model.paths import name_of
from edgebook.model.values import LiveResource, ResourceKey

SVCNEGS = "apis/networking.gke.io/v1beta1/servicenetworkendpointgroups"
NEG_ANNOTATION = "cloud.google.com/neg"
CHANGED = "endpoints.kubernetes.io/last-change-trigger-time"
ServiceName = tuple[str, str]  # namespace, name


def prefetch(reader: Reader, wanted: Mapping[str, Iterable[ServiceName]]) -> None:
    """Start the lists of all clusters."""
    for cluster, services in wanted.items():
        reader.objects(cluster, "api/v1/nodes")
        reader.objects(cluster, "api/v1/services")
        reader.objects(cluster, SVCNEGS, missing_ok=True)
        filled.prefetch(reader, cluster)
        for namespace in {namespace for namespace, _ in services}:
            reader.objects(cluster, SLICES.format(namespace))


def observe(
    reader: Reader,
    wanted: Mapping[str, Iterable[ServiceName]],
    *,
    node_tags: Mapping[str, tuple[str, ...]] | None = None,
    firewalls: Iterable[Mapping[str, Any]] = (),
    attached: frozenset[str] = frozenset(),
    tolerate: bool = False,
) -> dict[str, ObservedCluster]:
    """The clusters by name; `wanted` says which Services of each matter.

    So do those whose NEGs are `attached` (canonical links): a backend that the params have no more
    leaves its Service's annotation behind, and only its NEG leads there. With `tolerate`, an
    unreachable cluster is reported as such instead of raising.
    """
    prefetch(reader, wanted)
    rules = list(firewalls)
    found = {}
    for name in sorted(wanted):
        try:
            services = {*wanted[name], *_serving(reader, name, attached)}
            found[name] = _observe(reader, name, services, node_tags or {}, rules)
        except (ConnectError, AccessError, ApiError) as error:
            if not tolerate:
                raise
            found[name] = _unread(name, error)
    return found


def _unread(name: str, error: EdgebookError) -> ObservedCluster:
    return ObservedCluster(name, reachable=False, trouble=f"{error.what}: {error.why}")


def _serving(reader: Reader, cluster: str, attached: frozenset[str]) -> set[ServiceName]:
    """The Services whose NEGs are attached."""
    negs = negs_by_port(reader.objects(cluster, SVCNEGS, missing_ok=True).result())
    return {
        service
        for (service, _), found in negs.items()
        if any(canonical(neg.link) in attached for neg in found)
    }


def _observe(
    reader: Reader,
    name: str,
    services: set[ServiceName],
    node_tags: Mapping[str, tuple[str, ...]],
    firewalls: list[Mapping[str, Any]],
) -> ObservedCluster:
    nodes = reader.objects(name, "api/v1/nodes").result()
    by_name = {
        (item["metadata"]["namespace"], item["metadata"]["name"]): item
        for item in reader.objects(name, "api/v1/services").result()
    }
    negs = negs_by_port(reader.objects(name, SVCNEGS, missing_ok=True).result())
    observed = []
    for namespace, service in sorted(services):
        body = by_name.get((namespace, service))
        own = tuple(
            neg
            for (owner, _), found in sorted(negs.items())
            for neg in found
            if owner == (namespace, service)
        )
        if body is None:  # its NEGs may be there, and serve, all the same
            observed.append(ObservedService(namespace, service, found=False, negs=own))
            continue
        slices = [
            item
            for item in reader.objects(name, SLICES.format(namespace)).result()
            if item["metadata"].get("labels", {}).get(OF_SERVICE) == service
        ]
        observed.append(
            ObservedService(
                namespace,
                service,
                target_ports=target_ports(body, slices),
                annotation=(body["metadata"].get("annotations") or {}).get(NEG_ANNOTATION, ""),
                negs=own,
                pods=pods_of(body, slices, nodes),
                changed=changed_at(slices),
                created=str(body["metadata"].get("creationTimestamp") or ""),
                selects=bool((body.get("spec") or {}).get("selector")),
                external=(body.get("spec") or {}).get("type") == "ExternalName",
            )
        )
    tags = node_tags.get(name) or tags_of_nodes(nodes, firewalls)
    networks = {
        name_of(str(rule["network"]))
        for rule in firewalls
        if tags and set(rule.get("targetTags", ())) & set(tags)
    }
    ports = {(one.namespace, one.name): one.target_ports for one in observed if one.found}
    return ObservedCluster(
        name,
        network=min(networks, default=""),
        node_tags=tags,
        zones=zones_of_nodes(nodes),
        services=tuple(observed),
        ipv6=any(
            item.get("addressType") == "IPv6"
            for namespace in {namespace for namespace, _ in services}
            for item in reader.objects(name, SLICES.format(namespace)).result()
        ),
        filled=filled.filled(reader, name, negs, filled.Known(by_name, ports)),
    )


def observe_negs(reader: Reader, clusters: Iterable[str]) -> dict[str, ObservedCluster]:
    """Only the NEGs of the clusters, one list each: what attaching needs to know."""
    names = tuple(sorted(clusters))
    lists = {name: reader.objects(name, SVCNEGS, missing_ok=True) for name in names}
    found = {}
    for name in names:
        try:
            negs = negs_by_port(lists[name].result())
        except (ConnectError, AccessError, ApiError) as error:
            found[name] = _unread(name, error)
            continue
        services = tuple(
            ObservedService(*service, negs=tuple(group))
            for (service, _), group in sorted(negs.items())
        )
        found[name] = ObservedCluster(name, services=services)
    return found


def negs_by_port(svcnegs: Iterable[Mapping[str, Any]]) -> dict[tuple[ServiceName, int], list[Neg]]:
    """((namespace, Service), Service port) -> its zonal NEGs; an empty state means ACTIVE."""
    found: dict[tuple[ServiceName, int], list[Neg]] = defaultdict(list)
    for item in svcnegs:
        meta = item["metadata"]
        labels = meta.get("labels") or {}
        service = str(labels.get("networking.gke.io/service-name", ""))
        port = whole(labels.get("networking.gke.io/service-port"), 0)
        leaving = str(meta.get("deletionTimestamp") or "")
        for ref in (item.get("status") or {}).get("networkEndpointGroups") or ():
            link = str(ref.get("selfLink", ""))
            zone = paths.zone_of(link)
            state = str(ref.get("state") or "ACTIVE")
            synced = str((item.get("status") or {}).get("lastSyncTime") or "")
            name = str(meta["name"])
            neg = Neg(name, zone, link, state, port, leaving, trouble_of(item), synced)
            found[((str(meta["namespace"]), service), port)].append(neg)
    for group in found.values():
        group.sort(key=lambda neg: (neg.name, neg.zone))
    return found


def pods_of(
    service: Mapping[str, Any],
    slices: Iterable[Mapping[str, Any]],
    nodes: Iterable[Mapping[str, Any]],
) -> tuple[Pod, ...]:
    """The pods of a Service that GKE puts into its NEGs: ready or not, but not terminating."""
    zones = {str(node["metadata"]["name"]): zone_of(node) for node in nodes}
    names = {
        str(port.get("name") or ""): int(port["port"])
        for port in service.get("spec", {}).get("ports") or ()
    }
    found: dict[str, Pod] = {}
    for item in slices:
        ports = {
            names[name]: int(port["port"])
            for port in item.get("ports") or ()
            if (name := str(port.get("name") or "")) in names and port.get("port")
        }
        for endpoint in item.get("endpoints") or ():
            conditions = endpoint.get("conditions") or {}
            if conditions.get("terminating") or item.get("addressType") == "IPv6":
                continue
            for address in endpoint.get("addresses") or ():
                node = str(endpoint.get("nodeName") or "")
                known = found.get(address)
                found[address] = Pod(
                    str(address),
                    {**(known.ports if known else {}), **ports},
                    str(endpoint.get("zone") or zones.get(node, "")),
                    conditions.get("ready") is not False,
                    str((endpoint.get("targetRef") or {}).get("name", "")),
                )
    return tuple(found[address] for address in sorted(found))


def changed_at(slices: Iterable[Mapping[str, Any]]) -> str:
    """When the pods of a Service last changed, RFC 3339; empty when no slice says it.

    Kubernetes writes into a slice which moment its latest change goes back to.
    """
    notes = (item["metadata"].get("annotations") or {} for item in slices)
    return max((str(note.get(CHANGED) or "") for note in notes), default="")


def zones_of_nodes(nodes: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Zones with at least one ready node that load balancers may use."""
    zones = set()
    for node in nodes:
        meta, labels = node["metadata"], node["metadata"].get("labels") or {}
        conditions = (node.get("status") or {}).get("conditions") or ()
        ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
        excluded = "node.kubernetes.io/exclude-from-external-load-balancers" in labels
        leaving = any(
            taint.get("key") == "ToBeDeletedByClusterAutoscaler"
            for taint in (node.get("spec") or {}).get("taints") or ()
        )
        if ready and not excluded and not leaving and not meta.get("deletionTimestamp"):
            zones.add(zone_of(node))
    return tuple(sorted(zones - {""}))


def zone_of(node: Mapping[str, Any]) -> str:
    """The zone of a node, by its label or its provider id `gce://project/zone/name`."""
    labels = node["metadata"].get("labels") or {}
    provider = str((node.get("spec") or {}).get("providerID") or "").split("/")
    return str(
        labels.get("topology.kubernetes.io/zone") or (provider[-2] if len(provider) > 2 else "")
    )


def trouble_of(svcneg: Mapping[str, Any]) -> str:
    """Why a svcneg object is not in order, by its conditions; empty when it is."""
    conditions = (svcneg.get("status") or {}).get("conditions") or ()
    said = {item.get("type"): item for item in conditions}
    for name in ("Initialized", "Synced"):
        condition = said.get(name)
        if condition is not None and condition.get("status") != "True":
            return f"{name} is {condition.get('status')}: {condition.get('message', '')}"
    return ""


def tags_of_nodes(
    nodes: Iterable[Mapping[str, Any]], firewalls: Iterable[Mapping[str, Any]]
) -> tuple[str, ...]:
    """The network tag of a cluster's nodes: `gke-<cluster>-<hash>-node`.

    GKE names nodes `gke-<cluster>-<pool>-...` and aims its own rules (`gke-<cluster>-<hash>-vms`)
    at the tag, so the tag is found without reading any instance.
    """
    names = [str(node["metadata"]["name"]) for node in nodes]
    tags: set[str] = set()
    for rule in firewalls:
        for tag in rule.get("targetTags", ()):
            if not (tag.startswith("gke-") and tag.endswith("-node")):
                continue
            cluster = tag.removesuffix("-node").rsplit("-", 1)[0]
            if any(name.startswith(f"{cluster}-") for name in names):
                tags.add(str(tag))
    # `gke-blue` is also a prefix of the nodes of `gke-blue-eu`: the longest cluster name wins.
    longest = max((tag.count("-") for tag in tags), default=0)
    return tuple(sorted(tag for tag in tags if tag.count("-") == longest))


def annotations_as_live(
    clusters: Iterable[ObservedCluster],
) -> dict[ResourceKey, LiveResource]:
    """Services' NEG annotations as live resources of kind serviceAnnotation."""
    found = {}
    for cluster in clusters:
        for service in cluster.services:
            if service.found and cluster.reachable:
                scope = f"clusters/{cluster.name}/namespaces/{service.namespace}"
                key = ResourceKey("serviceAnnotation", scope, service.name)
                found[key] = LiveResource(key, annotation_content(service.annotation))
    return found


def annotation_content(text: str) -> dict[str, Any]:
    """The annotation's JSON; what is no JSON object of its shape is kept under `invalid`."""
    if not text:
        return {}
    try:
        content = from_json(text)
    except ValueError:
        return {"invalid": text}
    return content if _is_annotation(content) else {"invalid": text}


def _is_annotation(content: Any) -> bool:
    """Whether GKE could read it: anybody may have written it."""
    ports = content.get("exposed_ports") if isinstance(content, dict) else 0
    if ports is None:
        return True
    return isinstance(ports, dict) and all(
        isinstance(entry, dict) and isinstance(entry.get("name", ""), str)
        for entry in ports.values()
    )
