"""The world before: passthrough load balancers carry traffic to nodes, and kube-proxy to pods.

Each external regional forwarding rule with a target pool or a backend service becomes forwarders of
the farm, one for each port that a Service has at its address. A node takes part while its health
check passes: what kube-proxy answers, counted by interval and thresholds on simulated time. Which
node and pod a connection gets, the farm decides (farm.forward).
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from gcpsim.compute.collections import thresholds
from gcpsim.compute.collections.firewalls import Reach, of_instance
from gcpsim.compute.engine import links
from gcpsim.compute.engine.service import Compute
from gcpsim.core.paths import collection_of, name_of, place_of
from gcpsim.core.ranges import PROBES
from gcpsim.dataplane.carried import Carried
from gcpsim.dataplane.link import Event, FarmLink
from gcpsim.dataplane.places import Places
from gcpsim.dataplane.pods import Pods
from gcpsim.gke import endpoints
from gcpsim.gke.estate import Estate
from gcpsim.k8s.controllers.endpointslices import target_port
from gcpsim.k8s.controllers.objects import Obj, deleting, is_true, labels_of
from gcpsim.k8s.controllers.plane import Plane

Doc = dict[str, Any]
FOLLOWED = ("services", "nodes")
DECIDING = ("forwardingRules", "targetPools", "backendServices", "httpHealthChecks", "firewalls",
            "instances", "networkEndpointGroups", "instanceGroups")  # fmt: skip


@dataclass(frozen=True)
class Machine:
    """A backend of a rule: an instance, and the node that runs on it."""

    path: str
    plane: Plane
    node: Obj

    @property
    def name(self) -> str:
        return str(self.node["metadata"]["name"])

    @property
    def ip(self) -> str:
        found = [a["address"] for a in self.node["status"].get("addresses") or ()
                 if a["type"] == "InternalIP"]  # fmt: skip
        return str(found[0]) if found else ""


class Passthrough:
    """The passthrough load balancers of a world, kept in step with its documents."""

    def __init__(
        self, compute: Compute, estate: Estate, pods: Pods, link: FarmLink, places: Places,
        locations: list[str],
    ) -> None:  # fmt: skip
        self.compute, self.estate, self.pods = compute, estate, pods
        self.link, self.places, self.locations = link, places, locations
        self.world = compute.world
        self._sent: dict[str, Event] = {}
        self._health: dict[tuple[str, str], Doc] = {}
        self._armed = False
        self._due: set[float] = set()
        self._young = False
        self.carried = Carried(self.world, link, lambda key: self._sent.get(key))
        link.restarted.append(self._order_everything)

    def begin(self) -> None:
        """Serve what is there; its nodes have been healthy for long."""
        self.compute.observers.append(self._changed)
        self.compute.pool_health = self.pool_health
        self.world.clock.changed.append(self._scaled)
        self.pods.observers.append(self.mark)
        self.flush()
        self._young = True

    def follow(self, plane: Plane) -> None:
        self._due.clear()
        self.mark()
        for resource in FOLLOWED:
            plane.cluster.subscribe(resource, lambda event, obj, old: self.mark())
        plane.cluster.subscribe("pods", self._follow_pod)
        plane.machine_observers.append(lambda node: self.mark())

    def reach(self) -> list[Doc]:
        """Where each address, port and location is served."""
        return [
            {
                "ip": order["vip"],
                "port": order["port"],
                "location": order["location"],
                "connect": "{}:{}".format(*order["listen"]),
                "protocol": "TCP",
                "rule": order["rule"],
            }
            for order in self._sent.values()
        ]

    def pool_health(self, pool: str, instance: str) -> str:
        """HEALTHY or UNHEALTHY of an instance in a target pool (targetPools.getHealth)."""
        machine = self._machine(instance)
        if machine is None:
            return thresholds.UNHEALTHY
        return self._state(pool, machine, self._pool_check(self.compute.get(pool) or {}))

    def mark(self) -> None:
        """Look at everything again once the transaction is over."""
        if not self._armed:
            self._armed = True
            asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Order what has changed."""
        self._armed = False
        wanted: dict[str, Event] = {}
        for path, rule in sorted(self.compute.table("forwardingRules").items()):
            if _is_passthrough(path, rule):
                wanted |= self._orders(path, rule)
        for key in sorted(set(self._sent) - set(wanted)):
            del self._sent[key]
            self.link.send({"op": "forward", "key": key, "gone": True})
        changed = [order for key, order in wanted.items() if self._sent.get(key) != order]
        self._sent = wanted
        if changed:
            self.link.send(*changed)

    # From documents to orders

    def _orders(self, path: str, rule: Doc) -> dict[str, Event]:
        backend, machines = self._backends(rule)
        orders: dict[str, Event] = {}
        ports = sorted({port for machine in machines for port in self._ports(rule, machine)})
        for port in ports:
            nodes = [self._node(rule, port, backend, machine) for machine in machines]
            local = any(node.pop("local") for node in nodes)
            for location in self.locations:
                place = self.places.of(rule["IPAddress"], location, port)
                key = f"{path} {port} {location}"
                orders[key] = {
                    "op": "forward",
                    "key": key,
                    "listen": [place.host, place.port],
                    "vip": rule["IPAddress"],
                    "port": port,
                    "location": location,
                    "rule": path,
                    "backend": name_of(rule.get("target") or rule.get("backendService") or ""),
                    "affinity": backend.get("sessionAffinity", "NONE"),
                    "local": local,
                    "nodes": nodes,
                }
        return orders

    def _backends(self, rule: Doc) -> tuple[Doc, list[Machine]]:
        """The target pool or backend service of a rule, and its machines."""
        target = links.path_of(rule.get("target") or rule.get("backendService") or "")
        backend = self.compute.get(target) if target else None
        if backend is None:
            return {}, []
        paths = [links.path_of(link) for link in backend.get("instances") or ()]
        for one in backend.get("backends") or ():
            paths += self._members(links.path_of(one["group"]))
        found = [machine for path in paths if (machine := self._machine(path)) is not None]
        return backend, found

    def _members(self, group: str) -> list[str]:
        """The instances of a NEG of type GCE_VM_IP, or of an instance group."""
        zone = place_of(group)
        table = self.world.store.table("compute/endpoints")
        items = (table.get(group) or {}).get("endpoints") or ()
        return [f"{zone}/instances/{item['instance']}" for item in items if item.get("instance")]

    def _machine(self, path: str) -> Machine | None:
        name = name_of(path)
        for plane in self.estate.planes.values():
            node = plane.cluster.get("nodes", "", name)
            if node is not None:
                return Machine(path, plane, node)
        return None

    def _service(self, rule: Doc, machine: Machine) -> Obj | None:
        """The Service whose packets kube-proxy takes at the rule's address."""
        for service in machine.plane.cluster.table("services").values():
            found = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
            if any(item.get("ip") == rule["IPAddress"] for item in found):
                return service
        return None

    def _ports(self, rule: Doc, machine: Machine) -> list[int]:
        service = self._service(rule, machine)
        low, _, high = str(rule.get("portRange") or "1-65535").partition("-")
        listed = {int(port) for port in rule.get("ports") or ()}
        return [
            int(one["port"])
            for one in (service or {"spec": {}})["spec"].get("ports") or ()
            if one.get("protocol", "TCP") == "TCP"
            and (int(one["port"]) in listed or int(low) <= int(one["port"]) <= int(high or low))
        ]

    def _node(self, rule: Doc, port: int, backend: Doc, machine: Machine) -> Doc:
        service = self._service(rule, machine)
        local = (service or {"spec": {}})["spec"].get("externalTrafficPolicy") == "Local"
        target = links.path_of(rule.get("target") or rule.get("backendService") or "")
        if "/targetPools/" in target:
            state = self._state(target, machine, self._pool_check(backend))
        else:
            state = self._service_state(target, backend, machine)
        return {
            "name": machine.name,
            "ip": machine.ip,
            "healthy": state == thresholds.HEALTHY,
            "answers": machine.plane.node_is_live(machine.node),
            "pods": self._pods(service, port, machine, local=local) if service else [],
            "local": local,
        }

    def _pods(self, service: Obj, port: int, machine: Machine, *, local: bool) -> list[list[Any]]:
        """The sockets kube-proxy chooses from: ready pods, or else those that end but serve."""
        spec = service["spec"]
        chosen = next(one for one in spec["ports"] if int(one["port"]) == port)
        selector = (spec.get("selector") or {}).items()
        ready: list[list[Any]] = []
        serving: list[list[Any]] = []
        for pod in machine.plane.pods.in_namespace(service["metadata"]["namespace"]):
            here = pod["spec"].get("nodeName") == machine.name
            if not selector or not selector <= labels_of(pod).items() or (local and not here):
                continue
            number = target_port(chosen, pod)
            ip = (pod.get("status") or {}).get("podIP") or ""
            at = self.pods.at(ip, number) if number else None
            if at is None or not is_true(pod, "Ready"):
                continue
            (serving if deleting(pod) else ready).append([at[0], at[1], ip])
        return sorted(ready or serving)

    # Health of nodes

    def _pool_check(self, pool: Doc) -> Doc | None:
        checks = pool.get("healthChecks") or []
        return self.compute.get(links.path_of(checks[0])) if checks else None

    def _state(self, pool: str, machine: Machine, check: Doc | None) -> str:
        """What the load balancer counts a node as, after its health check's thresholds."""
        if check is None:
            return thresholds.HEALTHY
        clock, key = self.world.clock, (pool, machine.path)
        record = self._health.get(key)
        was = self._counted(record, check) if record else thresholds.UNHEALTHY
        since = clock.now() if self._young or record else 0.0
        why, now = self._why(machine, check), not clock.scale
        record = thresholds.changed(record, why, since, was=was, new=False, at_once=now)
        self._health[key] = record
        self._arm(thresholds.due(record, check))
        return self._counted(record, check)

    def _scaled(self) -> None:
        """At scale 0 every verdict is in force, and stays so afterwards."""
        if not self.world.clock.scale:
            self._health = {key: thresholds.held(one) for key, one in self._health.items()}
            self.mark()

    def _counted(self, record: Doc, check: Doc) -> str:
        in_force = self.world.clock.now() >= thresholds.due(record, check)
        return thresholds.verdict(record) if in_force else str(record["before"])

    def _why(self, machine: Machine, check: Doc) -> str:
        """Why a node fails its health check; "" when it passes."""
        port = int(check.get("port", 80))
        network, location = machine.plane.network, machine.plane.cluster.location
        region = "-".join(location.split("-")[:2])
        _, accounts = of_instance(self.compute.get(machine.path))
        allowed, rule = Reach(self.compute, network.network, region).allows(
            PROBES, frozenset([network.tag]), port, accounts
        )
        if not allowed:
            return f"firewall: {rule} stops {PROBES} to tcp:{port}"
        said = endpoints.answer(self.estate.planes.values(), machine.ip, port)
        return "" if said == endpoints.OK else said

    def _service_state(self, service: str, backend: Doc, machine: Machine) -> str:
        """Of a backend service the same as getHealth says; without a check all are healthy."""
        if not backend.get("healthChecks"):
            return thresholds.HEALTHY
        for one in backend.get("backends") or ():
            for endpoint, state in self.compute.health.states(service, links.path_of(one["group"])):
                if endpoint.get("instance") == machine.name:
                    return state
        return thresholds.UNHEALTHY

    def _arm(self, due: float) -> None:
        """Look again when a verdict comes into force."""
        clock = self.world.clock
        if due <= clock.now() or due in self._due:
            return
        self._due.add(due)

        def arrive() -> None:
            self._due.discard(due)
            self.mark()

        clock.by(due, arrive)

    # What happens

    def _changed(self, path: str, doc: Doc | None) -> None:
        if collection_of(path) in DECIDING:
            self.mark()

    def _follow_pod(self, event: str, pod: Obj, old: Obj | None) -> None:
        if event != "MODIFIED" or old is None or _serves(old) != _serves(pod):
            self.mark()

    def _order_everything(self) -> None:
        self._sent.clear()
        self.mark()


def _serves(pod: Obj) -> tuple[bool, bool]:
    return is_true(pod, "Ready"), deleting(pod)


def _is_passthrough(path: str, rule: Doc) -> bool:
    """An external regional rule that leads to machines, and for TCP."""
    if "/regions/" not in path or rule.get("IPProtocol", "TCP") not in ("TCP", "L3_DEFAULT"):
        return False
    if rule.get("loadBalancingScheme", "EXTERNAL") != "EXTERNAL":
        return False
    return "/targetPools/" in rule.get("target", "") or bool(rule.get("backendService"))
