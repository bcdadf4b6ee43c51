"""What one Envoy is told, and when: the order, what changed, refusals."""

from typing import Any

import pytest
from envoy.service.discovery.v3 import discovery_pb2
from gcpsim.dataplane.envoy import messages
from gcpsim.dataplane.envoy.ads import Catalogue, Stream

CLUSTER, ENDPOINTS, LISTENER, ROUTES = (
    messages.CLUSTER,
    messages.ENDPOINTS,
    messages.LISTENER,
    messages.ROUTES,
)


class Envoy:
    """The other end of a stream: asks, acknowledges, refuses."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.names: dict[str, list[str]] = {}
        self.nonces: dict[str, str] = {}

    def ask(self, kind: str, *names: str, error: str = "") -> None:
        self.names[kind] = list(names)
        request = discovery_pb2.DiscoveryRequest(
            type_url=kind, resource_names=names, response_nonce=self.nonces.get(kind, "")
        )
        if error:
            request.error_detail.message = error
        self.stream.take(request)

    def told(self, *, take: bool = True) -> list[tuple[str, list[str]]]:
        """(type, names) of all that is due, each acknowledged."""
        out = []
        while (response := self.stream.due()) is not None:
            self.nonces[response.type_url] = response.nonce
            out.append((response.type_url, sorted(names_of(response))))
            if take:
                self.ask(response.type_url, *self.names[response.type_url])
        return out


def names_of(response: Any) -> list[str]:
    classes = {"ClusterLoadAssignment": "cluster_name"}
    found = []
    for item in response.resources:
        name = item.TypeName().rsplit(".", 1)[1]
        made = messages._class(item.TypeName())()
        item.Unpack(made)
        found.append(getattr(made, classes.get(name, "name")))
    return found


@pytest.fixture
def catalogue() -> Catalogue:
    made = Catalogue()
    for name in ("a", "b"):
        made.put(CLUSTER, name, messages.message(CLUSTER, {"name": name}))
        made.put(ENDPOINTS, name, messages.message(ENDPOINTS, {"cluster_name": name}))
    made.put(LISTENER, "l", messages.message(LISTENER, {"name": "l"}))
    made.put(ROUTES, "r", messages.message(ROUTES, {"name": "r"}))
    return made


@pytest.fixture
def envoy(catalogue: Catalogue) -> Envoy:
    stream = Stream(catalogue)
    catalogue.streams.add(stream)
    made = Envoy(stream)
    for kind, names in ((LISTENER, ()), (CLUSTER, ()), (ENDPOINTS, ("a", "b")), (ROUTES, ("r",))):
        made.ask(kind, *names)
    return made


def test_what_is_referred_to_comes_first(envoy: Envoy, catalogue: Catalogue) -> None:
    assert envoy.told() == [
        (CLUSTER, ["a", "b"]),
        (ENDPOINTS, ["a", "b"]),
        (LISTENER, ["l"]),
        (ROUTES, ["r"]),
    ]
    assert catalogue.settled()


def test_only_what_changed_is_told_again(envoy: Envoy, catalogue: Catalogue) -> None:
    envoy.told()
    changed = {"cluster_name": "b", "policy": {"overprovisioning_factor": 100}}
    catalogue.put(ENDPOINTS, "b", messages.message(ENDPOINTS, changed))
    assert not catalogue.settled()
    assert envoy.told() == [(ENDPOINTS, ["b"])]
    assert envoy.told() == []


def test_clusters_and_listeners_are_told_whole(envoy: Envoy, catalogue: Catalogue) -> None:
    envoy.told()
    catalogue.drop(CLUSTER, "a")
    assert envoy.told() == [(CLUSTER, ["b"])]


def test_a_changed_cluster_gets_its_endpoints_again(envoy: Envoy, catalogue: Catalogue) -> None:
    envoy.told()
    catalogue.put(CLUSTER, "a", messages.message(CLUSTER, {"name": "a", "alt_stat_name": "x"}))
    assert envoy.told() == [(CLUSTER, ["a", "b"]), (ENDPOINTS, ["a"])]


def test_one_answer_at_a_time(envoy: Envoy, catalogue: Catalogue) -> None:
    envoy.told(take=False)
    catalogue.put(ROUTES, "r", messages.message(ROUTES, {"name": "r", "vhds": {}}))
    assert envoy.told(take=False) == []
    assert not catalogue.settled()


def test_a_refusal_is_kept_until_something_is_taken(envoy: Envoy, catalogue: Catalogue) -> None:
    envoy.told()
    catalogue.put(ROUTES, "r", messages.message(ROUTES, {"name": "r", "vhds": {}}))
    envoy.told(take=False)
    envoy.ask(ROUTES, "r", error="no such thing")
    (refusal,) = catalogue.refusals.values()
    assert (refusal.reason, refusal.names) == ("no such thing", ["r"])
    assert catalogue.settled()
    catalogue.put(ROUTES, "r", messages.message(ROUTES, {"name": "r"}))
    assert envoy.told() == [(ROUTES, ["r"])]
    assert catalogue.refusals == {}


def test_a_misspelt_field_is_named() -> None:
    with pytest.raises(messages.json_format.ParseError, match="lb_polizy"):
        messages.message(CLUSTER, {"name": "a", "lb_polizy": "RANDOM"})
    inner = {"@type": "type.googleapis.com/envoy.config.nothing.v3.Nothing"}
    with pytest.raises(messages.json_format.ParseError, match="Nothing"):
        messages.message(LISTENER, {"name": "l", "listener_filters": [{"typed_config": inner}]})


def test_a_route_waits_until_the_cluster_it_leads_to_is_taken_with_its_endpoints(
    catalogue: Catalogue, envoy: Envoy
) -> None:
    envoy.ask(CLUSTER)
    envoy.ask(ENDPOINTS, "a", "b")
    envoy.ask(ROUTES, "r")
    envoy.told()
    catalogue.put(CLUSTER, "c", messages.message(CLUSTER, {"name": "c"}))
    catalogue.put(ENDPOINTS, "c", messages.message(ENDPOINTS, {"cluster_name": "c"}))
    catalogue.put(ROUTES, "r", messages.message(ROUTES, {"name": "r", "virtual_hosts": []}))
    (clusters,) = envoy.told(take=False)
    assert clusters == (CLUSTER, ["a", "b", "c"])
    envoy.ask(ENDPOINTS, "a", "b", "c")  # Envoy warms c: it asks for its endpoints first
    (endpoints,) = envoy.told(take=False)
    assert endpoints[0] == ENDPOINTS and "c" in endpoints[1]
    envoy.ask(CLUSTER)
    assert envoy.told() == []
    envoy.ask(ENDPOINTS, "a", "b", "c")
    assert envoy.told() == [(ROUTES, ["r"])]
