"""Child processes that never outlive this one, also when it is killed with -9.

On Linux the kernel kills them (PR_SET_PDEATHSIG, set by a small starter that then becomes the
program). Elsewhere the starter stays and kills the program when its standard input, held open by
this process, ends.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1
STOP_SECONDS = 5.0


async def spawn(
    command: Sequence[str], *, errors: int | None = None, pass_output: bool = False
) -> asyncio.subprocess.Process:
    """Start a program; its stdin is the lifeline, its stdout a pipe when asked for."""
    starter = [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]
    return await asyncio.create_subprocess_exec(
        *starter,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE if pass_output else subprocess.DEVNULL,
        stderr=errors if errors is not None else subprocess.DEVNULL,
        limit=1 << 22,
    )


async def stop(process: asyncio.subprocess.Process) -> None:
    """End a child: SIGTERM, and SIGKILL when that is not heard."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _become(parent: int, command: list[str]) -> None:
    """The starter: see that the child dies with its parent, then run the program."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            raise SystemExit(1)
        os.execv(command[0], command)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    signal.signal(signal.SIGTERM, lambda number, frame: child.terminate())
    if os.fork() == 0:
        while os.read(0, 4096):
            continue
        child.kill()
        os._exit(0)
    raise SystemExit(child.wait())


if __name__ == "__main__":
    _become(int(sys.argv[1]), sys.argv[2:])
