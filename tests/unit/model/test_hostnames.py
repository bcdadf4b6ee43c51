"""Which name covers which."""

import pytest
from edgebook.model.hostnames import Hostname, covered, overlapping


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("shop.example.com", "shop.example.com", True),
        ("shop.example.com", "www.shop.example.com", False),
        ("*.example.com", "shop.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "a.shop.example.com", False),
        ("*.example.com", "*.example.com", True),
        ("*.example.com", "*.shop.example.com", False),
        ("shop.example.com", "*.example.com", False),
    ],
)
def test_a_wildcard_covers_one_level_and_not_its_own_domain(
    one: str, other: str, expected: bool
) -> None:
    assert Hostname(one).covers(other) is expected


def test_names_that_share_a_name_are_found_in_both_directions() -> None:
    hosts = ["*.example.com", "shop.example.com", "example.org"]
    assert overlapping(hosts, ["shop.example.com"]) == ["*.example.com", "shop.example.com"]
    assert overlapping(["pay.example.com"], ["*.example.com"]) == ["pay.example.com"]
    assert covered(["pay.example.com", "example.com"], ["*.example.com"]) == ["pay.example.com"]


@pytest.mark.parametrize(
    ("name", "zone", "expected"),
    [
        ("shop.example.com", "example.com.", True),
        ("example.com", "example.com.", True),
        ("*.example.com", "example.com.", True),
        ("badexample.com", "example.com.", False),
        ("shop.example.org", "example.com.", False),
    ],
)
def test_a_name_belongs_to_its_zone(name: str, zone: str, expected: bool) -> None:
    assert Hostname(name).under(zone) is expected


def test_the_parts_of_a_name() -> None:
    star = Hostname("*.example.com")
    assert (star.domain, star.probe, star.fqdn) == (
        "example.com",
        "edgebook-check.example.com",
        "*.example.com.",
    )
    assert Hostname("shop.example.com").probe == "shop.example.com"
    assert Hostname("shop.example.com").parent == "example.com"
