"""Built-in kinds: all that Kubernetes 1.33 serves by default, and those that share objects."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from conftest import Kubectl
from kubernetes import client as k8s
from kubernetes.client.exceptions import ApiException
from served import Api

Doc = dict[str, Any]

# What a cluster of Kubernetes 1.33 answers discovery with: kinds with * are namespaced, short
# names in brackets, subresources after a slash.
SERVED = {
    "v1": """bindings* componentstatuses[cs] configmaps*[cm] endpoints*[ep] events*[ev]
        limitranges*[limits] namespaces[ns]/finalize,status nodes[no]/proxy,status
        persistentvolumeclaims*[pvc]/status persistentvolumes[pv]/status
        pods*[po]/attach,binding,ephemeralcontainers,eviction,exec,log,portforward,proxy,resize,status
        podtemplates* replicationcontrollers*[rc]/scale,status resourcequotas*[quota]/status
        secrets* serviceaccounts*[sa]/token services*[svc]/proxy,status""",
    "admissionregistration.k8s.io/v1": """mutatingwebhookconfigurations
        validatingadmissionpolicies/status validatingadmissionpolicybindings
        validatingwebhookconfigurations""",
    "apiextensions.k8s.io/v1": "customresourcedefinitions[crd,crds]/status",
    "apiregistration.k8s.io/v1": "apiservices/status",
    "apps/v1": """controllerrevisions* daemonsets*[ds]/status deployments*[deploy]/scale,status
        replicasets*[rs]/scale,status statefulsets*[sts]/scale,status""",
    "authentication.k8s.io/v1": "selfsubjectreviews tokenreviews",
    "authorization.k8s.io/v1": """localsubjectaccessreviews* selfsubjectaccessreviews
        selfsubjectrulesreviews subjectaccessreviews""",
    "autoscaling/v1": "horizontalpodautoscalers*[hpa]/status",
    "autoscaling/v2": "horizontalpodautoscalers*[hpa]/status",
    "batch/v1": "cronjobs*[cj]/status jobs*/status",
    "certificates.k8s.io/v1": "certificatesigningrequests[csr]/approval,status",
    "coordination.k8s.io/v1": "leases*",
    "discovery.k8s.io/v1": "endpointslices*",
    "events.k8s.io/v1": "events*[ev]",
    "flowcontrol.apiserver.k8s.io/v1": "flowschemas/status prioritylevelconfigurations/status",
    "metrics.k8s.io/v1beta1": "nodes pods*",
    "networking.k8s.io/v1": """ingressclasses ingresses*[ing]/status ipaddresses[ip]
        networkpolicies*[netpol] servicecidrs/status""",
    "node.k8s.io/v1": "runtimeclasses",
    "policy/v1": "poddisruptionbudgets*[pdb]/status",
    "rbac.authorization.k8s.io/v1": "clusterrolebindings clusterroles rolebindings* roles*",
    "scheduling.k8s.io/v1": "priorityclasses[pc]",
    "storage.k8s.io/v1": """csidrivers csinodes csistoragecapacities* storageclasses[sc]
        volumeattachments/status""",
}


def shown(resources: list[Doc]) -> set[str]:
    found: dict[str, str] = {}
    below: dict[str, list[str]] = {}
    for one in resources:
        name, _, subresource = one["name"].partition("/")
        if subresource:
            below.setdefault(name, []).append(subresource)
            continue
        short = f"[{','.join(one['shortNames'])}]" if one.get("shortNames") else ""
        found[name] = name + ("*" if one["namespaced"] else "") + short
    return {
        text + (f"/{','.join(sorted(below[name]))}" if name in below else "")
        for name, text in found.items()
    }


def ask(client: Any, path: str, method: str = "GET", body: Any = None) -> Any:
    answer = client.call_api(method, client.configuration.host + path,
                             {"Accept": "application/json", "Content-Type": "application/json"},
                             body=body)  # fmt: skip
    return json.loads(answer.read())


@pytest.mark.parametrize("place", SERVED)
def test_discovery_lists_what_a_real_cluster_has(client: Any, place: str) -> None:
    path = f"/api/{place}" if place == "v1" else f"/apis/{place}"
    listed = ask(client, path)["resources"]
    assert shown(listed) == set(SERVED[place].split())


def test_no_built_in_group_is_forgotten(client: Any) -> None:
    groups = {group.name: group for group in k8s.ApisApi(client).get_api_versions().groups}
    defined = {
        crd.spec.group
        for crd in k8s.ApiextensionsV1Api(client).list_custom_resource_definition().items
    }
    found = {
        version.group_version
        for name, group in groups.items()
        if name not in defined
        for version in group.versions
    }
    assert found == SERVED.keys() - {"v1"}
    assert groups["autoscaling"].preferred_version.version == "v2"


# autoscaling/v1 and v2


def scaler(**spec: Any) -> Doc:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    return {
        "metadata": {"name": "web"},
        "spec": {"scaleTargetRef": target, "maxReplicas": 5, **spec},
    }


def test_an_autoscaler_of_v1_is_the_one_of_v2(client: Any) -> None:
    older, newer = k8s.AutoscalingV1Api(client), k8s.AutoscalingV2Api(client)
    made = older.create_namespaced_horizontal_pod_autoscaler(
        "default", scaler(minReplicas=2, targetCPUUtilizationPercentage=60)
    )
    assert made.api_version == "autoscaling/v1"
    assert made.spec.target_cpu_utilization_percentage == 60
    seen = newer.read_namespaced_horizontal_pod_autoscaler("web", "default")
    assert seen.metadata.uid == made.metadata.uid
    assert seen.spec.min_replicas == 2
    (metric,) = seen.spec.metrics
    assert (metric.resource.name, metric.resource.target.average_utilization) == ("cpu", 60)
    newer.patch_namespaced_horizontal_pod_autoscaler("web", "default", {"spec": {"maxReplicas": 9}})
    again = older.list_namespaced_horizontal_pod_autoscaler("default").items[0]
    assert again.spec.max_replicas == 9
    assert again.spec.target_cpu_utilization_percentage == 60
    older.delete_namespaced_horizontal_pod_autoscaler("web", "default")
    assert newer.list_horizontal_pod_autoscaler_for_all_namespaces().items == []


def test_what_v1_has_no_field_for_survives_a_change_through_v1(client: Any) -> None:
    older, newer = k8s.AutoscalingV1Api(client), k8s.AutoscalingV2Api(client)
    metrics = [
        {"type": "Resource", "resource": {
            "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}},
        {"type": "Resource", "resource": {
            "name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}}},
        {"type": "Pods", "pods": {"metric": {"name": "rps"},
                                  "target": {"type": "AverageValue", "averageValue": "10"}}},
        {"type": "Object", "object": {
            "describedObject": {"kind": "Service", "name": "i", "apiVersion": "v1"},
            "metric": {"name": "hits", "selector": {"matchLabels": {"a": "b"}}},
            "target": {"type": "Value", "value": "2k"}}},
        {"type": "External", "external": {
            "metric": {"name": "queue", "selector": {"matchLabels": {"q": "x"}}},
            "target": {"type": "AverageValue", "averageValue": "30"}}},
    ]  # fmt: skip
    behavior = {"scaleDown": {"stabilizationWindowSeconds": 60, "policies": [
        {"type": "Pods", "value": 1, "periodSeconds": 30}]}}  # fmt: skip
    newer.create_namespaced_horizontal_pod_autoscaler(
        "default", scaler(metrics=metrics, behavior=behavior)
    )
    seen = older.read_namespaced_horizontal_pod_autoscaler("web", "default")
    assert seen.spec.target_cpu_utilization_percentage == 50
    notes = seen.metadata.annotations
    noted = json.loads(notes["autoscaling.alpha.kubernetes.io/metrics"])
    assert noted[0] == {"type": "Resource", "resource": {
        "name": "memory", "targetAverageValue": "1Gi"}}  # fmt: skip
    assert noted[3]["external"]["metricName"] == "queue"
    assert "StabilizationWindowSeconds" in notes["autoscaling.alpha.kubernetes.io/behavior"]
    seen.spec.max_replicas = 7
    older.replace_namespaced_horizontal_pod_autoscaler("web", "default", seen)
    older.patch_namespaced_horizontal_pod_autoscaler(
        "web", "default", {"spec": {"targetCPUUtilizationPercentage": 70}}
    )
    path = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/web"
    kept = ask(client, path)
    metrics[0]["resource"]["target"]["averageUtilization"] = 70
    assert kept["spec"]["metrics"] == metrics
    assert kept["spec"]["behavior"]["scaleDown"] == behavior["scaleDown"]
    assert kept["spec"]["maxReplicas"] == 7
    assert "annotations" not in kept["metadata"]


@pytest.mark.parametrize("note", ["{", "[1]", '[{"type": 5}]', '[{"type":"Pods","pods":7}]',
                                  '[{"type":"Resource","resource":{"name":3}}]'])  # fmt: skip
def test_a_note_that_is_none_is_no_metric(client: Any, note: str) -> None:
    body = scaler(targetCPUUtilizationPercentage=60)
    body["metadata"]["annotations"] = {"autoscaling.alpha.kubernetes.io/metrics": note}
    k8s.AutoscalingV1Api(client).create_namespaced_horizontal_pod_autoscaler("default", body)
    newer = k8s.AutoscalingV2Api(client)
    (metric,) = newer.read_namespaced_horizontal_pod_autoscaler("web", "default").spec.metrics
    assert metric.resource.target.average_utilization == 60


def test_kubectl_reads_and_applies_autoscalers_of_v1(kubectl: Kubectl) -> None:
    body = {"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler",
            **scaler(targetCPUUtilizationPercentage=40)}  # fmt: skip
    kubectl("apply", "-f", "-", stdin=json.dumps(body))
    assert "unchanged" in kubectl("apply", "-f", "-", stdin=json.dumps(body)).stdout
    body["spec"]["maxReplicas"] = 6
    kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(body))
    shown = json.loads(
        kubectl("get", "horizontalpodautoscalers.v1.autoscaling", "web", "-o", "json").stdout
    )
    assert shown["apiVersion"] == "autoscaling/v1"
    assert shown["spec"]["maxReplicas"] == 6
    assert "Deployment/web" in kubectl("get", "horizontalpodautoscalers.v1.autoscaling").stdout
    assert json.loads(kubectl("get", "hpa", "web", "-o", "json").stdout)["apiVersion"] == (
        "autoscaling/v2"
    )
    assert "targetCPUUtilizationPercentage" in kubectl(
        "explain", "hpa.spec", "--api-version=autoscaling/v1"
    ).stdout  # fmt: skip


# events.k8s.io and core events


def test_an_event_is_the_same_in_both_groups(client: Any, api: Api) -> None:
    pod = {"kind": "Pod", "metadata": {"name": "p", "namespace": "default", "uid": "u"}}
    api.world.transact(lambda: api.cluster.event(pod, "Warning", "Failed", "it did", "kubelet"))
    path = "/apis/events.k8s.io/v1/namespaces/default/events"
    (seen,) = ask(client, path + "?fieldSelector=regarding.name%3Dp,type%3DWarning")["items"]
    assert (seen["apiVersion"], seen["note"]) == ("events.k8s.io/v1", "it did")
    assert seen["regarding"]["name"] == "p"
    assert seen["deprecatedSource"] == {"component": "kubelet"}
    assert seen["reportingController"] == "kubelet"
    assert (seen["deprecatedCount"], seen["eventTime"]) == (1, None)
    assert not seen.keys() & {"message", "involvedObject", "count", "firstTimestamp"}
    assert ask(client, path + "?fieldSelector=regarding.name%3Dother")["items"] == []

    new = k8s.EventsV1Api(client)
    now = datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)
    new.create_namespaced_event("default", k8s.EventsV1Event(
        metadata=k8s.V1ObjectMeta(name="mine"), event_time=now, action="Binding", type="Normal",
        reason="Scheduled", note="on node-1", reporting_controller="my-scheduler",
        reporting_instance="my-scheduler-0",
        regarding=k8s.V1ObjectReference(kind="Pod", name="p", namespace="default")))  # fmt: skip
    core = k8s.CoreV1Api(client).read_namespaced_event("mine", "default")
    assert (core.message, core.involved_object.name, core.action) == ("on node-1", "p", "Binding")
    assert core.reporting_component == "my-scheduler"
    assert new.read_namespaced_event("mine", "default").metadata.uid == core.metadata.uid
    k8s.CoreV1Api(client).delete_namespaced_event("mine", "default")
    with pytest.raises(ApiException) as gone:
        new.read_namespaced_event("mine", "default")
    assert gone.value.status == 404


def test_an_event_of_the_new_group_needs_its_parts(client: Any) -> None:
    body = {"metadata": {"name": "bare"}, "regarding": {"kind": "Pod", "name": "p"}}
    answer = ask(client, "/apis/events.k8s.io/v1/namespaces/default/events", "POST", body)
    said = answer["message"]
    assert answer["code"] == 422
    assert said.startswith('Event.events.k8s.io "bare" is invalid: [')
    for part in ("eventTime", "reportingController", "reportingInstance", "action", "reason"):
        assert f"{part}: Required value" in said


def test_kubectl_shows_events_of_both_groups(kubectl: Kubectl, api: Api) -> None:
    node = {"kind": "Node", "metadata": {"name": "n", "uid": "u"}}
    api.world.transact(lambda: api.cluster.event(node, "Normal", "Ready", "is ready", "kubelet"))
    old, new = kubectl("get", "events").stdout, kubectl("get", "events.events.k8s.io").stdout
    assert old == new and "node/n" in new


# the remaining ones


def test_who_has_which_address_of_a_service_range(client: Any, kubectl: Kubectl) -> None:
    network = k8s.NetworkingV1Api(client)
    (found,) = network.list_service_cidr().items
    assert (found.metadata.name, found.spec.cidrs) == ("kubernetes", ["34.118.224.0/20"])
    assert found.status.conditions[0].message == "Kubernetes Service CIDR is ready"
    parent = {"resource": "services", "namespace": "default", "name": "kubernetes"}
    network.create_ip_address({"metadata": {"name": "34.118.224.9"}, "spec": {"parentRef": parent}})
    assert "services/default/kubernetes" in kubectl("get", "ip", "34.118.224.9").stdout
    assert "34.118.224.0/20" in kubectl("get", "servicecidrs").stdout
    for name, why in (("not-an-ip", "must be a valid IP address"), ("2001:db8::0:1", "canonical")):
        with pytest.raises(ApiException) as caught:
            network.create_ip_address({"metadata": {"name": name}, "spec": {"parentRef": parent}})
        assert caught.value.status == 422 and why in caught.value.body
    with pytest.raises(ApiException) as caught:
        network.patch_service_cidr("kubernetes", {"spec": {"cidrs": ["10.0.0.0/8"]}})
    assert "spec.cidrs: Invalid value" in caught.value.body


def test_component_statuses_are_old_and_healthy(kubectl: Kubectl) -> None:
    done = kubectl("get", "cs")
    assert "v1 ComponentStatus is deprecated in v1.19+" in done.stderr
    rows = done.stdout.splitlines()
    assert rows[0].split() == ["NAME", "STATUS", "MESSAGE", "ERROR"]
    assert [row.split()[1:3] for row in rows[1:]] == [["Healthy", "ok"]] * 3
    said = kubectl("delete", "cs", "scheduler", fails=True).stderr
    assert "the server does not allow this method on the requested resource" in said


@pytest.mark.parametrize(("version", "warned"), [("1.33.5-gke.1", True), ("1.32.1-gke.1", False)])
def test_endpoints_are_deprecated_since_1_33(kubectl: Kubectl, warned: bool) -> None:
    assert ("v1 Endpoints is deprecated" in kubectl("get", "endpoints").stderr) is warned


def test_a_binding_puts_a_pod_on_a_node(client: Any) -> None:
    core = k8s.CoreV1Api(client)
    core.create_namespaced_pod("default", {"metadata": {"name": "p"}, "spec": {
        "containers": [{"name": "c", "image": "i"}]}})  # fmt: skip
    path = "/api/v1/namespaces/default/bindings"
    target = {"apiVersion": "v1", "kind": "Node", "name": "node-1"}
    body = {"metadata": {"name": "p"}, "target": target}
    assert ask(client, path, "POST", body)["status"] == "Success"
    assert core.read_namespaced_pod("p", "default").spec.node_name == "node-1"
    again = ask(client, path, "POST", body)
    assert again["code"] == 409 and "already assigned to node" in again["message"]


def test_a_signing_request_is_approved_and_denied(client: Any, kubectl: Kubectl) -> None:
    certificates = k8s.CertificatesV1Api(client)
    for name in ("yes", "no"):
        certificates.create_certificate_signing_request(
            {"metadata": {"name": name}, "spec": {
                "request": "eA==", "usages": ["client auth"],
                "signerName": "kubernetes.io/kube-apiserver-client"}}
        )  # fmt: skip
    assert "approved" in kubectl("certificate", "approve", "yes").stdout
    assert "denied" in kubectl("certificate", "deny", "no").stdout
    table = kubectl("get", "csr").stdout
    assert "Approved" in table and "Denied" in table
    found = certificates.read_certificate_signing_request("yes")
    assert found.status.conditions[0].type == "Approved" and found.spec.request == "eA=="
