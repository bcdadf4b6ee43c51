"""Tables in terminals of any width, with and without colour, with and without details."""

import io
import json
import re

import pytest
from edgebook.apply.flow import Outcome
from edgebook.apply.run import Done
from edgebook.base.errors import EdgebookError
from edgebook.model.values import Action, Change, CheckResult, CheckState, Plan, ResourceKey, Step
from edgebook.show import tables, terminal
from edgebook.show.applied import Applied
from edgebook.show.tables import plan_table


def change(action: Action = Action.UPDATE, name: str = "shop") -> Change:
    key = ResourceKey("urlMap", "projects/p/global", name)
    share = {"backendService": "projects/p/global/backendServices/web", "weight": 10}
    body = {"defaultRouteAction": {"weightedBackendServices": [share]}}
    old = {"defaultRouteAction.weightedBackendServices": [{**share, "weight": 100}]}
    fields = tuple(old) if action is Action.UPDATE else ()
    before = old if action is Action.UPDATE else {}
    return Change(action, key, Step.FRONTENDS, "sends " + "elsewhere " * 8, before=before,
                  after=body, fields=fields)  # fmt: skip


PLAN = plan_table("frontends", Plan((change(), change(Action.CREATE, "new"))))


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_no_line_is_wider_than_the_terminal_and_no_word_is_lost(width: int) -> None:
    text = terminal.render(PLAN, width=width, verbose=True)
    assert max(map(len, text.splitlines())) <= width
    assert text.split().count("elsewhere") == 16
    assert "[web].weight: 100 -> 10" in text or "- 100" in text


def test_a_pipe_gets_plain_lines_as_wide_as_they_need_to_be() -> None:
    stream = io.StringIO()
    terminal.show(PLAN, stream=stream)
    lines = stream.getvalue().splitlines()
    assert "\033" not in stream.getvalue()
    assert lines[1].split() == ["action", "kind", "name", "what", "disrupts"]
    assert len(lines) == 4


def test_details_are_told_on_demand_with_before_and_after() -> None:
    where = "defaultRouteAction.weightedBackendServices[web].weight"
    assert where not in terminal.render(PLAN, verbose=False)
    assert f"{where}: 100 -> 10" in terminal.render(PLAN, verbose=True)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "wanted"),
    [
        (Terminal(), {}, True),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"NO_COLOR": ""}, True),
        (Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {}, False),
        (io.StringIO(), {"FORCE_COLOR": "1"}, True),
        (io.StringIO(), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colour(stream: io.StringIO, environ: dict[str, str], wanted: bool) -> None:
    assert terminal.coloured(stream, environ) is wanted


def test_colour_changes_no_letter() -> None:
    plain = terminal.render(PLAN, width=90, verbose=True)
    painted = terminal.render(PLAN, width=90, colour=True, verbose=True)
    assert re.sub(r"\033\[\d*m", "", painted) == plain
    assert "\033[33m" in painted


def test_failed_rows_come_first_with_reason_and_remedy() -> None:
    error = EdgebookError("quota is used up", why="30 of 30", next="ask for more")
    results = (Done(change(name="a"), "done"), Done(change(name="b"), "failed", 0.0, error))
    shown = Applied(Outcome("frontends", Plan(), results))
    first, second = shown.table.rows
    assert (first.cells["name"], first.cells["result"], first.tone) == ("b", "failed", "bad")
    assert "quota is used up; 30 of 30; ask for more" in str(first.cells["what"])
    assert second.cells["name"] == "a"


def test_what_to_paste_is_the_last_thing_said() -> None:
    text = str(tables.with_next(PLAN, "to carry it out", 'mode = "apply"\napprove = "x"'))
    assert text.splitlines()[-3:] == [
        "Next: to carry it out",
        '  mode = "apply"',
        '  approve = "x"',
    ]


def test_machines_get_identifiers() -> None:
    one = tables.table(
        ("map entry", "NEG", "TTL (s)"), [({"map entry": 1, "NEG": 2, "TTL (s)": 3}, "")]
    )
    assert one.to_json()["rows"] == [{"map_entry": 1, "neg": 2, "ttl_s": 3}]
    assert one.to_csv() == "map entry,NEG,TTL (s)\n1,2,3\n"
    json.dumps(one.to_json())


def test_html_has_heads_counts_details_and_the_lines_to_paste() -> None:
    checks = [CheckResult(CheckState.FAILED, "TLS", "<host>", "closed", "run 50")]
    text = tables.checks_table("verify", checks)._repr_html_()
    assert "&lt;host&gt;" in text
    assert "<host>" not in text
    assert "1 row<" in text
    assert ">state</th>" in text
    plan = tables.with_next(PLAN, "paste", 'approve = "1234"')._repr_html_()
    assert "<details>" in plan
    assert "<del>100</del>" in plan
    assert "approve = &quot;1234&quot;" in plan
    assert "http" not in plan.replace("http://www.w3.org", "")
