"""NetworkEndpointGroupBinding: endpoints of a Service in NEGs that somebody else makes and keeps.

GKE attaches and detaches endpoints; it neither creates nor deletes such a NEG. When the binding
goes, its endpoints are taken out first. One NEG belongs to one binding, and never to an annotation
as well. Source: ingress-gce (pkg/apis/negbinding, pkg/neg).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from gcpsim.core.errors import ApiError
from gcpsim.core.paths import name_of, zone_of
from gcpsim.gke.neg import svcneg
from gcpsim.gke.neg.endpoints import Endpoint, Wanted
from gcpsim.gke.neg.syncer import BATCH, PART, error_of, google_api_error
from gcpsim.gke.neg.zones import Zones
from gcpsim.k8s.controllers.objects import (
    Obj,
    deleting,
    key_of,
    labels_of,
    split,
    with_condition,
    with_meta,
)
from gcpsim.k8s.controllers.plane import Plane

RESOURCE = "networkendpointgroupbindings"
FINALIZER = "networking.gke.io/negbinding-cleaner"
COMPONENT = "neg-controller"
CONDITION = "NEGsAttached"
ZONAL = "GCE_VM_IP_PORT"


@dataclass
class Found:
    """The NEGs of a binding that can be filled, by path, and what is wrong with others."""

    groups: dict[str, Obj] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


class Bindings:
    """Keeps one cluster's bindings."""

    def __init__(self, plane: Plane) -> None:
        self.plane, self.cluster = plane, plane.cluster
        self.compute = plane.world.compute
        self.worker = plane.worker("gke.neg.lag", self.reconcile)
        self.zones = Zones(plane, self.look)
        self.wanted = Wanted(self.zones.of)
        self._busy: set[str] = set()
        # Who may fill a NEG depends on the other bindings.
        self.cluster.subscribe(RESOURCE, lambda event, obj, old: self.look())
        self.cluster.subscribe("services", lambda event, obj, old: self._of_service(key_of(obj)))
        self.cluster.subscribe("endpointslices", self._follow_slice)
        plane.every("gke.neg.resync", self._resync)
        self.look()

    def look(self) -> None:
        """Look at all of them."""
        for binding in self.cluster.list(RESOURCE):
            self.worker.mark(key_of(binding))

    def _resync(self) -> bool:
        if self.plane.clock.scale:
            self.look()
        return False

    def _of_service(self, service: str) -> None:
        for binding in self.cluster.list(RESOURCE, split(service)[0]):
            if _service(binding) == service:
                self.worker.mark(key_of(binding))

    def _follow_slice(self, event: str, piece: Obj, old: Obj | None) -> None:
        if event == "DELETED":
            self.wanted.forget(piece)
        name = labels_of(piece).get("kubernetes.io/service-name", "")
        self._of_service(f"{piece['metadata']['namespace']}/{name}")

    def reconcile(self, key: str) -> None:
        binding = self.cluster.get(RESOURCE, *split(key))
        if binding is None or key in self._busy or self.plane.stands_still(PART):
            return
        held = binding["metadata"].get("finalizers") or []
        if deleting(binding):
            if FINALIZER in held and not self._emptied(key, binding):
                rest = [name for name in held if name != FINALIZER]
                self.cluster.update(RESOURCE, with_meta(binding, finalizers=rest))
            return
        if FINALIZER not in held:
            binding = with_meta(binding, finalizers=[*held, FINALIZER])
            binding = self.cluster.update(RESOURCE, binding)
        found = self._groups(binding)
        wanted, why = self._endpoints(binding)
        problems = [why] if why else found.problems
        if not why:
            problems = [*problems, *self._homeless(wanted, found)]
            for path in sorted(found.groups):
                if self._moved(key, binding, path, wanted.get(zone_of(path), {})):
                    break
        self._publish(binding, found, problems)

    # What there is, and what should be

    def _groups(self, binding: Obj) -> Found:
        found = Found()
        for name, zone in self._named(binding):
            path = self._path(zone, name)
            neg = self.compute.get(path)
            owner = self._owner(binding, name)
            if owner:
                found.problems.append(f"NEG {name} is already managed by {owner}")
            elif neg is None:
                found.problems.append(f"NEG {name} not found in zone {zone}")
            elif neg["networkEndpointType"] != ZONAL:
                kind = neg["networkEndpointType"]
                found.problems.append(f"NEG {name} in zone {zone} is of type {kind}, not {ZONAL}")
            else:
                found.groups[path] = neg
        return found

    def _named(self, binding: Obj) -> Iterator[tuple[str, str]]:
        """NEG and zone: those that are asked for, else all in which the cluster has nodes."""
        for one in (binding.get("spec") or {}).get("networkEndpointGroups") or ():
            for zone in one.get("zones") or self.zones.candidates():
                yield str(one.get("name", "")), str(zone)

    def _path(self, zone: str, name: str) -> str:
        return f"projects/{self.cluster.project}/zones/{zone}/networkEndpointGroups/{name}"

    def _owner(self, binding: Obj, name: str) -> str:
        """Who else of this cluster fills a NEG of this name; "" when nobody does."""
        for obj in self.cluster.list(svcneg.RESOURCE):
            if obj["metadata"]["name"] == name and not deleting(obj):
                return f"the annotation of a Service in {obj['metadata']['namespace']}"
        for other in self.cluster.list(RESOURCE):
            names = {n["name"] for n in (other.get("spec") or {}).get("networkEndpointGroups", ())}
            if name in names and _age(other) < _age(binding):
                return f"NetworkEndpointGroupBinding {key_of(other)}"
        return ""

    def _endpoints(self, binding: Obj) -> tuple[dict[str, dict[Endpoint, str]], str]:
        """Zone -> endpoints of the Service port, or why there are none to speak of."""
        ref = (binding.get("spec") or {}).get("backendRef") or {}
        if ref.get("kind") != "Service":
            return {}, f"unsupported BackendRef Kind {ref.get('kind')!r}"
        service = self.cluster.get("services", *split(_service(binding)))
        if service is None:
            return {}, f"service {_service(binding)} not found"
        ports = {p["port"]: p.get("name", "") for p in service["spec"].get("ports") or ()}
        if ref.get("port") not in ports:
            return {}, f"port {ref.get('port')} not found in service {_service(binding)}"
        slices = self.cluster.list(
            "endpointslices",
            service["metadata"]["namespace"],
            {"kubernetes.io/service-name": service["metadata"]["name"]},
        )
        return self.wanted.by_zone(slices, ports[ref["port"]]), ""

    @staticmethod
    def _homeless(wanted: dict[str, dict[Endpoint, str]], found: Found) -> list[str]:
        zones = {zone_of(path) for path in found.groups}
        return [f"pods in zone {zone} have no NEG" for zone in sorted(wanted) if zone not in zones]

    # What is done

    def _emptied(self, key: str, binding: Obj) -> bool:
        """Take out what is in its NEGs; True while there is something to take out."""
        return any(self._moved(key, binding, path, {}) for path in self._groups(binding).groups)

    def _moved(self, key: str, binding: Obj, path: str, want: dict[Endpoint, str]) -> bool:
        """Attach what is missing, or detach what is too many; one call at a time."""
        table = self.plane.world.store.table("compute/endpoints")
        present = (table.get(path) or {"endpoints": []})["endpoints"]
        have = {Endpoint.of(item) for item in present if not item.get("draining")}
        for verb, batch in (
            ("attach", sorted(want.keys() - have)[:BATCH]),
            ("detach", sorted(have - want.keys())[:BATCH]),
        ):
            if batch:
                self._call(key, binding, path, verb, batch)
                return True
        return False

    def _call(self, key: str, binding: Obj, path: str, verb: str, batch: list[Endpoint]) -> None:
        def finish(problem: str) -> None:
            self._busy.discard(key)
            name = name_of(path)
            where = f'(NEG "{name}" in zone "{zone_of(path)}")'
            text = f"{verb.capitalize()} {len(batch)} network endpoint(s) {where}"
            if problem:
                reason, text = f"{verb.capitalize()}Failed", f"Failed to {text}: {problem}"
                self.plane.event(binding, "Warning", reason, text, COMPONENT)
                again = self.plane.wait("gke.neg.retry.first")
                self.worker.mark_at(self.plane.now() + again, key)
                return
            self.plane.event(binding, "Normal", verb.capitalize(), text, COMPONENT)
            self.worker.mark(key)

        body = {"networkEndpoints": [endpoint.body() for endpoint in batch]}
        self._busy.add(key)
        try:
            operation = self.compute.call("POST", f"{path}/{verb}NetworkEndpoints", body)
        except ApiError as error:
            finish(google_api_error(error))
            return
        self.compute.when_done(operation, lambda finished: finish(error_of(finished)))

    def _publish(self, binding: Obj, found: Found, problems: list[str]) -> None:
        status = binding.get("status") or {}
        attached = not problems
        conditions = with_condition(
            status.get("conditions") or [], CONDITION, "True" if attached else "False",
            self.plane.now(),
            reason="NEGsAttachmentSuccessful" if attached else "NEGsAttachmentFailed",
            observedGeneration=binding["metadata"].get("generation", 1),
            message=_joined(problems),
        )  # fmt: skip
        groups = [
            {"resourceURL": neg["selfLink"], "subnetURL": neg.get("subnetwork", "")}
            for _, neg in sorted(found.groups.items())
        ]
        told = {"conditions": [{"message": "", **one} for one in conditions],
                "networkEndpointGroups": groups}  # fmt: skip
        if status != told:
            self.plane.change(RESOURCE, binding, told)


def _service(binding: Obj) -> str:
    ref = (binding.get("spec") or {}).get("backendRef") or {}
    return f"{binding['metadata']['namespace']}/{ref.get('name', '')}"


def _age(binding: Obj) -> tuple[str, str]:
    """The older of two comes first."""
    return str(binding["metadata"]["creationTimestamp"]), str(binding["metadata"]["uid"])


def _joined(problems: list[str]) -> str:
    """As Kubernetes prints several errors."""
    return problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]" if problems else ""
