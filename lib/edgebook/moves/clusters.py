"""Failovers and upgrades as their runbooks ask for them: options, what is read, what must hold."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from edgebook.apply import upgrades
from edgebook.base.errors import RefusedError, UsageError
from edgebook.front_door import FrontDoor, Moment
from edgebook.live.behind import behind_nginx
from edgebook.live.legacy import read_legacy
from edgebook.live.reader import Reader
from edgebook.model.hostnames import overlapping
from edgebook.model.paths import part_of, project_of
from edgebook.model.pods import is_nginx
from edgebook.model.values import LiveResource
from edgebook.moves import failover, retire, upgrade
from edgebook.moves import pods as pods_of
from edgebook.moves import wish as wishes
from edgebook.moves.failover import Failover
from edgebook.moves.stages import Ladder
from edgebook.moves.upgrade import Upgrade
from edgebook.moves.zonal import ZoneFailover
from edgebook.params.types import Spec
from edgebook.plan.live_index import IndexedLive

_ZONE = re.compile(r"[a-z]+-[a-z]+\d+-[a-z]")
NEWEST = "newest"  # for rehearsals: what GKE offers now


FAILOVERS = ("leave", "to", "drill", "soak")
UPGRADES = ("cluster", "version", "pools", "soak", "allow_loss")


def takes_only(move: str, options: Mapping[str, Any], names: tuple[str, ...]) -> None:
    """Raises UsageError for options that a move does not know."""
    if stray := sorted(set(options) - set(names)):
        why = f"it takes {', '.join(names)}"
        raise UsageError(f"{move} takes no {', '.join(stray)}", where="book.move", why=why)


def _newest(door: FrontDoor, path: str) -> str:
    location = path.partition("/clusters/")[0]
    return str(door.wire.get("container", f"v1/{location}/serverConfig")["validMasterVersions"][0])


def asked_failover(spec: Spec, options: Mapping[str, Any]) -> Failover | ZoneFailover:
    """`leave` names clusters, or a region: all clusters there; or one zone of a region."""
    takes_only("failover", options, FAILOVERS)
    text = str(options.get("leave") or "")
    if text not in spec.clusters and _ZONE.fullmatch(text):
        return _asked_zone(spec, text, options)
    here = [name for name in spec.clusters if wishes.region(spec, name) == text]
    leave = tuple(sorted(here)) or wishes.clusters(text, spec, "leave")
    others = tuple(sorted(set(spec.clusters) - set(leave)))
    to = wishes.clusters(options["to"], spec) if options.get("to") else others
    if not to or set(to) & set(leave):
        raise UsageError(
            "Nowhere to go",
            where="to",
            why=f"leaving {', '.join(leave)}; other clusters are: {', '.join(others) or 'none'}",
        )
    drill, soak = _drill(options)
    return Failover(leave, to, drill, soak)


def _asked_zone(spec: Spec, zone: str, options: Mapping[str, Any]) -> ZoneFailover:
    regions = sorted({wishes.region(spec, name) for name in spec.clusters} - {""})
    if zone.rpartition("-")[0] not in regions:
        where = ", ".join(regions) or "regions that the params do not name"
        raise UsageError(f"No cluster in zone {zone}", where="leave", why=f"they are in {where}")
    to = wishes.clusters(options["to"], spec) if options.get("to") else ()
    drill, soak = _drill(options)
    return ZoneFailover(zone, to, drill, soak)


def _drill(options: Mapping[str, Any]) -> tuple[bool, int]:
    """Whether it is one, and how long it stays away in seconds."""
    drill = bool(options.get("drill", False))
    return drill, wishes.seconds(options.get("soak") or 0, "soak") if drill else 0


def after_failover(spec: Spec, asked: Failover) -> Spec:
    """The params as they are true then: both sides attached where one was left."""
    backends = {
        name: replace(backend, active=tuple(sorted({*backend.active, *asked.to})))
        if set(backend.active) & set(asked.leave)
        else backend
        for name, backend in spec.backends.items()
    }
    return replace(spec, backends=backends)


def failover_ladder(door: FrontDoor, moment: Moment, asked: Failover) -> Ladder:
    return failover.ladder(door.spec, moment.observed, moment.live, asked)


def _versions(path: str) -> str:
    """The gcloud line that lists the versions which a cluster's location offers."""
    location = part_of(path, "locations")
    return f"gcloud container get-server-config --location {location} --project {project_of(path)}"


class UpgradeOf:
    """One upgrade: the cluster is read from GKE's API."""

    def __init__(self, door: FrontDoor, options: Mapping[str, Any]) -> None:
        takes_only("upgrade", options, UPGRADES)
        cluster, *more = wishes.clusters(str(options.get("cluster") or ""), door.spec, "cluster")
        if more:
            raise UsageError(
                "One cluster at a time",
                where="cluster",
                why=f"{cluster}, {', '.join(more)}; the others serve while one is upgraded",
            )
        path, version = door.cluster_path(cluster), str(options.get("version") or "")
        if not version:
            raise UsageError(
                "No version to upgrade to",
                where="version",
                why="aliases mean another version tomorrow, so a plan needs a whole one",
                next=f"`{_versions(path)}` lists them" if path else "",
            )
        version = _newest(door, path) if version == NEWEST else version
        pools = tuple(options.get("pools") or ())
        soak = wishes.seconds(options.get("soak") or 0, "soak")
        self._door, self._allow = door, bool(options.get("allow_loss", False))
        self._asked = Upgrade(cluster, path, version, pools, soak)
        self._body: dict[str, Any] = {}

    def more(self, moment: Moment) -> Moment:
        """The control plane and the pools as live resources."""
        self._body = self._door.wire.get("container", f"v1/{self._asked.path}")
        found = {k: LiveResource(k, b) for k, b in upgrade.keys(self._asked.path, self._body)}
        return replace(moment, live=IndexedLive({**moment.live, **found}))

    def ladder(self, moment: Moment) -> Ladder:
        return upgrade.ladder(self._door.spec, moment.desired, self._body, self._asked)

    def require(self, moment: Moment, ladder: Ladder) -> None:
        """Raises RefusedError for another operation, and for pods that would lose requests."""
        wire, asked = self._door.wire, self._asked
        found = [
            f"{item.get('operationType')} {item.get('name')} is {item.get('status')}"
            for item in upgrades.operations(wire, asked.path)
        ]
        now = datetime.fromtimestamp(self._door.connection.now(), UTC)
        found += upgrade.excluded(self._body, asked.version, now)
        found += upgrade.goes_back(self._body, asked.version)
        known = [str(pool["name"]) for pool in self._body.get("nodePools") or ()]
        found += [f"no node pool {name}" for name in asked.pools if name not in known]
        if not self._allow:
            found += [*self._still_old(moment), *self._pods(moment)]
        if found:
            raise RefusedError(
                f"{asked.cluster} cannot be upgraded under traffic",
                where=asked.path,
                why="\n".join(found),
                next="mend them; or move its traffic away first (operate/failover), and set "
                "allow_loss, which lets pods lose requests and nothing else",
            )

    def _still_old(self, moment: Moment) -> Iterator[str]:
        """Names that lead to this cluster past the front door: its nodes end their connections."""
        name = self._asked.cluster
        for balancer in read_legacy(moment.reader, (name,)).balancers:
            led = retire.leading_to(moment.live, balancer.address)
            if names := overlapping(led, self._door.spec.hostnames):
                service = f"{balancer.namespace}/{balancer.name}"
                yield (
                    f"{', '.join(names)} still leads to {balancer.address}, the passthrough load "
                    f"balancer of {service}: its connections end with each node; cut over first "
                    "(edgebook plan 80_cut_over)"
                )

    def _pods(self, moment: Moment) -> list[str]:
        """Only of what serves the front door from this cluster now."""
        name, reader = self._asked.cluster, moment.reader
        found: list[str] = []
        served = {n: b for n, b in self._door.spec.backends.items() if name in b.active}
        ready = pods_of.count(reader, self._door.spec, served, (name,))
        budgets = reader.objects(name, "apis/policy/v1/poddisruptionbudgets", missing_ok=True)
        for backend_name, backend in served.items():
            neg = backend.neg
            services = reader.objects(name, "api/v1/services").result()
            selector = next(
                (
                    (s.get("spec") or {}).get("selector") or {}
                    for s in services
                    if (s["metadata"]["namespace"], s["metadata"]["name"])
                    == (neg.namespace, neg.service)
                ),
                {},
            )
            pods = [
                pod
                for pod in reader.objects(name, f"api/v1/namespaces/{neg.namespace}/pods").result()
                if selector and selector.items() <= (pod["metadata"].get("labels") or {}).items()
            ]
            mine = [b for b in budgets.result() if b["metadata"]["namespace"] == neg.namespace]
            zones = ready.get((backend_name, name))
            called = f"{neg.namespace}/{neg.service}"
            found += upgrade.problems(called, pods, mine, zones.ready if zones else None)
            path = f"api/v1/namespaces/{neg.namespace}/configmaps"
            found += upgrade.keep_alive(called, pods, reader.objects(name, path).result())
            if any(map(is_nginx, pods)):
                found += self._behind(reader, budgets.result())
        return sorted(set(found))

    def _behind(self, reader: Reader, budgets: list[dict[str, Any]]) -> Iterator[str]:
        """Pods that NGINX asks on behalf of the front door: their nodes go as well."""
        served = behind_nginx(reader, self._asked.cluster, self._door.spec.hostnames)
        for namespace, service, pods in served:
            mine = [b for b in budgets if b["metadata"]["namespace"] == namespace]
            yield from upgrade.behind(f"{namespace}/{service}", pods, mine)
