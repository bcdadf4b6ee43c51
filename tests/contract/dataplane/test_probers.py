"""Health as Google's probers see it: real connections, Google's thresholds, simulated time.

Each test names the line of the facts about health checks that it stands for.
"""

from gcpsim.k8s.controllers.objects import is_true

from tests.contract.dataplane.worlds import Stage, Theatre

CHECK = {"type": "HTTP", "checkIntervalSec": 5, "timeoutSec": 5}


async def served(stage: Stage) -> None:
    """The storefront behind a front, probed on /healthz, once for all tests of this module."""
    if stage.world.compute.get("projects/shop-rehearsal/global/healthChecks/shop"):
        return
    await stage.neg("shop", "storefront", 80, "shop-web")
    await stage.front("shop", "shop-web", CHECK)


def why(stage: Stage, endpoint: str) -> set[str]:
    return {row["why"] for row in stage.backends.probers.table() if row["endpoint"] == endpoint}


def test_only_a_firewall_rule_lets_probes_in(theatre: Theatre) -> None:
    async def test(stage: Stage) -> None:
        await served(stage)
        await stage.pass_time(60)
        states = stage.health("shop", "shop-web")
        assert len(states) == 6 and set(states.values()) == {"UNHEALTHY"}
        assert "firewall: implied deny ingress" in next(iter(why(stage, next(iter(states)))))
        await stage.open_firewall(8080)
        await stage.pass_time(60, step=5)
        assert set(stage.health("shop", "shop-web").values()) == {"HEALTHY"}

    theatre.play(test)


def test_unhealthy_after_the_threshold_and_healthy_after_the_other(theatre: Theatre) -> None:
    """Defaults interval 5 s, unhealthy threshold 2, healthy threshold 2."""

    async def test(stage: Stage) -> None:
        await served(stage)
        pod = stage.one("storefront")
        endpoint = f"{pod['status']['podIP']}:8080"
        await stage.annotate(pod, fail="500")
        await stage.backends.probers.settled()
        await stage.pass_time(8)
        assert stage.health("shop", "shop-web")[endpoint] == "HEALTHY"
        await stage.pass_time(4)
        assert stage.health("shop", "shop-web")[endpoint] == "UNHEALTHY"
        assert why(stage, endpoint) == {"HTTP 500, not 200"}
        await stage.annotate(pod, fail=None)
        await stage.backends.probers.settled()
        await stage.pass_time(12)
        assert stage.health("shop", "shop-web")[endpoint] == "HEALTHY"

    theatre.play(test)


def test_exactly_200_within_the_timeout(theatre: Theatre) -> None:
    """No redirect, 204 fails; slower than the timeout fails."""

    async def test(stage: Stage) -> None:
        await served(stage)
        pod = stage.one("storefront")
        endpoint = f"{pod['status']['podIP']}:8080"
        for path, reason in (
            ("/?pod-status=204", "HTTP 204, not 200"),
            ("/?pod-status=301", "HTTP 301, not 200"),
        ):
            body = {"httpHealthCheck": {"portSpecification": "USE_SERVING_PORT",
                                        "requestPath": path}}  # fmt: skip
            stage.call("PATCH", "global/healthChecks/shop", body)
            await stage.pass_time(60, step=5)
            await stage.backends.probers.settled()
            await stage.pass_time(5)
            assert why(stage, endpoint) == {reason}
        body = {"httpHealthCheck": {"portSpecification": "USE_SERVING_PORT", "requestPath": "/"}}
        stage.call("PATCH", "global/healthChecks/shop", body)
        await stage.pass_time(30, step=5)

    theatre.play(test)


def test_each_location_has_a_rhythm_of_its_own(theatre: Theatre) -> None:
    """One state per region with small skew; the observers are told when one changes."""

    async def test(stage: Stage) -> None:
        await served(stage)
        await stage.pass_time(60, step=5)
        pod = stage.one("storefront")
        endpoint = f"{pod['status']['podIP']}:8080"
        zone = stage.pods.about(pod["status"]["podIP"])["zone"]
        group = f"projects/shop-rehearsal/zones/{zone}/networkEndpointGroups/shop-web"
        service = "projects/shop-rehearsal/global/backendServices/shop"
        seen: list[tuple[str, ...]] = []

        def look() -> None:
            states = tuple(
                stage.backends.probers.state(location, service, group, endpoint)
                for location in stage.backends.locations
            )
            if not seen or seen[-1] != states:
                seen.append(states)

        look()
        stage.backends.probers.observers.append(look)
        await stage.annotate(pod, hang="true")
        await stage.backends.probers.settled()
        await stage.pass_time(30)
        assert seen[0] == ("HEALTHY", "HEALTHY")
        assert seen[-1] == ("UNHEALTHY", "UNHEALTHY")
        assert len(seen) == 3, "one location learns it before the other"
        stage.backends.probers.observers.remove(look)
        await stage.annotate(pod, hang=None)
        await stage.backends.probers.settled()
        await stage.pass_time(30)

    theatre.play(test)


def test_a_readiness_gate_waits_for_what_the_probers_see(theatre: Theatre) -> None:
    async def test(stage: Stage) -> None:
        await served(stage)
        before = {pod["metadata"]["name"] for pod in stage.all("storefront")}
        await stage.delete(stage.one("storefront"))
        seen = set()
        for _ in range(30):
            await stage.pass_time(5)
            await stage.backends.probers.settled()
            for pod in stage.all("storefront"):
                if pod["metadata"]["name"] not in before:
                    endpoint = f"{(pod.get('status') or {}).get('podIP')}:8080"
                    state = stage.health("shop", "shop-web").get(endpoint, "")
                    ready = is_true(pod, "ContainersReady"), is_true(pod, "Ready")
                    seen.add((*ready, state == "HEALTHY"))
        assert (True, False, False) in seen, "its containers are ready, the gate waits"
        assert (True, True, True) in seen
        assert (True, True, False) not in seen

    theatre.play(test)


def test_what_is_in_force_stays_so_when_time_changes_its_pace(theatre: Theatre) -> None:
    """At scale 0 a verdict counts at once; afterwards it is not taken back until thresholds."""

    async def test(stage: Stage) -> None:
        await served(stage)
        pod, clock = stage.one("storefront"), stage.world.clock
        endpoint = f"{pod['status']['podIP']}:8080"

        async def fails(status: str | None) -> str:
            await stage.annotate(pod, fail=status)
            await stage.backends.probers.settled()
            await stage.pass_time(0.001)
            return stage.health("shop", "shop-web")[endpoint]

        assert await fails("500") == "HEALTHY", "not before the threshold"
        clock.set(scale=0)
        assert stage.health("shop", "shop-web")[endpoint] == "UNHEALTHY"
        clock.set(scale=60)
        assert stage.health("shop", "shop-web")[endpoint] == "UNHEALTHY", "made before scale 0"
        clock.set(scale=0)
        assert await fails(None) == "HEALTHY"
        clock.set(scale=60)
        await stage.backends.probers.settled()
        assert stage.health("shop", "shop-web")[endpoint] == "HEALTHY", "made at scale 0"

    theatre.play(test)


def test_nothing_is_probed_any_more_once_no_backend_service_asks(theatre: Theatre) -> None:
    async def test(stage: Stage) -> None:
        await served(stage)
        assert stage.backends.probers.table()
        stage.call("DELETE", "global/forwardingRules/shop")
        await stage.pass_time(60, step=5)
        assert stage.backends.probers.table() == []
        assert stage.health("shop", "shop-web") == {}
        assert stage.backends.probers.count() == 0

    theatre.play(test)
