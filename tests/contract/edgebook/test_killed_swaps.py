"""Swaps whose runs are killed again and again, each going on where the last one died.

At every sixtieth call here, without traffic; at every single one, and under traffic with the meter
on, it is `make bench ONLY=moves`.
"""

import pytest

from bench._killing import Chain, Runner, chain
from tests.contract.edgebook.conftest import Shop

EACH = 60
pytestmark = pytest.mark.timeout(600)


def killed(runner: Runner, shop: Shop, mode: str, until: str = "") -> Chain:
    """A chain of runs of one swap; none may end otherwise than by its kill, or at the end."""
    found = chain(runner, shop.sim.admin, "green", mode, each=EACH, until=until)
    assert found.wrong == []
    assert found.arrived == (not until)
    return found


def serving(shop: Shop) -> set[str]:
    """Regions whose NEGs any backend service of the front door has."""
    return {
        str(entry["group"]).split("/zones/")[1].split("/")[0][:-2]
        for key, item in shop.book().door.read().live.items()
        if key.kind == "backendService"
        for entry in item.body.get("backends") or ()
    }


def test_whatever_kills_it_the_next_run_goes_on_or_back(quiet_shop: Shop) -> None:
    shop = quiet_shop
    shop.stand()
    runner = Runner(shop.file(), {})
    try:
        there = killed(runner, shop, "apply", until="half")
        assert there.killed >= 3 and "half" in there.kills
        assert serving(shop) == {"us-central1", "europe-west1"}
        assert killed(runner, shop, "back").killed >= 4
        assert serving(shop) == {"us-central1"}
        assert shop.book().door.read().plan.to_do == ()
        home = killed(runner, shop, "apply")
        assert home.killed >= 8 and len(home.kills) >= 4
        assert serving(shop) == {"europe-west1"}
    finally:
        runner.stop()
