"""A changed health check reaches a live backend service when whoever serves has passed it."""

from typing import Any

import pytest
from edgebook import cli
from edgebook.base.errors import StepFailed
from edgebook.plan.approval import covers
from edgebook.plan.leaks import Leak, leaks

from tests.contract.edgebook.conftest import Shop

COMPUTE = "/compute/v1/projects/shop-rehearsal/global"
CHECKS = [
    {"type": "TCP"},  # another one
    {"type": "HTTP", "path": "/ready"},  # the same, changed in place
]
NOBODY_LISTENS = {"type": "HTTP", "path": "/healthz", "port": 9999}


def probed(shop: Shop, check: dict[str, Any]) -> Any:
    backends = shop.params()["backends"]
    backends["api"]["health_check"] = check
    return shop.book(backends=backends)


def names(shop: Shop, collection: str) -> set[str]:
    items = shop.sim.http("GET", f"{COMPUTE}/{collection}")[1].get("items") or ()
    return {str(item["name"]) for item in items}


def written(shop: Shop) -> list[str]:
    return [
        f"{call['verb']} {str(call['path']).partition('/global/')[2]}"
        for call in shop.log()
        if call["verb"] in ("PATCH", "DELETE")
        or (call["verb"] == "POST" and str(call["path"]).endswith(("backendServices", "Checks")))
    ]


def said_by(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert cli.main(words) == 0
    said = capsys.readouterr()
    return said.out + said.err


def found_leaks(book: Any) -> list[Leak]:
    now = book.door.read()
    return leaks(now.desired, now.live, now.observed, ())


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check["type"])
def test_a_proof_comes_first_and_goes_last(shop: Shop, check: dict[str, Any]) -> None:
    shop.stand()
    before = names(shop, "backendServices")
    book = probed(shop, check)
    plan = book.door.read().plan
    assert [c.disrupts for c in plan.to_do if c.disrupts] == []
    shop.sim.admin("DELETE", "calls")
    book.apply("apply", plan.hash, show_progress=False)
    made = written(shop)
    turned = "PATCH backendServices/shop-api"
    if check["type"] == "HTTP":
        turned = "PATCH healthChecks/shop-api-http"
    order = [
        "POST backendServices",
        "PATCH urlMaps/shop",
        turned,
        "PATCH urlMaps/shop",
        "DELETE backendServices/shop-api-proof",
    ]
    places = [i for name in order for i, one in enumerate(made) if one == name]
    assert [made[i] for i in sorted(set(places))] == order
    assert names(shop, "backendServices") == before
    assert not any("proof" in name for name in names(shop, "healthChecks"))
    url_map = shop.sim.http("GET", f"{COMPUTE}/urlMaps/shop")[1]
    assert "introduction" not in str(url_map)
    assert book.door.read().plan.empty


@pytest.mark.parametrize("known", ["", "/healthz, /api/*"])
def test_a_page_that_pods_do_not_know_is_never_asked_of_the_live_service(
    shop: Shop, known: str
) -> None:
    """A check that changes in place; what pods know is told by their probes, or by themselves."""
    shop.stand()
    cluster = shop.book().door.reader.cluster("blue")
    marks = {"metadata": {"annotations": {"gcpsim.example.com/paths": known or None}}}
    for pod in cluster.list("api/v1/namespaces/shop/pods"):
        if (name := pod["metadata"]["name"]).startswith("api-"):
            cluster.patch(f"api/v1/namespaces/shop/pods/{name}", marks)
    page = "/ready" if known else "/no-such-page"
    with pytest.raises(StepFailed) as failed:
        probed(shop, {"type": "HTTP", "path": page}).apply("apply", "auto", show_progress=False)
    assert "shop-api keeps its health check: 0 of 6 endpoints pass" in failed.value.what
    assert "nobody noticed" in failed.value.next
    check = shop.sim.http("GET", f"{COMPUTE}/healthChecks/shop-api-http")[1]
    assert check["httpHealthCheck"]["requestPath"] == "/healthz"
    assert shop.book().status().data["healthy"] is True
    shop.book().apply("apply", "auto", show_progress=False)
    assert shop.book().door.read().plan.empty


def test_what_nobody_passes_stops_before_the_live_service_is_touched(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.stand()
    live = shop.sim.http("GET", f"{COMPUTE}/backendServices/shop-api")[1]
    book = probed(shop, NOBODY_LISTENS)
    plan = book.door.read().plan
    with pytest.raises(StepFailed) as failed:
        book.apply("apply", plan.hash, show_progress=False)
    assert "shop-api keeps its health check: 0 of 6 endpoints pass the new one" in failed.value.what
    assert "probes go to port 9999" in failed.value.seen
    assert "nobody noticed" in failed.value.next
    now = shop.sim.http("GET", f"{COMPUTE}/backendServices/shop-api")[1]
    assert (now["healthChecks"], now["backends"]) == (live["healthChecks"], live["backends"])
    assert "shop-api-proof" in names(shop, "backendServices")
    (leak,) = (leak for leak in found_leaks(shop.book()) if leak.name == "shop-api-proof")
    assert leak.why == "carries our mark, but the params do not name it"
    exported = said_by(["export", "--params", shop.file()], capsys)
    assert "apply the plan first, and export again" in exported
    assert "knows nothing of what is left over: backend service shop-api-proof" in exported
    assert "it should change nothing" not in exported and '"shop_api_proof"' not in exported

    left = book.door.read().plan  # the same again, as far as it is not done
    assert "introduction" not in {c.key.kind for c in left.to_do}
    assert covers(plan, left) == ()
    back = shop.book()
    plan = back.door.read().plan
    assert {c.action.value for c in plan.to_do} == {"update", "delete"}
    back.apply("apply", plan.hash, show_progress=False)
    assert not any("proof" in name for name in names(shop, "backendServices"))
    assert "shop-api-http-9999" not in names(shop, "healthChecks")
    assert back.door.read().plan.empty
    assert "apply the plan first" not in said_by(["export", "--params", shop.file()], capsys)


def test_another_check_takes_over_the_proof_of_the_one_that_failed(shop: Shop) -> None:
    shop.stand()
    with pytest.raises(StepFailed):
        probed(shop, NOBODY_LISTENS).apply("apply", "auto", show_progress=False)
    right = probed(shop, {"type": "TCP"})
    plan = right.door.read().plan
    (proof,) = (c for c in plan.to_do if c.key.name == "shop-api-proof" and c.after)
    assert (proof.action.value, proof.disrupts) == ("update", "")
    right.apply("apply", plan.hash, show_progress=False)
    assert names(shop, "healthChecks") & {"shop-api-tcp", "shop-api-http-9999"} == {"shop-api-tcp"}
    assert "shop-api-proof" not in names(shop, "backendServices")
    assert right.door.read().plan.empty


def test_step_by_step_the_check_follows_in_step_60(shop: Shop) -> None:
    shop.stand()
    book = probed(shop, {"type": "TCP"})
    for step in ("frontends", "certificate-map", "firewall"):
        book.step(step).apply("apply", "auto", show_progress=False)
        live = shop.sim.http("GET", f"{COMPUTE}/backendServices/shop-api")[1]
        assert live["healthChecks"][0].endswith("/shop-api-http")
    assert "shop-api-proof" in names(shop, "backendServices")
    book.step("backends").apply("apply", "auto", show_progress=False)
    assert "shop-api-proof" not in names(shop, "backendServices")
    assert book.door.read().plan.empty


def test_a_teardown_takes_a_proof_along(shop: Shop) -> None:
    shop.stand()
    probed(shop, {"type": "TCP"}).step("frontends").apply("apply", "auto", show_progress=False)
    shop.book().teardown().apply("apply", "auto", show_progress=False)
    assert not any(name.startswith("shop") for name in names(shop, "backendServices"))
    assert not any(name.startswith("shop") for name in names(shop, "healthChecks"))
