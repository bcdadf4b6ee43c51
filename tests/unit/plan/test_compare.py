"""When two bodies are the same: links in any form, lists without order, what is filled in."""

from typing import Any

import pytest
from edgebook.model.kinds import KINDS
from edgebook.model.links import canonical, link, same_link, same_text
from edgebook.model.marks import description, owner
from edgebook.model.observed import Neg, Observed, ObservedCluster, ObservedService
from edgebook.model.values import EachNeg, LiveResource, Ref, ResourceKey, SecretRef
from edgebook.plan.attachments import attachments
from edgebook.plan.compare import UNKNOWN, Comparison, lookup

from tests.unit.ideal_cloud import neg_of
from tests.unit.params_edits import spec_of

SCOPE = "projects/p/global"
NUMBERS = {"123": "p"}


def differing(kind: str, desired: dict[str, Any], live: dict[str, Any]) -> tuple[str, ...]:
    return Comparison(KINDS[kind], lookup({}), NUMBERS).fields(desired, live)


SAME_LINKS = [
    "https://www.googleapis.com/compute/v1/projects/p/global/urlMaps/u",
    "https://compute.googleapis.com/compute/beta/projects/p/global/urlMaps/u",
    "http://127.0.0.1:1234/compute/v1/projects/p/global/urlMaps/u",
    "//compute.googleapis.com/projects/p/global/urlMaps/u",
    "projects/p/global/urlMaps/u",
    "projects/123/global/urlMaps/u",
]


@pytest.mark.parametrize("one", SAME_LINKS)
@pytest.mark.parametrize("other", SAME_LINKS)
def test_a_link_is_the_same_in_every_form(one: str, other: str) -> None:
    assert same_link(one, other, NUMBERS)


@pytest.mark.parametrize(
    "other",
    [
        "projects/p/global/urlMaps/v",
        "projects/q/global/urlMaps/u",
        "projects/p/regions/r/urlMaps/u",
        "https://shop.example.com/projects",
        "",
    ],
)
def test_other_links_are_other(other: str) -> None:
    assert not same_link(SAME_LINKS[0], other, NUMBERS)


def test_two_project_ids_are_two_projects() -> None:
    assert not same_link("projects/p1/global/urlMaps/u", "projects/p2/global/urlMaps/u")
    assert not same_link("projects/1/global/urlMaps/u", "projects/2/global/urlMaps/u")
    # Certificate Manager answers with numbers, and nobody told which project that is.
    assert same_link("projects/77/locations/global/certificates/c", canonical(CERTIFICATE))


CERTIFICATE = "//certificatemanager.googleapis.com/projects/p/locations/global/certificates/c"


def test_how_others_refer_to_a_kind() -> None:
    maps = "projects/p/locations/global"
    assert link(ResourceKey("certificateMap", maps, "m")) == (
        "//certificatemanager.googleapis.com/projects/p/locations/global/certificateMaps/m"
    )
    assert link(ResourceKey("certificate", maps, "c")) == f"{maps}/certificates/c"
    assert link(ResourceKey("urlMap", SCOPE, "u")) == SAME_LINKS[0]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("443", "443-443", True),
        ("443-443", "443", True),
        ("80-90", "80", False),
        ("2600:1901::1", "2600:1901:0:0:0:0:0:1", True),
        ("203.0.113.1", "203.0.113.2", False),
    ],
)
def test_ports_and_addresses_have_several_spellings(one: str, other: str, same: bool) -> None:
    assert same_text(one, other) is same


@pytest.mark.parametrize(
    ("kind", "desired", "live", "fields"),
    [
        # what the server adds is no difference, what desired sets is
        ("backendService", {"timeoutSec": 30}, {"timeoutSec": 30, "fingerprint": "x"}, ()),
        ("backendService", {"timeoutSec": 30}, {"timeoutSec": 31}, ("timeoutSec",)),
        ("backendService", {"timeoutSec": 30}, {}, ()),
        ("backendService", {"timeoutSec": 29}, {}, ("timeoutSec",)),
        ("backendService", {"logConfig": {"enable": False}}, {}, ()),
        ("backendService", {"logConfig": {"enable": True}}, {}, ("logConfig.enable",)),
        (
            "backendService",
            {"logConfig": {"sampleRate": 1.0}},
            {"logConfig": {"sampleRate": 1}},
            (),
        ),
        ("backendService", {"enableCDN": False}, {"enableCDN": True}, ("enableCDN",)),
        ("backendService", {"maxStreamDuration": {"seconds": "5"}},
         {"maxStreamDuration": {"seconds": 5}}, ()),
        # None: must not be set
        ("urlMap", {"defaultService": None}, {}, ()),
        ("urlMap", {"defaultService": None}, {"defaultService": "x"}, ("defaultService",)),
        ("backends", {"maxRate": None}, {"maxRate": 0}, ()),
        # order
        ("firewall", {"sourceRanges": ["a", "b"]}, {"sourceRanges": ["b", "a"]}, ()),
        ("firewall", {"sourceRanges": ["a", "b"]}, {"sourceRanges": ["a"]}, ("sourceRanges",)),
        ("firewall", {"sourceRanges": ["a", "a"]}, {"sourceRanges": ["a", "b"]}, ("sourceRanges",)),
        (
            "firewall",
            {"allowed": [{"IPProtocol": "tcp", "ports": ["1", "2"]}, {"IPProtocol": "udp"}]},
            {"allowed": [{"IPProtocol": "udp"}, {"IPProtocol": "tcp", "ports": ["2", "1"]}]},
            (),
        ),
        (
            "urlMap",
            {"pathMatchers": [{"name": "a", "routeRules": [{"priority": 1}, {"priority": 2}]}]},
            {"pathMatchers": [{"name": "a", "routeRules": [{"priority": 2}, {"priority": 1}]}]},
            ("pathMatchers",),
        ),
        # written once, never compared
        ("backendService", {"description": "ours"}, {"description": "theirs"}, ()),
        # labels of others stay
        ("address", {"labels": {"a": "1"}}, {"labels": {"a": "1", "b": "2"}}, ()),
        ("address", {"labels": {"a": "1"}}, {"labels": {"b": "2"}}, ("labels.a",)),
        # the API never shows a secret
        ("backendService", {"iap": {"oauth2ClientSecret": SecretRef(env="X")}}, {}, ()),
        (
            "certificate",
            {"managed": {"dnsAuthorizations": ["projects/p/locations/x/dnsAuthorizations/a"]}},
            {"managed": {"dnsAuthorizations": ["projects/123/locations/x/dnsAuthorizations/a"]}},
            (),
        ),
    ],
)  # fmt: skip
def test_what_differs(
    kind: str, desired: dict[str, Any], live: dict[str, Any], fields: tuple[str, ...]
) -> None:
    assert differing(kind, desired, live) == fields


def test_a_reference_is_known_when_its_resource_is_there() -> None:
    key = ResourceKey("address", SCOPE, "a")
    ref = Ref("address", "a", SCOPE, "address")
    assert lookup({})(ref) is UNKNOWN
    assert lookup({key: LiveResource(key, {"address": "203.0.113.1"})})(ref) == "203.0.113.1"
    assert differing("forwardingRule", {"IPAddress": ref}, {"IPAddress": "203.0.113.1"})


def test_the_mark_is_read_from_labels_and_from_the_description() -> None:
    assert owner({"labels": {"edgebook": "shop"}}) == "shop"
    assert owner({"description": description("shop", "made for the shop")}) == "shop"
    assert owner({"description": "front door shop"}) == ""
    assert owner({}) == ""


# Backends

WEB = EachNeg("blue", "n", "web", 443, "web", {"balancingMode": "RATE", "maxRatePerEndpoint": 10.0})
SPEC = spec_of({})


def seen(negs: dict[str, list[Neg]]) -> Observed:
    return Observed(
        {
            name: ObservedCluster(name, services=(ObservedService("n", "web", negs=tuple(found)),))
            for name, found in negs.items()
        }
    )


def entry(neg: Neg, **more: Any) -> dict[str, Any]:
    return {"group": neg.link, "balancingMode": "RATE", "maxRatePerEndpoint": 10, **more}


A, B = neg_of(SPEC, "web", "z-a"), neg_of(SPEC, "web", "z-b")


def sorted_out(live: list[dict[str, Any]], negs: dict[str, list[Neg]]) -> Any:
    return attachments([WEB], live, frozenset({"web"}), seen(negs))


def test_missing_zones_are_seen() -> None:
    found = sorted_out([entry(A)], {"blue": [A, B]})
    assert found.missing == (B,)
    assert not (found.changed or found.stale or found.waiting)


@pytest.mark.parametrize("state", ["INACTIVE", "TO_BE_DELETED"])
def test_only_active_negs_are_attached(state: str) -> None:
    found = sorted_out([], {"blue": [A, neg_of(SPEC, "web", "z-b", state)]})
    assert found.missing == (A,)


def test_an_inactive_neg_stays_and_a_leaving_one_goes() -> None:
    live = [entry(A), entry(B)]
    kept = sorted_out(live, {"blue": [A, neg_of(SPEC, "web", "z-b", "INACTIVE")]})
    assert not kept.stale
    gone = sorted_out(live, {"blue": [A, neg_of(SPEC, "web", "z-b", "TO_BE_DELETED")]})
    assert [item["group"] for item in gone.stale] == [B.link]
    assert gone.serving == ()


def test_negs_of_a_cluster_that_is_no_longer_active_go_and_are_said_to_serve() -> None:
    found = sorted_out([entry(A), entry(B)], {"blue": [A], "green": [B]})
    assert [item["group"] for item in found.stale] == [B.link]
    assert found.serving == ("green",)


def test_what_no_cluster_names_stays() -> None:
    """The annotation may have been lost while pods still serve behind the frozen NEG."""
    found = sorted_out([entry(A)], {"blue": []})
    assert found.stale == ()
    assert [item["group"] for item in found.unclaimed] == [A.link]
    assert found.waiting == ("blue",)


def test_entries_of_others_are_never_ours() -> None:
    other = neg_of(SPEC, "autoneg", "z-a")
    found = sorted_out([entry(A), entry(other)], {"blue": [A]})
    assert [item["group"] for item in found.foreign] == [other.link]


@pytest.mark.parametrize("capacity", [0, 0.0, 0.5, 1.0])
def test_the_capacity_of_a_swap_is_no_difference(capacity: float) -> None:
    assert not sorted_out([entry(A, capacityScaler=capacity)], {"blue": [A]}).changed


def test_other_balancing_is_a_difference() -> None:
    assert sorted_out([entry(A, maxRatePerEndpoint=20)], {"blue": [A]}).changed


@pytest.mark.parametrize(("live", "changed"), [({}, True), ({"capacityScaler": 0}, False)])
def test_a_wanted_capacity_of_zero_is_not_taken_for_unset(
    live: dict[str, Any], changed: bool
) -> None:
    wanted = EachNeg("blue", "n", "web", 443, "web", {"capacityScaler": 0.0})
    found = attachments([wanted], [entry(A, **live)], frozenset({"web"}), seen({"blue": [A]}))
    assert bool(found.changed) is changed
