"""How long pods go on answering when they are told to end, by what their containers say."""

import math
from typing import Any

import pytest
from edgebook.model.pods import impatient, waits


def container(*command: str, **hook: Any) -> dict[str, Any]:
    how = {"exec": {"command": list(command)}} if command else hook
    return {"name": "api", "lifecycle": {"preStop": how}}


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ({"name": "api"}, None),
        ({"name": "api", "lifecycle": {}}, None),
        (container(sleep={"seconds": 20}), 20),
        (container("/bin/sh", "-c", "sleep 30"), 30),
        (container("sleep", "45"), 45),
        (container("/bin/sh", "-c", "sleep 10; nginx -s quit; sleep 60"), 70),
        (container("/wait-shutdown"), math.inf),
        (container("/bin/sh", "-c", "sleep $DELAY"), math.inf),
        (container(httpGet={"path": "/quit"}), math.inf),
    ],
)
def test_what_a_pre_stop_takes(given: dict[str, Any], seconds: float | None) -> None:
    assert waits(given) == seconds


@pytest.mark.parametrize(
    ("containers", "grace", "words"),
    [
        ([container(sleep={"seconds": 20})], 90, "preStop of api waits 20 s"),
        ([container(sleep={"seconds": 59})], 90, "waits 59 s, endpoints are asked for up to 60 s"),
        ([container(sleep={"seconds": 60})], 90, ""),
        ([container(sleep={"seconds": 60})], 60, "terminationGracePeriodSeconds 60 ends"),
        ([container(sleep={"seconds": 60})], None, "terminationGracePeriodSeconds 30 ends"),
        ([container("/wait-shutdown")], 60, ""),
        ([container(sleep={"seconds": 5}), container("/wait-shutdown")], 90, ""),
        ([{"name": "api"}], 90, ""),
    ],
)
def test_pods_that_end_while_they_are_asked(
    containers: list[dict[str, Any]], grace: int | None, words: str
) -> None:
    spec = {"containers": containers, "terminationGracePeriodSeconds": grace}
    found = impatient(spec)
    assert words in found and bool(found) == bool(words)
