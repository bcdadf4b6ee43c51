"""The farm's process as gcpsim holds it: orders go down, events come up.

Orders are sent at once and never waited for. When the process ends by itself, it is started anew
and `restarted` is called, so that everything is ordered again.
"""

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import orjson

from gcpsim.core.text import plain
from gcpsim.dataplane import children

Event = dict[str, Any]
LONGEST_EVENT = 1 << 22
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0


class FarmLink:
    """`listeners` are called with each event of their name; `restarted` after a new start."""

    def __init__(self) -> None:
        self.listeners: dict[str, list[Callable[[Event], None]]] = {}
        self.restarted: list[Callable[[], None]] = []
        self.pid = 0
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._closing = False
        self._questions = 0
        self._open_questions: set[asyncio.Future[Event]] = set()

    def on(self, event: str, listener: Callable[[Event], None]) -> None:
        self.listeners.setdefault(event, []).append(listener)

    async def open(self) -> None:
        """Start the process; returns when it takes orders."""
        await self._start()
        self._reading = asyncio.create_task(self._read())
        await self._ready.wait()

    async def close(self) -> None:
        self._closing = True
        for question in self._open_questions:
            if not question.done():
                question.set_exception(ConnectionResetError("the pods' process is closed"))
        if self._reading is not None:
            self._reading.cancel()
        if self._process is not None:
            await children.stop(self._process)

    def send(self, *orders: Event) -> None:
        process = self._process
        if process is None or process.stdin is None or process.stdin.is_closing():
            return  # it is being started anew, and then told everything
        process.stdin.write(b"".join(orjson.dumps(order) + b"\n" for order in orders))

    async def ask(self, order: Event, event: str) -> Event:
        """An order that is answered by an event with its id."""
        self._questions += 1
        number = f"question {self._questions}"
        answer: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        self._open_questions.add(answer)

        def heard(told: Event) -> None:
            if told["id"] == number and not answer.done():
                answer.set_result(told)

        def asked() -> None:
            self.send({**order, "id": number})

        def again() -> None:
            """A farm that died took the question along; the new one is told all else first."""
            asyncio.get_running_loop().call_soon(asked)

        self.on(event, heard)
        self.restarted.append(again)
        try:
            asked()
            return await answer
        finally:
            self._open_questions.discard(answer)
            self.restarted.remove(again)
            self.listeners[event].remove(heard)

    async def _start(self) -> None:
        command = [sys.executable, "-m", "gcpsim.dataplane.farm"]
        if sys.platform == "linux":
            self._process = await children.spawn(command, pass_output=True)
            return
        # Elsewhere a starter would keep the standard input, which is for orders, to itself.
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, limit=LONGEST_EVENT
        )

    async def _read(self) -> None:
        pause = FIRST_PAUSE
        while True:
            assert self._process is not None and self._process.stdout is not None
            while line := await self._process.stdout.readline():
                pause = FIRST_PAUSE
                self._tell(orjson.loads(line))
            if self._closing:
                return
            print("gcpsim: the pods' process ended; it is started again", file=sys.stderr)
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)
            self._ready.clear()
            await self._start()

    def _tell(self, event: Event) -> None:
        name = event["event"]
        if name == "ready":
            again, self.pid = self._ready.is_set() or self.pid != 0, event["pid"]
            self._ready.set()
            if again:
                for callback in list(self.restarted):
                    callback()
        elif name == "trouble":
            print(f"gcpsim: data plane: {plain(event['text'])}", file=sys.stderr)
        for listener in list(self.listeners.get(name, ())):
            listener(event)
