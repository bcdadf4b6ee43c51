"""CustomResourceDefinitions: those that every cluster has, and what accepting one adds to it.

The preinstalled ones are GKE's own (svcneg, backend and frontend configs, managed certificates)
and cert-manager's, with schemas as far as their controllers here use them; those that are only
kept are in `stored`.
"""

from typing import Any

from gcpsim.k8s.types import gatewayapi
from gcpsim.k8s.types.definitions import OPEN, STRING, age, column, definition
from gcpsim.k8s.types.googles import (
    BACKEND_CONFIG,
    BACKEND_POLICY,
    FRONTEND_CONFIG,
    GATEWAY_POLICY,
    HEALTH_POLICY,
    MANAGED_CERTIFICATE,
)
from gcpsim.k8s.types.store import Objects
from gcpsim.k8s.types.stored import STORED

Doc = dict[str, Any]

GATEWAY = gatewayapi.GROUP
CERT_MANAGER = "cert-manager.io"
ACME = "acme.cert-manager.io"


def _ready(*more: Doc) -> list[Doc]:
    ready = '.status.conditions[?(@.type=="Ready")]'
    return [
        column("Ready", ready + ".status"),
        *more,
        column("Status", ready + ".message", priority=1),
        age(),
    ]


CONDITIONS: Doc = {
    "type": "array",
    "items": OPEN,
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["type"],
}
SVCNEG_STATUS: Doc = {
    "type": "object",
    "properties": {
        "networkEndpointGroups": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "id": STRING,
                    "selfLink": STRING,
                    "networkEndpointType": STRING,
                    "state": STRING,
                    "subnetURL": STRING,
                },
            },
        },
        "conditions": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type", "status"],
                "properties": {
                    "type": STRING,
                    "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
                    "observedGeneration": {"type": "integer", "format": "int64"},
                    "lastTransitionTime": {"type": "string", "format": "date-time"},
                    "reason": STRING,
                    "message": STRING,
                },
            },
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
        "lastSyncTime": {"type": "string", "format": "date-time", "nullable": True},
    },
}
CERTIFICATE_SPEC: Doc = {
    "type": "object",
    "required": ["issuerRef", "secretName"],
    "x-kubernetes-preserve-unknown-fields": True,
    "properties": {
        "secretName": STRING,
        "commonName": STRING,
        "dnsNames": {"type": "array", "items": STRING},
        "issuerRef": {
            "type": "object",
            "required": ["name"],
            "properties": {"name": STRING, "kind": STRING, "group": STRING},
        },
    },
}
BINDING_SPEC: Doc = {
    "type": "object",
    "required": ["backendRef", "networkEndpointGroups"],
    "properties": {
        "backendRef": {
            "type": "object",
            "required": ["kind", "name", "port"],
            "properties": {
                "group": STRING,
                "kind": STRING,
                "name": STRING,
                "port": {"type": "integer", "format": "int32"},
            },
        },
        "networkEndpointGroups": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": STRING,
                    "subnet": STRING,
                    "zones": {"type": "array", "items": STRING},
                },
            },
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
        },
    },
}
WITH_CONDITIONS: Doc = {
    "type": "object",
    "x-kubernetes-preserve-unknown-fields": True,
    "properties": {"conditions": CONDITIONS},
}
STATE = column("State", ".status.state")
ISSUER = column("Issuer", ".spec.issuerRef.name", priority=1)

PREINSTALLED: tuple[Doc, ...] = (
    definition("networking.gke.io", "v1beta1", "servicenetworkendpointgroups",
               "ServiceNetworkEndpointGroup", short=["svcneg"], status=False, columns=[age()],
               properties={"spec": {"type": "object"}, "status": SVCNEG_STATUS}),
    definition("networking.gke.io", "v1", "managedcertificates", "ManagedCertificate",
               short=["mcrt"], older=("v1beta2", "v1beta1"),
               columns=[age(), column("Status", ".status.certificateStatus")],
               properties=MANAGED_CERTIFICATE),
    definition("networking.gke.io", "v1beta1", "frontendconfigs", "FrontendConfig",
               properties=FRONTEND_CONFIG),
    definition("cloud.google.com", "v1", "backendconfigs", "BackendConfig", short=["bc"],
               status=False, older=("v1beta1",), properties=BACKEND_CONFIG),
    definition("networking.gke.io", "v1", "gcpbackendpolicies", "GCPBackendPolicy",
               required=("spec",), properties=BACKEND_POLICY),
    definition("networking.gke.io", "v1", "gcpgatewaypolicies", "GCPGatewayPolicy",
               required=("spec",), properties=GATEWAY_POLICY),
    definition("networking.gke.io", "v1", "healthcheckpolicies", "HealthCheckPolicy",
               required=("spec",), properties=HEALTH_POLICY),
    definition("networking.gke.io", "v1", "serviceattachments", "ServiceAttachment",
               older=("v1beta1",)),
    definition("networking.gke.io", "v1beta1", "networkendpointgroupbindings",
               "NetworkEndpointGroupBinding", short=["negb"], required=("spec",),
               properties={"spec": BINDING_SPEC, "status": OPEN}),
    definition("cloud.google.com", "v1", "computeclasses", "ComputeClass", short=["cc", "ccs"],
               scope="Cluster"),
    definition("net.gke.io", "v1", "serviceexports", "ServiceExport"),
    definition("net.gke.io", "v1", "serviceimports", "ServiceImport"),
    definition("monitoring.googleapis.com", "v1", "podmonitorings", "PodMonitoring"),
    definition("monitoring.googleapis.com", "v1", "clusterpodmonitorings", "ClusterPodMonitoring",
               scope="Cluster"),
    definition("monitoring.googleapis.com", "v1", "rules", "Rules"),
    definition(GATEWAY, "v1", "gatewayclasses", "GatewayClass", short=["gc"], scope="Cluster",
               older=("v1beta1",), required=("spec",),
               properties=gatewayapi.of(gatewayapi.CLASS_SPEC),
               columns=[column("Controller", ".spec.controllerName"),
                        column("Accepted", '.status.conditions[?(@.type=="Accepted")].status'),
                        age()]),
    definition(GATEWAY, "v1", "gateways", "Gateway", short=["gtw"], older=("v1beta1",),
               required=("spec",), properties=gatewayapi.of(gatewayapi.GATEWAY_SPEC),
               columns=[column("Class", ".spec.gatewayClassName"),
                        column("Address", ".status.addresses[*].value"),
                        column("Programmed", '.status.conditions[?(@.type=="Programmed")].status'),
                        age()]),
    definition(GATEWAY, "v1", "httproutes", "HTTPRoute", older=("v1beta1",),
               required=("spec",), properties=gatewayapi.of(gatewayapi.HTTP_SPEC),
               columns=[column("Hostnames", ".spec.hostnames"), age()]),
    definition(GATEWAY, "v1", "grpcroutes", "GRPCRoute",
               properties=gatewayapi.of(gatewayapi.GRPC_SPEC),
               columns=[column("Hostnames", ".spec.hostnames"), age()]),
    definition(GATEWAY, "v1beta1", "referencegrants", "ReferenceGrant", short=["refgrant"],
               properties={"spec": gatewayapi.GRANT_SPEC}, status=False),
    definition(CERT_MANAGER, "v1", "certificates", "Certificate", short=["cert", "certs"],
               required=("spec",),
               categories=["cert-manager"],
               columns=_ready(column("Secret", ".spec.secretName"), ISSUER),
               properties={"spec": CERTIFICATE_SPEC, "status": WITH_CONDITIONS}),
    definition(CERT_MANAGER, "v1", "certificaterequests", "CertificateRequest", short=["cr", "crs"],
               categories=["cert-manager"], required=("spec",),
               columns=_ready(column("Issuer", ".spec.issuerRef.name"))),
    definition(CERT_MANAGER, "v1", "issuers", "Issuer", categories=["cert-manager"],
               columns=_ready(), required=("spec",)),
    definition(CERT_MANAGER, "v1", "clusterissuers", "ClusterIssuer", scope="Cluster",
               categories=["cert-manager"], columns=_ready(), required=("spec",)),
    definition(ACME, "v1", "orders", "Order", categories=["cert-manager", "cert-manager-acme"],
               columns=[STATE, ISSUER, age()]),
    definition(ACME, "v1", "challenges", "Challenge",
               categories=["cert-manager", "cert-manager-acme"],
               columns=[STATE, column("Domain", ".spec.dnsName"), age()]),
    *STORED,
)  # fmt: skip


def accept(cluster: Objects, crd: Doc) -> None:
    """Write the conditions that make clients trust a definition."""
    names = dict(crd["spec"]["names"])
    names.setdefault("singular", names["kind"].lower())
    names.setdefault("listKind", names["kind"] + "List")
    crd["spec"] = {**crd["spec"], "names": names}
    crd["spec"].setdefault("conversion", {"strategy": "None"})
    known = {item["type"]: item for item in (crd.get("status") or {}).get("conditions", ())}
    conditions = []
    for kind, reason, message in (
        ("NamesAccepted", "NoConflicts", "no conflicts found"),
        ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
    ):
        condition = {"type": kind, "status": "True", "reason": reason, "message": message,
                     "lastTransitionTime": cluster.now()}  # fmt: skip
        conditions.append(known.get(kind, condition))
    stored = [version["name"] for version in crd["spec"]["versions"] if version.get("storage")]
    crd["status"] = {"acceptedNames": names, "conditions": conditions, "storedVersions": stored}
