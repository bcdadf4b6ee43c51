"""When even the way back fails: each change as a step for a person, what takes traffic first."""

from edgebook.model.paths import zone_scope
from edgebook.model.values import Action, Change, EachNeg, Plan, Ref, ResourceKey, Step
from edgebook.moves import byhand

from tests.unit.moves.worlds import CASES, COMPUTE, load

ZONE = zone_scope("shop-rehearsal", "shop-example")


def change(kind: str, name: str, scope: str = COMPUTE, **more: object) -> Change:
    action = more.pop("action", Action.UPDATE)
    assert isinstance(action, Action)
    fields = tuple(sorted(more))
    return Change(action, ResourceKey(kind, scope, name), Step.BACKENDS, "", after=more,
                  fields=fields)  # fmt: skip


def test_names_first_then_entries_then_routes_and_deletes_last() -> None:
    neg = EachNeg("blue", "shop", "api", 8080, "shop-api", {}, {"us-central1-a": 1.0})
    service = Ref("backendService", "shop-web", COMPUTE)
    lines = byhand.lines(
        Plan(
            (
                change("backendService", "shop-web-next", action=Action.DELETE),
                change("urlMap", "shop", defaultService=service, description="not told"),
                change("backends", "shop-api", backends=[neg]),
                change("dnsRecordSet", "shop.example.com./A", ZONE, ttl=300, rrdatas=["192.0.2.1"]),
            )
        ),
        {},
    )
    assert [line.partition(" (")[0] for line in lines] == [
        "1. update DNS record set shop.example.com./A",
        "2. update backends shop-api",
        "3. update URL map shop",
        "4. delete backend service shop-web-next",
    ]
    assert lines[0].endswith("rrdatas = [192.0.2.1], ttl = 300")
    assert lines[1].endswith("backends = [NEG shop-api of blue, us-central1-a at 1]")
    assert lines[2].endswith(f"defaultService = {COMPUTE}/backendServices/shop-web")


def test_the_way_back_of_a_left_zone_can_be_done_by_hand() -> None:
    world = load(CASES / "failover" / "zone.yaml")
    ladder = world.ladder()
    world.carry_out(world.plan(ladder, 1))
    lines = byhand.lines(world.plan(ladder, 0), world.cloud.live)
    assert len(lines) == 4
    assert all("us-central1-a at 1" in line and f"({COMPUTE}" in line for line in lines), lines
