"""A server on loopback that behaves as a script says, and a certificate authority for it.

One asyncio loop in a thread. `behave` changes what the next requests get, from any thread: a front
end that resets, stalls, cuts a body or answers 502 is a word away.
"""

import asyncio
import datetime
import json
import ssl
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import dns.message
import dns.rcode
import dns.rrset
import h2.config
import h2.connection
import h2.events
import hyperframe.frame
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PEM = serialization.Encoding.PEM
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Authority:
    """Signs certificates for hosts; `file` is what clients trust."""

    def __init__(self, folder: Path, name: str = "test authority") -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.file = folder / f"{name.replace(' ', '-')}.pem"
        self.file.write_bytes(self._signed(self.name, self.key, [], ca=True).public_bytes(PEM))

    def _signed(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        hosts: list[str],
        *,
        ca: bool = False,
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if hosts:
            names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def context(self, *hosts: str, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
        certificate = self._signed(name, key, list(hosts))
        path = self.folder / f"{hosts[0].replace('*', 'any')}.pem"
        form, open_key = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        path.write_bytes(key.private_bytes(PEM, form, open_key) + certificate.public_bytes(PEM))
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(path)
        if alpn:
            made.set_alpn_protocols(list(alpn))
        return made


class Server:
    """Ports on loopback, served by one loop in a thread until `close`."""

    def __init__(self) -> None:
        self.behaviour = "ok"
        self.who = {"cluster": "blue", "zone": "us-central1-a", "pod": "web-1"}
        self.asked = 0
        self.connections = 0
        self.served: list[bytes] = []
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._servers: list[asyncio.Server] = []
        self._transports: list[asyncio.BaseTransport] = []
        self._sockets: set[object] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        async def end() -> None:
            for server in self._servers:
                server.close()
            for transport in self._transports:
                transport.close()
            self._cut()
            others = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            for server in self._servers:
                await server.wait_closed()
            for _ in range(4):  # transports close in the turns after they are told to
                await asyncio.sleep(0)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def cut_all(self) -> None:
        """Reset every connection that is open."""
        self._loop.call_soon_threadsafe(self._cut)

    def freeze_websockets(self) -> None:
        """Those that are open say nothing any more, as if their machine were gone."""
        for socket in list(self._sockets):
            self._loop.call_soon_threadsafe(socket.transport.pause_reading)  # type: ignore[attr-defined]

    def _cut(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()
        for socket in list(self._sockets):
            socket.transport.abort()  # type: ignore[attr-defined]

    def listen(self, handler: Handler, tls: ssl.SSLContext | None = None, port: int = 0) -> int:
        async def started() -> asyncio.Server:
            return await asyncio.start_server(self._kept(handler), "127.0.0.1", port, ssl=tls)

        server = asyncio.run_coroutine_threadsafe(started(), self._loop).result(10)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    def _kept(self, handler: Handler) -> Handler:
        async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._writers.add(writer)
            self.connections += 1
            try:
                await handler(reader, writer)
            except (OSError, asyncio.IncompleteReadError):
                pass
            finally:
                self._writers.discard(writer)
                if self.behaviour == "reset":
                    writer.transport.abort()
                writer.close()

        return run

    async def http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """HTTP/1.1 as `behaviour` says: ok, a status, reset, stall, cut, chunked, nonsense, ..."""
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = [x for x in head.lower().split(b"\r\n") if x.startswith(b"content-length:")]
            body = await reader.readexactly(int(length[0].split(b":")[1]) if length else 0)
            self.asked += 1
            self.served.append(head + body)
            now = self.behaviour
            if now == "reset":
                return
            if now == "stall":
                await asyncio.sleep(3600)
            writer.write(self._answer(now))
            await writer.drain()
            if now in ("cut", "close", "bare") or b"connection: close" in head.lower():
                return

    def _answer(self, behaviour: str) -> bytes:
        body = json.dumps(self.who).encode()
        if behaviour == "nonsense":
            return b"220 mail.example.com ESMTP\r\n\r\n"
        if behaviour == "bare":
            return b"HTTP/1.1 200 OK\r\n\r\n" + body
        if behaviour == "chunked":
            chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:]))
            return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
        status = int(behaviour) if behaviour.isdigit() else 200
        length = len(body) + (10 if behaviour == "cut" else 0)
        close = "close" if behaviour == "close" else "keep-alive"
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: {close}\r\n\r\n"
        return head.encode() + body

    async def echo(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Says what is said to it, until it is told to reset, stall or close."""
        if self.behaviour == "close":
            return
        while data := await reader.read(4096):
            self.asked += 1
            if self.behaviour in ("reset", "close"):
                return
            if self.behaviour != "stall":
                writer.write(data)
                await writer.drain()

    async def http2(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """HTTP/2 as `behaviour` says: ok, a status, reset, stall, cut, going away, finishing."""
        wire = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        wire.initiate_connection()
        writer.write(wire.data_to_send())
        while data := await reader.read(65536):
            for event in wire.receive_data(data):
                if isinstance(event, h2.events.RequestReceived) and event.stream_id is not None:
                    self.asked += 1
                    if self.behaviour == "reset":
                        return
                    if self.behaviour == "finishing":  # it goes, and answers what it has begun
                        leave = hyperframe.frame.GoAwayFrame(0, last_stream_id=event.stream_id)
                        writer.write(leave.serialize())
                    self._answer2(wire, event.stream_id)
            writer.write(wire.data_to_send())
            await writer.drain()
            if self.behaviour == "going away":
                return

    def _answer2(self, wire: h2.connection.H2Connection, stream: int) -> None:
        if self.behaviour == "stall":
            return
        if self.behaviour == "going away":
            wire.close_connection(last_stream_id=0)
            return
        status = self.behaviour if self.behaviour.isdigit() else "200"
        wire.send_headers(stream, [(":status", status), ("content-type", "application/json")])
        if self.behaviour == "cut":
            wire.send_data(stream, b"{")
            wire.reset_stream(stream, error_code=2)
        else:
            wire.send_data(stream, json.dumps(self.who).encode(), end_stream=True)

    def websocket(self) -> int:
        """A WebSocket server on a port of its own; `cut_all` cuts its connections too."""
        from websockets.asyncio.server import ServerConnection, serve

        async def hold(socket: ServerConnection) -> None:
            self._sockets.add(socket)
            async for message in socket:
                await socket.send(message)

        async def started() -> asyncio.Server:
            server = await serve(hold, "127.0.0.1", 0)
            return server.server  # type: ignore[return-value]

        server = asyncio.run_coroutine_threadsafe(started(), self._loop).result(10)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    def names(self, records: dict[str, str]) -> int:
        """A name server over UDP that knows A records; `behaviour` stall: it is silent."""
        asked = self

        class Zone(asyncio.DatagramProtocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                self.transport = transport

            def datagram_received(self, data: bytes, addr: object) -> None:
                asked.asked += 1
                query = dns.message.from_wire(data)
                reply = dns.message.make_response(query)
                name = query.question[0].name.to_text().rstrip(".")
                if name in records:
                    rrset = dns.rrset.from_text(f"{name}.", 60, "IN", "A", records[name])
                    reply.answer.append(rrset)
                else:
                    reply.set_rcode(dns.rcode.NXDOMAIN)
                if asked.behaviour != "stall":
                    self.transport.sendto(reply.to_wire(), addr)  # type: ignore[attr-defined]

        async def started() -> asyncio.BaseTransport:
            made = self._loop.create_datagram_endpoint(Zone, local_addr=("127.0.0.1", 0))
            return (await made)[0]

        transport = asyncio.run_coroutine_threadsafe(started(), self._loop).result(10)
        self._transports.append(transport)
        return int(transport.get_extra_info("sockname")[1])
