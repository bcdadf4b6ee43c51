"""The way on that a failed run prints works where it is pasted: params, records, program."""

import pytest
from edgebook.base import paste
from edgebook.runbook.outcome import pastable
from edgebook.runbook.request import Request

TEXT = "mend it\nthen go on: edgebook run --resume CHG-2026-11-26-001\nor go back: edgebook teardown --step firewall"  # noqa: E501


@pytest.mark.parametrize(
    ("request_", "resume", "back"),
    [
        (Request(params_file="p.yaml"), "CHG-2026-11-26-001", "firewall --params p.yaml"),
        (
            Request(params_file="my p.yaml", records="a b"),
            "CHG-2026-11-26-001 --records 'a b'",
            "firewall --params 'my p.yaml'",
        ),
    ],
)
def test_the_way_on_is_whole(
    request_: Request, resume: str, back: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paste, "program", lambda: "E")
    said = pastable(TEXT, request_)
    assert said.splitlines() == [
        "mend it",
        f"then go on: E run --resume {resume}",
        f"or go back: E teardown --step {back}",
    ]
    assert pastable(said, request_) == said
