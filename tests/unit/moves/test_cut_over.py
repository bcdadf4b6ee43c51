"""The ladder of a cut-over: what names were before, the steps, the way back, what is in the way."""

from dataclasses import replace
from typing import Any

from edgebook.model.paths import compute_scope, zone_scope
from edgebook.model.values import LiveResource, ResourceKey
from edgebook.moves import cut_over, position
from edgebook.moves.cut_over import CutOver
from edgebook.moves.stages import Ladder
from edgebook.plan import make as plans

from tests.unit.ideal_cloud import IdealCloud, observe
from tests.unit.params_edits import spec_of

SPEC = spec_of({})
ZONE = zone_scope("shop-rehearsal", "shop-example")
OLD, OURS = "198.51.100.7", "203.0.113.1"


class World:
    """A built front door whose names are served elsewhere, and the zone's history."""

    def __init__(self, ttl: int = 300) -> None:
        self.seen = observe(SPEC, negs=True)
        self.cloud = IdealCloud()
        self.record("shop.example.com.", "A", [OLD], ttl)
        self.record("www.shop.example.com.", "A", [OLD], ttl)
        self.record("mail.example.com.", "A", [OLD], ttl)
        self.cloud.apply(plans.make(SPEC, self.seen, self.cloud.live), self.seen)
        self.changes: list[dict[str, Any]] = []

    def record(self, name: str, kind: str, data: list[str], ttl: int = 300) -> None:
        body = {"name": name, "type": kind, "ttl": ttl, "rrdatas": data}
        self.cloud.put(ResourceKey("dnsRecordSet", ZONE, f"{name}/{kind}"), body)

    def ladder(self, **asked: Any) -> Ladder:
        base = plans.wanted(SPEC, self.seen, self.cloud.live)
        return cut_over.ladder(SPEC, base, self.cloud.live, self.changes, CutOver(**asked))

    def carry_out(self, ladder: Ladder, index: int) -> None:
        """As Cloud DNS would: the old record set goes into the history."""
        for change in ladder.plan_of(index, self.cloud.live, self.seen).to_do:
            old = dict(self.cloud.live[change.key].body)
            new = {k: v for k, v in change.after.items() if v is not None}
            self.changes.insert(0, {"deletions": [old], "additions": [new]})
            self.cloud.put(change.key, new)

    def standing(self, ladder: Ladder) -> str:
        return position.find(ladder, self.cloud.live, self.seen).words(ladder)


def test_names_under_a_wildcard_move_too_and_strangers_stay() -> None:
    ladder = World().ladder()
    assert ladder.title == (f"cut over shop.example.com, www.shop.example.com from {OLD} to {OURS}")
    assert [stage.name for stage in ladder.stages] == [
        "start", "lower TTL", "first", "quarter", "half", "all",
    ]  # fmt: skip


def test_every_stage_has_one_hash_wherever_it_stands() -> None:
    world = World()
    approved = world.ladder()
    for index in range(1, len(approved.stages)):
        world.carry_out(world.ladder(), index)
        again = world.ladder()
        assert again.hash == approved.hash
        assert world.standing(again).startswith(f"at stage {index} of 5")
    assert world.cloud.live[ResourceKey("dnsRecordSet", ZONE, "shop.example.com./A")].body[
        "rrdatas"
    ] == [OURS]


def test_ttl_and_data_never_change_in_one_step_and_the_old_ttl_is_waited_out() -> None:
    ladder = World(ttl=3600).ladder(steps=(100.0,))
    lower, move = ladder.stages[1], ladder.stages[2]
    assert [set(change.fields) for change in ladder.told(1)] == [{"ttl"}] * 2
    assert all("ttl" not in change.fields for change in ladder.told(2))
    assert lower.gate.drain_s == 0 and move.before.drain_s == 3600


def test_a_ttl_that_is_low_already_needs_no_stage_of_its_own() -> None:
    ladder = World(ttl=60).ladder()
    assert [stage.name for stage in ladder.stages][:2] == ["start", "first"]
    assert ladder.stages[2].back == "start"


def test_weights_add_up_and_the_last_step_is_a_plain_record() -> None:
    ladder = World().ladder(steps=(5.0, 100.0))
    weighted = ladder.told(2)[0].after["routingPolicy"]["wrr"]["items"]
    assert weighted == [
        {"weight": 95.0, "rrdatas": [OLD]}, {"weight": 5.0, "rrdatas": [OURS]},
    ]  # fmt: skip
    plain = ladder.told(3)[0].after
    assert plain["rrdatas"] == [OURS] and plain["routingPolicy"] is None


def test_the_way_back_puts_the_very_records_back() -> None:
    world = World()
    before = dict(world.cloud.live)
    for index in range(1, 6):
        world.carry_out(world.ladder(), index)
    world.carry_out(world.ladder(), 0)
    assert world.standing(world.ladder()) == "not begun"
    key = ResourceKey("dnsRecordSet", ZONE, "shop.example.com./A")
    assert world.cloud.live[key].body == before[key].body


def test_nothing_to_cut_over_when_no_name_points_elsewhere() -> None:
    world = World()
    for index in range(1, 6):
        world.carry_out(world.ladder(), index)
    world.changes.clear()  # Cloud DNS forgets
    assert world.ladder().title.startswith("nothing to cut over")


def test_records_that_would_lead_back_are_in_the_way() -> None:
    world = World()
    world.record("shop.example.com.", "AAAA", ["2001:db8::7"])
    world.record("shop.example.com.", "HTTPS", ["1 . ipv4hint=198.51.100.7"])
    world.record("a-shop.example.com.", "TXT", ['"heritage=external-dns,external-dns/owner=x"'])
    world.record("other.example.com.", "AAAA", ["2001:db8::8"])
    live = world.cloud.live
    found = cut_over.origins(SPEC, live, [], CutOver())
    problems = cut_over.obstacles(SPEC, live, found)
    assert len(problems) == 3
    assert any("AAAA record to 2001:db8::7" in text for text in problems)
    assert any("hints may lead the old way" in text for text in problems)
    assert any("external-dns (owner x) owns shop.example.com." in text for text in problems)
    assert any("`adopt: [dnsRecordSet/shop.example.com./A]`" in text for text in problems)
    adopted = replace(SPEC, adopt=("dnsRecordSet/shop.example.com./A",))
    left = cut_over.obstacles(adopted, live, found)
    assert len(left) == 2 and not any("external-dns" in text for text in left)


def test_our_address_is_known_by_record_type() -> None:
    live = World().cloud.live
    assert cut_over.addresses(SPEC, live) == {"A": OURS}
    key = ResourceKey("address", compute_scope("shop-rehearsal"), "shop-edge")
    without = {**live, key: LiveResource(key, {})}
    assert cut_over.addresses(SPEC, without) == {}


def test_a_shorter_ttl_than_the_lowered_one_stays_as_it_is() -> None:
    """None at all among them: "lowering" it would make clients keep what they get for longer."""
    world = World()
    world.record("www.shop.example.com.", "A", [OLD], 0)
    ladder = world.ladder()
    for index in range(1, len(ladder.stages)):
        world.carry_out(ladder, index)
        ttls = {
            name: world.cloud.live[ResourceKey("dnsRecordSet", ZONE, f"{name}/A")].body["ttl"]
            for name in ("shop.example.com.", "www.shop.example.com.")
        }
        assert ttls == {"shop.example.com.": 60, "www.shop.example.com.": 0}
        assert world.ladder().stages[-1].name == "all"
