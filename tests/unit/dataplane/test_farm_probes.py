"""Probes of each type against pods of the farm: what passes, and why what fails does."""

from typing import Any

import pytest
from gcpsim.core.behaviour import Behaviour

from tests.unit.dataplane.farms import Run, run

NOBODY = ("127.0.0.1", 9)


async def outcome(farm: Run, at: tuple[str, int], **probe: Any) -> str:
    """Why a probe fails; "" when it passes."""
    name = f"probe {len(farm.events)}"
    order = {"op": "probe", "id": name, "host": at[0], "port": at[1], "every": 60.0, **probe}
    farm.farm.order(order)
    found = await farm.heard(lambda event: event.get("id") == name)
    return str(found["why"])


PASSING: list[tuple[dict[str, Any], Behaviour]] = [
    ({"type": "HTTP", "path": "/healthz"}, Behaviour()),
    ({"type": "HTTP", "response": '"pod": "web-1"'}, Behaviour()),
    ({"type": "HTTP"}, Behaviour(slow=4)),
    ({"type": "HTTPS"}, Behaviour()),
    ({"type": "HTTP2"}, Behaviour()),
    ({"type": "TCP"}, Behaviour()),
    ({"type": "TCP"}, Behaviour(hang=True)),
    ({"type": "TCP", "request": "\x10ping", "response": "ping"}, Behaviour()),
    ({"type": "SSL"}, Behaviour()),
    ({"type": "HTTP", "path": "/healthz?a=b"}, Behaviour(paths="/, /health*")),
    ({"type": "GRPC"}, Behaviour()),
    ({"type": "GRPC_WITH_TLS"}, Behaviour()),
    ({"type": "HTTP", "proxy_line": "PROXY UNKNOWN\r\n"}, Behaviour(proxy_protocol="on")),
]
FAILING: list[tuple[dict[str, Any], Behaviour, str]] = [
    ({"type": "HTTP", "path": "/?pod-status=204"}, Behaviour(), "HTTP 204, not 200"),
    ({"type": "HTTP", "path": "/?pod-status=302"}, Behaviour(), "HTTP 302, not 200"),
    ({"type": "HTTP", "response": "ready"}, Behaviour(), "the first 1024 bytes lack 'ready'"),
    ({"type": "HTTP"}, Behaviour(fail=500), "HTTP 500, not 200"),
    ({"type": "HTTP", "path": "/ready"}, Behaviour(paths="/, /healthz"), "HTTP 404, not 200"),
    ({"type": "HTTP"}, Behaviour(slow=6), "no answer within 5 s"),
    ({"type": "HTTP", "timeout": 0.1}, Behaviour(hang=True), "no answer within 0.1 s"),
    ({"type": "HTTP"}, Behaviour(leak=1.0), "connection closed without an answer"),
    ({"type": "TCP", "request": "a", "response": "b", "timeout": 0.1}, Behaviour(),
     "no answer within 0.1 s"),
    ({"type": "GRPC"}, Behaviour(fail=503), "gRPC health is not SERVING"),
    ({"type": "HTTP"}, Behaviour(proxy_protocol="on"), "connection closed without an answer"),
]  # fmt: skip


@pytest.mark.parametrize(("probe", "behaviour"), PASSING, ids=str)
def test_passes(probe: dict[str, Any], behaviour: Behaviour) -> None:
    async def test(farm: Run) -> None:
        assert await outcome(farm, farm.pod(behaviour=behaviour)[8080], **probe) == ""

    run(test)


@pytest.mark.parametrize(("probe", "behaviour", "why"), FAILING, ids=str)
def test_fails(probe: dict[str, Any], behaviour: Behaviour, why: str) -> None:
    async def test(farm: Run) -> None:
        farm.farm.order({"op": "scale", "scale": 100})
        assert await outcome(farm, farm.pod(behaviour=behaviour)[8080], **probe) == why

    run(test)


def test_protocols_do_not_fall_back() -> None:
    async def test(farm: Run) -> None:
        plain = farm.pod(ports={8080: "http"})[8080]
        assert "TLS handshake failed" in await outcome(farm, plain, type="HTTPS")
        secure = farm.pod("blue/shop/web-2", ports={8443: "https"})[8443]
        assert await outcome(farm, secure, type="HTTP") == "HTTP 400, not 200"
        assert await outcome(farm, NOBODY, type="TCP") == "connection refused"

    run(test)


PAGES = [
    ({"type": "HTTP", "path": "/healthz"}, ""),
    ({"type": "HTTP", "path": "/healthz?full=1"}, ""),
    ({"type": "HTTP", "path": "/"}, ""),
    ({"type": "HTTP", "path": "/no-such-page"}, "HTTP 404, not 200"),
    ({"type": "HTTPS", "path": "/healthz/"}, "HTTP 404, not 200"),
    ({"type": "HTTP2", "path": "/no-such-page"}, "HTTP 404, not 200"),
    ({"type": "TCP"}, ""),
    ({"type": "GRPC"}, ""),
]


@pytest.mark.parametrize(("probe", "why"), PAGES, ids=str)
def test_a_pod_has_the_pages_that_its_own_probes_ask_for(probe: dict[str, Any], why: str) -> None:
    async def test(farm: Run) -> None:
        sockets = farm.pod(ports={8080: "", 9100: ""}, pages={8080: ["/healthz"]})
        assert await outcome(farm, sockets[8080], **probe) == why
        assert await outcome(farm, sockets[9100], **probe) == ""  # of which nobody knows any

    run(test)


def test_a_change_is_told_and_sameness_is_not() -> None:
    async def test(farm: Run) -> None:
        at = farm.pod()[8080]
        farm.farm.order(
            {"op": "probe", "id": "a", "host": at[0], "port": at[1], "type": "HTTP", "every": 0.01}
        )
        await farm.heard(lambda event: event.get("why") == "")
        farm.pod(behaviour=Behaviour(fail=503))
        await farm.heard(lambda event: event.get("why") == "HTTP 503, not 200")
        farm.pod()
        await farm.heard(lambda event: event is farm.events[-1] and event.get("why") == "")
        told = [event["why"] for event in farm.events if event["event"] == "probe"]
        assert told == ["", "HTTP 503, not 200", ""]

    run(test)
