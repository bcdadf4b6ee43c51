"""DONE is not everywhere: old and new answers interleave between locations (traffic.md 3, 15)."""

from collections.abc import Callable
from typing import Any

from tests.contract.dataplane.doors import EU, US, Door

STEP = 10


class PausedDoor(Door):
    """Every mutation is followed by the time that its operation takes."""

    def do(self, verb: str, path: str, body: Any = None, **query: str) -> Any:
        status, operation = self.ask(verb, path, body, **query)
        assert status == 200, operation
        self.sim.advance(20)
        return operation

    def pass_time(self, seconds: int) -> None:
        """In steps, so that probers can answer in between."""
        for _ in range(0, seconds, STEP):
            self.sim.advance(STEP)
            self.reach()


def test_old_and_new_interleave(start_sim: Callable[..., Any]) -> None:
    sim = start_sim("--dataplane", "--paused", "--locations", f"{US},{EU}")
    door = PausedDoor(sim, "spreading")
    door.open_firewall()
    check = {"portSpecification": "USE_SERVING_PORT"}
    door.make("global/healthChecks", name="hc", type="HTTP", httpHealthCheck=check)
    for name in ("blue", "green"):
        door.neg(name)
        door.pod(name, name)
    door.service("bs", "blue")
    door.http_door()
    assert door.reach() == {}  # no location has heard of it
    door.pass_time(200)
    # Green's endpoints are HEALTHY before the switch, so that only the spread decides.
    door.service("warm", "green")
    door.make("global/urlMaps", name="warm", defaultService="global/backendServices/warm")
    door.make("global/targetHttpProxies", name="warm", urlMap="global/urlMaps/warm")
    door.rule("targetHttpProxies", "warm", 8080, name="warm")
    door.pass_time(300)
    assert {door.fetch(at=at).pod for at in (US, EU)} == {"blue"}
    sim.admin("POST", "stage/location-delay", {"location": EU, "by": "100s"})
    door.do("PATCH", "global/urlMaps/um", {"defaultService": "global/backendServices/warm"})
    assert {door.fetch(at=at).pod for at in (US, EU)} == {"blue"}
    door.pass_time(90)
    assert {at: door.fetch(at=at).pod for at in (US, EU)} == {US: "green", EU: "blue"}
    door.pass_time(100)
    assert {door.fetch(at=at).pod for at in (US, EU)} == {"green"}
    door.stop()
