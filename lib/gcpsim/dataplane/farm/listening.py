"""The listening sockets of a pod, and how a machine that is gone looks from outside.

A stopped process refuses; a lost machine lets connections time out. The latter is a full accept
queue: the kernel drops what comes next, as a network would. Where that can't be had (not Linux),
connections are accepted and left alone.
"""

import asyncio
import contextlib
import errno
import socket
import sys

from gcpsim.dataplane.farm.connections import Arrival
from gcpsim.dataplane.farm.seams import Host

BACKLOG = 512
AT_ONCE = 64
SHIFT = 10000  # where ports below 1024 go without the right to bind them
FILLERS = 2
SHARED = ("127.0.0.1", 0)
ELSEWHERE = (errno.EACCES, errno.EPERM, errno.EADDRNOTAVAIL, errno.EADDRINUSE)


def bound(address: str, port: int) -> socket.socket:
    """A socket at an address and port; elsewhere where that may not be bound or is taken.

    A server of this machine that listens on all addresses takes a port from every pod.
    """
    for host, number in ((address, port), (address, (port + SHIFT) % 65536), (address, 0), SHARED):
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, number))
        except OSError as error:
            sock.close()
            if error.errno in ELSEWHERE:
                continue
            raise
        sock.setblocking(False)
        return sock
    raise OSError(errno.EADDRNOTAVAIL, f"no loopback address for {address}:{port}")


class Listener:
    """One port of a pod."""

    def __init__(self, pod: Host, port: int, sock: socket.socket) -> None:
        self.pod, self.port = pod, port
        self.at: tuple[str, int] = sock.getsockname()
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        self._fillers: list[socket.socket] = []
        sock.listen(BACKLOG)
        self._loop.add_reader(sock.fileno(), self._accept)

    def _accept(self) -> None:
        for _ in range(AT_ONCE):
            try:
                sock, peer = self._socket.accept()
            except OSError:
                return
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client, fronted = self.pod.client_of(peer)
            Arrival(self.pod, self.port, sock, client, fronted=fronted)

    def freeze(self) -> None:
        """The machine is gone: connections are neither accepted nor refused."""
        self._loop.remove_reader(self._socket.fileno())
        if sys.platform != "linux":
            return
        self._socket.listen(0)
        for _ in range(FILLERS):
            filler = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(self.at)
            self._fillers.append(filler)

    def thaw(self) -> None:
        for filler in self._fillers:
            filler.close()
        self._fillers.clear()
        self._socket.listen(BACKLOG)
        self._loop.add_reader(self._socket.fileno(), self._accept)

    def close(self) -> None:
        self._loop.remove_reader(self._socket.fileno())
        for filler in self._fillers:
            filler.close()
        self._socket.close()
