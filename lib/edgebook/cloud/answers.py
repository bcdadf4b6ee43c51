"""What an answer must be before anybody believes it: a JSON object, whole, from where we asked.

A proxy's page, an empty 200, half a body, another host's answer: none of them says anything about
Google Cloud or a cluster, above all not that something is not there. They are `Garbled`: tried
again where that may help, else told. Nothing here knows what the objects mean.
"""

import io
from collections.abc import Mapping
from typing import Any

import orjson
import requests
import urllib3
from requests.adapters import HTTPAdapter

from edgebook.base.text import plain

LARGEST = 64 * 1024 * 1024
SHOWN = 160


class Garbled(requests.RequestException):
    """An answer that no API should send; Google's clients hand it on as they hand on requests'."""


def json_object(status: int, content: bytes, location: str = "") -> dict[str, Any]:
    """The object in an answer below 400; Garbled for anything else."""
    if 300 <= status < 400:
        raise Garbled(f"HTTP {status}, sent elsewhere: {plain(location)[:SHOWN] or 'nowhere'}")
    if status == 204:
        return {}
    if not content.strip():
        raise Garbled(f"HTTP {status} with nothing in it")
    try:
        said = orjson.loads(content)
    except ValueError:
        raise Garbled(f"HTTP {status} with what is no JSON: {beginning(content)}") from None
    if not isinstance(said, dict):
        raise Garbled(f"HTTP {status} with {type(said).__name__} instead of an object")
    if set(said) == {"error"}:
        raise Garbled(f"HTTP {status} with an error in it: {beginning(content)}")
    return said


def listed(page: Mapping[str, Any], items: str, *, marked: bool) -> list[dict[str, Any]]:
    """The named objects of a list's page; Garbled when it is no such page.

    `marked`: this API says `kind` in each list, so that an object without it is no empty list.
    """
    found = page.get(items)
    if found is None:
        if marked and not str(page.get("kind", "")):
            raise Garbled(f"an object without kind and {items} instead of a list")
        return []
    if not isinstance(found, list):
        raise Garbled(f"{items} is {type(found).__name__} instead of a list")
    for item in found:
        if not isinstance(item, dict) or not isinstance(item.get("name"), str):
            raise Garbled(f"{items} holds something without a name")
    return found


def named(said: Mapping[str, Any]) -> None:
    """Raise Garbled for an answer that is no single resource."""
    if not isinstance(said.get("name"), str):
        raise Garbled("an object without a name instead of a resource")


def beginning(content: bytes | str) -> str:
    """The first words of what was sent, without anything that a terminal would act on."""
    text = content.decode(errors="replace") if isinstance(content, bytes) else content
    return plain(" ".join(text[: 4 * SHOWN].split()))[:SHOWN]


class Whole(HTTPAdapter):
    """Reads an answer to its end, up to a size, and refuses to be sent elsewhere."""

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> Any:
        answer = super().send(request, *args, **options)
        if 300 <= answer.status_code < 400:
            json_object(answer.status_code, b"", answer.headers.get("Location", ""))
        answer.raw = io.BytesIO(read_whole(answer.raw))
        return answer


class Strict(Whole):
    """The same for Google's clients: they get to see nothing but JSON objects and errors."""

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> Any:
        answer = super().send(request, *args, **options)
        if answer.status_code < 300:
            json_object(answer.status_code, answer.content)
        return answer


def read_whole(raw: Any) -> bytes:
    """The body of urllib3's answer, decompressed; Garbled when it is too much or no such thing."""
    parts, size = [], 0
    try:
        for part in raw.stream(1 << 16, decode_content=True):
            size += len(part)
            if size > LARGEST:
                raise Garbled(f"an answer of more than {LARGEST >> 20} MB")
            parts.append(part)
    except BaseException as error:
        raw.close()
        if isinstance(error, urllib3.exceptions.DecodeError):
            raise Garbled(f"a body that is not what its encoding says: {error}") from error
        raise
    raw.release_conn()
    return b"".join(parts)


def guard(client: Any, adapter: HTTPAdapter) -> Any:
    """Make a Google REST client's own session strict; they take no session of ours."""
    session = client.transport._session
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)
    return client
