"""Plain JSON requests to Google's services: all reads, and the writes its clients cannot do.

Reads go this way since a list of raw dicts keeps fields that the installed clients do not know yet
(a backend written back would lose them) and costs a twentieth of protobuf; decision 21 has the
measurements. Every request, also those of Google's clients, passes `Wire.attempt`, where errors
become edgebook's own and transient ones are repeated.
"""

import threading
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import orjson

from edgebook.base.errors import ApiError
from edgebook.cloud import answers, refusals, retry
from edgebook.cloud.connect import Connection

T = TypeVar("T")
MARKED = frozenset({"compute", "dns"})  # APIs that say `kind` in every list
PAGES_AT_MOST = 2000
# The parameter for the size of a page and the largest one, where it is not maxResults and 500.
PAGES = {"certificatemanager": ("pageSize", 500), "serviceusage": ("pageSize", 200)}


class Wire:
    """Requests over one connection; `calls` counts them, repetitions too."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.clock = connection.clock
        self.calls = 0
        self._lock = threading.Lock()

    def get(self, service: str, path: str, **params: str) -> dict[str, Any]:
        return self.request(service, "GET", path, params=params)

    def find(self, service: str, path: str, **params: str) -> dict[str, Any] | None:
        """A resource, or None for 404."""
        try:
            return self.request(service, "GET", path, params=params, check=answers.named)
        except ApiError as error:
            if refusals.not_there(error):
                return None
            raise

    def dated(self, service: str, path: str) -> tuple[dict[str, Any] | None, float | None]:
        """A resource or None, and the API's own time when it answered, in seconds since 1970."""
        times: list[float | None] = [None]
        try:
            said = self.request(service, "GET", path, times=times, check=answers.named)
            return said, times[0]
        except ApiError as error:
            if refusals.not_there(error):
                return None, times[0]
            raise

    def request(
        self,
        service: str,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        body: Any = None,
        check: Callable[[dict[str, Any]], object] = lambda said: None,
        times: list[float | None] | None = None,
    ) -> dict[str, Any]:
        """One JSON request, repeated while its error passes by itself; `check` may refuse it."""
        url = f"{self.connection.endpoint(service)}/{path}"
        data = None if body is None else orjson.dumps(body)
        headers = {"Content-Type": "application/json"} if data is not None else None

        def once() -> dict[str, Any]:
            answer = self.connection.session.request(
                method,
                url,
                params=params,
                data=data,
                headers=headers,
                timeout=self.connection.limits.one,
            )
            if times is not None:
                times[0] = _date(answer.headers.get("Date", ""))
            if answer.status_code >= 400:
                raise refusals.from_body(
                    answer.status_code, answer.content, method=method, path=path
                )
            said = answers.json_object(answer.status_code, answer.content)
            check(said)
            return said

        return self.attempt(once, method=method, path=path)

    def attempt(self, once: Callable[[], T], *, method: str, path: str, waits: bool = False) -> T:
        """Call `once`; repeat it with growing pauses while its error is one that passes."""

        def counted() -> T:
            with self._lock:
                self.calls += 1
            return once()

        return retry.attempt(
            counted,
            connection=self.connection,
            method=method,
            path=path,
            waits=waits,
            prepare=self.connection.refresh,
        )

    def pages(
        self,
        service: str,
        path: str,
        *,
        items: str = "",
        method: str = "GET",
        body: Any = None,
        **params: str,
    ) -> Iterator[dict[str, Any]]:
        """The pages of a list, each as the service answered it, with `items` in it checked."""
        size, most = PAGES.get(service, ("maxResults", 500))
        query = {size: str(most), **params}

        def check(page: dict[str, Any]) -> None:
            if items:
                answers.listed(page, items, marked=service in MARKED)

        seen: set[str] = set()
        while True:
            page = self.request(service, method, path, params=query, body=body, check=check)
            yield page
            token = str(page.get("nextPageToken") or "")
            if not token:
                return
            if token in seen or len(seen) == PAGES_AT_MOST:
                raise ApiError(
                    "A list does not end",
                    reason=refusals.GARBLED,
                    message=f"page {len(seen) + 1} leads to a page that was read already",
                    method=method,
                    path=path,
                    next=refusals.LOOK_BETWEEN,
                )
            seen.add(token)
            query["pageToken"] = token


def _date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except ValueError:
        return None
