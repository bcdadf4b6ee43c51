"""CustomResourceDefinitions: those that every cluster has, and what accepting one adds to it.

The preinstalled ones are GKE's own (svcneg, backend and frontend configs, managed certificates)
and cert-manager's, with schemas as far as their controllers here use them; what the schemas leave
open is kept as it comes.
"""

from typing import Any

from gcpsim.k8s.types.store import Objects

Doc = dict[str, Any]

OPEN: Doc = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
STRING: Doc = {"type": "string"}
GATEWAY = "gateway.networking.k8s.io"
CERT_MANAGER = "cert-manager.io"
ACME = "acme.cert-manager.io"


def _column(name: str, path: str, type: str = "string", priority: int = 0, **more: str) -> Doc:
    column: Doc = {"name": name, "jsonPath": path, "type": type, **more}
    return column | {"priority": priority} if priority else column


def _crd(
    group: str,
    version: str,
    plural: str,
    kind: str,
    *,
    short: list[str] | None = None,
    scope: str = "Namespaced",
    status: bool = True,
    columns: list[Doc] | None = None,
    properties: Doc | None = None,
    categories: list[str] | None = None,
    required: tuple[str, ...] = (),
    older: tuple[str, ...] = (),
) -> Doc:
    names: Doc = {"plural": plural, "kind": kind, "listKind": kind + "List",
                  "singular": kind.lower()}  # fmt: skip
    if short:
        names["shortNames"] = short
    if categories:
        names["categories"] = categories
    schema: Doc = {
        "type": "object",
        "properties": {
            "apiVersion": STRING,
            "kind": STRING,
            "metadata": {"type": "object"},
            **(properties or {"spec": OPEN, "status": OPEN}),
        },
    }
    if required:
        schema["required"] = list(required)
    entry: Doc = {
        "name": version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
    }
    if status:
        entry["subresources"] = {"status": {}}
    entry["additionalPrinterColumns"] = columns or [_age()]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": names,
            "scope": scope,
            "versions": [entry, *({**entry, "name": one, "storage": False} for one in older)],
        },
    }


def _age() -> Doc:
    return _column("Age", ".metadata.creationTimestamp", "date")


def _ready(*more: Doc) -> list[Doc]:
    ready = '.status.conditions[?(@.type=="Ready")]'
    return [
        _column("Ready", ready + ".status"),
        *more,
        _column("Status", ready + ".message", priority=1),
        _age(),
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
STATE = _column("State", ".status.state")
ISSUER = _column("Issuer", ".spec.issuerRef.name", priority=1)

PREINSTALLED: tuple[Doc, ...] = (
    _crd("networking.gke.io", "v1beta1", "servicenetworkendpointgroups",
         "ServiceNetworkEndpointGroup", short=["svcneg"], status=False, columns=[_age()],
         properties={"spec": {"type": "object"}, "status": SVCNEG_STATUS}),
    _crd("networking.gke.io", "v1", "managedcertificates", "ManagedCertificate", short=["mcrt"],
         columns=[_age(), _column("Status", ".status.certificateStatus")]),
    _crd("networking.gke.io", "v1beta1", "frontendconfigs", "FrontendConfig"),
    _crd("cloud.google.com", "v1", "backendconfigs", "BackendConfig", short=["bc"], status=False),
    _crd("networking.gke.io", "v1", "gcpbackendpolicies", "GCPBackendPolicy"),
    _crd("networking.gke.io", "v1", "gcpgatewaypolicies", "GCPGatewayPolicy"),
    _crd("networking.gke.io", "v1", "healthcheckpolicies", "HealthCheckPolicy"),
    _crd("networking.gke.io", "v1", "serviceattachments", "ServiceAttachment"),
    _crd("networking.gke.io", "v1beta1", "networkendpointgroupbindings",
         "NetworkEndpointGroupBinding", short=["negb"], required=("spec",),
         properties={"spec": BINDING_SPEC, "status": OPEN}),
    _crd("cloud.google.com", "v1", "computeclasses", "ComputeClass", scope="Cluster"),
    _crd("net.gke.io", "v1", "serviceexports", "ServiceExport"),
    _crd("net.gke.io", "v1", "serviceimports", "ServiceImport"),
    _crd("monitoring.googleapis.com", "v1", "podmonitorings", "PodMonitoring"),
    _crd("monitoring.googleapis.com", "v1", "clusterpodmonitorings", "ClusterPodMonitoring",
         scope="Cluster"),
    _crd("monitoring.googleapis.com", "v1", "rules", "Rules"),
    _crd(GATEWAY, "v1", "gatewayclasses", "GatewayClass", short=["gc"], scope="Cluster",
         older=("v1beta1",),
         columns=[_column("Controller", ".spec.controllerName"),
                  _column("Accepted", '.status.conditions[?(@.type=="Accepted")].status'),
                  _age()]),
    _crd(GATEWAY, "v1", "gateways", "Gateway", short=["gtw"], older=("v1beta1",),
         columns=[_column("Class", ".spec.gatewayClassName"),
                  _column("Address", ".status.addresses[*].value"),
                  _column("Programmed", '.status.conditions[?(@.type=="Programmed")].status'),
                  _age()]),
    _crd(GATEWAY, "v1", "httproutes", "HTTPRoute", older=("v1beta1",),
         columns=[_column("Hostnames", ".spec.hostnames"), _age()]),
    _crd(GATEWAY, "v1beta1", "referencegrants", "ReferenceGrant", short=["refgrant"]),
    _crd(CERT_MANAGER, "v1", "certificates", "Certificate", short=["cert", "certs"],
         required=("spec",),
         categories=["cert-manager"],
         columns=_ready(_column("Secret", ".spec.secretName"), ISSUER),
         properties={"spec": CERTIFICATE_SPEC, "status": WITH_CONDITIONS}),
    _crd(CERT_MANAGER, "v1", "certificaterequests", "CertificateRequest", short=["cr", "crs"],
         categories=["cert-manager"], required=("spec",),
         columns=_ready(_column("Issuer", ".spec.issuerRef.name"))),
    _crd(CERT_MANAGER, "v1", "issuers", "Issuer", categories=["cert-manager"], columns=_ready(),
         required=("spec",)),
    _crd(CERT_MANAGER, "v1", "clusterissuers", "ClusterIssuer", scope="Cluster",
         categories=["cert-manager"], columns=_ready(), required=("spec",)),
    _crd(ACME, "v1", "orders", "Order", categories=["cert-manager", "cert-manager-acme"],
         columns=[STATE, ISSUER, _age()]),
    _crd(ACME, "v1", "challenges", "Challenge", categories=["cert-manager", "cert-manager-acme"],
         columns=[STATE, _column("Domain", ".spec.dnsName"), _age()]),
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
