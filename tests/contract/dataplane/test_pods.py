"""Pods of the simulated clusters as sockets: where they listen, and how their life ends."""

import asyncio
import base64
import ssl

import pytest

from tests.contract.dataplane.worlds import Stage, Theatre, get


def test_pods_listen_where_their_containers_say_and_name_themselves(theatre: Theatre) -> None:
    async def test(stage: Stage) -> None:
        pod = stage.one("storefront")
        _, _, said = await get(stage.socket(pod, 8080), "/cart")
        assert said["pod"] == pod["metadata"]["name"]
        assert (said["cluster"], said["namespace"], said["path"]) == ("blue", "shop", "/cart")
        assert said["zone"] in stage.plane().cluster.zones
        assert said["node"] == pod["spec"]["nodeName"]
        assert stage.at(pod, 9090) is None
        assert stage.at(stage.one("broker"), 8883) is not None
        both = [stage.socket(stage.one("api", name), 8080)[0] for name in ("blue", "green")]
        assert len(set(both)) == 2

    theatre.play(test)


def test_a_numeric_target_port_that_nobody_declares_is_served_and_a_name_is_not(
    theatre: Theatre,
) -> None:
    async def test(stage: Stage) -> None:
        pod = stage.one("storefront")
        service = {
            "metadata": {"name": "metrics", "namespace": "shop"},
            "spec": {
                "selector": {"app": "storefront"},
                "ports": [
                    {"name": "metrics", "port": 9090, "targetPort": 9100},
                    {"name": "odd", "port": 9091, "targetPort": "nowhere"},
                ],
            },
        }
        stage.do(lambda: stage.plane().cluster.create("services", service))
        await stage.backends.settled()
        assert (await get(stage.socket(pod, 9100)))[0] == 200
        assert stage.at(pod, 9091) is None
        stage.do(lambda: stage.plane().cluster.delete("services", "shop", "metrics"))
        await stage.backends.settled()
        assert stage.at(pod, 9100) is None

    theatre.play(test)


def test_a_pod_listens_once_it_is_ready_and_until_its_grace_is_over(theatre: Theatre) -> None:
    async def test(stage: Stage) -> None:
        pod = stage.one("api")  # preStop sleeps 60 s
        at = stage.socket(pod, 8080)
        before = {p["metadata"]["name"] for p in stage.all("api")}
        await stage.delete(pod)
        await stage.pass_time(50)
        assert (await get(at))[0] == 200, "preStop runs: the process does not know yet"
        await stage.pass_time(10.5)
        with pytest.raises(ConnectionRefusedError):
            await get(at)
        await stage.pass_time(60, step=1)
        new = [p for p in stage.all("api") if p["metadata"]["name"] not in before]
        assert len(new) == 1
        assert (await get(stage.socket(new[0], 8080)))[2]["pod"] == new[0]["metadata"]["name"]

    theatre.play(test)


def test_streams_end_with_the_process_and_not_before(theatre: Theatre) -> None:
    async def test(stage: Stage) -> None:
        pod = stage.one("broker")  # preStop sleeps 60 s
        reader, writer = await asyncio.open_connection(*stage.socket(pod, 8883))
        await stage.delete(pod)
        await stage.pass_time(59)
        writer.write(b"\x10ping")
        assert await reader.readexactly(5) == b"\x10ping"
        await stage.pass_time(120, step=10)
        assert await reader.read() == b""
        writer.close()

    theatre.play(test)


def test_a_pod_that_ignores_sigterm_serves_until_it_is_killed(theatre: Theatre) -> None:
    async def test(stage: Stage) -> None:
        pod = stage.one("storefront")  # 30 s of grace
        at = stage.socket(pod, 8080)
        await stage.annotate(pod, ignore_sigterm="true")
        await stage.delete(pod)
        await stage.pass_time(29)
        assert (await get(at))[0] == 200
        await stage.pass_time(2)
        with pytest.raises(ConnectionRefusedError):
            await get(at)

    theatre.play(test)


def test_a_lost_node_is_silent_and_a_crash_is_not(theatre: Theatre) -> None:
    async def test(stage: Stage) -> None:
        pod = stage.one("storefront")
        at = stage.socket(pod, 8080)
        node = pod["spec"]["nodeName"]
        await stage.direct("node-down", cluster="blue", node=node)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(get(at), 0.2)
        await stage.direct("node-up", cluster="blue", node=node)
        assert (await get(at))[0] == 200
        reader, writer = await asyncio.open_connection(*at)
        writer.write(b"\x10x")
        await stage.direct(
            "pod-crash", cluster="blue", namespace="shop", pod=pod["metadata"]["name"]
        )
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await reader.readexactly(100)
        with pytest.raises(ConnectionRefusedError):
            await get(at)
        await stage.pass_time(20, step=1)
        assert (await get(stage.socket(pod, 8080)))[0] == 200, "the kubelet has restarted it"
        writer.close()

    theatre.play(test)


def test_moods_by_annotation(theatre: Theatre) -> None:
    async def test(stage: Stage) -> None:
        pod = stage.one("api")
        at = stage.socket(pod, 8080)
        await stage.annotate(pod, fail="500")
        assert (await get(at))[0] == 500
        await stage.annotate(pod, fail="many")
        assert (await get(at))[0] == 200, "what nobody understands has no effect"
        await stage.annotate(pod, fail=None, refuse="true")
        with pytest.raises(ConnectionRefusedError):
            await get(at)
        await stage.annotate(pod, refuse=None)
        assert (await get(at))[0] == 200

    theatre.play(test)


def test_https_with_the_secret_that_the_pod_mounts(theatre: Theatre) -> None:
    async def test(stage: Stage) -> None:
        cluster = stage.plane().cluster
        secret = cluster.get("secrets", "shop", "shop-legacy-tls")
        assert secret is not None
        pod = {
            "metadata": {"name": "tls", "namespace": "shop"},
            "spec": {
                "containers": [{
                    "name": "web", "image": "web:1",
                    "ports": [{"name": "https", "containerPort": 8443}],
                }],
                "volumes": [{"name": "tls", "secret": {"secretName": "shop-legacy-tls"}}],
            },
        }  # fmt: skip
        stage.do(lambda: cluster.create("pods", pod))
        await stage.pass_time(60, step=5)
        made = cluster.get("pods", "shop", "tls")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        assert made is not None
        _, writer = await asyncio.open_connection(
            *stage.socket(made, 8443), ssl=context, server_hostname="shop.example.com"
        )
        der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        chain = base64.b64decode(secret["data"]["tls.crt"]).decode()
        first = chain[: chain.index("-----END CERTIFICATE-----")] + "-----END CERTIFICATE-----"
        assert der == ssl.PEM_cert_to_DER_cert(first)
        writer.close()

    theatre.play(test)


def test_the_farm_is_started_again_when_it_dies_and_everything_is_back(theatre: Theatre) -> None:
    async def test(stage: Stage) -> None:
        pod = stage.one("storefront")
        await stage.kill_farm()
        assert (await get(stage.socket(pod, 8080)))[0] == 200

    theatre.play(test)


def test_what_a_rolled_back_transaction_wrote_is_not_served(theatre: Theatre) -> None:
    async def test(stage: Stage) -> None:
        pod = stage.one("api")
        meta = pod["metadata"]

        def change() -> None:
            note = {"metadata": {"annotations": {"gcpsim.example.com/fail": "500"}}}
            stage.plane().cluster.patch("pods", meta["namespace"], meta["name"], note)
            raise KeyError("undone")

        with pytest.raises(KeyError):
            stage.do(change)
        await stage.backends.settled()
        assert (await get(stage.socket(pod, 8080)))[0] == 200

    theatre.play(test)
