"""The world before: clients reach pods through the passthrough load balancer and ingress-nginx.

Each test names the line of the facts about the legacy side that it stands for.
"""

import asyncio
import json
import ssl
from typing import Any

import pytest
from gcpsim.compute.engine.links import path_of
from gcpsim.core.clock import rfc3339
from gcpsim.core.seen import Packets
from gcpsim.dataplane.traffic import Traffic
from gcpsim.gke import endpoints

from tests.contract.dataplane.worlds import Stage, Theatre, get

SERVICE = ("ingress-nginx", "ingress-nginx-controller")


def trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def door(stage: Stage, port: int, location: str = "us-central1") -> tuple[str, int]:
    """Where the load balancer's port is served."""
    for one in stage.backends.reach():
        if (one["port"], one["location"]) == (port, location):
            host, _, number = one["connect"].rpartition(":")
            return host, int(number)
    raise AssertionError(stage.backends.reach())


async def visit(stage: Stage, host: str = "shop.example.com", path: str = "/") -> Any:
    """A GET over TLS through the load balancer, the controller, to a pod."""
    return await get(door(stage, 443), path, host, ssl=trusting(), server_hostname=host)


async def controllers(stage: Stage, count: int = 40) -> set[str]:
    """The controllers that answer so many connections."""
    found = set()
    for _ in range(count):
        _, headers, _ = await visit(stage)
        found.add(headers["x-gcpsim-ingress"].rpartition("/")[2])
    return found


def nodes_of(stage: Stage) -> dict[str, str]:
    """Controller pods and their nodes."""
    return {pod["metadata"]["name"]: pod["spec"]["nodeName"] for pod in stage.all("ingress-nginx")}


def test_from_the_address_to_a_pod_with_the_certificate_of_its_secret(theatre: Theatre) -> None:
    async def test(stage: Stage) -> None:
        status, headers, said = await visit(stage, path="/api/cart")
        assert status == 200
        assert (said["namespace"], said["path"]) == ("shop", "/api/cart")
        assert said["pod"].startswith("api-")
        assert headers["strict-transport-security"].startswith("max-age=")
        assert headers["x-gcpsim-ingress"].startswith("blue/ingress-nginx/")
        assert said["headers"]["x-forwarded-proto"] == "https"
        _, writer = await asyncio.open_connection(
            *door(stage, 443), ssl=trusting(), server_hostname="shop.example.com"
        )
        der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        assert b"shop.example.com" in der and b"admin.shop" not in der
        writer.close()
        status, headers, _ = await get(door(stage, 80), "/cart?a=b")
        assert (status, headers["location"]) == (308, "https://shop.example.com/cart?a=b")

    theatre.play(test)


def test_policy_cluster_hides_the_client_and_policy_local_keeps_it(theatre: Theatre) -> None:
    """eTP Cluster: all nodes, SNAT hides client; eTP Local: client IP kept."""

    async def test(stage: Stage) -> None:
        addresses = {
            address["address"]
            for node in stage.plane().cluster.list("nodes")
            for address in node["status"]["addresses"]
        }
        _, _, said = await visit(stage)
        assert said["headers"]["x-real-ip"] in addresses
        everyone = await controllers(stage)
        assert len(everyone) == 6
        cluster = stage.plane().cluster

        def policy(value: str) -> None:
            stage.do(
                lambda: cluster.patch(
                    "services", *SERVICE, {"spec": {"externalTrafficPolicy": value}}
                )
            )

        policy("Local")
        await stage.pass_time(120, step=10)
        _, _, said = await visit(stage)
        assert said["headers"]["x-real-ip"] == "127.0.0.1"
        policy("Cluster")
        await stage.pass_time(120, step=10)

    theatre.play(test)


def test_a_lost_node_takes_connections_for_24_seconds(theatre: Theatre) -> None:
    """HC by provider: interval 8 s, unhealthy 3: 24 s until a node is left out."""

    async def lost(stage: Stage, tries: int = 24) -> int:
        """How many of so many connections get no answer."""

        async def one() -> bool:
            try:
                await asyncio.wait_for(get(door(stage, 80)), 0.5)
            except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
                return True
            return False

        return sum(await asyncio.gather(*(one() for _ in range(tries))))

    async def test(stage: Stage) -> None:
        node = sorted(set(nodes_of(stage).values()))[0]
        await stage.direct("node-down", cluster="blue", node=node)
        await stage.pass_time(20)
        assert await lost(stage) > 0
        pool = next(iter(stage.world.store.table("compute/targetPools").items()))
        link = next(i for i in pool[1]["instances"] if i.endswith(f"/{node}"))
        where = f"{pool[0].partition('/regions/')[2]}/getHealth"
        health = stage.call("POST", f"regions/{where}", {"instance": link})
        assert health["healthStatus"][0]["healthState"] == "HEALTHY"
        await stage.pass_time(5)
        health = stage.call("POST", f"regions/{where}", {"instance": link})
        assert health["healthStatus"][0]["healthState"] == "UNHEALTHY"
        await stage.pass_time(60, step=5)  # Kubernetes takes 40 s to see its pods gone
        assert await lost(stage) == 0
        await stage.direct("node-up", cluster="blue", node=node)
        await stage.pass_time(60, step=5)

    theatre.play(test)


def test_kube_proxy_says_that_a_node_leaves_and_cordoning_does_not(theatre: Theatre) -> None:
    """kube-proxy fails :10256 when the node has the autoscaler's taint; cordon alone does not."""

    async def test(stage: Stage) -> None:
        cluster = stage.plane().cluster
        name = cluster.list("nodes")[0]["metadata"]["name"]

        def answer(**spec: Any) -> str:
            node = cluster.require("nodes", None, name)
            changed = {**node, "spec": {**node["spec"], **spec}}
            stage.do(lambda: cluster.update("nodes", changed))
            planes = stage.cloud.gke.estate.planes.values()
            addresses = node["status"]["addresses"]
            ip = next(a["address"] for a in addresses if a["type"] == "InternalIP")
            return endpoints.answer(planes, ip, endpoints.KUBE_PROXY_HEALTH)

        assert answer(unschedulable=True) == endpoints.OK
        taint = {"key": endpoints.LEAVING, "effect": "NoSchedule"}
        assert answer(taints=[taint]) == endpoints.UNAVAILABLE
        assert answer(taints=[], unschedulable=False) == endpoints.OK
        await stage.pass_time(60, step=10)

    theatre.play(test)


def test_a_stream_stays_on_its_pod_and_ends_with_its_node_in_the_pool(theatre: Theatre) -> None:
    """Target pool: a removed VM's TCP sessions break."""

    async def test(stage: Stage) -> None:
        reader, writer = await asyncio.open_connection(*door(stage, 80))
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        pool, doc = next(iter(stage.world.store.table("compute/targetPools").items()))
        where = f"regions/{pool.partition('/regions/')[2]}/removeInstance"
        body = {"instances": [{"instance": link} for link in doc["instances"]]}
        stage.call("POST", where, body)
        await stage.pass_time(10)
        assert await reader.read() == b""
        writer.close()
        where = where.replace("removeInstance", "addInstance")
        stage.call("POST", where, body)
        await stage.pass_time(60, step=10)
        assert (await visit(stage))[0] == 200

    theatre.play(test)


def test_allow_lists_see_whom_the_policy_shows(theatre: Theatre) -> None:
    async def test(stage: Stage) -> None:
        status, _, _ = await visit(stage, "admin.shop.example.com")
        assert status == 403, "the client is hidden behind a node"

    theatre.play(test)


def test_an_http_01_challenge_is_really_asked_for(theatre: Theatre) -> None:
    async def test(stage: Stage) -> None:
        cluster = stage.plane().cluster
        before = cluster.get("secrets", "shop", "shop-legacy-tls")
        assert before is not None

        def gone() -> None:
            cluster.delete("secrets", "shop", "shop-legacy-tls")

        stage.do(gone)
        await stage.pass_time(120, step=5)
        after = cluster.get("secrets", "shop", "shop-legacy-tls")
        assert after is not None and after["data"] != before["data"]
        # The name leads elsewhere now: to an address that nobody serves.
        zone = "projects/shop-rehearsal/managedZones/shop-example/changes"
        old = {"name": "shop.example.com.", "type": "A", "ttl": 300}
        here = stage.world.dns.lookup.addresses("shop.example.com")
        gone_there = [{**old, "rrdatas": ["192.0.2.1"]}]
        change = {"deletions": [{**old, "rrdatas": here}], "additions": gone_there}
        stage.do(lambda: stage.world.dns.call("POST", zone, change))
        await stage.pass_time(60)
        stage.do(gone)
        await stage.pass_time(120, step=5)
        assert cluster.get("secrets", "shop", "shop-legacy-tls") is None
        events = [
            event["message"]
            for event in cluster.list("events", "shop")
            if event["reason"] == "Pending"
        ]
        assert any("nobody serves port 80 at shop.example.com" in text for text in events), events

    theatre.play(test)


def test_tcp_services_of_the_controller_lead_to_pods(theatre: Theatre) -> None:
    """--tcp-services-configmap: `port: namespace/service:port`."""

    async def test(stage: Stage) -> None:
        cluster = stage.plane().cluster
        config = {
            "metadata": {"name": "tcp-services", "namespace": "ingress-nginx"},
            "data": {"8443": "iot/broker:8883"},
        }
        stage.do(lambda: cluster.create("configmaps", config))
        deployment = cluster.require("deployments", *SERVICE)
        spec = deployment["spec"]["template"]["spec"]
        first = spec["containers"][0]
        arguments = [*first["args"], "--tcp-services-configmap=$(POD_NAMESPACE)/tcp-services"]
        spec = {**spec, "containers": [{**first, "args": arguments}]}
        template = {**deployment["spec"]["template"], "spec": spec}
        changed = {**deployment, "spec": {**deployment["spec"], "template": template}}
        stage.do(lambda: cluster.update("deployments", changed))
        await stage.pass_time(900, step=30)
        reader, writer = await asyncio.open_connection(
            *stage.socket(stage.one("ingress-nginx"), 8443)
        )
        writer.write(b"who\n")
        assert json.loads(await reader.readline())["namespace"] == "iot"
        writer.close()

    theatre.play(test)


def test_what_it_carried_is_counted(theatre: Theatre) -> None:
    """Cloud Monitoring has bytes and packets of the rule; `gcpsim traffic` its connections."""

    async def test(stage: Stage) -> None:
        carried, told, traffic = [0], asyncio.Event(), Traffic()
        stage.backends.passthrough.carried.observers.append(traffic.packets)

        def count(entry: Packets) -> None:
            carried[0] += entry["egress_bytes"]
            if carried[0] >= 100_000 and entry["ended"]:
                told.set()

        stage.backends.passthrough.carried.observers.append(count)
        await visit(stage, path="/?pod-bytes=100000")
        await told.wait()
        await stage.pass_time(600)  # it is readable some minutes later
        assert sum(points(stage, "egress_bytes_count")) >= 100_000
        assert sum(points(stage, "ingress_bytes_count")) > 0
        assert sum(points(stage, "egress_packets_count")) >= 100_000 // 1460
        rows = [row for row in traffic.table() if row["outcome"] == "connection"]
        assert all(row["rule"] and row["service"] and row["location"] for row in rows)
        nodes = {node["metadata"]["name"] for node in stage.plane().cluster.list("nodes")}
        assert {row["backend"] for row in rows} <= nodes, "whichever took it, pod or not"
        assert rows

    theatre.play(test)


def points(stage: Stage, metric: str) -> list[int]:
    """What Cloud Monitoring counts for the rule by now."""
    kind = f"loadbalancing.googleapis.com/l3/external/{metric}"
    end = stage.world.clock.now()
    answer = stage.ask(
        "monitoring", "GET", "projects/shop-rehearsal/timeSeries",
        filter=f'metric.type="{kind}"',
        **{"interval.endTime": rfc3339(end), "interval.startTime": rfc3339(end - 7200)},
    )  # fmt: skip
    series = answer.get("timeSeries") or []
    return [int(point["value"]["int64Value"]) for one in series for point in one["points"]]


def test_a_backend_service_of_nodes_carries_traffic_by_their_health(theatre: Theatre) -> None:
    """With a backend service the nodes are endpoints of NEGs of type GCE_VM_IP."""

    async def test(stage: Stage) -> None:
        cluster = stage.plane().cluster
        service = {
            "metadata": {"name": "l4", "namespace": "shop"},
            "spec": {"type": "LoadBalancer", "selector": {"app": "storefront"},
                     "loadBalancerClass": "networking.gke.io/l4-regional-external",
                     "ports": [{"port": 80, "targetPort": 8080}]},
        }  # fmt: skip
        stage.do(lambda: cluster.create("services", service))
        await stage.pass_time(400, step=20)
        made = cluster.require("services", "shop", "l4")
        ip = made["status"]["loadBalancer"]["ingress"][0]["ip"]
        row = next(r for r in stage.backends.reach() if r["ip"] == ip)
        host, _, port = row["connect"].rpartition(":")
        assert (await get((host, int(port))))[2]["pod"].startswith("storefront-")
        rule = stage.world.compute.get(row["rule"])
        assert rule is not None
        lost = cluster.list("nodes")[0]["metadata"]["name"]
        await stage.direct("node-down", cluster="blue", node=lost)
        await stage.pass_time(35, step=5)  # before Kubernetes itself sees it
        assert unhealthy(stage, rule["backendService"]) == {lost}
        await stage.direct("node-up", cluster="blue", node=lost)
        await stage.pass_time(60, step=5)
        assert unhealthy(stage, rule["backendService"]) == set()
        stage.do(lambda: cluster.delete("services", "shop", "l4"))
        await stage.pass_time(400, step=20)
        assert ip not in {row["ip"] for row in stage.backends.reach()}

    theatre.play(test)


def test_when_only_ending_pods_are_left_they_still_get_connections(theatre: Theatre) -> None:
    """kube-proxy sends new connections to terminating-but-ready pods when there are no others."""

    async def test(stage: Stage) -> None:
        cluster = stage.plane().cluster
        service = {
            "metadata": {"name": "direct", "namespace": "shop"},
            "spec": {"type": "LoadBalancer", "selector": {"app": "api"},
                     "ports": [{"port": 8080, "targetPort": "http"}]},
        }  # fmt: skip
        stage.do(lambda: cluster.create("services", service))
        await stage.pass_time(300, step=20)

        def scale(replicas: int) -> None:
            patch = {"spec": {"replicas": replicas}}
            stage.do(lambda: cluster.patch("deployments", "shop", "api", patch))

        scale(0)
        await stage.pass_time(5)
        assert all("deletionTimestamp" in pod["metadata"] for pod in stage.all("api"))
        assert (await get(door(stage, 8080)))[2]["pod"].startswith("api-"), "preStop runs, 20 s"
        await stage.pass_time(60, step=5)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await get(door(stage, 8080))
        scale(6)
        await stage.pass_time(60, step=5)
        assert (await get(door(stage, 8080)))[0] == 200
        stage.do(lambda: cluster.delete("services", "shop", "direct"))
        await stage.pass_time(300, step=20)

    theatre.play(test)


def unhealthy(stage: Stage, service: str) -> set[str]:
    """The nodes of a backend service that getHealth calls UNHEALTHY."""
    path = path_of(service)
    doc = stage.world.compute.get(path)
    assert doc is not None
    found = set()
    for backend in doc["backends"]:
        where = f"{path.partition('/shop-rehearsal/')[2]}/getHealth"
        answer = stage.call("POST", where, {"group": backend["group"]})
        for item in answer.get("healthStatus", []):
            if item["healthState"] == "UNHEALTHY":
                found.add(item["instance"].rsplit("/", 1)[1])
    return found


def test_a_deleted_service_is_not_served_any_more(theatre: Theatre) -> None:
    async def test(stage: Stage) -> None:
        at = door(stage, 80)
        cluster = stage.plane().cluster
        stage.do(lambda: cluster.patch("services", *SERVICE, {"spec": {"type": "ClusterIP"}}))
        await stage.pass_time(200, step=10)
        assert stage.backends.reach() == []
        with pytest.raises(ConnectionRefusedError):
            await get(at)

    theatre.play(test)
