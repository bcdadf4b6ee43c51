"""What the farm is to its parts: whom to tell, how time runs, who is at the other end."""

import socket
from contextlib import AbstractContextManager
from typing import Any, Protocol


class Ground(Protocol):
    """The farm, as pods, probes, forwarders and routers see it."""

    def tell(self, event: dict[str, Any], /) -> None: ...
    def real(self, simulated: float) -> float: ...
    def client_of(self, peer: tuple[str, int]) -> tuple[str, bool]: ...
    def on_behalf(self, sock: socket.socket, client: str) -> AbstractContextManager[None]: ...
