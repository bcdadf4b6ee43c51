"""What a stage waits for besides its own changes: the new side HEALTHY, in every zone of it."""

from collections.abc import Callable, Iterable

from edgebook.apply.gates import Explain, Gates
from edgebook.front_door import FrontDoor
from edgebook.model.values import ResourceKey, each_negs
from edgebook.moves.stages import Stage
from edgebook.verify.health import GroupHealth


class MoveGates:
    """Looks at health through the same gate that an attach uses."""

    def __init__(self, door: FrontDoor, say: Callable[[str], None], explain: Explain) -> None:
        self._door = door
        self._gates = Gates(door.cloud, door.reader.again(), say, explain)
        self.seen: list[GroupHealth] = []

    def healthy(self, stage: Stage, clusters: Iterable[str]) -> None:
        """Return when every endpoint that these clusters have in it is HEALTHY; StepFailed."""
        wanted = set(clusters)
        if not wanted:
            return
        observed = self._door.observe_now()
        self.seen = []
        for resource in stage.desired.resources:
            if resource.kind != "backends":
                continue
            groups = [
                neg.link
                for each in each_negs(resource.body)
                if each.cluster in wanted and each.cluster in observed.clusters
                for service in observed.clusters[each.cluster].services
                for neg in service.negs
                if neg.name == each.name
                and neg.state == "ACTIVE"
                and each.capacities.get(neg.zone) != 0  # nobody is sent to a zone that is left
            ]
            if groups:
                service_key = ResourceKey("backendService", resource.scope, resource.name)
                self.seen.append(self._gates.health(service_key, sorted(set(groups))))

    @property
    def words(self) -> str:
        endpoints = [endpoint for seen in self.seen for endpoint in seen.endpoints]
        healthy = sum(endpoint.health == "HEALTHY" for endpoint in endpoints)
        return f"{healthy} of {len(endpoints)} endpoints HEALTHY"
