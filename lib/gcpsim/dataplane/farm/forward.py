"""The passthrough load balancer: packets go to a node, and from there to a pod.

The node is chosen by a hash of the connection among the healthy ones (all, when none is), the pod
by kube-proxy among those that the node may use. A node that is gone swallows what it is sent. Bytes
are copied both ways; the load balancer itself never ends a connection.
"""

import asyncio
import hashlib
import socket
from typing import Any

from gcpsim.dataplane.farm.ground import Ground

Doc = dict[str, Any]
BACKLOG = 512
PROXY = b"PROXY TCP"
LONGEST_LINE = 107
TELL_SECONDS = 1.0  # real seconds between two accounts of what a connection carried
HASHED = {"CLIENT_IP": 2, "CLIENT_IP_PROTO": 3}  # else the 5-tuple


def weight(node: str, packet: tuple[Any, ...]) -> bytes:
    """Rendezvous hashing: a node that leaves moves only its own connections."""
    return hashlib.blake2b(f"{node} {packet}".encode(), digest_size=8).digest()


def choose(nodes: list[Doc], packet: tuple[Any, ...], affinity: str) -> Doc | None:
    """The node for a packet (client IP, VIP, protocol, client port, port)."""
    usable = [node for node in nodes if node["healthy"]] or nodes
    kept = packet[: HASHED.get(affinity, len(packet))]
    return max(usable, key=lambda node: weight(node["name"], kept), default=None)


class Forwarder:
    """One port of one address."""

    def __init__(self, farm: Ground, key: str) -> None:
        self.farm, self.key = farm, key
        self.nodes: list[Doc] = []
        self._order: Doc = {}
        self._socket: socket.socket | None = None
        self._loop = asyncio.get_running_loop()
        self._pipes: set[Pipe] = set()
        self._moving: set[Pipe] = set()
        self._turns = 0

    def become(self, order: Doc) -> None:
        """Take over where to listen and the nodes; connections of nodes that left break."""
        host, port = order["listen"]
        if self._socket is None:
            self._listen(host, port)
        self._order, self.nodes = order, order["nodes"]
        names = {node["name"] for node in self.nodes}
        for pipe in [pipe for pipe in self._pipes if pipe.node not in names]:
            pipe.end()

    def _listen(self, host: str, port: int) -> None:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, port))
        except OSError:
            sock.close()
            raise
        sock.setblocking(False)
        sock.listen(BACKLOG)
        self._socket = sock
        self._loop.add_reader(sock.fileno(), self._accept)

    def _accept(self) -> None:
        assert self._socket is not None
        try:
            sock, peer = self._socket.accept()
        except OSError:
            return
        sock.setblocking(False)
        pipe = Pipe(self, sock, peer)
        self._pipes.add(pipe)

    def node_of(self, peer: tuple[str, int]) -> Doc | None:
        """The node that a client's connection is sent to."""
        packet = (peer[0], self._order["vip"], "TCP", peer[1], self._order["port"])
        return choose(self.nodes, packet, self._order["affinity"])

    @property
    def at(self) -> tuple[str, int]:
        """Where it listens."""
        assert self._socket is not None, "told where to listen before it is asked"
        host, port = self._socket.getsockname()
        return host, port

    def pipes(self) -> "frozenset[Pipe]":
        return frozenset(self._pipes)

    def pod_of(self, node: Doc) -> list[Any] | None:
        """kube-proxy's choice: one after the other."""
        if not node["pods"]:
            return None
        self._turns += 1
        chosen: list[Any] = node["pods"][self._turns % len(node["pods"])]
        return chosen

    def carried(self, pipe: "Pipe") -> None:
        """Bytes went through: that is told soon, together with what else goes until then."""
        if not self._moving:
            self._loop.call_later(TELL_SECONDS, self._tell)
        self._moving.add(pipe)

    def ended(self, pipe: "Pipe") -> None:
        self._pipes.discard(pipe)
        if pipe not in self._moving:
            self._tell_of(pipe)

    def _tell(self) -> None:
        moving, self._moving = self._moving, set()
        for pipe in moving:
            self._tell_of(pipe)

    def _tell_of(self, pipe: "Pipe") -> None:
        received, sent = pipe.counts
        pipe.counts = [0, 0]
        self.farm.tell(
            {
                "event": "packets",
                "key": self.key,
                "node": pipe.node,
                "client": pipe.peer[0],
                "ended": pipe.over,
                "received": received,
                "sent": sent,
            }
        )

    @property
    def local(self) -> bool:
        return bool(self._order["local"])

    def close(self) -> None:
        if self._socket is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
        for pipe in list(self._pipes):
            pipe.end()
        self._tell()


class Side(asyncio.Protocol):
    """One of the two connections of a pipe; 0 is the client's, 1 is the pod's."""

    def __init__(self, pipe: "Pipe", number: int) -> None:
        self.pipe, self.number = pipe, number
        self.transport: asyncio.Transport | None = None
        self.other: Side | None = None
        self._over = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.pipe.counts[self.number] += len(data)
        self.pipe.forwarder.carried(self.pipe)
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        """Half closed: the other direction goes on until it is over as well."""
        self._over = True
        other = self.other
        if other is None or other.transport is None or other._over:
            return False
        if not other.transport.is_closing():
            other.transport.write_eof()
        return True

    def connection_lost(self, error: Exception | None) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()
        self.pipe.end()

    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()


class Pipe:
    """One client's connection through a node to a pod.

    Nothing is sent on before the client has spoken: a first line of PROXY, which the simulator's
    own proxy sends, says which address of the simulated world the client has.
    """

    def __init__(self, forwarder: Forwarder, sock: socket.socket, peer: tuple[str, int]) -> None:
        self.forwarder, self.peer = forwarder, peer
        self.node = ""
        self.counts = [0, 0]
        self._socket = sock
        self._sides: list[Side] = []
        self._task: asyncio.Task[None] | None = None
        self.over = False
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock.fileno(), self._look)

    def _look(self) -> None:
        try:
            first = self._socket.recv(LONGEST_LINE, socket.MSG_PEEK)
        except BlockingIOError:
            return
        except OSError:
            first = b""
        if not first:
            self.end()
            return
        line, end, _ = first.partition(b"\r\n")
        if end and line.startswith(PROXY):
            self._socket.recv(len(line) + 2)
            words = line.decode("latin-1").split(" ")
            self.peer = (words[2], self.peer[1])
        self._loop.remove_reader(self._socket.fileno())
        self._begin()

    def _begin(self) -> None:
        node = self.forwarder.node_of(self.peer)
        if node is None:
            self.end()
            return
        self.node = node["name"]
        if node["answers"]:
            self._task = self._loop.create_task(self._open(node))
        # else the node is gone: nobody answers, and nobody says so

    async def _open(self, node: Doc) -> None:
        chosen = self.forwarder.pod_of(node)
        if chosen is None:
            self.end()
            return
        farm, loop = self.forwarder.farm, self._loop
        seen = self.peer[0] if self.forwarder.local else node["ip"]
        inner = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        inner.setblocking(False)
        try:
            with farm.on_behalf(inner, f"{seen}:{self.peer[1]}"):
                await loop.sock_connect(inner, (chosen[0], chosen[1]))
                # The client's bytes are read only now, so that none comes before the pod is there.
                pod, client = Side(self, 1), Side(self, 0)
                pod.other, client.other = client, pod
                self._sides = [client, pod]
                await loop.create_connection(lambda: pod, sock=inner)
            await loop.create_connection(lambda: client, sock=self._socket)
        except (OSError, asyncio.CancelledError):
            inner.close()
            self.end()

    def end(self) -> None:
        if self.over:
            return
        self.over = True
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
        for side in self._sides:
            if side.transport is not None:
                side.transport.close()
        if len(self._sides) < 2 or self._sides[0].transport is None:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
        self.forwarder.ended(self)
