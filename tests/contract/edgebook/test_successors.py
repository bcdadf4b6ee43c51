"""Clients are led to something new when it is proven, everywhere: over the wire, by the calls."""

from collections.abc import Iterator
from typing import Any

import pytest
from edgebook.base.errors import EdgebookError
from edgebook.plan import kept

from tests.contract.edgebook.conftest import Shop

MAP = "compute/v1/projects/shop-rehearsal/global/urlMaps/shop"
INTRODUCTION = "introduction.edgebook.invalid"
EVERYWHERE = 100.0  # simulated seconds: the slowest location knows a change after 90


@pytest.fixture(scope="module")
def running(sim: Any) -> Iterator[Any]:
    simulator = type(sim)("--time-scale", "900", "--scenario", "legacy")
    yield simulator
    simulator.stop()


@pytest.fixture
def timed(shop: Shop, running: Any, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The shop where time passes, so that waits can be read from the calls."""
    running.admin("POST", "reset")
    monkeypatch.setenv("GCPSIM_URL", running.url)
    monkeypatch.setenv("GCPSIM_TOKEN", running.ready["env"]["GCPSIM_TOKEN"])
    return Shop(running, shop.folder)


def without_api(shop: Shop) -> dict[str, Any]:
    params = shop.params()
    params["routes"][0]["paths"] = {}
    del params["backends"]["api"]
    return {"routes": params["routes"], "backends": params["backends"]}


def hosts(book: Any) -> set[str]:
    rules = book.door.wire.get("compute", MAP).get("hostRules") or ()
    return {host for rule in rules for host in rule["hosts"]}


def times(shop: Shop, verb: str, part: str) -> list[float]:
    return [call["time"] for call in shop.log() if call["verb"] == verb and part in call["path"]]


def test_requests_go_to_a_new_backend_when_its_endpoints_are_healthy(timed: Shop) -> None:
    timed.book(**without_api(timed)).apply("apply", "auto", show_progress=False)
    book = timed.book()
    plan = book.door.read().plan
    kinds = [change.key.kind for change in plan.to_do]
    assert kinds.index("introduction") < kinds.index("backends") < kinds.index("urlMap")
    (introduction,) = (c for c in plan.to_do if c.key.kind == "introduction")
    assert introduction.disrupts == ""
    assert introduction.sentence == "make shop-api known, before requests go there"
    (last,) = (c for c in plan.to_do if c.key.kind == "urlMap")
    assert "pathRules[/api/*].service: none -> shop-api" in last.sentence
    assert INTRODUCTION not in last.sentence

    timed.sim.admin("DELETE", "calls")
    book.apply("apply", plan.hash, show_progress=False)
    first, led = times(timed, "PATCH", "urlMaps/shop")
    (attached,) = times(timed, "PATCH", "backendServices/shop-api")
    asked = times(timed, "POST", "backendServices/shop-api/getHealth")
    assert first < attached < led
    assert [at for at in asked if attached < at < led], "its health was not looked at"
    assert led - attached >= EVERYWHERE
    assert hosts(book) == {"shop.example.com", "*.shop.example.com"}
    assert book.door.read().plan.empty


def test_step_by_step_nobody_is_led_there_before_step_60(shop: Shop) -> None:
    shop.book(**without_api(shop)).apply("apply", "auto", show_progress=False)
    book = shop.book()
    book.step("frontends").apply("apply", "auto", show_progress=False)
    assert INTRODUCTION in hosts(book)
    live = book.door.wire.get("compute", MAP)
    led = [m for m in live["pathMatchers"] if m["name"] != "edgebook-introduction"]
    assert "shop-api" not in str(led)
    assert set(book.step("frontends").verify().frame["state"]) == {"ok", "skipped"}

    for step in ("certificate-map", "firewall", "backends"):
        book.step(step).apply("apply", "auto", show_progress=False)
    assert hosts(book) == {"shop.example.com", "*.shop.example.com"}
    assert "shop-api" in str(book.door.wire.get("compute", MAP)["pathMatchers"])
    assert book.door.read().plan.empty


def test_an_introduction_without_what_followed_is_taken_back(shop: Shop) -> None:
    shop.book(**without_api(shop)).apply("apply", "auto", show_progress=False)
    shop.book().step("frontends").apply("apply", "auto", show_progress=False)
    back = shop.book(**without_api(shop))
    plan = back.door.read().plan
    (change,) = (c for c in plan.to_do if c.key.kind == "forgetting")
    assert change.sentence.startswith("forget backend services that were made known")
    assert change.disrupts == ""
    back.apply("apply", plan.hash, show_progress=False)
    assert hosts(back) == {"shop.example.com", "*.shop.example.com"}
    assert back.door.read().plan.empty


def test_a_stream_frontend_turns_to_a_new_backend_when_its_negs_are_attached(shop: Shop) -> None:
    shop.stand()
    params = shop.params()
    params["backends"]["queue"] = params["backends"].pop("mqtt")
    (mqtt,) = (f for f in params["frontends"] if f["name"] == "mqtt")
    mqtt["backend"] = "queue"
    book = shop.book(frontends=params["frontends"], backends=params["backends"])
    plan = book.door.read().plan
    kinds = [(change.key.kind, change.key.name) for change in plan.to_do]
    assert kinds.index(("backends", "shop-queue")) < kinds.index(("targetSslProxy", "shop-mqtt"))
    assert "introduction" not in {kind for kind, _ in kinds}
    shop.sim.admin("DELETE", "calls")
    book.apply("apply", plan.hash, show_progress=False)
    (turned,) = [
        call["number"]
        for call in shop.log()
        if call["verb"] == "POST" and call["path"].endswith("shop-mqtt/setBackendService")
    ]
    attached = [
        call["number"]
        for call in shop.log()
        if call["verb"] == "PATCH" and call["path"].endswith("backendServices/shop-queue")
    ]
    assert attached and max(attached) < turned
    assert book.door.read().plan.empty


def test_entries_turn_to_a_certificate_that_every_location_has(timed: Shop) -> None:
    timed.book().apply("apply", "auto", show_progress=False)
    names = ["shop.example.com", "*.shop.example.com", "new.example.com"]
    book = timed.book(hostnames=names)
    timed.sim.admin("DELETE", "calls")
    book.apply("apply", "auto", show_progress=False)
    issued = [
        call["time"]
        for call in timed.log()
        if call["verb"] == "GET" and "/certificates/shop-" in call["path"]
    ]
    for entry in ("shop-example-com", "wildcard-shop-example-com", "primary"):
        (turned,) = times(timed, "PATCH", f"certificateMapEntries/{entry}")
        assert turned - max(at for at in issued if at < turned) >= EVERYWHERE
    assert book.door.read().plan.empty


@pytest.mark.parametrize("edit", ["timeout", "an existing backend"])
def test_other_edits_wait_for_nothing(shop: Shop, edit: str) -> None:
    params = shop.params()
    shop.stand()
    if edit == "timeout":
        params["backends"]["web"]["timeout"] = 77
    else:
        params["routes"][0]["paths"] = {"/api/*": "api", "/more/*": "api"}
    plan = shop.book(routes=params["routes"], backends=params["backends"]).door.read().plan
    (change,) = plan.to_do
    assert change.waits == ()
    assert change.step.value == "frontends"


def test_an_approval_covers_what_is_left_after_the_introduction(shop: Shop) -> None:
    shop.book(**without_api(shop)).apply("apply", "auto", show_progress=False)
    book = shop.book()
    plan = book.door.read().plan
    kept.show(plan, book.door.connection.place)
    shop.fault(
        service="compute",
        verb="PATCH",
        collection="backendServices",
        code=403,
        reason="forbidden",
        times=0,
    )
    with pytest.raises(EdgebookError):
        book.apply("apply", plan.hash, show_progress=False)
    shop.calm()
    assert INTRODUCTION in hosts(book)
    left = shop.book().door.read().plan
    assert "introduction" not in {change.key.kind for change in left.to_do}
    shop.book().apply("apply", plan.hash, show_progress=False)
    assert INTRODUCTION not in hosts(book)
    assert book.door.read().plan.empty
