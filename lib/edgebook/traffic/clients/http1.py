"""HTTP/1.1 over TLS or plain: on connections that stay open, or on a new one for each request."""

import ssl

from edgebook.traffic.clients.answers import Answer, who_of
from edgebook.traffic.clients.base import BaseClient, Connection, Record, words
from edgebook.traffic.values import Client, Kind, Series, Target

IDLE_MOST = 32


class Http1(BaseClient):
    """One series of HTTP/1.1 requests."""

    def __init__(self, series: Series, record: Record, tls: ssl.SSLContext | None) -> None:
        super().__init__(series, record, tls)
        self.keeps = series.client is not Client.FRESH
        self.idle: list[Exchange] = []
        self.asked = request_bytes(series.target, keep=self.keeps)

    def begin(self, now: float) -> None:
        if self.idle:
            exchange = self.idle.pop()
            self.open[exchange] = None
            exchange.ask(now)
        else:
            exchange = Exchange(self, now)
            self.open[exchange] = None
            exchange.task = self.loop.create_task(exchange.connect())

    def judge(self, exchange: "Exchange") -> None:
        """A whole answer: is it one that users would be content with?"""
        answer, target = exchange.answer, self.target
        kind, detail = judged(answer, target, self.has_served)
        self.has_served = self.has_served or 0 < answer.status < 400
        if kind is None:
            self.answered(exchange, who_of(answer))
        else:
            self.failed(exchange, kind, detail, who_of(answer))

    def was_late(self, seconds: float, *, long: bool) -> None:
        super().was_late(seconds, long=long)
        if long:
            self._forget()

    def close(self) -> None:
        super().close()
        self._forget()

    def _forget(self) -> None:
        for exchange in self.idle:
            exchange.give_up()
        self.idle.clear()


class Exchange(Connection):
    """One connection, and the request that is under way on it."""

    def __init__(self, client: Http1, began: float) -> None:
        super().__init__(began)
        self.client: Http1 = client
        self.answer = Answer()
        self.asking = False

    async def connect(self) -> None:
        if await self.opened():
            self._say()

    def ask(self, began: float) -> None:
        """The next request on a connection that is there."""
        self.began, self.late, self.unclear = began, 0.0, False
        self._say()

    def _say(self) -> None:
        self.phase = "no answer"
        self.answer = Answer()
        self.asking = True
        if self.transport is not None:
            self.transport.write(self.client.asked)

    def data_received(self, data: bytes) -> None:
        if not self.asking:
            self.give_up()
            return
        try:
            done = self.answer.feed(data)
        except ValueError:
            self.asking = False
            self.client.failed(self, Kind.ANSWER, "not an HTTP answer")
            self.give_up()
            return
        if done:
            self._whole()
        elif self.answer.status:
            self.phase = "answer unfinished"

    def _whole(self) -> None:
        self.asking = False
        client = self.client
        client.judge(self)
        if client.keeps and self.answer.reusable and len(client.idle) < IDLE_MOST:
            client.idle.append(self)
        else:
            self.hang_up()

    def lost(self, exc: BaseException | None) -> None:
        client = self.client
        if not self.asking:
            if self in client.idle:
                client.idle.remove(self)
            return
        self.asking = False
        if exc is None and self.answer.closed():
            client.judge(self)
        elif self.answer.status:
            client.failed(self, Kind.CUT_BODY, f"HTTP {self.answer.status}, then cut")
        else:
            reason = words(exc) if exc else "closed without an answer"
            client.failed(self, Kind.RESET, reason)

    def give_up(self) -> None:
        self.asking = False
        super().give_up()


def request_bytes(target: Target, *, keep: bool) -> bytes:
    """The whole request; it is the same each time."""
    body = target.body.encode()
    default = 443 if target.protocol == "HTTPS" else 80
    host = target.hostname or target.ip
    lines = [
        f"{target.method} {target.path} HTTP/1.1",
        f"Host: {host}" + (f":{target.port}" if target.port != default else ""),
        "User-Agent: edgebook-meter/0.1",
        "Accept: */*",
        f"Connection: {'keep-alive' if keep else 'close'}",
    ]
    if body or target.method not in ("GET", "HEAD"):
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def judged(answer: Answer, target: Target, has_served: bool) -> tuple[Kind | None, str]:
    """None for a good answer.

    Without expectations every status below 500 is one, as long as nothing better was seen: where
    a page was, a 404 is a failure.
    """
    status, below = answer.status, 400 if has_served else 500
    if not (status in target.statuses if target.statuses else status < below):
        return Kind.STATUS, f"HTTP {status}"
    if target.contains and target.contains.encode() not in answer.body:
        return Kind.ANSWER, f"HTTP {status} without {target.contains!r}"
    return None, ""
