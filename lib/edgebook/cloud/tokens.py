"""Access tokens, fetched with a limit, and named when they are what fails.

Google's library fetches a token in the middle of whatever call comes first, with patience of its
own; here it is a call of its own with an address, so that nobody looks for the fault elsewhere.
"""

from typing import Any

import google.auth.exceptions
from google.auth.transport.requests import Request

from edgebook.base.clock import Cancelled, Clock, backoff
from edgebook.base.errors import ConnectError, EdgebookError
from edgebook.cloud.answers import beginning
from edgebook.cloud.calls import TooLong, bounded

TRIES = 3
SILENT_TRIES = 2
LOGIN = "gcloud auth application-default login"


def refresh(credentials: Any, clock: Clock, *, seconds: float) -> None:
    """Fetch a token into these credentials; ConnectError with the endpoint when there is none.

    `seconds` are for one try.
    """
    for number in range(1, TRIES + 1):
        try:
            bounded(lambda: credentials.refresh(Request()), seconds=seconds, clock=clock)
            return
        except (Cancelled, EdgebookError):
            raise
        except Exception as error:
            silent = isinstance(error, TooLong) and number == SILENT_TRIES
            if number == TRIES or silent or not _passes(error):
                raise _failed(credentials, error, number) from error
            clock.wait(backoff(number - 1))


def endpoint(credentials: Any) -> str:
    """Where tokens of these credentials come from, as far as they say it."""
    for name in ("_token_uri", "token_uri", "_token_url"):
        if found := getattr(credentials, name, None):
            return str(found)
    return "the metadata server or token endpoint of the credentials"


def _passes(error: Exception) -> bool:
    """Refused for good is only what the endpoint itself says in its own words."""
    if isinstance(error, google.auth.exceptions.RefreshError):
        return bool(error.retryable) or "invalid_grant" not in str(error)
    return not isinstance(error, google.auth.exceptions.DefaultCredentialsError)


def _failed(credentials: Any, error: Exception, tries: int) -> ConnectError:
    often = f" (tried {tries} times)" if tries > 1 else ""
    said = f"{type(error).__name__}: {beginning(str(error.args[0] if error.args else error))}"
    step = f"`{LOGIN}`; if it stays, look at the network between here and that address"
    if isinstance(error, TooLong):
        said = str(error)
        step = "look at the proxy or network between here and that address, then run it again"
    return ConnectError(
        "No access token", where=f"POST {endpoint(credentials)}", why=f"{said}{often}", next=step
    )
