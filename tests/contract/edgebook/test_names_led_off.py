"""Names of a front door that serves, led out of its project: by hands, or as its address went.

Rows as in `test_neighbours`.
"""

import pytest

from tests.contract.edgebook.conftest import Staged
from tests.contract.edgebook.staging import Row, Stage, plan, play, record, status, verify

APEX, WILDCARD = "shop.example.com.", "*.shop.example.com."
OLD_SITE, THEIRS = "35.192.158.63", "203.0.113.9"


def address_released(stage: Stage) -> None:
    """Somebody deletes our forwarding rules, then the reserved address."""
    for rule in stage.compute("GET", "forwardingRules")["items"]:
        if rule["name"].startswith("shop-"):
            stage.compute("DELETE", f"forwardingRules/{rule['name']}")
    stage.advance(60)
    stage.compute("DELETE", "addresses/shop-edge")
    stage.advance(60)


def led(stage: Stage, name: str, to: str = "") -> None:
    """A name's record leads to an IP; without one, to the front door."""
    ours = stage.compute("GET", "addresses/shop-edge")["address"]
    rows = [row for row in stage.dns("GET", "rrsets")["rrsets"]
            if (row["name"], row["type"]) == (name, "A")]  # fmt: skip
    change = {"deletions": rows, "additions": [record(name, "A", to or ours)]}
    stage.dns("POST", "changes", change)
    stage.advance(60)


def one_led_off(stage: Stage) -> None:
    led(stage, APEX)
    led(stage, WILDCARD, THEIRS)


def one_to_come(stage: Stage) -> None:
    """The wildcard leads here, the other name to what this project has: a cut-over is to come."""
    led(stage, APEX, OLD_SITE)


ROWS = (
    Row(
        "the address is released, on the first page",
        address_released,
        status,
        (
            "NOT HEALTHY: its address is gone: *.shop.example.com./A is A to ",
            "(any more): if it was this front door's, it was released",
            "run 10 address and DNS, which reserves another one; then set the record to it at once",
        ),
        ("it is not built", f"this project has no address {OLD_SITE}"),
    ),
    Row(
        "the address is released, in the plan",
        address_released,
        plan,
        (
            "not ours: left alone; this project has no address ",
            "and the name has to move to the new one; the cut-over runbook moves it",
        ),
        (f"this project has no address {OLD_SITE}",),
    ),
    Row(
        "one name is led off while another comes here, on the first page",
        one_led_off,
        status,
        (
            "in doubt: *.shop.example.com: leads to 203.0.113.9, which this project does not have, "
            "though shop.example.com leads here",
            "when it came here before: set the record back",
        ),
        ("rehearsal: healthy;", "NOT HEALTHY"),
    ),
    Row(
        "one name is led off while another comes here, in a verify",
        one_led_off,
        verify,
        ("uncertain names lead here *.shop.example.com leads to 203.0.113.9",),
        (" failed ",),
    ),
    Row(
        "one name is still at the project's old site",
        one_to_come,
        status,
        ("rehearsal: healthy; nothing to change",),
        ("in doubt", "does not have"),
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_names_that_lead_away_are_told(row: Row, staged: Staged) -> None:
    play(row, staged)
