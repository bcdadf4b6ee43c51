"""What is known of clusters and projects before a plan is made: `live` reads it, `desired` uses it.

Values only. Nothing here talks to a cluster.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from edgebook.model.paths import name_of
from edgebook.model.values import Change


@dataclass(frozen=True)
class Neg:
    """One zonal NEG as its svcneg object (or a binding) names it."""

    name: str
    zone: str
    link: str
    state: str = "ACTIVE"  # ACTIVE, INACTIVE, TO_BE_DELETED
    port: int = 0  # of the Service; 0 when it is not known
    leaving: str = ""  # when its svcneg was marked for deletion
    trouble: str = ""  # why its svcneg is not Initialized or not Synced
    synced: str = ""  # when GKE last synced it, as the svcneg says


@dataclass(frozen=True)
class Pod:
    """A pod behind a Service, as its EndpointSlice shows it."""

    address: str
    ports: Mapping[int, int]  # Service port -> the port on which this pod listens
    zone: str = ""
    ready: bool = True
    name: str = ""


@dataclass(frozen=True)
class ObservedService:
    """A Service that backs a backend: its annotation, the pods' ports, its NEGs.

    `target_ports` maps each Service port to the ports on which its pods really listen.
    """

    namespace: str
    name: str
    found: bool = True
    target_ports: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    annotation: str = ""  # cloud.google.com/neg as it stands
    negs: tuple[Neg, ...] = ()
    pods: tuple[Pod, ...] = ()  # without those that are terminating
    changed: str = ""  # when its pods last changed, as its EndpointSlices say
    created: str = ""
    selects: bool = True  # without a selector nobody's pods are its own: GKE makes no NEG of it
    external: bool = False  # only another name of something elsewhere: no pods, no NEGs

    @property
    def anew(self) -> str:
        """When it was made anew, as its NEGs outlive the one before it; "" when it was not."""
        outlived = any(neg.leaving and neg.leaving <= self.created for neg in self.negs)
        return self.created if outlived else ""


@dataclass(frozen=True)
class Filled:
    """A NEG that a cluster fills with pods, for whomever; `by` is the object that asks for it."""

    link: str
    by: str  # in words: the kind, and namespace/name
    ports: tuple[int, ...] = ()  # on which its pods listen; empty when that is not known
    binding: bool = False  # by a NetworkEndpointGroupBinding: somebody else keeps it


@dataclass(frozen=True)
class ObservedCluster:
    """A cluster by its name in the params; `zones` are those of its ready nodes."""

    name: str
    network: str = ""
    node_tags: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    services: tuple[ObservedService, ...] = ()
    reachable: bool = True
    trouble: str = ""  # why it is not
    ipv6: bool = False  # its pods have IPv6 addresses too
    filled: tuple[Filled, ...] = ()  # all NEGs of its pods, also those of others

    @property
    def bound(self) -> Mapping[str, str]:
        """NEG name -> the NetworkEndpointGroupBinding that fills it."""
        return {name_of(one.link): one.by for one in self.filled if one.binding}

    def service(self, namespace: str, name: str) -> ObservedService | None:
        for service in self.services:
            if (service.namespace, service.name) == (namespace, name):
                return service
        return None


@dataclass(frozen=True)
class Observed:
    """The clusters by their name in the params, and project numbers to project ids."""

    clusters: Mapping[str, ObservedCluster] = field(default_factory=dict)
    project_numbers: Mapping[str, str] = field(default_factory=dict)
    certificates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # set by `plan`
    notes: tuple[Change, ...] = ()  # reports of what was found and is not ours
    balancers: frozenset[str] = frozenset()  # IPs of Services of type LoadBalancer
