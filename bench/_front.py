"""A front end for the meter's benchmark, in a process of its own: HTTPS, as fast as Python can.

Prints its port, and ends when its standard input does.
"""

import asyncio
import ssl
import sys
from pathlib import Path

BODY = b'{"cluster": "blue", "zone": "us-central1-a", "pod": "web-1"}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
ANSWER = HEAD % len(BODY) + BODY


class Front(asyncio.Protocol):
    """One connection: an answer for each request."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.seen = b""

    def data_received(self, data: bytes) -> None:
        self.seen += data
        while b"\r\n\r\n" in self.seen:
            _, _, self.seen = self.seen.partition(b"\r\n\r\n")
            self.transport.write(ANSWER)


def context(path: Path) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(path)
    return made


async def main(certificate: str) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Front, "127.0.0.1", 0, ssl=context(Path(certificate)))
    print(server.sockets[0].getsockname()[1], flush=True)
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
