"""Swaps against a running simulator: there and back, stopped by everything that may stop one.

Each test starts from the front door as the rehearsal builds it. Where users notice something, a
scripted watcher stands in for the meter: it says beforehand when it will see what.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from edgebook.base.errors import (
    ApprovalError,
    LockedError,
    OwnershipError,
    RefusedError,
    StepFailed,
    UsageError,
)
from edgebook.moves.engine import Engine
from edgebook.moves.looking import Seen
from edgebook.params.types import Spec

from tests.contract.edgebook.conftest import Shop

ARRIVED = "at stage 10 of 10 (clean up), 100 %"
SHORT: dict[str, Any] = {"soak": "1m", "steps": [100]}
ARRIVED_SHORT = "at stage 7 of 7 (clean up), 100 %"


class Scripted:
    """Says ok, and from the marked stage on what it was told to say."""

    def __init__(self, stage: str = "", seen: Seen | None = None) -> None:
        self._stage, self._seen = stage, seen
        self.marks: list[str] = []

    def __enter__(self) -> "Scripted":
        return self

    def __exit__(self, *exc: object) -> None:
        return None

    def mark(self, text: str, cuts: tuple[str, ...] = ()) -> None:
        self.marks.append(text)

    def look(self) -> Seen:
        if self._seen and self.marks and self.marks[-1].endswith(f": {self._stage}"):
            return self._seen
        return Seen("ok", figures="0 of 100 requests failed")

    def answered_by(self, clusters: Iterable[str]) -> int | None:
        return 0

    def to_json(self) -> dict[str, Any]:
        return {"sent": 100, "failed": 0}


@pytest.fixture
def front(shop: Shop) -> Shop:
    shop.stand()
    return shop


@pytest.fixture
def door(front: Shop) -> Iterator[Any]:
    """A book of it."""
    yield front.book()
    front.sim.admin("POST", "stage/cluster-up", {"cluster": "green"})


def engine(book: Any, watcher: Any, **options: Any) -> Engine:
    move = book.move("swap", **{"to": "green", "soak": "1m", "backends": ["web"], **options})
    return Engine(book.door, move.prepared.make, watcher, require=move.prepared.require,
                  show_progress=False)  # fmt: skip


def weights(book: Any) -> dict[str, int]:
    """Backend service -> weight, of the URL map's default."""
    for key, item in book.door.read().live.items():
        if key.kind == "urlMap" and key.name == "shop":
            action = item.body.get("defaultRouteAction") or {}
            return {
                entry["backendService"].rsplit("/", 1)[-1]: int(entry.get("weight") or 0)
                for entry in action.get("weightedBackendServices") or ()
            }
    return {}


def attached(book: Any, service: str) -> set[str]:
    """Regions whose NEGs a backend service has."""
    for key, item in book.door.read().live.items():
        if key.kind == "backendService" and key.name == service:
            groups = [str(entry["group"]) for entry in item.body.get("backends") or ()]
            return {group.split("/zones/")[1].split("/")[0][:-2] for group in groups}
    return set()


def test_there_by_its_hash_and_back_as_a_swap_of_its_own(front: Any, door: Any) -> None:
    move = door.move("swap", to="green", **SHORT)
    planned = move.plan()
    with pytest.raises(ApprovalError):
        move.apply("apply", "0" * 64)
    assert attached(door, "shop-web") == {"us-central1"}
    moved = move.apply("apply", planned.hash, show_progress=False)
    assert moved.data["standing"] == ARRIVED_SHORT
    assert move.verify()
    again = door.move("swap", to="green", **SHORT).apply("apply", planned.hash)
    assert "nothing to do" in again.title
    after = front.book(backends={
        name: {**body, "active": ["green"]} for name, body in front.params()["backends"].items()
    })  # fmt: skip
    assert after.door.read().plan.to_do == ()
    home = after.move("swap", to="blue", **SHORT)
    back = home.apply("apply", home.plan().hash, show_progress=False)
    assert back.data["standing"].endswith("(clean up), 100 %")
    assert attached(door, "shop-web") == {"us-central1"}
    with pytest.raises(ApprovalError, match="carried out"):
        move.apply("apply", planned.hash, show_progress=False)


def test_a_breach_goes_back_at_once_and_says_where_traffic_is(door: Any) -> None:
    seen = Seen("breach", ("3 of 400 requests failed, 0 allowed",), "3 of 400")
    with pytest.raises(StepFailed) as failed:
        engine(door, Scripted("quarter", seen)).apply("auto")
    assert weights(door) == {"shop-web": 100, "shop-web-next": 0}
    assert "3 of 400" in failed.value.why and "(connect), 0 %" in failed.value.state
    watcher = Scripted()
    assert engine(door, watcher).apply("auto").standing == ARRIVED
    assert watcher.marks[0] == "swap: first", "the second run goes on from where traffic stands"


def test_a_blind_meter_stops_the_move_where_it_is(door: Any) -> None:
    with pytest.raises(StepFailed, match="nothing is moved"):
        engine(door, Scripted("half", Seen("blind", ("blind for 9 s",)))).apply("auto")
    assert weights(door) == {"shop-web": 50, "shop-web-next": 50}
    assert engine(door, Scripted()).apply("auto", back=True).standing == "not begun"
    assert attached(door, "shop-web") == {"us-central1"} and not attached(door, "shop-web-next")
    assert door.door.read().plan.to_do == ()


def test_back_from_after_the_exchange_attaches_the_old_side_again(door: Any) -> None:
    broken = Seen("breach", ("2 s without a success",))
    with pytest.raises(StepFailed):
        engine(door, Scripted("exchange", broken)).apply("auto")
    assert attached(door, "shop-web") == {"us-central1"}
    assert engine(door, Scripted()).apply("auto", back=True).standing == "not begun"


def test_a_foreign_hand_in_the_middle_stops_it_and_is_named(front: Any, door: Any) -> None:
    with pytest.raises(StepFailed):
        engine(door, Scripted("half", Seen("blind", ("blind",)))).apply("auto")
    path = "/compute/v1/projects/shop-rehearsal/global/urlMaps/shop"
    _, live = front.sim.http("GET", path)
    action = live["defaultRouteAction"]
    action["weightedBackendServices"][0]["weight"] = 7
    front.sim.http(
        "PATCH", path, {"defaultRouteAction": action, "fingerprint": live["fingerprint"]}
    )
    with pytest.raises(OwnershipError, match="no stage of this move") as refused:
        engine(door, Scripted()).apply("auto")
    assert "URL map shop" in refused.value.why
    assert "weight 7" in refused.value.why
    _, live = front.sim.http("GET", path)
    action["weightedBackendServices"][0]["weight"] = 50
    front.sim.http(
        "PATCH", path, {"defaultRouteAction": action, "fingerprint": live["fingerprint"]}
    )


def test_another_move_while_one_is_half_done_is_refused(door: Any) -> None:
    with pytest.raises(StepFailed):
        engine(door, Scripted("half", Seen("blind", ("blind",)))).apply("auto")
    with pytest.raises(OwnershipError, match="no stage of this move"):
        engine(door, Scripted(), to="blue,green", backends=["api"]).apply("auto")


def test_two_runs_cannot_move_one_front_door(front: Any, door: Any) -> None:
    path = "/compute/v1/projects/shop-rehearsal/global/addresses/shop-edge"
    _, live = front.sim.http("GET", path)
    labels = {**live.get("labels", {}), "edgebook-lock": "99999999999",
              "edgebook-lock-by": "ann_elsewhere_7_1"}  # fmt: skip
    body = {"labels": labels, "labelFingerprint": live["labelFingerprint"]}
    front.sim.http("POST", f"{path}/setLabels", body)
    with pytest.raises(LockedError, match="Another run"):
        engine(door, Scripted()).apply("auto")
    _, now = front.sim.http("GET", path)
    freed = {"labels": live.get("labels", {}), "labelFingerprint": now["labelFingerprint"]}
    front.sim.http("POST", f"{path}/setLabels", freed)


def test_a_kubernetes_api_that_goes_away_leaves_traffic_where_it_is(front: Any, door: Any) -> None:
    """Within a stage, and at the next run."""

    class Loses(Scripted):
        def mark(self, text: str, cuts: tuple[str, ...] = ()) -> None:
            super().mark(text, cuts)
            if text == "swap: half":
                front.sim.admin("POST", "stage/cluster-down", {"cluster": "green"})

    for watcher in (Loses(), Scripted()):
        with pytest.raises(StepFailed, match="Kubernetes API of green does not answer") as failed:
            engine(door, watcher).apply("auto")
        assert weights(door) == {"shop-web": 50, "shop-web-next": 50}
        assert "(half), 50 %" in failed.value.state
    front.sim.admin("POST", "stage/cluster-up", {"cluster": "green"})
    assert engine(door, Scripted()).apply("auto", back=True).standing == "not begun"


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"namespace": "nowhere"}, "Service nowhere/api does not exist"),
        ({"port": 8081}, "has no port 8081; it has 8080"),
    ],
)
def test_a_new_side_without_the_service_or_port_is_refused(
    front: Any, door: Any, params: dict[str, Any], words: str
) -> None:
    backends = front.params()["backends"]
    backends["api"]["neg"] |= params
    book = front.book(backends=backends)
    with pytest.raises(RefusedError, match=words):
        book.move("swap", to="green", backends=["api"]).apply("apply", "auto")


def test_a_new_side_with_fewer_pods_is_refused_unless_allowed(front: Any, door: Any) -> None:
    kube, where = door.door.reader.cluster("green"), "apis/apps/v1/namespaces/shop/deployments/api"
    kube.patch(where, {"spec": {"replicas": 1}})
    front.sim.advance(120)
    with pytest.raises(RefusedError, match="1 ready pods of api"):
        door.move("swap", to="green", backends=["api"]).apply("apply", "auto")
    assert attached(door, "shop-api-next") == set()
    moved = door.move("swap", to="green", backends=["api"], allow_fewer=True, **SHORT).apply(
        "apply", "auto", show_progress=False
    )
    assert moved.data["standing"] == ARRIVED_SHORT


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"to": "purple"}, "No cluster purple"),
        ({"to": ""}, "No cluster to move to"),
        ({"steps": [5, 50]}, "does not end at 100"),
        ({"steps": [50, 5, 100]}, "Not a ladder"),
        ({"soak": "long"}, "Not a duration"),
        ({"backends": ["wep"]}, "No backend wep"),
        ({"first": "X-Canary"}, "Not a header"),
        ({"speed": 3}, "takes no speed"),
    ],
)
def test_a_wrong_wish_is_refused_before_anything_is_read(
    front: Any, options: dict[str, Any], words: str
) -> None:
    calls = len(front.log())
    with pytest.raises(UsageError, match=words):
        front.book().move("swap", **{"to": "green", **options})
    assert len(front.log()) == calls


def test_when_the_way_back_fails_too_the_steps_by_hand_are_listed(front: Any, door: Any) -> None:
    class Breaks(Scripted):
        def look(self) -> Seen:
            if self.marks and self.marks[-1] == "swap: quarter":
                front.fault(service="compute", verb="PATCH", code=403, reason="forbidden", times=0)
                return Seen("breach", ("1 of 10 failed",))
            return super().look()

    with pytest.raises(StepFailed, match="the way back failed") as failed:
        engine(door, Breaks()).apply("auto")
    assert "1. update URL map shop" in failed.value.next
    assert "weight: 100" in failed.value.next
    assert "between quarter and connect" in failed.value.state
    front.calm()
    assert engine(door, Scripted()).apply("auto", back=True).standing == "not begun"


def test_the_spec_after_is_what_is_verified(door: Any) -> None:
    after = door.move("swap", to="green", backends=["web"]).prepared.after
    assert isinstance(after, Spec)
    assert after.backends["web"].active == ("green",)
    assert after.backends["api"].active == ("blue",)
