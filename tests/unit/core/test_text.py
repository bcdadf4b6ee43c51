"""What requests and errors say is data in the simulator's log."""

import io
import logging
import sys

from gcpsim.core.text import PlainLog, plain

from tests.unit.hostile import EVIL, HOSTILE, acts


def test_no_text_acts() -> None:
    for text in HOSTILE:
        assert "\n" not in plain(text)
        assert acts(plain(text).replace("##vso[", "")) == [], text


def test_a_log_line_is_one_line_and_its_trace_is_below() -> None:
    stream, log = io.StringIO(), logging.Logger("of this test")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(PlainLog("%(message)s"))
    log.addHandler(handler)
    try:
        raise ValueError(EVIL)
    except ValueError:
        log.error("%s failed: %s", "Service\x1b[2J odd", EVIL, exc_info=sys.exc_info())
    first, *rest = stream.getvalue().splitlines()
    assert first.startswith("Service\\x1b[2J odd failed: evil")
    assert rest[0] == "  Traceback (most recent call last):"
    assert all(line.startswith("  ") for line in rest)
    assert "ValueError" in "".join(rest)
    assert acts(first.replace("##vso[", "")) == []
    assert not any("\x1b" in line for line in rest)
