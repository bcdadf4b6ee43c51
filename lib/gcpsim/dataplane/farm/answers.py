"""What a pod says to a request: who it is, where it runs, and what arrived. Pure.

Any path is answered with 200 and JSON. The query parameters `pod-status`, `pod-delay` (real
seconds), `pod-drip` (the body comes in pieces over so long), `pod-bytes` and `pod-echo` ask for
something else, so that they survive URL rewrites.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

REASONS = {
    200: "OK", 204: "No Content", 301: "Moved Permanently", 302: "Found", 303: "See Other",
    304: "Not Modified", 307: "Temporary Redirect", 308: "Permanent Redirect", 400: "Bad Request",
    403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 408: "Request Timeout",
    413: "Request Entity Too Large", 429: "Too Many Requests", 500: "Internal Server Error",
    502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
}  # fmt: skip
PROBER = "GoogleHC/1.0"
SLOW = "x-gcpsim-slow"  # seconds by which an answer was late
HEALTH_SERVICE = "/grpc.health.v1.Health/"
DRIPS = 10
CUT_AFTER = 0.05  # seconds: a reset at once would take the bytes before it along
MOST_WISHED = 1e9
LONGEST_START = 4096  # bytes in which a review says that it is one
MOST_BYTES = 64 * 1024 * 1024
Headers = list[tuple[str, str]]


@dataclass(slots=True)
class Request:
    """One request as it arrived. `headers` have lowercase names, repeated ones joined."""

    method: str
    target: str
    headers: dict[str, str]
    version: str
    port: int
    client: str
    tls: Mapping[str, str] | None = None
    proxy: str = ""
    length: int = 0
    body: bytes = b""

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    @property
    def host(self) -> str:
        return self.headers.get("host", "")


@dataclass(slots=True)
class Reply:
    """An answer; `delay` is real seconds, `drop` ends the connection without one.

    A `stream` takes the place of `body`; `length` is what it will bring, None when unknown.
    """

    status: int = 200
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    delay: float = 0.0
    stream: AsyncIterator[bytes] | None = None
    length: int | None = None
    hang: bool = False
    drop: bool = False


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a pod is; `document` is what its answers begin with."""

    document: Mapping[str, Any]

    def headers(self) -> Headers:
        about = self.document
        name = f"{about['cluster']}/{about['zone']}/{about['namespace']}/{about['pod']}"
        return [("content-type", "application/json"), ("x-gcpsim-pod", name)]


def account(identity: Identity, request: Request) -> dict[str, Any]:
    """The answer's document: the pod, and the request as it saw it."""
    return {
        **identity.document,
        "port": request.port,
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "http": request.version,
        "headers": request.headers,
        "client": request.client,
        "tls": request.tls,
        "proxy": request.proxy or None,
        "bytes": request.length,
    }


async def dripping(body: bytes, seconds: float) -> AsyncIterator[bytes]:
    """A body in pieces that come over so many real seconds."""
    size = max(1, -(-len(body) // DRIPS))
    for start in range(0, len(body), size):
        await asyncio.sleep(seconds * size / len(body))
        yield body[start : start + size]


async def broken_off(body: bytes) -> AsyncIterator[bytes]:
    """A body that ends too early: its part arrives before the connection is gone."""
    yield body
    await asyncio.sleep(CUT_AFTER)
    raise EOFError


def cut_short(identity: Identity) -> Reply:
    """An answer that promises twice what it brings."""
    body = json.dumps(identity.document).encode()
    return Reply(headers=identity.headers(), stream=broken_off(body), length=2 * len(body))


def reviewed(request: Request, deny: str) -> Reply | None:
    """The answer to an AdmissionReview: a stand-in allows what no stage direction forbids. None
    when the request is something else."""
    if request.method != "POST" or b"AdmissionReview" not in request.body[:LONGEST_START]:
        return None
    try:
        review = json.loads(request.body)
        uid = review["request"]["uid"]
    except (ValueError, KeyError, TypeError):
        return None
    said: dict[str, Any] = {"uid": uid, "allowed": not deny}
    if deny:
        said["status"] = {"code": 403, "message": deny}
    body = {"apiVersion": review.get("apiVersion"), "kind": review.get("kind"), "response": said}
    return Reply(headers=[("content-type", "application/json")], body=json.dumps(body).encode())


def answer(identity: Identity, request: Request, deny: str = "") -> Reply:
    """What a healthy pod answers."""
    review = reviewed(request, deny)
    if review is not None:
        return review
    reply = Reply(headers=identity.headers())
    wishes = _wishes(request.query)
    if "pod-delay" in wishes:
        reply.delay = wishes["pod-delay"]
    if "pod-status" in wishes:
        reply.status = int(wishes["pod-status"])
    if "pod-bytes" in wishes:
        reply.headers = [("content-type", "application/octet-stream"), *reply.headers[1:]]
        reply.body = b"x" * min(MOST_BYTES, int(wishes["pod-bytes"]))
    elif "pod-echo" in wishes:
        reply.body = request.body
    else:
        reply.body = json.dumps(account(identity, request)).encode()
    if "pod-drip" in wishes:
        reply.length = len(reply.body)
        reply.stream = dripping(reply.body, wishes["pod-drip"])
    return reply


def _wishes(query: str) -> dict[str, float]:
    if "pod-" not in query:
        return {}
    wishes = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        if name.startswith("pod-"):
            try:
                number = float(text or 0)
            except ValueError:
                continue
            if 0 <= number <= MOST_WISHED:  # neither for ever nor not a number
                wishes[name] = number
    if not 200 <= wishes.get("pod-status", 200) <= 599:
        del wishes["pod-status"]
    return wishes
