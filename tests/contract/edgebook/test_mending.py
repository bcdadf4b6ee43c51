"""Runbooks that bring a front door up to its params: what they show before they are carried out."""

from tests.contract.edgebook.conftest import Shop


def test_what_a_runbook_is_for_is_told_and_does_not_stop_it(quiet_shop: Shop) -> None:
    shop = quiet_shop
    shop.stand()
    where = {"cluster": "blue", "zone": "us-central1-f"}
    shop.sim.admin("POST", "stage/node-add", where)
    shop.sim.advance(300)
    zones = shop.book().move("zones")
    planned = zones.apply("plan")
    assert planned.paste == f'mode = "apply"\napprove = "{zones.plan().plan.short_hash}"'
    before = zones.verify()
    assert "not carried out yet" in before.notes[-1]
    assert any(row.cells["state"] == "failed" for row in before.rows)
    done = zones.apply("apply", "auto", show_progress=False)
    assert done.title.endswith(": done"), "not: nothing to do"
    after = shop.book().move("zones").verify()
    assert all(row.cells["state"] != "failed" for row in after.rows)
    assert shop.book().move("zones").apply("plan").paste == "", "nothing is left"
