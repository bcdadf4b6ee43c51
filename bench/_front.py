"""A front end for the meter's benchmark, in a process of its own: HTTPS, as fast as Python can.

Prints its port; each line on standard input is what it does from now on: ok, 502, reset, stall, cut
or stranger (a certificate that nobody trusts).
"""

import asyncio
import ssl
import sys
from pathlib import Path

BODY = b'{"cluster": "blue", "zone": "us-central1-a", "pod": "web-1"}'
HEAD = b"HTTP/1.1 %s X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
GOOD = HEAD % (b"200", len(BODY)) + BODY
ANSWERS = {
    "ok": GOOD,
    "502": HEAD % (b"502", len(BODY)) + BODY,
    "cut": HEAD % (b"200", len(BODY) + 10) + BODY,
}
STALL = 3.0


class Front(asyncio.Protocol):
    """One connection; `doing` is shared by all."""

    doing = "ok"
    open: "set[Front]" = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.seen = b""
        Front.open.add(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        Front.open.discard(self)

    def data_received(self, data: bytes) -> None:
        self.seen += data
        while b"\r\n\r\n" in self.seen:
            _, _, self.seen = self.seen.partition(b"\r\n\r\n")
            self.answer()

    def answer(self) -> None:
        doing, transport = Front.doing, self.transport
        if doing == "reset":
            transport.abort()
        elif doing == "stall":
            asyncio.get_running_loop().call_later(STALL, transport.write, GOOD)
        else:
            transport.write(ANSWERS.get(doing, GOOD))
            if doing == "cut":
                transport.close()


def context(path: Path) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(path)
    return made


async def main(trusted: str, stranger: str) -> None:
    loop = asyncio.get_running_loop()
    good, bad = context(Path(trusted)), context(Path(stranger))
    good.sni_callback = lambda sock, name, _: (
        setattr(sock, "context", bad) if Front.doing == "stranger" else None
    )
    server = await loop.create_server(Front, "127.0.0.1", 0, ssl=good)
    print(server.sockets[0].getsockname()[1], flush=True)
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := (await reader.readline()).decode().strip():
        Front.doing = line
        if line == "stranger":  # whoever is connected has to come again
            for one in list(Front.open):
                one.transport.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
