"""The process of the clients: told on standard input what to watch, tells on standard output.

One asyncio loop, one line of JSON each way: `{"add": [...]}`, `{"drop": [...]}`, `{"stop": true}`
in; batches of samples with the time until which they are complete out. It ends with its parent, and
says itself when it was blind: its loop late, or the machine asleep.
"""

import asyncio
import contextlib
import functools
import math
import os
import resource
import ssl
import sys
import time
from collections.abc import Mapping
from typing import Any

import orjson

from edgebook.traffic.clients.base import BaseClient
from edgebook.traffic.clients.connections import Connections
from edgebook.traffic.clients.http1 import Http1
from edgebook.traffic.clients.http2 import Http2
from edgebook.traffic.clients.names import Names
from edgebook.traffic.clients.streams import Streams, WebSockets
from edgebook.traffic.values import Client, Protocol, Series

TICK = 0.1
LATE = 0.25  # a loop that is later than that was blind
LONG = 5.0  # after that, connections may have died of our own silence
BEHIND = 0.25  # requests that are due for longer are left out instead of sent all at once
CLIENTS: Mapping[Client, type[BaseClient]] = {
    Client.KEEP_ALIVE: Http1,
    Client.FRESH: Http1,
    Client.POST: Http1,
    Client.HTTP2: Http2,
    Client.WEBSOCKET: WebSockets,
    Client.HANDSHAKE: Connections,
    Client.STREAM: Streams,
    Client.DNS: Names,
}


def next_turn(now: float, interval: float, place: float) -> float:
    """The first turn after now, `place` seconds into an interval.

    Turns stand still in time: however often paces change, series stay as spread as they were meant.
    """
    return place + (math.floor((now - place) / interval) + 1) * interval


class Worker:
    """All series of one process."""

    def __init__(self, out: Any) -> None:
        self._out = out
        self._loop = asyncio.get_running_loop()
        self._clients: dict[int, BaseClient] = {}
        self._paces: dict[int, tuple[float, float]] = {}  # interval, and where in it
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._samples: list[tuple[Any, ...]] = []
        self._blind: list[tuple[float, float, str, float]] = []
        self._trouble: list[str] = []
        self._gone = 0  # what clients left unfinished that are not there any more
        self._slept = asleep()
        self._expected = self._loop.time() + TICK
        self.stopped = asyncio.Event()

    def obey(self, line: bytes) -> None:
        order = orjson.loads(line)
        for data in order.get("add", ()):
            self._add(Series.from_json(data))
        for number in order.get("drop", ()):
            self._drop(number)
        if order.get("stop"):
            self.stopped.set()

    def _add(self, series: Series) -> None:
        """A new series, or the new pace of one that is there."""
        number, pace = series.number, (series.interval, series.first * series.interval)
        if self._paces.get(number) == pace:
            return
        self._paces[number] = pace
        now = self._loop.time()
        due = next_turn(now, *pace)
        if number in self._clients:
            self._timers[number].cancel()
        else:
            target = series.target
            secure = target.protocol in (Protocol.HTTPS, Protocol.SSL)
            context = trusted(target.ca_file, series.client) if secure else None
            self._clients[number] = CLIENTS[series.client](series, self._record, context)
            due = min(due, now + pace[1])  # the first one does not wait for a whole interval
        self._timers[number] = self._loop.call_at(due, self._fire, number, due)

    def _drop(self, number: int) -> None:
        if number not in self._clients:
            return
        self._timers.pop(number).cancel()
        del self._paces[number]
        client = self._clients.pop(number)
        client.close()
        self._gone += client.unfinished

    def _fire(self, number: int, due: float) -> None:
        """Begin what is due; what is overdue for long is left out, never sent in a burst."""
        client, (interval, place) = self._clients[number], self._paces[number]
        now = self._loop.time()
        if now - due > BEHIND:
            due = now
        while due <= now:
            try:
                client.launch()
            except Exception as error:  # told, and the others go on
                self._trouble.append(f"{client.target.frontend}, {client.series.client}: {error!r}")
            due += interval
        due = next_turn(now + interval / 1000, interval, place)
        self._timers[number] = self._loop.call_at(due, self._fire, number, due)

    def _record(self, *sample: Any) -> None:
        self._samples.append(sample)

    async def run(self) -> None:
        """Look after patience and blindness, and tell, until the parent says stop."""
        while not self.stopped.is_set():
            self._tick()
            delay = max(0.0, self._expected - self._loop.time())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stopped.wait(), delay)
        for timer in self._timers.values():
            timer.cancel()
        patience = max((c.target.patience for c in self._clients.values()), default=0.0)
        ends = self._loop.time() + patience
        while any(c.open for c in self._clients.values()) and self._loop.time() < ends:
            await asyncio.sleep(TICK / 2)
            self._tick()
        for client in self._clients.values():
            client.close()
        self._tell(end=True)

    def _tick(self) -> None:
        now, slept = self._loop.time(), asleep()
        late = now - self._expected
        lost = slept - self._slept
        if lost > LATE:  # the monotonic clock stands still while a machine sleeps
            self._blind.append((now, now, "the machine was asleep", lost))
        if late > LATE:
            self._blind.append((self._expected, now, "the clients' loop was late", 0.0))
        if max(late, lost) > LATE:
            for client in self._clients.values():
                client.was_late(max(0.0, late), long=lost > LATE or late > LONG)
        for client in self._clients.values():
            client.sweep(now)
        self._slept, self._expected = slept, now + TICK
        self._tell()

    def _tell(self, *, end: bool = False) -> None:
        unfinished = self._gone + sum(c.unfinished for c in self._clients.values())
        said = {"t": self._loop.time(), "s": self._samples, "b": self._blind, "u": unfinished}
        if self._trouble:
            said["trouble"] = self._trouble
        if end:
            said["end"] = True
        self._out.write(orjson.dumps(said) + b"\n")
        self._out.flush()
        self._samples, self._blind, self._trouble = [], [], []

    def trouble(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What went wrong in the meter itself; what networks do is in the samples already."""
        error = context.get("exception")
        if error is not None and not isinstance(error, OSError):
            self._trouble.append(f"{context['message']}: {error!r}")


@functools.cache
def trusted(ca_file: str, client: Client) -> ssl.SSLContext:
    """Verifies as browsers do; with a CA file, that one is trusted instead of the system's."""
    made = ssl.create_default_context(cafile=ca_file or None)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if client is not Client.HANDSHAKE and client is not Client.STREAM:
        made.set_alpn_protocols(["h2" if client is Client.HTTP2 else "http/1.1"])
    return made


def asleep() -> float:
    """Seconds that the machine has slept since it started, as far as its clocks tell."""
    for name in ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC"):  # Linux; macOS, where it counts sleep
        if (clock := getattr(time, name, None)) is not None:
            return time.clock_gettime(clock) - time.monotonic()
    return 0.0


def many_files() -> None:
    """As many connections as the machine allows, not as few as a shell does."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def main() -> None:
    many_files()
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    loop = asyncio.get_running_loop()
    worker = Worker(out)
    loop.set_exception_handler(worker.trouble)
    reader = asyncio.StreamReader(limit=1 << 24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)

    async def listen() -> None:
        while line := await reader.readline():
            worker.obey(line)
        worker.stopped.set()

    listening = asyncio.create_task(listen())
    with contextlib.suppress(BrokenPipeError):
        await worker.run()
    listening.cancel()


if __name__ == "__main__":
    asyncio.run(main())
