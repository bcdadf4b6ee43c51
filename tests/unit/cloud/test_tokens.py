"""Access tokens that do not come: named by their endpoint, once for all callers, within a limit."""

from typing import Any

import pytest
import requests
from edgebook.base.clock import Cancelled, Clock
from edgebook.base.errors import ConnectError, EdgebookError
from edgebook.cloud.calls import start
from edgebook.cloud.connect import Connection, Limits
from edgebook.cloud.wire import Wire
from google.auth.credentials import Credentials

from tests.silence import Silent


class OfEndpoint(Credentials):  # type: ignore[misc]
    """Credentials that ask an endpoint for their token, with all the patience in the world."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._token_uri = url
        self.asked = 0

    def refresh(self, request: Any) -> None:
        self.asked += 1
        requests.post(self._token_uri, timeout=3600)


def connection(url: str, **limits: float) -> Connection:
    return Connection("shop", {}, OfEndpoint(url), Clock(rate=0), limits=Limits(**limits))


@pytest.fixture
def silent() -> Any:
    with Silent() as server:
        yield server


def test_a_silent_endpoint_is_blamed_itself_by_all_who_wait_for_its_token(silent: Silent) -> None:
    """Their calls may be given less time than the token: the limit is the token's own."""
    here = connection(silent.url, token=0.4, one=0.1)
    wire = Wire(here)
    calls = [start(lambda: wire.get("compute", "compute/v1/projects/shop")) for _ in range(8)]
    raised = [call.exception(timeout=30) for call in calls]
    for error in raised:
        assert isinstance(error, ConnectError)
        assert error.what == "No access token"
        assert error.where == f"POST {silent.url}"
        assert error.why == "no answer within 0.4 s (tried 2 times)"
        assert "the proxy or network between here and that address" in error.next
    assert here.credentials.asked == 2, "eight callers, one fetch of two tries"


def test_whoever_waits_for_a_token_ends_when_the_run_is_stopped(silent: Silent) -> None:
    here = connection(silent.url, token=3600)
    wire = Wire(here)
    call = start(lambda: wire.get("compute", "compute/v1/projects/shop"))
    assert silent.asked.wait(30)
    here.clock.cancel()
    assert isinstance(call.exception(timeout=30), Cancelled)


@pytest.mark.parametrize("service", ["compute", "dns", "container"])
def test_an_api_that_is_silent_is_given_up_and_named(silent: Silent, service: str) -> None:
    here = Connection("shop", {service: silent.url}, OfEndpoint(silent.url), Clock(rate=0))
    here.credentials.token = "there"
    here.limits = Limits(one=0.2)
    with pytest.raises(EdgebookError) as failed:
        Wire(here).get(service, "v1/things")
    assert failed.value.what == "Read got no answer in time"
    assert "v1/things" in failed.value.where
    assert "tried 2 times" in failed.value.why
    assert "network between here and the API" in failed.value.next
