"""The legacy world in this process with its pods as sockets, and time that tests move."""

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any

from gcpsim.dataplane.backends import Backends
from gcpsim.dataplane.block import Block
from gcpsim.dataplane.places import Places
from gcpsim.dataplane.plane import DataPlane
from gcpsim.front.build import Config, build
from gcpsim.k8s.controllers.objects import Obj
from gcpsim.k8s.controllers.plane import Plane

PREFIX = "gcpsim.example.com/"
LIMIT = 60.0


class Stage:
    """A world with its backends; what tests do to it is a transaction, as requests are."""

    def __init__(self, scenario: str = "legacy", scale: float = 60.0) -> None:
        self.cloud = build(Config(scenario=scenario, paused=True, time_scale=scale))
        self.world = self.cloud.world
        self.block = Block()
        self.places = Places(self.block)
        self.backends = Backends(
            self.cloud.gke.estate, self.cloud.certificates.authority, self.block, self.places,
            ["europe-west1", "us-central1"],
        )  # fmt: skip
        self.pods = self.backends.pods

    async def open(self) -> None:
        await self.backends.open()

    async def close(self) -> None:
        await self.backends.close()
        self.block.close()

    def plane(self, cluster: str = "blue") -> Plane:
        return self.cloud.gke.estate.planes[cluster]

    def do(self, work: Callable[[], Any]) -> Any:
        return self.world.transact(work)

    async def pass_time(self, seconds: float, step: float = 0.0) -> None:
        """Move simulated time; with `step`, let the farm answer after each step."""
        left = seconds
        while left > 0:
            self.world.clock.advance(min(step or left, left))
            left -= step or left
            await asyncio.sleep(0)  # what is done soon, such as cutting what is drained, is sent
            await self.backends.settled()
            await self.backends.visits.settled()

    async def direct(self, verb: str, **args: Any) -> Any:
        answer = self.do(lambda: self.world.stage[verb](args))
        self.world.clock.settle()
        await self.backends.settled()
        return answer

    def all(self, app: str, cluster: str = "blue") -> list[Obj]:
        """The pods of a workload by its label `app` (or app.kubernetes.io/name), by name."""
        found = []
        for pod in self.plane(cluster).pods.all():
            labels = pod["metadata"].get("labels") or {}
            if app in (labels.get("app"), labels.get("app.kubernetes.io/name")):
                found.append(pod)
        return sorted(found, key=lambda pod: str(pod["metadata"]["name"]))

    def one(self, app: str, cluster: str = "blue") -> Obj:
        return self.all(app, cluster)[0]

    def at(self, pod: Obj, port: int) -> tuple[str, int] | None:
        return self.pods.at(pod["status"]["podIP"], port)

    def socket(self, pod: Obj, port: int) -> tuple[str, int]:
        found = self.at(pod, port)
        assert found is not None, f"{pod['metadata']['name']} does not listen on {port}"
        return found

    async def annotate(self, pod: Obj, cluster: str = "blue", **notes: str | None) -> None:
        """Set annotations of the behaviour vocabulary; `_` stands for `-`."""
        named = {PREFIX + name.replace("_", "-"): value for name, value in notes.items()}
        meta = pod["metadata"]
        patch = {"metadata": {"annotations": named}}
        target = self.plane(cluster).cluster
        self.do(lambda: target.patch("pods", meta["namespace"], meta["name"], patch))
        await self.backends.settled()

    async def delete(self, pod: Obj, cluster: str = "blue") -> None:
        meta = pod["metadata"]
        target = self.plane(cluster).cluster
        self.do(lambda: target.delete("pods", meta["namespace"], meta["name"]))
        await self.backends.settled()

    def call(self, verb: str, path: str, body: Any = None) -> Any:
        """A request to Compute Engine, as a transaction; `path` after the project."""
        answer = self.do(
            lambda: self.world.compute.call(verb, f"projects/shop-rehearsal/{path}", body)
        )
        self.world.clock.settle()
        return answer

    def ask(self, service: str, verb: str, path: str, **query: str) -> Any:
        """A request to another service, as a transaction."""
        asked: Any = self.world.services[service]
        return self.do(lambda: asked.call(verb, path, None, query))

    async def neg(self, namespace: str, service: str, port: int, name: str) -> None:
        """Have GKE make a NEG of a Service's port."""
        note = json.dumps({"exposed_ports": {str(port): {"name": name}}})
        patch = {"metadata": {"annotations": {"cloud.google.com/neg": note}}}
        target = self.plane().cluster
        self.do(lambda: target.patch("services", namespace, service, patch))
        await self.pass_time(30, step=5)

    async def front(self, name: str, neg: str, check: dict[str, Any], **service: Any) -> None:
        """Everything from a health check to a forwarding rule for a TCP proxy; no firewall rule."""
        zones = self.plane().cluster.zones
        block = check["type"].lower() + "HealthCheck"
        probe = {block: {"portSpecification": "USE_SERVING_PORT"}, "name": name} | check
        here = "projects/shop-rehearsal"
        steps = [
            ("healthChecks", probe),
            ("backendServices", {
                "name": name, "protocol": "TCP", "loadBalancingScheme": "EXTERNAL_MANAGED",
                "healthChecks": [f"{here}/global/healthChecks/{name}"],
                "backends": [
                    {"group": f"{here}/zones/{zone}/networkEndpointGroups/{neg}",
                     "balancingMode": "CONNECTION", "maxConnectionsPerEndpoint": 100}
                    for zone in zones
                ], **service,
            }),
            ("targetTcpProxies",
             {"name": name, "service": f"{here}/global/backendServices/{name}"}),
            ("forwardingRules", {
                "name": name, "target": f"{here}/global/targetTcpProxies/{name}",
                "portRange": "443", "IPProtocol": "TCP",
                "loadBalancingScheme": "EXTERNAL_MANAGED",
            }),
        ]  # fmt: skip
        for collection, body in steps:
            self.call("POST", f"global/{collection}", body)
            await self.pass_time(30)

    async def open_firewall(self, port: int) -> None:
        body = {
            "name": f"allow-{port}", "sourceRanges": ["35.191.0.0/16", "130.211.0.0/22"],
            "allowed": [{"IPProtocol": "tcp", "ports": [str(port)]}],
        }  # fmt: skip
        self.call("POST", "global/firewalls", body)
        await self.pass_time(20)

    def health(self, name: str, neg: str) -> dict[str, str]:
        """getHealth of all zones: endpoint -> state."""
        found = {}
        for zone in self.plane().cluster.zones:
            group = f"projects/shop-rehearsal/zones/{zone}/networkEndpointGroups/{neg}"
            body = {"group": group}
            answer = self.call("POST", f"global/backendServices/{name}/getHealth", body)
            for item in answer.get("healthStatus", []):
                found[f"{item['ipAddress']}:{item['port']}"] = item["healthState"]
        return found

    async def kill_farm(self) -> None:
        """The pods' process dies; gcpsim starts it again."""
        again = asyncio.Event()
        self.backends.link.restarted.append(again.set)
        os.kill(self.backends.link.pid, signal.SIGKILL)
        await again.wait()
        await self.backends.settled()


class RuleStage(Stage):
    """The same without a data plane: who answers is a rule."""

    async def open(self) -> None:
        return

    async def close(self) -> None:
        self.block.close()

    async def pass_time(self, seconds: float, step: float = 0.0) -> None:
        self.world.clock.advance(seconds)


class FrontStage(Stage):
    """The same with front ends: an Envoy for each of two locations."""

    def __init__(self) -> None:
        self.cloud = build(Config(scenario="legacy", paused=True, time_scale=60.0))
        self.world = self.cloud.world
        cloud = self.cloud
        self.front = DataPlane(cloud.compute, cloud.certificates, cloud.gke)
        self.backends, self.pods = self.front.backends, self.front.backends.pods

    async def open(self) -> None:
        await self.front.open()

    async def close(self) -> None:
        await self.front.close()

    async def settled(self) -> None:
        """Wait until the front ends serve what their locations know."""
        await self.backends.settled()
        await asyncio.sleep(0)
        await self.front.settled()

    async def spread(self) -> None:
        """Let two minutes pass, after which every location knows everything."""
        await self.pass_time(120, step=20)
        await self.backends.probers.settled()
        await self.pass_time(60, step=20)
        await self.settled()

    async def http_front(self, name: str, neg: str, **service: Any) -> None:
        """From a health check on /healthz to a forwarding rule on port 80."""
        here = "projects/shop-rehearsal/global"
        check = {"requestPath": "/healthz", "portSpecification": "USE_SERVING_PORT"}
        backends = [
            {"group": f"projects/shop-rehearsal/zones/{zone}/networkEndpointGroups/{neg}",
             "balancingMode": "RATE", "maxRatePerEndpoint": 1000}
            for zone in self.plane().cluster.zones
        ]  # fmt: skip
        scheme = {"loadBalancingScheme": "EXTERNAL_MANAGED"}
        steps: list[tuple[str, dict[str, Any]]] = [
            ("healthChecks", {"type": "HTTP", "httpHealthCheck": check}),
            ("backendServices", {"protocol": "HTTP", "backends": backends, **scheme,
                                 "healthChecks": [f"{here}/healthChecks/{name}"], **service}),
            ("urlMaps", {"defaultService": f"{here}/backendServices/{name}"}),
            ("targetHttpProxies", {"urlMap": f"{here}/urlMaps/{name}"}),
            ("forwardingRules", {"target": f"{here}/targetHttpProxies/{name}", "portRange": "80",
                                 "IPProtocol": "TCP", **scheme}),
        ]  # fmt: skip
        for collection, body in steps:
            self.call("POST", f"global/{collection}", {"name": name, **body})
            await self.pass_time(30)

    def door(self, name: str, location: str = "us-central1") -> tuple[str, int]:
        """Where a forwarding rule is served."""
        for row in self.front.reach():
            rule, where = row["rule"], row["location"]
            if rule.endswith(f"/global/forwardingRules/{name}") and where == location:
                host, _, port = row["connect"].rpartition(":")
                return host, int(port)
        raise AssertionError(self.front.reach())


class Theatre:
    """One stage and one event loop for several tests; each leaves workloads that recover."""

    def __init__(self, kind: "type[Stage] | None" = None) -> None:
        self._runner = asyncio.Runner()
        self._runner.run(self._open(kind or Stage))

    async def _open(self, kind: "type[Stage]") -> None:
        self.stage = kind()
        await self.stage.open()

    def play(self, test: Callable[[Stage], Awaitable[None]]) -> None:
        async def limited() -> None:
            async with asyncio.timeout(LIMIT):
                await test(self.stage)

        self._runner.run(limited())

    def close(self) -> None:
        self._runner.run(self.stage.close())
        self._runner.close()


async def ask(at: tuple[str, int], words: str, **more: Any) -> tuple[int, dict[str, str], bytes]:
    """One HTTP/1.1 request on a connection of its own: status, headers, body."""
    reader, writer = await asyncio.open_connection(*at, **more)
    writer.write(words.encode())
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        pairs = [line.partition(":") for line in head[1:] if line]
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        return int(head[0].split(" ")[1]), headers, body
    finally:
        writer.close()


async def get(
    at: tuple[str, int], path: str = "/", host: str = "shop.example.com", **more: Any
) -> tuple[int, dict[str, str], Any]:
    """A GET: status, headers, and the body's JSON (or its text)."""
    words = f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"
    status, headers, body = await ask(at, words, **more)
    if headers.get("content-type") == "application/json":
        return status, headers, json.loads(body)
    return status, headers, body.decode()
