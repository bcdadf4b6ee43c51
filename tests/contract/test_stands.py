"""gcpsim stands: malformed objects, hostile requests, half-open connections, senseless states.

Whatever comes, it is refused or told; what failed touches nothing else, and the simulator goes on.
"""

import json
import socket
import sqlite3
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from gcpsim.core.clock import Clock
from gcpsim.core.store import StateError, Store
from gcpsim.core.world import World
from gcpsim.front.asking import show
from gcpsim.front.build import Config, build
from gcpsim.front.cli import main

CORE, NETWORKING = "/api/v1", "/apis/networking.k8s.io/v1"
SPACE = f"{CORE}/namespaces/default"


class Blue:
    """The API of cluster blue, and whether the simulator still stands."""

    def __init__(self, sim: Any) -> None:
        self.sim = sim
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = sim.ready["env"]["GCPSIM_CA_FILE"]
        self.url = sim.ready["clusters"]["blue"]["server"]

    def send(self, verb: str, path: str, body: Any, kind: str = "application/json") -> int:
        raw = json.dumps(body).encode()
        headers = {"Content-Type": kind, "Authorization": "Bearer x"}
        return self.session.request(
            verb, self.url + path, data=raw, headers=headers, timeout=20
        ).status_code


@pytest.fixture(scope="module")
def blue(keep_sim: Callable[..., Any]) -> Iterator[Blue]:
    yield Blue(keep_sim("--scenario", "greenfield", "--time-scale", "0"))


POD = {"containers": [{"name": "c", "image": "i"}]}
TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": POD}
SELECTOR = {"matchLabels": {"a": "b"}}


def named(api: str, kind: str, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": "odd"}, **fields}


MALFORMED: dict[str, tuple[str, dict[str, Any]]] = {
    "a Certificate without spec": (
        "/apis/cert-manager.io/v1/namespaces/default/certificates",
        named("cert-manager.io/v1", "Certificate"),
    ),
    "an EndpointSlice with an escape sequence": (
        "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
        {
            **named("discovery.k8s.io/v1", "EndpointSlice", addressType="IPv4"),
            "metadata": {"name": "odd", "labels": {"kubernetes.io/service-name": "\x1b[31m"}},
            "endpoints": [{"addresses": ["10.0.0.1"]}],
        },
    ),
    "a node without podCIDR": (f"{CORE}/nodes", named("v1", "Node")),
    "a node of nowhere": (
        f"{CORE}/nodes",
        named("v1", "Node", spec={"providerID": "gce:///"}, status={"addresses": [{}]}),
    ),
    "an Ingress with nothing in it": (
        f"{NETWORKING}/namespaces/default/ingresses",
        named("networking.k8s.io/v1", "Ingress", spec={"rules": [{}]}),
    ),
    "a svcneg of nobody": (
        "/apis/networking.gke.io/v1beta1/namespaces/default/servicenetworkendpointgroups",
        named("networking.gke.io/v1beta1", "ServiceNetworkEndpointGroup", status={"x": [None]}),
    ),
    "a Service whose NEG annotation is a list": (
        f"{SPACE}/services",
        {
            **named("v1", "Service", spec={"ports": [{"port": 80}]}),
            "metadata": {"name": "odd", "annotations": {"cloud.google.com/neg": "[1, null]"}},
        },
    ),
    "a PodDisruptionBudget of words": (
        "/apis/policy/v1/namespaces/default/poddisruptionbudgets",
        named("policy/v1", "PodDisruptionBudget", spec={"minAvailable": "many"}),
    ),
    "a huge surge": (
        "/apis/apps/v1/namespaces/default/deployments",
        named(
            "apps/v1",
            "Deployment",
            spec={
                "replicas": 1,
                "selector": SELECTOR,
                "template": TEMPLATE,
                "strategy": {"rollingUpdate": {"maxSurge": 2_000_000_000}},
            },
        ),
    ),
    "two billion replicas": (
        "/apis/apps/v1/namespaces/default/replicasets",
        named(
            "apps/v1",
            "ReplicaSet",
            spec={"replicas": 2_000_000_000, "selector": SELECTOR, "template": TEMPLATE},
        ),
    ),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_a_malformed_object_touches_nothing_else(blue: Blue, what: str) -> None:
    path, obj = MALFORMED[what]
    assert blue.send("POST", path, obj) in (201, 400, 403, 404, 422)
    blue.sim.advance(60)
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "fine", "annotations": {"cloud.google.com/neg": '{"ingress":true}'}},
        "spec": {"ports": [{"port": 80}], "selector": {"app": "web"}},
    }
    assert blue.send("POST", f"{SPACE}/services", service) == 201
    blue.sim.advance(1)
    assert blue.send("DELETE", f"{SPACE}/services/fine", {}) == 200
    blue.send("DELETE", f"{path}/odd", {"gracePeriodSeconds": 0})
    failures = blue.sim.admin("GET", "failures")["failures"]
    blue.sim.admin("DELETE", "failures")
    assert failures == []


ODD: list[Any] = [None, 7, "x", [], {}, -1, [None], {"a": None}, "\x1b[2J"]
RECONCILED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "deployments": ("apps/v1", "Deployment", {"selector": SELECTOR, "template": TEMPLATE}),
    "statefulsets": ("apps/v1", "StatefulSet", {"selector": SELECTOR, "template": TEMPLATE}),
    "daemonsets": ("apps/v1", "DaemonSet", {"selector": SELECTOR, "template": TEMPLATE}),
    "replicasets": ("apps/v1", "ReplicaSet", {"selector": SELECTOR, "template": TEMPLATE}),
    "replicationcontrollers": ("v1", "ReplicationController", {"template": TEMPLATE}),
    "jobs": ("batch/v1", "Job", {"template": {"spec": POD}, "parallelism": 1}),
    "cronjobs": (
        "batch/v1",
        "CronJob",
        {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": {"spec": POD}}}},
    ),
    "pods": ("v1", "Pod", {**POD, "nodeName": "", "volumes": []}),
    "persistentvolumeclaims": ("v1", "PersistentVolumeClaim", {"resources": {}}),
    "horizontalpodautoscalers": (
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        {"scaleTargetRef": {"kind": "Deployment", "name": "odd"}, "maxReplicas": 2, "metrics": []},
    ),
    "poddisruptionbudgets": (
        "policy/v1",
        "PodDisruptionBudget",
        {"selector": SELECTOR, "minAvailable": 1},
    ),
    "services": ("v1", "Service", {"ports": [{"port": 80}], "selector": {}, "type": "ClusterIP"}),
    "ingresses": ("networking.k8s.io/v1", "Ingress", {"rules": [{}], "defaultBackend": {}}),
    "certificates": (
        "cert-manager.io/v1",
        "Certificate",
        {"secretName": "s", "issuerRef": {"name": "i"}, "dnsNames": ["a.example.com"]},
    ),
}


@pytest.mark.parametrize("plural", RECONCILED)
def test_every_controller_stands_odd_values_in_every_field(blue: Blue, plural: str) -> None:
    """Each field of its spec in turn is each odd value; refused or lived with, and told by none."""
    api, kind, spec = RECONCILED[plural]
    root = f"/api/{api}" if "/" not in api else f"/apis/{api}"
    path = f"{root}/namespaces/default/{plural}"
    number = 0
    for name in [*spec, "replicas"]:
        for value in ODD:
            number += 1
            body = {"apiVersion": api, "kind": kind, "metadata": {"name": f"odd-{number}"},
                    "spec": {**spec, name: value}}  # fmt: skip
            assert blue.send("POST", path, body) in (201, 400, 403, 404, 422), (name, value)
    blue.sim.advance(120)
    for each in range(1, number + 1):
        blue.send("DELETE", f"{path}/odd-{each}", {"gracePeriodSeconds": 0})
    blue.sim.advance(60)
    failures = blue.sim.admin("GET", "failures")["failures"]
    blue.sim.admin("DELETE", "failures")
    assert failures == []


def test_a_copied_replica_set_is_no_endless_fight(blue: Blue) -> None:
    sets = "/apis/apps/v1/namespaces/default/replicasets"
    spec = {"replicas": 2, "selector": SELECTOR, "template": TEMPLATE}
    deployment = named("apps/v1", "Deployment", spec=spec)
    path = "/apis/apps/v1/namespaces/default/deployments"
    assert blue.send("POST", path, deployment) == 201
    blue.sim.advance(5)
    answer = blue.session.get(f"{blue.url}{sets}", timeout=20).json()
    (owned,) = [item for item in answer["items"] if item["metadata"]["name"].startswith("odd-")]
    copy = {
        **owned,
        "metadata": {k: owned["metadata"][k] for k in ("labels", "annotations", "ownerReferences")}
        | {"name": "odd-copy"},
    }
    assert blue.send("POST", sets, {**copy, "status": {}}) == 201
    blue.sim.advance(60)
    blue.send("DELETE", f"{path}/odd", {})
    blue.sim.advance(60)
    failures = blue.sim.admin("GET", "failures")["failures"]
    blue.sim.admin("DELETE", "failures")
    assert failures == []


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json-patch+json", [{"op": "explode", "path": "/spec"}]),
        ("application/json-patch+json", [{"op": "add"}]),
        ("application/json-patch+json", [7]),
        ("application/merge-patch+json", [1]),
        ("application/strategic-merge-patch+json", {"$patch": "explode"}),
    ],
)
def test_odd_patches_are_refused(blue: Blue, kind: str, body: Any) -> None:
    code = blue.send("PATCH", f"{CORE}/namespaces/default", body, kind)
    assert code in (400, 415, 422)


def test_a_sample_of_hostile_requests(tmp_path: Path) -> None:
    """1,200 of the 100,000 that `make bench ONLY=hold_gcpsim` fires: no death, no 500, no fault."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.hold_gcpsim", "--requests", "1200", "--seed", "7"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout


# Pages in a browser


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "attacker.example:1234"},
        {"Host": "127.0.0.1.attacker.example"},
        {"Origin": "https://attacker.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_pages_of_a_browser_are_refused(sim: Any, headers: dict[str, str]) -> None:
    token = {"X-Gcpsim-Token": sim.ready["env"]["GCPSIM_TOKEN"]}
    for path in ("/_sim/ready", "/compute/v1/projects/p", "/token"):
        status, answer = sim.http("GET", path, headers=headers)
        assert status == 403, (path, answer)
    status, _ = sim.http("POST", "/_sim/reset", {}, headers={**token, **headers})
    assert status == 403
    with requests.Session() as session:
        session.trust_env, session.verify = False, sim.ready["env"]["GCPSIM_CA_FILE"]
        url = sim.ready["clusters"]["blue"]["server"]
        assert session.get(f"{url}/api/v1/nodes", headers=headers, timeout=20).status_code == 403


def test_changes_at_the_stage_door_need_the_token(sim: Any) -> None:
    for given in ("", "wrong"):
        status, answer = sim.http("POST", "/_sim/faults", {}, headers={"X-Gcpsim-Token": given})
        assert status == 403
        assert "gcpsim env" in answer["error"]["message"]
        assert sim.http("DELETE", "/_sim/calls", headers={"X-Gcpsim-Token": given})[0] == 403
    assert sim.http("GET", "/_sim/clock", headers={"X-Gcpsim-Token": ""})[0] == 200
    assert "GCPSIM_TOKEN" not in sim.admin("GET", "ready")["env"]


def test_connect_reaches_own_ports_only(sim: Any) -> None:
    host, port = sim.ready["proxy"].removeprefix("http://").split(":")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        places = {
            f"127.0.0.1:{other.getsockname()[1]}": b"403",
            sim.ready["clusters"]["blue"]["server"].removeprefix("https://"): b"200",
        }
        for place, status in places.items():
            with socket.create_connection((host, int(port)), timeout=10) as to:
                to.sendall(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())
                assert to.recv(100).split()[1] == status


GOOD = "GET /_sim/ready HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
SLOW_POST = "POST {} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{{"
NETWORKS = "/compute/v1/projects/shop-rehearsal/global/networks"
HALF: dict[str, tuple[str, str, bytes]] = {
    "nothing": ("services", "", b""),
    "half a head": ("services", "GET / HTTP/1.1\r\nHo", b""),
    "half a body": ("services", SLOW_POST.format(NETWORKS), b"HTTP/1.1 408 "),
    "half a body for the stage door": ("services", SLOW_POST.format("/_sim/clock"), b"HTTP/1.1 40"),
    "no TLS": ("cluster", "", b""),
    "half a TLS hello": ("cluster", "\x16\x03\x01\x02", b""),
    "TLS, and nothing": ("cluster TLS", "", b""),
    "half a body for a cluster": (
        "cluster TLS", SLOW_POST.format("/api/v1/namespaces"), b"HTTP/1.1 408 ",
    ),
    "nothing of the proxy": ("proxy", "", b""),
    "half a CONNECT": ("proxy", "CONNECT x", b""),
    "a tunnel without TLS": (
        "proxy", "CONNECT a.googleapis.com:443 HTTP/1.1\r\n\r\n", b"HTTP/1.1 200",
    ),
    "no question for DNS": ("dns", "", b""),
    "half a question for DNS": ("dns", "\0\x30abc", b""),
    "a whole request": ("services", GOOD, b"HTTP/1.1 200 "),
}  # fmt: skip


def test_connections_that_stop_in_the_middle_are_dropped_at_every_door(
    start_sim: Callable[..., Any],
) -> None:
    """All wait at once: what is left open would be waited for here until the test's limit."""
    sim = start_sim("--scenario", "greenfield", "--no-dataplane", "--patience", "1")
    server = urlsplit(sim.ready["clusters"]["blue"]["server"]).netloc
    doors = {
        "services": urlsplit(sim.url).netloc,
        "cluster": server,
        "cluster TLS": server,
        "proxy": urlsplit(sim.ready["proxy"]).netloc,
        "dns": sim.ready["dns"],
    }
    trusted = ssl.create_default_context(cafile=sim.ready["env"]["GCPSIM_CA_FILE"])
    opened: dict[str, socket.socket] = {}
    for what, (door, said, _) in HALF.items():
        host, _, port = doors[door].rpartition(":")
        connection = socket.create_connection((host, int(port)), timeout=30)
        if door == "cluster TLS":
            connection = trusted.wrap_socket(connection, server_hostname="127.0.0.1")
        connection.sendall(said.encode("latin-1"))
        opened[what] = connection
    for what, connection in opened.items():
        heard = b"".join(iter(lambda one=connection: one.recv(1 << 16), b""))
        connection.close()
        assert heard.startswith(HALF[what][2]) and (HALF[what][2] or not heard), what
    assert sim.admin("GET", "ready")["ready"]
    assert sim.admin("GET", "failures")["failures"] == []


def test_who_goes_in_the_middle_of_a_body_is_no_defect(start_sim: Callable[..., Any]) -> None:
    """A client that is killed: nobody is left to answer, and it is no fault of the simulator."""
    sim = start_sim("--scenario", "greenfield")
    host, _, port = urlsplit(sim.ready["clusters"]["blue"]["server"]).netloc.rpartition(":")
    trusted = ssl.create_default_context(cafile=sim.ready["env"]["GCPSIM_CA_FILE"])
    post = SLOW_POST.format("/api/v1/namespaces")
    post = post.replace("\r\n\r\n{", "\r\nExpect: 100-continue\r\n\r\n")
    with (
        socket.create_connection((host, int(port)), timeout=30) as plain,
        trusted.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        connection.sendall(post.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")  # it waits for the body now
    answer = requests.get(
        f"{sim.ready['clusters']['blue']['server']}/api/v1/namespaces",
        verify=sim.ready["env"]["GCPSIM_CA_FILE"], timeout=30,
    )  # fmt: skip
    assert answer.status_code == 200
    sim.stop()
    assert "Traceback" not in sim.errors


# Controllers and timers


def test_a_failing_timer_is_told_and_tried_again_later() -> None:
    world = World(clock=Clock(paused=True, start=0.0))
    ran: list[float] = []

    def broken() -> None:
        world.store.table("t").put("half", {"done": True})
        ran.append(world.clock.now())
        raise ValueError("no")

    world.clock.at(1.0, broken)
    world.clock.at(2.0, lambda: world.store.table("t").put("other", {}))
    world.clock.advance(3600)
    assert world.store.table("t").keys() == ["other"]
    assert ran == [1.0, 11.0, 31.0, 71.0, 151.0, 311.0, 631.0]
    (told,) = world.failures
    assert told.endswith("broken: ValueError: no")


def test_what_never_comes_to_rest_lets_others_go_first() -> None:
    world = World(clock=Clock(scale=0))

    def again() -> None:
        world.clock.after(1.0, again)

    again()
    world.clock.settle()
    assert world.transact(lambda: 1) == 1
    assert "did not settle" in world.failures[0]
    assert not world.clock.busy()


def test_a_savepoint_is_undone_by_itself() -> None:
    store = Store()
    table = store.table("t")
    table.put("a", {"n": 1})
    with pytest.raises(ValueError), store.savepoint():
        table.put("a", {"n": 2})
        table.put("b", {})
        raise ValueError
    assert table.items() == [("a", {"n": 1})]
    with store.savepoint():
        table.put("a", {"n": 3})
    store.roll_back()
    assert len(table) == 0


# States that make no sense


def _edited(statement: str, *values: Any) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        db = sqlite3.connect(folder / "gcpsim.sqlite")
        db.execute(statement, values)
        db.commit()
        db.close()

    return edit


PUT = "REPLACE INTO documents VALUES (?, ?, ?)"


def _bytes(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        path = folder / "gcpsim.sqlite"
        path.write_bytes(change(path.read_bytes()))

    return edit


CORRUPT: dict[str, Callable[[Path], None]] = {
    "an empty file": _bytes(lambda old: b""),
    "no database": _bytes(lambda old: b"hello\n" * 2000),
    "cut off": _bytes(lambda old: old[: len(old) // 2]),
    "pages of zeros": _bytes(lambda old: old[:4096] + bytes(len(old) - 4096)),
    "another program's": _edited("PRAGMA application_id = 7"),
    "of a later format": _edited("PRAGMA user_version = 99"),
    "no table": _edited("DROP TABLE documents"),
    "other columns": _edited("ALTER TABLE documents RENAME COLUMN body TO text"),
    "half a document": _edited("UPDATE documents SET body = substr(body, 1, 9)"),
    "a list for a document": _edited(PUT, "compute/addresses", "a", b"[1]"),
    "null for a document": _edited(PUT, "compute/addresses", "a", b"null"),
    "no body": _edited(PUT, "compute/addresses", "a", None),
    "a clock of words": _edited(PUT, "meta", "clock", b'{"now":"soon"}'),
    "a clock without time": _edited(PUT, "meta", "clock", b"{}"),
    "a cluster without fields": _edited(PUT, "gke/clusters", "blue", b"{}"),
    "an operation without effect": _edited(PUT, "compute/pending", "x", b'{"due":"never"}'),
    "an id that is none": _edited(
        PUT, "compute/addresses", "projects/p/global/addresses/a", b'{"id":"x"}'
    ),
    "a zone without id": _edited(PUT, "dns/zones", "p/z", b"{}"),
    "a CRD without spec": _edited(
        PUT, "k8s/blue/customresourcedefinitions", "x", b'{"metadata":{"name":"x"}}'
    ),
}


@pytest.fixture(scope="module")
def good_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("state")
    cloud = build(Config(state=folder, time_scale=0))
    cloud.world.store.close()
    return folder


@pytest.mark.parametrize("what", CORRUPT)
def test_a_corrupt_state_is_refused_in_words(good_state: Path, tmp_path: Path, what: str) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "gcpsim.sqlite").write_bytes((good_state / "gcpsim.sqlite").read_bytes())
    CORRUPT[what](folder)
    before = (folder / "gcpsim.sqlite").read_bytes()
    with pytest.raises(StateError, match=r"is damaged|is not a state") as caught:
        build(Config(state=folder, time_scale=0))
    assert "Nothing was changed" in str(caught.value)
    assert (folder / "gcpsim.sqlite").read_bytes() == before


def test_what_strangers_ask_for_does_not_act_in_a_terminal(capsys: Any) -> None:
    hostile = "\x1b[2J\x9b31m\u202e\ud800\r\n/a"
    show([{"path": hostile, "client": hostile}], ("path", "client"))
    with pytest.raises(SystemExit):
        main(["calls", hostile])
    said = capsys.readouterr()
    lines = (said.out + said.err).splitlines()
    assert all(line.isprintable() for line in lines), lines
    assert len(said.out.splitlines()) == 2 and "\\x1b[2J" in said.out
