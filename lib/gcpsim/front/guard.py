"""Who may talk to the simulator's ports: programs of this machine, not pages in a browser.

A page can send requests to loopback ports, by a name of its own that resolves there (DNS rebinding)
or across origins. Both show in headers that a page cannot change. The stage door's changes need a
token as well, which only who can read the user's files (or the ready line) knows.
"""

import asyncio
import hmac
import ipaddress
import socket
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from gcpsim.core.errors import ApiError

TOKEN_HEADER = "x-gcpsim-token"
KEEP_ALIVE = 600.0  # real seconds until a connection that asked must ask again
OWN_NAMES = ("127.0.0.1", "localhost", "[::1]")
CLUSTER_NAMES = ("kubernetes", "kubernetes.default", "kubernetes.default.svc")


def is_googles(name: str) -> bool:
    """Whether a host's name is one of the APIs', or where older clients get their tokens."""
    return name.endswith(".googleapis.com") or name == "accounts.google.com"


def foreign(headers: Mapping[str, str]) -> str:
    """Why a request can only come from a browser's page; "" for all others. Names are low."""
    host = headers.get("host", "")
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    known = name in OWN_NAMES or name in CLUSTER_NAMES or _is_loopback(name)
    if host and not known and not is_googles(name):
        return f"Host {host!r} is no name of this simulator"
    origin = headers.get("origin", "")
    if origin and urlsplit(origin).netloc != host:
        return f"Origin {origin!r} is another one"
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        return "it comes from a page of another site"
    return ""


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def require_own(headers: Mapping[str, str]) -> None:
    """ApiError 403 for what a browser's page sends."""
    why = foreign(headers)
    if why:
        raise ApiError(403, f"gcpsim answers programs of this machine only: {why}.", "forbidden")


def require_token(token: str, verb: str, headers: Mapping[str, str]) -> None:
    """ApiError 403 when a change of the stage door lacks the simulator's token ("": none)."""
    given = headers.get(TOKEN_HEADER, "")
    if not token or verb in ("GET", "HEAD") or hmac.compare_digest(given, token):
        return
    raise ApiError(
        403,
        "The stage door changes nothing without the simulator's token: send it as "
        'X-Gcpsim-Token. It is GCPSIM_TOKEN of eval "$(gcpsim env)", and of the ready line.',
        "forbidden",
    )


class Impatient:
    """A server that hangs up on connections which ask nothing, or stop in the middle of a head."""

    def __init__(self, server: web.Server, seconds: float) -> None:
        self._server = server
        self._seconds = seconds

    def __call__(self) -> Any:
        connection = self._server()
        loop = asyncio.get_running_loop()
        loop.call_later(self._seconds, hang_up, connection)
        return connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._server, name)


def hang_up(connection: Any) -> None:
    """Close a connection that has asked nothing yet."""
    asked = connection._request_count or connection._current_request or connection._messages
    if connection.transport is not None and not asked:
        connection.transport.close()


def impatient(runner: web.BaseRunner, seconds: float) -> None:
    """Make a runner that is set up impatient."""
    server: Callable[[], Any] | None = runner.server
    assert server is not None, "the runner is set up"
    runner._server = Impatient(runner.server, seconds)  # type: ignore[assignment, arg-type]


class TlsSite(web.SockSite):
    """A site that also hangs up on those who connect, and say nothing of TLS."""

    __slots__ = ("_seconds",)

    def __init__(self, runner: web.BaseRunner, sock: socket.socket, seconds: float, **kwargs: Any):
        super().__init__(runner, sock, **kwargs)
        self._seconds = seconds

    async def start(self) -> None:
        await web.BaseSite.start(self)
        server: Any = self._runner.server
        self._server = await asyncio.get_running_loop().create_server(
            server, sock=self._sock, ssl=self._ssl_context, ssl_handshake_timeout=self._seconds
        )
