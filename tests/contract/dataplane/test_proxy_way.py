"""Unmodified clients reach the simulated world through the proxy."""

import subprocess
from typing import Any

import pytest


def curl(sim: Any, *arguments: str) -> str:
    done = subprocess.run(
        ["curl", "-sS", "--proxy", sim.ready["proxy"], "--cacert", sim.ready["ca"], *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.stdout or done.stderr


@pytest.fixture
def named(shop: Any) -> Any:
    """The shop under names of the simulated DNS."""
    shop.zone(shop=shop.get("global/forwardingRules/rule")["IPAddress"])
    return shop


def test_curl_by_name_over_tls(door: Any) -> None:
    """`curl --proxy URL --cacert FILE https://...` with a certificate that Google manages."""
    door.neg()
    door.pod("one")
    door.service("bs", "neg")
    door.zone()
    certificate = door.managed_certificate("managed", f"shop.{door.domain}")
    door.https_door(door.certificate_map(PRIMARY=certificate))
    door.record("shop", door.get("global/forwardingRules/rule")["IPAddress"])
    assert '"pod": "one"' in curl(door.sim, f"https://shop.{door.domain}/")


def test_plain_http_by_name(named: Any) -> None:
    assert '"path": "/a?b=1"' in curl(named.sim, f"http://shop.{named.domain}/a?b=1")


def test_the_location_and_the_client_are_chosen_by_the_user_name(named: Any) -> None:
    said = curl(named.sim, "-U", "europe-west1,203.0.113.9:", f"http://shop.{named.domain}/")
    assert "203.0.113.9," in said
    (row,) = named.flowed(1)
    assert row["location"] == "europe-west1"


def test_what_does_not_lead_anywhere_is_refused(named: Any) -> None:
    sim = named.sim
    assert "is no name of the simulated DNS" in curl(sim, "http://unknown.invalid/")
    assert "mars is no location" in curl(sim, "-U", "mars:", f"http://shop.{named.domain}/")
    assert "nothing listens" in curl(sim, f"http://shop.{named.domain}:81/")
    assert "CONNECT tunnel failed, response 502" in curl(sim, f"https://shop.{named.domain}/")
