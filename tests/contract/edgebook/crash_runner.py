"""Applies a front door in forked processes that die at a chosen call, and runs it again.

Started by the crash test; the imports are paid once. Reads `K WHEN` lines (WHEN: before or after
the effect; K counts every call to Google's services and clusters), prints one line of JSON each:
whether the run died, whether it had written anything, and what the second run left behind.
"""

import contextlib
import importlib
import json
import os
import sys
import urllib.request
from typing import Any

from edgebook.book import open as open_book

from tests.contract.edgebook.conftest import observable

URL = os.environ["GCPSIM_URL"]
DIED, DONE, WRONG = 137, 0, 1


def admin(verb: str, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"X-Gcpsim-Token": os.environ["GCPSIM_TOKEN"]}
    request = urllib.request.Request(f"{URL}/_sim/{path}", data, headers, method=verb)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read() or b"{}")


def warm() -> None:
    """Import what an apply imports, without a thread or a connection."""
    from edgebook.cloud import compute

    for service in compute.services():
        compute.compute_service(service.module, service.client)
    compute.compute_service("global_operations", "GlobalOperationsClient")


def in_child(work: Any) -> int:
    """Run it in a fork; the exit code."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(WRONG)
        os._exit(DONE)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def apply_and_die(params: str) -> None:
    book = open_book(params)
    # The dropped connection is the sign: from here on this process does nothing more.
    book.door.connection.on_retry = lambda error, seconds: os._exit(DIED)
    book.apply("apply", "auto", show_progress=False)


def apply_and_tell(params: str, pipe: int) -> None:
    book = open_book(params)
    book.apply("apply", "auto", show_progress=False)
    told = {
        "calls": admin("GET", "calls")["total"],
        "left": len(book.plan().plan.to_do),
        "state": observable(book),
        "modules": sorted(sys.modules),
    }
    with os.fdopen(pipe, "w") as file:
        file.write(json.dumps(told))


def second_run(params: str) -> dict[str, Any]:
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        try:
            apply_and_tell(params, writer)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(WRONG)
        os._exit(DONE)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    return json.loads(said) if said else {}


def one(params: str, nth: int, when: str) -> dict[str, Any]:
    admin("POST", "reset")
    admin("DELETE", "calls")
    if nth:
        admin("POST", "faults", {"effect": f"drop_{when}", "nth": nth, "times": 1})
        code = in_child(lambda: apply_and_die(params))
        struck = [fault["struck"] for fault in admin("GET", "faults")["faults"]]
        admin("DELETE", "faults")
        if struck != [1]:
            return {"died": False, "code": code}
    else:
        code = DIED
    log = admin("GET", "calls?log=true")["log"]
    reads = ("GET", "getHealth")
    wrote = any(entry["verb"] not in reads and entry["method"] not in reads for entry in log)
    last = f"{log[-1]['verb']} {log[-1]['collection']}" if log else ""
    told = second_run(params) if wrote or not nth else {}
    for name in told.pop("modules", ()):
        # What an apply imported is there for all later forks.
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    return {"died": True, "code": code, "wrote": wrote, "last": last, **told}


def main() -> None:
    params = sys.argv[1]
    warm()
    for line in sys.stdin:
        nth, when = line.split()
        print(json.dumps(one(params, int(nth), when)), flush=True)


if __name__ == "__main__":
    main()
