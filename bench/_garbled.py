"""Runs behind a proxy that garbles at random; each is followed by one in peace.

A worker has a simulator, a proxy and folders of its own, and takes every n-th seed: nearly all the
time of a garbled run is waiting for what never comes, so that several go on beside each other.
A worker prints one line of JSON a seed. It must not judge: `bench.hold` counts and says.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import Any

import requests

from bench.edgebook import DOOR, PARAMS, simulator

ROOT = Path(__file__).resolve().parent.parent
SHARE = 0.08  # of all requests


def params(folder: Path, name: str = "shop.yaml", **changes: Any) -> str:
    """The rehearsal's params with records under this folder; the file."""
    import yaml

    body = {**yaml.safe_load(PARAMS.read_text(encoding="utf-8")), **changes}
    body["records"] = {"archive": str(folder / "records")}
    path = folder / name
    path.write_text(yaml.safe_dump(body, sort_keys=False), encoding="utf-8")
    return str(path)


def garbled(seeds: range, workers: int) -> Iterator[dict[str, Any]]:
    """What each seed came to, from so many workers at once, in the order in which they end."""
    command = [sys.executable, "-W", "ignore", "-m", "bench._garbled"]
    parts = [seeds[number::workers] for number in range(workers)]
    lines: Queue[str] = Queue()  # a worker whose pipe is full would wait for its turn
    with ThreadPoolExecutor(workers) as pool:
        ends = [
            pool.submit(_follow, [*command, str(part.start), str(part.stop), str(part.step)], lines)
            for part in parts
            if part
        ]
        for _ in ends:
            yield from map(json.loads, iter(lines.get, ""))
        for end in ends:
            if code := end.result():
                raise RuntimeError(f"a worker of garbled runs ended with {code}")


def _follow(command: list[str], lines: Queue[str]) -> int:
    """Hands on what a worker prints, and "" when it has ended; its exit code."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout
        try:
            for line in process.stdout:
                lines.put(line)
            return process.wait(60)
        finally:
            lines.put("")


def counts(rows: list[dict[str, Any]]) -> dict[str, int]:
    """How runs ended and which faults they met, for a table."""
    found = Counter(str(row["ended"]) for row in rows)
    found.update(row["second"] for row in rows if row["second"])
    for row in rows:
        found.update({f"fault: {name}": count for name, count in row["met"].items()})
    return dict(found)


def _work(seeds: range) -> Iterator[dict[str, Any]]:
    from tests.contract.edgebook.garbling import GarblingProxy

    with tempfile.TemporaryDirectory() as name, simulator(0, "--no-dataplane") as url:
        os.environ["EDGEBOOK_STATE"] = f"{name}/state"
        proxy = GarblingProxy(requests.get(f"{url}/_sim/ready", timeout=10).json(), Path(name))
        for seed in seeds:
            with tempfile.TemporaryDirectory() as own:  # an archive that grows is read ever longer
                yield _one(seed, url, proxy, params(Path(own)))
        proxy.stop()


def _one(seed: int, url: str, proxy: Any, file: str) -> dict[str, Any]:
    from edgebook.base.errors import EdgebookError
    from edgebook.book import open as open_book
    from edgebook.cloud.connect import Limits

    DOOR.post(f"{url}/_sim/reset", timeout=60)
    os.environ["GCPSIM_URL"] = proxy.url
    proxy.garble(seed, SHARE)
    row: dict[str, Any] = {"seed": seed, "ended": "converged", "second": "", "trace": ""}
    began = time.monotonic()
    try:
        _apply(file, Limits(one=0.5, call=5.0, waiting=1.0))
    except EdgebookError:
        row["ended"] = "stopped clearly"
    except Exception as error:
        row["ended"] = f"traceback: {type(error).__name__}"
        row["trace"] = traceback.format_exc()
    row["seconds"] = time.monotonic() - began
    row["met"] = Counter(fault for fault, _, _ in proxy.met)
    proxy.calm()
    try:
        _apply(file)
        if not open_book(file).plan().empty:
            row["second"] = f"second run of seed {seed}: something is left to change"
    except EdgebookError as error:
        row["second"] = f"second run of seed {seed}: {error.what}"
    return row


def _apply(file: str, limits: Any = None) -> None:
    from edgebook.book import open as open_book

    book = open_book(file)
    if limits is not None:  # in peace a busy machine may take its time
        book.door.connection.limits = limits
    book.apply("apply", "auto", show_progress=False, await_health=False)


def main(words: list[str]) -> None:
    """`python -m bench._garbled BEGIN END [STEP]`: these seeds, a line of JSON each."""
    for row in _work(range(*map(int, words))):
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
