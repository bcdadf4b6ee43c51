"""A simulator with two locations for front doors; a legacy world a module with its pods."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.contract.dataplane.doors import EU, US, Door
from tests.contract.dataplane.worlds import Theatre


@pytest.fixture(scope="module")
def theatre() -> Iterator[Theatre]:
    made = Theatre()
    yield made
    made.close()


@pytest.fixture(scope="session")
def plane_sim(keep_sim: Callable[..., Any]) -> Any:
    return keep_sim("--dataplane", "--time-scale", "0", "--locations", f"{US},{EU}")


@pytest.fixture
def door(plane_sim: Any, project: str) -> Iterator[Door]:
    """A project with a health check, an open firewall and an empty group in us-central1-a."""
    made = Door(plane_sim, project)
    made.open_firewall()
    check = {"portSpecification": "USE_SERVING_PORT"}
    made.make("global/healthChecks", name="hc", type="HTTP", httpHealthCheck=check)
    made.sim.admin("GET", "reach")
    yield made
    made.stop()
    # What a test leaves would be translated again at every change of the tests that follow.
    made.sim.admin("POST", "reset")


@pytest.fixture
def shop(door: Door) -> Door:
    """One pod behind one service behind a plain HTTP forwarding rule."""
    door.neg()
    door.pod("one")
    door.service("bs", "neg")
    door.http_door()
    return door


@pytest.fixture
def routed(door: Door) -> Door:
    """Services a, b and c, each with a pod of its own."""
    for name in ("a", "b", "c"):
        door.neg(name)
        door.pod(name, name)
        door.service(name, name)
    door.make("global/urlMaps", name="um", defaultService="global/backendServices/a")
    door.make("global/targetHttpProxies", name="proxy", urlMap="global/urlMaps/um")
    door.rule("targetHttpProxies", "proxy", 80)
    return door
