"""A proxy between edgebook and a simulator that answers with what no API should send.

It stands in front of Google's services and of both clusters. `choose(method, path)` says for each
request which fault it meets, or "". Faults are chosen by tests or drawn from a seeded generator.
"""

import gzip
import http.client
import json
import random
import socket
import ssl
import threading
import urllib.parse
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

FAULTS = (
    "empty 200", "null", "a list", "a string", "html 200", "html 502", "half a json under 502",
    "html 404", "html 403", "gzip that is none", "redirect", "error under 200", "cut off",
    "dropped before", "dropped after", "hangs", "drips", "other object",
)  # fmt: skip
PAGE = b"<html><body><h1>Bad gateway</h1>\x1b[2Jfrom a proxy</body></html>"
KEPT = {"content-type", "location", "etag", "retry-after", "warning"}


class GarblingProxy:
    """Serves a simulator's API and its clusters under `url`; `stop` ends what still hangs."""

    def __init__(self, ready: dict[str, Any], folder: Path) -> None:
        self.target = urllib.parse.urlsplit(ready["services"]["compute"]).netloc
        self.clusters = {
            name: urllib.parse.urlsplit(c["server"]).netloc for name, c in ready["clusters"].items()
        }
        self.choose: Callable[[str, str], str] = lambda method, path: ""
        self.spoken: Callable[[Any], Any] = lambda said: said  # what is said instead of it
        self.said = 0  # how often that was something else
        self.met: list[tuple[str, str, str]] = []
        self.over = threading.Event()
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._kubeconfigs = {
            name: self._kubeconfig(folder, name, c["kubeconfig"])
            for name, c in ready["clusters"].items()
        }
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def _kubeconfig(self, folder: Path, name: str, path: str) -> str:
        """The cluster's kubeconfig, leading here."""
        text = (
            Path(path)
            .read_text()
            .replace(f"https://{self.clusters[name]}", f"{self.url}/cluster/{name}")
        )
        kept = folder / f"kubeconfig-{name}.yaml"
        kept.write_text(text)
        return str(kept)

    def rewritten(self, path: str, body: bytes) -> bytes:
        """Addresses in what the simulator says of itself and of its clusters lead here too."""
        if path.startswith("/_sim/ready"):
            said = json.loads(body)
            said["services"] = dict.fromkeys(said["services"], self.url)
            for name, cluster in said["clusters"].items():
                cluster["kubeconfig"] = self._kubeconfigs[name]
            return json.dumps(said).encode()
        if "/clusters" in path and not path.startswith("/cluster/"):
            for name, place in self.clusters.items():
                here = f"{self.url}/cluster/{name}".encode()
                body = body.replace(f'"{place}"'.encode(), b'"' + here + b'"')
        try:
            said = json.loads(body)
        except ValueError:
            return body
        spoken = self.spoken(said)
        self.said += spoken != said
        return json.dumps(spoken).encode()

    def garble(self, seed: int, share: float, faults: tuple[str, ...] = FAULTS) -> None:
        """From now on each request meets a fault with this probability."""
        drawn, lock = random.Random(seed), threading.Lock()

        def choose(method: str, path: str) -> str:
            with lock:
                return drawn.choice(faults) if drawn.random() < share else ""

        self.choose = choose

    def calm(self) -> None:
        self.choose = lambda method, path: ""
        self.spoken = lambda said: said
        self.met.clear()

    def stop(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever gave up waiting has hung up: that is what is played here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: GarblingProxy
    timeout = 30

    def log_message(self, *args: Any) -> None:
        return

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        own = self.path.startswith("/_sim/")
        fault = "" if own else self.proxy.choose(self.command, self.path)
        if fault:
            self.proxy.met.append((fault, self.command, self.path))
        if fault in ("", "cut off", "dropped after", "drips"):
            try:
                status, headers, answer = self._forward(body)
            except OSError:
                return self._drop()
            if fault == "dropped after":
                return self._drop()
            if fault == "cut off":
                return self._send(status, answer[: len(answer) // 2], headers, of=len(answer))
            if fault == "drips":
                return self._drip(status, answer)
            return self._send(status, answer, headers)
        self._fault(fault)
        return None

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815

    def _fault(self, fault: str) -> None:
        match fault:
            case "empty 200":
                self._send(200, b"")
            case "null":
                self._send(200, b"null")
            case "a list":
                self._send(200, b'[{"error": "no"}]')
            case "a string":
                self._send(200, b'"fine"')
            case "other object":
                self._send(200, b'{"status": "ok", "items": {"a": 1}}')
            case "error under 200":
                self._send(200, b'{"error": {"code": 500, "message": "no"}}')
            case "html 200" | "html 403" | "html 404" | "html 502":
                self._send(int(fault.split()[1]), PAGE)
            case "half a json under 502":
                self._send(502, b'{"error": {"code": 502, "mess')
            case "gzip that is none":
                self._send(200, gzip.compress(b"{}")[:7] + b"junk", {"Content-Encoding": "gzip"})
            case "redirect":
                self._send(302, b"", {"Location": "https://login.example.com/?next=\x1b[1m"})
            case "hangs":
                self.proxy.over.wait(20)
                self._drop()
            case _:
                self._drop()

    def _forward(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        path, connection = self.path, None
        if path.startswith("/cluster/"):
            name, _, path = path.removeprefix("/cluster/").partition("/")
            connection = http.client.HTTPSConnection(
                self.proxy.clusters[name], timeout=20, context=ssl._create_unverified_context()
            )
            path = f"/{path}"
        connection = connection or http.client.HTTPConnection(self.proxy.target, timeout=20)
        wanted = {"authorization", "content-type", "accept", "if-match", "user-agent"}
        headers = {k: v for k, v in self.headers.items() if k.lower() in wanted}
        connection.request(self.command, path, body or None, headers)
        answer = connection.getresponse()
        text = self.proxy.rewritten(self.path, answer.read())
        kept = {k: v for k, v in answer.getheaders() if k.lower() in KEPT}
        connection.close()
        return answer.status, kept, text

    def _send(
        self, status: int, body: bytes, headers: dict[str, str] | None = None, *, of: int = -1
    ) -> None:
        try:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body) if of < 0 else of))
            self.end_headers()
            self.wfile.write(body)
            if of > len(body):
                self._drop()
        except OSError:
            self.close_connection = True

    def _drip(self, status: int, body: bytes) -> None:
        """A byte now and then: no socket ever times out on it."""
        try:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body) + 100_000))
            self.end_headers()
            for at in range(len(body)):
                self.wfile.write(body[at : at + 1])
                if self.proxy.over.wait(0.05):
                    return
        except OSError:
            self.close_connection = True

    def _drop(self) -> None:
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return
