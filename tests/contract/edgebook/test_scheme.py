"""A classic load balancer becomes a managed one in place, in Google's order, and goes back."""

from pathlib import Path
from typing import Any

import pytest
from edgebook.base.errors import RefusedError, StepFailed, UsageError

from tests.contract.edgebook.conftest import Shop
from tools.sample_record import OLD

P = "/compute/v1/projects/shop-rehearsal/global"
OPTIONS = {"rules": "old-80", "soak": "1m"}


@pytest.fixture(scope="module")
def site(quiet_shop: Shop) -> Shop:
    make_classic(quiet_shop)
    return quiet_shop


def make_classic(shop: Shop) -> None:
    """A rule, proxy, map and two backend services, as somebody made them years ago."""
    for collection, body in OLD:
        make(shop, collection, **body)


def make(shop: Shop, collection: str, **body: Any) -> None:
    code, answer = shop.sim.http("POST", f"{P}/{collection}", body)
    assert code == 200, answer
    shop.sim.advance(60)


def parts(shop: Shop) -> dict[str, tuple[str, str | None]]:
    """Name -> scheme and migration state."""
    found = {}
    for path in ("backendServices/old-api", "backendServices/old-web", "forwardingRules/old-80"):
        body = shop.sim.http("GET", f"{P}/{path}")[1]
        state = body.get("externalManagedMigrationState")
        found[path.split("/")[1]] = (body["loadBalancingScheme"], state)
    return found


def written(shop: Shop, since: int) -> list[str]:
    """The names of what was patched, in order."""
    calls = shop.log()[since:]
    return [call["path"].rsplit("/", 1)[1] for call in calls if call["verb"] == "PATCH"]


def test_a_rule_that_shares_its_services_must_be_named_too(site: Any) -> None:
    with pytest.raises(RefusedError, match="cannot change the scheme") as refused:
        site.book().move("scheme", **OPTIONS).plan()
    assert "old-8080 leads to old-api, old-web as well" in refused.value.why
    assert site.sim.http("DELETE", f"{P}/forwardingRules/old-8080")[0] == 200
    site.sim.advance(60)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({}, UsageError, "No forwarding rule"),
        ({"rules": "old-80", "speed": 1}, UsageError, "takes no speed"),
        ({"rules": "old-80", "steps": [50, 10]}, UsageError, "Not a ladder"),
        ({"rules": "gone"}, RefusedError, "no global forwarding rule gone"),
    ],
)
def test_what_cannot_be_migrated_is_refused(
    site: Any, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        site.book().move("scheme", **options).plan()


def test_services_first_then_rules_and_the_ladder_says_google_s_states(site: Any) -> None:
    move = site.book().move("scheme", **OPTIONS)
    planned = move.plan()
    assert [stage["name"] for stage in planned.to_json()["stages"]] == [
        "prepare", "test 10 %", "test 50 %", "test all traffic", "backend services",
        "forwarding rules",
    ]  # fmt: skip
    before = len(site.log())
    moved = move.apply("apply", planned.hash, show_progress=False)
    assert moved.data["standing"] == "at stage 6 of 6 (forwarding rules), 100 %"
    assert set(parts(site).values()) == {
        ("EXTERNAL_MANAGED", "TEST_ALL_TRAFFIC"), ("EXTERNAL_MANAGED", None),
    }  # fmt: skip
    names = written(site, before)
    assert names[-1] == "old-80" and sorted(names[:-1]) == ["old-api"] * 5 + ["old-web"] * 5
    assert move.verify()
    assert site.book().move("scheme", **OPTIONS).plan().to_json()["left"] == 0


def test_back_goes_the_same_way_in_reverse_order(site: Any) -> None:
    before = len(site.log())
    back = site.book().move("scheme", **OPTIONS).apply("back", "auto", show_progress=False)
    assert back.data["standing"] == "not begun"
    assert set(parts(site).values()) == {("EXTERNAL", None)}
    names = written(site, before)
    assert names[0] == "old-80" and sorted(names[1:3]) == ["old-api", "old-web"]


def test_a_refusal_in_the_middle_leaves_it_there_and_the_next_run_goes_on(site: Any) -> None:
    site.fault(service="compute", verb="PATCH", code=403, reason="forbidden", nth=4)
    with pytest.raises(StepFailed) as failed:
        site.book().move("scheme", **OPTIONS).apply("apply", "auto", show_progress=False)
    site.calm()
    assert "traffic was at stage 1 of 6 (prepare)" in failed.value.state
    assert parts(site)["old-80"] == ("EXTERNAL", None)
    moved = site.book().move("scheme", **OPTIONS).apply("apply", "auto", show_progress=False)
    assert moved.data["stages"][0]["name"] == "test 10 %"
    assert {scheme for scheme, _ in parts(site).values()} == {"EXTERNAL_MANAGED"}


def test_the_runbook_is_there() -> None:
    assert (Path(__file__).parents[3] / "notebooks" / "operate" / "scheme.ipynb").exists()
