"""IPs that names answer with and this project does not have. Pure."""

from collections.abc import Mapping
from typing import Any

from edgebook.desired import Desired
from edgebook.model.observed import Observed
from edgebook.model.record_sets import answers
from edgebook.model.values import Live

HOLDING = {"address": "address", "forwardingRule": "IPAddress"}
CHAIN = ("targetHttpsProxy", "targetHttpProxy", "targetSslProxy", "targetTcpProxy")
LOST = "this project has no address"


def held(live: Live, observed: Observed) -> frozenset[str]:
    """The project's IPs as far as they were read, those of old sites in the clusters among them."""
    found = {
        str(item.body.get(HOLDING[key.kind])) for key, item in live.items() if key.kind in HOLDING
    }
    return observed.balancers | found


def without_address(desired: Desired, live: Live) -> bool:
    """Whether a front door that was built has lost all of its reserved addresses."""
    wanted = [r.key for r in desired.resources if r.kind == "address"]
    chain = [r.key for r in desired.resources if r.kind in CHAIN]
    return (
        bool(wanted)
        and not any(key in live for key in wanted)
        and any(key in live for key in chain)
    )


def lost(record: Mapping[str, Any], mine: frozenset[str]) -> str:
    """What to say of a name whose IPs this project does not have; empty when there is none."""
    gone = sorted(answers(record) - mine) if record.get("type") in ("A", "AAAA") else []
    if not gone:
        return ""
    said = ", ".join(gone)
    return f"{LOST} {said} (any more): if it was this front door's, it was released, and the name "\
        "has to move to the new one"  # fmt: skip
