"""Long-running operations of Certificate Manager, and the effects they end with.

An effect is a document in the store (create, update or delete of one resource), so that operations
that were under way survive a restart. While one runs, its resource takes no other.
"""

import hashlib
from collections.abc import Callable
from typing import Any

from gcpsim.certs import refusals
from gcpsim.core.clock import rfc3339
from gcpsim.core.faults import Fault
from gcpsim.core.operations import OperationStore
from gcpsim.core.paths import place_of
from gcpsim.core.world import World

Doc = dict[str, Any]
TYPE = "type.googleapis.com/google.cloud.certificatemanager.v1."
EMPTY = {"@type": "type.googleapis.com/google.protobuf.Empty"}
RPC_CODE = {400: 9, 401: 16, 403: 7, 404: 5, 409: 6, 412: 9, 429: 8, 500: 13, 501: 12, 503: 14}
CANCELLED = 1


class Operations(OperationStore):
    """The operations by name. `take_effect` gives the result of the effect of one."""

    def __init__(self, world: World, take_effect: Callable[[Doc], Doc]) -> None:
        super().__init__(world, "certs/operations", "certs/effects")
        self._take_effect = take_effect
        self._busy: dict[str, str] | None = None
        world.store.rolled_back.append(lambda touched: self._forget())

    def start(self, target: str, verb: str, effect: Doc, faults: tuple[Fault, ...]) -> Doc:
        """Begin an operation on a resource; ApiError 409 while another holds it."""
        if target in self.busy():
            raise refusals.busy()
        world = self.world
        number = world.store.next_number("certs/operations")
        digest = hashlib.sha256(f"{target}/{number}".encode()).hexdigest()
        micros = int(world.clock.now() * 1000)
        parent = place_of(target)
        identity = f"operation-{micros}-{digest[:13]}-{digest[13:21]}-{digest[21:29]}"
        operation: Doc = {
            "name": f"{parent}/operations/{identity}",
            "metadata": {
                "@type": f"{TYPE}OperationMetadata",
                "createTime": timestamp(world.clock.now()),
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
        seconds = world.duration("certificatemanager.operation")
        self.begin(operation["name"], operation, effect | {"target": target}, seconds)
        self._busy = None
        return operation

    def resume(self) -> None:
        self._busy = None
        super().resume()

    def busy(self) -> dict[str, str]:
        """Resource name -> the operation that holds it."""
        if self._busy is None:
            self._busy = {effect["target"]: name for name, effect in self.pending.items()}
        return self._busy

    def creating(self, parent: str, collection: str) -> list[str]:
        """The names of resources whose creation is under way."""
        prefix = f"{parent}/{collection}/"
        return [
            effect["target"]
            for effect in self.pending.values()
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
        self.pending.delete(name)
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

    def end(self, name: str, effect: Doc) -> None:
        self._busy = None
        result: Doc = {"error": effect["error"]} if "error" in effect else self._take_effect(effect)
        operation = self.docs.get(name)
        if operation is not None:
            self._end(operation, result)

    def _end(self, operation: Doc, result: Doc) -> None:
        metadata = operation["metadata"] | {"endTime": timestamp(self.world.clock.now())}
        ended = operation | {"metadata": metadata, "done": True} | result
        self.docs.put(operation["name"], ended)


def timestamp(seconds: float) -> str:
    """A time as Certificate Manager prints it, with microseconds and more."""
    return rfc3339(seconds).removesuffix("Z") + "000Z"
