"""Long-running operations of one service: what clients read, and what each does when it is over.

The document is in one table; what is under way stands in a second one with its due date, so that a
restart finishes it. Finished ones are forgotten as Google does, after a while and from the oldest,
so that a simulator that runs for weeks stays small. What the end of one means is the service's own.
"""

from abc import ABC, abstractmethod
from typing import Any

from gcpsim.core.world import World

Doc = dict[str, Any]
KEPT = 5_000  # finished operations of a service
SLACK = 500  # how many more are let in before the oldest go


class OperationStore(ABC):
    """Operations by name, over the tables `docs` and `pending`."""

    def __init__(self, world: World, docs: str, pending: str) -> None:
        self.world = world
        self.docs = world.store.table(docs)
        self.pending = world.store.table(pending)

    @abstractmethod
    def end(self, name: str, effect: Doc) -> None:
        """The operation is over: take effect, and mark the document."""

    def begin(self, name: str, doc: Doc, effect: Doc, seconds: float) -> None:
        """Keep an operation, and finish it when its time is over."""
        self.keep(name, doc)
        self.pending.put(name, {**effect, "due": self.world.clock.now() + seconds})
        self.world.clock.after(seconds, lambda: self.finish(name))

    def keep(self, name: str, doc: Doc) -> None:
        """Keep an operation that someone else will finish."""
        self.docs.put(name, doc)
        if len(self.docs) - len(self.pending) > KEPT + SLACK:
            self._forget_oldest()

    def finish(self, name: str) -> None:
        """End an operation that is under way; nothing when it is not."""
        effect = self.pending.get(name)
        if effect is None:
            return
        self.pending.delete(name)
        self.end(name, effect)

    def resume(self) -> None:
        """After a restart: finish what was under way, each when it is due."""
        clock = self.world.clock
        for name, effect in self.pending.items():
            left = max(0.0, effect.get("due", 0.0) - clock.now())
            clock.after(left, lambda name=name: self.finish(name))  # type: ignore[misc]

    def forgotten(self, name: str, doc: Doc) -> None:
        """An operation is gone: whoever kept something for it may forget that too."""
        return

    def is_over(self, doc: Doc) -> bool:
        return doc.get("status") == "DONE" or doc.get("done") is True

    def _forget_oldest(self) -> None:
        over = [(name, doc) for name, doc in self.docs.items() if self.is_over(doc)]
        for name, doc in over[: max(0, len(over) - KEPT)]:
            self.docs.delete(name)
            self.forgotten(name, doc)
