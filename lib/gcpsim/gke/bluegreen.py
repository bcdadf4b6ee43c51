"""Blue-green node upgrades: all new nodes first, then the old ones emptied batch by batch.

The phases are the ones that nodePool.updateInfo.blueGreenInfo shows. Defaults (one node a batch, no
soak between them, an hour at the end) are from Google's page on node pool upgrade strategies.
"""

import math

from gcpsim.core.clock import rfc3339
from gcpsim.core.paths import name_of, parent_of
from gcpsim.gke import nodework
from gcpsim.gke.nodework import NodeWork
from gcpsim.k8s.controllers.objects import Obj

CREATING, CORDONING = "CREATING_GREEN_POOL", "CORDONING_BLUE_POOL"
DRAINING, SOAKING, DELETING = "DRAINING_BLUE_POOL", "NODE_POOL_SOAKING", "DELETING_BLUE_POOL"
DEFAULT_SOAK = 3600.0


def step(work: NodeWork, key: str, doc: Obj) -> bool:
    """Take the steps that are possible now; True when the blue nodes are gone."""
    for _ in range(2 * len(doc["todo"]) + 8):
        phase = doc.get("phase", "")
        after = _STEPS[phase](work, key, doc)
        if after is None:
            return False
        doc = work.put(key, after)
        if doc.get("phase") != phase:
            _show(work, key, doc)
        if doc["phase"] == "over":
            return True
    work.mark(key)
    return False


def uncordon(work: NodeWork, cluster: str, names: list[str]) -> None:
    """The way back: blue nodes take pods again."""
    for name in names:
        node = work.node(f"{cluster}/", name)
        if node is not None:
            nodework.uncordon(work.estate.clusters[cluster], node)


def _begin(work: NodeWork, key: str, doc: Obj) -> Obj:
    zones = [work.zone(key, name) for name in doc["todo"]]
    green = [work.add(key, zone, doc["version"]) for zone in zones]
    return {**doc, "phase": CREATING, "green": green}


def _create(work: NodeWork, key: str, doc: Obj) -> Obj | None:
    if not all(work.is_ready(key, name) for name in doc["green"]):
        return None
    return {**doc, "phase": CORDONING}


def _cordon(work: NodeWork, key: str, doc: Obj) -> Obj:
    for name in doc["todo"]:
        work.cordon(key, name)
    return {**doc, "phase": DRAINING, "drained": 0}


def _drain(work: NodeWork, key: str, doc: Obj) -> Obj | None:
    """One batch after the other, with a soak between them."""
    if work.clock.now() < doc.get("soaked", 0.0):
        return None
    policy, start = _policy(work, key), int(doc["drained"])
    size = _batch(policy, len(doc["todo"]))
    batch = doc["todo"][start : start + size]
    if not batch:
        due = work.clock.now() + _soak(work, key)
        work.clock.at(due, lambda: work.mark(key))
        return {**doc, "phase": SOAKING, "due": due}
    if "limit" not in doc:
        due = work.drain_limit(key)
        work.clock.at(due, lambda: work.mark(key))
        return {**doc, "limit": due}
    empty = [work.drained(key, name, doc["limit"]) for name in batch]
    if not all(empty):
        return None
    soaked = work.clock.now() + _seconds(policy.get("batchSoakDuration", "0s"))
    work.clock.at(soaked, lambda: work.mark(key))
    rest = {name: value for name, value in doc.items() if name != "limit"}
    return {**rest, "drained": start + len(batch), "soaked": soaked}


def _soaking(work: NodeWork, key: str, doc: Obj) -> Obj | None:
    if work.clock.now() < doc["due"]:
        return None
    for name in doc["todo"]:
        work.remove(key, name)
    return {**doc, "phase": DELETING}


def _delete(work: NodeWork, key: str, doc: Obj) -> Obj | None:
    left = [name for name in doc["todo"] if work.node(key, name) is not None]
    return None if left else {**doc, "todo": [], "phase": "over"}


_STEPS = {
    "": _begin,
    CREATING: _create,
    CORDONING: _cordon,
    DRAINING: _drain,
    SOAKING: _soaking,
    DELETING: _delete,
}


def _policy(work: NodeWork, key: str) -> Obj:
    settings = (work.pool(key).get("upgradeSettings") or {}).get("blueGreenSettings") or {}
    found: Obj = settings.get("standardRolloutPolicy") or {}
    return found


def _batch(policy: Obj, nodes: int) -> int:
    if policy.get("batchPercentage"):
        return max(1, math.ceil(float(policy["batchPercentage"]) * nodes))
    return max(1, int(policy.get("batchNodeCount") or 1))


def _soak(work: NodeWork, key: str) -> float:
    settings = (work.pool(key).get("upgradeSettings") or {}).get("blueGreenSettings") or {}
    given = settings.get("nodePoolSoakDuration")
    return DEFAULT_SOAK if given is None else _seconds(given)


def _seconds(text: str) -> float:
    return float(str(text).removesuffix("s") or 0)


def _show(work: NodeWork, key: str, doc: Obj) -> None:
    """The phase in the pool's document."""
    cluster, pool = parent_of(key), name_of(key)
    info: Obj = {"phase": doc["phase"], "greenPoolVersion": doc["version"]}
    if doc["phase"] == SOAKING:
        info["bluePoolDeletionStartTime"] = rfc3339(doc["due"])
    if doc["phase"] != "over":
        work.estate.change_pool(cluster, pool, updateInfo={"blueGreenInfo": info})
