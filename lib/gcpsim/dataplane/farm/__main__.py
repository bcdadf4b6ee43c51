"""`python -m gcpsim.dataplane.farm`: orders on standard input, events on standard output.

Serves until input ends, which it does when gcpsim ends.
"""

import asyncio
import json
import os
import signal
import sys

from gcpsim.dataplane.farm.farm import Event, Farm

LARGEST_ORDER = 64 * 1024 * 1024


def allow_many_files() -> None:
    try:
        import resource
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def serve() -> None:
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

    farm = Farm(tell)
    tell({"event": "ready", "pid": os.getpid()})
    while line := await reader.readline():
        farm.order(json.loads(line))
    farm.close()


def main() -> None:
    allow_many_files()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for gcpsim, which ends the farm
    asyncio.run(serve())


if __name__ == "__main__":
    main()
    os._exit(0)
