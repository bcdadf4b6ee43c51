"""Kinds that GKE's own definitions bring and gcpsim only keeps: stored, listed, printed.

Nothing here acts on them. A real cluster has most of them from its first minute, and some when a
feature is switched on (FQDN policies and network logging with Dataplane V2, multi-cluster kinds in
the config cluster of a fleet, vertical autoscaling); manifests for all of them are taken here.
"""

from typing import Any

from gcpsim.k8s.types.definitions import OPEN, STRING, age, column, definition

Doc = dict[str, Any]

NETWORKING = "networking.gke.io"
MONITORING = "monitoring.googleapis.com"
SNAPSHOT = "snapshot.storage.k8s.io"
SECURITY = "security.cloud.google.com"
AUTOPILOT = "auto.gke.io"
CLUSTER: Doc = {"scope": "Cluster"}
CONFIG_PARTS = ("collection", "exports", "features", "managedAlertmanager", "rules", "scaling",
                "status")  # fmt: skip
DELETION_POLICY: Doc = {"type": "string", "enum": ["Delete", "Retain"]}
NETWORK_SPEC: Doc = {
    "type": "object",
    "required": ["type"],
    "x-kubernetes-preserve-unknown-fields": True,
    "properties": {"type": {"type": "string", "enum": ["L2", "L3", "Device"]}},
}
SNAPSHOT_CLASS: Doc = {
    "driver": STRING,
    "deletionPolicy": DELETION_POLICY,
    "parameters": {"type": "object", "additionalProperties": STRING},
}
SNAPSHOT_CONTENT_SPEC: Doc = {
    "type": "object",
    "required": ["deletionPolicy", "driver", "source", "volumeSnapshotRef"],
    "x-kubernetes-preserve-unknown-fields": True,
    "properties": {"deletionPolicy": DELETION_POLICY, "driver": STRING, "source": OPEN,
                   "volumeSnapshotRef": OPEN},
}  # fmt: skip
READY = column("ReadyToUse", ".status.readyToUse", "boolean")
TARGET = ".status.recommendation.containerRecommendations[0].target"
PROVIDED = '.status.conditions[?(@.type=="RecommendationProvided")].status'

STORED: tuple[Doc, ...] = (
    # networking of GKE: Gateway policies, several networks, policies of Dataplane V2, fleets
    definition(NETWORKING, "v1", "gcpsessionaffinitypolicies", "GCPSessionAffinityPolicy",
               categories=["gateway-api"], required=("spec",)),
    definition(NETWORKING, "v1", "gcpsessionaffinityfilters", "GCPSessionAffinityFilter",
               categories=["gateway-api"], required=("spec",)),
    definition(NETWORKING, "v1", "gcptrafficdistributionpolicies",
               "GCPTrafficDistributionPolicy"),
    definition(NETWORKING, "v1", "gcptrafficextensions", "GCPTrafficExtension"),
    definition(NETWORKING, "v1", "gcproutingextensions", "GCPRoutingExtension"),
    definition(NETWORKING, "v1", "lbpolicies", "LBPolicy"),
    definition(NETWORKING, "v1", "networks", "Network", **CLUSTER,
               properties={"spec": NETWORK_SPEC, "status": OPEN}),
    definition(NETWORKING, "v1", "gkenetworkparamsets", "GKENetworkParamSet", **CLUSTER,
               older=("v1alpha1",)),
    definition(NETWORKING, "v1", "nodetopologies", "NodeTopology", short=["tp"], **CLUSTER),
    definition(NETWORKING, "v1", "gkeiproutes", "GKEIPRoute"),
    definition(NETWORKING, "v1", "egressnatpolicies", "EgressNATPolicy", **CLUSTER),
    definition(NETWORKING, "v1", "trafficselectors", "TrafficSelector", **CLUSTER),
    definition(NETWORKING, "v1", "servicefunctionchains", "ServiceFunctionChain", **CLUSTER),
    definition(NETWORKING, "v1alpha1", "redirectservices", "RedirectService", short=["rds"]),
    definition(NETWORKING, "v1alpha1", "networkloggings", "NetworkLogging", short=["nl"],
               **CLUSTER),
    definition(NETWORKING, "v1alpha1", "fqdnnetworkpolicies", "FQDNNetworkPolicy",
               short=["fqdnnp"], status=False, required=("spec",)),
    definition(NETWORKING, "v1", "multiclusteringresses", "MultiClusterIngress", short=["mci"],
               older=("v1beta1",)),
    definition(NETWORKING, "v1", "multiclusterservices", "MultiClusterService", short=["mcs"],
               older=("v1beta1",)),
    # managed Prometheus
    definition(MONITORING, "v1", "clusterrules", "ClusterRules", **CLUSTER),
    definition(MONITORING, "v1", "globalrules", "GlobalRules", **CLUSTER),
    definition(MONITORING, "v1", "clusternodemonitorings", "ClusterNodeMonitoring", **CLUSTER),
    definition(MONITORING, "v1", "operatorconfigs", "OperatorConfig",
               properties=dict.fromkeys(CONFIG_PARTS, OPEN)),
    # snapshots of volumes
    definition(SNAPSHOT, "v1", "volumesnapshots", "VolumeSnapshot", short=["vs"],
               required=("spec",),
               columns=[READY,
                        column("SourcePVC", ".spec.source.persistentVolumeClaimName"),
                        column("SourceSnapshotContent", ".spec.source.volumeSnapshotContentName"),
                        column("RestoreSize", ".status.restoreSize"),
                        column("SnapshotClass", ".spec.volumeSnapshotClassName"),
                        column("SnapshotContent", ".status.boundVolumeSnapshotContentName"),
                        column("CreationTime", ".status.creationTime", "date"), age()]),
    definition(SNAPSHOT, "v1", "volumesnapshotclasses", "VolumeSnapshotClass",
               short=["vsclass", "vsclasses"], status=False, properties=SNAPSHOT_CLASS,
               required=("deletionPolicy", "driver"), **CLUSTER,
               columns=[column("Driver", ".driver"),
                        column("DeletionPolicy", ".deletionPolicy"), age()]),
    definition(SNAPSHOT, "v1", "volumesnapshotcontents", "VolumeSnapshotContent",
               short=["vsc", "vscs"], required=("spec",), **CLUSTER,
               properties={"spec": SNAPSHOT_CONTENT_SPEC, "status": OPEN},
               columns=[READY,
                        column("RestoreSize", ".status.restoreSize", "integer"),
                        column("DeletionPolicy", ".spec.deletionPolicy"),
                        column("Driver", ".spec.driver"),
                        column("VolumeSnapshotClass", ".spec.volumeSnapshotClassName"),
                        column("VolumeSnapshot", ".spec.volumeSnapshotRef.name"),
                        column("VolumeSnapshotNamespace", ".spec.volumeSnapshotRef.namespace"),
                        age()]),
    # autoscaling and capacity
    definition("autoscaling.k8s.io", "v1", "verticalpodautoscalers", "VerticalPodAutoscaler",
               short=["vpa"], older=("v1beta2",), required=("spec",),
               columns=[column("Mode", ".spec.updatePolicy.updateMode"),
                        column("CPU", TARGET + ".cpu"), column("Mem", TARGET + ".memory"),
                        column("Provided", PROVIDED), age()]),
    definition("autoscaling.k8s.io", "v1", "verticalpodautoscalercheckpoints",
               "VerticalPodAutoscalerCheckpoint", short=["vpacheckpoint"], older=("v1beta2",)),
    definition("autoscaling.gke.io", "v1beta1", "multidimpodautoscalers",
               "MultidimPodAutoscaler", short=["mpa"]),
    definition("autoscaling.x-k8s.io", "v1", "provisioningrequests", "ProvisioningRequest",
               short=["provreq", "provreqs"], older=("v1beta1",), required=("spec",)),
    definition("internal.autoscaling.gke.io", "v1", "capacityrequests", "CapacityRequest",
               short=["capreq"]),
    definition("nodemanagement.gke.io", "v1alpha1", "updateinfos", "UpdateInfo",
               short=["updinf"]),
    # Autopilot, fleets, identities, and what else a new cluster lists
    definition(AUTOPILOT, "v1", "allowlistsynchronizers", "AllowlistSynchronizer", **CLUSTER),
    definition(AUTOPILOT, "v1", "workloadallowlists", "WorkloadAllowlist", **CLUSTER,
               properties=dict.fromkeys(
                   ("matchingCriteria", "containerImageDigests", "exemptions", "status"), OPEN)),
    definition(AUTOPILOT, "v1", "allowlistedworkloads", "AllowlistedWorkload", **CLUSTER),
    definition(AUTOPILOT, "v1", "allowlistedv2workloads", "AllowlistedV2Workload", **CLUSTER),
    definition("warden.gke.io", "v1", "audits", "Audit", **CLUSTER),
    definition("hub.gke.io", "v1", "memberships", "Membership", **CLUSTER),
    definition("ha.gke.io", "v1", "highavailabilityapplications",
               "HighAvailabilityApplication"),
    definition("datalayer.gke.io", "v1", "gcpdatasources", "GCPDataSource", short=["gds"]),
    definition("node.gke.io", "v1", "gcpresourceallowlists", "GCPResourceAllowlist", **CLUSTER),
    definition(SECURITY, "v1", "trustconfigs", "TrustConfig", **CLUSTER),
    definition(SECURITY, "v1", "workloadcertificateconfigs", "WorkloadCertificateConfig",
               **CLUSTER),
    definition(SECURITY, "v1", "gkeclustertrustbundles", "GKEClusterTrustBundle", **CLUSTER),
)  # fmt: skip
