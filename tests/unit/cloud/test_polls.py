"""Waiting for an API's work, and bodies as its client's messages."""

import pytest
from edgebook.base.clock import SteppedClock
from edgebook.base.errors import ApiError, UsageError
from edgebook.cloud import polls
from edgebook.cloud.lightimport import compute_types
from edgebook.cloud.messages import filled
from google.cloud import certificate_manager_v1

WHERE = {"method": "POST", "path": "v1/things"}


def done(said):
    return said.get("status") == "DONE"


def test_it_is_asked_until_it_is_done_more_and_more_seldom():
    clock, waits = SteppedClock(), []
    clock.on_wait = waits.append
    states = iter(["PENDING", *["RUNNING"] * 8, "DONE"])
    said = polls.until(
        done, {"name": "o"}, lambda before: {**before, "status": next(states)}, clock=clock, **WHERE
    )
    assert said == {"name": "o", "status": "DONE"}
    assert waits[0] == polls.FIRST and waits[-1] == polls.LONGEST and waits == sorted(waits)
    assert next(states, None) is None


def test_what_is_done_is_not_asked_again():
    def again(said):
        raise AssertionError("asked")

    assert polls.until(done, {"status": "DONE"}, again, **WHERE) == {"status": "DONE"}


def test_what_is_never_done_ends_with_words():
    with pytest.raises(ApiError) as caught:
        polls.until(done, {"name": "o", "status": "RUNNING"}, lambda said: said, seconds=0, **WHERE)
    assert "v1/things" in caught.value.where


def test_a_body_becomes_a_message_of_either_kind_of_client():
    certificate = filled(
        certificate_manager_v1.DnsAuthorization, {"domain": "example.com"}, "it", "the API"
    )
    assert certificate.domain == "example.com"
    field = type(compute_types().HealthCheck.pb(compute_types().HealthCheck()))
    assert filled(field, {"checkIntervalSec": 5}, "it", "the API").check_interval_sec == 5


def test_a_field_that_the_client_lacks_is_named():
    with pytest.raises(UsageError, match="shop has a field or value that the API does not know"):
        filled(certificate_manager_v1.DnsAuthorization, {"colour": "red"}, "shop", "the API")
