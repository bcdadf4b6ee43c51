"""What travels between the HTTP edge and the services: a Call in, an Answer out.

A service is anything with `handle(call) -> Answer` that runs synchronously: the whole request is
one transaction. Services raise ApiError for refusals. Nothing here knows about sockets.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from gcpsim.core.errors import ApiError
from gcpsim.core.faults import Fault


@dataclass(frozen=True)
class Call:
    """One request to one service. `path` follows the service path, without a leading slash."""

    service: str
    verb: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    version: str = "v1"
    user: str = "anonymous@example.com"
    faults: tuple[Fault, ...] = ()

    def json(self) -> Any:
        """The body, or an ApiError 400 in the words of Google's JSON reader; {} when empty."""
        if not self.body.strip():
            return {}
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise ApiError(
                400,
                "Invalid JSON payload received. " + _reader_words(self.body, error),
                "parseError",
            ) from None


@dataclass
class Answer:
    """A JSON document and its HTTP status.

    `body` may be None (no content), bytes made beforehand, or a function that is asked for the
    document once time has settled, so that an operation that takes no time is answered as DONE.
    `waiter`, when given, is awaited before that (the `wait` method of operations).
    """

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    waiter: asyncio.Future[None] | None = None

    def encoded(self) -> bytes:
        """The body as it goes over the wire."""
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else orjson.dumps(self.body)


class Service(Protocol):
    def handle(self, call: Call) -> Answer: ...


def _reader_words(body: bytes, error: orjson.JSONDecodeError) -> str:
    position = min(error.pos, max(len(body) - 1, 0))
    text = body.decode("utf-8", "replace")
    if error.pos >= len(text.rstrip()):
        return (
            "Unexpected end of string. Expected a value or closing bracket.\n" + text[-40:] + "\n^"
        )
    return "Unexpected token.\n" + text[max(0, position - 20) : position + 20] + "\n^"
