"""The Service controller: what a Service of type LoadBalancer is in Compute Engine.

The newer forms are in passthrough.py. The legacy way is a regional passthrough load balancer on a
target pool: HTTP health check and its firewall rule, target pool with all nodes, firewall rule for
the clients, forwarding rule. The IP goes into the Service's status. When the type changes or the
Service goes, all of it is deleted, an ephemeral IP is lost.
"""

import orjson

from gcpsim.compute.engine.links import link
from gcpsim.core.errors import ApiError
from gcpsim.core.peers import ComputeApi
from gcpsim.core.ranges import NODE_PROBES
from gcpsim.gke import passthrough
from gcpsim.gke.neg.syncer import error_of, google_api_error
from gcpsim.gke.neg.zones import is_candidate, zone_of
from gcpsim.gke.parts import KUBE_PROXY_PORT, Part
from gcpsim.k8s.controllers.objects import Obj, deleting, key_of, split, with_meta
from gcpsim.k8s.controllers.plane import Plane

FINALIZER = "service.kubernetes.io/load-balancer-cleanup"
COMPONENT = "service-controller"
RETRY = 5.0


class ServiceController:
    """Builds and removes one cluster's load balancers, one operation at a time for each."""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.cluster = plane.cluster
        self.worker = plane.worker("gke.service.lag", self.reconcile)
        self._busy: set[str] = set()
        self.cluster.subscribe("services", self._follow)
        self.cluster.subscribe("nodes", self._follow_node)
        for service in self.cluster.list("services"):
            self._follow("ADDED", service, None)

    @property
    def compute(self) -> ComputeApi:
        return self.plane.world.compute

    def _follow(self, event: str, service: Obj, old: Obj | None) -> None:
        if balanced(service) or FINALIZER in (service["metadata"].get("finalizers") or ()):
            self.worker.mark(key_of(service))

    def _follow_node(self, event: str, node: Obj, old: Obj | None) -> None:
        if old is not None and event == "MODIFIED" and is_candidate(old) == is_candidate(node):
            return
        for service in self.cluster.table("services").values():
            if balanced(service):
                self.worker.mark(key_of(service))

    def reconcile(self, key: str) -> None:
        service = self.cluster.get("services", *split(key))
        if service is None or key in self._busy:
            return
        if deleting(service) or not balanced(service):
            self._remove(key, service)
            return
        if FINALIZER not in (service["metadata"].get("finalizers") or ()):
            finalizers = [*(service["metadata"].get("finalizers") or ()), FINALIZER]
            self._event(service, "EnsuringLoadBalancer", "Ensuring load balancer")
            service = self.cluster.update("services", with_meta(service, finalizers=finalizers))
        try:
            ip = self._build(key, service)
        except ApiError as error:
            self._failed(key, google_api_error(error))
            return
        if ip:
            self._publish(service, ip)

    def _build(self, key: str, service: Obj) -> str:
        """Create or update the next part; the IP when all is there, "" while work goes on."""
        for part in self.parts(service):
            found = self.compute.get(part.path)
            if found is None:
                self._run(key, "POST", part.collection, part.body)
                return ""
            if part.members is not None and self._move_members(key, part):
                return ""
            stale = part.stale(found)
            if stale:
                if "instances" in stale:
                    self._move_instances(key, part, found)
                elif "healthChecks" in stale:
                    self._move_health_check(key, part, found)
                else:
                    self._run(key, "PATCH", part.path, stale)
                return ""
        rule = self.compute.get(self.parts(service)[-1].path) or {}
        return str(rule.get("IPAddress", ""))

    def _move_members(self, key: str, part: Part) -> bool:
        """Attach the nodes that a group lacks, or detach those that left; False when none do."""
        table = self.plane.world.store.table("compute/endpoints")
        present = (table.get(part.path) or {"endpoints": []})["endpoints"]
        have = {one["instance"] for one in present if not one.get("draining")}
        for verb, names in (
            ("attachNetworkEndpoints", sorted(set(part.members or ()) - have)),
            ("detachNetworkEndpoints", sorted(have - set(part.members or ()))),
        ):
            if names:
                body = {"networkEndpoints": [{"instance": name} for name in names]}
                self._run(key, "POST", f"{part.path}/{verb}", body)
                return True
        return False

    def _move_instances(self, key: str, part: Part, found: Obj) -> None:
        have, want = found.get("instances") or [], part.body["instances"]
        missing = [one for one in want if one not in have]
        verb, chosen = ("addInstance", missing)
        if not missing:
            verb, chosen = ("removeInstance", [one for one in have if one not in want])
        body = {"instances": [{"instance": one} for one in chosen]}
        if chosen:
            self._run(key, "POST", f"{part.path}/{verb}", body)

    def _move_health_check(self, key: str, part: Part, found: Obj) -> None:
        """A pool has one: externalTrafficPolicy decides whether nodes or local pods are asked."""
        verb = "removeHealthCheck" if found.get("healthChecks") else "addHealthCheck"
        chosen = found.get("healthChecks") or part.body["healthChecks"]
        body = {"healthChecks": [{"healthCheck": one} for one in chosen]}
        self._run(key, "POST", f"{part.path}/{verb}", body)

    def _publish(self, service: Obj, ip: str) -> None:
        status = service.get("status") or {}
        wanted = {"ingress": [{"ip": ip, "ipMode": "VIP"}]}
        if status.get("loadBalancer") != wanted:
            self.plane.change("services", service, {**status, "loadBalancer": wanted})
            self._event(service, "EnsuredLoadBalancer", "Ensured load balancer")

    def _remove(self, key: str, service: Obj) -> None:
        held = service["metadata"].get("finalizers") or []
        if FINALIZER not in held:
            return
        last = not any(
            balanced(other) and not deleting(other) and key_of(other) != key
            for other in self.cluster.table("services").values()
        )
        for part in reversed(self.parts(service)):
            found = self.compute.get(part.path)
            if found is None or (part.shared and not last):
                continue
            try:
                self._run(key, "DELETE", part.path, None)
            except ApiError as error:
                self._failed(key, google_api_error(error))
            return
        status = {**(service.get("status") or {}), "loadBalancer": {}}
        service = self.plane.change("services", service, status)
        self._event(service, "DeletedLoadBalancer", "Deleted load balancer")
        rest = [name for name in held if name != FINALIZER]
        self.cluster.update("services", with_meta(service, finalizers=rest))

    def _run(self, key: str, verb: str, path: str, body: Obj | None) -> None:
        operation = self.compute.call(verb, path, body)
        self._busy.add(key)

        def done(finished: Obj) -> None:
            self._busy.discard(key)
            problem = error_of(finished)
            if problem:
                self._failed(key, problem)
            else:
                self.worker.mark(key)

        self.compute.when_done(operation, done)

    def _failed(self, key: str, problem: str) -> None:
        service = self.cluster.get("services", *split(key))
        if service is not None:
            text = f"Error syncing load balancer: {problem}"
            self._event(service, "SyncLoadBalancerFailed", text, kind="Warning")
        self.worker.mark_at(self.plane.now() + RETRY, key)

    def _event(self, service: Obj, reason: str, text: str, *, kind: str = "Normal") -> None:
        self.plane.event(service, kind, reason, text, COMPONENT)

    # What a load balancer consists of

    def _path(self, service: Obj, collection: str) -> str:
        region = "-".join(self.cluster.location.split("-")[:2])
        project = self.cluster.project
        return f"projects/{project}/regions/{region}/{collection}/{balancer_name(service)}"

    def parts(self, service: Obj) -> list[Part]:
        """In the order of creation, the forwarding rule last; deletion goes backwards."""
        if passthrough.is_based_on_a_backend_service(service):
            return passthrough.parts(self.plane, service, self._nodes())
        spec, name = service["spec"], balancer_name(service)
        project, network = f"projects/{self.cluster.project}", self.plane.network
        cluster_id = self.cluster.uid.replace("-", "")[:16]
        local = spec.get("externalTrafficPolicy") == "Local"
        sticky = spec.get("sessionAffinity") == "ClientIP"
        hc_name = name if local else f"k8s-{cluster_id}-node"
        hc_port = int(spec.get("healthCheckNodePort") or 0) if local else KUBE_PROXY_PORT
        tag = {"network": network.network, "targetTags": [network.tag]}
        ports = sorted({int(port["port"]) for port in spec["ports"]})
        owner = orjson.dumps({"kubernetes.io/service-name": key_of(service)}).decode()
        health = f"{project}/global/httpHealthChecks/{hc_name}"
        hc_rule = f"k8s-{name}-http-hc" if local else f"k8s-{cluster_id}-node-http-hc"
        pool = self._path(service, "targetPools")
        protocol = spec["ports"][0].get("protocol", "TCP")
        rule: Obj = {
            "name": name,
            "description": owner,
            "IPProtocol": protocol,
            "portRange": f"{ports[0]}-{ports[-1]}",
            "target": link(pool),
        }
        if spec.get("loadBalancerIP"):
            rule["IPAddress"] = spec["loadBalancerIP"]
        return [
            Part(
                health,
                {"name": hc_name, "requestPath": "/healthz", "port": hc_port, "checkIntervalSec": 8,
                 "timeoutSec": 1, "healthyThreshold": 1, "unhealthyThreshold": 3},
                shared=not local,
            ),
            Part(
                f"{project}/global/firewalls/{hc_rule}",
                {"name": hc_rule, **tag, "sourceRanges": list(NODE_PROBES),
                 "allowed": [{"IPProtocol": "tcp", "ports": [str(hc_port)]}]},
                shared=not local,
            ),
            Part(
                pool,
                {"name": name, "description": owner, "instances": self._instances(),
                 "healthChecks": [link(health)],
                 "sessionAffinity": "CLIENT_IP" if sticky else "NONE"},
                follow=("instances", "healthChecks"),
            ),
            Part(
                f"{project}/global/firewalls/k8s-fw-{name}",
                {"name": f"k8s-fw-{name}", **tag, "description": owner,
                 "sourceRanges": sorted(spec.get("loadBalancerSourceRanges") or ["0.0.0.0/0"]),
                 "allowed": [{"IPProtocol": protocol.lower(), "ports": [str(p) for p in ports]}]},
                follow=("sourceRanges", "allowed"),
            ),
            Part(self._path(service, "forwardingRules"), rule),
        ]  # fmt: skip

    def _nodes(self) -> dict[str, list[str]]:
        """Candidate nodes by zone."""
        found: dict[str, list[str]] = {}
        for node in self.cluster.list("nodes"):
            if is_candidate(node):
                found.setdefault(zone_of(node), []).append(node["metadata"]["name"])
        return found

    def _instances(self) -> list[str]:
        project = self.cluster.project
        return [
            link(f"projects/{project}/zones/{zone_of(node)}/instances/{node['metadata']['name']}")
            for node in self.cluster.list("nodes")
            if is_candidate(node)
        ]


def balanced(service: Obj) -> bool:
    """Whether the Service asks for a load balancer of Google Cloud, external or internal."""
    return service["spec"].get("type") == "LoadBalancer" and service["spec"].get(
        "loadBalancerClass"
    ) in (None, passthrough.EXTERNAL_CLASS, passthrough.INTERNAL_CLASS)


def balancer_name(service: Obj) -> str:
    """`a` and the Service's uid without dashes, 32 characters in all."""
    return ("a" + str(service["metadata"]["uid"]).replace("-", ""))[:32]
