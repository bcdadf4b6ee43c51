"""Plays rounds of writers that meet, each in a fork that is made to look like a pod.

Started by pods.py; the imports are paid once. Reads a round a line: a list of orders, each with
what its writer sees (host name, clock, whether it is in namespaces of its own, state folder) and
what it does. All begin at the same moment. Prints how each ended. Who is inside holds a file that
is made atomically, so that two at once are seen without asking anything of edgebook.
"""

import ctypes
import datetime
import json
import os
import random
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgebook.apply.flow import lease_key
from edgebook.apply.lock import FrontDoorLock
from edgebook.base.errors import EdgebookError, LockedError
from edgebook.book import open as open_book
from edgebook.cloud import compute, refusals

WRITTEN, LOCKED, STOPPED, TWO, WRONG, KILLED = 0, 5, 6, 7, 1, 9
ENDED = {WRITTEN: "wrote", LOCKED: "locked", STOPPED: "stopped clearly", TWO: "two at once",
         KILLED: "killed"}  # fmt: skip
NEW_USER, NEW_MOUNTS, NEW_NAMES, NEW_PIDS = 0x10000000, 0x00020000, 0x04000000, 0x20000000
RECURSIVE_PRIVATE = 0x4000 | 0x40000
LIBC = ctypes.CDLL(None, use_errno=True)


def unshare() -> None:
    """Namespaces of its own for the host name and for the processes that it starts; OSError."""
    root = os.getuid() == 0
    user, group = os.getuid(), os.getgid()
    if LIBC.unshare(NEW_NAMES | NEW_PIDS | NEW_MOUNTS | (0 if root else NEW_USER)):
        raise OSError(ctypes.get_errno(), "unshare")
    if not root:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")


def mount_proc() -> None:
    """What the processes of this namespace are, as libraries look it up; OSError."""
    if LIBC.mount(None, b"/", None, RECURSIVE_PRIVATE, None) or LIBC.mount(
        b"proc", b"/proc", b"proc", 0, None
    ):
        raise OSError(ctypes.get_errno(), "mount")


def ended(pid: int) -> int:
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return code if code >= 0 else KILLED


def forked(work: Callable[[], int]) -> int:
    """The pid of a fork that does it and exits with what it returned."""
    pid = os.fork()
    if pid == 0:
        code = WRONG
        try:
            code = work()
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        finally:
            os._exit(code)
    return pid


def in_namespaces(work: Callable[[], int]) -> int:
    """Do it as the second process of a pid namespace, whose first one waits for it."""
    unshare()

    def first() -> int:
        mount_proc()
        return ended(forked(work))

    return ended(forked(first))


def shift_clocks(seconds: float) -> None:
    """The wall clock of this machine goes wrong by so much, in every module that looks at it."""
    true_time, true_datetime = time.time, datetime.datetime
    ahead = datetime.timedelta(seconds=seconds)

    class Kind(type(true_datetime)):  # type: ignore[misc]
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, true_datetime)

    class Wrong(true_datetime, metaclass=Kind):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return true_datetime.now(tz) + ahead

    time.time = lambda: true_time() + seconds
    datetime.datetime = Wrong  # type: ignore[misc]
    for name, module in list(sys.modules.items()):
        if name.startswith("edgebook") and getattr(module, "datetime", None) is true_datetime:
            vars(module)["datetime"] = Wrong


class Inside:
    """Held by the one that writes; the process ends when somebody else is inside already."""

    def __init__(self, path: str, killed: bool) -> None:
        self._path = Path(path)
        self._killed = killed

    def __enter__(self) -> None:
        try:
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            os._exit(TWO)

    def __exit__(self, *error: object) -> None:
        self._path.unlink()
        if self._killed:
            os.kill(os.getpid(), signal.SIGKILL)


def hold(order: dict[str, Any]) -> None:
    """Take the lease, look at what it guards a few times, let go."""
    door = open_book(order["params"]).door
    key, drawn = lease_key(door), random.Random(order["seed"])
    with (
        FrontDoorLock(door.wire, key, wait=order["wait"]) as lock,
        Inside(order["inside"], order["killed"]),
    ):
        for _ in range(drawn.randrange(4)):
            lock.fence()
            door.wire.find("compute", f"compute/v1/{key.scope}/addresses/x")


def apply(order: dict[str, Any]) -> None:
    """The whole front door as these params want it."""
    options = {"show_progress": False, "await_health": False, "wait_lock": order["wait"]}
    open_book(order["params"]).apply("apply", "auto", **options)


def attach(order: dict[str, Any]) -> None:
    """Somebody who is no edgebook adds backends of theirs by compare-and-set, as autoneg does."""
    wire = open_book(order["params"]).door.wire
    for group in order["groups"]:
        while True:
            service = wire.get("compute", order["service"])
            mode = {"balancingMode": "CONNECTION", "maxConnectionsPerEndpoint": 1}
            body = {
                "backends": [*service.get("backends", []), {"group": group, **mode}],
                "fingerprint": service["fingerprint"],
            }
            try:
                wire.request("compute", "PATCH", order["service"], body=body)
                break
            except EdgebookError as error:
                if not refusals.conflicted(error):
                    raise


DO = {"hold": hold, "apply": apply, "attach": attach}


def carry_out(order: dict[str, Any]) -> int:
    os.environ.update(order["env"])
    if order["host"]:
        socket.sethostname(order["host"])
    if order["clock"]:
        shift_clocks(order["clock"])
    if order["told"]:
        Path(order["told"]).write_text(
            json.dumps([socket.gethostname(), os.getpid(), round(time.time())])
        )
    try:
        DO[order["do"]](order)
    except LockedError:
        return LOCKED
    except EdgebookError as error:
        print(f"{order['do']}: {error}", file=sys.stderr, flush=True)
        return STOPPED
    return WRITTEN


def play(orders: list[dict[str, Any]]) -> list[str]:
    """All at once, from the moment when the last one stands ready."""
    start, go = os.pipe()

    def writer(order: dict[str, Any]) -> int:
        os.close(go)

        def work() -> int:
            os.read(start, 1)  # returns when everybody has closed the other end
            return carry_out(order)

        return in_namespaces(work) if order["alone"] else work()

    pids = [forked(lambda order=order: writer(order)) for order in orders]  # type: ignore[misc]
    os.close(start)
    os.close(go)
    return [ENDED.get(ended(pid), "failed") for pid in pids]


def granted() -> bool:
    """Whether this machine lets us have namespaces of our own."""
    return ended(forked(lambda: in_namespaces(lambda: 0))) == 0


def main() -> None:
    for service in compute.services():
        compute.compute_service(service.module, service.client)
    compute.compute_service("global_operations", "GlobalOperationsClient")
    print(json.dumps(granted()), flush=True)
    for line in sys.stdin:
        print(json.dumps(play(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
