"""What is under way survives: a kill -9 in the middle, and a reset to the beginning."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .conftest import Stage

WISH = '{"exposed_ports":{"8080":{"name":"shop-api"}}}'


def test_a_neg_goes_on_after_a_kill(start_sim: Callable[..., Any], tmp_path: Path) -> None:
    options = ("--time-scale", "1", "--paused", "--no-dataplane", "--state", tmp_path / "state")
    blue = Stage(start_sim(*options, "--scenario", "greenfield"))
    blue.annotate("shop", "api", WISH)
    blue.pass_time(7)
    blue.apps.patch_namespaced_deployment_scale("api", "shop", {"spec": {"replicas": 9}})
    blue.direct("node-upgrade", cluster="blue")
    blue.direct("zone-down", zone="us-central1-c")
    blue.pass_time(0.5)
    assert 0 < len(blue.sizes("shop-api")) < 3
    blue.sim.kill()

    blue = Stage(start_sim(*options))
    blue.pass_time(60)
    down = blue.core.list_node(label_selector="topology.kubernetes.io/zone=us-central1-c").items
    assert down and all(
        c.status == "Unknown" for n in down for c in n.status.conditions if c.type == "Ready"
    )
    blue.direct("zone-up", zone="us-central1-c")
    for _ in range(150):
        blue.pass_time(20)
        versions = {n.status.node_info.kubelet_version for n in blue.core.list_node().items}
        if len(versions) == 1 and len(blue.core.list_node().items) == 9:
            break
    assert versions != {"v1.33.5-gke.1308000"} and len(versions) == 1
    blue.pass_time(120)
    assert len(blue.pods("shop", "app=api")) == 9
    assert sum(blue.sizes("shop-api").values()) == 9


def test_a_reset_brings_back_the_beginning(stage: Any) -> None:
    blue = stage("greenfield")
    for _ in range(2):
        before = {p.metadata.name for p in blue.pods("shop")}
        blue.annotate("shop", "api", WISH)
        blue.pass_time(30)
        blue.apps.patch_namespaced_deployment_scale("api", "shop", {"spec": {"replicas": 2}})
        blue.pass_time(60)
        assert sum(blue.sizes("shop-api").values()) == 2
        blue.sim.admin("POST", "reset")
        blue.pass_time(60)
        assert {p.metadata.name for p in blue.pods("shop")} == before
        assert blue.svcneg("shop", "shop-api") is None and blue.sizes("shop-api") == {}


def test_a_reset_brings_back_a_cluster_that_was_deleted(stage: Any) -> None:
    blue = stage("greenfield")
    where = "/v1/projects/shop-rehearsal/locations/us-central1/clusters/blue"
    before = {p.metadata.name for p in blue.pods("shop")}
    assert blue.sim.http("DELETE", where)[0] == 200
    blue.pass_time(900)
    assert blue.sim.http("GET", where)[0] == 404
    blue.sim.admin("POST", "reset")
    blue.pass_time(60)
    assert blue.sim.http("GET", where)[0] == 200
    assert {p.metadata.name for p in blue.pods("shop")} == before
