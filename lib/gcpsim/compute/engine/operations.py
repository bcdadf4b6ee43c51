"""Compute Engine operations: made by every mutation, finished by the clock, with effect or failure.

The document is what clients read; a second one beside it keeps when the operation is due and what
it then does (`put` or `delete` a resource), so that a restart finishes what was in flight.
"""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any, Protocol

from gcpsim.compute.engine import links
from gcpsim.compute.engine.links import link
from gcpsim.core.clock import rfc3339
from gcpsim.core.operations import OperationStore
from gcpsim.core.store import Table
from gcpsim.core.world import World

Doc = dict[str, Any]
HTTP_MESSAGES = {400: "BAD REQUEST", 403: "FORBIDDEN", 404: "NOT FOUND", 409: "CONFLICT"}
ERROR_STATUS = {
    "QUOTA_EXCEEDED": 403,
    "RESOURCE_NOT_FOUND": 404,
    "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE": 400,
    "RESOURCE_NOT_READY": 400,
    "RESOURCE_OPERATION_RATE_EXCEEDED": 403,
    "CONDITION_NOT_MET": 412,
    "INTERNAL_ERROR": 500,
    "ZONE_RESOURCE_POOL_EXHAUSTED": 503,
}


class Owner(Protocol):
    """Whose operations these are: it gives ids, and `apply` takes effect at the end of one."""

    @property
    def world(self) -> World: ...

    @property
    def requests(self) -> Table: ...

    def new_id(self) -> str: ...

    def apply(self, path: str, verb: str, effect: Doc, *, failed: bool) -> None: ...


class Operations(OperationStore):
    """All operations, by path `projects/P/<scope>/operations/<name>`."""

    def __init__(self, compute: Owner) -> None:
        super().__init__(compute.world, "compute/operations", "compute/pending")
        self.compute = compute
        self.holds = compute.world.store.table("compute/holds")
        self._waiters: dict[str, list[asyncio.Future[None]]] = {}
        self._callbacks: dict[str, list[Callable[[Doc], None]]] = {}

    def start(
        self,
        *,
        project: str,
        scope: str,
        kind: str,
        verb: str,
        target: str,
        target_id: str,
        user: str,
        seconds: float,
        effect: Doc,
        client_id: str = "",
        hold: bool = True,
        failure: tuple[str, str] | None = None,
    ) -> str:
        """Begin an operation on `target`; gives its path. `effect`: {"put": doc} or {"delete"}."""
        world = self.compute.world
        now = world.clock.now()
        name = _name(now, world.random)
        path = f"projects/{project}/{scope}/operations/{name}"
        doc: Doc = {
            "kind": "compute#operation",
            "id": self.compute.new_id(),
            "name": name,
            "operationType": kind,
            "targetLink": link(target),
            "targetId": target_id,
            "status": "RUNNING",
            "user": user,
            "progress": 0,
            "insertTime": rfc3339(now, offset=True),
            "startTime": rfc3339(now, offset=True),
            "selfLink": link(path),
        }
        if scope != "global":
            kind_of_scope = "region" if scope.startswith("regions/") else "zone"
            doc[kind_of_scope] = link(f"projects/{project}/{scope}")
        if client_id:
            doc["clientOperationId"] = client_id
        pending: Doc = {"target": target, "verb": verb, "effect": effect, "hold": hold}
        if failure is not None:
            pending["failure"] = list(failure)
        if seconds <= 0 and world.clock.scale:
            self.keep(path, doc)
            self.end(path, pending)
            return path
        self.begin(path, doc, pending, seconds)
        if hold:
            self.holds.put(target, {"operation": path, "verb": verb})
        return path

    def end(self, path: str, pending: Doc) -> None:
        """Apply the effect of an operation and mark it DONE."""
        target = pending["target"]
        if (self.holds.get(target) or {}).get("operation") == path:
            self.holds.delete(target)
        failure = pending.get("failure")
        doc = dict(self.docs.get(path) or {})
        now = rfc3339(self.compute.world.clock.now(), offset=True)
        doc.update(status="DONE", progress=100, endTime=now)
        if failure is not None:
            code, message = failure
            status = ERROR_STATUS.get(code, 400)
            doc["error"] = {"errors": [{"code": code, "message": message}]}
            doc["httpErrorStatusCode"] = status
            doc["httpErrorMessage"] = HTTP_MESSAGES.get(status, "SERVICE UNAVAILABLE")
        self.docs.put(path, doc)
        self.compute.apply(target, pending["verb"], pending["effect"], failed=failure is not None)
        for waiter in self._waiters.pop(path, []):
            if not waiter.done():
                waiter.set_result(None)
        for callback in self._callbacks.pop(path, []):
            callback(doc)

    def holder(self, target: str) -> Doc | None:
        """{"operation", "verb"} of the operation that holds a resource, or None."""
        return self.holds.get(target)

    def coming(self, target: str) -> Doc | None:
        """What a resource will be once the operation that holds it is done, if that is known."""
        held = self.holds.get(target)
        pending = self.pending.get(held["operation"]) if held else None
        return pending["effect"].get("put") if pending else None

    def when_done(self, path: str, callback: Callable[[Doc], None]) -> None:
        """Call `callback` with the operation when it is DONE (at once when it is already)."""
        doc = self.docs.get(path)
        if doc is not None and doc["status"] == "DONE":
            callback(doc)
        else:
            self._callbacks.setdefault(path, []).append(callback)

    def waiter(self, path: str) -> asyncio.Future[None] | None:
        """A future for the end of a running operation; None when it is over."""
        doc = self.docs.get(path)
        if doc is None or doc["status"] == "DONE":
            return None
        future = asyncio.get_running_loop().create_future()
        self._waiters.setdefault(path, []).append(future)
        return future

    def forgotten(self, path: str, doc: Doc) -> None:
        request = doc.get("clientOperationId")
        if request:
            self.compute.requests.delete(f"{links.split(path)[0]}/{request}")


def _name(now: float, random: Random) -> str:
    """Real example: operation-1628718699215-5c94f9f817901-350fabae-e043da3e"""
    return (
        f"operation-{int(now * 1000)}-{random.getrandbits(52):013x}"
        f"-{random.getrandbits(32):08x}-{random.getrandbits(32):08x}"
    )
