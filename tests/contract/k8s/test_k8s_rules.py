"""Defaults, allocation and immutability, kind by kind, through the official Python client."""

from typing import Any

import pytest
from cluster_objects import configmap, deployment, pod, service
from kubernetes import client as k8s
from kubernetes.client.exceptions import ApiException
from served import Api


@pytest.fixture
def core(client: Any) -> k8s.CoreV1Api:
    return k8s.CoreV1Api(client)


@pytest.fixture
def networking(client: Any) -> k8s.NetworkingV1Api:
    return k8s.NetworkingV1Api(client)


def refused(call: Any, *arguments: Any, words: str, code: int = 422) -> None:
    with pytest.raises(ApiException) as caught:
        call(*arguments)
    assert caught.value.status == code
    assert words in caught.value.body, caught.value.body


def test_a_service_changes_its_type_and_keeps_its_address(core: k8s.CoreV1Api) -> None:
    made = core.create_namespaced_service("default", service("web"))
    address = made.spec.cluster_ip

    def change(**spec: Any) -> Any:
        return core.patch_namespaced_service("web", "default", {"spec": spec})

    node_port = change(type="NodePort")
    assert node_port.spec.ports[0].node_port == 30000
    assert node_port.spec.external_traffic_policy == "Cluster"
    balanced = change(type="LoadBalancer", externalTrafficPolicy="Local")
    assert balanced.spec.ports[0].node_port == 30000
    assert balanced.spec.allocate_load_balancer_node_ports
    assert balanced.spec.health_check_node_port == 30001
    back = change(type="ClusterIP")
    assert back.spec.ports[0].node_port is None
    assert (back.spec.cluster_ip, back.spec.health_check_node_port) == (address, None)
    alias = change(type="ExternalName", externalName="example.com", clusterIP=None, clusterIPs=None)
    assert alias.spec.cluster_ip is None


def test_a_service_replaced_without_its_allocations_keeps_them(core: k8s.CoreV1Api) -> None:
    made = core.create_namespaced_service("default", service("web", type="NodePort"))
    again = core.replace_namespaced_service("web", "default", service("web", type="NodePort"))
    assert again.spec.cluster_ip == made.spec.cluster_ip
    assert again.spec.ports[0].node_port == made.spec.ports[0].node_port
    assert again.metadata.resource_version == made.metadata.resource_version


def test_addresses_and_ports_are_given_once(core: k8s.CoreV1Api) -> None:
    first = core.create_namespaced_service("default", service("a", clusterIP="34.118.230.7"))
    assert first.spec.cluster_ip == "34.118.230.7"
    second = core.create_namespaced_service("default", service("b", type="NodePort"))
    taken = [{"port": 1, "nodePort": second.spec.ports[0].node_port}]
    create = core.create_namespaced_service
    refused(create, "default", service("c", clusterIP="34.118.230.7"), words="already allocated")
    refused(create, "default", service("c", clusterIP="10.0.0.1"), words="not in the valid range")
    refused(
        create, "default", service("c", type="NodePort", ports=taken), words="already allocated"
    )
    low = [{"port": 1, "nodePort": 80}]
    refused(create, "default", service("c", type="NodePort", ports=low), words="30000-32767")
    core.delete_namespaced_service("a", "default")
    again = core.create_namespaced_service("default", service("c", clusterIP="34.118.230.7"))
    assert again.spec.cluster_ip == "34.118.230.7"


def test_headless_services_have_no_address(core: k8s.CoreV1Api) -> None:
    made = core.create_namespaced_service("default", service("web", clusterIP="None"))
    assert (made.spec.cluster_ip, made.spec.cluster_ips) == ("None", ["None"])


def test_a_pods_spec_is_fixed_but_for_its_images(core: k8s.CoreV1Api) -> None:
    core.create_namespaced_pod("default", pod("p"))
    image = {"spec": {"containers": [{"name": "web", "image": "nginx:2"}]}}
    changed = core.patch_namespaced_pod("p", "default", image)
    assert changed.spec.containers[0].image == "nginx:2"
    port = {"spec": {"containers": [{"name": "web", "ports": [{"containerPort": 1}]}]}}
    refused(core.patch_namespaced_pod, "p", "default", port, words="pod updates may not change")
    gates = {"spec": {"readinessGates": [{"conditionType": "a.example.com/b"}]}}
    refused(core.patch_namespaced_pod, "p", "default", gates, words="pod updates may not change")
    # Admission adds its own on update as on create, so that applying a manifest again is fine.
    gone = {"spec": {"tolerations": []}}
    kept = core.patch_namespaced_pod("p", "default", gone).spec.tolerations
    assert {one.key.partition("/")[2] for one in kept} == {"not-ready", "unreachable"}
    core.create_namespaced_pod(
        "default", pod("q", tolerations=[{"key": "spot", "operator": "Exists"}])
    )
    refused(core.patch_namespaced_pod, "q", "default", gone, words="existing toleration")


def test_pod_defaults(core: k8s.CoreV1Api) -> None:
    limits = {"cpu": "0.5", "memory": "1024Mi"}
    probe = {"httpGet": {"port": "http"}}
    address = {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
    containers = [
        {
            "name": "web",
            "image": "nginx",
            "env": [address],
            "resources": {"limits": limits},
            "ports": [{"name": "http", "containerPort": 80}],
            "readinessProbe": probe,
        }
    ]
    volumes = [{"name": "c", "configMap": {"name": "c"}}, {"name": "e"}]
    made = core.create_namespaced_pod("default", pod("p", containers=containers, volumes=volumes))
    container = made.spec.containers[0]
    assert container.image_pull_policy == "Always"
    assert container.resources.requests == {"cpu": "500m", "memory": "1Gi"}
    assert container.readiness_probe.http_get.scheme == "HTTP"
    assert container.readiness_probe.period_seconds == 10
    assert container.env[0].value_from.field_ref.api_version == "v1"
    assert made.spec.volumes[0].config_map.default_mode == 420
    assert made.spec.volumes[1].empty_dir is not None
    assert (made.status.qos_class, made.spec.service_account_name) == ("Guaranteed", "default")


def test_tokens_and_drivers_have_their_defaults(core: k8s.CoreV1Api, client: Any, api: Api) -> None:
    source = {"serviceAccountToken": {"path": "token", "audience": "vault"}}
    volumes = [{"name": "t", "projected": {"sources": [source]}}]
    mounts = [{"name": "t", "mountPath": "/t"}]
    containers = [{"name": "a", "image": "i", "volumeMounts": mounts}]
    made = core.create_namespaced_pod("default", pod("p", volumes=volumes, containers=containers))
    assert (
        made.spec.volumes[0].projected.sources[0].service_account_token.expiration_seconds == 3600
    )
    storage = k8s.StorageV1Api(client)
    driver = storage.create_csi_driver({"metadata": {"name": "d.example.com"}, "spec": {}})
    assert driver.spec.attach_required is True
    api.cluster.create("csidrivers", {"metadata": {"name": "e.example.com"}})
    found = storage.read_csi_driver("e.example.com").spec
    assert found.fs_group_policy == "ReadWriteOnceWithFSType"
    assert found.volume_lifecycle_modes == ["Persistent"]


def test_generated_names(core: k8s.CoreV1Api) -> None:
    body = pod("x")
    body["metadata"] = {"generateName": "web-"}
    found = {core.create_namespaced_pod("default", body).metadata.name for _ in range(5)}
    assert len(found) == 5
    assert all(name.startswith("web-") and len(name) == 9 for name in found)


def test_immutable_configuration(core: k8s.CoreV1Api) -> None:
    core.create_namespaced_config_map("default", {**configmap("c", a="1"), "immutable": True})
    patch = core.patch_namespaced_config_map
    words = "field is immutable when `immutable` is set"
    refused(patch, "c", "default", {"data": {"a": "2"}}, words=words)
    refused(patch, "c", "default", {"immutable": False}, words=words)
    patch("c", "default", {"metadata": {"labels": {"a": "b"}}})
    secret = {"metadata": {"name": "s"}, "type": "kubernetes.io/tls"}
    refused(core.create_namespaced_secret, "default", secret, words="data[tls.crt]: Required value")
    core.create_namespaced_secret("default", {"metadata": {"name": "s"}})
    change = {"type": "kubernetes.io/tls"}
    refused(core.patch_namespaced_secret, "s", "default", change, words="field is immutable")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ({"pathType": ""}, "pathType must be specified"),
        ({"pathType": "Regex"}, "supported values"),
        ({"path": "shop"}, "must be an absolute path"),
        ({"backend": {}}, "resource or service backend is required"),
        ({"backend": {"service": {"name": "web"}}}, "port name or number is required"),
    ],
)
def test_ingress_paths(networking: k8s.NetworkingV1Api, path: Any, words: str) -> None:
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    good = {"path": "/", "pathType": "Prefix", "backend": backend}

    def ingress(path: Any) -> Any:
        rule = {"host": "shop.example.com", "http": {"paths": [path]}}
        return {"metadata": {"name": "shop"}, "spec": {"rules": [rule]}}

    create = networking.create_namespaced_ingress
    refused(create, "default", ingress({**good, **path}), words=words)
    assert create("default", ingress(good)).status.load_balancer is not None
    other = networking.patch_namespaced_ingress
    host = [{"op": "replace", "path": "/spec/rules/0/host", "value": "10.0.0.1"}]
    refused(other, "shop", "default", host, words="must be a DNS name, not an IP address")


def test_deployments_notice_their_own_changes(client: Any) -> None:
    apps = k8s.AppsV1Api(client)
    apps.create_namespaced_deployment("default", deployment("web"))

    def patched(body: Any) -> int:
        return int(apps.patch_namespaced_deployment("web", "default", body).metadata.generation)

    assert patched({"metadata": {"annotations": {"a": "b"}}}) == 1
    assert patched({"spec": {"paused": True}}) == 2
    assert patched({"spec": {"paused": True}}) == 2
    recreate = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    assert patched(recreate) == 3
    both = {"spec": {"strategy": {"rollingUpdate": {"maxSurge": 1}}}}
    words = "may not be specified when strategy `type` is 'Recreate'"
    refused(apps.patch_namespaced_deployment, "web", "default", both, words=words)


def test_deletion_with_finalizers_and_propagation(api: Api, client: Any) -> None:
    apps = k8s.AppsV1Api(client)
    apps.create_namespaced_deployment("default", deployment("web"))
    apps.delete_namespaced_deployment("web", "default", propagation_policy="Foreground")
    held = apps.read_namespaced_deployment("web", "default")
    assert held.metadata.finalizers == ["foregroundDeletion"]
    assert held.metadata.generation == 2
    more = {"metadata": {"finalizers": ["foregroundDeletion", "example.com/late"]}}
    words = "no new finalizers can be added if the object is being deleted"
    refused(apps.patch_namespaced_deployment, "web", "default", more, words=words)
    api.cluster.patch("deployments", "default", "web", {"metadata": {"finalizers": None}})
    assert api.cluster.get("deployments", "default", "web") is None


def test_a_collection_is_deleted_by_selector(api: Api, core: k8s.CoreV1Api) -> None:
    for name, label in (("a", "x"), ("b", "y"), ("c", "x")):
        core.create_namespaced_pod("default", pod(name, {"app": label}))
    core.delete_collection_namespaced_pod("default", label_selector="app=x")
    assert [item["metadata"]["name"] for item in api.cluster.list("pods")] == ["b"]


def test_events_count_up_and_are_forgotten(api: Api, core: k8s.CoreV1Api) -> None:
    about = api.cluster.create("configmaps", configmap("c"))
    for _ in range(3):
        api.cluster.event(about, "Warning", "Failed", "it failed", "tester")
    (seen,) = core.list_namespaced_event("default", field_selector="involvedObject.name=c").items
    assert (seen.count, seen.reason, seen.source.component) == (3, "Failed", "tester")
    api.world.clock.advance(3700)
    for number in range(300):
        api.cluster.event(about, "Normal", "Fine", f"number {number}", "tester")
    left = core.list_namespaced_event("default", field_selector="type=Warning").items
    assert left == []
