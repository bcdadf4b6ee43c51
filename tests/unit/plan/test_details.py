"""What reviewers read of a change: each changed field, and no other, with before and after."""

import pytest
from edgebook.model.values import Action, Change, Ref, ResourceKey, Step
from edgebook.plan import details
from edgebook.plan.details import Detail, leaves, words

PROJECT = "projects/shop"


def weights(api: int, web: int) -> dict[str, object]:
    def share(name: str, weight: int) -> dict[str, object]:
        return {"backendService": f"{PROJECT}/global/backendServices/{name}", "weight": weight}

    rule = {
        "paths": ["/api/*"],
        "routeAction": {"weightedBackendServices": [share("web", web), share("api", api)]},
    }
    return {"pathMatchers": [{"name": "shop", "pathRules": [rule]}]}


def test_ten_percent_elsewhere_shows_the_weights_and_nothing_else() -> None:
    found = list(leaves(weights(100, 0), weights(90, 10)))
    where = "pathMatchers[shop].pathRules[/api/*].routeAction.weightedBackendServices"
    assert found == [
        Detail(f"{where}[api].weight", "100", "90"),
        Detail(f"{where}[web].weight", "0", "10"),
    ]


def test_an_item_that_goes_and_one_that_comes() -> None:
    found = sorted(
        leaves(
            [{"name": "old", "service": f"{PROJECT}/backendServices/a"}],
            [{"name": "new", "service": f"{PROJECT}/backendServices/b"}],
            "pathMatchers",
        )
    )
    assert found == [
        Detail("pathMatchers[new].name", "none", "new"),
        Detail("pathMatchers[new].service", "none", "b"),
        Detail("pathMatchers[old]", "{name old, service a}", "none"),
    ]


def test_what_the_server_adds_is_not_told() -> None:
    live = {"allowed": [{"IPProtocol": "tcp", "ports": ["443"]}], "fingerprint": "x", "id": "7"}
    wanted = {"allowed": [{"IPProtocol": "tcp", "ports": ["443", "8443"]}]}
    assert list(leaves(live, wanted)) == [Detail("allowed[tcp].ports", "443", "443, 8443")]


def test_a_backend_taken_out_and_one_balanced_otherwise() -> None:
    def entry(name: str, zone: str, rate: int) -> dict[str, object]:
        group = f"{PROJECT}/zones/{zone}/networkEndpointGroups/{name}"
        return {"group": group, "balancingMode": "RATE", "maxRatePerEndpoint": rate}

    each = {
        "$each_neg": "shop-web",
        "of": "blue/shop/web:443",
        "entry": {"balancingMode": "RATE", "maxRatePerEndpoint": 100},
    }
    change = {
        "fields": ["backends"],
        "before": {"backends": [entry("shop-web", "zone-a", 50), entry("shop-web", "zone-b", 100)]},
        "after": {"backends": [each]},
    }
    one, other = details.of_json(change)
    assert (one.path, one.after) == ("backends[shop-web zone-a]", "maxRatePerEndpoint 100")
    assert (other.path, other.after) == ("backends[shop-web zone-b]", "taken out")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "none"),
        ([], "none"),
        (True, "true"),
        (0.5, "0.5"),
        (0, "0"),
        (f"https://x/{PROJECT}/global/urlMaps/shop", "shop"),
        (["b", "a"], "a, b"),
        ({"$secret": "projects/p/secrets/key"}, "(a secret)"),
        ({"$ref": "urlMap|projects/p/global|shop", "field": "selfLink"}, "shop"),
        (
            {"$ref": "dnsAuthorization|projects/p/locations/global|a", "field": "record.data"},
            "(record.data of DNS authorization a)",
        ),
    ],
)
def test_values_in_words(value: object, said: str) -> None:
    assert words(value) == said


def test_a_creation_tells_all_of_its_fields() -> None:
    key = ResourceKey("forwardingRule", "projects/p/global", "shop-web")
    body = {"IPAddress": Ref("address", "shop", "projects/p/global", "address"), "portRange": "443"}
    change = Change(Action.CREATE, key, Step.FRONTENDS, "listens", after=body)
    assert [str(line) for line in details.of(change)] == [
        "IPAddress: none -> (address of address shop)",
        "portRange: none -> 443",
    ]
