"""What was in the params once and is not any more is changed back, or told: never silent."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from edgebook.model.links import plain
from edgebook.model.values import Action, Live, Plan, ResourceKey
from edgebook.plan.lines import of_plan
from edgebook.plan.make import make, refusal

from tests.unit.ideal_cloud import IdealCloud
from tests.unit.params_edits import GONE, spec_of
from tests.unit.plan.edits import ROOM
from tests.unit.plan.fields import FIELDS
from tests.unit.plan.test_no_harm import built, seen_by

WEB = "backendService", "shop-web"
# Left without a word, each with its reason.
QUIET = {
    "address.api": "an address has one tier for its life; PREMIUM is the default",
    "backends.X.balancing.capacity": "the capacity is kept when absent, as its key says",
    "backends.X.capacity": "the same",
    "backends.X.preference": "the same",
    "backends.X.cdn": "a cache's policy says nothing while the cache is off",
    "labels": "told once for all that have it",
    "frontends.0.api": "DISABLED is what TLS early data is when nobody says it",
}
WISHES: dict[str, tuple[dict[str, Any], str]] = {
    "security_policy": (
        {"backends.web.security_policy": "shop-armor"},
        "securityPolicy is shop-armor and not in the params: left as it is; to take it off: "
        "`gcloud compute backend-services update shop-web --global --project shop-rehearsal "
        '--security-policy ""`',
    ),
    "iap": (
        {"backends.web.iap": {"enabled": True}},
        "iap.enabled is true and not in the params: left as it is; `iap: {enabled: false}` in the "
        "params says otherwise",
    ),
    "api": (
        {"frontends.0.api": {"tlsEarlyData": "STRICT"}},
        "tlsEarlyData is STRICT and not in the params: left as it is; `api: {tlsEarlyData: null}` "
        "in the params takes it off",
    ),
    "a list": (
        {"backends.web.api": {"customMetrics": [{"name": "load", "dryRun": True}]}},
        "customMetrics is set and not in the params: left as it is; `api: {customMetrics: null}` "
        "in the params takes it off",
    ),
    "url_map_api": (
        FIELDS["url_map_api"],
        "headerAction is set and not in the params: left as it is; `url_map_api: {headerAction: "
        "null}` in the params takes it off",
    ),
}  # fmt: skip


def _back(edits: Mapping[str, Any], now: Mapping[str, Any] = {}) -> tuple[IdealCloud, Plan]:
    """A world with the edits, and the plan of params that have them no more."""
    old, new = spec_of({**edits, **ROOM}), spec_of({**now, **ROOM})
    cloud = built(old, seen_by(old, new))
    return cloud, make(new, seen_by(old, new), cloud.live)


def _told(plan: Plan) -> list[str]:
    return [c.sentence for c in plan.changes if c.action is Action.REPORT]


@pytest.mark.parametrize("name", sorted(WISHES))
def test_a_wish_that_stays_is_told_with_the_way_to_take_it_off(name: str) -> None:
    edits, sentence = WISHES[name]
    _, plan = _back(edits)
    assert plan.to_do == ()
    assert _told(plan) == [sentence]
    _, plan = _back(edits, edits)
    assert _told(plan) == [], "what the params say is no news"


def test_a_label_that_stays_is_told_once() -> None:
    _, plan = _back({"labels": {"team": "edge"}})
    assert plan.to_do == ()
    (told,) = (sentence for sentence in _told(plan) if "team" in sentence)
    assert told.startswith("label team=edge of it and of ")
    assert told.endswith("left as it is, since nothing tells who set it")
    _, plan = _back({"labels": {"team": "edge"}}, {"labels": {"team": "edge"}})
    assert _told(plan) == [], "what the params say is no news"


def test_the_lease_of_a_run_and_labels_of_google_are_not_told() -> None:
    cloud, _ = _back({})
    key = next(key for key in cloud.live if key.kind == "address")
    labels = {**cloud.live[key].body["labels"], "edgebook-lock": "x", "goog-managed-by": "y"}
    cloud.put(key, {**cloud.live[key].body, "labels": labels})
    spec = spec_of(ROOM)
    assert _told(make(spec, seen_by(spec), cloud.live)) == []


def test_null_takes_off_what_an_api_block_had_set() -> None:
    edits = {"backends.web.api": {"localityLbPolicy": "LEAST_REQUEST"}}
    off = {"backends.web.api": {"localityLbPolicy": None}}
    cloud, plan = _back(edits, off)
    (change,) = plan.to_do
    assert change.sentence == "localityLbPolicy: LEAST_REQUEST -> none"
    cloud.apply(plan, seen_by(spec_of(ROOM)))
    later = make(spec_of({**off, **ROOM}), seen_by(spec_of(ROOM)), cloud.live)
    assert later.to_do == () and _told(later) == []


def test_what_others_set_on_what_is_theirs_is_not_told() -> None:
    edits = {"frontends.0.ssl_policy": {"name": "of-others"}}
    cloud, plan = _back(edits, {"frontends.0.ssl_policy": GONE})
    assert any(s.startswith("sslPolicy is of-others and not in the params") for s in _told(plan))
    key = next(key for key in cloud.live if key.kind == "targetHttpsProxy")
    body = {**cloud.live[key].body, "description": "made by Terraform"}
    cloud.put(key, body)
    spec = spec_of({"frontends.0.ssl_policy": GONE, **ROOM})
    assert not any("sslPolicy" in s for s in _told(make(spec, seen_by(spec), cloud.live)))


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_no_field_that_is_taken_out_of_the_params_stays_in_silence(field: str) -> None:
    base = spec_of(ROOM)
    cloud, plan = _back(FIELDS[field])
    if refusal(plan, base.safety, made=of_plan("FILE")):
        return
    cloud.apply(plan, seen_by(base))
    clean = built(base, seen_by(base)).live
    told = {(c.key, c.sentence.partition(" ")[0].partition(".")[0]) for c in plan.changes}
    stays = sorted(
        f"{key.kind} {key.name}: {name}"
        for key, name in _differs(clean, cloud.live)
        if (key, name) not in told
    )
    assert bool(stays) == (field in QUIET), stays


def _differs(clean: Live, live: Live) -> Iterator[tuple[ResourceKey, str]]:
    """What a resource says that it would not say had the field never been there."""
    for key in sorted(set(live) & set(clean)):
        old, new = clean[key].body, live[key].body
        for name in sorted(set(old) | set(new)):
            one, other = plain(old.get(name)), plain(new.get(name))
            if name not in ("description", "certificates") and _bare(one) != _bare(other):
                yield key, name


def _bare(value: Any) -> Any:
    """Without what says nothing, and lists in one order."""
    if isinstance(value, Mapping):
        return {name: _bare(item) for name, item in value.items() if item}
    if isinstance(value, list):
        return sorted((_bare(item) for item in value), key=repr)
    return value


def test_the_quiet_ones_are_fields() -> None:
    assert set(QUIET) <= set(FIELDS)
