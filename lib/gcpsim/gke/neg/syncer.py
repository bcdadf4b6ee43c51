"""NEGs and their endpoints: created zone by zone, then filled with the pods behind the Service.

Not-ready pods are included (the load balancer's health check decides), terminating ones are not.
At most 500 endpoints travel in a call. Endpoints of calls under way are left out of the next
comparison. A failed pass is repeated after 5 s, doubling to 10 min, 15 times.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gcpsim.core.errors import ApiError
from gcpsim.core.paths import name_of, parent_of
from gcpsim.gke.neg import names, svcneg
from gcpsim.gke.neg.endpoints import Endpoint, Wanted
from gcpsim.gke.neg.source import Wish
from gcpsim.gke.neg.zones import Zones
from gcpsim.k8s.controllers.objects import Obj, labels_of, split
from gcpsim.k8s.controllers.plane import Plane

if TYPE_CHECKING:
    from gcpsim.gke.neg.gates import Gates

COMPONENT = "neg-controller"
PART = "negs"  # how a controller that stands still is noted
BATCH = 500
TRIES = 15


@dataclass
class Syncer:
    """One svcneg's work in progress. It is rebuilt from the objects after a restart."""

    wish: Wish
    extra_zones: tuple[str, ...] = ()
    under_way: dict[tuple[str, Endpoint], None] = field(default_factory=dict)
    creating: str = ""
    tries: int = 0
    failed_calls: int = 0


class SyncFailed(Exception):
    """A pass that has to be repeated."""


class Syncers:
    """All syncers of a cluster, by svcneg key."""

    def __init__(self, plane: Plane, zones: Zones, gates: "Gates") -> None:
        self.plane = plane
        self.cluster = plane.cluster
        self.compute = plane.world.compute
        self.zones = zones
        self.gates = gates
        self.running: dict[str, Syncer] = {}
        self._by_service: dict[str, set[str]] = {}
        self.wanted = Wanted(zones.of)
        self._held: dict[str, tuple[Obj, frozenset[Endpoint]]] = {}
        self.worker = plane.worker("gke.neg.lag", self.reconcile)
        self.cluster.subscribe("endpointslices", self._follow)
        plane.every("gke.neg.resync", self._resync)

    def want(self, wish: Wish, extra_zones: tuple[str, ...]) -> None:
        """Start a syncer, or have it look again."""
        key = f"{wish.namespace}/{wish.name}"
        syncer = self.running.get(key)
        if syncer is None:
            syncer = self.running[key] = Syncer(wish)
        syncer.wish, syncer.extra_zones = wish, extra_zones
        self._by_service.setdefault(f"{wish.namespace}/{wish.service}", set()).add(key)
        self.worker.mark(key)

    def stop(self, key: str) -> None:
        """From now on the endpoints stay as they are."""
        syncer = self.running.pop(key, None)
        if syncer is not None:
            self._by_service[f"{syncer.wish.namespace}/{syncer.wish.service}"].discard(key)

    def _follow(self, event: str, piece: Obj, old: Obj | None) -> None:
        if event == "DELETED":
            self.wanted.forget(piece)
        service = labels_of(piece).get("kubernetes.io/service-name", "")
        for key in self._by_service.get(f"{piece['metadata']['namespace']}/{service}", ()):
            self.running[key].tries = self.running[key].failed_calls = 0
            self.worker.mark(key)

    def _resync(self) -> bool:
        if self.plane.clock.scale:
            for key in self.running:
                self.worker.mark(key)
        return False

    def reconcile(self, key: str) -> None:
        syncer = self.running.get(key)
        obj = self.cluster.get(svcneg.RESOURCE, *split(key))
        if syncer is None or obj is None or self.plane.stands_still(PART):
            return
        initializing = True
        try:
            if not self._groups_exist(key, syncer, obj):
                return
            initializing = False
            self._sync_endpoints(key, syncer)
        except SyncFailed as failure:
            self._fail(key, syncer, str(failure), initializing)
        except ApiError as error:
            self._fail(key, syncer, google_api_error(error), initializing)
        else:
            self._say(key, error="")
            syncer.tries = 0

    # NEGs

    def active_zones(self, syncer: Syncer) -> list[str]:
        return sorted({*self.zones.candidates(), *syncer.extra_zones})

    def path(self, zone: str, name: str) -> str:
        return f"projects/{self.cluster.project}/zones/{zone}/networkEndpointGroups/{name}"

    def _groups_exist(self, key: str, syncer: Syncer, obj: Obj) -> bool:
        """Whether each active zone has its NEG; if not, the next one is being created."""
        if syncer.creating:
            return False
        wish, found, problems = syncer.wish, {}, []
        mine = wish.description(self.cluster.uid)
        for zone in self.active_zones(syncer):
            neg = self.compute.get(self.path(zone, wish.name))
            if neg is None:
                self._create(key, syncer, zone)
                return False
            problem = names.collision(
                wish.name, wish.custom, zone, mine, neg.get("description", "")
            )
            if problem:
                problems.append(problem)
            elif not self._same_network(neg):
                self._recreate(key, syncer, zone)
                return False
            else:
                found[zone] = neg
        self._write_references(obj, found, set(self.active_zones(syncer)), "; ".join(problems))
        if problems:
            raise SyncFailed("; ".join(problems))
        return True

    def _same_network(self, neg: Obj) -> bool:
        mine, theirs = self.plane.network, neg.get("network", "")
        return not theirs or name_of(theirs) == name_of(mine.network)

    def _create(self, key: str, syncer: Syncer, zone: str) -> None:
        wish, network = syncer.wish, self.plane.network
        path = self.path(zone, wish.name)
        body = {
            "name": wish.name,
            "networkEndpointType": "GCE_VM_IP_PORT",
            "network": network.network,
            "subnetwork": network.subnetwork,
            "description": str(wish.description(self.cluster.uid)),
        }
        operation = self.compute.call("POST", parent_of(path), body)
        syncer.creating = zone

        def done(finished: Obj) -> None:
            if self.running.get(key) is not syncer:
                return
            syncer.creating = ""
            problem = error_of(finished)
            if problem:
                self._fail(key, syncer, problem, True)
                return
            text = f'Created NEG "{wish.name}" for {wish.key} in "{zone}".'
            self._event(wish, "Normal", "Create", text)
            self.worker.mark(key)

        self.compute.when_done(operation, done)

    def _recreate(self, key: str, syncer: Syncer, zone: str) -> None:
        syncer.creating = zone
        operation = self.compute.call("DELETE", self.path(zone, syncer.wish.name))

        def done(finished: Obj) -> None:
            syncer.creating = ""
            self.worker.mark(key)

        self.compute.when_done(operation, done)

    def _write_references(
        self, obj: Obj, found: dict[str, Obj], active: set[str], error: str
    ) -> None:
        status = obj.get("status") or {}
        conditions = svcneg.initialized(status.get("conditions") or [], error, self.plane.now())
        groups = status.get("networkEndpointGroups") or []
        new = {**status, "conditions": conditions}
        references = svcneg.references(groups, self._with_left(groups, found, obj), active)
        if references:
            new["networkEndpointGroups"] = references
        if new != status:
            self.cluster.update(svcneg.RESOURCE, {**obj, "status": new})

    def _with_left(self, groups: list[Obj], found: dict[str, Obj], obj: Obj) -> dict[str, Obj]:
        """Also the NEGs of zones that have no node any more, as long as they exist."""
        name, all_found = obj["metadata"]["name"], dict(found)
        for entry in groups:
            zone = svcneg.zone_of(entry)
            neg = self.compute.get(self.path(zone, name))
            if neg is not None:
                all_found.setdefault(zone, neg)
        return all_found

    # Endpoints

    def _sync_endpoints(self, key: str, syncer: Syncer) -> None:
        wish = syncer.wish
        slices = self.cluster.list(
            "endpointslices", wish.namespace, {"kubernetes.io/service-name": wish.service}
        )
        wanted = self.wanted.by_zone(slices, wish.port_name)
        obj = self.cluster.get(svcneg.RESOURCE, *split(key)) or {}
        groups = (obj.get("status") or {}).get("networkEndpointGroups") or []
        for zone in sorted({*self.active_zones(syncer), *map(svcneg.zone_of, groups)}):
            if self.compute.get(self.path(zone, wish.name)) is None:
                continue
            have = self._attached(zone, wish.name)
            want = wanted.get(zone, {})
            busy = {endpoint for at, endpoint in syncer.under_way if at == zone}
            add = sorted(e for e in want if e not in have and e not in busy)
            remove = sorted(e for e in have if e not in want and e not in busy)
            for start in range(0, len(add), BATCH):
                self._change(key, syncer, zone, "Attach", add[start : start + BATCH])
            for start in range(0, len(remove), BATCH):
                self._change(key, syncer, zone, "Detach", remove[start : start + BATCH])
            self.gates.look(wish, zone, {e.ip for e in want if e in have})

    def _attached(self, zone: str, name: str) -> frozenset[Endpoint]:
        """What the NEG holds. Documents are frozen: the same one means the same set."""
        path = self.path(zone, name)
        doc = self.plane.world.store.table("compute/endpoints").get(path)
        if doc is None:
            return frozenset()
        known = self._held.get(path)
        if known is None or known[0] is not doc:
            known = (doc, frozenset(Endpoint.of(item) for item in doc["endpoints"]))
            self._held[path] = known
        return known[1]

    def _change(
        self, key: str, syncer: Syncer, zone: str, verb: str, batch: list[Endpoint]
    ) -> None:
        """One attach or detach call; the next comparison follows when its operation is done."""
        wish, count = syncer.wish, len(batch)
        where = f'(NEG "{wish.name}" in zone "{zone}")'
        for endpoint in batch:
            syncer.under_way[zone, endpoint] = None

        def finish(problem: str) -> None:
            for endpoint in batch:
                syncer.under_way.pop((zone, endpoint), None)
            if problem:
                text = f"Failed to {verb} {count} network endpoint(s) {where}: {problem}"
                self._event(wish, "Warning", f"{verb}Failed", text)
                if self.running.get(key) is syncer:
                    self._again(key, syncer)
                return
            syncer.failed_calls = 0
            text = f"{verb} {count} network endpoint(s) {where}"
            self._event(wish, "Normal", verb, text)
            if self.running.get(key) is syncer:
                if verb == "Attach":
                    self.gates.look(wish, zone, {e.ip for e in batch})
                self.worker.mark(key)

        path = f"{self.path(zone, wish.name)}/{verb.lower()}NetworkEndpoints"
        body = {"networkEndpoints": [endpoint.body() for endpoint in batch]}
        try:
            operation = self.compute.call("POST", path, body)
        except ApiError as error:
            finish(google_api_error(error))
            return
        self.compute.when_done(operation, lambda finished: finish(error_of(finished)))

    def _again(self, key: str, syncer: Syncer) -> None:
        """After a refused call: compare again, later each time; the conditions don't tell."""
        syncer.failed_calls += 1
        if syncer.failed_calls > TRIES:
            text = f'Failed to retry NEG sync for "{syncer.wish.key}": maximum retry exceeded'
            self._event(syncer.wish, "Warning", "RetryFailed", text)
            return
        self.worker.mark_at(self.plane.now() + self._delay(syncer.failed_calls - 1), key)

    def _delay(self, tries: int) -> float:
        first, last = self.plane.wait("gke.neg.retry.first"), self.plane.wait("gke.neg.retry.last")
        return min(last, first * 2.0**tries)

    # Outcome

    def _fail(self, key: str, syncer: Syncer, text: str, initializing: bool) -> None:
        wish = syncer.wish
        again = syncer.tries < TRIES
        note = "will retry" if again else "will not retry"
        message = f'Failed to sync NEG "{wish.name}" ({note}): {text}'
        self._event(wish, "Warning", "SyncNetworkEndpointGroupFailed", message)
        self._say(key, text, initializing=initializing)
        if not again:
            return
        self.worker.mark_at(self.plane.now() + self._delay(syncer.tries), key)
        syncer.tries += 1

    def _say(self, key: str, error: str, *, initializing: bool = False) -> None:
        obj = self.cluster.get(svcneg.RESOURCE, *split(key))
        if obj is None:
            return
        now, status = self.plane.now(), obj.get("status") or {}
        conditions = status.get("conditions") or []
        if initializing:
            conditions = svcneg.initialized(conditions, error, now)
        conditions = svcneg.synced(conditions, error, now)
        new = svcneg.synced_at({**status, "conditions": conditions}, now)
        self.cluster.update(svcneg.RESOURCE, {**obj, "status": new})

    def _event(self, wish: Wish, kind: str, reason: str, text: str) -> None:
        service = self.cluster.get("services", wish.namespace, wish.service)
        if service is not None:
            self.plane.event(service, kind, reason, text, COMPONENT)


def error_of(operation: Obj) -> str:
    """The first error of a finished operation; "" when it succeeded."""
    errors: list[Any] = (operation.get("error") or {}).get("errors") or []
    return str(errors[0].get("message", errors[0].get("code", "error"))) if errors else ""


def google_api_error(error: ApiError) -> str:
    """As Google's Go client prints a refusal."""
    return f"googleapi: Error {error.code}: {error.message}, {error.reason or 'invalid'}"
