"""A project of the Compute Engine API, on the shared simulator or on one with a frozen clock."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.contract.rest import Compute


@pytest.fixture
def gce(sim: Any, project: str) -> Iterator[Compute]:
    """A fresh project on the shared simulator, where operations take no time."""
    compute = Compute(sim, project)
    yield compute
    compute.close()


@pytest.fixture
def frozen(start_sim: Callable[..., Any]) -> Iterator[Compute]:
    """A project on a simulator of its own whose clock stands still until a test advances it."""
    compute = Compute(start_sim("--time-scale", "1", "--paused"), "frozen")
    yield compute
    compute.close()
