"""Google's front end before every API: headers, partial answers, credentials, APIs that are off."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

KEYS = "can only contain lowercase letters, numeric characters, underscores and dashes."
END = "can be at most 63 characters long. International characters are allowed."


def answer(wire: Any, path: str, **headers: str) -> Any:
    """The raw answer to a GET, whatever its status."""
    request = urllib.request.Request(wire.sim.url + path, headers=headers)
    try:
        return urllib.request.urlopen(request, timeout=60)
    except urllib.error.HTTPError as error:
        return error


def test_headers(wire: Any) -> None:
    """Recorded: with every answer, refusals too."""
    for path in ("global/addresses", "global/addresses/none"):
        got = answer(wire, f"/compute/v1/projects/{wire.project}/{path}")
        with got:
            assert got.headers["Content-Type"] == "application/json; charset=UTF-8"
            assert got.headers["Server"] == "ESF"
            assert got.headers["Vary"] == "Origin, X-Origin, Referer"
            assert got.headers["X-Content-Type-Options"] == "nosniff"
            assert got.headers["X-Frame-Options"] == "SAMEORIGIN"
            assert got.headers["X-XSS-Protection"] == "0"


def test_a_client_that_takes_gzip_and_compact_json(wire: Any) -> None:
    """Go clients ask so: `prettyPrint=false`, gzip in the User-Agent."""
    path = f"/compute/v1/projects/{wire.project}/global/networks/default?alt=json&prettyPrint=false"
    agent = "google-api-go-client/0.5 tool (gzip)"
    with answer(wire, path, **{"User-Agent": agent, "Accept-Encoding": "gzip"}) as got:
        assert got.status == 200
        assert json.loads(got.read())["name"] == "default"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("kind", {"kind": "compute#addressList"}),
        ("items/name", {"items": [{"name": "a"}, {"name": "b"}]}),
        (
            "kind,items(name,addressType)",
            {
                "kind": "compute#addressList",
                "items": [
                    {"name": "a", "addressType": "EXTERNAL"},
                    {"name": "b", "addressType": "EXTERNAL"},
                ],
            },
        ),
        ("nextPageToken", {}),
    ],
)
def test_partial_answers(wire: Any, fields: str, expected: Any) -> None:
    """Documented for all of Google's APIs: `fields` says what of the answer is wanted."""
    for name in ("a", "b"):
        wire.make("global/addresses", name=name)
    assert wire.get(f"global/addresses?fields={fields}") == expected


def test_partial_answers_through_maps(wire: Any) -> None:
    wire.make("global/addresses", name="a")
    found = wire.get("aggregated/addresses?fields=items/*/addresses/name")["items"]
    assert found["global"] == {"addresses": [{"name": "a"}]}


@pytest.mark.parametrize("fields", ["items(", "(", "items/", ",", "items)name", "a b$%26"])
def test_a_mask_that_is_none(wire: Any, fields: str) -> None:
    error = wire.refusal("GET", f"global/addresses?fields={fields.replace(' ', '%20')}")
    assert error["code"] == 400
    (item,) = error["errors"]
    assert (item["reason"], item["location"]) == ("invalidParameter", "fields")
    assert error["message"].startswith("Invalid field selection")


def test_without_credentials(start_sim: Callable[..., Any]) -> None:
    """Recorded: the entry of errors[] has a message and a place of its own."""
    sim = start_sim("--time-scale", "0", "--require-auth")
    status, body = sim.http("GET", "/compute/v1/projects/p/global/addresses")
    error = body["error"]
    assert (status, error["code"], error["status"]) == (401, 401, "UNAUTHENTICATED")
    assert error["message"].startswith("Request is missing required authentication credential.")
    assert error["errors"] == [
        {
            "message": "Login Required.",
            "domain": "global",
            "reason": "required",
            "location": "Authorization",
            "locationType": "header",
        }
    ]
    (info,) = error["details"]
    assert (info["reason"], info["domain"]) == ("CREDENTIALS_MISSING", "googleapis.com")
    assert info["metadata"]["service"] == "compute.googleapis.com"


@pytest.mark.parametrize("service", ["compute", "dns"])
def test_an_api_that_is_off(wire: Any, service: str) -> None:
    """Recorded: the domain usageLimits, extendedHelp, the project by its number."""
    number = wire.get("")["defaultServiceAccount"].split("-")[0]
    host = f"{service}.googleapis.com"
    url = f"/v1/projects/{wire.project}/services/{host}:disable"
    assert wire.sim.http("POST", url, {})[0] == 200
    path = "global/addresses" if service == "compute" else "managedZones"
    _, body = wire.sim.http("GET", f"/{service}/v1/projects/{wire.project}/{path}")
    error = body["error"]
    (item,) = error["errors"]
    assert (error["code"], error["status"]) == (403, "PERMISSION_DENIED")
    assert (item["domain"], item["reason"]) == ("usageLimits", "accessNotConfigured")
    assert item["extendedHelp"] == "https://console.developers.google.com"
    assert f"has not been used in project {number} before or it is disabled" in error["message"]
    kinds = [detail["@type"].rsplit(".", 1)[1] for detail in error["details"]]
    assert kinds == ["Help", "ErrorInfo"]
    assert error["details"][1]["metadata"] == {"consumer": f"projects/{number}", "service": host}


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        (
            {"Stage": "x"},
            "Label key 'Stage' violates format constraints. The key must start with a lowercase "
            f"character, {KEYS} The key {END}",
        ),
        (
            {"stage": "20:15"},
            f"Label value '20:15' violates format constraints. The value {KEYS} The value {END}",
        ),
    ],
)
def test_labels_that_are_none(wire: Any, labels: dict[str, str], why: str) -> None:
    """Recorded: Google's words, with an empty value, on insert and on setLabels."""
    error = wire.refusal("POST", "global/addresses", {"name": "ip", "labels": labels})
    assert error["message"] == f"Invalid value for field 'resource.labels': ''. {why}"
    address = wire.make("global/addresses", name="ip")
    body = {"labels": labels, "labelFingerprint": address["labelFingerprint"]}
    error = wire.refusal("POST", "global/addresses/ip/setLabels", body)
    assert error["message"] == f"Invalid value for field 'labels': ''. {why}"
