"""Long-running operations of Certificate Manager, and the effects they end with.

An effect is a document in the store (create, update or delete of one resource), so that operations
that were under way survive a restart. While one runs, its resource takes no other.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from gcpsim.certs import refusals
from gcpsim.core.clock import rfc3339

if TYPE_CHECKING:
    from gcpsim.certs.service import CertificateManager
    from gcpsim.core.faults import Fault

Doc = dict[str, Any]
TYPE = "type.googleapis.com/google.cloud.certificatemanager.v1."
EMPTY = {"@type": "type.googleapis.com/google.protobuf.Empty"}
RPC_CODE = {400: 9, 401: 16, 403: 7, 404: 5, 409: 6, 412: 9, 429: 8, 500: 13, 501: 12, 503: 14}
CANCELLED = 1


class Operations:
    """The operations by name, and what each is to do when it ends."""

    def __init__(self, manager: CertificateManager) -> None:
        self._manager = manager
        store = manager.world.store
        self.docs = store.table("certs/operations")
        self._effects = store.table("certs/effects")
        self._busy: dict[str, str] | None = None
        store.rolled_back.append(lambda touched: self._forget())

    def start(self, target: str, verb: str, effect: Doc, faults: tuple[Fault, ...]) -> Doc:
        """Begin an operation on a resource; ApiError 409 while another holds it."""
        if target in self.busy():
            raise refusals.busy()
        world = self._manager.world
        number = world.store.next_number("certs/operations")
        digest = hashlib.sha256(f"{target}/{number}".encode()).hexdigest()
        micros = int(world.clock.now() * 1000)
        parent = "/".join(target.split("/")[:4])
        identity = f"operation-{micros}-{digest[:13]}-{digest[13:21]}-{digest[21:29]}"
        operation: Doc = {
            "name": f"{parent}/operations/{identity}",
            "metadata": {
                "@type": f"{TYPE}OperationMetadata",
                "createTime": self._manager.now_text(),
                "target": target,
                "verb": verb,
                "requestedCancellation": False,
                "apiVersion": "v1",
            },
            "done": False,
        }
        failure = next((fault for fault in faults if fault.effect == "operation"), None)
        if failure is not None:
            code = RPC_CODE.get(failure.code, 13)
            effect = {"error": {"code": code, "message": failure.message}}
        self.docs.put(operation["name"], operation)
        self._effects.put(operation["name"], effect | {"target": target})
        self._busy = None
        self._arm(operation["name"])
        return operation

    def resume(self) -> None:
        self._busy = None
        for name in self._effects.keys():  # noqa: SIM118
            self._arm(name)

    def busy(self) -> dict[str, str]:
        """Resource name -> the operation that holds it."""
        if self._busy is None:
            self._busy = {effect["target"]: name for name, effect in self._effects.items()}
        return self._busy

    def creating(self, parent: str, collection: str) -> list[str]:
        """The names of resources whose creation is under way."""
        prefix = f"{parent}/{collection}/"
        return [
            effect["target"]
            for effect in self._effects.values()
            if "create" in effect and effect["target"].startswith(prefix)
        ]

    def find(self, name: str) -> Doc:
        found = self.docs.get(name)
        if found is None:
            raise refusals.missing(name)
        return found

    def cancel(self, name: str) -> None:
        """Stop an operation that has not ended; one that has stays as it is."""
        operation = self.find(name)
        if operation["done"]:
            return
        self._effects.delete(name)
        self._busy = None
        metadata = operation["metadata"] | {"requestedCancellation": True}
        error = {"code": CANCELLED, "message": "The operation was cancelled."}
        self._end(operation | {"metadata": metadata}, {"error": error})

    def delete(self, name: str) -> None:
        """Forget an operation; its effect happens all the same."""
        self.find(name)
        self.docs.delete(name)

    def _forget(self) -> None:
        self._busy = None

    def _arm(self, name: str) -> None:
        world = self._manager.world
        seconds = world.duration("certificatemanager.operation")
        world.clock.after(seconds, lambda: self._finish(name))

    def _finish(self, name: str) -> None:
        effect = self._effects.get(name)
        if effect is None:
            return
        self._effects.delete(name)
        self._busy = None
        result: Doc = (
            {"error": effect["error"]} if "error" in effect else self._manager.take_effect(effect)
        )
        operation = self.docs.get(name)
        if operation is not None:
            self._end(operation, result)

    def _end(self, operation: Doc, result: Doc) -> None:
        metadata = operation["metadata"] | {"endTime": self._manager.now_text()}
        ended = operation | {"metadata": metadata, "done": True} | result
        self.docs.put(operation["name"], ended)


def timestamp(seconds: float) -> str:
    """A time as Certificate Manager prints it, with microseconds and more."""
    return rfc3339(seconds).removesuffix("Z") + "000Z"
