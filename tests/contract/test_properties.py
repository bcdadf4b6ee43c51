"""Random sequences of valid and invalid calls, and what must hold after each of them.

References resolve, what is in use stays, refused calls change nothing, fingerprints follow writes,
what was acknowledged is listed, and every refusal has Google's shape. In process, through the edge.
"""

import asyncio
import json
from typing import Any

import orjson
from gcpsim.compute.collections import table as collections
from gcpsim.compute.engine import links
from gcpsim.compute.engine.documents import get_path
from gcpsim.core.clock import Clock
from gcpsim.core.world import World
from gcpsim.front.http import GoogleEdge
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

ROOT = "/compute/v1/projects/chaos/"
PLACES = {
    "addresses": "global/addresses",
    "backendServices": "global/backendServices",
    "firewalls": "global/firewalls",
    "forwardingRules": "global/forwardingRules",
    "healthChecks": "global/healthChecks",
    "networkEndpointGroups": "zones/us-central1-a/networkEndpointGroups",
    "targetHttpProxies": "global/targetHttpProxies",
    "targetTcpProxies": "global/targetTcpProxies",
    "urlMaps": "global/urlMaps",
}
GIVEN = {"firewalls": 4}  # of the default network
NAMES = st.sampled_from(["a", "b", "c"])
COMPUTED = {"usedBy", "users", "status", "size", "fingerprint", "loadBalancer"}


def reference(collection: str) -> st.SearchStrategy[str]:
    """Mostly something that may exist, sometimes nothing that can."""
    good = NAMES.map(lambda name: f"{PLACES[collection]}/{name}")
    return st.one_of(good, good, good, st.sampled_from(["a", "http://x", "global/networks/a"]))


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


def body(needed: dict[str, Any], **more: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A body with what it needs, mostly; and more or less of the rest."""
    strategies = {
        name: s if isinstance(s, st.SearchStrategy) else st.just(s) for name, s in needed.items()
    }
    return st.one_of(
        st.fixed_dictionaries(strategies, optional=more),
        st.fixed_dictionaries(strategies, optional=more),
        some(**strategies, **more),
    )


BACKEND = st.one_of(
    st.fixed_dictionaries(
        {
            "group": reference("networkEndpointGroups"),
            "balancingMode": st.sampled_from(["RATE", "CONNECTION"]),
        },
        optional={
            "maxRatePerEndpoint": st.integers(-1, 5),
            "maxConnectionsPerEndpoint": st.integers(-1, 5),
            "capacityScaler": st.sampled_from([0, 0.05, 0.5, 1, 2]),
        },
    ),
    reference("networkEndpointGroups").map(
        lambda group: {"group": group, "balancingMode": "RATE", "maxRatePerEndpoint": 1}
    ),
)
TEXT = st.sampled_from(["", "x", "y", None])
BODIES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "addresses": some(description=TEXT, ipVersion=st.sampled_from(["IPV4", "IPV6", "IPV5"])),
    "healthChecks": body(
        {"type": "TCP", "tcpHealthCheck": {}},
        timeoutSec=st.integers(0, 7),
        description=TEXT,
    ),
    "backendServices": body(
        {"loadBalancingScheme": "EXTERNAL_MANAGED"},
        protocol=st.sampled_from(["HTTP", "HTTPS", "TCP", "GOPHER"]),
        healthChecks=st.lists(reference("healthChecks"), max_size=2),
        backends=st.lists(BACKEND, max_size=2),
        timeoutSec=st.integers(0, 3),
        description=TEXT,
    ),
    "urlMaps": body(
        {"defaultService": reference("backendServices")},
        defaultUrlRedirect=st.just({"httpsRedirect": True}),
        description=TEXT,
    ),
    "targetHttpProxies": body({"urlMap": reference("urlMaps")}, description=TEXT),
    "targetTcpProxies": body({"service": reference("backendServices")}),
    "forwardingRules": body(
        {
            "target": st.one_of(reference("targetHttpProxies"), reference("targetTcpProxies")),
            "portRange": st.sampled_from(["80", "443", "80-90", "0"]),
            "loadBalancingScheme": "EXTERNAL_MANAGED",
        },
        IPAddress=reference("addresses"),
        labels=st.just({"a": "b"}),
    ),
    "firewalls": body(
        {"allowed": [{"IPProtocol": "tcp"}]},
        priority=st.integers(-1, 2),
        denied=st.just([{"IPProtocol": "udp"}]),
    ),
    "networkEndpointGroups": some(description=TEXT, defaultPort=st.integers(0, 2)),
}
KINDS = st.sampled_from(sorted(PLACES))


class Chaos(RuleBasedStateMachine):
    """A project on a clock that stands still, and a model of what was acknowledged."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(clock=Clock(paused=True, start=1_800_000_000.0))
        collections.create(self.world)
        self.compute = self.world.compute
        self.edge = GoogleEdge(self.world)
        self.loop = asyncio.new_event_loop()
        self.alive: set[str] = set()
        self.running: list[tuple[str, str, bool]] = []
        self.written: set[str] = set()
        self.ask("GET", "global/networks/default")
        self.marks = self.fingerprints()

    def teardown(self) -> None:
        self.loop.close()

    def ask(self, verb: str, path: str, body: Any = None) -> tuple[int, Any]:
        """One request; its answer must be Google's, whatever it says."""
        raw = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        answer = self.loop.run_until_complete(
            self.edge.ask(verb, ROOT + path, {}, {"host": "127.0.0.1"}, raw)
        )
        content = answer.body
        parsed = json.loads(content if isinstance(content, bytes) else orjson.dumps(content))
        assert answer.status in (200, 400, 404, 405, 409, 412), parsed
        if answer.status != 200:
            error = parsed["error"]
            assert error["code"] == answer.status
            assert error["errors"][0]["message"] == error["message"]
            assert error["errors"][0]["reason"]
        return answer.status, parsed

    def write(self, verb: str, path: str, body: Any = None, *, target: str = "") -> bool:
        """A mutation: refused without a trace, or running until time goes on."""
        before = self.documents()
        armed = any(not fault.struck for fault in self.world.faults.active)
        status, answer = self.ask(verb, path, body)
        if status != 200:
            assert self.documents() == before
            return False
        assert answer["kind"] == "compute#operation"
        fails = armed and verb != "DELETE" and answer["operationType"] != "setLabels"
        action = {"POST": "insert", "DELETE": "delete"}.get(verb, "update")
        if target:
            action = "update"
        target = target or (path if verb != "POST" else f"{path}/{body['name']}")
        assert links.path_of(answer["targetLink"]) == f"projects/chaos/{target}"
        if answer["status"] != "DONE":
            self.running.append((target, action, fails))
        self.written.add(target)
        if action == "insert":
            self.alive.add(target)
        return True

    def documents(self) -> dict[str, bytes]:
        """All resources as they are stored, so that nothing can change unseen."""
        return {
            path: orjson.dumps(doc)
            for collection in PLACES
            for path, doc in self.compute.table(collection).items()
        }

    def fingerprints(self) -> dict[str, tuple[str, bytes]]:
        found = {}
        for path, raw in self.documents().items():
            doc = json.loads(raw)
            rest = {key: value for key, value in doc.items() if key not in COMPUTED}
            for label in ("labels", "labelFingerprint"):
                rest.pop(label, None)
            found[path] = (doc.get("fingerprint", ""), orjson.dumps(rest))
        return found

    @rule(kind=KINDS, name=NAMES, data=st.data())
    def insert(self, kind: str, name: str, data: st.DataObject) -> None:
        chosen = {"name": name, **data.draw(BODIES[kind])}
        path = f"{PLACES[kind]}/{name}"
        known = path in self.alive
        accepted = self.write("POST", PLACES[kind], chosen)
        assert not (known and accepted)

    @rule(
        kind=KINDS,
        name=NAMES,
        verb=st.sampled_from(["PATCH", "PUT"]),
        mark=st.sampled_from(["current", "current", "none", "stale"]),
        data=st.data(),
    )
    def change(self, kind: str, name: str, verb: str, mark: str, data: st.DataObject) -> None:
        path = f"{PLACES[kind]}/{name}"
        chosen = dict(data.draw(BODIES[kind]))
        doc = self.compute.get(f"projects/chaos/{path}") or {}
        if mark == "stale":
            chosen["fingerprint"] = "AAAAAAAAAAA="
        elif mark == "current" and "fingerprint" in doc:
            chosen["fingerprint"] = doc["fingerprint"]
        accepted = self.write(verb, path, chosen)
        if accepted:
            assert path in self.alive
            assert mark != "stale" or "fingerprint" not in doc

    @rule(kind=KINDS, name=NAMES)
    def delete(self, kind: str, name: str) -> None:
        path = f"{PLACES[kind]}/{name}"
        users = self.compute.users(f"projects/chaos/{path}")
        accepted = self.write("DELETE", path)
        assert not (users and accepted), users
        assert not accepted or path in self.alive

    @rule(name=NAMES, labels=some(a=st.sampled_from(["x", "Y", ""])), fresh=st.booleans())
    def label(self, name: str, labels: dict[str, str], fresh: bool) -> None:
        path = f"global/forwardingRules/{name}"
        doc = self.compute.get(f"projects/chaos/{path}") or {}
        mark = doc.get("labelFingerprint", "") if fresh else "AAAAAAAAAAA="
        body = {"labels": labels, "labelFingerprint": mark}
        self.write("POST", f"{path}/setLabels", body, target=path)

    @rule(name=NAMES, url_map=reference("urlMaps"))
    def set_url_map(self, name: str, url_map: str) -> None:
        path = f"targetHttpProxies/{name}/setUrlMap"
        target = f"global/targetHttpProxies/{name}"
        self.write("POST", path, {"urlMap": url_map}, target=target)

    @rule(kind=KINDS, raw=st.one_of(st.binary(max_size=20), st.just(b'{"name": 1}')))
    def nonsense(self, kind: str, raw: bytes) -> None:
        before = self.documents()
        status, _ = self.ask("POST", PLACES[kind], raw)
        assert status == 400
        assert self.documents() == before

    @rule()
    @precondition(lambda self: all(fault.struck for fault in self.world.faults.active))
    def let_the_next_operation_fail(self) -> None:
        self.world.faults.add({"effect": "operation", "verb": "P*", "error": "INTERNAL_ERROR"})

    @rule()
    def time_goes_on(self) -> None:
        self.world.clock.advance(600)
        for path, action, fails in self.running:
            if (action == "insert" and fails) or (action == "delete" and not fails):
                self.alive.discard(path)
            self.written.add(path)
        self.running = []

    @invariant()
    def what_was_acknowledged_is_listed(self) -> None:
        for kind, place in PLACES.items():
            _, page = self.ask("GET", place)
            names = [item["name"] for item in page.get("items", [])]
            assert names == sorted(names)
            mine = [name for name in names if not name.startswith("default-")]
            assert len(names) - len(mine) == GIVEN.get(kind, 0)
            wanted = sorted(p.rsplit("/", 1)[1] for p in self.alive if p.startswith(f"{place}/"))
            assert mine == wanted

    @invariant()
    def references_resolve(self) -> None:
        for collection in PLACES:
            kind = self.compute.kinds[collection]
            for path, doc in self.compute.table(collection).items():
                for pattern, _ in kind.refs:
                    for _, value in get_path(doc, pattern):
                        target = links.path_of(value)
                        assert self.compute.get(target) is not None, (path, target)
                        assert path in self.compute.users(target)

    @invariant()
    def fingerprints_follow_writes(self) -> None:
        now = self.fingerprints()
        for path, (mark, rest) in now.items():
            if path not in self.marks:
                continue
            old_mark, old_rest = self.marks[path]
            name = path.removeprefix("projects/chaos/")
            if name not in self.written:
                assert (mark, rest) == (old_mark, old_rest), path
            elif mark and rest != old_rest:
                assert mark != old_mark, path
        self.marks = now
        self.written.clear()

    @invariant()
    def what_holds_is_running(self) -> None:
        held = {path.removeprefix("projects/chaos/") for path in self.compute.operations.holds}
        assert held == {path for path, _, _ in self.running}
        for path, action, _ in self.running:
            if action == "update":
                assert path in self.alive


Chaos.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestChaos = Chaos.TestCase
