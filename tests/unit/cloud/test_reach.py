"""How an address is reached: itself on Google Cloud, by location in a simulator."""

import http.server
import json
import threading
from collections.abc import Iterator

import pytest
from edgebook.base.clock import Clock
from edgebook.base.errors import ConnectError
from edgebook.cloud.connect import Connection
from edgebook.cloud.reach import Way
from google.auth.credentials import AnonymousCredentials


class StageDoor(http.server.ThreadingHTTPServer):
    """Answers /_sim/reach with `ways`."""

    daemon_threads = True

    def __init__(self) -> None:
        self.ways: object = []
        super().__init__(("127.0.0.1", 0), Answers)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, StageDoor)
        body = json.dumps(self.server.ways).encode() if self.path == "/_sim/reach" else b"{}"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        return None


@pytest.fixture
def door() -> Iterator[StageDoor]:
    server = StageDoor()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def connection(url: str = "", *, data_plane: bool = True) -> Connection:
    return Connection(
        "p", {"compute": url}, AnonymousCredentials(), Clock(), data_plane=data_plane, sim_url=url
    )


def test_an_address_of_google_is_its_own_way() -> None:
    assert connection().reach("203.0.113.1", 443) == [Way("", "203.0.113.1", 443)]


def test_a_simulated_address_has_a_way_in_each_location(door: StageDoor) -> None:
    to = connection(door.url)
    assert to.reach("203.0.113.1", 443) == []
    door.ways = [
        {"ip": "203.0.113.1", "port": 443, "location": "us-central1", "connect": "127.1.0.2:443"},
        {"ip": "203.0.113.1", "port": 443, "location": "europe-west1", "connect": "127.1.0.1:443"},
        {"ip": "203.0.113.1", "port": 80, "location": "us-central1", "connect": "127.1.0.2:10080"},
    ]
    assert to.reach("203.0.113.1", 443) == [
        Way("europe-west1", "127.1.0.1", 443),
        Way("us-central1", "127.1.0.2", 443),
    ]
    assert to.reach("203.0.113.1", 80) == [Way("us-central1", "127.1.0.2", 10080)]
    to.session.close()


def test_without_a_data_plane_nothing_is_reached() -> None:
    assert connection("http://127.0.0.1:1", data_plane=False).reach("203.0.113.1", 443) == []


def test_an_answer_that_says_nothing_is_an_error(door: StageDoor) -> None:
    door.ways = [{"ip": "203.0.113.1"}]
    to = connection(door.url)
    with pytest.raises(ConnectError, match="how its addresses are reached"):
        to.reach("203.0.113.1", 443)
    to.session.close()
