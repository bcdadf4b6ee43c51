"""Certificate Manager behind its door: what it holds, serves and issues, and what operations do."""

from typing import Any

from gcpsim.certs.authority import Authority
from gcpsim.certs.holdings import ENTRIES, Holdings
from gcpsim.certs.issuance import Issuance
from gcpsim.certs.kinds import KINDS
from gcpsim.certs.operations import EMPTY, TYPE, Operations
from gcpsim.certs.serving import Serving
from gcpsim.core.paths import collection_of, project_of
from gcpsim.core.world import World

Doc = dict[str, Any]


class Engine:
    """The parts of Certificate Manager, which methods work with."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.holdings = Holdings(world)
        self.authority = Authority(world)
        self.operations = Operations(world, self.take_effect)
        self.serving = Serving(self.holdings)
        self.issuance = Issuance(self.holdings, self.authority, self.serving)

    def resume(self) -> None:
        self.serving.attach()
        self.operations.resume()
        self.serving.resume()
        self.issuance.resume()

    def view(self, name: str, doc: Doc, users: dict[str, list[str]] | None = None) -> Doc:
        """A resource as clients read it. `users` spares a list from finding them for each."""
        collection = collection_of(name)
        if collection == "certificates":
            users = users if users is not None else self.serving.users(project_of(name))
            used_by = [{"name": user} for user in users.get(name, [])]
            return doc | ({"usedBy": used_by} if used_by else {})
        if collection == "certificateMaps":
            targets = self.serving.targets(name)
            return doc | ({"gclbTargets": targets} if targets else {})
        return doc

    def take_effect(self, effect: Doc) -> Doc:
        """The end of an operation: what it was for happens. Gives the operation's result."""
        name = effect["target"]
        collection = collection_of(name)
        if "delete" in effect:
            self.holdings.delete(name)
            self.issuance.stop(name)
            return {"response": EMPTY}
        now = self.holdings.now_text()
        if "create" in effect:
            doc = effect["create"] | {"updateTime": now}
        else:
            current = self.holdings.stored(name)
            if current is None:
                return {"error": {"code": 5, "message": f"Resource '{name}' was not found"}}
            doc = {key: one for key, one in current.items() if key not in effect["unset"]}
            doc |= effect["set"] | {"updateTime": now}
        self.holdings.put(name, doc)
        if collection == ENTRIES and ("create" in effect or "certificates" in effect["set"]):
            self.serving.entry_changed(name)
        if collection == "certificates" and "create" in effect and "managed" in doc:
            self.issuance.begin(name)
        answer = self.view(name, self.holdings.stored(name) or doc)
        return {"response": {"@type": TYPE + KINDS[collection].schema} | answer}
