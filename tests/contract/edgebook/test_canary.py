"""Who answers while a move tries its new side first: by a header, or with copies of requests."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from edgebook.moves.looking import Seen
from kubernetes import client

from tests.contract.dataplane.doors import Connection
from tests.contract.edgebook.conftest import Shop
from tests.contract.edgebook.test_moves import Scripted, engine

HOST, PATH = "shop.example.com", "/api/orders"
CANARY = {"X-Canary": "yes"}


class Asking(Scripted):
    """Asks the front ends while the move stands at a stage, once each."""

    def __init__(self, ask: Callable[[], Any]) -> None:
        super().__init__()
        self._ask = ask
        self.said: dict[str, Any] = {}

    def look(self) -> Seen:
        stage = self.marks[-1].rpartition(": ")[2] if self.marks else ""
        if stage and stage not in self.said:
            self.said[stage] = self._ask()
        return super().look()


@pytest.fixture(scope="module")
def open_shop(sim: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The front door as the rehearsal builds it, with traffic through it."""
    simulator = type(sim)("--dataplane", "--time-scale", "0", "--scenario", "legacy")
    folder = tmp_path_factory.mktemp("canary")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GCPSIM_URL", simulator.url)
        patch.setenv("EDGEBOOK_STATE", str(folder / "state"))
        patch.delenv("EDGEBOOK_JOURNAL", raising=False)
        made = Shop(simulator, folder)
        made.book().apply("apply", "auto", show_progress=False)
        yield made
    simulator.stop()


def answered(shop: Shop, path: str = PATH, **headers: str) -> set[str]:
    """The clusters that answer requests at every location."""
    found = set()
    for row in shop.sim.admin("GET", "reach"):
        if row["rule"].endswith("/forwardingRules/shop-web"):
            host, _, port = row["connect"].rpartition(":")
            line = Connection((host, int(port)), HOST, tls=True)
            answer = line.get(path, headers=headers)
            line.close()
            assert answer.status == 200, answer
            found.add(answer.json["cluster"])
    assert found
    return found


class Blue(BaseHTTPRequestHandler):
    """Answers as a pod of blue would, and keeps what it was asked for."""

    protocol_version = "HTTP/1.1"
    asked: ClassVar[list[str]] = []
    arrival = threading.Condition()

    def do_GET(self) -> None:
        with self.arrival:
            self.asked.append(self.path)
            self.arrival.notify_all()
        body = b'{"cluster": "blue"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        return None


@pytest.fixture
def counted(open_shop: Shop) -> Iterator[list[str]]:
    """A server in the place of blue's pods behind the API: the paths that it is asked for."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Blue)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    core = client.CoreV1Api(open_shop.sim.kube("blue"))
    for pod in core.list_namespaced_pod("shop", label_selector="app=api").items:
        place = {"ip": pod.status.pod_ip, "port": "8080",
                 "socket": f"127.0.0.1:{server.server_port}"}  # fmt: skip
        said = open_shop.sim.admin("POST", "stage/endpoint-serve", place)
        assert "error" not in said, said
    yield Blue.asked
    server.shutdown()
    server.server_close()


def test_a_header_goes_first_and_nobody_else(open_shop: Shop) -> None:
    asking = Asking(lambda: (answered(open_shop), answered(open_shop, **CANARY)))
    moved = engine(open_shop.book(), asking, backends=["api"], first="X-Canary: yes").apply("auto")
    assert moved.standing.endswith("(clean up), 100 %")
    assert asking.said["connect"] == ({"blue"}, {"blue"})
    assert asking.said["canary"] == ({"blue"}, {"green"})
    assert asking.said["all"] == ({"green"}, {"green"})
    assert asking.said["clean up"] == ({"green"}, {"green"})


def test_copies_go_first_and_their_answers_to_nobody(open_shop: Shop, counted: list[str]) -> None:
    """Home again, from where the test before has moved the API to, with the params as they were."""
    paths = iter(f"{PATH}/{number}" for number in range(100))

    def ask() -> tuple[set[str], bool]:
        path = next(paths)
        by = answered(open_shop, path)
        with Blue.arrival:  # nobody waits for a copy, so it may come after the answer
            return by, Blue.arrival.wait_for(lambda: path in counted, 2)

    asking, wish = Asking(ask), {"backends": ["api"], "to": "blue", "first": "mirror"}
    moved = engine(open_shop.book(), asking, **wish).apply("auto")
    assert moved.standing.endswith("(clean up), 100 %")
    assert asking.said["connect"] == ({"green"}, False)
    assert asking.said["mirror"] == ({"green"}, True)
    assert asking.said["all"] == ({"blue"}, True)
