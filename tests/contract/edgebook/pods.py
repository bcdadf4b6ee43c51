"""Writers that meet as in pods: told apart by nothing that a lease could lean on by mistake.

Three kinds. Processes share the machine's name and have their own ids; in namespaces all writers
have the same process id; hosts have besides names of 62 characters that differ in the last one, and
wall clocks 20 minutes apart. Where the machine grants no namespaces, `granted` is False, and
processes with wrong clocks are what is left. `Meetings` plays rounds and says what was wrong.
"""

import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from edgebook.book import open as open_book

from tests import yamls

HERE = Path(__file__).parent
PARAMS = HERE.parents[2] / "params" / "rehearsal.yaml"
PROJECT = "compute/v1/projects/shop-rehearsal"
ZONE = f"{PROJECT}/zones/us-central1-a"
SERVICE = f"{PROJECT}/global/backendServices/shop-postgres"
KINDS = ("processes", "namespaces", "hosts")
LONG = "shop-front-door-deployer-of-the-platform-team-in-production-0"
APART = 1200.0  # seconds
MOST = 4
BAD = ("two at once", "mixed goals", "lost foreign backends", "nobody wrote", "failed")


class Meetings:
    """Rounds of two to four writers at one simulator, which is put back before each."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        self._folder = folder
        self._goals = [_goal(folder, number) for number in range(MOST)]
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", str(HERE / "pod_runner.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.granted: bool = self._answer()

    def stop(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()

    def told(self) -> list[list[Any]]:
        """Host name, process id and time that the writers of the last round saw."""
        return [json.loads(path.read_text()) for path in sorted(self._folder.glob("told-*.json"))]

    def leases(self, kind: str, seed: int) -> Counter[str]:
        """Two to four ask for the lease; in each fifth round whoever is inside is killed."""
        drawn = random.Random(seed)
        number, wait, killed = drawn.choice((2, 3, 4)), drawn.choice((0.0, 20.0)), seed % 5 == 3
        orders = [
            self._order(
                kind, seed, index, "hold", wait=0.0 if killed else wait, killed=killed,
                inside=str(self._folder / "inside"), seed=drawn.random(),
            )
            for index in range(number)
        ]  # fmt: skip
        return self._play(kind, orders)

    def applies(self, kind: str, seed: int) -> Counter[str]:
        """Two to four carry out a goal each: first runs, or while somebody attaches backends."""
        drawn = random.Random(seed)
        number, waits = drawn.choice((2, 3, 4)), drawn.choices((0.0, 60.0), k=MOST)
        orders = [
            self._order(kind, seed, index, "apply", wait=waits[index]) for index in range(number)
        ]
        theirs = self._theirs(seed) if seed % 2 else []
        if theirs:
            open_book(self._goals[-1]).apply("apply", "auto", show_progress=False)
            more = {"service": SERVICE, "groups": theirs}
            orders.append(self._order("processes", seed, 0, "attach", **more))
        found = self._play(kind, orders)
        found["mixed goals"] = int(sum(self._reached(goal) for goal in self._goals) != 1)
        if theirs:
            entries = self._wire().get("compute", SERVICE)["backends"]
            there = {str(entry["group"]).rpartition("/")[2] for entry in entries}
            found["lost foreign backends"] = len({g.rpartition("/")[2] for g in theirs} - there)
        return found

    def _order(self, kind: str, number: int, index: int, do: str, **more: Any) -> dict[str, Any]:
        """What one writer sees and does. Folders are shared in every second round."""
        alone = self.granted and kind != "processes"
        state = self._folder / ("state" if number % 2 else f"state-{index}")
        return {
            "do": do,
            "params": self._goals[index],
            "alone": alone,
            "host": f"{LONG}{index}" if alone and kind == "hosts" else "",
            "clock": (index % 3 - 1) * APART if kind == "hosts" else 0.0,
            "told": str(self._folder / f"told-{index}.json"),
            "env": {**os.environ, "GCPSIM_URL": self._url, "EDGEBOOK_STATE": str(state)},
            "killed": False,
            **more,
        }

    def _play(self, kind: str, orders: list[dict[str, Any]]) -> Counter[str]:
        for old in self._folder.glob("told-*.json"):
            old.unlink()
        assert self._process.stdin
        self._process.stdin.write(json.dumps(orders) + "\n")
        self._process.stdin.flush()
        found: Counter[str] = Counter({f"rounds of {kind}": 1})
        for order, ended in zip(orders, self._answer(), strict=True):
            found[ended if order["do"] != "attach" or ended == "failed" else f"others {ended}"] += 1
        found["nobody wrote"] = int(not found["wrote"] and not found["killed"])
        return found

    def _answer(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, "the runner ended"
        return json.loads(line)

    def _reached(self, goal: str) -> bool:
        return open_book(goal).plan().empty

    def _wire(self) -> Any:
        return open_book(self._goals[0]).door.wire

    def _theirs(self, seed: int) -> list[str]:
        """Network endpoint groups of somebody else, made for this round."""
        names = [f"theirs-{seed}-{number}" for number in range(3)]
        for name in names:
            body = {"name": name, "networkEndpointType": "GCE_VM_IP_PORT"}
            self._wire().request("compute", "POST", f"{ZONE}/networkEndpointGroups", body=body)
        return [
            f"{ZONE.removeprefix('compute/v1/')}/networkEndpointGroups/{name}" for name in names
        ]


def _goal(folder: Path, number: int) -> str:
    """Two plain TCP services, in whose every part the goals differ."""
    body = yamls.read(PARAMS.read_text(encoding="utf-8"))
    for key in ("dns", "certificate", "checks", "routes"):
        del body[key]
    body["frontends"] = [
        {"name": name, "protocol": "TCP", "port": port, "backend": name}
        for name, port in (("mqtt", 8883), ("postgres", 5432))
    ]
    body["backends"] = {name: body["backends"][name] for name in ("mqtt", "postgres")}
    for backend in body["backends"].values():
        backend["draining"] = f"{60 + number}s"
        backend["timeout"] = f"{1800 + number}s"
        backend["health_check"] = {"type": "TCP", "interval": f"{5 + number}s"}
    body["labels"] = {"goal": f"g{number}"}
    body["records"] = {"archive": str(folder / f"records-{number}")}
    path = folder / f"goal-{number}.yaml"
    path.write_text(yamls.write(body), encoding="utf-8")
    return str(path)
