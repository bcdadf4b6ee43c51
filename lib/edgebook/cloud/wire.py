"""Plain JSON requests to Google's services: all reads, and the writes its clients cannot do.

Reads go this way since a list of raw dicts keeps fields that the installed clients do not know yet
(a backend written back would lose them) and costs a twentieth of protobuf; decision 21 has the
measurements. Every request, also those of Google's clients, passes `Wire.attempt`, where errors
become edgebook's own and transient ones are repeated.
"""

import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import orjson

from edgebook.clock import backoff
from edgebook.cloud import refusals
from edgebook.cloud.connect import Connection
from edgebook.cloud.refusals import Passing
from edgebook.errors import ApiError

T = TypeVar("T")
TRIES = 8
# The parameter for the size of a page and the largest one, where it is not maxResults and 500.
PAGES = {"certificatemanager": ("pageSize", 500), "serviceusage": ("pageSize", 200)}


class Wire:
    """Requests over one connection; `retried` counts the repetitions, for progress and journals."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.clock = connection.clock
        self.retried = 0
        self.calls = 0
        self._lock = threading.Lock()

    def get(self, service: str, path: str, **params: str) -> dict[str, Any]:
        return self.request(service, "GET", path, params=params)

    def find(self, service: str, path: str, **params: str) -> dict[str, Any] | None:
        """Like get, but None for 404."""
        try:
            return self.get(service, path, **params)
        except ApiError as error:
            if refusals.not_there(error):
                return None
            raise

    def request(
        self,
        service: str,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        body: Any = None,
        timeout: float = 60.0,
    ) -> dict[str, Any]:
        """One JSON request, repeated while its error passes by itself."""
        url = f"{self.connection.endpoint(service)}/{path}"
        data = None if body is None else orjson.dumps(body)
        headers = {"Content-Type": "application/json"} if data is not None else None

        def once() -> dict[str, Any]:
            answer = self.connection.session.request(
                method, url, params=params, data=data, headers=headers, timeout=timeout
            )
            if answer.status_code >= 400:
                raise refusals.from_body(
                    answer.status_code, answer.content, method=method, path=path
                )
            return orjson.loads(answer.content) if answer.content.strip() else {}

        return self.attempt(once, method=method, path=path)

    def attempt(self, once: Callable[[], T], *, method: str, path: str) -> T:
        """Call `once`; repeat it with growing pauses while its error is one that passes."""
        for attempt in range(TRIES):
            try:
                with self._lock:
                    self.calls += 1
                return once()
            except Exception as raised:
                error = refusals.from_exception(raised, method=method, path=path)
                when = refusals.passing(error)
                if when is Passing.NEVER or attempt == TRIES - 1:
                    raise error from raised
                assert isinstance(error, ApiError)
                self.pause(error, when, attempt)
        raise AssertionError("unreachable")

    def pause(self, error: ApiError, when: Passing, attempt: int) -> None:
        """Wait as long as this kind of error asks for."""
        seconds = backoff(attempt)
        if when is Passing.AFTER_THE_MINUTE:
            # Quotas are counted in windows of one minute and refilled when the next one starts.
            seconds += 60 - self.clock.utc().second
        with self._lock:
            self.retried += 1
        self.connection.on_retry(error, seconds)
        self.clock.wait(seconds)

    def pages(
        self, service: str, path: str, *, method: str = "GET", body: Any = None, **params: str
    ) -> Iterator[dict[str, Any]]:
        """The pages of a list, each as the service answered it."""
        size, most = PAGES.get(service, ("maxResults", 500))
        query = {size: str(most), **params}
        while True:
            page = self.request(service, method, path, params=query, body=body)
            yield page
            token = page.get("nextPageToken")
            if not token:
                return
            query["pageToken"] = str(token)
