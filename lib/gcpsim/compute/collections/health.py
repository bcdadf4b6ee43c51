"""Health of endpoints as the load balancer sees it.

Nothing is known before a forwarding rule reaches the backend service. Then an endpoint is healthy
when a firewall rule lets the health-check ranges reach its port and it answers; a change of that
shows after the thresholds of the health check, on the clock. Records are kept for restarts.
"""

from gcpsim.compute.collections import chains, negs
from gcpsim.compute.collections.firewalls import HEALTH_CHECK_RANGES, Reach
from gcpsim.compute.collections.health_checks import BLOCKS
from gcpsim.compute.engine import links
from gcpsim.compute.engine.resources import Doc, Kind, Resources
from gcpsim.compute.engine.service import Compute
from gcpsim.core.edge import Answer, Call
from gcpsim.core.errors import invalid, required

DECIDING = (
    "firewalls",
    "forwardingRules",
    "healthChecks",
    "targetHttpProxies",
    "targetHttpsProxies",
    "targetSslProxies",
    "targetTcpProxies",
    "urlMaps",
)


class Health:
    """Verdicts per (backend service, group, endpoint), found anew after changes."""

    def __init__(self, compute: Resources) -> None:
        self.compute = compute
        self.records = compute.world.store.table("compute/health")
        self.answers = compute.world.store.table("compute/answers")
        self._dirty: set[str] = set()
        self._all_dirty = False
        self._armed = False
        compute.observers.append(self._changed)

    def mark(self, *groups: str) -> None:
        """Something changed for these groups (paths), or for everything when none is named."""
        if groups:
            self._dirty.update(groups)
        else:
            self._all_dirty = True
        if not self._armed:
            self._armed = True
            self.compute.world.clock.after(1.0, self.evaluate)

    def evaluate(self) -> None:
        """Ask every endpoint concerned, and note since when its answer is what it is."""
        self._armed = False
        everything, self._all_dirty = self._all_dirty, False
        dirty, self._dirty = self._dirty, set()
        reaches: dict[str, Reach] = {}
        for group in negs.groups(self.compute) if everything else sorted(dirty):
            for user in self.compute.users(group):
                if "/backendServices/" in user:
                    self._group(user, group, reaches)

    def states(self, service_path: str, group: str) -> list[tuple[Doc, str]]:
        """(endpoint, HEALTHY | UNHEALTHY | DRAINING) for a group; empty when nothing is known."""
        if not reached(self.compute, service_path):
            return []
        if self._all_dirty or group in self._dirty:
            self.evaluate()
        check = self._check(self.compute.get(service_path) or {})
        records = (self.records.get(f"{service_path}|{group}") or {}).get("endpoints", {})
        out = []
        for endpoint in negs.endpoints(self.compute, group):
            record = records.get(_key(endpoint))
            if endpoint.get("draining"):
                out.append((endpoint, "DRAINING"))
            elif record is not None:
                out.append((endpoint, self._state(record, check)))
        return out

    def _group(self, service_path: str, group: str, reaches: dict[str, Reach]) -> None:
        """Find the verdict on each endpoint of a group as a backend of one service."""
        neg = self.compute.get(group)
        key = f"{service_path}|{group}"
        if neg is None or not reached(self.compute, service_path):
            self.records.delete(key)
            return
        check = self._check(self.compute.get(service_path) or {})
        if neg["network"] not in reaches:
            reaches[neg["network"]] = Reach(self.compute, neg["network"])
        now = self.compute.world.clock.now()
        before = (self.records.get(key) or {}).get("endpoints", {})
        after: Doc = {}
        for endpoint in negs.endpoints(self.compute, group):
            name = _key(endpoint)
            verdict = self._verdict(group, endpoint, check, reaches[neg["network"]])
            record = before.get(name)
            if record is None or (record["why"] == "") != (verdict == ""):
                was = "UNHEALTHY" if record is None else self._state(record, check)
                record = {"why": verdict, "since": now, "before": was, "new": record is None}
            elif record["why"] != verdict:
                record = {**record, "why": verdict}
            after[name] = record
        if after != before:
            self.records.put(key, {"endpoints": after})

    def _verdict(self, group: str, endpoint: Doc, check: Doc | None, reach: Reach) -> str:
        """Why an endpoint is not healthy; "" when it is."""
        if check is None:
            return ""
        world = self.compute.world
        port = _probe_port(check, endpoint)
        project, scope, _, _ = links.split(group)
        instance = self.compute.get(
            f"projects/{project}/{scope}/instances/{endpoint.get('instance', '')}"
        )
        tags = frozenset(((instance or {}).get("tags") or {}).get("items") or ())
        for source in HEALTH_CHECK_RANGES:
            allowed, rule = reach.allows(source, tags, port)
            if not allowed:
                return f"firewall: {rule} stops {source} to tcp:{port}"
        ip = endpoint.get("ipAddress", "")
        said = self.answers.get(f"{ip}:{port}") or self.answers.get(ip)
        if said is not None:
            return "" if said["answer"] == "ok" else str(said["answer"])
        answer = world.endpoint_answer(ip, port) if world.endpoint_answer else ""
        return "" if answer in ("", "ok") else answer

    def _state(self, record: Doc, check: Doc | None) -> str:
        world = self.compute.world
        if world.clock.scale == 0 or check is None:
            return "HEALTHY" if record["why"] == "" else "UNHEALTHY"
        up = record["why"] == ""
        threshold = check["healthyThreshold"] if up else check["unhealthyThreshold"]
        delay = check["checkIntervalSec"] * threshold
        if record["new"]:
            delay += world.duration("health.propagation")
        if world.clock.now() >= record["since"] + delay:
            return "HEALTHY" if up else "UNHEALTHY"
        return str(record["before"])

    def _check(self, service: Doc) -> Doc | None:
        checks = service.get("healthChecks") or []
        return self.compute.get(links.path_of(checks[0])) if checks else None

    def _changed(self, path: str, doc: Doc | None) -> None:
        """A resource changed: mark the groups whose health can depend on it."""
        collection = path.split("/")[-2]
        if collection == "networkEndpointGroups":
            self.mark(path)
        elif collection == "backendServices":
            backends = (doc or {}).get("backends") or []
            groups = [links.path_of(backend["group"]) for backend in backends]
            for key in [key for key in self.records if key.startswith(f"{path}|")]:
                if key.partition("|")[2] not in groups:
                    self.records.delete(key)
            self.mark(*groups or [path])
        elif collection == "instances":
            zone = path.rsplit("/", 2)[0]
            self.mark(*[g for g in negs.groups(self.compute) if g.startswith(zone)] or [path])
        elif collection in DECIDING:
            self.mark()


def reached(compute: Resources, service_path: str) -> bool:
    """Whether some forwarding rule leads to a backend service."""
    for user in compute.users(service_path):
        if "/forwardingRules/" in user:
            return True
        if "/urlMaps/" in user:
            url_map = compute.get(user) or {}
            if links.link(service_path) not in chains.services(url_map):
                continue
        if any(word in user for word in ("/urlMaps/", "/target")) and reached(compute, user):
            return True
    return False


def get_health(compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc) -> Answer:
    """backendServices.getHealth, one group a call; no `healthStatus` when nothing is known."""
    group = body.get("group")
    if not group:
        raise required("resource.group")
    project = links.split(path)[0]
    group_path = links.reference(
        "resource.group", group, project, ("networkEndpointGroups", "instanceGroups")
    )
    if links.link(group_path) not in [b["group"] for b in doc.get("backends") or []]:
        raise invalid("resource.group", group, "The group is not a backend of the backend service.")
    answer: Doc = {"kind": "compute#backendServiceGroupHealth"}
    zone = "/".join(group_path.split("/")[:4])
    status = []
    for endpoint, state in compute.health.states(path, group_path):
        if state == "DRAINING":
            continue
        item: Doc = {"healthState": state, "ipAddress": endpoint.get("ipAddress", "")}
        if endpoint.get("instance"):
            item["instance"] = links.link(f"{zone}/instances/{endpoint['instance']}")
        if endpoint.get("port"):
            item["port"] = endpoint["port"]
        if endpoint.get("annotations"):
            item["annotations"] = endpoint["annotations"]
        status += _by_rule(compute, path, doc, item)
    if status:
        answer["healthStatus"] = status
    return Answer(body=answer)


def _by_rule(compute: Compute, path: str, doc: Doc, item: Doc) -> list[Doc]:
    """A passthrough service answers once for each rule that leads to it (recorded)."""
    rules = [compute.get(user) for user in compute.users(path) if "/forwardingRules/" in user]
    if not rules:
        return [item]
    port = {"port": doc["port"]} if "port" in doc else {}
    return [
        {
            **port,
            **item,
            "forwardingRule": rule["selfLink"],
            "forwardingRuleIp": rule["IPAddress"],
        }
        for rule in rules
        if rule is not None
    ]


def _probe_port(check: Doc, endpoint: Doc) -> int:
    block = check.get(BLOCKS.get(check["type"], ""), {})
    if block.get("portSpecification") == "USE_SERVING_PORT" or not block.get("port"):
        return int(endpoint.get("port", 0))
    return int(block["port"])


def _key(endpoint: Doc) -> str:
    return f"{endpoint.get('ipAddress', '')}:{endpoint.get('port', 0)}"
