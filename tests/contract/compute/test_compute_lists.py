"""Lists: order, filters in both languages, pages, aggregation."""

from typing import Any

import pytest
from google.cloud import compute_v1

ADDRESSES = "global/addresses"


def names(body: dict[str, Any]) -> list[str]:
    return [item["name"] for item in body.get("items", [])]


@pytest.fixture
def five(gce: Any) -> Any:
    for number, name in enumerate(["delta", "alpha", "echo", "bravo", "charlie"]):
        gce.make(ADDRESSES, name=name, description=f"number {number}")
    mark = gce.get(f"{ADDRESSES}/alpha")["labelFingerprint"]
    labels = {"labels": {"team": "edge", "env": "prod"}, "labelFingerprint": mark}
    gce.do("POST", f"{ADDRESSES}/alpha/setLabels", labels)
    return gce


def test_shape(five: Any) -> None:
    body = five.get(ADDRESSES)
    assert {**body, "items": []} == {
        "kind": "compute#addressList",
        "id": five.path(ADDRESSES),
        "items": [],
        "selfLink": five.link(ADDRESSES),
    }
    assert names(body) == ["alpha", "bravo", "charlie", "delta", "echo"]
    assert body["items"][0] == five.get(f"{ADDRESSES}/alpha")


def test_an_empty_list_has_no_items(gce: Any) -> None:
    assert gce.get("global/urlMaps") == {
        "kind": "compute#urlMapList",
        "id": gce.path("global/urlMaps"),
        "selfLink": gce.link("global/urlMaps"),
    }


FILTERS = {
    'name = "alpha"': ["alpha"],
    "name=alpha": ["alpha"],
    'name != "alpha"': ["bravo", "charlie", "delta", "echo"],
    "name eq alpha": ["alpha"],
    "name eq '.*a.*'": ["alpha", "bravo", "charlie", "delta"],
    "name ne .*a.*": ["echo"],
    "(name eq .*a.*) (description eq 'number 0')": ["delta"],
    "labels.team:*": ["alpha"],
    "labels.team = edge": ["alpha"],
    "labels.env:prod labels.team:edge": ["alpha"],
    '(name = "alpha") OR (name = "echo")': ["alpha", "echo"],
    'name = "alpha" OR name = "echo"': ["alpha", "echo"],
    'name = "alpha" AND description = "number 1"': ["alpha"],
    'name = "alpha" AND description = "number 2"': [],
    '(name = "alpha") (description = "number 1")': ["alpha"],
    "NOT name:a": ["echo"],
    "-name:a": ["echo"],
    "name:(alpha)": None,
    'description = "number*"': ["alpha", "bravo", "charlie", "delta", "echo"],
    "status = RESERVED": ["alpha", "bravo", "charlie", "delta", "echo"],
    "id > 5 AND name < c": ["alpha", "bravo"],
    "addressType = INTERNAL": [],
    "name = alpha AND name eq alpha": None,
    "name ==": None,
    "(name = alpha": None,
    "= alpha": None,
    'name = "alpha': None,
    "name eq [": None,
}


def test_filters(five: Any) -> None:
    for text, wanted in FILTERS.items():
        if wanted is None:
            assert five.refused("GET", ADDRESSES, filter=text) == (
                400,
                "invalid",
                f"Invalid value for field 'filter': '{text}'. Invalid list filter expression.",
            ), text
        else:
            assert names(five.get(ADDRESSES, filter=text)) == wanted, text


def test_filters_on_numbers_and_lists(gce: Any) -> None:
    gce.make("global/firewalls", name="low", allowed=[{"IPProtocol": "tcp"}], priority=5)
    gce.make("global/firewalls", name="top", denied=[{"IPProtocol": "udp"}], priority=50)
    assert names(gce.get("global/firewalls", filter="priority < 50")) == ["low"]
    assert names(gce.get("global/firewalls", filter="priority <= 50")) == ["low", "top"]
    assert names(gce.get("global/firewalls", filter="allowed.IPProtocol = icmp")) == [
        "default-allow-icmp",
        "default-allow-internal",
    ]
    assert names(gce.get("global/firewalls", filter="disabled = true")) == []


def test_order(five: Any) -> None:
    newest = five.get(ADDRESSES, orderBy="creationTimestamp desc")
    assert names(newest) == ["charlie", "bravo", "echo", "alpha", "delta"]
    assert names(five.get(ADDRESSES, orderBy="name"))[0] == "alpha"
    assert five.refused("GET", ADDRESSES, orderBy="size")[:2] == (400, "invalid")


def test_pages(five: Any) -> None:
    seen, token, sizes = [], "", []
    while True:
        query = {"maxResults": "2"} | ({"pageToken": token} if token else {})
        body = five.get(ADDRESSES, **query)
        sizes.append(len(body["items"]))
        seen += names(body)
        token = body.get("nextPageToken", "")
        if not token:
            break
    assert sizes == [2, 2, 1]
    assert seen == ["alpha", "bravo", "charlie", "delta", "echo"]
    exact = five.get(ADDRESSES, maxResults="5")
    assert "nextPageToken" not in exact


def test_pages_of_a_filtered_list(five: Any) -> None:
    first = five.get(ADDRESSES, maxResults="1", filter="name eq .*a.*")
    second = five.get(
        ADDRESSES, maxResults="3", filter="name eq .*a.*", pageToken=first["nextPageToken"]
    )
    assert names(first) + names(second) == ["alpha", "bravo", "charlie", "delta"]


def test_wrong_page_parameters(five: Any) -> None:
    token = five.get(ADDRESSES, maxResults="1")["nextPageToken"]
    for query in (
        {"pageToken": "garbage"},
        {"pageToken": token, "filter": "name = alpha"},
        {"maxResults": "501"},
    ):
        assert five.refused("GET", ADDRESSES, **query)[:2] == (400, "invalid"), query
    for size in ("-1", "many"):
        assert five.refused("GET", ADDRESSES, maxResults=size)[:2] == (400, "badRequest")


def test_the_client_follows_pages(five: Any) -> None:
    client = five.client(compute_v1.GlobalAddressesClient)
    request = compute_v1.ListGlobalAddressesRequest(project=five.project, max_results=2)
    assert [item.name for item in client.list(request=request)] == [
        "alpha",
        "bravo",
        "charlie",
        "delta",
        "echo",
    ]


def test_aggregated_list(gce: Any) -> None:
    gce.neg("here")
    gce.neg("there", zone="europe-west1-b")
    body = gce.get(
        "aggregated/networkEndpointGroups", includeAllScopes="true", returnPartialSuccess="true"
    )
    assert body["kind"] == "compute#networkEndpointGroupAggregatedList"
    assert body["id"] == gce.path("aggregated/networkEndpointGroups")
    filled = {scope: value for scope, value in body["items"].items() if "warning" not in value}
    assert {
        scope: [item["name"] for item in value["networkEndpointGroups"]]
        for scope, value in filled.items()
    } == {"zones/us-central1-a": ["here"], "zones/europe-west1-b": ["there"]}
    scope = "zones/asia-east2-c"
    assert body["items"][scope] == {
        "warning": {
            "code": "NO_RESULTS_ON_PAGE",
            "message": f"There are no results for scope '{scope}' on this page.",
            "data": [{"key": "scope", "value": scope}],
        }
    }


def test_aggregated_over_global_and_regions(gce: Any) -> None:
    gce.backend_service("world")
    gce.make(
        "regions/us-central1/backendServices", name="local", loadBalancingScheme="EXTERNAL_MANAGED"
    )
    client = gce.client(compute_v1.BackendServicesClient)
    found = {
        scope: [item.name for item in scoped.backend_services]
        for scope, scoped in client.aggregated_list(project=gce.project)
        if scoped.backend_services
    }
    assert found == {"global": ["world"], "regions/us-central1": ["local"]}
    first = gce.get("aggregated/backendServices", maxResults="1")
    token = first["nextPageToken"]
    second = gce.get("aggregated/backendServices", maxResults="1", pageToken=token)
    pages = [
        scope
        for body in (first, second)
        for scope, value in body["items"].items()
        if "warning" not in value
    ]
    assert sorted(pages) == ["global", "regions/us-central1"]


def test_usable_backend_services(gce: Any) -> None:
    gce.backend_service("one")
    client = gce.client(compute_v1.BackendServicesClient)
    assert [item.name for item in client.list_usable(project=gce.project)] == ["one"]
