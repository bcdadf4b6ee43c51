"""A ladder whose soaks are longer than the run may take is refused before its first stage."""

from typing import Any

import pytest
from edgebook.base.errors import UsageError
from edgebook.runbook.approved import require_time

HOUR = 3600.0


def said(seconds: int, rate: float = 1.0, left: int = 7) -> dict[str, Any]:
    return {"title": "swap web", "left": left, "seconds": seconds, "rate": rate}


@pytest.mark.parametrize(
    ("seconds", "limits", "where", "time"),
    [
        (3601, (HOUR, 4 * HOUR), "--timeout", 7202),
        (5 * 3600, (9 * HOUR, 4 * HOUR), "--total-timeout", 36000),
    ],
)
def test_waits_longer_than_a_limit_are_refused_with_the_time_to_give(
    seconds: int, limits: tuple[float, float], where: str, time: int
) -> None:
    with pytest.raises(UsageError, match="takes longer than it may") as refused:
        require_time(said(seconds), *limits)
    assert refused.value.where == where
    assert f"--timeout {time} --total-timeout {time}" in refused.value.next


def test_the_time_given_is_that_of_this_machine() -> None:
    with pytest.raises(UsageError) as refused:
        require_time(said(120 * 3600, rate=60.0), HOUR, 4 * HOUR)
    assert "--timeout 14400 " in refused.value.next
    require_time(said(60 * 3600, rate=60.0), HOUR, 4 * HOUR)


def test_what_fits_and_what_has_nothing_left_may_begin() -> None:
    require_time(said(3600), HOUR, 4 * HOUR)
    require_time(said(10**6, rate=0.0), HOUR, 4 * HOUR)
    require_time(said(10**6, left=0), HOUR, 4 * HOUR)
