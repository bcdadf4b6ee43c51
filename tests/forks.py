"""gcpsim for tests, forked from a process that has imported it: a second of CPU less each time.

`Forks` starts that process and asks it for forks; `Fork` is what a test needs of one, in the words
of `subprocess.Popen`. What is forked is the program's own `main`, with arguments, environment and
pipes of its own. A test of how the program starts, and of its command line, starts it as users do.
"""

import contextlib
import fcntl
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

MODULES = ("gcpsim.front.server", "gcpsim.dataplane.plane")
LAST = 200  # a number above all others: closed last when a process ends, however it does


class Fork:
    """A gcpsim that runs; `returncode` as Popen says it, -9 for one that was killed."""

    def __init__(self, pid: int, stdin: int, stdout: int, said: Any, status: int) -> None:
        self.pid = pid
        self.stdin = os.fdopen(stdin, "w")
        self.stdout = os.fdopen(stdout)
        self.returncode: int | None = None
        self._said, self._status = said, status

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            ends = select.poll()
            ends.register(self._status)
            if not ends.poll(None if timeout is None else timeout * 1000):
                raise subprocess.TimeoutExpired("gcpsim", timeout or 0)
            self.returncode = int(os.read(self._status, 16) or -signal.SIGKILL)
            os.close(self._status)
        return self.returncode

    def terminate(self) -> None:
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it had still to say on stdout, and all that it said on stderr."""
        self.wait(timeout)
        with self.stdin, self.stdout, self._said:
            self._said.seek(0)
            return self.stdout.read(), self._said.read()

    def _signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


class Forks:
    """The process that forks; `close` leaves those alone that still run."""

    def __init__(self) -> None:
        self._ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-P", str(Path(__file__).resolve())]
            self._process = subprocess.Popen(command, stdin=theirs.fileno())

    def start(self, arguments: Sequence[str], env: Mapping[str, str]) -> Fork:
        stdin, to = os.pipe()
        out, stdout = os.pipe()
        status, ended = os.pipe()
        said = tempfile.TemporaryFile("w+")  # noqa: SIM115
        given = [stdin, stdout, said.fileno(), ended]
        asked = {"arguments": arguments, "env": dict(env), "cwd": str(Path.cwd())}
        words = json.dumps(asked).encode()
        try:
            self._ours.sendall(len(words).to_bytes(4))
            socket.send_fds(self._ours, [b"."], given)
            self._ours.sendall(words)
            pid = int.from_bytes(self._ours.recv(4))
        finally:
            for one in (stdin, stdout, ended):
                os.close(one)
        return Fork(pid, to, out, said, status)

    def close(self) -> None:
        self._ours.close()
        self._process.wait()


def main() -> int:
    """Import, then fork on request until whoever asks is gone."""
    gc.disable()
    asks = socket.socket(fileno=0)
    for name in MODULES:
        importlib.import_module(name)
    from gcpsim.core.discovery import DOCUMENTS, api

    for name in DOCUMENTS:
        api(name)
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them here
    while size := asks.recv(4, socket.MSG_WAITALL):
        _, given, _, _ = socket.recv_fds(asks, 1, 4)
        request = json.loads(asks.recv(int.from_bytes(size), socket.MSG_WAITALL))
        pid = os.fork()
        if pid == 0:
            become(request, given, asks)
        for one in given:
            os.close(one)
        asks.sendall(pid.to_bytes(4))
    return 0


def become(request: dict[str, Any], given: list[int], asks: socket.socket) -> NoReturn:
    """In the child: gcpsim, as if it had been started with this."""
    code, ended = 1, given[3]
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        asks.detach()  # its number becomes that of standard input
        ended = fcntl.fcntl(ended, fcntl.F_DUPFD_CLOEXEC, LAST)
        for number, one in enumerate(given[:3]):
            os.dup2(one, number)
        for one in given:
            os.close(one)
        os.environ.clear()
        os.environ.update(request["env"])
        os.chdir(request["cwd"])
        sys.argv = ["gcpsim", *request["arguments"]]
        from gcpsim.front.cli import main as program

        code = program(request["arguments"])
    except SystemExit as asked:
        code = asked.code if isinstance(asked.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
            os.write(ended, str(code).encode())
        os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
