"""Names whose DNS is at another provider: what is to be set by hand is told, waited for and seen.

The simulator's zone plays the other provider: the params name no zone, and only the test writes.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from edgebook import cli
from edgebook.book import open

from tests.contract.edgebook.conftest import Shop
from tests.unit.params_edits import GONE, edited

ROOT = Path(__file__).resolve().parents[3]
EDGEBOOK = Path(sys.executable).with_name("edgebook")
RRSETS = "/dns/v1/projects/shop-rehearsal/managedZones/shop-example/rrsets"
NAME = "new.example.com"  # answers nothing anywhere yet
BY_HAND = re.compile(r"set at your provider: (\S+) (A|CNAME) (\S+)")
ELSEWHERE = {"dns": GONE, "hostnames": [NAME], "routes.0.hosts": [NAME], "checks": []}
pytestmark = pytest.mark.timeout(300)


class Desk:
    """Somebody with `edgebook` and with the page of the other provider."""

    def __init__(self, shop: Shop) -> None:
        self.sim, self.records = shop.sim, str(shop.folder / "archive")
        self.params = shop.folder / "elsewhere.yaml"
        self.params.write_text(edited(ELSEWHERE), encoding="utf-8")

    def run(self, *words: str) -> tuple[int, str]:
        """`edgebook run`: its exit code, and all that it said, on one line."""
        command = [EDGEBOOK, "run", "--records", self.records, *words]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280)
        return done.returncode, " ".join(f"{done.stdout} {done.stderr}".split())

    def rows(self) -> dict[tuple[str, str], list[str]]:
        found = self.sim.http("GET", RRSETS)[1]["rrsets"]
        return {(row["name"], row["type"]): row["rrdatas"] for row in found}

    def set_by_hand(self, said: str, kind: str) -> list[str]:
        """Does what is said; the names that were set."""
        wanted = sorted({found for found in BY_HAND.findall(said) if found[1] == kind})
        for name, _, data in wanted:
            body = {"name": name, "type": kind, "ttl": 300, "rrdatas": [data]}
            assert self.sim.http("POST", RRSETS, body)[0] == 200
        return [name for name, _, _ in wanted]


def test_what_is_set_by_hand_is_told_waited_for_and_seen(shop: Shop) -> None:
    desk = Desk(shop)
    before = desk.rows()
    code, said = desk.run("--params", str(desk.params), "--approve", "auto")
    assert code == 1, said
    assert " 10 address and DNS ok " in said and " 30 frontends ok " in said
    assert " 40 certificate map failed " in said and "set exactly that CNAME: by hand" in said
    assert "run 10 address and DNS" not in said and "run 10" not in said
    assert desk.rows() == before, "nobody but its owner writes at another provider"
    (challenge,) = desk.set_by_hand(said, "CNAME")
    assert challenge.startswith("_acme-challenge") and challenge.endswith(f".{NAME}.")
    (change,) = re.findall(r"edgebook run --resume (\S+)", said)
    code, said = desk.run("--resume", change)
    assert code == 0, said
    assert " 40 certificate map ok " in said and " 70 verify ok " in said
    assert desk.set_by_hand(said, "A") == [f"{NAME}."]
    book = open(str(desk.params))
    seen = {(str(r.cells["check"]), r.cells["state"]) for r in book.verify().rows}
    assert ("A record answers", "ok") in seen and ("CNAME answers", "ok") in seen
    assert cli.main(["status", "--params", str(desk.params)]) == 0
