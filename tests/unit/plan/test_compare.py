"""When two bodies are the same: lists without order, what is filled in."""

from typing import Any

import pytest
from edgebook.model.kinds import KINDS
from edgebook.model.values import LiveResource, Ref, ResourceKey, SecretRef
from edgebook.plan.compare import UNKNOWN, Comparison, lookup

SCOPE = "projects/p/global"


NUMBERS = {"123": "p"}


def differing(kind: str, desired: dict[str, Any], live: dict[str, Any]) -> tuple[str, ...]:
    return Comparison(KINDS[kind], lookup({}), NUMBERS).fields(desired, live)


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
        ("backendService", {"enableCDN": True}, {"enableCDN": 1}, ("enableCDN",)),
        ("backendService", {"timeoutSec": 30}, {"timeoutSec": "soon"}, ("timeoutSec",)),
        ("backendService", {"timeoutSec": 30}, {"timeoutSec": "30"}, ()),
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
