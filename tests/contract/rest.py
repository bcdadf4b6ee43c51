"""Requests to the Compute Engine API of a running simulator, raw and through Google's clients."""

import http.client
import json
from typing import Any
from urllib.parse import quote, urlsplit

CLIENTS: dict[tuple[str, type], Any] = {}
ROOT = "https://www.googleapis.com/compute/v1/"


class Compute:
    """One project of one simulator. Paths are below projects/<project>/."""

    def __init__(self, sim: Any, project: str) -> None:
        self.sim = sim
        self.project = project
        parts = urlsplit(sim.url)
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)

    def close(self) -> None:
        self._connection.close()

    def ask(
        self,
        verb: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        version: str = "v1",
        **query: str,
    ) -> tuple[int, Any]:
        """(status, JSON) of one request. `body` is JSON unless it is bytes."""
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        options = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
        url = f"/compute/{version}/projects/{self.project}/{path}".rstrip("/")
        self._connection.request(verb, f"{url}?{options}" if options else url, raw, headers or {})
        answer = self._connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None

    def get(self, path: str, **query: str) -> Any:
        status, body = self.ask("GET", path, **query)
        assert status == 200, body
        return body

    def do(self, verb: str, path: str, body: Any = None, **query: str) -> Any:
        """A mutation that must succeed at once; gives its operation."""
        status, operation = self.ask(verb, path, body, **query)
        assert status == 200, operation
        assert operation["kind"] == "compute#operation"
        assert operation["status"] == "DONE", operation
        assert "error" not in operation, operation
        return operation

    def make(self, collection: str, **body: Any) -> str:
        """Insert a resource; gives its path below the project."""
        self.do("POST", collection, body)
        return f"{collection}/{body['name']}"

    def refused(
        self, verb: str, path: str, body: Any = None, /, *, headers: Any = None, **query: str
    ) -> tuple[int, str, str]:
        """(code, reason, message) of a request that must be refused in Compute Engine's shape."""
        status, answer = self.ask(verb, path, body, headers=headers, **query)
        assert status >= 400, answer
        error = answer["error"]
        assert error["code"] == status
        (item,) = error["errors"]
        assert item["domain"] in ("global", "usageLimits")
        assert item["message"] == error["message"]
        return status, item["reason"], error["message"]

    def link(self, path: str) -> str:
        return f"{ROOT}projects/{self.project}/{path}"

    def number(self) -> str:
        """The project's number, which Resource Manager knows."""
        status, body = self.sim.http("GET", f"/v3/projects/{self.project}")
        assert status == 200, body
        return str(body["name"].removeprefix("projects/"))

    def path(self, path: str) -> str:
        return f"projects/{self.project}/{path}"

    def client(self, kind: type) -> Any:
        """An official client, made once a simulator: making one takes a second."""
        key = (self.sim.url, kind)
        if key not in CLIENTS:
            CLIENTS[key] = self.sim.compute(kind)
        return CLIENTS[key]

    # Pieces of a front door, named by one letter suffix where a test needs several.

    def health_check(self, name: str = "hc", **more: Any) -> str:
        body = {"type": "HTTPS", "httpsHealthCheck": {"portSpecification": "USE_SERVING_PORT"}}
        return self.make("global/healthChecks", name=name, **{**body, **more})

    def backend_service(self, name: str = "bs", **more: Any) -> str:
        body = {"loadBalancingScheme": "EXTERNAL_MANAGED", "protocol": "HTTPS"}
        return self.make("global/backendServices", name=name, **{**body, **more})

    def neg(self, name: str = "neg", zone: str = "us-central1-a", **more: Any) -> str:
        return self.make(f"zones/{zone}/networkEndpointGroups", name=name, **more)

    def instance(self, name: str, pods: str, zone: str = "us-central1-a") -> str:
        return self.make(
            f"zones/{zone}/instances",
            name=name,
            machineType=f"zones/{zone}/machineTypes/e2-medium",
            tags={"items": ["node"]},
            networkInterfaces=[{"aliasIpRanges": [{"ipCidrRange": pods}]}],
        )

    def url_map(self, name: str = "um", service: str = "global/backendServices/bs") -> str:
        return self.make("global/urlMaps", name=name, defaultService=service)

    def http_door(self, service: str = "global/backendServices/bs") -> str:
        """URL map, HTTP proxy and forwarding rule before a backend service; gives the rule."""
        self.url_map(service=service)
        self.make("global/targetHttpProxies", name="proxy", urlMap="global/urlMaps/um")
        return self.make(
            "global/forwardingRules",
            name="rule",
            target="global/targetHttpProxies/proxy",
            portRange="80",
            loadBalancingScheme="EXTERNAL_MANAGED",
        )
