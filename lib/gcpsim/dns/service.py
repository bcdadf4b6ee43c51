"""The REST API of Cloud DNS v1: methods over what it holds, and the lookup of names in it."""

from typing import Any

from gcpsim.core.discovery import Method
from gcpsim.core.edge import Answer
from gcpsim.core.errors import ApiError
from gcpsim.core.service import Request, RestService
from gcpsim.core.world import World
from gcpsim.dns import methods, policy_methods
from gcpsim.dns.holdings import Holdings
from gcpsim.dns.lookup import Lookup

__all__ = ["IMPLEMENTED", "Dns"]

Doc = dict[str, Any]
IMPLEMENTED = methods.IMPLEMENTED | policy_methods.IMPLEMENTED
MUTATIONS = {"create": "create", "delete": "delete", "patch": "update", "update": "update"}


class Dns(Holdings, RestService):
    """Cloud DNS."""

    name, root = "dns", "dns/v1/"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.lookup = Lookup(self)
        world.stage["dns"] = self.direct

    def implements(self, method: Method) -> bool:
        return method.id in IMPLEMENTED

    def respond(self, request: Request) -> Answer:
        return IMPLEMENTED[request.method.id](self, request)

    def permission(self, request: Request) -> str:
        method = request.method
        return f"dns.{method.collection}.{MUTATIONS.get(method.name, method.name)}"

    def forbidden(self, request: Request, permission: str) -> ApiError:
        return ApiError(403, "Forbidden", "forbidden")

    def direct(self, args: Doc) -> Doc:
        """Stage direction `dns`: {"undelegate": [domain or project/zone], "delegate": [...]}."""
        if set(args) - {"undelegate", "delegate"} or not all(
            isinstance(names, list) and all(isinstance(name, str) for name in names)
            for names in args.values()
        ):
            why = f"dns: give delegate and undelegate as lists of names, not {args!r}"
            raise ApiError(400, why, "invalid")
        table = self.world.store.table("dns/undelegated")
        for name in args.get("undelegate", []):
            table.put(_delegation_key(name), {})
        for name in args.get("delegate", []):
            table.delete(_delegation_key(name))
        self.touch()
        return {"undelegated": sorted(self.undelegated)}


def _delegation_key(name: str) -> str:
    return name if "/" in name else name.rstrip(".").lower() + "."
