"""A front door of a project, small servers as its pods, and requests through it."""

import http.client
import http.server
import itertools
import json
import threading
from collections.abc import Callable
from typing import Any

from tests.contract.rest import Compute

ADDRESSES = itertools.count()
US, EU = "us-central1", "europe-west1"


class Pod(http.server.ThreadingHTTPServer):
    """A server that tells who it is and what arrived; `status` and `hook` change what it does."""

    daemon_threads = True

    def __init__(self, name: str) -> None:
        super().__init__(("127.0.0.1", 0), Echo)
        self.name = name
        self.hook: Callable[[Any], bool] | None = None
        self.seen: list[str] = []
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()

    @property
    def socket_address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Pod

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.seen.append(f"{self.command} {self.path}")
        if self.server.hook is not None and self.server.hook(self):
            return
        self.say({"body": body.decode()})

    do_POST = do_PUT = do_DELETE = do_OPTIONS = do_GET  # noqa: N815

    def say(self, more: dict[str, Any], status: int = 200) -> None:
        answer = {
            "pod": self.server.name,
            "method": self.command,
            "path": self.path,
            "headers": [[name, value] for name, value in self.headers.items()],
            **more,
        }
        raw = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *arguments: Any) -> None:
        """Nothing: tests read what is answered."""


class Answer:
    """An HTTP answer."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def pod(self) -> str:
        return str(self.json["pod"])

    @property
    def arrived(self) -> dict[str, str]:
        """The headers that arrived at the pod."""
        return dict(self.json["headers"])


class Door(Compute):
    """A project with a front door, and requests through it."""

    def __init__(self, sim: Any, project: str) -> None:
        super().__init__(sim, project)
        self._pods: list[Pod] = []

    def stop(self) -> None:
        for pod in self._pods:
            pod.stop()
        self.close()

    def pod(self, name: str, group: str = "neg", zone: str = "us-central1-a") -> Pod:
        """A pod that serves an endpoint of a group; its health is as the stage says: ok."""
        pod = Pod(name)
        self._pods.append(pod)
        number = next(ADDRESSES)
        ip = f"10.250.{number // 250}.{number % 250 + 1}"
        self.endpoint(ip, 8080, pod.socket_address, group, zone, name)
        return pod

    def endpoint(self, ip: str, port: int, where: str, group: str, zone: str, name: str) -> None:
        self.instance(f"node-{name}", f"{ip}/32", zone)
        self.sim.admin("POST", "stage/endpoint", {"ip": ip, "answer": "ok"})
        served = {"ip": ip, "port": port, "socket": where}
        self.sim.admin("POST", "stage/endpoint-serve", served)
        self.do(
            "POST",
            f"zones/{zone}/networkEndpointGroups/{group}/attachNetworkEndpoints",
            {"networkEndpoints": [{"instance": f"node-{name}", "ipAddress": ip, "port": port}]},
        )

    def open_firewall(self) -> None:
        self.make(
            "global/firewalls",
            name="front",
            allowed=[{"IPProtocol": "tcp"}],
            sourceRanges=["35.191.0.0/16", "130.211.0.0/22"],
        )

    def backends(self, *groups: str, **more: Any) -> list[dict[str, Any]]:
        """RATE backends `zone/group` (the zone may be left out)."""
        out = []
        for text in groups:
            zone, _, group = text.rpartition("/")
            link = self.link(f"zones/{zone or 'us-central1-a'}/networkEndpointGroups/{group}")
            out.append({"group": link, "balancingMode": "RATE", "maxRatePerEndpoint": 1e4, **more})
        return out

    def service(self, name: str = "bs", *groups: str, **more: Any) -> str:
        body = {
            "protocol": "HTTP",
            "healthChecks": ["global/healthChecks/hc"],
            "backends": self.backends(*groups),
        }
        return self.backend_service(name, **{**body, **more})

    def reach(self, rule: str = "rule") -> dict[str, tuple[str, int]]:
        """location -> socket address of a forwarding rule of this project."""
        wanted = self.path(f"global/forwardingRules/{rule}")
        found = {}
        for one in self.sim.admin("GET", "reach"):
            if one["rule"] == wanted:
                host, _, port = one["connect"].rpartition(":")
                found[one["location"]] = (host, int(port))
        return found

    def fetch(
        self,
        path: str = "/",
        *,
        at: str = US,
        rule: str = "rule",
        host: str = "shop.example.com",
        method: str = "GET",
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """One plain HTTP request through a location's front end."""
        address = self.reach(rule)[at]
        connection = http.client.HTTPConnection(*address, timeout=20)
        try:
            connection.request(method, path, body, {"Host": host, **(headers or {})})
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, names, answer.read())
        finally:
            connection.close()
