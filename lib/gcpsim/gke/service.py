"""The GKE API (container v1) and the clusters behind it.

Scenarios and the API make clusters. What a request may do stands in methods.py; this is the facade
that the rest of the simulator knows: clusters, their controllers, nodes, operations.
"""

from gcpsim.core.discovery import Method
from gcpsim.core.edge import Answer, Call
from gcpsim.core.errors import ApiError
from gcpsim.core.service import Request, RestService
from gcpsim.core.world import World
from gcpsim.gke import moods, stage
from gcpsim.gke.changes import Changes
from gcpsim.gke.creation import Creation
from gcpsim.gke.documents import ClusterSpec
from gcpsim.gke.estate import Estate
from gcpsim.gke.fleet import Fleet
from gcpsim.gke.groups import NodeGroups
from gcpsim.gke.methods import Methods, place_of
from gcpsim.gke.operations import Operations
from gcpsim.gke.upgrades import Upgrades
from gcpsim.k8s.objects.cluster import Cluster


class Gke(RestService):
    """Clusters by name. Names are unique in one simulator, whatever project and location."""

    name, root = "container", "v1/"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.estate = Estate(world)
        self.operations = Operations(world)
        self.fleet = Fleet(self.estate)
        self.groups = NodeGroups(self.estate)
        self.upgrades = Upgrades(self.estate, self.fleet, self.operations)
        self.creation = Creation(self.estate, self.fleet)
        self.changes = Changes(
            self.estate, self.fleet, self.creation, self.operations, self.upgrades
        )
        self.upgrades.pool_emptied = self.changes.pool_emptied
        self.methods = Methods(self.estate, self.operations, self.upgrades, self.changes)
        world.gke = self
        world.services[self.name] = self
        moods.enter()
        stage.register(stage.Stage(self.estate, self.fleet, self.upgrades))

    @property
    def clusters(self) -> dict[str, Cluster]:
        return self.estate.clusters

    def create(self, spec: ClusterSpec) -> Cluster:
        """A new cluster with its nodes; they become Ready as time passes."""
        return self.creation.create(spec)

    def resume(self) -> None:
        """Clusters, controllers and unfinished work from documents: after a restart or reset."""
        self.estate.resume()
        self.fleet.resume()
        self.operations.resume()
        self.upgrades.resume()

    def knows_operation(self, name: str) -> bool:
        """Whether an operation's name is GKE's (Certificate Manager shares the path)."""
        return name.partition(":")[0] in self.operations.docs

    # Requests

    def implements(self, method: Method) -> bool:
        return self.methods.find(method) is not None

    def respond(self, request: Request) -> Answer:
        handler = self.methods.find(request.method)
        assert handler is not None, "only what is implemented is asked for"
        return Answer(body=handler(request))

    def admit(self, request: Request) -> None:
        place_of(request)

    def permission(self, request: Request) -> str:
        parts = request.method.id.split(".")
        noun = "operations" if "operations" in parts else "clusters"
        verb = request.method.name if request.method.name in ("get", "list", "create") else ""
        verb = verb or ("delete" if request.method.verb == "DELETE" else "update")
        return f"container.{noun}.{verb}"

    def forbidden(self, request: Request, permission: str) -> ApiError:
        where = f"projects/{request.project}"
        why = f'Required "{permission}" permission(s) for "{where}".'
        return ApiError(403, why, "forbidden")

    def unknown(self, call: Call) -> ApiError:
        return ApiError(404, "Method not found.", "notFound")


def of(world: World) -> Gke:
    """The clusters of a world with all that they have, for the rooms above this one."""
    found = world.gke
    assert isinstance(found, Gke)
    return found
