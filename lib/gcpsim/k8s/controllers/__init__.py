"""The controllers of a cluster, on the simulator's clock.

Each subscribes to what it depends on, marks keys as dirty and reconciles them in bulk. Their
durations are rows of `core.durations`. None of them knows Google Cloud: that is `gcpsim.gke`.
"""

from gcpsim.core.world import World
from gcpsim.k8s.controllers.addresses import AddressController
from gcpsim.k8s.controllers.aggregation import AggregationController
from gcpsim.k8s.controllers.autoscaler import Autoscaler
from gcpsim.k8s.controllers.daemonset import DaemonSetController
from gcpsim.k8s.controllers.deployment import DeploymentController
from gcpsim.k8s.controllers.disruption import DisruptionController
from gcpsim.k8s.controllers.endpoints import EndpointsController
from gcpsim.k8s.controllers.endpointslices import EndpointSliceController
from gcpsim.k8s.controllers.garbage import GarbageCollector
from gcpsim.k8s.controllers.jobs import CronJobController, JobController
from gcpsim.k8s.controllers.kubelet import Kubelet
from gcpsim.k8s.controllers.namespaces import NamespaceController
from gcpsim.k8s.controllers.nodes import NodeController
from gcpsim.k8s.controllers.plane import Plane, Resync
from gcpsim.k8s.controllers.quotas import QuotaController
from gcpsim.k8s.controllers.replicaset import ReplicaSetController, ReplicationController
from gcpsim.k8s.controllers.scheduler import Scheduler
from gcpsim.k8s.controllers.statefulset import StatefulSetController
from gcpsim.k8s.controllers.volumes import VolumeController
from gcpsim.k8s.objects.cluster import Cluster


def start(cluster: Cluster, world: World, resyncs: dict[str, Resync] | None = None) -> Plane:
    """Start the control plane of a new cluster, or of one loaded from a state folder.

    `resyncs` outlives planes: who starts a second one for a cluster gives the same dict.
    """
    plane = Plane(cluster, world, resyncs)
    for controller in (
        GarbageCollector,
        NamespaceController,
        DeploymentController,
        ReplicaSetController,
        ReplicationController,
        StatefulSetController,
        DaemonSetController,
        JobController,
        CronJobController,
        VolumeController,
        Scheduler,
        Kubelet,
        NodeController,
        AddressController,
        EndpointSliceController,
        EndpointsController,
        DisruptionController,
        QuotaController,
        AggregationController,
        Autoscaler,
    ):
        controller(plane)
    return plane
