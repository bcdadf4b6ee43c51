"""What kubectl shows of built-in kinds: columns by name and priority, and how cells are made.

Names, order and wording follow the API server's printers.
"""

from typing import Any

from gcpsim.k8s.print import cells
from gcpsim.k8s.print import morecells as more
from gcpsim.k8s.print import podcolumns as pods
from gcpsim.k8s.print.cells import Cell, at
from gcpsim.k8s.print.column import Column, columns, count, flag, number, wide
from gcpsim.k8s.print.morecells import NONE, UNSET
from gcpsim.k8s.print.shown import age, duration, labels_text, selector_text

Doc = dict[str, Any]


CREATED = Column("Created At", at("metadata", "creationTimestamp"))


def _containers(field: str, *path: str) -> Cell:
    def cell(obj: Doc, now: float) -> str:
        spec = obj.get("spec", {})
        for step in path:
            spec = spec.get(step) or {}
        return ",".join(item.get(field, "") for item in spec.get("containers", ()))

    return cell


def _containers_of_template(field: str) -> Cell:
    """Of a PodTemplate, which has no spec of its own."""
    return lambda obj, now: _containers(field, "spec")({"spec": obj["template"]}, now)


TEMPLATE = ("template", "spec")
WORKLOAD_WIDE = (
    wide("Containers", _containers("name", *TEMPLATE)),
    wide("Images", _containers("image", *TEMPLATE)),
    wide("Selector", lambda obj, now: selector_text(obj["spec"].get("selector"))),
)


CLASS_OF_ATTRIBUTES = Column(
    "VolumeAttributesClass", at("spec", "volumeAttributesClassName", default="<unset>")
)
VOLUME_MODE = wide("VolumeMode", at("spec", "volumeMode", default="<unset>"))
CRON_TEMPLATE = ("jobTemplate", "spec", *TEMPLATE)
ROLE = columns(
    Column("Role", cells.role),
    wide=(
        wide("Users", more.subjects("User")),
        wide("Groups", more.subjects("Group")),
        wide("ServiceAccounts", more.subjects("ServiceAccount")),
    ),
)


COLUMNS: dict[str, list[Column]] = {
    "pods": columns(
        Column("Ready", pods.ready),
        Column("Status", pods.status),
        Column("Restarts", pods.restarts),
        wide=(
            wide("IP", at("status", "podIP", default="<none>")),
            wide("Node", at("spec", "nodeName", default="<none>")),
            wide("Nominated Node", at("status", "nominatedNodeName", default="<none>")),
            wide("Readiness Gates", pods.gates),
        ),
    ),
    "nodes": [
        *columns(Column("Status", cells.node_status), Column("Roles", cells.node_roles)),
        Column("Version", at("status", "nodeInfo", "kubeletVersion")),
        wide("Internal-IP", cells.node_address("InternalIP")),
        wide("External-IP", cells.node_address("ExternalIP")),
        wide("OS-Image", cells.node_info("osImage")),
        wide("Kernel-Version", cells.node_info("kernelVersion")),
        wide("Container-Runtime", cells.node_info("containerRuntimeVersion")),
    ],
    "namespaces": columns(Column("Status", at("status", "phase"))),
    "services": columns(
        Column("Type", at("spec", "type", default="ClusterIP")),
        Column("Cluster-IP", at("spec", "clusterIP", default="<none>")),
        Column("External-IP", cells.service_external),
        Column("Port(s)", cells.service_ports),
        wide=(wide("Selector", lambda obj, now: labels_text(obj["spec"].get("selector"))),),
    ),
    "endpoints": columns(Column("Endpoints", cells.endpoints)),
    "endpointslices": columns(
        Column("AddressType", at("addressType")),
        Column("Ports", cells.slice_ports),
        Column("Endpoints", cells.slice_endpoints),
    ),
    "events": [
        Column("Last Seen", cells.last_seen),
        Column("Type", at("type")),
        Column("Reason", at("reason")),
        Column("Object", cells.event_object),
        wide("Subobject", at("involvedObject", "fieldPath")),
        wide("Source", cells.event_source),
        Column("Message", at("message")),
        wide("First Seen", lambda obj, now: age(obj.get("firstTimestamp"), now)),
        wide("Count", at("count", default=1)),
        wide("Name", at("metadata", "name")),
    ],
    "configmaps": columns(
        Column(
            "Data",
            lambda obj, now: len(obj.get("data") or ()) + len(obj.get("binaryData") or ()),
            "integer",
        )
    ),
    "secrets": columns(
        Column("Type", at("type", default="Opaque")),
        Column("Data", lambda obj, now: len(obj.get("data") or ()), "integer"),
    ),
    "serviceaccounts": columns(
        Column("Secrets", lambda obj, now: len(obj.get("secrets") or ()), "integer")
    ),
    "replicationcontrollers": columns(
        number("Desired", "spec", "replicas"),
        number("Current", "status", "replicas"),
        number("Ready", "status", "readyReplicas"),
        wide=(*WORKLOAD_WIDE[:2], wide("Selector", cells.selector)),
    ),
    "persistentvolumeclaims": columns(
        Column("Status", at("status", "phase", default="Pending")),
        Column("Volume", at("spec", "volumeName")),
        Column("Capacity", at("status", "capacity", "storage")),
        Column("Access Modes", cells.access_modes),
        Column("StorageClass", at("spec", "storageClassName")),
        CLASS_OF_ATTRIBUTES,
        wide=(VOLUME_MODE,),
    ),
    "deployments": columns(
        Column("Ready", cells.of_replicas("readyReplicas")),
        number("Up-to-date", "status", "updatedReplicas"),
        number("Available", "status", "availableReplicas"),
        wide=WORKLOAD_WIDE,
    ),
    "replicasets": columns(
        number("Desired", "spec", "replicas"),
        number("Current", "status", "replicas"),
        number("Ready", "status", "readyReplicas"),
        wide=WORKLOAD_WIDE,
    ),
    "statefulsets": columns(
        Column("Ready", cells.of_replicas("readyReplicas")), wide=WORKLOAD_WIDE[:2]
    ),
    "daemonsets": columns(
        number("Desired", "status", "desiredNumberScheduled"),
        number("Current", "status", "currentNumberScheduled"),
        number("Ready", "status", "numberReady"),
        number("Up-to-date", "status", "updatedNumberScheduled"),
        number("Available", "status", "numberAvailable"),
        Column(
            "Node Selector",
            lambda obj, now: labels_text(obj["spec"]["template"]["spec"].get("nodeSelector")),
        ),
        wide=WORKLOAD_WIDE,
    ),
    "jobs": columns(
        Column("Status", more.job_status),
        Column("Completions", more.completions),
        Column(
            "Duration",
            lambda obj, now: duration(
                obj.get("status", {}).get("startTime"),
                obj.get("status", {}).get("completionTime"),
                now,
            ),
        ),
        wide=WORKLOAD_WIDE,
    ),
    "ingresses": columns(
        Column("Class", cells.ingress_class),
        Column("Hosts", cells.ingress_hosts),
        Column("Address", cells.ingress_address),
        Column("Ports", lambda obj, now: "80, 443" if obj["spec"].get("tls") else "80"),
    ),
    "componentstatuses": columns(
        Column("Status", more.component("status", "True")),
        Column("Message", more.component("message")),
        Column("Error", more.component("error")),
        aged=False,
    ),
    "ipaddresses": columns(Column("ParentRef", more.parent)),
    "servicecidrs": columns(
        Column("CIDRs", lambda obj, now: ",".join((obj.get("spec") or {}).get("cidrs") or ()))
    ),
    "ingressclasses": columns(
        Column("Controller", at("spec", "controller")),
        Column("Parameters", more.class_parameters),
    ),
    "networkpolicies": columns(
        Column("Pod-Selector", lambda obj, now: selector_text(obj["spec"].get("podSelector")))
    ),
    "poddisruptionbudgets": columns(
        Column("Min Available", cells.bound("minAvailable")),
        Column("Max Unavailable", cells.bound("maxUnavailable")),
        number("Allowed Disruptions", "status", "disruptionsAllowed"),
    ),
    "cronjobs": columns(
        Column("Schedule", at("spec", "schedule")),
        Column("Timezone", at("spec", "timeZone", default="<none>")),
        Column("Suspend", lambda obj, now: str(bool(obj["spec"].get("suspend")))),
        Column(
            "Active", lambda obj, now: len((obj.get("status") or {}).get("active") or ()), "integer"
        ),
        Column("Last Schedule", cells.last_schedule),
        wide=(
            wide("Containers", _containers("name", *CRON_TEMPLATE)),
            wide("Images", _containers("image", *CRON_TEMPLATE)),
            wide("Selector", lambda obj, now: "<none>"),
        ),
    ),
    "persistentvolumes": columns(
        Column("Capacity", at("spec", "capacity", "storage")),
        Column("Access Modes", cells.access_modes),
        Column("Reclaim Policy", at("spec", "persistentVolumeReclaimPolicy")),
        Column("Status", at("status", "phase", default="Available")),
        Column("Claim", cells.claim),
        Column("StorageClass", at("spec", "storageClassName")),
        CLASS_OF_ATTRIBUTES,
        Column("Reason", at("status", "reason")),
        wide=(VOLUME_MODE,),
    ),
    "limitranges": columns(CREATED, aged=False),
    "mutatingwebhookconfigurations": columns(
        Column("Webhooks", lambda obj, now: len(obj.get("webhooks") or ()), "integer")
    ),
    "validatingwebhookconfigurations": columns(
        Column("Webhooks", lambda obj, now: len(obj.get("webhooks") or ()), "integer")
    ),
    "runtimeclasses": columns(Column("Handler", at("handler"))),
    "leases": columns(Column("Holder", at("spec", "holderIdentity"))),
    "customresourcedefinitions": columns(Column("Created At", cells.crd_created), aged=False),
    "horizontalpodautoscalers": columns(
        Column("Reference", cells.hpa_reference),
        Column("Targets", more.metrics),
        Column("MinPods", at("spec", "minReplicas", default="<unset>")),
        number("MaxPods", "spec", "maxReplicas"),
        number("Replicas", "status", "currentReplicas"),
    ),
    "priorityclasses": [
        *columns(number("Value", "value"), flag("Global-Default", "globalDefault")),
        Column("PreemptionPolicy", at("preemptionPolicy")),
    ],
    "storageclasses": [
        Column("Name", more.storage_class),
        *columns(
            Column("Provisioner", at("provisioner")),
            Column("ReclaimPolicy", at("reclaimPolicy", default="Delete")),
            Column("VolumeBindingMode", at("volumeBindingMode", default="Immediate")),
            flag("AllowVolumeExpansion", "allowVolumeExpansion"),
        )[1:],
    ],
    "resourcequotas": columns(
        Column("Request", more.quota(limits=False)), Column("Limit", more.quota(limits=True))
    ),
    "podtemplates": columns(
        Column("Containers", _containers_of_template("name")),
        Column("Images", _containers_of_template("image")),
        Column(
            "Pod Labels",
            lambda obj, now: labels_text((obj["template"].get("metadata") or {}).get("labels")),
        ),
        aged=False,
    ),
    "controllerrevisions": columns(
        Column("Controller", more.controller), Column("Revision", at("revision"))
    ),
    "certificatesigningrequests": [
        *columns(),
        Column("SignerName", at("spec", "signerName", default="<none>")),
        Column("Requestor", at("spec", "username")),
        Column("RequestedDuration", more.signing_duration),
        Column("Condition", more.signing_condition),
    ],
    "apiservices": columns(
        Column("Service", more.api_service), Column("Available", more.available)
    ),
    "validatingadmissionpolicies": columns(
        count("Validations", "spec", "validations"),
        Column("ParamKind", more.admission_parameters),
    ),
    "validatingadmissionpolicybindings": columns(
        Column("PolicyName", at("spec", "policyName")),
        Column("ParamRef", more.admission_reference),
    ),
    "csidrivers": columns(
        flag("AttachRequired", "spec", "attachRequired", default=True),
        flag("PodInfoOnMount", "spec", "podInfoOnMount"),
        flag("StorageCapacity", "spec", "storageCapacity"),
        Column("TokenRequests", more.audiences),
        flag("RequiresRepublish", "spec", "requiresRepublish"),
        Column("Modes", more.modes),
    ),
    "csinodes": columns(count("Drivers", "spec", "drivers")),
    "csistoragecapacities": columns(
        Column("StorageClassName", at("storageClassName")),
        Column("Capacity", at("capacity", default=UNSET)),
        aged=False,
    ),
    "volumeattachments": columns(
        Column("Attacher", at("spec", "attacher")),
        Column("PV", at("spec", "source", "persistentVolumeName")),
        Column("Node", at("spec", "nodeName")),
        flag("Attached", "status", "attached"),
    ),
    "flowschemas": [
        *columns(
            Column("PriorityLevel", at("spec", "priorityLevelConfiguration", "name")),
            number("MatchingPrecedence", "spec", "matchingPrecedence"),
            Column("DistinguisherMethod", at("spec", "distinguisherMethod", "type", default=NONE)),
        ),
        Column("MissingPL", more.missing_level),
    ],
    "prioritylevelconfigurations": columns(
        Column("Type", at("spec", "type")),
        Column("NominalConcurrencyShares", more.shares),
        Column("Queues", more.queuing("queues")),
        Column("HandSize", more.queuing("handSize")),
        Column("QueueLengthLimit", more.queuing("queueLengthLimit")),
    ),
    "roles": columns(CREATED, aged=False),
    "clusterroles": columns(CREATED, aged=False),
    "rolebindings": ROLE,
    "clusterrolebindings": ROLE,
}
