"""Let's Encrypt's visit: a GET of a challenge on port 80 of wherever a name leads, for real.

Redirects to the same name are followed, over https as well; what is not the expected answer is
told in words. It must not know who asks.
"""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from gcpsim.core.world import World
from gcpsim.dataplane.link import Event, FarmLink

MOST_REDIRECTS = 5
Done = Callable[[str], None]


class Visits:
    """`reach` lists where addresses are served, as `gcpsim reach` does."""

    def __init__(self, world: World, link: FarmLink) -> None:
        self.world, self.link = world, link
        self.reach: Callable[[], list[dict[str, Any]]] = list
        self._numbers = itertools.count(1)
        self._waiting: dict[str, Callable[[Event], None]] = {}
        self._arrived = asyncio.Event()
        link.on("fetched", self._fetched)
        link.restarted.append(self._lost)

    async def settled(self) -> None:
        """Wait until no visit is under way."""
        while self._waiting:
            self._arrived.clear()
            await self._arrived.wait()

    def ask(self, host: str, path: str, expected: str, done: Done) -> None:
        """`done` gets why the challenge fails, or "" when it is answered as expected."""
        self._get(f"http://{host}{path}", expected, done, MOST_REDIRECTS)

    def _get(self, url: str, expected: str, done: Done, left: int) -> None:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        at = self._socket(host, port)
        if at is None:
            done(f"{url}: connection refused: nobody serves port {port} at {host}")
            return
        number = f"visit {next(self._numbers)}"

        def arrived(event: Event) -> None:
            location = event["location"]
            if event["status"] in (301, 302, 303, 307, 308) and location and left:
                self._get(location, expected, done, left - 1)
            elif event["why"]:
                done(f"{url}: {event['why']}")
            elif event["status"] != 200:
                done(f"wrong status code '{event['status']}', expected '200': {url}")
            elif event["body"].strip() != expected:
                done(f"{url}: did not get expected response")
            else:
                done("")

        self._waiting[number] = arrived
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        order = (
            {"op": "fetch", "id": number, "host": at[0], "port": at[1], "path": target,
             "header": host, "tls": parts.scheme == "https"}
        )  # fmt: skip
        # After the routes that answer the challenge, which are ordered at the end of this turn.
        asyncio.get_running_loop().call_soon(self.link.send, order)

    def _socket(self, host: str, port: int) -> tuple[str, int] | None:
        """Where a name and port are served, at the first location."""
        addresses = set(self.world.dns.lookup.addresses(host))
        for one in self.reach():
            if one["ip"] in addresses and one["port"] == port:
                where, _, number = one["connect"].rpartition(":")
                return where, int(number)
        return None

    def _lost(self) -> None:
        """Who was on the way when the farm died does not arrive."""
        for number in list(self._waiting):
            event = {"id": number, "status": 0, "location": "", "body": "", "why": "went astray"}
            self._fetched(event)

    def _fetched(self, event: Event) -> None:
        arrived = self._waiting.pop(event["id"], None)
        if arrived is not None:
            arrived(event)
        self._arrived.set()
