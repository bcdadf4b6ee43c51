"""A webhook as people write them: a small HTTPS server that answers AdmissionReviews."""

import base64
import json
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from gcpsim.certs.authority import Authority
from gcpsim.core.world import World

Doc = dict[str, Any]
Decide = Callable[[Doc], Doc]


def allow(request: Doc) -> Doc:
    return {"allowed": True}


def patching(*operations: Doc) -> Doc:
    """An answer that allows, and changes the object."""
    patch = base64.b64encode(json.dumps(operations).encode()).decode()
    return {"allowed": True, "patchType": "JSONPatch", "patch": patch}


class Webhook:
    """Serves on 127.0.0.1 until it is stopped; `decide` makes the response to each request."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.decide: Decide = allow
        self.raw: tuple[int, bytes] | None = None  # an answer that is none
        self.requests: list[Doc] = []
        self.paths: list[str] = []
        authority = Authority(World())
        chain, key = authority.server_certificate(["127.0.0.1", *names])
        (folder / "webhook.pem").write_text(chain + key)
        self.bundle = base64.b64encode(authority.ca_pem.encode()).decode()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "webhook.pem")
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def _answer(self, path: str, body: bytes) -> tuple[int, bytes]:
        review = json.loads(body)
        assert review["kind"] == "AdmissionReview"
        self.requests.append(review["request"])
        self.paths.append(path)
        if self.raw is not None:
            return self.raw
        said = {"uid": review["request"]["uid"], **self.decide(review["request"])}
        answer = {"apiVersion": review["apiVersion"], "kind": "AdmissionReview", "response": said}
        return 200, json.dumps(answer).encode()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                code, answer = hook._answer(self.path, body)
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                """The test's output is not a place for access logs."""

        return Handler


def configuration(kind: str, name: str, client: Doc, **options: Any) -> Doc:
    """A configuration with one webhook for ConfigMaps, unless `options` say otherwise."""
    everything = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["CREATE", "UPDATE", "DELETE"],
        "resources": ["configmaps"],
    }
    hook = {
        "name": f"{name}.example.com",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "clientConfig": client,
        "rules": [everything],
        **options,
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": f"{kind}WebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [hook],
    }
