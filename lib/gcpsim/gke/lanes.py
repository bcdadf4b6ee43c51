"""Surge upgrades and removals: some nodes at a time, zone after zone, each in a lane of its own.

A lane takes one old node through: surge (wait for a new node), drain, remove, and without a surge
node refill. As many lanes as maxSurge and maxUnavailable allow, all in one zone; removals all at
once. Evictions respect PodDisruptionBudgets; after an hour the node goes anyway, as on GKE.
"""

from gcpsim.gke.nodework import NodeWork
from gcpsim.k8s.controllers.objects import Obj

MOST_LANES = 20
ENOUGH = 10  # steps of one lane in one go


def step(work: NodeWork, key: str, doc: Obj) -> bool:
    """Move every lane as far as it gets; True when all is done."""
    doc = _filled(work, key, doc)
    going: list[Obj] = []
    for lane in doc.get("lanes") or ():
        after = _lane(work, key, doc, lane)
        if after is not None:
            going.append(after)
    before = len(doc.get("lanes") or ())
    doc = work.put(key, doc, lanes=going)
    if not going and not doc["todo"]:
        return True
    if len(going) < before:
        work.mark(key)
    return False


def _filled(work: NodeWork, key: str, doc: Obj) -> Obj:
    """New lanes for the next nodes, as many as there is room for."""
    lanes, todo = list(doc.get("lanes") or ()), list(doc["todo"])
    surge, room = _room(work, key, doc)
    while todo and len(lanes) < room:
        zone = work.zone(key, todo[0])
        if doc["kind"] == "surge" and lanes and any(lane["zone"] != zone for lane in lanes):
            break
        name = todo.pop(0)
        if work.node(key, name) is None:
            continue
        surged = sum(lane["surge"] for lane in lanes)
        lane = {"old": name, "zone": zone, "surge": surged < surge}
        lanes.append({**lane, **_opened(work, key, doc, lane)})
    return work.put(key, doc, lanes=lanes, todo=todo)


def _room(work: NodeWork, key: str, doc: Obj) -> tuple[int, int]:
    """(surge nodes, lanes) that may be at a time."""
    if doc["kind"] == "remove":
        return 0, MOST_LANES
    settings = work.pool(key).get("upgradeSettings") or {}
    surge, unavailable = int(settings.get("maxSurge", 1)), int(settings.get("maxUnavailable", 0))
    return surge, max(1, min(MOST_LANES, surge + unavailable))


def _opened(work: NodeWork, key: str, doc: Obj, lane: Obj) -> Obj:
    if lane["surge"]:
        return {"phase": "surge", "new": work.add(key, lane["zone"], doc["version"])}
    return _draining(work, key, lane)


def _draining(work: NodeWork, key: str, lane: Obj) -> Obj:
    work.cordon(key, lane["old"])
    due = work.drain_limit(key)
    work.clock.at(due, lambda: work.mark(key))
    return {"phase": "drain", "due": due}


def _lane(work: NodeWork, key: str, doc: Obj, lane: Obj) -> Obj | None:
    """The lane after all that can happen now; None when it is through."""
    for _ in range(ENOUGH):
        phase = lane["phase"]
        if phase == "surge":
            if not work.is_ready(key, lane["new"]):
                return lane
            lane = {**lane, **_draining(work, key, lane)}
        elif phase == "drain":
            if not work.drained(key, lane["old"], lane["due"]):
                return lane
            work.remove(key, lane["old"])
            lane = {**lane, "phase": "remove"}
        elif phase == "remove":
            if work.node(key, lane["old"]) is not None:
                return lane
            if lane["surge"] or doc["kind"] == "remove":
                return None
            new = work.add(key, lane["zone"], doc["version"])
            lane = {**lane, "phase": "refill", "new": new}
        else:
            return None if work.is_ready(key, lane["new"]) else lane
    return lane
