"""Loopback addresses and ports of simulated addresses."""

import socket
from collections.abc import Iterator

import pytest
from gcpsim.dataplane.block import Block
from gcpsim.dataplane.places import SHIFT, Places


@pytest.fixture
def block() -> Iterator[Block]:
    made = Block()
    assert not made.shared, "this machine has only 127.0.0.1"
    yield made
    made.close()


def test_two_simulators_take_two_blocks(block: Block) -> None:
    other = Block()
    assert other.number != block.number
    assert other.front().split(".")[1] == str(other.number)
    other.close()


def test_a_block_is_free_again_when_it_is_closed(block: Block) -> None:
    first = Block()
    number = first.number
    first.close()
    again = Block()
    assert again.number == number
    again.close()


def test_addresses_are_given_once(block: Block) -> None:
    given = [block.front() for _ in range(300)] + [block.pod() for _ in range(300)]
    assert len(set(given)) == 600
    assert block.nobody not in given


def test_one_host_for_each_address_and_location(block: Block) -> None:
    places = Places(block)
    first = places.of("203.0.113.1", "us-central1", 8443)
    assert first == places.of("203.0.113.1", "us-central1", 8443)
    assert first.host == places.of("203.0.113.1", "us-central1", 9000).host
    hosts = {
        places.of(ip, location, 8443).host
        for ip in ("203.0.113.1", "203.0.113.2")
        for location in ("us-central1", "europe-west1")
    }
    assert len(hosts) == 4
    assert first.port == 8443


def test_a_port_in_use_is_shifted_and_then_any(block: Block) -> None:
    said: list[str] = []
    places = Places(block, said.append)
    host = places.of("203.0.113.9", "us-central1", 8000).host
    with socket.socket() as one, socket.socket() as other:
        one.bind((host, 8443))
        one.listen()
        assert places.of("203.0.113.9", "us-central1", 8443).port == 8443 + SHIFT
        for listener, port in ((one, 0), (other, 9443 + SHIFT)):
            if port:
                listener.bind((host, port))
                listener.listen()
        with socket.socket() as third:
            third.bind((host, 9443))
            third.listen()
            found = places.of("203.0.113.9", "us-central1", 9443)
        other_location = places.of("203.0.113.9", "europe-west1", 8443)
    assert other_location.port == 8443
    assert [line.partition(":")[0] for line in said] == ["port 8443", "port 9443"], "each once"
    assert f"{host}:{8443 + SHIFT}" in said[0]
    assert found.host == host
    assert found.port not in (9443, 9443 + SHIFT)


def test_where_only_one_address_exists_ports_tell_places_apart(block: Block) -> None:
    class OnlyOne(Block):
        @property
        def shared(self) -> bool:
            return True

    one = OnlyOne()
    places = Places(one)
    found = [places.of(ip, "us-central1", 8443) for ip in ("203.0.113.1", "203.0.113.2")]
    assert {place.host for place in found} == {"127.0.0.1"}
    assert len({place.port for place in found}) == 2
    one.close()
