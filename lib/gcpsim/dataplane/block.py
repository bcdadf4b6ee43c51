"""A block of loopback addresses of its own for each simulator on this machine.

Linux routes 127.0.0.0/8 as a whole, so a simulator takes 127.N.0.0/16 for itself: a listening
socket on the block's last address is the claim, and the claim dies with the process. Front ends
live in the lower half, pods in the upper one. Where only 127.0.0.1 exists (macOS), there is no
block and everyone shares that address with ports that are free.
"""

import itertools
import socket
from collections.abc import Iterator

FIRST, LAST = 34, 250
CLAIM = "255.254"
CLAIM_PORT = 61999
SHARED = "127.0.0.1"


class Block:
    """Hands out addresses: `front()` for front ends, `pod()` for pods. None given twice."""

    def __init__(self) -> None:
        self._claim: socket.socket | None = None
        self.number = 0
        for number in range(FIRST, LAST):
            claim = _claimed(f"127.{number}.{CLAIM}")
            if claim is not None:
                self._claim, self.number = claim, number
                break
        self._front = self._hosts(0, 128)
        self._pods = self._hosts(128, 255)

    @property
    def shared(self) -> bool:
        """Whether only 127.0.0.1 can be had, so that every socket needs a port of its own."""
        return self._claim is None

    @property
    def nobody(self) -> str:
        """An address of the block where nobody ever listens: connections are refused there."""
        return SHARED if self.shared else f"127.{self.number}.255.253"

    def front(self) -> str:
        return SHARED if self.shared else next(self._front)

    def pod(self) -> str:
        return SHARED if self.shared else next(self._pods)

    def close(self) -> None:
        if self._claim is not None:
            self._claim.close()

    def _hosts(self, low: int, high: int) -> Iterator[str]:
        for third, fourth in itertools.product(range(low, high), range(1, 255)):
            yield f"127.{self.number}.{third}.{fourth}"
        raise RuntimeError("all loopback addresses of this simulator are taken")


def _claimed(host: str) -> socket.socket | None:
    claim = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        claim.bind((host, CLAIM_PORT))
        claim.listen(1)
    except OSError:
        claim.close()
        return None
    return claim


def bindable(host: str, port: int) -> bool:
    """Whether this process may listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def free_port(host: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
