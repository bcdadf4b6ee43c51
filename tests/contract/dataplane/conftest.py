"""One legacy world a module, with its pods as sockets."""

from collections.abc import Iterator

import pytest

from tests.contract.dataplane.worlds import Theatre


@pytest.fixture(scope="module")
def theatre() -> Iterator[Theatre]:
    made = Theatre()
    yield made
    made.close()
