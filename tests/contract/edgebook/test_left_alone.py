"""A plan says of each attached NEG what becomes of it, and nothing else is done.

A namespace that is deleted while its NEGs are attached leaves entries whose Service is gone. They
were told as left alone, and detached (`attach the NEGs of green`, with an empty list before).
"""

from typing import Any

import pytest
from edgebook.base.errors import OwnershipError, SafetyError
from edgebook.model.links import canonical

from tests.contract.edgebook.conftest import Shop

SERVICE = "compute/v1/projects/shop-rehearsal/global/backendServices/shop-mqtt"
ZONES = "us-central1-a, us-central1-b, us-central1-c"


def attached(book: Any) -> list[str]:
    found = book.door.wire.get("compute", SERVICE).get("backends") or ()
    return sorted(canonical(str(entry["group"])) for entry in found)


@pytest.fixture
def orphaned(shop: Shop) -> Shop:
    """A front door whose broker is gone from blue, with its namespace; its NEGs are attached."""
    book = shop.stand()
    book.door.reader.cluster("blue").request("DELETE", "api/v1/namespaces/iot")
    shop.sim.advance(600)
    assert len(attached(book)) == 3
    return shop


def wishing(shop: Shop, *active: str) -> Any:
    backends = shop.params()["backends"]
    backends["mqtt"]["active"] = list(active)
    return shop.book(backends=backends)


def test_entries_that_would_go_are_told_and_stay_until_a_swap_takes_them(orphaned: Shop) -> None:
    book = wishing(orphaned, "green")
    before, plan = attached(book), book.door.read().plan
    (detachment,) = (c for c in plan.to_do if c.key.kind == "detachment")
    assert detachment.sentence == f"detach shop-mqtt {ZONES} of blue"
    assert "may be cut" in detachment.disrupts
    assert not [c for c in plan.changes if "shop-mqtt" in c.key.name and "left alone" in c.sentence]
    with pytest.raises(SafetyError, match="would move live traffic") as refused:
        book.apply("apply", plan.hash, show_progress=False)
    assert "operate/swap" in refused.value.next
    assert attached(book) == before


def test_entries_that_no_wish_concerns_stay_and_the_service_is_missed(orphaned: Shop) -> None:
    book = wishing(orphaned, "blue", "green")
    before, plan = attached(book), book.door.read().plan
    assert not [c for c in plan.to_do if "detach" in c.sentence]
    with pytest.raises(OwnershipError, match="stands in the way") as refused:
        book.apply("apply", plan.hash, show_progress=False)
    assert "Service iot/broker does not exist in cluster blue" in refused.value.why
    assert attached(book) == before
