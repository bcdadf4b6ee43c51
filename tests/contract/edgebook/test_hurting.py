"""A change that hurts a live site does not wait for health while users notice."""

from collections.abc import Iterator
from typing import Any

import pytest
from edgebook.base.errors import StepFailed

from tests.contract.edgebook.conftest import Shop


@pytest.fixture(scope="module")
def busy(sim: Any) -> Iterator[Any]:
    simulator = type(sim)("--dataplane", "--time-scale", "300", "--scenario", "legacy")
    yield simulator
    simulator.stop()


def standing(shop: Shop, busy: Any, monkeypatch: pytest.MonkeyPatch) -> Shop:
    for name in ("GCPSIM_URL", "GCPSIM_TOKEN"):
        monkeypatch.setenv(name, str(busy.ready["env"][name]))
    live = Shop(busy, shop.folder)
    live.book().apply("apply", "auto", show_progress=False)
    return live


def test_probes_that_find_nobody_end_the_wait_when_users_notice(
    shop: Shop, busy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = standing(shop, busy, monkeypatch)
    backends = live.params()["backends"]
    backends["mqtt"]["health_check"] = {"type": "TCP", "port": 9999}
    book = live.book(backends=backends)
    busy.admin("DELETE", "calls")
    busy.admin("POST", "clock", {"scale": 30})  # ten minutes are 20 s of the clients'
    with pytest.raises(StepFailed) as failed:
        book.apply("apply", "auto", show_progress=False)
    assert " endpoints HEALTHY, and users notice: " in failed.value.what
    assert "probes go to port 9999" in failed.value.seen
    assert "put back in the params what was changed, and apply" in failed.value.next
    calls = live.log()
    (changed,) = [
        call["time"]
        for call in calls
        if call["verb"] == "PATCH" and call["path"].endswith("backendServices/shop-mqtt")
    ]
    assert calls[-1]["time"] - changed < 400, "it waited for the whole ten minutes"

    busy.admin("POST", "clock", {"scale": 300})
    back = live.book().apply("apply", "auto", show_progress=False)
    assert "21 of 21 endpoints HEALTHY" in str(back)
    assert live.book().door.read().plan.empty


def test_a_cluster_without_endpoints_is_not_hidden_by_another_one(shop: Shop) -> None:
    scale = {"spec": {"replicas": 0}}
    place = "apis/apps/v1/namespaces/shop/deployments/api"
    shop.book().door.reader.cluster("green").patch(place, scale)
    backends = shop.params()["backends"]
    backends["api"]["active"] = ["blue", "green"]
    with pytest.raises(StepFailed) as failed:
        shop.book(backends=backends).apply("apply", "auto", show_progress=False)
    assert "backend service shop-api has 6 of 6 endpoints HEALTHY" in failed.value.what
    assert "no endpoint in shop-api europe-west1" in failed.value.seen
    assert "scaled to zero" in failed.value.why


def test_a_first_run_names_the_page_that_the_pods_have(shop: Shop) -> None:
    backends = shop.params()["backends"]
    backends["api"]["health_check"]["path"] = "/no-such-page"
    with pytest.raises(StepFailed) as failed:
        shop.book(backends=backends).apply("apply", "auto", show_progress=False)
    assert "backend service shop-api has 0 of 6 endpoints HEALTHY" in failed.value.what
    assert "the pods' readinessProbe asks /healthz there" in failed.value.seen
    assert "set backends.api.health_check.path to /healthz" in failed.value.next
    assert "firewall" not in failed.value.why
