"""Step 6: the Services' NEG annotations, and the entries of the backend services.

The zonal NEGs stay symbolic (`EachNeg`), so that the step can be planned and approved before GKE
has made them. `each_neg` is the one place that says which NEGs back a Service; today they come from
the Service's annotation.
"""

from collections.abc import Iterator
from typing import Any

from edgebook.desired import firewall
from edgebook.desired.context import Context, report
from edgebook.model.paths import cluster_of, namespace_of, namespace_scope
from edgebook.model.values import Change, EachNeg, Resource, ResourceKey, Step, Wait
from edgebook.params.backend_checks import mode_of
from edgebook.params.types import BackendSpec

ANNOTATION = "cloud.google.com/neg"


def annotation_key(cluster: str, backend: BackendSpec) -> ResourceKey:
    scope = namespace_scope(cluster, backend.neg.namespace)
    return ResourceKey("serviceAnnotation", scope, backend.neg.service)


def resources(context: Context) -> Iterator[Resource]:
    yield from _annotations(context)
    for name, backend in sorted(context.spec.backends.items()):
        yield _entries(context, name, backend)


def _annotations(context: Context) -> Iterator[Resource]:
    """One per Service and active cluster; several backends may use ports of one Service."""
    wanted: dict[ResourceKey, dict[str, Any]] = {}
    for name, backend in sorted(context.spec.backends.items()):
        for cluster in sorted(backend.active):
            ports = wanted.setdefault(annotation_key(cluster, backend), {})
            ports[str(backend.neg.port)] = {"name": context.names.neg(name, cluster)}
    for key, ports in sorted(wanted.items()):
        cluster, namespace = cluster_of(key.scope), namespace_of(key.scope)
        shown = ", ".join(f"{port} as {entry['name']}" for port, entry in sorted(ports.items()))
        yield context.resource(
            "serviceAnnotation",
            key.name,
            {"exposed_ports": dict(sorted(ports.items()))},
            scope=key.scope,
            what=f"{cluster}: expose {namespace}/{key.name} {shown}",
        )


def balancing_entry(backend: BackendSpec, cluster: str) -> dict[str, Any]:
    """The fields of a backend entry; None for a limit that must not be set beside another."""
    balancing = backend.balancing
    entry: dict[str, Any] = {
        "balancingMode": (balancing.mode or mode_of(backend.protocol)).value,
        "maxRatePerEndpoint": balancing.max_rate_per_endpoint,
        "maxRate": balancing.max_rate,
        "maxConnectionsPerEndpoint": balancing.max_connections_per_endpoint,
        "maxConnections": balancing.max_connections,
    }
    # The capacity belongs to whoever swaps, unless the params say it.
    capacity = backend.capacity.get(cluster, balancing.capacity)
    entry |= {} if capacity is None else {"capacityScaler": capacity}
    preference = backend.preference.get(cluster)
    return entry | ({} if preference is None else {"preference": preference.value})


def each_neg(context: Context, name: str, cluster: str) -> EachNeg:
    """The NEGs of one backend in one cluster."""
    backend = context.spec.backends[name]
    neg = backend.neg
    return EachNeg(
        cluster,
        neg.namespace,
        neg.service,
        neg.port,
        context.names.neg(name, cluster),
        balancing_entry(backend, cluster),
    )


def _entries(context: Context, name: str, backend: BackendSpec) -> Resource:
    service = context.names.backend_service(name)
    negs = [each_neg(context, name, cluster) for cluster in sorted(backend.active)]
    depends = [context.ref("backendService", service).key]
    waits = []
    for cluster, neg in zip(sorted(backend.active), negs, strict=True):
        depends.append(annotation_key(cluster, backend))
        depends.extend(firewall.rule_keys(context, cluster))
        scope = namespace_scope(cluster, backend.neg.namespace)
        waits.append(Wait(ResourceKey("svcneg", scope, neg.name), "SYNCED"))
    where = ", ".join(sorted(backend.active))
    return context.resource(
        "backends",
        service,
        {"backends": negs},
        what=f"attach the NEGs {negs[0].name} of {where}",
        depends=tuple(depends),
        waits=tuple(waits),
    )


def own_neg_names(context: Context) -> dict[str, frozenset[str]]:
    """For each backend service, the NEG names that are ours, over all clusters of the params."""
    names = context.names
    return {
        names.backend_service(name): frozenset(names.neg(name, c) for c in context.spec.clusters)
        for name in context.spec.backends
    }


def reports(context: Context) -> Iterator[Change]:
    """Services that active clusters lack."""
    for part, backend in context.spec.backends.items():
        for name in sorted(backend.active):
            cluster = context.observed.clusters.get(name)
            if cluster is None or not cluster.reachable:
                continue
            neg = backend.neg
            service = cluster.service(neg.namespace, neg.service)
            key = annotation_key(name, backend)
            if service is None or not service.found:
                text = (
                    f"Service {neg.namespace}/{neg.service} does not exist in cluster {name}: "
                    f"deploy it, or correct backends.{part}.neg"
                )
                yield report(key, Step.BACKENDS, text, blocks=True)
            elif service.target_ports and neg.port not in service.target_ports:
                ports = ", ".join(str(port) for port in sorted(service.target_ports))
                text = (
                    f"Service {neg.namespace}/{neg.service} in cluster {name} has no port "
                    f"{neg.port}; it has {ports}: correct backends.{part}.neg.port"
                )
                yield report(key, Step.BACKENDS, text, blocks=True)
