"""Words that are put together for people."""

import io
import json

import pytest
from edgebook.base.parsing import from_json, json_lines, whole
from edgebook.base.text import (
    Hiding,
    breakable,
    canvas,
    counted,
    escaped,
    plain,
    plain_lines,
    still,
)

from tests.unit.hostile import EVIL, HOSTILE, acts, acts_in_page


@pytest.mark.parametrize(("number", "said"), [(0, "0 changes"), (1, "1 change"), (2, "2 changes")])
def test_a_count_has_its_noun_in_number(number: int, said: str) -> None:
    assert counted(number, "change") == said


def test_long_names_may_be_broken_where_a_reader_would() -> None:
    name = "_acme-challenge_zuqhrwwdu4bypk7x.shop.example.com./CNAME"
    shown = breakable(f"delete {name} & go")
    assert shown.replace("<wbr>", "") == f"delete {name} &amp; go"
    assert "zuqhrwwdu4bypk7x.<wbr>shop.<wbr>example.<wbr>com./<wbr>CNAME" in shown
    assert breakable("shop.example.com <b>") == "shop.example.com &lt;b&gt;"


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_acts_where_it_is_shown(text: str) -> None:
    assert acts(plain(text)) == []
    assert "\n" not in plain(text)
    assert acts(plain_lines(text).replace("FORGED", "")) == []
    assert acts_in_page(f"<p title='{escaped(text)}'>{escaped(text)}{breakable(text)}</p>") == []


def test_a_command_prints_its_own_colours_and_nothing_else_that_acts() -> None:
    ours = "\x1b[1mbold\x1b[0m \x1b[31mred\x1b[0m\n\tand plain\n"
    assert still(ours) == ours
    stream = io.StringIO()
    print(f"{ours}{EVIL.replace(chr(10), ' ')}", file=Hiding(stream))
    assert stream.getvalue().startswith(ours)
    assert acts(stream.getvalue()) == []
    print("\x1b[2K", end="", file=canvas(Hiding(stream)))
    assert stream.getvalue().endswith("\x1b[2K"), "who draws may"


def test_json_that_is_printed_stays_the_same_json() -> None:
    said = {"a": EVIL, "b": ["##[x]", "\n::error::x", "::error::", "\x7f\x1b"]}
    for indent in (None, 1):
        text = still(json.dumps(said, indent=indent))
        assert json.loads(text) == said
        assert acts(text) == []


def test_addresses_and_headings_are_no_orders() -> None:
    for text in ("::1", "  ::ffff:192.0.2.1", "a::b::c", "## Steps", "# [x]", "fd00::1, fd00::2"):
        assert plain(text) == text


def test_lines_of_json_break_at_line_feeds_only() -> None:
    said = [{"a": "\u2028\x85\x0b\x1c"}, {"b": 1}]
    text = "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in said)
    assert [from_json(line) for line in json_lines(text)] == said


def test_half_a_character_is_no_json() -> None:
    assert from_json('"\\ud83d\\ude00"') == "\U0001f600"
    for text in ('"\\ud83d"', '{"a": ["\\uDE00"]}'):
        with pytest.raises(ValueError, match="half a character"):
            from_json(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [("60", 60), (" 60s ", 60), (75, 75), ("", 1), (None, 1), ("1m", 1), (EVIL, 1)],
)
def test_numbers_that_people_write(text: object, said: int) -> None:
    assert whole(text, 1) == said
