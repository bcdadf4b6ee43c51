"""Requests as they should not be: malformed, unknown, oversized, unplayed; and batches of them."""

import gzip
import json
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
from gcpsim.core.discovery import api

ADDRESSES = "global/addresses"


def payload_error(gce: Any, verb: str, path: str, body: Any) -> str:
    """The message of a body that can't be read, with its google.rpc details."""
    status, answer = gce.ask(verb, path, body)
    error = answer["error"]
    assert (status, error["code"]) == (400, 400)
    assert error["errors"][0]["reason"] in ("badRequest", "parseError")
    if error["errors"][0]["reason"] == "badRequest":
        assert error["status"] == "INVALID_ARGUMENT"
        assert error["details"][0]["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    return str(error["message"])


UNKNOWN = 'Invalid JSON payload received. Unknown name "{}"{}: Cannot find field.'
BODIES: list[tuple[str, Any, str]] = [
    (ADDRESSES, {"name": "a", "colour": "red"}, UNKNOWN.format("colour", "")),
    (
        "global/backendServices",
        {"name": "b", "connectionDraining": {"seconds": 1}},
        UNKNOWN.format("seconds", " at 'connection_draining'"),
    ),
    (
        "global/backendServices",
        {"name": "b", "backends": [{"group": "x", "weight": 1}]},
        UNKNOWN.format("weight", " at 'backends[0]'"),
    ),
    (
        "global/backendServices",
        {"name": "b", "timeoutSec": "soon"},
        "Invalid value at 'timeout_sec' (TYPE_INT32), \"soon\"",
    ),
    (
        "global/backendServices",
        {"name": "b", "timeoutSec": 2**31},
        "Invalid value at 'timeout_sec' (TYPE_INT32), 2147483648",
    ),
    (
        "global/backendServices",
        {"name": "b", "enableCDN": "maybe"},
        "Invalid value at 'enable_c_d_n' (TYPE_BOOL), \"maybe\"",
    ),
    (ADDRESSES, {"name": 5}, "Invalid value at 'name' (TYPE_STRING), 5"),
    (
        "global/backendServices",
        {"name": "b", "fingerprint": "*"},
        "Invalid value at 'fingerprint' (TYPE_BYTES), Base64 decoding failed for \"*\"",
    ),
]


def test_bodies_that_do_not_fit_the_schema(gce: Any) -> None:
    for path, body, message in BODIES:
        assert payload_error(gce, "POST", path, body) == message, body
    for path in (ADDRESSES, "global/backendServices"):
        assert "items" not in gce.get(path)


@pytest.mark.parametrize("body", [b"{", b'{"name": }', b"[1, 2]", b'"text"', b"\xff\xfe", b"1"])
def test_bodies_that_are_no_json_object(gce: Any, body: bytes) -> None:
    message = payload_error(gce, "POST", ADDRESSES, body)
    assert message.startswith("Invalid JSON payload received.")


def test_numbers_may_come_as_strings_and_names_in_snake_case(gce: Any) -> None:
    body = {"name": "b", "timeoutSec": "12", "portName": "x"}
    gce.do("POST", "global/backendServices", body)
    assert gce.get("global/backendServices/b")["timeoutSec"] == 12
    gce.do("PATCH", "global/backendServices/b", {"timeout_sec": 13})
    assert gce.get("global/backendServices/b")["timeoutSec"] == 13


def test_an_oversized_body(gce: Any) -> None:
    body = json.dumps({"name": "a", "description": "x" * (11 << 20)}).encode()
    code, reason, _ = gce.refused("POST", ADDRESSES, body)
    assert (code, reason) == (413, "uploadTooLarge")
    gce.make(ADDRESSES, name="ip")


def test_a_body_without_a_content_type(gce: Any) -> None:
    status, _ = gce.ask("POST", ADDRESSES, b'{"name": "ip"}', headers={})
    assert status == 200


def test_verbs_that_do_not_exist(gce: Any) -> None:
    gce.make(ADDRESSES, name="ip")
    for verb, path in (
        ("PUT", f"{ADDRESSES}/ip"),
        ("PATCH", f"{ADDRESSES}/ip"),
        ("DELETE", ADDRESSES),
        ("TRACE", ADDRESSES),
        ("POST", f"{ADDRESSES}/ip"),
    ):
        code, reason, message = gce.refused(verb, path, {} if verb != "TRACE" else None)
        assert (code, reason) == (405, "httpMethodNotAllowed"), (verb, path)
        assert verb in message


@pytest.mark.parametrize("path", ["global/nothing", "global/nothing/x/y/z", "planets/x/addresses"])
def test_paths_that_do_not_exist(gce: Any, path: str) -> None:
    assert gce.refused("GET", path)[:2] == (404, "notFound")


def test_other_services_versions_and_roots(gce: Any) -> None:
    for path in ("/compute/v9/projects/p", "/nowhere", "/compute/v1", "/compute/v1/projects"):
        status, answer = gce.sim.http("GET", path)
        assert status in (404, 405), path
        assert answer["error"]["code"] == status


def test_what_is_not_played_says_its_name(gce: Any) -> None:
    for verb, path, method in (
        ("GET", "global/machineImages", "compute.machineImages.list"),
        ("POST", "global/snapshots", "compute.snapshots.insert"),
        ("GET", "zones/us-central1-a/reservations", "compute.reservations.list"),
        ("GET", "aggregated/reservations", "compute.reservations.aggregatedList"),
    ):
        assert gce.refused(verb, path, {} if verb == "POST" else None) == (
            400,
            "notImplemented",
            f"{method} is not supported: gcpsim, the local Google Cloud, does not implement it.",
        )


def test_no_method_of_the_document_crashes(gce: Any) -> None:
    """Every GET and every empty POST, PATCH, PUT and DELETE: refused or answered, never a 500."""
    places = {"project": gce.project, "zone": "us-central1-a", "region": "us-central1"}
    for method in api("compute").methods.values():
        path = method.path
        for name in method.parameters:
            path = path.replace(f"{{{name}}}", places.get(name, "x"))
            path = path.replace(f"{{+{name}}}", places.get(name, "x"))
        body = None if method.verb in ("GET", "DELETE") else b"{}"
        status, answer = gce.sim.http(method.verb, f"/compute/v1/{path}", body)
        assert status != 500, (method.id, answer)
        if status >= 400:
            assert answer["error"]["code"] == status
            assert answer["error"]["errors"][0]["reason"], method.id


def test_unknown_zones_and_regions(gce: Any) -> None:
    for path, kind, name in (
        ("zones/mars-a/networkEndpointGroups", "zone", "mars-a"),
        ("regions/mars/addresses", "region", "mars"),
    ):
        assert gce.refused("GET", path) == (
            400,
            "invalid",
            f"Invalid value for field '{kind}': '{name}'. Unknown {kind}.",
        )


def test_query_parameters_that_nobody_knows(gce: Any) -> None:
    gce.make(ADDRESSES, name="ip")
    body = gce.get(
        f"{ADDRESSES}/ip", alt="json", prettyPrint="false", fields="name", key="k", quotaUser="q"
    )
    assert body["name"] == "ip"


def part(number: int, request: str, body: str = "") -> str:
    return (
        f"--edge\r\nContent-Type: application/http\r\nMIME-Version: 1.0\r\n"
        f"Content-Transfer-Encoding: binary\r\nContent-ID: <x+{number}>\r\n\r\n"
        f"{request} HTTP/1.1\r\nContent-Type: application/json\r\nMIME-Version: 1.0\r\n"
        f"content-length: {len(body)}\r\nHost: compute.googleapis.com\r\n\r\n{body}\r\n"
    )


def test_a_batch(gce: Any) -> None:
    import email
    import urllib.request

    root = f"/compute/v1/{gce.path('')}"
    text = (
        part(1, f"POST {root}{ADDRESSES}?alt=json", '{"name": "one"}')
        + part(2, f"GET {root}{ADDRESSES}/none")
        + part(3, f"POST https://compute.googleapis.com{root}{ADDRESSES}", '{"name": "two"}')
        + "--edge--\r\n"
    )
    request = urllib.request.Request(
        f"{gce.sim.url}/batch/compute/v1",
        text.encode(),
        {"Content-Type": 'multipart/mixed; boundary="edge"'},
    )
    with urllib.request.urlopen(request) as answer:
        kind, raw = answer.headers["Content-Type"], answer.read()
    message = email.message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + raw)
    parts: list[Any] = list(message.get_payload())
    assert [one["Content-ID"] for one in parts] == [
        "<response-x+1>",
        "<response-x+2>",
        "<response-x+3>",
    ]
    texts = [one.get_payload().replace("\r\n", "\n") for one in parts]
    assert [text.split("\n")[0].split(" ")[1] for text in texts] == ["200", "404", "200"]
    refusal = json.loads(texts[1].split("\n\n", 1)[1])
    assert refusal["error"]["message"].endswith(f"'{gce.path(ADDRESSES)}/none' was not found")
    listed = [item["name"] for item in gce.get(ADDRESSES)["items"]]
    assert listed == ["one", "two"]


@pytest.mark.parametrize("kind", ["text/plain", "multipart/mixed", "multipart/mixed; boundary=q"])
def test_a_broken_batch(gce: Any, kind: str) -> None:
    for body in (b"", b"--x\r\n\r\n", b"\xff\x00"):
        headers = {"Content-Type": kind}
        status, answer = gce.sim.http("POST", "/batch/compute/v1", body, headers)
        assert (status, answer["error"]["code"]) == (400, 400)


def test_compressed_bodies(gce: Any) -> None:
    packed = gzip.compress(b'{"name": "packed"}')
    headers = {"Content-Encoding": "gzip"}
    assert gce.ask("POST", ADDRESSES, packed, headers=headers)[0] == 200
    assert gce.get(f"{ADDRESSES}/packed")["name"] == "packed"
    code, reason, _ = gce.refused("POST", ADDRESSES, b"not gzip", headers=headers)
    assert (code, reason) == (400, "badRequest")


def test_a_client_that_asks_before_it_sends(gce: Any) -> None:
    address = urlsplit(gce.sim.url)
    head = f"POST /compute/v1/{gce.path(ADDRESSES)} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    head += "Content-Length: 14\r\n"
    with socket.create_connection((address.hostname, address.port), timeout=10) as wire:
        wire.sendall(head.encode() + b"Expect: 100-continue\r\nConnection: close\r\n\r\n")
        assert wire.recv(100).startswith(b"HTTP/1.1 100 Continue")
        wire.sendall(b'{"name": "ip"}')
        assert wire.recv(100).startswith(b"HTTP/1.1 200")
