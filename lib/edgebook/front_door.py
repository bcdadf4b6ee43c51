"""One front door in one environment: reading it, planning it, carrying a plan out.

Brings the pure core (params to plan) and the edges (connection, live reading) together. Everything
that is shown or checked starts from a Moment: one reading, and the plan that follows from it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from edgebook.base.errors import ApiError, EdgebookError
from edgebook.cloud import kubernetes as kube
from edgebook.cloud import refusals
from edgebook.cloud.connect import Connection, connect
from edgebook.cloud.google import Cloud
from edgebook.cloud.kubernetes import KubeCluster
from edgebook.cloud.wire import Wire
from edgebook.desired import Desired
from edgebook.desired.frontends import policies
from edgebook.live import Reader, autoneg, observe, read_live
from edgebook.live import clusters as cluster_reading
from edgebook.live import zones as zone_reading
from edgebook.live.legacy import read_legacy
from edgebook.live.project import prefetch
from edgebook.model.hostnames import Hostname
from edgebook.model.links import canonical
from edgebook.model.marks import owner
from edgebook.model.observed import Observed
from edgebook.model.paths import compute_scope, name_of, project_of
from edgebook.model.values import Action, Change, Live, Plan, ResourceKey
from edgebook.params import Spec
from edgebook.params.names import Names
from edgebook.params.types import ClusterSpec
from edgebook.plan import make as plan
from edgebook.plan.live_index import IndexedLive

NAMED = {"dnsAuthorization": "domain", "certificateMapEntry": "hostname"}  # what ours are for


@dataclass(frozen=True)
class Moment:
    """One reading of the world and the plan that follows from it."""

    reader: Reader
    live: IndexedLive
    observed: Observed
    desired: Desired
    plan: Plan


def cluster_path(spec: Spec, name: str) -> str:
    """`projects/P/locations/L/clusters/C`; a context tells it when gcloud wrote it, else ""."""
    cluster = spec.clusters[name]
    if not cluster.context:
        project = cluster.project or spec.project
        return f"projects/{project}/locations/{cluster.location}/clusters/{cluster.name or name}"
    parts = cluster.context.split("_")
    if len(parts) == 4 and parts[0] == "gke":
        return f"projects/{parts[1]}/locations/{parts[2]}/clusters/{parts[3]}"
    return ""


class FrontDoor:
    """A Spec with its connection; `file` is how messages call the params."""

    def __init__(self, spec: Spec, file: str, *, share: "FrontDoor | None" = None) -> None:
        self.spec = spec
        self.file = file
        self._share = share

    @cached_property
    def connection(self) -> Connection:
        if self._share is not None:
            return self._share.connection
        return connect(
            self.spec.environment.value,
            self.spec.project,
            scenario=self.spec.simulator.scenario,
            time_scale=self.spec.simulator.time_scale,
        )

    @cached_property
    def wire(self) -> Wire:
        return self._share.wire if self._share is not None else Wire(self.connection)

    @cached_property
    def cloud(self) -> Cloud:
        return Cloud(self.wire)

    @cached_property
    def names(self) -> Names:
        return Names(self.spec)

    @property
    def id(self) -> str:
        """Unique among all front doors: for journals and locks."""
        return f"{self.spec.project}-{self.names.front_door}"

    @cached_property
    def reader(self) -> Reader:
        """The first reader; each reading takes a new one from it, with the same clusters."""
        return Reader(self.wire, self.open_clusters())

    def open_clusters(self) -> dict[str, Callable[[], KubeCluster]]:
        """How each cluster of the params is reached, not yet connected."""

        def opener(name: str, spec: ClusterSpec) -> Callable[[], KubeCluster]:
            if spec.context:
                return lambda: kube.by_context(name, spec.context, self.connection)
            return lambda: kube.by_location(name, self.cluster_path(name), self.wire)

        return {name: opener(name, spec) for name, spec in self.spec.clusters.items()}

    def cluster_path(self, name: str) -> str:
        """`projects/P/locations/L/clusters/C`, as `cluster_path` says."""
        return cluster_path(self.spec, name)

    @cached_property
    def services(self) -> dict[str, set[tuple[str, str]]]:
        """The Services that matter, by cluster: a swap may use any cluster for any backend."""
        wanted = {(b.neg.namespace, b.neg.service) for b in self.spec.backends.values()}
        return dict.fromkeys(self.spec.clusters, wanted)

    @property
    def zone(self) -> str:
        """The first of them: where names are looked up from."""
        return next(iter(self.zones), "")

    @property
    def maps(self) -> tuple[str, ...]:
        return (self.names.certificate_map(),) if self.spec.certificate else ()

    @property
    def zones(self) -> tuple[str, ...]:
        return self.names.zones()

    @property
    def also(self) -> tuple[tuple[str, str], ...]:
        """Lists that only this front door needs: its policies, a shared network's rules."""
        found = (
            [("securityPolicy", compute_scope(self.spec.project))] if policies(self.spec) else []
        )
        network = self.spec.network
        if (host := project_of(network)) not in ("", self.spec.project):
            found.append(("firewall", compute_scope(host)))
        return tuple(found)

    def read(
        self,
        reader: Reader | None = None,
        *,
        zones: tuple[str, ...] = (),
        maps: tuple[str, ...] = (),
        live: IndexedLive | None = None,
        everywhere: bool = False,
    ) -> Moment:
        """Read everything now and plan; a given reader's lists are used as they are.

        `live` is what another front door of the same project has read already, for the `zones` and
        `maps` of all of them. `everywhere`: the records of all public zones of the DNS project too.
        """
        reader = reader or self.reader.again()
        zones, maps = zones or self.zones, maps or self.maps
        number = reader.one("cloudresourcemanager", f"v3/projects/{self.spec.project}")
        prefetch(reader, zones, self.also)
        cluster_reading.prefetch(reader, self.services)
        try:
            if live is None:
                live = IndexedLive(read_live(reader, zones=zones, maps=maps, also=self.also))
        except ApiError as error:
            for zone in self.zones:
                if refusals.not_there(error) and error.path.startswith(f"dns/v1/{zone}/"):
                    raise self._no_zone(error, zone) from error
            raise
        if left := self._left_zones(reader, live, everywhere=everywhere) - {*zones}:
            live = IndexedLive({**live, **dict(zone_reading.records(reader, left))})
        observed = self._observe(reader, live, _numbers(number.result, self.spec.project))
        for cluster in cluster_reading.annotations_as_live(observed.clusters.values()).values():
            live[cluster.key] = cluster
        target = plan.wanted(self.spec, observed, live)
        found = plan.make(self.spec, observed, live, target=target)
        return Moment(reader, live, observed, target, found)

    def _left_zones(self, reader: Reader, live: Live, *, everywhere: bool) -> frozenset[str]:
        """Zones in which names of ours may have records that the params do not name."""
        project = self.spec.dns.project or self.spec.project if self.spec.dns else ""
        if not project:
            return frozenset()
        if everywhere:
            return zone_reading.every(reader, project)
        names = {Hostname(name).domain for name in self.spec.hostnames}
        gone = {
            name
            for key, item in live.items()
            if key.kind in NAMED and owner(item.body) == self.names.front_door
            if (name := str(item.body.get(NAMED[key.kind]) or "").removeprefix("*."))
            and name not in names
        }
        return zone_reading.holding(reader, project, gone) if gone else frozenset()

    def _no_zone(self, error: ApiError, zone: str) -> EdgebookError:
        name = name_of(zone)
        return EdgebookError(
            f"DNS zone {name} does not exist",
            where=f"{self.file}: dns.zone",
            why=error.message,
            next=f"`{self.names.make_zone(zone)}`, or correct the params",
        )

    def _observe(self, reader: Reader, live: Live, numbers: Mapping[str, str]) -> Observed:
        firewalls = [item.body for key, item in live.items() if key.kind == "firewall"]
        tags = {name: spec.node_tags for name, spec in self.spec.clusters.items()}
        attached = frozenset(
            canonical(str(entry.get("group", "")))
            for key, item in live.items()
            if key.kind == "backendService" and owner(item.body) == self.names.front_door
            for entry in item.body.get("backends") or ()
        )
        clusters = observe(
            reader,
            self.services,
            node_tags=tags,
            firewalls=firewalls,
            attached=attached,
            tolerate=True,
        )
        there = tuple(name for name, cluster in clusters.items() if cluster.reachable)
        legacy = read_legacy(reader, there)
        now = self.connection.clock.utc()
        scope, names = compute_scope(self.spec.project), self.names
        ours = [
            ResourceKey("backendService", scope, names.backend_service(backend))
            for backend in self.spec.backends
        ]
        notes = (
            *legacy.notes(self.spec.hostnames, now),
            *autoneg.notes(reader, there, ours),
        )
        return Observed(clusters, numbers, notes=notes, balancers=legacy.addresses)

    def observe_now(self) -> Observed:
        """The clusters' NEGs as they are now: for attaching NEGs that GKE has just made."""
        return Observed(cluster_reading.observe_negs(self.reader.again(), self.spec.clusters))

    def replan(self, key: ResourceKey) -> Change | None:
        """What is to be done about one resource as things are now; None when nothing is."""
        changes = [change for change in self.read().plan.changes if change.key == key]
        work = [change for change in changes if change.action is not Action.REPORT]
        blocking = [change for change in changes if change.blocks]
        return next(iter(work + blocking), None)


def _numbers(read: Callable[[], dict[str, Any] | None], project: str) -> dict[str, str]:
    """The project's number, which some APIs put in place of its id; it may stay unknown."""
    try:
        found = read() or {}
    except EdgebookError:
        return {}
    number = str(found.get("name", "")).removeprefix("projects/")
    return {number: project} if number.isdigit() else {}
