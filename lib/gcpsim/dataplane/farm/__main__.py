"""`python -m gcpsim.dataplane.farm`: orders on standard input, events on standard output.

Takes a block of loopback addresses that no other farm has, says so, and serves until input ends.
"""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Iterable

from gcpsim.dataplane.farm.farm import Event, Farm

FIRST_BLOCK, BLOCKS = 128, 120
GUARD_PORT = 39039
LARGEST_ORDER = 64 * 1024 * 1024


def candidates() -> Iterable[int]:
    """The blocks 127.N, beginning where another process hardly begins."""
    start = os.getpid() * 7
    return (FIRST_BLOCK + (start + number) % BLOCKS for number in range(BLOCKS))


def take_block() -> tuple[str, socket.socket | None]:
    """A block of loopback addresses, held by a socket; 127.0 where there is but 127.0.0.1."""
    for number in candidates():
        guard = socket.socket()
        try:
            guard.bind((f"127.{number}.0.1", GUARD_PORT))
            guard.listen(1)
        except OSError:
            guard.close()
            continue
        return f"127.{number}", guard
    return "127.0", None


def allow_many_files() -> None:
    try:
        import resource
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def serve() -> None:
    block, guard = take_block()
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=LARGEST_ORDER)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    out = sys.stdout.buffer
    waiting: list[bytes] = []

    def flush() -> None:
        lines, waiting[:] = b"".join(waiting), []
        try:
            out.write(lines)
            out.flush()
        except OSError:
            os._exit(0)

    def tell(event: Event) -> None:
        if not waiting:
            loop.call_soon(flush)
        waiting.append(json.dumps(event).encode() + b"\n")

    farm = Farm(block, tell)
    tell({"event": "ready", "block": block, "pid": os.getpid()})
    while line := await reader.readline():
        farm.order(json.loads(line))
    if guard is not None:
        guard.close()


def main() -> None:
    allow_many_files()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for gcpsim, which ends the farm
    asyncio.run(serve())


if __name__ == "__main__":
    main()
    os._exit(0)
