"""Conditions of Gateways, listeners and HTTPRoutes, as GKE's controller writes them. Pure."""

from typing import Any

from gcpsim.gke.gateway import routes
from gcpsim.gke.gateway.reading import Reading
from gcpsim.k8s.controllers.objects import Obj, key_of, with_condition

CONTROLLER = "networking.gke.io/gateway"
DEPRECATED = "The OSS Gateway API has deprecated this condition, do not depend on it."
READY = (
    'The OSS Gateway API has altered the "Ready" condition semantics and reserved it for future '
    'use.  GKE Gateway will stop emitting it in a future update, use "Programmed" instead.'
)
KINDS = [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute"}]
Said = tuple[str, bool, str, str]  # type, whether it is so, reason, message


def gateway_status(reading: Reading, address: str, now: float) -> Obj:
    """A Gateway's status; without an address it is not programmed yet."""
    gateway, (reason, why) = reading.gateway, reading.problem
    before = gateway.get("status") or {}
    accepted = not reason
    programmed = accepted and bool(address)
    waiting = reason or "Pending"
    said: list[Said] = [
        ("Scheduled", accepted, reason or "Scheduled", why or DEPRECATED),
        ("Accepted", accepted, reason or "Accepted", why),
        ("Programmed", programmed, "Programmed" if programmed else waiting, why),
        ("Ready", programmed, "Ready" if programmed else waiting, READY),
    ]
    if programmed:
        said.append(("networking.gke.io/GatewayHealthy", True, "Healthy", ""))
    status: Obj = {
        "conditions": _conditions(gateway, before.get("conditions") or [], said, now),
        "listeners": [
            _listener(reading, listener, before, now, programmed=programmed)
            for listener in reading.listeners
        ],
    }
    if address:
        status["addresses"] = [{"type": "IPAddress", "value": address}]
    return status


def _listener(reading: Reading, listener: Obj, before: Obj, now: float, *, programmed: bool) -> Obj:
    reason, why = reading.problem
    known: Obj = next(
        (one for one in before.get("listeners") or () if one["name"] == listener["name"]), {}
    )
    said: list[Said] = [
        ("ResolvedRefs", True, "ResolvedRefs", ""),
        ("Accepted", not reason, reason or "Accepted", why),
        ("Programmed", programmed, "Programmed" if programmed else reason or "Pending", why),
        ("Ready", programmed, "Ready" if programmed else reason or "Pending", READY),
    ]
    return {
        "name": listener["name"],
        "attachedRoutes": len(reading.bound.get(listener["name"]) or ()),
        "supportedKinds": KINDS,
        "conditions": _conditions(reading.gateway, known.get("conditions") or [], said, now),
    }


def route_status(route: Obj, reading: Reading, now: float, *, done: bool) -> Obj:
    """An HTTPRoute's status with what this Gateway says of it; other parents' are kept."""
    key = key_of(route)
    parents = list((route.get("status") or {}).get("parents") or ())
    refused, broken = reading.refused.get(key), reading.broken.get(key)
    reason, why = broken or ("ResolvedRefs", "")
    accepted, because = refused or ("Accepted", "")
    said: list[Said] = [
        ("ResolvedRefs", broken is None, reason, why),
        ("Accepted", refused is None, accepted, because),
    ]
    if done and not refused:
        said.append(("Reconciled", True, "ReconciliationSucceeded", ""))
    for parent in routes.refers(route, reading.gateway):
        known = next((one for one in parents if _same(one, parent)), None)
        entry: dict[str, Any] = {
            "parentRef": parent,
            "controllerName": CONTROLLER,
            "conditions": _conditions(route, (known or {}).get("conditions") or [], said, now),
        }
        if known is None:
            parents.append(entry)
        else:
            parents[parents.index(known)] = entry
    return {**(route.get("status") or {}), "parents": parents}


def without(route: Obj, keep: list[Obj]) -> Obj:
    """An HTTPRoute's status without what we said of parents that it no longer has."""
    status = route.get("status") or {}
    kept = [
        one
        for one in status.get("parents") or ()
        if one.get("controllerName") != CONTROLLER or any(_same(one, parent) for parent in keep)
    ]
    return {**status, "parents": kept}


def _same(entry: Obj, parent: Obj) -> bool:
    return entry.get("controllerName") == CONTROLLER and bool(entry.get("parentRef") == parent)


def _conditions(about: Obj, before: list[Obj], said: list[Said], now: float) -> list[Obj]:
    found = [one for one in before if one["type"] in {kind for kind, *_ in said}]
    generation = about["metadata"].get("generation", 1)
    for kind, status, reason, message in said:
        text = "True" if status else "False"
        found = with_condition(
            found, kind, text, now, reason=reason, observedGeneration=generation, message=message
        )
    return [{"message": "", **one} for one in found]
