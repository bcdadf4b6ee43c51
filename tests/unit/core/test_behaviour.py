"""The vocabulary of moods: annotations in, behaviour out."""

import pytest
from gcpsim.core import behaviour
from gcpsim.core.behaviour import HEALTHY, PREFIX, Behaviour


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("slow", "500ms", Behaviour(slow=0.5)),
        ("slow", "2", Behaviour(slow=2)),
        ("slow", "1m", Behaviour(slow=60)),
        ("fail", "true", Behaviour(fail=503)),
        ("fail", "418", Behaviour(fail=418)),
        ("hang", "true", Behaviour(hang=True)),
        ("hang", "false", HEALTHY),
        ("refuse", "true", Behaviour(refuse=True)),
        ("leak", "5%", Behaviour(leak=0.05)),
        ("cut", "true", Behaviour(cut=True)),
        ("paths", "/, /api/*", Behaviour(paths="/, /api/*")),
        ("keepalive", "75s", Behaviour(keepalive=75)),
        ("ignore-sigterm", "true", Behaviour(ignore_sigterm=True)),
        ("proxy-protocol", "optional", Behaviour(proxy_protocol="optional")),
    ],
)
def test_annotations(name: str, text: str, wanted: Behaviour) -> None:
    assert behaviour.read({PREFIX + name: text, "other": "x"}) == wanted
    assert behaviour.checked(name, text) == text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("slow", "soon"), ("fail", "199"), ("fail", "600"), ("fail", "x"), ("hang", "yes"),
        ("leak", "120%"),
        ("cut", "half"), ("leak", "much"), ("keepalive", "-1s"), ("proxy-protocol", "v2"),
        ("dance", "true"),
    ],
)  # fmt: skip
def test_nonsense_is_refused_when_staged_and_ignored_in_manifests(name: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"is not|neither|no behaviour"):
        behaviour.checked(name, text)
    assert behaviour.read({PREFIX + name: text}) == HEALTHY


@pytest.mark.parametrize(
    ("mood", "passes"),
    [
        (HEALTHY, True),
        (Behaviour(slow=0.9), True),
        (Behaviour(slow=1), False),
        (Behaviour(fail=500), False),
        (Behaviour(hang=True), False),
        (Behaviour(refuse=True), False),
        (Behaviour(leak=0.5), True),
    ],
)
def test_probes_of_the_kubelet(mood: Behaviour, passes: bool) -> None:
    assert mood.passes_probe(1.0) is passes
