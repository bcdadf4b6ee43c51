"""Pods that misbehave by a stage direction, what the kubelet makes of it, and drains."""

import asyncio
from typing import Any

import pytest
from gcpsim.core.errors import ApiError
from gcpsim.k8s.controllers.objects import is_true

from tests.contract.dataplane.worlds import Stage, Theatre, get


def ready(stage: Stage, pod: Any) -> bool:
    found = stage.plane().pods.get(f"{pod['metadata']['namespace']}/{pod['metadata']['name']}")
    assert found is not None
    return is_true(found, "Ready")


async def mood(stage: Stage, verb: str, pod: str, **more: str) -> Any:
    return await stage.direct(f"pod-{verb}", cluster="blue", namespace="shop", pod=pod, **more)


def test_directions_are_annotations_and_heal_takes_them_away(theatre: Theatre) -> None:
    async def test(stage: Stage) -> None:
        pod = stage.one("api")
        name, at = pod["metadata"]["name"], stage.socket(pod, 8080)
        await mood(stage, "fail", name, status="500")
        assert (await get(at))[0] == 500
        rows = {row["pod"]: row for row in stage.pods.table()}
        assert rows[name]["behaviour"] == {"fail": 500}
        await mood(stage, "slow", name, by="60ms")
        await mood(stage, "heal", name)
        status, headers, _ = await get(at)
        assert (status, "x-gcpsim-slow" in headers) == (200, False)
        done = await mood(stage, "refuse", "api-*")
        assert len(done["pods"]) == 6
        with pytest.raises(ConnectionRefusedError):
            await get(at)
        await mood(stage, "heal", "api-*")
        assert (await get(at))[0] == 200

    theatre.play(test)


@pytest.mark.parametrize(
    ("verb", "args", "words"),
    [
        ("fail", {"status": "600"}, "not a status from 200 to 599"),
        ("slow", {"by": "long"}, "not a time such as 500ms, 2s, 1m"),
        ("leak", {"share": "x"}, "not a share such as 5%"),
        ("hang", {"by": "2s"}, "unknown"),
    ],
)
def test_wrong_directions_say_what_is_allowed(
    theatre: Theatre, verb: str, args: dict[str, str], words: str
) -> None:
    async def test(stage: Stage) -> None:
        with pytest.raises(ApiError, match=words):
            await mood(stage, verb, "api-*", **args)
        with pytest.raises(ApiError, match="no pod shop/nobody"):
            await mood(stage, verb, "nobody")

    theatre.play(test)


def test_readiness_follows_a_failing_pod_after_three_periods(theatre: Theatre) -> None:
    async def test(stage: Stage) -> None:
        pod = stage.one("storefront")
        await mood(stage, "fail", pod["metadata"]["name"])
        await stage.pass_time(29)
        assert ready(stage, pod)
        await stage.pass_time(2)
        assert not ready(stage, pod)
        assert (await get(stage.socket(pod, 8080)))[0] == 503, "it listens though it is not ready"
        await mood(stage, "heal", pod["metadata"]["name"])
        await stage.pass_time(6)
        assert ready(stage, pod)
        await mood(stage, "hang", pod["metadata"]["name"])
        await stage.pass_time(29)
        assert ready(stage, pod), "the count begins anew"
        await mood(stage, "heal", pod["metadata"]["name"])

    theatre.play(test)


def test_a_failing_liveness_probe_restarts_the_container(theatre: Theatre) -> None:
    async def test(stage: Stage) -> None:
        cluster = stage.plane().cluster
        pod = {
            "metadata": {"name": "alive", "namespace": "shop"},
            "spec": {"containers": [{
                "name": "web", "image": "web:1", "ports": [{"containerPort": 8080}],
                "livenessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 5},
            }]},
        }  # fmt: skip
        stage.do(lambda: cluster.create("pods", pod))
        await stage.pass_time(60, step=5)
        made = stage.plane().pods.get("shop/alive")
        assert made is not None
        await mood(stage, "hang", "alive")
        await stage.pass_time(20, step=1)
        found = stage.plane().pods.get("shop/alive")
        assert found is not None
        assert found["status"]["containerStatuses"][0]["restartCount"] == 1

    theatre.play(test)


async def stream(stage: Stage, pod: Any, port: int) -> tuple[Any, Any]:
    reader, writer = await asyncio.open_connection(*stage.socket(pod, port))
    writer.write(b"\x10x")
    await reader.readexactly(2)
    return reader, writer


async def alive(wire: tuple[Any, Any]) -> bool:
    try:
        wire[1].write(b"\x10y")
        return bool(await wire[0].read(2) == b"\x10y")
    except ConnectionError:
        return False


def test_detached_endpoints_keep_their_streams_until_the_drain_is_over(theatre: Theatre) -> None:
    """Draining: existing TCP stays; after the timeout it is ended. Others are left alone."""

    async def test(stage: Stage) -> None:
        await stage.neg("iot", "broker", 8883, "iot-mqtt")
        drains = {"connectionDraining": {"drainingTimeoutSec": 60}}
        await stage.front("mqtt", "iot-mqtt", {"type": "TCP"}, **drains)
        pod, other = stage.all("broker")[:2]
        wires = [await stream(stage, one, 8883) for one in (pod, other)]
        about = stage.pods.about(pod["status"]["podIP"])
        endpoint = {"instance": about["node"], "ipAddress": about["ip"], "port": 8883}
        group = f"zones/{about['zone']}/networkEndpointGroups/iot-mqtt/detachNetworkEndpoints"
        stage.call("POST", group, {"networkEndpoints": [endpoint]})
        await stage.pass_time(55)
        assert [await alive(wire) for wire in wires] == [True, True]
        await stage.pass_time(15)
        assert [await alive(wire) for wire in wires] == [False, True]
        for _, writer in wires:
            writer.close()

    theatre.play(test)


def test_removing_a_group_from_its_service_cuts_unless_it_is_said_to_drain(
    theatre: Theatre,
) -> None:
    """The page's list and its next paragraph disagree: both can be had, the harsher is default."""

    async def remove(stage: Stage) -> tuple[bool, bool]:
        """Whether a stream lives 20 s after its group left, and 70 s after."""
        service = "projects/shop-rehearsal/global/backendServices/mqtt"
        doc = stage.world.compute.get(service)
        assert doc is not None
        wire = await stream(stage, stage.all("broker")[-1], 8883)
        stage.call("PATCH", "global/backendServices/mqtt", {"backends": []})
        await stage.pass_time(20)
        soon = await alive(wire)
        await stage.pass_time(60)
        late = soon and await alive(wire)
        wire[1].close()
        stage.call("PATCH", "global/backendServices/mqtt", {"backends": doc["backends"]})
        await stage.pass_time(20)
        return soon, late

    async def test(stage: Stage) -> None:
        assert await remove(stage) == (False, False)
        stage.world.options.drains_on_removal = True
        assert await remove(stage) == (True, False)
        stage.world.options.drains_on_removal = False

    theatre.play(test)


def test_what_ends_a_stream_can_be_chosen(theatre: Theatre) -> None:
    """Detached and drained: cut after the timeout by default; or there until it is idle."""

    async def detach(stage: Stage) -> bool:
        """Whether a stream lives when its endpoint was detached and its drain is over."""
        pod = stage.all("broker")[-1]
        wire = await stream(stage, pod, 8883)
        about = stage.pods.about(pod["status"]["podIP"])
        endpoint = {"instance": about["node"], "ipAddress": about["ip"], "port": 8883}
        group = f"zones/{about['zone']}/networkEndpointGroups/iot-mqtt"
        stage.call("POST", f"{group}/detachNetworkEndpoints", {"networkEndpoints": [endpoint]})
        await stage.pass_time(90)
        lives = await alive(wire)
        wire[1].close()
        stage.call("POST", f"{group}/attachNetworkEndpoints", {"networkEndpoints": [endpoint]})
        await stage.pass_time(30)
        return lives

    async def test(stage: Stage) -> None:
        assert not await detach(stage)
        stage.world.options.streams_outlive_drain = True
        assert await detach(stage)
        stage.world.options.streams_outlive_drain = False
        assert not await detach(stage)

    theatre.play(test)
