"""Google's batch endpoint: many requests in one, as multipart/mixed parts of application/http."""

import email.parser
import email.policy
from collections.abc import Awaitable, Callable

from multidict import MultiMapping
from yarl import URL

from gcpsim.core.edge import Answer
from gcpsim.core.errors import ApiError

BOUNDARY = "batch_gcpsim"
MOST_PARTS = 1000
Ask = Callable[[str, str, dict[str, str], dict[str, str], bytes], Awaitable[Answer]]


async def answer(ask: Ask, headers: dict[str, str], body: bytes) -> Answer:
    """Ask each part in turn (verb, path, query, headers, body), and answer them together."""
    kind = headers.get("content-type", "")
    if not kind.lower().startswith("multipart/mixed"):
        raise _failed("missing boundary")
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(
        b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body
    )
    parts = [part for part in message.iter_parts() if part.get_payload()]
    if not parts:
        raise _failed("no parts")
    if len(parts) > MOST_PARTS:
        raise _failed(f"more than {MOST_PARTS} parts")
    out = bytearray()
    for part in parts:
        payload = part.get_payload(decode=True)
        answered = await _part(ask, headers, payload if isinstance(payload, bytes) else b"")
        content_id = str(part.get("Content-ID", "")).strip()
        out += f"--{BOUNDARY}\r\nContent-Type: application/http\r\n".encode()
        if content_id:
            out += f"Content-ID: <response-{content_id.lstrip('<')}\r\n".encode()
        out += b"\r\n" + _http_text(answered) + b"\r\n"
    out += f"--{BOUNDARY}--\r\n".encode()
    return Answer(200, bytes(out), {"Content-Type": f"multipart/mixed; boundary={BOUNDARY}"})


def query_of(given: MultiMapping[str]) -> dict[str, str]:
    """Query parameters; the values of a repeated one (`names`) joined by commas."""
    return {name: ",".join(given.getall(name)) for name in given}


async def _part(ask: Ask, outer: dict[str, str], payload: bytes) -> Answer:
    head, _, body = payload.replace(b"\r\n", b"\n").lstrip().partition(b"\n\n")
    lines = head.decode("utf-8", "replace").split("\n")
    words = lines[0].split(" ")
    if len(words) < 2:
        refused = ApiError(400, "Failed to parse batch request", "badRequest")
        return Answer(400, refused.legacy_body())
    inner = {"host": outer.get("host", ""), "user-agent": outer.get("user-agent", "")}
    if "authorization" in outer:
        inner["authorization"] = outer["authorization"]
    for line in lines[1:]:
        name, _, value = line.partition(":")
        inner[name.strip().lower()] = value.strip()
    target = URL(words[1], encoded=True)
    if target.host:
        inner["host"] = target.host
    return await ask(words[0], target.raw_path, query_of(target.query), inner, body)


def _failed(why: str) -> ApiError:
    return ApiError(400, f"Failed to parse batch request, error: {why}", "badRequest")


def _http_text(answer: Answer) -> bytes:
    body = answer.encoded()
    head = f"HTTP/1.1 {answer.status} {'OK' if answer.status < 400 else 'Error'}\r\n"
    head += f"Content-Type: application/json; charset=UTF-8\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
