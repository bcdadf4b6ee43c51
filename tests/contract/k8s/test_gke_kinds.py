"""The kinds that GKE's definitions bring: named as on a real cluster, one of each stored and read.

The table is what `kubectl api-resources` and `kubectl get crd` say of a GKE cluster of 1.33 with
cert-manager. Objects are made from the schema that the cluster itself shows.
"""

import json
import re
from typing import Any

from conftest import Kubectl
from kubernetes import client as k8s
from served import Api

Doc = dict[str, Any]

# plural.group, short names, versions (the stored one first), scope, kind
KINDS = """
challenges.acme.cert-manager.io - v1 Namespaced Challenge
orders.acme.cert-manager.io - v1 Namespaced Order
certificaterequests.cert-manager.io cr,crs v1 Namespaced CertificateRequest
certificates.cert-manager.io cert,certs v1 Namespaced Certificate
clusterissuers.cert-manager.io - v1 Cluster ClusterIssuer
issuers.cert-manager.io - v1 Namespaced Issuer
allowlistedv2workloads.auto.gke.io - v1 Cluster AllowlistedV2Workload
allowlistedworkloads.auto.gke.io - v1 Cluster AllowlistedWorkload
allowlistsynchronizers.auto.gke.io - v1 Cluster AllowlistSynchronizer
workloadallowlists.auto.gke.io - v1 Cluster WorkloadAllowlist
multidimpodautoscalers.autoscaling.gke.io mpa v1beta1 Namespaced MultidimPodAutoscaler
verticalpodautoscalercheckpoints.autoscaling.k8s.io vpacheckpoint v1,v1beta2 Namespaced \
VerticalPodAutoscalerCheckpoint
verticalpodautoscalers.autoscaling.k8s.io vpa v1,v1beta2 Namespaced VerticalPodAutoscaler
provisioningrequests.autoscaling.x-k8s.io provreq,provreqs v1,v1beta1 Namespaced ProvisioningRequest
backendconfigs.cloud.google.com bc v1,v1beta1 Namespaced BackendConfig
computeclasses.cloud.google.com cc,ccs v1 Cluster ComputeClass
gcpdatasources.datalayer.gke.io gds v1 Namespaced GCPDataSource
gatewayclasses.gateway.networking.k8s.io gc v1,v1beta1 Cluster GatewayClass
gateways.gateway.networking.k8s.io gtw v1,v1beta1 Namespaced Gateway
grpcroutes.gateway.networking.k8s.io - v1 Namespaced GRPCRoute
httproutes.gateway.networking.k8s.io - v1,v1beta1 Namespaced HTTPRoute
referencegrants.gateway.networking.k8s.io refgrant v1beta1 Namespaced ReferenceGrant
highavailabilityapplications.ha.gke.io - v1 Namespaced HighAvailabilityApplication
memberships.hub.gke.io - v1 Cluster Membership
capacityrequests.internal.autoscaling.gke.io capreq v1 Namespaced CapacityRequest
clusternodemonitorings.monitoring.googleapis.com - v1 Cluster ClusterNodeMonitoring
clusterpodmonitorings.monitoring.googleapis.com - v1 Cluster ClusterPodMonitoring
clusterrules.monitoring.googleapis.com - v1 Cluster ClusterRules
globalrules.monitoring.googleapis.com - v1 Cluster GlobalRules
operatorconfigs.monitoring.googleapis.com - v1 Namespaced OperatorConfig
podmonitorings.monitoring.googleapis.com - v1 Namespaced PodMonitoring
rules.monitoring.googleapis.com - v1 Namespaced Rules
serviceexports.net.gke.io - v1 Namespaced ServiceExport
serviceimports.net.gke.io - v1 Namespaced ServiceImport
egressnatpolicies.networking.gke.io - v1 Cluster EgressNATPolicy
fqdnnetworkpolicies.networking.gke.io fqdnnp v1alpha1 Namespaced FQDNNetworkPolicy
frontendconfigs.networking.gke.io - v1beta1 Namespaced FrontendConfig
gcpbackendpolicies.networking.gke.io - v1 Namespaced GCPBackendPolicy
gcpgatewaypolicies.networking.gke.io - v1 Namespaced GCPGatewayPolicy
gcproutingextensions.networking.gke.io - v1 Namespaced GCPRoutingExtension
gcpsessionaffinityfilters.networking.gke.io - v1 Namespaced GCPSessionAffinityFilter
gcpsessionaffinitypolicies.networking.gke.io - v1 Namespaced GCPSessionAffinityPolicy
gcptrafficdistributionpolicies.networking.gke.io - v1 Namespaced GCPTrafficDistributionPolicy
gcptrafficextensions.networking.gke.io - v1 Namespaced GCPTrafficExtension
gkeiproutes.networking.gke.io - v1 Namespaced GKEIPRoute
gkenetworkparamsets.networking.gke.io - v1,v1alpha1 Cluster GKENetworkParamSet
healthcheckpolicies.networking.gke.io - v1 Namespaced HealthCheckPolicy
lbpolicies.networking.gke.io - v1 Namespaced LBPolicy
managedcertificates.networking.gke.io mcrt v1,v1beta2,v1beta1 Namespaced ManagedCertificate
multiclusteringresses.networking.gke.io mci v1,v1beta1 Namespaced MultiClusterIngress
multiclusterservices.networking.gke.io mcs v1,v1beta1 Namespaced MultiClusterService
networkendpointgroupbindings.networking.gke.io negb v1beta1 Namespaced NetworkEndpointGroupBinding
networkloggings.networking.gke.io nl v1alpha1 Cluster NetworkLogging
networks.networking.gke.io - v1 Cluster Network
nodetopologies.networking.gke.io tp v1 Cluster NodeTopology
redirectservices.networking.gke.io rds v1alpha1 Namespaced RedirectService
serviceattachments.networking.gke.io - v1,v1beta1 Namespaced ServiceAttachment
servicefunctionchains.networking.gke.io - v1 Cluster ServiceFunctionChain
servicenetworkendpointgroups.networking.gke.io svcneg v1beta1 Namespaced \
ServiceNetworkEndpointGroup
trafficselectors.networking.gke.io - v1 Cluster TrafficSelector
gcpresourceallowlists.node.gke.io - v1 Cluster GCPResourceAllowlist
updateinfos.nodemanagement.gke.io updinf v1alpha1 Namespaced UpdateInfo
gkeclustertrustbundles.security.cloud.google.com - v1 Cluster GKEClusterTrustBundle
trustconfigs.security.cloud.google.com - v1 Cluster TrustConfig
workloadcertificateconfigs.security.cloud.google.com - v1 Cluster WorkloadCertificateConfig
volumesnapshotclasses.snapshot.storage.k8s.io vsclass,vsclasses v1 Cluster VolumeSnapshotClass
volumesnapshotcontents.snapshot.storage.k8s.io vsc,vscs v1 Cluster VolumeSnapshotContent
volumesnapshots.snapshot.storage.k8s.io vs v1 Namespaced VolumeSnapshot
audits.warden.gke.io - v1 Cluster Audit
"""


def definitions(kubectl: Kubectl) -> list[Doc]:
    found: list[Doc] = json.loads(kubectl("get", "crd", "-o", "json").stdout)["items"]
    return found


def one_of(schema: Doc) -> Any:
    """The smallest value that a schema takes."""
    kind = schema.get("type")
    if "enum" in schema:
        return schema["enum"][0]
    if kind == "object":
        properties = schema.get("properties") or {}
        return {name: one_of(properties[name]) for name in schema.get("required") or ()}
    if kind == "array":
        return [one_of(schema["items"])] * schema.get("minItems", 0)
    text = "x/x" if r"\/" in schema.get("pattern", "") else "x"
    return {"integer": 1, "boolean": True}.get(str(kind), text)


def keeps(found: Any, given: Any) -> bool:
    """Whether all that was given is there, beside defaults that a schema may have added."""
    if isinstance(given, dict):
        return all(name in found and keeps(found[name], value) for name, value in given.items())
    if isinstance(given, list):
        return len(found) == len(given) and all(map(keeps, found, given))
    return bool(found == given)


def objects(definition: Doc) -> list[Doc]:
    """One object in each served version of a definition."""
    spec, made = definition["spec"], []
    for version in spec["versions"]:
        assert version["served"]
        schema = version["schema"]["openAPIV3Schema"]
        metadata = {"name": f"one-{version['name']}", "labels": {"version": version["name"]}}
        if spec["scope"] == "Namespaced":
            metadata["namespace"] = "default"
        made.append(
            {"apiVersion": f"{spec['group']}/{version['name']}", "kind": spec["names"]["kind"],
             **one_of(schema), "metadata": metadata}
        )  # fmt: skip
    return made


def test_the_kinds_are_named_as_on_a_real_cluster(kubectl: Kubectl) -> None:
    shown = {
        " ".join(
            [
                one["metadata"]["name"],
                ",".join(one["spec"]["names"].get("shortNames", ())) or "-",
                ",".join(version["name"] for version in one["spec"]["versions"]),
                one["spec"]["scope"],
                one["spec"]["names"]["kind"],
            ]
        )
        for one in definitions(kubectl)
    }
    assert shown == set(KINDS.strip().splitlines())


def test_one_of_each_kind_and_version_is_stored_and_read_back(
    kubectl: Kubectl, client: Any
) -> None:
    found = definitions(kubectl)
    given = [obj for definition in found for obj in objects(definition)]
    assert len(given) == sum(line.split()[2].count(",") + 1 for line in KINDS.strip().splitlines())
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": given})
    said = kubectl("create", "-f", "-", stdin=manifest).stdout.splitlines()
    assert len(said) == len(given) and all(line.endswith(" created") for line in said)
    again = kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=manifest)
    assert again.stdout.count("serverside-applied") == len(given)
    custom = k8s.CustomObjectsApi(client)
    for definition in found:
        spec = definition["spec"]
        for version in spec["versions"]:
            place = (spec["group"], version["name"], spec["names"]["plural"])
            listed = custom.list_cluster_custom_object(*place)
            assert listed["kind"] == spec["names"]["listKind"]
            kept = {item["metadata"]["name"]: item for item in listed["items"]}
            for obj in objects(definition):
                one = kept[obj["metadata"]["name"]]
                wanted = {**obj, "apiVersion": f"{place[0]}/{place[1]}"}
                assert keeps(one, wanted), definition["metadata"]["name"]
                assert one.keys() == wanted.keys()
                assert ("generation", 1) in one["metadata"].items()


def test_each_kind_is_printed_and_found_by_its_short_names(kubectl: Kubectl) -> None:
    found = definitions(kubectl)
    given = [objects(definition)[0] for definition in found]
    kubectl("create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List",
                                                   "items": given}))  # fmt: skip
    table = kubectl("get", ",".join(one["metadata"]["name"] for one in found), "-A").stdout
    for definition, obj in zip(found, given, strict=True):
        singular, name = definition["spec"]["names"]["singular"], obj["metadata"]["name"]
        row = rf"^ *(default +)?{singular}\.{definition['spec']['group']}/{name} .*"
        assert re.search(row, table, re.MULTILINE), definition["metadata"]["name"]
    named = kubectl("get", "vpa,vs,vsclass,vsc,bc,mcrt,cc,provreq,fqdnnp,nl,mci", "-A").stdout
    for columns in ("NAME +MODE +CPU +MEM +PROVIDED +AGE", "NAME +DRIVER +DELETIONPOLICY +AGE",
                    "NAME +READYTOUSE +SOURCEPVC +SOURCESNAPSHOTCONTENT +RESTORESIZE"):  # fmt: skip
        assert re.search(columns, named), columns
    assert "networklogging.networking.gke.io/default" in named


def test_what_a_schema_forbids_is_refused(kubectl: Kubectl) -> None:
    bad = {"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshotClass",
           "metadata": {"name": "bad"}, "driver": "d", "deletionPolicy": "Keep"}  # fmt: skip
    said = kubectl("create", "-f", "-", stdin=json.dumps(bad), fails=True).stderr
    assert 'deletionPolicy: Unsupported value: "Keep"' in said
    none = {"apiVersion": "networking.gke.io/v1", "kind": "Network", "metadata": {"name": "n"}}
    said = kubectl("create", "-f", "-", stdin=json.dumps({**none, "spec": {}}), fails=True).stderr
    assert "spec.type: Required value" in said


SERVICE = {"group": "", "kind": "Service", "name": "web"}
GATEWAY = "gateway.networking.k8s.io/v1"
# kind, its version, its spec, and what the API server says
MISTAKES: list[tuple[str, str, Doc, str]] = [
    ("GCPBackendPolicy", "networking.gke.io/v1",
     {"default": {"connectionDrainTimeoutSec": 300}, "targetRef": SERVICE},
     'unknown field "spec.default.connectionDrainTimeoutSec"'),
    ("GCPBackendPolicy", "networking.gke.io/v1",
     {"default": {"sessionAffinity": {"type": "STICKY"}}, "targetRef": SERVICE},
     'spec.default.sessionAffinity.type: Unsupported value: "STICKY"'),
    ("GCPBackendPolicy", "networking.gke.io/v1",
     {"default": {"connectionDraining": {"drainingTimeoutSec": 3601}}, "targetRef": SERVICE},
     "should be less than or equal to 3600"),
    ("GCPGatewayPolicy", "networking.gke.io/v1", {"default": {}},
     "spec.targetRef: Required value"),
    ("HealthCheckPolicy", "networking.gke.io/v1",
     {"default": {"config": {"type": "UDP"}}, "targetRef": SERVICE},
     'spec.default.config.type: Unsupported value: "UDP"'),
    ("BackendConfig", "cloud.google.com/v1", {"timeout": 40}, 'unknown field "spec.timeout"'),
    ("BackendConfig", "cloud.google.com/v1", {"securityPolicy": {}},
     "spec.securityPolicy.name: Required value"),
    ("FrontendConfig", "networking.gke.io/v1beta1", {"sslpolicy": "modern"},
     'unknown field "spec.sslpolicy"'),
    ("ManagedCertificate", "networking.gke.io/v1", {"domains": ["*.example.com"]},
     "spec.domains[0] in body should match"),
    ("Gateway", GATEWAY, {"gatewayClassName": "c", "listener": []},
     'unknown field "spec.listener"'),
    ("Gateway", GATEWAY, {"gatewayClassName": "c", "listeners": []},
     "spec.listeners in body should have at least 1 items"),
    ("Gateway", GATEWAY, {"gatewayClassName": "c", "listeners": [
        {"name": "http", "protocol": "HTTP", "port": 80, "allowedRoutes": {"from": "All"}}]},
     'unknown field "spec.listeners[0].allowedRoutes.from"'),
    ("HTTPRoute", GATEWAY, {"rules": [{"backendRefs": [{"name": "web", "servicePort": 80}]}]},
     'unknown field "spec.rules[0].backendRefs[0].servicePort"'),
    ("HTTPRoute", GATEWAY, {"rules": [{"matches": [{"path": {"type": "Prefix"}}]}]},
     'spec.rules[0].matches[0].path.type: Unsupported value: "Prefix"'),
    ("HTTPRoute", GATEWAY, {"rules": [{"timeouts": {"request": "10 s"}}]},
     "spec.rules[0].timeouts.request in body should match"),
    ("GRPCRoute", GATEWAY, {"rules": [{"matches": [{"path": {"value": "/"}}]}]},
     'unknown field "spec.rules[0].matches[0].path"'),
    ("GatewayClass", GATEWAY, {"controllerName": "nobody"},
     "spec.controllerName in body should match"),
    ("ReferenceGrant", "gateway.networking.k8s.io/v1beta1", {"from": [], "to": []},
     "spec.from in body should have at least 1 items"),
]  # fmt: skip


def test_mistakes_in_what_configures_load_balancers_are_told(kubectl: Kubectl) -> None:
    made = [
        {"apiVersion": version, "kind": kind, "metadata": {"name": f"m{at}"}, "spec": spec}
        for at, (kind, version, spec, _) in enumerate(MISTAKES)
    ]
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": made})
    said = kubectl("create", "-f", "-", stdin=manifest, fails=True)
    assert said.stdout == ""
    for kind, _, spec, words in MISTAKES:
        assert words in said.stderr, (kind, spec)


def test_a_group_prefers_its_most_settled_version(api: Api, client: Any) -> None:
    groups = {group.name: group for group in k8s.ApisApi(client).get_api_versions().groups}
    found = [one.version for one in groups["networking.gke.io"].versions]
    assert found == ["v1", "v1beta2", "v1beta1", "v1alpha1"]
    assert groups["networking.gke.io"].preferred_version.version == "v1"


def test_defaults_of_the_gateway_api_are_written(kubectl: Kubectl) -> None:
    listener = {"name": "https", "protocol": "HTTPS", "port": 443,
                "tls": {"certificateRefs": [{"name": "cert"}]}}  # fmt: skip
    rules = [{"backendRefs": [{"name": "web", "port": 80}]}]
    made = [
        {"apiVersion": GATEWAY, "kind": kind, "metadata": {"name": "d"}, "spec": spec}
        for kind, spec in (
            ("Gateway", {"gatewayClassName": "none", "listeners": [listener]}),
            ("HTTPRoute", {"parentRefs": [{"name": "d"}], "rules": rules}),
        )
    ]
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": made})
    kubectl("apply", "-f", "-", stdin=manifest)
    gateway = json.loads(kubectl("get", "gateway", "d", "-o", "json").stdout)["spec"]
    assert gateway["listeners"] == [
        listener | {
            "allowedRoutes": {"namespaces": {"from": "Same"}},
            "tls": {"mode": "Terminate",
                    "certificateRefs": [{"group": "", "kind": "Secret", "name": "cert"}]},
        }
    ]  # fmt: skip
    route = json.loads(kubectl("get", "httproute", "d", "-o", "json").stdout)["spec"]
    assert route["parentRefs"] == [
        {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "d"}
    ]
    (rule,) = route["rules"]
    assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/"}}]
    assert rule["backendRefs"] == [
        {"group": "", "kind": "Service", "name": "web", "port": 80, "weight": 1}
    ]
    shown = ("get", "gateway/d", "httproute/d", "-o", "jsonpath={.items[*].metadata.generation}")
    assert kubectl(*shown).stdout == "1 1"
    kubectl("apply", "-f", "-", stdin=manifest)  # says "configured": a merge patch replaces lists
    assert kubectl(*shown).stdout == "1 1"
