"""Endpoints that nobody keeps up to date, ports that nobody declared; with and without traffic."""

from collections.abc import Iterator

import pytest

from tests.contract.dataplane.worlds import RuleStage, Stage, Theatre

CHECK = {"type": "TCP"}


@pytest.fixture(scope="module", params=[Stage, RuleStage])
def world(request: pytest.FixtureRequest) -> Iterator[Theatre]:
    made = Theatre(request.param)
    yield made
    made.close()


def test_an_endpoint_whose_pod_and_service_are_gone_is_unhealthy(world: Theatre) -> None:
    """Probes that get no answer make an endpoint UNHEALTHY, whoever put it there."""

    async def test(stage: Stage) -> None:
        await stage.neg("shop", "postgres", 5432, "shop-db")
        await stage.open_firewall(5432)
        await stage.front("db", "shop-db", CHECK)
        await stage.pass_time(60, step=10)
        assert set(stage.health("db", "shop-db").values()) == {"HEALTHY"}
        cluster = stage.plane().cluster
        stage.do(lambda: cluster.delete("services", "shop", "postgres"))
        stage.do(lambda: cluster.delete("deployments", "shop", "postgres"))
        await stage.pass_time(300, step=10)
        assert stage.all("postgres") == []
        states = stage.health("db", "shop-db")
        assert len(states) == 3 and set(states.values()) == {"UNHEALTHY"}

    world.play(test)


def test_a_port_that_no_container_declares_is_probed_with_success(world: Theatre) -> None:
    """containerPort is information only: a Service's numeric targetPort is enough."""

    async def test(stage: Stage) -> None:
        service = {
            "metadata": {"name": "odd", "namespace": "shop"},
            "spec": {"selector": {"app": "api"}, "ports": [{"port": 90, "targetPort": 9376}]},
        }
        stage.do(lambda: stage.plane().cluster.create("services", service))
        await stage.neg("shop", "odd", 90, "shop-odd")
        await stage.open_firewall(9376)
        await stage.front("odd", "shop-odd", CHECK)
        await stage.pass_time(60, step=10)
        states = stage.health("odd", "shop-odd")
        assert len(states) == 6 and set(states.values()) == {"HEALTHY"}

    world.play(test)
