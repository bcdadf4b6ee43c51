"""DNS policies of networks: a network may have one."""

from typing import Any

from gcpsim.core.schema import BodyReader
from gcpsim.core.world import World
from gcpsim.dns import refusals

Doc = dict[str, Any]
WHERE = "entity.policy"


class Policies:
    """Policies by `project/name`."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.table = world.store.table("dns/policies")

    def create(self, project: str, given: Any) -> Doc:
        body = self._read(given)
        name = body.get("name")
        if not name:
            raise refusals.required(f"{WHERE}.name")
        key = f"{project}/{name}"
        if key in self.table:
            raise refusals.exists(WHERE, name)
        self._require_free(key, body)
        number = self.world.store.next_number("dns/policies")
        doc = {"kind": "dns#policy", "id": str(10**18 + number), "description": "", **body}
        self.table.put(key, doc)
        return doc

    def find(self, project: str, name: str) -> Doc:
        found = self.table.get(f"{project}/{name}")
        if found is None:
            raise refusals.missing("parameters.policy", name)
        return found

    def change(self, project: str, name: str, given: Any, *, whole: bool = False) -> Doc:
        """The policy with what is given; `whole` forgets what is not."""
        known = self.find(project, name)
        fixed = {field: known[field] for field in ("kind", "id", "name")}
        doc = {"description": "", **({} if whole else known), **self._read(given), **fixed}
        self._require_free(f"{project}/{name}", doc)
        self.table.put(f"{project}/{name}", doc)
        return doc

    def delete(self, project: str, name: str) -> None:
        if self.find(project, name).get("networks"):
            raise refusals.precondition(WHERE)
        self.table.delete(f"{project}/{name}")

    def of(self, project: str) -> list[Doc]:
        prefix = f"{project}/"
        return [doc for key, doc in self.table.items() if key.startswith(prefix)]

    def _read(self, given: Any) -> Doc:
        body = BodyReader("dns", root="policy").read("Policy", given)
        return {key: value for key, value in body.items() if value is not None}

    def _require_free(self, mine: str, body: Doc) -> None:
        """Two policies may not share a network."""
        wanted = {_network(one) for one in body.get("networks") or ()}
        for key, other in self.table.items():
            shared = wanted & {_network(one) for one in other.get("networks") or ()}
            if key != mine and shared:
                raise refusals.exists(f"{WHERE}.networks", sorted(shared)[0])


def _network(item: Doc) -> str:
    return str(item.get("networkUrl", "")).partition("/projects/")[2] or str(item)
