"""Health of endpoints as the load balancer sees it.

Nothing is known before a forwarding rule reaches the backend service. Then an endpoint is healthy
when a firewall rule lets the health-check ranges reach its port and it answers; a change of that
shows after the thresholds of the health check, on the clock. Who answers is what a prober sees by
connecting, or without one what rules say. Records are kept for restarts.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import orjson

from gcpsim.compute.collections import chains, neg_endpoints, thresholds
from gcpsim.compute.collections.firewalls import Reach, of_instance
from gcpsim.compute.collections.health_checks import BLOCKS
from gcpsim.compute.engine import links
from gcpsim.compute.engine.catalog import region_of
from gcpsim.compute.engine.resources import Doc, Resources
from gcpsim.core import ranges
from gcpsim.core.clock import rfc3339
from gcpsim.core.paths import collection_of, name_of, place_of, zone_of

NOT_PROBED = "not probed yet"
DECIDING = (
    "firewallPolicies",
    "firewalls",
    "forwardingRules",
    "healthChecks",
    "networks",
    "targetHttpProxies",
    "targetHttpsProxies",
    "targetSslProxies",
    "targetTcpProxies",
    "urlMaps",
)


class Prober(Protocol):
    """Who really connects to endpoints, from each of its `locations`."""

    locations: list[str]

    def seen(self, target: "Target") -> tuple[str, float] | None:
        """Why a target fails its probe ("" when it passes) and since when that is asked; or None.

        Asking is what has it probed from now on.
        """

    def keep(self, group_key: str, targets: set["Target"]) -> None:
        """The targets of a backend service, group and location from now on; others are let go."""


@dataclass(frozen=True)
class Target:
    """One endpoint to probe from a location, for one use of it."""

    location: str
    ip: str
    port: int
    check: str  # the health check as JSON


class Health:
    """Verdicts per (backend service, group, endpoint), found anew after changes.

    With a prober there is a verdict for each of its locations; `observers` are told when one of
    them changed. Without one, rules say who answers.
    """

    def __init__(self, compute: Resources) -> None:
        self.compute = compute
        self.records = compute.world.store.table("compute/health")
        self.answers = compute.world.store.table("compute/answers")
        self.prober: Prober | None = None
        self.observers: list[Callable[[], None]] = []
        self._dirty: set[str] = set()
        self._all_dirty = False
        self._armed = False
        self._due: set[float] = set()
        compute.observers.append(self._changed)
        compute.world.clock.changed.append(self._scaled)

    def mark(self, *groups: str) -> None:
        """Something changed for these groups (paths), or for everything when none is named."""
        if groups:
            self._dirty.update(groups)
        else:
            self._all_dirty = True
        if not self._armed:
            self._armed = True
            self.compute.world.clock.after(1.0, self.evaluate)

    def resume(self) -> None:
        """The clock has forgotten its timers, or documents are others: look at everything."""
        self._armed = False
        self._due.clear()
        self.mark()

    def evaluate(self) -> None:
        """Ask every endpoint concerned, and note since when its answer is what it is."""
        self._armed = False
        everything, self._all_dirty = self._all_dirty, False
        dirty, self._dirty = self._dirty, set()
        reaches: dict[tuple[str, str], Reach] = {}
        changed = False
        for group in neg_endpoints.groups(self.compute) if everything else sorted(dirty):
            for user in self.compute.users(group):
                if "/backendServices/" in user:
                    for location in self.prober.locations if self.prober else [""]:
                        changed |= self._group(user, group, location, reaches)
        if changed:
            self._tell()

    def states(self, service_path: str, group: str) -> list[tuple[Doc, str]]:
        """(endpoint, HEALTHY | UNHEALTHY | DRAINING) for a group; empty when nothing is known.

        As the probers of the group's own region see it.
        """
        if not chains.reached(self.compute, service_path):
            return []
        location = self._home(group)
        out = []
        for endpoint in neg_endpoints.endpoints(self.compute, group):
            if endpoint.get("draining"):
                out.append((endpoint, "DRAINING"))
                continue
            state = self.state(location, service_path, group, _key(endpoint))
            if state:
                out.append((endpoint, state))
        return out

    def state(self, location: str, service_path: str, group: str, endpoint: str) -> str:
        """HEALTHY, UNHEALTHY or "" (not known) of "ip:port", as a location sees it."""
        if self._all_dirty or group in self._dirty:
            self.evaluate()
        records = self.records.get(_record_key(service_path, group, location)) or {}
        record = records.get("endpoints", {}).get(endpoint)
        if record is None:
            return ""
        return self._state(record, self._check(self.compute.get(service_path) or {}), location)

    def table(self) -> list[Doc]:
        """What each prober saw and why, sorted."""
        rows = []
        for key, doc in sorted(self.records.items()):
            service, group, location = (*key.split("|"), "")[:3]
            check = self._check(self.compute.get(service) or {})
            for endpoint, record in sorted(doc["endpoints"].items()):
                rows.append(
                    {
                        "location": location,
                        "service": name_of(service),
                        "group": name_of(group),
                        "zone": name_of(links.split(group)[1]),
                        "endpoint": endpoint,
                        "state": self._state(record, check, location),
                        "probe": check["type"] if check else "",
                        "why": record["why"] or "answers",
                        "since": rfc3339(record["since"]),
                    }
                )
        return rows

    def _home(self, group: str) -> str:
        """The location whose probers speak for a group: its own region's, else the first."""
        if self.prober is None:
            return ""
        region = name_of(links.split(group)[1]).rpartition("-")[0]
        return region if region in self.prober.locations else self.prober.locations[0]

    def _group(
        self, service_path: str, group: str, location: str, reaches: dict[tuple[str, str], Reach]
    ) -> bool:
        """Find the verdict on each endpoint of a group as a backend of one service."""
        neg = self.compute.get(group) or {}
        key, targets = _record_key(service_path, group, location), set[Target]()
        known = self.records.get(key)
        before = (known or {}).get("endpoints", {})
        network = neg.get("network")  # machines yet to come and the internet have none
        if network is None or not chains.reached(self.compute, service_path):
            self.records.delete(key)
            self._keep(key, targets)
            return known is not None
        check = self._check(self.compute.get(service_path) or {})
        place = (str(network), region_of(zone_of(group)))
        if place not in reaches:
            reaches[place] = Reach(self.compute, *place)
        after: Doc = {}
        asked = _asked(check) if check is not None and self.prober is not None else ""
        for endpoint in neg_endpoints.endpoints(self.compute, group):
            name, record = _key(endpoint), before.get(_key(endpoint))
            verdict = self._verdict(group, endpoint, check, reaches[place])
            why, when = verdict or "", self.compute.world.clock.now()
            if verdict is None:
                assert check is not None, "without a check everything is healthy"
                target = Target(
                    location, endpoint.get("ipAddress", ""), _probe_port(check, endpoint), asked
                )
                targets.add(target)
                why, when = self._seen(target, record, when)
            after[name] = record = self._record(record, why, when, check, location)
            self._announce(record, check, location)
        self._keep(key, targets)
        if after == before:
            return False
        self.records.put(key, {"endpoints": after})
        return True

    def _record(
        self, record: Doc | None, why: str, when: float, check: Doc | None, location: str
    ) -> Doc:
        """What is remembered of an endpoint once its verdict is `why`."""
        was = "UNHEALTHY" if record is None else self._state(record, check, location)
        new = record is None or record["why"] == NOT_PROBED
        at_once = not self.compute.world.clock.scale
        return thresholds.changed(record, why, when, was=was, new=new, at_once=at_once)

    def _seen(self, target: Target, record: Doc | None, now: float) -> tuple[str, float]:
        """What the prober says; until it knows, all stays as it was."""
        assert self.prober is not None, "only a prober leaves a verdict open"
        found = self.prober.seen(target)
        if found is not None:
            return found
        return (str(record["why"]) if record else NOT_PROBED), now

    def _keep(self, key: str, targets: set[Target]) -> None:
        if self.prober is not None:
            self.prober.keep(key, targets)

    def _verdict(self, group: str, endpoint: Doc, check: Doc | None, reach: Reach) -> str | None:
        """Why an endpoint is not healthy; "" when it is; None when only a probe can tell."""
        if check is None:
            return ""
        world = self.compute.world
        port = _probe_port(check, endpoint)
        project, scope, _, _ = links.split(group)
        path = f"projects/{project}/{scope}/instances/{endpoint.get('instance', '')}"
        tags, accounts = of_instance(self.compute.get(path))
        for source in ranges.FRONT_ENDS:
            allowed, rule = reach.allows(source, tags, port, accounts)
            if not allowed:
                return f"firewall: {rule} stops {source} to tcp:{port}"
        ip = endpoint.get("ipAddress", "")
        said = self.answers.get(f"{ip}:{port}") or self.answers.get(ip)
        if said is not None:
            return "" if said["answer"] == "ok" else str(said["answer"])
        if self.prober is not None:
            return None
        page = str(check.get(BLOCKS[check["type"]], {}).get("requestPath") or "")
        answer = world.endpoint_answer(ip, port, page) if world.endpoint_answer else ""
        return "" if answer in ("", "ok") else answer

    def _state(self, record: Doc, check: Doc | None, location: str) -> str:
        clock = self.compute.world.clock
        if not clock.scale or check is None or clock.now() >= self._due_at(record, check, location):
            return thresholds.verdict(record)
        return str(record["before"])

    def _due_at(self, record: Doc, check: Doc, location: str) -> float:
        """When a location counts an endpoint as what its probes say."""
        new = self.compute.world.duration("health.propagation")
        return thresholds.due(record, check, phase=_phase(location), new=new)

    def _announce(self, record: Doc, check: Doc | None, location: str) -> None:
        """Have the observers told when a verdict comes into force."""
        clock = self.compute.world.clock
        if check is None or not self.observers or not clock.scale:
            return
        due = self._due_at(record, check, location)
        if due <= clock.now() or due in self._due:
            return
        self._due.add(due)

        def arrive() -> None:
            self._due.discard(due)
            self._tell()

        clock.by(due, arrive)

    def _scaled(self) -> None:
        """Where time takes none any more, every verdict is in force, and stays so afterwards."""
        if self.compute.world.clock.scale:
            return

        def hold() -> None:
            for key, doc in self.records.items():
                kept = {name: thresholds.held(one) for name, one in doc["endpoints"].items()}
                if kept != doc["endpoints"]:
                    self.records.put(key, {"endpoints": kept})

        self.compute.world.timer(hold)
        self._tell()

    def _tell(self) -> None:
        for observer in self.observers:
            observer()

    def _check(self, service: Doc) -> Doc | None:
        checks = service.get("healthChecks") or []
        return self.compute.get(links.path_of(checks[0])) if checks else None

    def _changed(self, path: str, doc: Doc | None) -> None:
        """A resource changed: mark the groups whose health can depend on it."""
        collection = collection_of(path)
        if collection == "networkEndpointGroups":
            self.mark(path)
        elif collection == "backendServices":
            backends = (doc or {}).get("backends") or []
            groups = [links.path_of(backend["group"]) for backend in backends]
            for key in [key for key in self.records if key.startswith(f"{path}|")]:
                if key.split("|")[1] not in groups:
                    self.records.delete(key)
                    self._keep(key, set())
            self.mark(*groups or [path])
        elif collection == "instances":
            groups = neg_endpoints.groups(self.compute)
            self.mark(*[g for g in groups if place_of(g) == place_of(path)] or [path])
        elif collection in DECIDING:
            self.mark()


def _probe_port(check: Doc, endpoint: Doc) -> int:
    block = check.get(BLOCKS.get(check["type"], ""), {})
    if block.get("portSpecification") == "USE_SERVING_PORT" or not block.get("port"):
        return int(endpoint.get("port", 0))
    return int(block["port"])


def _key(endpoint: Doc) -> str:
    return f"{endpoint.get('ipAddress', '')}:{endpoint.get('port', 0)}"


def _record_key(service_path: str, group: str, location: str) -> str:
    return f"{service_path}|{group}|{location}" if location else f"{service_path}|{group}"


def _phase(location: str) -> float:
    """Each location's probers have a rhythm of their own: a share of an interval that they lag."""
    return zlib.crc32(location.encode()) % 100 / 100 if location else 0.0


def _asked(check: Doc) -> str:
    """What of a health check decides about a probe."""
    block = BLOCKS[check["type"]]
    facts = {name: check[name] for name in ("checkIntervalSec", "timeoutSec", "type")}
    return orjson.dumps({**facts, "block": check.get(block, {})}).decode()
