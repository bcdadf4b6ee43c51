"""The gate of the meter: patient with a meter that sends late, not with what users notice."""

import pytest
from edgebook.apply.metering import LOOKS, seeing
from edgebook.traffic import Statistics, Verdict, VerdictState

BLIND = Verdict(VerdictState.BLIND, ("the meter sent nothing",))
FINE = Verdict(VerdictState.OK)
BAD = Verdict(VerdictState.BREACH, ("3 of 20 requests failed",))


@pytest.mark.parametrize(
    ("says", "ends", "waited"),
    [
        ([FINE], FINE, 0),
        ([BAD, FINE], BAD, 0),
        ([BLIND, BLIND, FINE], FINE, 2),
        ([BLIND, BAD], BAD, 1),
        ([BLIND] * (LOOKS + 2), BLIND, LOOKS),
    ],
)
def test_a_blind_meter_is_looked_at_again(says: list[Verdict], ends: Verdict, waited: int) -> None:
    waits, left = [], list(says)
    found, _ = seeing(lambda: (left.pop(0), Statistics()), lambda: waits.append(1))
    assert (found, len(waits)) == (ends, waited)
