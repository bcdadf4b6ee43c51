"""A retirement as its runbook asks for it: what is there is read, and its quiet is proven."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from edgebook.base.clock import rfc3339
from edgebook.base.errors import RefusedError, UsageError
from edgebook.base.parsing import whole
from edgebook.front_door import FrontDoor, Moment
from edgebook.live.legacy import CERTIFICATES, INGRESSES
from edgebook.live.reader import Reader
from edgebook.model.hostnames import covered
from edgebook.model.links import canonical
from edgebook.model.paths import cluster_of, namespace_of, namespace_scope, part_of, project_of
from edgebook.model.values import LiveResource, ResourceKey
from edgebook.moves import cut_over, cut_overs, retire
from edgebook.moves import wish as wishes
from edgebook.moves.retire import Old
from edgebook.moves.stages import Gate, Ladder
from edgebook.plan.live_index import IndexedLive

TAKES = ("cluster", "quiet", "soak")
DEPLOYMENTS = "apis/apps/v1/deployments"
PACKETS = "loadbalancing.googleapis.com/l3/external/ingress_packets_count"
INGESTION = 240  # seconds until a metric can be read: later ones are not known yet


def _region(cluster: str) -> str:
    """The region of a cluster's path, as a path; "" where the params do not tell it."""
    if not cluster:
        return ""
    region = "-".join(part_of(cluster, "locations").split("-")[:2])
    return f"projects/{project_of(cluster)}/regions/{region}"


class Retirement:
    """One retirement: options, what was found, its ladder."""

    def __init__(self, door: FrontDoor, options: Mapping[str, Any]) -> None:
        if stray := sorted(set(options) - set(TAKES)):
            why = f"it takes {', '.join(TAKES)}"
            raise UsageError(
                f"A retirement takes no {', '.join(stray)}", where="book.move", why=why
            )
        self._door = door
        named = str(options.get("cluster") or "")
        self._clusters = (
            wishes.clusters(named, door.spec, "cluster") if named else tuple(door.spec.clusters)
        )
        self._quiet = wishes.seconds(options.get("quiet") or "24h", "quiet")
        self._soak = wishes.seconds(options.get("soak") or wishes.SOAK, "soak")

    def more(self, moment: Moment) -> Moment:
        """The old objects as live resources, beside everything else."""
        found = dict(moment.live)
        for cluster in self._clusters:
            if moment.observed.clusters[cluster].reachable:
                found |= _objects(moment.reader, cluster)
        return replace(moment, live=IndexedLive(found))

    def ladder(self, moment: Moment) -> Ladder:
        dns = self._door.spec.dns
        made = retire.ladder(
            moment.desired,
            self.old(moment),
            ttl=int(dns.ttl) if dns else 300,
            quiet_s=self._quiet,
            soak_s=self._soak,
        )
        return replace(made, environment=self._door.spec.environment.value)

    def old(self, moment: Moment) -> Old | None:
        """The first Service of type LoadBalancer, or one that was; its controllers and objects."""
        for cluster in sorted(self._clusters):
            for key, item in sorted(moment.live.items()):
                if key.kind == "kubernetesService" and cluster_of(key.scope) == cluster:
                    return self._old(moment, cluster, key, item.body)
        return None

    def _old(self, moment: Moment, cluster: str, key: ResourceKey, body: Mapping[str, Any]) -> Old:
        namespace = namespace_of(key.scope)
        in_use = self._in_use(moment, cluster, namespace, key.name)
        address = str(body["address"])
        return Old(
            cluster=cluster,
            namespace=namespace,
            service=key.name,
            address=address,
            kept=address in _reserved(moment.reader),
            deployments={} if in_use else _behind(moment, key.scope, body["selector"]),
            ingresses=tuple(_named(moment, "ingress", cluster, self._door.spec.hostnames)),
            certificates=tuple(
                _named(moment, "legacyCertificate", cluster, self._door.spec.hostnames)
            ),
            records=self._records(moment),
            region=_region(self._door.cluster_path(cluster)),
            in_use=in_use,
        )

    def _in_use(self, moment: Moment, cluster: str, namespace: str, service: str) -> bool:
        """Whether NEGs of this Service are attached to the front door now."""
        attached = {
            canonical(str(entry.get("group")))
            for key, item in moment.live.items()
            if key.kind == "backendService"
            for entry in item.body.get("backends") or ()
        }
        seen = moment.observed.clusters[cluster].service(namespace, service)
        return seen is not None and any(canonical(neg.link) in attached for neg in seen.negs)

    def _records(self, moment: Moment) -> dict[ResourceKey, dict[str, Any]]:
        """Records that lead to us and have, or had, the TTL of the cut-over."""
        if self._door.spec.dns is None:
            return {}
        ours = set(cut_over.addresses(self._door.spec, moment.live).values())
        wanted = int(self._door.spec.dns.ttl)
        lowest: dict[tuple[Any, Any], int] = {}
        for change in cut_overs.history(self._door, moment):
            for record in change.get("deletions") or ():
                if set(record.get("rrdatas") or ()) <= ours and int(record["ttl"]) < wanted:
                    lowest.setdefault((record["name"], record["type"]), int(record["ttl"]))
        found = {}
        for key, item in moment.live.items():
            if key.kind != "dnsRecordSet":
                continue
            body, data = item.body, set(item.body.get("rrdatas") or ())
            ttl = int(body.get("ttl", 0))
            low = ttl if ttl < wanted else lowest.get((body.get("name"), body.get("type")))
            if data and data <= ours and low is not None:
                fields = {name: body[name] for name in ("name", "type", "rrdatas")}
                found[key] = {**fields, "ttl": low}
        return found

    def still(self, gate: Gate) -> int:
        """Packets that came in since the waiting for quiet began, without the newest minutes."""
        return packets(self._door, max(60, gate.drain_s - INGESTION))

    def require(self, moment: Moment, ladder: Ladder) -> None:
        """Raises RefusedError while names lead to the old side, or packets arrive there."""
        old = self.old(moment)
        if old is None:
            return
        if problems := list(retire.problems(moment.live, old)):
            raise RefusedError(
                "The old load balancer is still in use",
                where=f"{old.cluster}: {old.namespace}/{old.service}, {old.address}",
                why="\n".join(problems),
                next="nothing was changed, traffic is where it was",
            )


def packets(door: FrontDoor, seconds: int) -> int:
    """Packets that came in to passthrough load balancers in `seconds`, as far as measured yet."""
    connection = door.connection
    now = datetime.fromtimestamp(connection.now(), UTC)
    query = {
        "filter": f'metric.type="{PACKETS}"',
        "interval.startTime": rfc3339(now - timedelta(seconds=seconds)),
        "interval.endTime": rfc3339(now),
        "aggregation.alignmentPeriod": "60s",
        "aggregation.perSeriesAligner": "ALIGN_SUM",
    }
    path = f"v3/projects/{connection.project}/timeSeries"
    found = door.wire.get("monitoring", path, **query).get("timeSeries") or ()
    return sum(
        int(point["value"].get("int64Value", 0)) for series in found for point in series["points"]
    )


def _objects(reader: Reader, cluster: str) -> dict[ResourceKey, LiveResource]:
    """Services that are or were load balancers, Ingresses, Certificates, Deployments."""
    found: dict[ResourceKey, LiveResource] = {}

    def put(kind: str, item: Mapping[str, Any], body: Mapping[str, Any]) -> None:
        meta = item["metadata"]
        key = ResourceKey(kind, namespace_scope(cluster, meta["namespace"]), meta["name"])
        found[key] = LiveResource(key, body)

    for item in reader.objects(cluster, "api/v1/services").result():
        spec = item.get("spec") or {}
        ingress = ((item.get("status") or {}).get("loadBalancer") or {}).get("ingress") or [{}]
        address = str(spec.get("loadBalancerIP") or ingress[0].get("ip") or "")
        if spec.get("type") == "LoadBalancer" or spec.get("loadBalancerIP"):
            selector = dict(spec.get("selector") or {})
            body = {"spec": {"type": spec.get("type")}, "address": address, "selector": selector}
            put("kubernetesService", item, body)
    for item in reader.objects(cluster, DEPLOYMENTS, missing_ok=True).result():
        put("deployment", item, item)
    for item in reader.objects(cluster, INGRESSES, missing_ok=True).result():
        put("ingress", item, item)
    for item in reader.objects(cluster, CERTIFICATES, missing_ok=True).result():
        put("legacyCertificate", item, item)
    return found


def _behind(moment: Moment, scope: str, selector: Mapping[str, str]) -> dict[str, int]:
    """Deployments whose pods a Service selects, with the replicas that they have or had."""
    found = {}
    for key, item in sorted(moment.live.items()):
        if key.kind != "deployment" or key.scope != scope:
            continue
        template = item.body["spec"]["template"]["metadata"].get("labels") or {}
        if selector and selector.items() <= template.items():
            found[key.name] = int(item.body["spec"].get("replicas", 1)) or _had(item.body)
    return found


def _had(body: Mapping[str, Any]) -> int:
    """What a Deployment at 0 had before, as the retirement noted it."""
    return whole((body["metadata"].get("annotations") or {}).get(retire.REPLICAS), 1)


def _named(
    moment: Moment, kind: str, cluster: str, hostnames: Iterable[str]
) -> Iterable[tuple[str, str]]:
    """Objects whose every name the front door serves now."""
    for key, item in sorted(moment.live.items()):
        if key.kind != kind or cluster_of(key.scope) != cluster:
            continue
        spec = item.body.get("spec") or {}
        names = spec.get("dnsNames") or [r.get("host", "") for r in spec.get("rules") or ()]
        if names and len(covered(names, hostnames)) == len(set(names)):
            yield namespace_of(key.scope), key.name


def _reserved(reader: Reader) -> set[str]:
    """Addresses that stay reserved whoever uses them."""
    return {str(a.get("address")) for a in reader.aggregated("addresses", "addresses").result()}
