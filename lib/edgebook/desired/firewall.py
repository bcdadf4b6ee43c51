"""Step 5: one rule per cluster that lets exactly Google's probes and proxies reach the pods.

The ports are those on which the pods really listen, not those of the Services; the targets are the
nodes' network tags. All clusters of the params get a rule, also those that serve nothing yet: a
swap must not wait for the firewall.
"""

from collections.abc import Iterator, Mapping

from edgebook.desired.context import Context, merged, report
from edgebook.model.observed import Filled, ObservedCluster
from edgebook.model.paths import compute_scope, name_of, project_of
from edgebook.model.ranges import IPV4_RANGES, IPV6_RANGES
from edgebook.model.values import Change, Resource, ResourceKey, Step
from edgebook.params.types import IpVersion, Spec

RANGES = {IpVersion.IPV4: IPV4_RANGES, IpVersion.IPV6: IPV6_RANGES}


def network_path(spec: Spec) -> str:
    """`projects/P/global/networks/N`; a shared VPC's network is in its host project."""
    own = f"projects/{spec.project}/global/networks/{spec.network}"
    return spec.network if spec.network.startswith("projects/") else own


def network_link(context: Context) -> str:
    """The network as the firewall API wants it."""
    return f"https://www.googleapis.com/compute/v1/{network_path(context.spec)}"


def firewall_scope(context: Context) -> str:
    network = context.spec.network
    return compute_scope(project_of(network) or context.spec.project)


def rule_keys(context: Context, cluster: str) -> tuple[ResourceKey, ...]:
    """The rules of a cluster, as far as they can be derived."""
    found = context.observed.clusters.get(cluster)
    if not found or not context.spec.firewall.manage or not _complete(context, found):
        return ()
    versions = (IpVersion.IPV4, IpVersion.IPV6) if found.ipv6 else (IpVersion.IPV4,)
    scope = firewall_scope(context)
    return tuple(
        ResourceKey("firewall", scope, context.names.firewall(cluster, v)) for v in versions
    )


def kept(context: Context) -> frozenset[ResourceKey]:
    """Rules of all clusters of the params: a cluster without pods at the moment keeps its rule."""
    scope, names = firewall_scope(context), context.names
    return frozenset(
        ResourceKey("firewall", scope, names.firewall(cluster, version))
        for cluster in context.spec.clusters
        for version in IpVersion
    )


def behind(context: Context) -> Mapping[ResourceKey, tuple[Filled, ...]]:
    """The NEGs that each cluster of the params fills, by its rules."""
    scope, names = firewall_scope(context), context.names
    return {
        ResourceKey("firewall", scope, names.firewall(cluster, version)): seen.filled
        for cluster in context.spec.clusters
        for version in IpVersion
        if (seen := context.observed.clusters.get(cluster))
    }


def unsure(context: Context) -> frozenset[ResourceKey]:
    """Rules of clusters in which pods may come back on ports that nobody can tell now.

    A Service that is gone or has no pods (scaled to zero for a while) has no port to derive.
    """
    return frozenset(
        key
        for name in context.spec.clusters
        if (cluster := context.observed.clusters.get(name)) and _silent_services(context, cluster)
        for key in rule_keys(context, name)
    )


def _silent_services(context: Context, cluster: ObservedCluster) -> bool:
    for backend in context.spec.backends.values():
        service = cluster.service(backend.neg.namespace, backend.neg.service)
        if service is None or not service.found or not service.target_ports.get(backend.neg.port):
            return True
    return False


def ports(spec: Spec, cluster: ObservedCluster) -> tuple[int, ...]:
    """Every port on which probes or traffic reach this cluster's pods."""
    wanted: set[int] = set()
    for backend in spec.backends.values():
        service = cluster.service(backend.neg.namespace, backend.neg.service)
        if service is None or not service.found:
            continue
        serving = service.target_ports.get(backend.neg.port, ())
        wanted.update(serving)
        if serving and backend.health_check.port:
            wanted.add(backend.health_check.port)
    return tuple(sorted(wanted))


def tags(spec: Spec, cluster: ObservedCluster) -> tuple[str, ...]:
    """The nodes' network tags: those of the params, else those that were seen."""
    own = spec.clusters[cluster.name].node_tags
    return tuple(sorted(set(own or cluster.node_tags)))


def _complete(context: Context, cluster: ObservedCluster) -> bool:
    return bool(ports(context.spec, cluster)) and bool(tags(context.spec, cluster))


def resources(context: Context) -> Iterator[Resource]:
    for name in sorted(context.spec.clusters):
        for key in rule_keys(context, name):
            cluster = context.observed.clusters[name]
            ipv6 = key.name == context.names.firewall(name, IpVersion.IPV6)
            version = IpVersion.IPV6 if ipv6 else IpVersion.IPV4
            allowed = [str(port) for port in ports(context.spec, cluster)]
            body = {
                "name": key.name,
                "network": network_link(context),
                "direction": "INGRESS",
                "priority": context.spec.firewall.priority,
                "sourceRanges": list(RANGES[version]),
                "allowed": [{"IPProtocol": "tcp", "ports": allowed}],
                "targetTags": list(tags(context.spec, cluster)),
                "disabled": False,
                "logConfig": {"enable": context.spec.firewall.logging},
            }
            what = f"tcp:{','.join(allowed)} of {name}'s pods from Google's {version.value} ranges"
            yield context.resource(
                "firewall",
                key.name,
                merged(body, context.spec.firewall.api),
                scope=key.scope,
                what=what,
            )


def reports(context: Context) -> Iterator[Change]:
    """Why a cluster gets no rule."""
    if not context.spec.firewall.manage:
        return
    active = {name for backend in context.spec.backends.values() for name in backend.active}
    for name in sorted(context.spec.clusters):
        cluster = context.observed.clusters.get(name)
        key = ResourceKey(
            "firewall", firewall_scope(context), context.names.firewall(name, IpVersion.IPV4)
        )
        if cluster is None or not cluster.reachable:
            why = f" ({cluster.trouble})" if cluster and cluster.trouble else ""
            text = (
                f"cluster {name} was not read{why}, so its pods' ports are not known: make it "
                "answer, or leave it with the runbook operate/failover"
            )
        elif _none(context.spec, cluster):
            text = f"cluster {name} has none of these backends' Services: no port to open"
        elif not ports(context.spec, cluster):
            text = f"cluster {name} has no pods of these backends yet: no port to open"
        elif not tags(context.spec, cluster):
            text = (
                f"the nodes of {name} have no network tag, and a rule without one opens every "
                f"machine of the network; set clusters.{name}.node_tags"
            )
        elif cluster.network and cluster.network != name_of(context.spec.network):
            text = (
                f"cluster {name} is in network {cluster.network}, where this rule has no effect; "
                f"set network to {cluster.network}, or leave {name} out of clusters and active"
            )
        else:
            yield from _silent(context, cluster, key)
            continue
        yield report(key, Step.FIREWALL, text, blocks=name in active)


def _none(spec: Spec, cluster: ObservedCluster) -> bool:
    """Whether not one Service is there where all are wanted to serve."""
    backends = [one for one in spec.backends.values() if cluster.name in one.active]
    seen = (cluster.service(one.neg.namespace, one.neg.service) for one in backends)
    return bool(backends) and not any(service and service.found for service in seen)


def _silent(context: Context, cluster: ObservedCluster, key: ResourceKey) -> Iterator[Change]:
    """Services without pods and with a named port: nobody knows which port to open."""
    for backend in sorted(context.spec.backends.values(), key=lambda b: b.neg.name):
        neg = backend.neg
        service = cluster.service(neg.namespace, neg.service)
        if service and service.found and not service.target_ports.get(neg.port, (0,)):
            text = (
                f"{neg.namespace}/{neg.service} has no pods in {cluster.name}, so the port behind "
                f"{neg.port} is not known and not opened; plan again when they run"
            )
            yield report(key, Step.FIREWALL, text)
