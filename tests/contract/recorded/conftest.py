"""Projects to replay recorded conversations against."""

from collections.abc import Callable
from typing import Any

import pytest
from recorded_wire import Wire


@pytest.fixture
def wire(sim: Any, project: str) -> Wire:
    """A fresh project on the shared simulator, where operations take no time."""
    return Wire(sim, project)


@pytest.fixture
def slow(start_sim: Callable[..., Any]) -> Wire:
    """A project on a simulator of its own whose clock stands still until a test advances it."""
    return Wire(start_sim("--time-scale", "1", "--paused"), "slow")
