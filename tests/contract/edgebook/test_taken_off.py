"""What an `api:` block had set is taken off by `null`, over the wire, and nothing else changes."""

from typing import Any

import pytest

from tests.contract.edgebook.conftest import Shop

COMPUTE = "compute/v1/projects/shop-rehearsal/global"
# Where it is in the params, what is set first, and where it is then in Google Cloud.
SET: dict[str, tuple[dict[str, Any], str]] = {
    "backend": ({"localityLbPolicy": "LEAST_REQUEST"}, "backendServices/shop-web"),
    "a block": (
        {"outlierDetection": {"consecutiveErrors": 7}},
        "backendServices/shop-web",
    ),
    "frontend": ({"tlsEarlyData": "STRICT"}, "targetHttpsProxies/shop-web"),
    "url map": (
        {"headerAction": {"requestHeadersToRemove": ["x-debug"]}},
        "urlMaps/shop",
    ),
}


def edited(shop: Shop, place: str, fields: dict[str, Any]) -> Any:
    params = shop.params()
    if place == "frontend":
        params["frontends"][0]["api"] = fields
        return shop.book(frontends=params["frontends"])
    if place == "url map":
        return shop.book(url_map_api=fields)
    params["backends"]["web"]["api"] = fields
    return shop.book(backends=params["backends"])


@pytest.mark.parametrize("place", sorted(SET))
def test_null_takes_off_what_was_set_and_a_missing_key_is_told(shop: Shop, place: str) -> None:
    fields, path = SET[place]
    (name,) = fields
    book = edited(shop, place, fields)
    book.apply("apply", "auto", show_progress=False)
    before = book.door.wire.get("compute", f"{COMPUTE}/{path}")
    assert before[name]

    silent = shop.book()
    plan = silent.door.read().plan
    assert plan.to_do == ()
    (told,) = (c.sentence for c in plan.changes if "not in the params" in c.sentence)
    assert told.startswith(name) and f"{{{name}: null}}" in told

    off = edited(shop, place, {name: None})
    off.apply("apply", "auto", show_progress=False)
    after = off.door.wire.get("compute", f"{COMPUTE}/{path}")
    assert name not in after or after[name] in ({}, "DISABLED", "ROUND_ROBIN")
    beside = {name, "fingerprint"}
    assert {k: v for k, v in after.items() if k not in beside} == {
        k: v for k, v in before.items() if k not in beside
    }
    assert off.door.read().plan.to_do == ()
    assert not [c for c in off.door.read().plan.changes if "not in the params" in c.sentence]
