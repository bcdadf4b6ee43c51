"""Kernels for the runner: forked from one warm process, so that each starts in a moment.

A `WarmProcess` is the runner's end of `edgebook.runbook.warm`; `kernel_manager` makes Jupyter's own
kernel manager whose provisioner forks there. Only the runner uses it: plain papermill and
JupyterLab find the ordinary python3 kernel. What is started here ends with the runner, also by
kill -9.
"""

import contextlib
import json
import math
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner

from edgebook.base.errors import EdgebookError

PROVISIONER = "edgebook-fork"
START_SECONDS = 60.0


class RemoteError(EdgebookError):
    """An error raised in a call that the warm process forked off, with its own words."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        said = answer["error"]
        super().__init__(str(said.get("what", "")))
        self.text = str(answer.get("text", ""))
        self.said = dict(said)
        self.exit_code = int(answer.get("exit_code", 1))

    def __str__(self) -> str:
        return self.text or self.what

    def to_json(self) -> dict[str, Any]:
        return self.said


class WarmProcess:
    """Starts at once and imports in the background; `fork` waits until it is ready."""

    def __init__(self, *, folder: Path | None = None) -> None:
        self._owned = None if folder else tempfile.TemporaryDirectory(prefix="edgebook-")
        self.folder = folder or Path(self._owned.name if self._owned else "")
        self._ours, theirs = socket.socketpair()
        environ = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        with theirs, self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "edgebook.runbook.warm"],
                stdin=theirs.fileno(),
                stdout=log,
                stderr=log,
                env=environ,
                start_new_session=True,
            )
        self._news = threading.Condition()
        self._ready = self._closed = False
        self._numbers = 0
        self._pids: dict[int, int] = {}
        self._exits: dict[int, int] = {}
        self._reader = threading.Thread(target=self._read, daemon=True, name="warm-reader")
        self._reader.start()

    @property
    def log(self) -> Path:
        return self.folder / "kernels.log"

    @property
    def ready(self) -> bool:
        """Whether its imports are done; before that, whoever forks waits for them."""
        return self._ready

    @property
    def pid(self) -> int:
        return self._process.pid

    def fork(self, request: dict[str, Any], *, cwd: str, env: Mapping[str, str]) -> int:
        """Fork a kernel (`argv`) or a call (`call`, `arguments`, `result`) off; its pid."""
        with self._news:
            self._numbers += 1
            number = self._numbers
            self._wait(lambda: self._ready)
            message = {**request, "id": number, "cwd": cwd, "env": dict(env), "log": str(self.log)}
            self._ours.sendall(json.dumps(message).encode() + b"\n")
            self._wait(lambda: number in self._pids)
            return self._pids[number]

    def call(self, function: str, *, seconds: float | None = None, **arguments: Any) -> Any:
        """Run `module:function` in a fork and return its JSON; raises RemoteError.

        After `seconds` the fork is killed, and EdgebookError says so.
        """
        ends = time.monotonic() + seconds if seconds is not None else math.inf
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            result = Path(folder) / "result.json"
            request = {"call": function, "arguments": arguments, "result": str(result)}
            pid = self.fork(request, cwd=str(Path.cwd()), env=os.environ)
            try:
                with self._news:
                    while pid not in self._exits and not self._closed:
                        if time.monotonic() > ends:
                            raise EdgebookError(f"{function} took longer than {seconds:g} s")
                        self._news.wait(0.5)
            except BaseException:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
                raise
            if not result.exists():
                raise self._died(f"{function} ended without an answer")
            answer = json.loads(result.read_text())
        if "error" in answer:
            raise RemoteError(answer)
        return answer["value"]

    def exit_code(self, pid: int) -> int | None:
        """How a fork ended, None while it runs."""
        if self._closed:
            return self._exits.get(pid, -signal.SIGKILL)
        return self._exits.get(pid)

    def wait_exit(self, pid: int, seconds: float | None) -> int | None:
        """Like exit_code, waiting up to so long."""
        with self._news:
            self._news.wait_for(lambda: pid in self._exits or self._closed, seconds)
        return self.exit_code(pid)

    def close(self) -> None:
        """End it and all its forks."""
        with contextlib.suppress(OSError):
            self._ours.shutdown(socket.SHUT_RDWR)
        if not self._ready:
            self._process.kill()  # still importing: it has forked nothing yet
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(5)
        self._ours.close()
        if self._owned:
            self._owned.cleanup()

    def _wait(self, there: Any) -> None:
        self._news.wait_for(lambda: self._closed or there(), START_SECONDS)
        if not there():
            raise self._died("The warm process for kernels did not start")

    def _died(self, what: str) -> EdgebookError:
        said = self.log.read_text(errors="replace").strip().splitlines()[-4:]
        return EdgebookError(what, where=str(self.log), why="\n".join(said))

    def _read(self) -> None:
        pending = b""
        while True:
            try:
                data = self._ours.recv(1 << 16)
            except OSError:
                data = b""
            *lines, pending = (pending + data).split(b"\n")
            with self._news:
                for line in lines:
                    self._take(json.loads(line))
                self._closed = not data
                self._news.notify_all()
            if not data:
                return

    def _take(self, message: dict[str, Any]) -> None:
        if "pid" in message:
            self._pids[message["id"]] = message["pid"]
        elif "exit" in message:
            self._exits[message["exit"]] = message["status"]
        else:
            self._ready = True


class ForkedProcess:
    """What a provisioner needs of a process, for a fork of the warm process."""

    stdin = stdout = stderr = None

    def __init__(self, warm: WarmProcess, pid: int) -> None:
        self.warm = warm
        self.pid = pid

    def poll(self) -> int | None:
        return self.warm.exit_code(self.pid)

    def wait(self, timeout: float | None = None) -> int | None:
        return self.warm.wait_exit(self.pid, timeout)

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


class ForkProvisioner(LocalProvisioner):  # type: ignore[misc]
    """Jupyter's local provisioner, with the process forked instead of executed."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """`cmd` is python -m ipykernel_launcher ...; what follows the module are the arguments."""
        warm: WarmProcess = self.parent.warm
        argv = cmd[cmd.index("-m") + 1 :]
        cwd = str(kwargs.get("cwd") or Path.cwd())
        pid = warm.fork({"argv": argv}, cwd=cwd, env=kwargs.get("env") or os.environ)
        self.process = ForkedProcess(warm, pid)
        self.pid = self.pgid = pid
        self.cwd = cwd
        return self.connection_info


class ForkSpecs(KernelSpecManager):  # type: ignore[misc]
    """Says that every kernel is Python, to be forked."""

    def get_kernel_spec(self, kernel_name: str) -> Any:
        return KernelSpec(
            argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            display_name="Python 3",
            language="python",
            metadata={"kernel_provisioner": {"provisioner_name": PROVISIONER}},
        )


class ReadyClient(AsyncKernelClient):  # type: ignore[misc]
    """Ready as soon as the kernel answers and its outputs are heard.

    Jupyter's own client waits a fifth of a second more, until nothing is heard. That is needless
    here: whoever runs cells passes over what none of them has caused.
    """

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Raises RuntimeError for a kernel that ends, or does not answer for `timeout` seconds."""
        until = time.monotonic() + (timeout or START_SECONDS)
        while time.monotonic() < until:
            self.kernel_info()
            with contextlib.suppress(queue.Empty):
                await self.shell_channel.get_msg(timeout=1)
                await self.iopub_channel.get_msg(timeout=0.2)  # its first outputs can be missed
                return
            if not await self.is_alive():
                raise RuntimeError("Kernel died before it answered")
        raise RuntimeError(f"Kernel did not answer in {timeout or START_SECONDS:g} seconds")


class ForkKernelManager(AsyncKernelManager):  # type: ignore[misc]
    """Jupyter's kernel manager that knows the warm process."""

    warm: WarmProcess


def kernel_manager(warm: WarmProcess) -> ForkKernelManager:
    """A manager of one kernel that is not yet started, over sockets in a private folder."""
    where = f"{__name__}:{ForkProvisioner.__name__}"
    factory = KernelProvisionerFactory.instance()
    factory.provisioners[PROVISIONER] = EntryPoint(PROVISIONER, where, factory.GROUP_NAME)
    manager = ForkKernelManager(
        kernel_name="python3", kernel_spec_manager=ForkSpecs(), shutdown_wait_time=2.0
    )
    manager.warm = warm
    manager.client_class = f"{__name__}.{ReadyClient.__name__}"
    folder = Path(tempfile.mkdtemp(dir=warm.folder, prefix="k"))
    manager.transport = "ipc"
    manager.ip = str(folder / "s")
    manager.connection_file = str(folder / "c.json")
    return manager
