"""The warm process: does the slow imports once, then forks a kernel or a call off on demand.

It is single-threaded, so that forking is safe, and reads requests as JSON lines from a socket on
its standard input; when that closes, however the runner ended, it kills what it forked and ends.
On Linux a fork also dies with this process. Nothing but the runner (`kernels`) may start it.
"""

import atexit
import contextlib
import ctypes
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import traceback
from typing import Any, NoReturn

PR_SET_PDEATHSIG = 1
IMPORTS = (
    "IPython.core.completer",
    "ipykernel.ipkernel",
    "ipykernel.kernelapp",
    "ipykernel.zmqshell",
    "comm",
    "urllib3",
    "kubernetes.config",
    "kubernetes.client",
    "google.auth.transport.requests",
    "google.cloud.dns",
    "google.cloud.certificate_manager_v1.services.certificate_manager",
    "edgebook.show.pictures",
    "edgebook.book",
)


def main() -> int:
    """Import, say so, serve until the runner closes the socket."""
    gc.disable()
    with contextlib.suppress(IndexError):
        if os.path.abspath(sys.path[0] or ".") == os.getcwd():  # noqa: PTH100, PTH109
            del sys.path[0]
    runner = socket.socket(fileno=0)
    from edgebook.cloud.certificates import UNUSED
    from edgebook.cloud.lightimport import without

    with without(UNUSED):
        for name in IMPORTS:
            importlib.import_module(name)
    load_clients()
    gc.collect()
    gc.freeze()
    gc.enable()
    return Server(runner).serve()


def load_clients() -> None:
    """What the library would import at its first call: nothing is called, only loaded."""
    from kubernetes.client import ApiClient, Configuration

    from edgebook.base.shapes import rules
    from edgebook.cloud.compute import services
    from edgebook.cloud.lightimport import compute_service, compute_types

    rules()
    compute_types()
    compute_service("global_operations", "GlobalOperationsClient")
    for service in services():
        compute_service(service.module, service.client)
    assert ApiClient and Configuration  # lazy attributes: asking for them imports them


class Server:
    """Forks on request and reports exits, in one loop over the socket and the signal pipe."""

    def __init__(self, runner: socket.socket) -> None:
        self.runner = runner
        self.children: set[int] = set()
        self.woken, self.wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def serve(self) -> int:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.wake, warn_on_full_buffer=False)
        self.say({"ready": True})
        pending = b""
        try:
            while True:
                ready, _, _ = select.select([self.runner.fileno(), self.woken], [], [])
                if self.woken in ready:
                    os.read(self.woken, 4096)
                    self.reap()
                if self.runner.fileno() in ready:
                    data = self.runner.recv(1 << 16)
                    if not data:
                        return 0
                    *lines, pending = (pending + data).split(b"\n")
                    for line in lines:
                        self.fork(json.loads(line))
        except OSError:
            return 0
        finally:
            for pid in self.children:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)

    def say(self, message: dict[str, Any]) -> None:
        self.runner.sendall(json.dumps(message).encode() + b"\n")

    def reap(self) -> None:
        for pid in list(self.children):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                self.children.discard(pid)
                self.say({"exit": pid, "status": os.waitstatus_to_exitcode(status)})

    def fork(self, request: dict[str, Any]) -> None:
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            self.become(request, parent)
        with contextlib.suppress(OSError):  # the child does the same: whoever comes first
            os.setpgid(pid, pid)
        self.children.add(pid)
        self.say({"id": request["id"], "pid": pid})

    def become(self, request: dict[str, Any], parent: int) -> NoReturn:
        """In the child: a process of its own, as if started with this environment."""
        code = 1
        try:
            die_with_parent(parent)
            os.setpgid(0, 0)
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.close(self.woken)
            os.close(self.wake)
            redirect(request["log"])
            os.chdir(request["cwd"])
            os.environ.clear()
            os.environ.update(request["env"])
            gc.enable()
            code = run_kernel(request) if "argv" in request else run_call(request)
        except SystemExit as exit_:
            code = exit_.code if isinstance(exit_.code, int) else 0 if exit_.code is None else 1
        except BaseException:
            traceback.print_exc()
        finally:
            with contextlib.suppress(BaseException):
                atexit._run_exitfuncs()
            with contextlib.suppress(BaseException):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)


def die_with_parent(parent: int) -> None:
    """Linux kills this process when `parent` ends; elsewhere the kernel's own poller does."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)


def redirect(log: str) -> None:
    """Standard input from nowhere (this also lets go of the runner's socket), output to a log."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)


def run_kernel(request: dict[str, Any]) -> int:
    """What `python -m ipykernel_launcher ...` does, with the arguments after the module's name."""
    from ipykernel.kernelapp import IPKernelApp

    argv = request["argv"]
    sys.argv = [argv[0], *argv[1:]]
    IPKernelApp.launch_instance([*argv[1:], f"--IPKernelApp.parent_handle={os.getppid()}"])
    return 0


def run_call(request: dict[str, Any]) -> int:
    """Call module:function with keyword arguments; the JSON answer goes to the result file."""
    module, name = request["call"].split(":")
    answer: dict[str, Any]
    try:
        answer = {"value": getattr(importlib.import_module(module), name)(**request["arguments"])}
    except Exception as error:
        to_json = getattr(error, "to_json", None)
        traceback.print_exc()
        named = f"{type(error).__name__}: {error}"
        answer = {
            "error": to_json() if to_json else {"what": named},
            "text": str(error) if to_json else named,
            "exit_code": getattr(error, "exit_code", 1),
        }
    with open(request["result"], "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump(answer, file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
