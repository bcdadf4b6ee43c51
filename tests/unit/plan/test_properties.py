"""What holds for every plan, on params that hypothesis makes up."""

import copy
import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from edgebook.model.links import COMPUTE_PREFIX
from edgebook.model.values import Action, LiveResource, Plan
from edgebook.plan.approval import covers, differences
from edgebook.plan.live_index import IndexedLive
from edgebook.plan.make import make
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.ideal_cloud import IdealCloud, observe
from tests.unit.params_edits import GONE, spec_of

# Any of these may be combined with any other.
EDITS: list[dict[str, Any]] = [
    {"address.ip_versions": ["IPV6", "IPV4"]},
    {"address.adopt": False, "dns.ttl": 60},
    {"dns.take_over": ["shop.example.com"]},
    {"hostnames": ["shop.example.com", "*.shop.example.com", "pay.example.com"]},
    {"certificate.authorization": "FIXED_RECORD"},
    {"frontends.0.ssl_policy": GONE},
    {"frontends.0.http3": False, "frontends.0.keep_alive": 100},
    {"frontends.0.redirect_http": False},
    {"frontends.1.proxy_header": "PROXY_V1", "backends.mqtt.health_check.proxy_header": "PROXY_V1"},
    {"frontends.1.ssl_policy": {"profile": "RESTRICTED", "min_tls": "TLS_1_3"}},
    {"routes.0.default": {"weights": {"web": 95, "api": 5}}},
    {"routes.0.paths": {"/api/*": "api", "/old/*": {"redirect": {"path": "/new"}}}},
    {"backends.web.health_check": {"type": "TCP"}},
    {"backends.web.health_check": {"type": "HTTP", "port": 10254}},
    {"backends.web.cdn": {"default_ttl": 60}},
    {"backends.api.protocol": "HTTP2", "backends.api.health_check": {"type": "TCP"}},
    {"backends.web.logging": GONE},
    {"backends.web.active": ["blue", "green"]},
    {"backends.web.active": ["green"]},
    {"backends.mqtt.balancing": {"max_connections": 10, "capacity": 0.5}},
    {"backends.web.api": {"localityLbPolicy": "LEAST_REQUEST"}},
    {"backends.web.session_affinity": "GENERATED_COOKIE", "backends.web.affinity_cookie_ttl": 9},
    {"firewall.manage": False},
    {"labels": {"team": "edge"}},
]
PARAMS = st.lists(st.sampled_from(EDITS), max_size=5).map(
    lambda chosen: {path: value for edits in chosen for path, value in edits.items()}
)


def built(edits: Mapping[str, Any]) -> IdealCloud:
    spec = spec_of(edits)
    cloud = IdealCloud()
    observed = observe(spec, negs=True)
    cloud.apply(make(spec, observed, cloud.live), observed)
    return cloud


@settings(max_examples=20, deadline=None)
@given(PARAMS, PARAMS)
def test_whatever_changes_the_second_plan_is_empty(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    cloud = built(before)
    spec = spec_of(after)
    # The clusters still have the NEGs of before, besides those of now.
    observed = observe(spec, negs=True)
    plan = make(spec, observed, cloud.live)
    cloud.apply(plan, observed)
    assert make(spec, observed, cloud.live).to_do == ()


@settings(max_examples=20, deadline=None)
@given(PARAMS, st.randoms(use_true_random=False))
def test_the_hash_does_not_depend_on_any_order(edits: dict[str, Any], random: Any) -> None:
    cloud = built({})
    spec = spec_of(edits)
    observed = observe(spec, negs=True)
    plan = make(spec, observed, cloud.live)
    keys = list(cloud.live)
    random.shuffle(keys)
    shuffled = {key: _shuffled(cloud.live[key], random) for key in keys}
    clusters = dict(reversed(list(observed.clusters.items())))
    again = make(spec, dataclasses.replace(observed, clusters=clusters), shuffled)
    assert again == plan
    assert again.hash == plan.hash
    assert make(spec, observed, IndexedLive(cloud.live)) == plan


def _shuffled(resource: LiveResource, random: Any) -> LiveResource:
    """The same answer with its fields in another order."""

    def mix(value: Any) -> Any:
        if isinstance(value, Mapping):
            names = list(value)
            random.shuffle(names)
            return {name: mix(value[name]) for name in names}
        return [mix(item) for item in value] if isinstance(value, list) else value

    return LiveResource(resource.key, mix(resource.body))


@settings(max_examples=20, deadline=None)
@given(PARAMS)
def test_the_hash_does_not_depend_on_what_only_the_server_knows(edits: dict[str, Any]) -> None:
    spec = spec_of(edits)
    nothing = make(spec, observe(spec), {})
    with_negs = make(spec, observe(spec, negs=True), {})
    assert with_negs.hash == nothing.hash

    cloud = built({})
    plan = make(spec, observe(spec, negs=True), cloud.live)
    for key, resource in list(cloud.live.items()):
        body = copy.deepcopy(dict(resource.body))
        body |= {"fingerprint": "other", "id": "77", "creationTimestamp": "2030-01-01"}
        host = "https://compute.googleapis.com/compute/beta/"
        cloud.put(key, json.loads(json.dumps(body).replace(COMPUTE_PREFIX, host)))
    # The one thing of theirs that may stand in a plan is the entry of a NEG that is taken out.
    if not any(change.key.kind == "backends" and change.before for change in plan.to_do):
        assert make(spec, observe(spec, negs=True), cloud.live).hash == plan.hash


@settings(max_examples=20, deadline=None)
@given(PARAMS, PARAMS)
def test_a_plan_survives_its_json(before: dict[str, Any], after: dict[str, Any]) -> None:
    cloud = built(before)
    spec = spec_of(after)
    plan = make(spec, observe(spec, negs=True), cloud.live)
    again = Plan.from_json(json.loads(json.dumps(plan.to_json())))
    assert again.hash == plan.hash
    assert differences(plan, again) == ()


@settings(max_examples=20, deadline=None)
@given(PARAMS, st.randoms(use_true_random=False))
def test_what_is_left_after_an_interruption_is_still_approved(
    edits: dict[str, Any], random: Any
) -> None:
    """Any prefix of the work may be done; the rest is covered by the approval of the whole."""
    spec = spec_of(edits)
    observed = observe(spec, negs=True)
    approved = make(spec, observed, {})
    done = IdealCloud()
    done.apply(approved, observed)
    order = [change.key for change in approved.to_do]
    random.shuffle(order)
    gone: set[Any] = set()
    for key in order[: random.randrange(len(order))]:
        gone |= _with_dependents(key, approved)
    live = {k: r for k, r in done.live.items() if not _is_gone(k, r, gone)}
    rest = make(spec, observed, live)
    assert covers(approved, rest) == ()
    done = IdealCloud(live)
    done.apply(rest, observed)
    assert make(spec, observed, done.live).to_do == ()


def _with_dependents(key: Any, plan: Plan) -> set[Any]:
    found, todo = set(), [key]
    while todo:
        one = todo.pop()
        if one not in found:
            found.add(one)
            todo += [change.key for change in plan.to_do if one in change.depends]
    return found


def _is_gone(key: Any, resource: LiveResource, gone: set[Any]) -> bool:
    if key in gone:
        return True
    # A challenge's record is planned under a name that is known only later.
    challenges = {k.name.partition(".")[2] for k in gone if "_acme-challenge" in k.name}
    return "_acme-challenge" in key.name and key.name.partition(".")[2] in challenges


@settings(max_examples=20, deadline=None)
@given(PARAMS, PARAMS)
def test_covers_refuses_what_goes_further(before: dict[str, Any], after: dict[str, Any]) -> None:
    """A plan for other params is covered by an approval only when it does the same things."""
    spec, other = spec_of(before), spec_of(after)
    approved = make(spec, observe(spec), {})
    now = make(other, observe(other), {})
    goals = {(c.key, json.dumps(c.to_json()["after"], sort_keys=True)) for c in approved.to_do}
    same = all(
        (c.key, json.dumps(c.to_json()["after"], sort_keys=True)) in goals for c in now.to_do
    )
    assert (covers(approved, now) == ()) == same
    assert all(c.action is Action.CREATE for c in now.to_do)
