"""The passthrough load balancer: which node and pod a connection gets, and what becomes of it."""

import asyncio
import json
from collections import Counter
from typing import Any

import pytest
from gcpsim.dataplane.farm.forward import choose

from tests.unit.dataplane.farms import Run, answer, ask, run

KEY = "rule 80 us-central1"


def node(name: str, *pods: tuple[str, int], healthy: bool = True, answers: bool = True) -> Any:
    ip = f"10.128.0.{len(name)}"
    return {"name": name, "ip": ip, "healthy": healthy, "answers": answers,
            "pods": [[*pod, "10.4.0.2"] for pod in pods]}  # fmt: skip


def packet(client: str, port: int) -> tuple[Any, ...]:
    return (client, "34.1.2.3", "TCP", port, 80)


NODES = [node("a"), node("bb"), node("ccc")]


def shares(nodes: list[Any], affinity: str = "NONE", client: str = "") -> Counter[str]:
    found: Counter[str] = Counter()
    for number in range(900):
        chosen = choose(nodes, packet(client or f"203.0.113.{number % 250}", number), affinity)
        assert chosen is not None
        found[chosen["name"]] += 1
    return found


def test_by_the_five_tuple_unless_affinity_says_otherwise() -> None:
    spread = shares(NODES, client="203.0.113.7")
    assert min(spread.values()) > 200, "the client's port decides too"
    for affinity in ("CLIENT_IP", "CLIENT_IP_PROTO"):
        assert len(shares(NODES, affinity, client="203.0.113.7")) == 1
        assert len(shares(NODES, affinity)) == 3


def test_unhealthy_nodes_are_left_out_and_when_all_are_all_are_used() -> None:
    assert set(shares([*NODES[:2], node("ccc", healthy=False)])) == {"a", "bb"}
    assert len(shares([{**one, "healthy": False} for one in NODES])) == 3
    assert choose([], packet("203.0.113.7", 1), "NONE") is None


def test_a_node_that_leaves_moves_only_its_own_connections() -> None:
    moved = 0
    for number in range(300):
        before = choose(NODES, packet("203.0.113.7", number), "NONE")
        after = choose(NODES[:2], packet("203.0.113.7", number), "NONE")
        assert before is not None and after is not None
        if before["name"] != "ccc":
            assert after["name"] == before["name"]
        else:
            moved += 1
    assert moved


def forwarder(farm: Run, nodes: list[Any], *, local: bool = False) -> tuple[str, int]:
    known = farm.farm.forwarders.get(KEY)
    listen = known.at if known else ("127.0.0.1", 0)
    farm.farm.order(
        {"op": "forward", "key": KEY, "listen": list(listen), "vip": "34.1.2.3", "port": 80,
         "affinity": "NONE", "local": local, "nodes": nodes}
    )  # fmt: skip
    return farm.farm.forwarders[KEY].at


GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize(("local", "client"), [(True, "203.0.113.7"), (False, "10.128.0.4")])
def test_the_client_is_seen_with_policy_local_and_hidden_with_cluster(
    local: bool, client: str
) -> None:
    async def test(farm: Run) -> None:
        at = forwarder(farm, [node("dddd", farm.pod()[8080])], local=local)
        line = "PROXY TCP4 203.0.113.7 34.1.2.3 49152 80\r\n"
        said = json.loads((await ask(at, line + GET))[2])
        assert said["client"].partition(":")[0] == client
        assert said["proxy"] is None, "the line is the simulator's own and goes no further"

    run(test)


def test_nodes_without_pods_reset_and_lost_ones_are_silent() -> None:
    async def test(farm: Run) -> None:
        at = forwarder(farm, [node("a")])
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await ask(at, GET)
        forwarder(farm, [node("a", farm.pod()[8080], answers=False)])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ask(at, GET), 0.1)

    run(test)


def test_a_connection_breaks_when_its_node_leaves_and_is_counted() -> None:
    async def test(farm: Run) -> None:
        pod = farm.pod()[8080]
        at = forwarder(farm, [node("a", pod), node("bb", pod)])
        reader, writer = await asyncio.open_connection(*at)
        writer.write(GET.encode())
        assert (await answer(reader))[0] == 200
        mine = next(iter(farm.farm.forwarders[KEY].pipes())).node
        other = "bb" if mine == "a" else "a"
        forwarder(farm, [node(mine, pod)])
        writer.write(GET.encode())
        assert (await answer(reader))[0] == 200
        forwarder(farm, [node(other, pod)])
        assert await reader.read() == b""
        writer.close()
        farm.farm.order({"op": "forward", "key": KEY, "gone": True})
        told = [event for event in farm.events if event["event"] == "packets"]
        assert {event["node"] for event in told} == {mine}
        assert sum(event["received"] for event in told) == 2 * len(GET)
        assert [event["ended"] for event in told].count(True) == 1
        assert sum(event["sent"] for event in told) > 200

    run(test)


def test_half_closed_connections_carry_the_answer() -> None:
    async def test(farm: Run) -> None:
        at = forwarder(farm, [node("a", farm.pod()[8080])])
        reader, writer = await asyncio.open_connection(*at)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        writer.write_eof()
        assert (await reader.read()).startswith(b"HTTP/1.1 200")
        writer.close()

    run(test)
