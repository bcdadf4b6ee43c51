"""Links in every form, and how others refer to a kind."""

import pytest
from edgebook.model.links import canonical, link, plain, same_link, same_text
from edgebook.model.values import ResourceKey

SCOPE = "projects/p/global"


NUMBERS = {"123": "p"}


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


def test_a_project_number_that_is_known_becomes_the_project() -> None:
    assert canonical("projects/123/global/urlMaps/u", NUMBERS) == "projects/p/global/urlMaps/u"
    assert canonical("projects/9/global/urlMaps/u", NUMBERS) == "projects/9/global/urlMaps/u"
    assert not same_link("projects/123/global/urlMaps/u", "projects/q/global/urlMaps/u", NUMBERS)


def test_a_body_is_plain_when_every_link_in_it_is_canonical() -> None:
    body = {"urlMap": SAME_LINKS[1], "many": [SAME_LINKS[2], (SAME_LINKS[5],)], "count": 3}
    assert plain(body, NUMBERS) == {
        "urlMap": canonical(SAME_LINKS[0]),
        "many": [canonical(SAME_LINKS[0]), [canonical(SAME_LINKS[0])]],
        "count": 3,
    }


def test_texts_are_the_same_when_only_one_of_the_reasons_holds() -> None:
    assert same_text("any", "any")
    assert same_text(SAME_LINKS[0], SAME_LINKS[3])
    assert same_text("443", "443-443") and same_text("443-443", "443")
    assert same_text("::1", "0:0:0:0:0:0:0:1")
    assert not same_text("443", "443-444")
    assert not same_text("any", "other")
