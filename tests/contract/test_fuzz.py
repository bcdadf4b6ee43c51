"""Bodies drawn from Google's own schemas, sensible or not, at every method that is played.

Whatever comes, the answer is 200 or a refusal in Google's shape; a 500 is a defect.
"""

import asyncio
import random
from collections import Counter
from typing import Any

import orjson
import pytest
from gcpsim.compute.engine import methods
from gcpsim.core.discovery import Method, api
from gcpsim.front.build import Config, build
from gcpsim.front.http import GoogleEdge

CALLS = 4000
SCHEMAS = api("compute").schemas
PLACES = {
    "instanceGroupManagers": "zones/us-central1-a",
    "instances": "zones/us-central1-a",
    "networkEndpointGroups": "zones/us-central1-a",
    "subnetworks": "regions/us-central1",
    "targetPools": "regions/us-central1",
}
# Half of the inserts start from these, so that there is something to be wrong about.
GOOD: dict[str, dict[str, Any]] = {
    "backendServices": {
        "loadBalancingScheme": "EXTERNAL_MANAGED",
        "healthChecks": ["global/healthChecks/a"],
    },
    "firewalls": {"allowed": [{"IPProtocol": "tcp"}]},
    "forwardingRules": {
        "target": "global/targetHttpProxies/a",
        "portRange": "80",
        "loadBalancingScheme": "EXTERNAL_MANAGED",
    },
    "healthChecks": {"type": "HTTP", "httpHealthCheck": {}},
    "instanceGroupManagers": {
        "instanceTemplate": "global/instanceTemplates/a",
        "targetSize": 1,
    },
    "instanceTemplates": {
        "properties": {
            "machineType": "x",
            "disks": [{"source": "d"}],
            "networkInterfaces": [{}],
        }
    },
    "instances": {"machineType": "x"},
    "sslCertificates": {"managed": {"domains": ["a.example"]}},
    "subnetworks": {"network": "global/networks/a", "ipCidrRange": "10.0.0.0/24"},
    "targetHttpProxies": {"urlMap": "global/urlMaps/a"},
    "targetHttpsProxies": {
        "urlMap": "global/urlMaps/a",
        "sslCertificates": ["global/sslCertificates/a"],
    },
    "targetTcpProxies": {"service": "global/backendServices/b"},
    "urlMaps": {"defaultService": "global/backendServices/a"},
}
STRINGS = ["a", "/*", "x" * 70, "é", "tcp", "443", "", "80-90", "10.0.0.0/24", "::/0", "34.1.1.1"]


class Author:
    """Writes bodies for schemas, from one source of chance."""

    def __init__(self, chance: random.Random, kinds: list[str]) -> None:
        self.chance = chance
        self.kinds = kinds

    def reference(self) -> str:
        kind = self.chance.choice(self.kinds)
        place = PLACES.get(kind, "global")
        name = self.chance.choice("ab")
        return self.chance.choice(
            [
                f"{place}/{kind}/{name}",
                f"http://host/compute/v1/projects/chaos/{place}/{kind}/{name}",
                "//certificatemanager.googleapis.com/projects/p/locations/global/certificates/c",
                "//certificatemanager.googleapis.com/projects/p/locations/global/certificateMaps/m",
            ]
        )

    def value(self, field: dict[str, Any], depth: int) -> Any:
        choose = self.chance.choice
        if self.chance.random() < 0.03:
            return None
        if "$ref" in field:
            return self.body(field["$ref"], depth - 1)
        match field.get("type"):
            case "array":
                count = choose([0, 1, 1, 2])
                return [self.value(field["items"], depth - 1) for _ in range(count)]
            case "object":
                extra = field.get("additionalProperties", {"type": "string"})
                return {name: self.value(extra, depth - 1) for name in choose(["", "a", "aC"])}
            case "boolean":
                return choose([True, False])
            case "integer":
                return choose([0, 1, 5, 80, -1, 70000, 2**31 - 1])
            case "number":
                return choose([0, 0.5, 1, -1, 1e9])
        if "enum" in field:
            return choose(field["enum"])
        if field.get("format") in ("int64", "uint64"):
            return choose(["0", "1", "-1"])
        return self.reference() if self.chance.random() < 0.6 else choose(STRINGS)

    def body(self, schema: str, depth: int = 4) -> dict[str, Any]:
        if depth < 0:
            return {}
        share = self.chance.choice([0.05, 0.2, 0.5])
        properties = SCHEMAS[schema].get("properties", {})
        return {
            name: self.value(field, depth)
            for name, field in properties.items()
            if self.chance.random() < share
        }


@pytest.mark.parametrize("seed", [1, 2])
def test_no_body_crashes(seed: int) -> None:
    cloud = build(Config(time_scale=0))
    world = cloud.world
    compute = cloud.compute
    edge = GoogleEdge(world)
    chance = random.Random(seed)
    author = Author(chance, sorted(compute.kinds))
    played = [method for method in api("compute").methods.values() if compute.implements(method)]
    writing = [method for method in played if method.name in ("insert", "patch", "update")]
    seen: Counter[int] = Counter()

    def request(method: Method) -> tuple[str, bytes]:
        path = method.path
        for name in method.parameters:
            known = {"project": "chaos", "zone": "us-central1-a", "region": "us-central1"}
            path = path.replace(f"{{{name}}}", known.get(name) or chance.choice("ab"))
        if method.request is None:
            return path, b""
        body = author.body(method.request)
        if method.name in ("insert", "update"):
            good = GOOD.get(methods.collection_of(method.path), {})
            body = {**body, **good} if chance.random() < 0.5 else body
            body["name"] = chance.choice("ab")
        elif method.name == "patch":
            there = compute.get(path) or {}
            body["fingerprint"] = there.get("fingerprint", "")
        return path, orjson.dumps(body)

    async def calls() -> None:
        for _ in range(CALLS):
            method = chance.choice(writing if chance.random() < 0.5 else played)
            path, raw = request(method)
            answer = await edge.ask(method.verb, f"/compute/v1/{path}", {}, {}, raw)
            assert answer.status < 500, (method.id, raw)
            seen[answer.status] += 1

    asyncio.run(calls())
    assert world.failures == []
    assert min(seen[200], seen[400], seen[404]) > CALLS / 20, seen
