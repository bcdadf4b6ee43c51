"""When a gate opens."""

import pytest
from edgebook.apply.gates import svcneg_state


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (None, "waiting"),
        ({}, "waiting"),
        ({"conditions": [{"type": "Initialized", "status": "False", "message": "m"}]}, "failed"),
        ({"conditions": [{"type": "Initialized", "status": "True"},
                         {"type": "Synced", "status": "True"}]}, "waiting"),
        ({"conditions": [{"type": "Initialized", "status": "True"},
                         {"type": "Synced", "status": "True"}],
          "networkEndpointGroups": [{"state": "INACTIVE"}]}, "waiting"),
        ({"conditions": [{"type": "Initialized", "status": "True"},
                         {"type": "Synced", "status": "True"}],
          "networkEndpointGroups": [{"selfLink": "x"}]}, "ready"),
    ],
)  # fmt: skip
def test_when_a_svcneg_is_ready(status, expected):
    found = None if status is None else {"status": status}
    assert svcneg_state(found)[0] == expected
