"""The part of CEL that matchConditions use."""

from typing import Any

import pytest
from gcpsim.k8s.types import cel

SCOPE: dict[str, Any] = {
    "request": {
        "userInfo": {"username": "ann", "groups": ["system:authenticated", "shop"]},
        "resource": {"group": "apps"},
        "dryRun": False,
    },
    "object": {"metadata": {"name": "web-1", "labels": {"app.kubernetes.io/name": "web"}}},
    "oldObject": None,
}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("true", True),
        ("1 == 1", True),
        ("!('system:nodes' in request.userInfo.groups)", True),
        ('"shop" in request.userInfo.groups && !request.dryRun', True),
        ("request.resource.group != 'apps' || object.metadata.name == 'x'", False),
        ("has(object.metadata.labels) && !has(object.metadata.annotations)", True),
        ("object.metadata.labels['app.kubernetes.io/name'] == 'web'", True),
        ("object.metadata.name.startsWith('web-') && object.metadata.name.endsWith('1')", True),
        ("object.metadata.name.matches('^w[a-z]+-[0-9]$')", True),
        ("object.metadata.name.contains('eb')", True),
        ("size(request.userInfo.groups) >= 2 && request.userInfo.groups.size() < 3", True),
        ("request.userInfo.groups.exists(g, g.startsWith('system:'))", True),
        ("request.userInfo.groups.all(g, g.startsWith('system:'))", False),
        ("oldObject == null ? object.metadata.name == 'web-1' : false", True),
        ("request.resource.group in ['', 'apps']", True),
        # One side that decides outweighs one that can't be told.
        ("object.spec.x == 1 || true", True),
        ("object.spec.x == 1 && false", False),
    ],
)
def test_expressions(text: str, wanted: bool) -> None:
    assert cel.holds(text, SCOPE) is wanted


@pytest.mark.parametrize(
    "text",
    ["object.spec.x == 1", "object.metadata.name", "object.metadata.labels['none'] == 'x'",
     "object.metadata.name.matches('[')", "request.userInfo.groups[7] == 'x'", "1 < 'a'"],
)  # fmt: skip
def test_what_cannot_be_told(text: str) -> None:
    with pytest.raises(cel.Missing):
        cel.holds(text, SCOPE)


@pytest.mark.parametrize(
    "text",
    ["", "1 +", "object.metadata.name.lowerAscii() == 'x'", "a b", "{'a': 1}", "size(1, 2) == 1",
     "(" * 99 + "true" + ")" * 99, "request.userInfo.groups.exists(g)"],
)  # fmt: skip
def test_what_is_not_readable(text: str) -> None:
    with pytest.raises(cel.Unreadable):
        cel.holds(text, SCOPE)
