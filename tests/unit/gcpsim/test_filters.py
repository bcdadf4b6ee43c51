"""The filter languages of Google's lists: text in, which documents pass."""

import pytest
from gcpsim.core.filters import FilterError, compile_filter

DOC = {
    "name": "web",
    "size": 3,
    "labels": {"team": "shop"},
    "severity": "WARNING",
    "timestamp": "2026-11-26T01:00:00.500Z",
    "payload": {"details": "backend_timeout", "list": ["a", "b"]},
}
RANKS = {"severity": ("INFO", "WARNING", "ERROR")}


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("", True),
        ('name = "web"', True),
        ('name = "w*"', True),
        ('name != "web"', False),
        ("size > 2 size < 4", True),
        ('size > 3 OR name = "web" AND labels.team:*', True),
        ("NOT (labels.team:shop)", False),
        ("-labels.team:shop", False),
        ('payload.details =~ "^backend_"', True),
        ('payload.details !~ "^backend_"', False),
        ('payload.list = "b"', True),
        ("severity >= WARNING", True),
        ("severity > WARNING", False),
        ("severity = (ERROR OR WARNING)", True),
        ('timestamp >= "2026-11-26T01:00:00Z"', True),
        ('timestamp >= "2026-11-26T01:00:01Z"', False),
        ('timestamp < "2026-11-26T03:00:00+02:00"', False),
        ('name = one_of("api", "web")', True),
        ('name = one_of("api")', False),
        ('name = starts_with("we")', True),
        ('name != has_substring("eb")', False),
        ("backend_timeout", True),
        ('"no such word"', False),
    ],
)
def test_a_filter_lets_pass_what_it_says(text: str, passes: bool) -> None:
    assert compile_filter(text, ranks=RANKS, bare=True, old_style=False)(DOC) is passes


@pytest.mark.parametrize("text", ["name =", "(name = a", "name =~ '('", "= a", "a = one_of('b'"])
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(FilterError):
        compile_filter(text, bare=True)


def test_a_bare_word_is_refused_where_no_language_has_it() -> None:
    with pytest.raises(FilterError, match="operator"):
        compile_filter("web")


@pytest.mark.parametrize(
    ("text", "passes"),
    [("name eq w.*", True), ("name ne w.*", False), ("(name eq w.*) (size eq 4)", False)],
)
def test_the_old_expressions_match_whole_values(text: str, passes: bool) -> None:
    assert compile_filter(text)(DOC) is passes
