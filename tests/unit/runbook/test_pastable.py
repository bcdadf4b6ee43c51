"""The way on that a failed run prints works where it is pasted: params, records, program."""

import pytest
from edgebook.base import paste
from edgebook.runbook.outcome import pastable

TEXT = """mend it
then go on: edgebook run --resume CHG-2026-11-26-001
or go back: edgebook teardown --step firewall
edgebook records show CHG-2026-11-26-001 --traffic has each
edgebook records verify; then on"""


@pytest.mark.parametrize(
    ("params", "place", "given", "records"),
    [
        ("p.yaml", "", "--params p.yaml", ""),
        ("my p.yaml", "a b", "--params 'my p.yaml'", " --records 'a b'"),
        ("p.yaml", "gs://shop/records", "--params p.yaml", " --records gs://shop/records"),
    ],
)
def test_the_way_on_is_whole(
    params: str, place: str, given: str, records: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paste, "program", lambda: "my/edgebook")
    said = pastable(TEXT, params, place)
    assert said.splitlines() == [
        "mend it",
        f"then go on: my/edgebook run --resume CHG-2026-11-26-001{records}",
        f"or go back: my/edgebook teardown --step firewall {given}",
        f"my/edgebook records{records} show CHG-2026-11-26-001 --traffic has each",
        f"my/edgebook records{records} verify; then on",
    ]
    assert pastable(said, params, place) == said
