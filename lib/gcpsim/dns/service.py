"""The REST API of Cloud DNS v1: methods over what it holds, and the lookup of names in it."""

from dataclasses import replace
from functools import partial
from typing import Any

from gcpsim.core.discovery import Method
from gcpsim.core.edge import Answer, Call
from gcpsim.core.errors import ApiError
from gcpsim.core.service import Request, RestService
from gcpsim.core.world import World
from gcpsim.dns import methods, policy_methods, responses
from gcpsim.dns.holdings import Holdings
from gcpsim.dns.lookup import Lookup
from gcpsim.dns.signing import Signer

__all__ = ["IMPLEMENTED", "Dns"]

Doc = dict[str, Any]
IMPLEMENTED = methods.IMPLEMENTED | policy_methods.IMPLEMENTED | responses.IMPLEMENTED
# What stage directions do to domains: the state that a verb is about, and whether it then holds.
VERBS = {
    "undelegate": ("undelegated", True),
    "delegate": ("undelegated", False),
    "fail": ("failing", True),
    "heal": ("failing", False),
}
MUTATIONS = {"create": "create", "delete": "delete", "patch": "update", "update": "update"}


class Dns(Holdings, RestService):
    """Cloud DNS."""

    name, root = "dns", "dns/v1/"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.lookup = Lookup(self)
        self.signer = Signer(self, self.lookup)
        world.stage["dns"] = self.direct
        world.stage |= {f"domain-{verb}": partial(self.direct_one, verb) for verb in VERBS}

    def matched(self, call: Call) -> tuple[Method, dict[str, str]]:
        """Version 2, in which gcloud asks for policies of zones, names the place in its paths."""
        placed = "/locations/global/managedZones/"
        return super().matched(replace(call, path=call.path.replace(placed, "/managedZones/", 1)))

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
        """Stage direction `dns`: VERBS to lists of names, each a domain or project/zone."""
        if set(args) - set(VERBS) or not all(
            isinstance(names, list) and all(isinstance(name, str) for name in names)
            for names in args.values()
        ):
            why = f"dns: give {', '.join(VERBS)} as lists of names, not {args!r}"
            raise ApiError(400, why, "invalid")
        for verb, names in args.items():
            state, holds = VERBS[verb]
            table = self.world.store.table(f"dns/{state}")
            for name in names:
                if holds:
                    table.put(_domain_key(name), {})
                else:
                    table.delete(_domain_key(name))
        self.touch()
        return {"undelegated": sorted(self.undelegated), "failing": sorted(self.failing)}

    def direct_one(self, verb: str, args: Doc) -> Doc:
        """Stage directions `domain-VERB`: {"domain": NAME}."""
        if set(args) != {"domain"}:
            raise ApiError(400, f"domain-{verb}: give a domain, not {args!r}", "invalid")
        return self.direct({verb: [args["domain"]]})


def _domain_key(name: str) -> str:
    return name if "/" in name else name.rstrip(".").lower() + "."
