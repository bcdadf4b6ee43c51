"""The cluster's API through the official Python client, which validates every answer."""

import queue
from typing import Any

import pytest
from cluster_objects import configmap, deployment, pod, running, service, svcneg
from kubernetes import client as k8s
from kubernetes.client.exceptions import ApiException
from served import Api

GKE = ("networking.gke.io", "v1beta1", "default", "servicenetworkendpointgroups")


def refused(call: Any, *arguments: Any, **options: Any) -> ApiException:
    with pytest.raises(ApiException) as caught:
        call(*arguments, **options)
    return caught.value


@pytest.fixture
def core(client: Any) -> k8s.CoreV1Api:
    return k8s.CoreV1Api(client)


@pytest.fixture
def apps(client: Any) -> k8s.AppsV1Api:
    return k8s.AppsV1Api(client)


def test_version_and_namespaces(client: Any, core: k8s.CoreV1Api) -> None:
    assert k8s.VersionApi(client).get_code().git_version.startswith("v1.33.")
    names = [item.metadata.name for item in core.list_namespace().items]
    assert names == [
        "default", "gmp-public", "gmp-system", "kube-node-lease", "kube-public", "kube-system",
    ]  # fmt: skip


def test_service_from_creation_to_deletion(core: k8s.CoreV1Api) -> None:
    made = core.create_namespaced_service("default", service("web"))
    assert made.spec.cluster_ip.startswith("34.118.")
    assert made.spec.ports[0].protocol == "TCP"
    patched = core.patch_namespaced_service(
        "web", "default", {"metadata": {"annotations": {"cloud.google.com/neg": "{}"}}}
    )
    assert patched.metadata.annotations == {"cloud.google.com/neg": "{}"}
    assert patched.metadata.resource_version > made.metadata.resource_version
    deleted = core.delete_namespaced_service("web", "default")
    assert deleted.metadata.name == "web"
    assert refused(core.read_namespaced_service, "web", "default").status == 404


def test_a_stale_resource_version_is_a_conflict(core: k8s.CoreV1Api) -> None:
    first = core.create_namespaced_config_map("default", configmap("c", a="1"))
    core.patch_namespaced_config_map("c", "default", {"data": {"a": "2"}})
    first.data = {"a": "3"}
    error = refused(core.replace_namespaced_config_map, "c", "default", first)
    assert error.status == 409
    assert "the object has been modified" in error.body
    first.metadata.resource_version = None
    assert core.replace_namespaced_config_map("c", "default", first).data == {"a": "3"}


def test_writing_the_same_again_changes_nothing(core: k8s.CoreV1Api) -> None:
    first = core.create_namespaced_config_map("default", configmap("c", a="1"))
    again = core.replace_namespaced_config_map("c", "default", first)
    assert again.metadata.resource_version == first.metadata.resource_version


def test_pod_lifecycle_with_grace(api: Api, core: k8s.CoreV1Api) -> None:
    made = core.create_namespaced_pod("default", pod("p"))
    assert (made.status.phase, made.status.qos_class) == ("Pending", "BestEffort")
    assert made.spec.termination_grace_period_seconds == 30
    bound = api.cluster.get("pods", "default", "p")
    assert bound is not None
    spec = {**bound["spec"], "nodeName": "node-1"}
    bound = api.cluster.update("pods", {**bound, "spec": spec})
    api.cluster.update("pods", {**bound, "status": running(bound)["status"]}, "status")
    assert core.read_namespaced_pod("p", "default").status.container_statuses[0].ready
    going = core.delete_namespaced_pod("p", "default")
    assert going.metadata.deletion_grace_period_seconds == 30
    assert core.read_namespaced_pod("p", "default").metadata.deletion_timestamp
    core.delete_namespaced_pod("p", "default", grace_period_seconds=0)
    assert refused(core.read_namespaced_pod, "p", "default").status == 404


def test_deployment_defaults_generation_and_scale(apps: k8s.AppsV1Api) -> None:
    made = apps.create_namespaced_deployment("default", deployment("web"))
    assert made.spec.strategy.rolling_update.max_surge == "25%"
    assert made.metadata.generation == 1
    scale = apps.patch_namespaced_deployment_scale("web", "default", {"spec": {"replicas": 7}})
    assert scale.spec.replicas == 7
    read = apps.read_namespaced_deployment_scale("web", "default")
    assert (read.spec.replicas, read.status.selector) == (7, "app=web")
    assert apps.read_namespaced_deployment("web", "default").metadata.generation == 2
    status = {"status": {"replicas": 3, "observedGeneration": 2}}
    changed = apps.patch_namespaced_deployment_status("web", "default", status)
    assert (changed.status.replicas, changed.metadata.generation) == (3, 2)
    ignored = apps.patch_namespaced_deployment("web", "default", {"status": {"replicas": 9}})
    assert ignored.status.replicas == 3
    assert apps.delete_namespaced_deployment("web", "default")["status"] == "Success"


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"selector": {"matchLabels": {"app": "other"}}}, "spec.selector", "field is immutable"),
        ({"replicas": -1}, "spec.replicas", "must be greater than or equal to 0"),
        ({"strategy": {"type": "Best"}}, "spec.strategy.type", "supported values"),
    ],
)
def test_deployment_refusals(
    apps: k8s.AppsV1Api, changes: dict[str, Any], field: str, words: str
) -> None:
    apps.create_namespaced_deployment("default", deployment("web"))
    error = refused(apps.patch_namespaced_deployment, "web", "default", {"spec": changes})
    assert error.status == 422
    assert field in error.body
    assert words in error.body


def test_json_patch_and_its_failures(core: k8s.CoreV1Api) -> None:
    core.create_namespaced_config_map("default", configmap("c", a="1"))
    patch = [{"op": "test", "path": "/data/a", "value": "1"},
             {"op": "replace", "path": "/data/a", "value": "2"}]  # fmt: skip
    assert core.patch_namespaced_config_map("c", "default", patch).data == {"a": "2"}
    assert refused(core.patch_namespaced_config_map, "c", "default", patch).status == 422
    nonsense = [{"op": "jump", "path": "/data/a"}]
    assert refused(core.patch_namespaced_config_map, "c", "default", nonsense).status == 400


def test_custom_objects_and_their_finalizers(client: Any) -> None:
    custom = k8s.CustomObjectsApi(client)
    custom.create_namespaced_custom_object(*GKE, svcneg("neg"))
    listed = custom.list_namespaced_custom_object(
        *GKE, label_selector="networking.gke.io/service-name=web"
    )
    assert [item["metadata"]["name"] for item in listed["items"]] == ["neg"]
    status = {"networkEndpointGroups": [{"id": "1", "selfLink": "u", "state": "ACTIVE"}]}
    patched = custom.patch_namespaced_custom_object(*GKE, "neg", {"status": status})
    assert patched["status"] == status
    held = custom.delete_namespaced_custom_object(*GKE, "neg")
    assert "deletionTimestamp" in held["metadata"]
    freed = {"metadata": {"finalizers": None}}
    custom.patch_namespaced_custom_object(*GKE, "neg", freed)
    assert refused(custom.get_namespaced_custom_object, *GKE, "neg").status == 404


def test_custom_objects_are_checked_by_their_schema(client: Any) -> None:
    custom = k8s.CustomObjectsApi(client)
    body = {"apiVersion": "cert-manager.io/v1", "kind": "Certificate",
            "metadata": {"name": "c"}, "spec": {"dnsNames": "not a list"}}  # fmt: skip
    error = refused(
        custom.create_namespaced_custom_object,
        "cert-manager.io", "v1", "default", "certificates", body,
    )  # fmt: skip
    assert error.status in (400, 422)
    assert "dnsNames" in error.body
    del body["spec"]["dnsNames"]  # type: ignore[attr-defined]
    error = refused(
        custom.create_namespaced_custom_object,
        "cert-manager.io", "v1", "default", "certificates", body,
    )  # fmt: skip
    assert error.status == 422
    assert "spec.secretName: Required value" in error.body


def test_a_definition_brings_a_resource_and_takes_it_away(api: Api, client: Any) -> None:
    extensions, custom = k8s.ApiextensionsV1Api(client), k8s.CustomObjectsApi(client)
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "size": {"type": "integer", "minimum": 1, "default": 3}}}}}  # fmt: skip
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "widgets", "kind": "Widget", "singular": "widget"}
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]}
    made = extensions.create_custom_resource_definition(
        {"metadata": {"name": "widgets.example.com"}, "spec": spec}
    )
    assert {item.type for item in made.status.conditions} == {"Established", "NamesAccepted"}
    place = ("example.com", "v1", "default", "widgets")
    widget = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}
    created = custom.create_namespaced_custom_object(*place, {**widget, "spec": {"x": 1}})
    assert created["spec"] == {"size": 3}
    error = refused(custom.patch_namespaced_custom_object, *place, "w", {"spec": {"size": 0}})
    assert "should be greater than or equal to 1" in error.body
    extensions.delete_custom_resource_definition("widgets.example.com")
    assert refused(custom.list_namespaced_custom_object, *place).status == 404
    assert api.cluster.table("widgets.example.com").values() == []


def test_paging_is_consistent_while_objects_come_and_go(core: k8s.CoreV1Api) -> None:
    for number in range(7):
        core.create_namespaced_config_map("default", configmap(f"c{number}"))
    first = core.list_namespaced_config_map("default", limit=3)
    assert first.metadata.remaining_item_count == 5
    core.delete_namespaced_config_map("c6", "default")
    core.create_namespaced_config_map("default", configmap("c9"))
    token = first.metadata._continue
    rest = core.list_namespaced_config_map("default", limit=100, _continue=token)
    names = [item.metadata.name for item in [*first.items, *rest.items]]
    assert names == ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "kube-root-ca.crt"]


def test_selectors(core: k8s.CoreV1Api) -> None:
    for name, labels in {
        "a": {"app": "x", "tier": "1"},
        "b": {"app": "y"},
        "c": {"app": "x"},
    }.items():
        core.create_namespaced_pod("default", pod(name, labels))

    def names(**options: str) -> list[str]:
        return [item.metadata.name for item in core.list_pod_for_all_namespaces(**options).items]

    assert names(label_selector="app=x") == ["a", "c"]
    assert names(label_selector="app in (x, y),!tier") == ["b", "c"]
    assert names(label_selector="app!=x") == ["b"]
    assert names(label_selector="app notin (x)") == ["b"]
    assert names(field_selector="metadata.name=b") == ["b"]
    assert names(field_selector="spec.nodeName=,status.phase=Pending") == ["a", "b", "c"]
    for options in ({"label_selector": "a b"}, {"field_selector": "spec.color=red"}):
        assert refused(core.list_pod_for_all_namespaces, **options).status == 400


def test_server_side_apply(core: k8s.CoreV1Api) -> None:
    def apply(manager: str, data: dict[str, str], force: bool = False) -> Any:
        return core.patch_namespaced_config_map(
            "c", "default", configmap("c", **data), field_manager=manager, force=force,
            _content_type="application/apply-patch+yaml",
        )  # fmt: skip

    made = apply("one", {"a": "1", "b": "1"})
    assert made.metadata.managed_fields[0].operation == "Apply"
    apply("two", {"c": "2"})
    error = refused(apply, "two", {"a": "2", "c": "2"})
    assert error.status == 409
    assert '"field":".data.a"' in error.body
    taken = apply("two", {"a": "2", "c": "2"}, force=True)
    assert taken.data == {"a": "2", "b": "1", "c": "2"}
    assert apply("one", {}).data == {"a": "2", "c": "2"}
    version = apply("two", {"a": "2", "c": "2"}).metadata.resource_version
    assert apply("two", {"a": "2", "c": "2"}).metadata.resource_version == version


def test_dry_run_leaves_no_trace(api: Api, core: k8s.CoreV1Api, apps: k8s.AppsV1Api) -> None:
    before = api.cluster.resource_version()
    core.create_namespaced_service("default", service("web"), dry_run="All")
    apps.create_namespaced_deployment("default", deployment("web"), dry_run="All")
    core.patch_namespace("default", {"metadata": {"labels": {"a": "b"}}}, dry_run="All")
    core.delete_namespaced_config_map("kube-root-ca.crt", "default", dry_run="All")
    assert api.cluster.resource_version() == before


def test_eviction_asks_the_disruption_budget(api: Api, client: Any, core: k8s.CoreV1Api) -> None:
    policy = k8s.PolicyV1Api(client)
    policy.create_namespaced_pod_disruption_budget(
        "default",
        {
            "metadata": {"name": "b"},
            "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "p"}}},
        },
    )
    for name in ("p1", "p2"):
        made = api.cluster.create("pods", pod(name, {"app": "p"}, nodeName="node-1"))
        api.cluster.update("pods", running(made), "status")
    status = {"currentHealthy": 2, "desiredHealthy": 1, "disruptionsAllowed": 1, "expectedPods": 2,
              "observedGeneration": 1}  # fmt: skip
    policy.patch_namespaced_pod_disruption_budget_status("b", "default", {"status": status})
    core.create_namespaced_pod_eviction("p1", "default", {"metadata": {"name": "p1"}})
    assert core.read_namespaced_pod("p1", "default").metadata.deletion_timestamp
    error = refused(
        core.create_namespaced_pod_eviction, "p2", "default", {"metadata": {"name": "p2"}}
    )
    assert error.status == 429
    assert '"reason":"DisruptionBudget"' in error.body
    budget = policy.read_namespaced_pod_disruption_budget("b", "default")
    assert list(budget.status.disrupted_pods) == ["p1"]


def test_namespace_goes_in_two_steps(api: Api, core: k8s.CoreV1Api) -> None:
    core.create_namespace({"metadata": {"name": "shop"}})
    core.delete_namespace("shop")
    assert core.read_namespace("shop").status.phase == "Terminating"
    error = refused(core.create_namespaced_config_map, "shop", {"metadata": {"name": "c"}})
    assert error.status == 403
    assert "because it is being terminated" in error.body
    terminating = api.cluster.get("namespaces", None, "shop")
    assert terminating is not None
    api.cluster.update("namespaces", {**terminating, "spec": {"finalizers": []}}, "finalize")
    assert refused(core.read_namespace, "shop").status == 404


def test_the_dynamic_client_finds_its_way(client: Any) -> None:
    from kubernetes import dynamic

    found = dynamic.DynamicClient(client)
    pods = found.resources.get(api_version="v1", kind="Pod")
    pods.create(body=pod("p"), namespace="default")
    assert pods.get(name="p", namespace="default").status.phase == "Pending"
    negs = found.resources.get(
        api_version="networking.gke.io/v1beta1", kind="ServiceNetworkEndpointGroup"
    )
    assert negs.get(namespace="default").items == []


def test_rarely_used_kinds_can_be_read(
    client: Any, core: k8s.CoreV1Api, apps: k8s.AppsV1Api
) -> None:
    core.create_namespaced_secret("default", {"metadata": {"name": "s"}, "stringData": {"a": "b"}})
    assert core.read_namespaced_secret("s", "default").data == {"a": "Yg=="}
    review = k8s.AuthorizationV1Api(client).create_self_subject_access_review(
        {"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}}
    )
    assert review.status.allowed
    assert core.list_replication_controller_for_all_namespaces().items == []
    assert apps.list_stateful_set_for_all_namespaces().items == []
    lease = {
        "metadata": {"name": "l"},
        "spec": {"holderIdentity": "me", "leaseDurationSeconds": 15},
    }
    made = k8s.CoordinationV1Api(client).create_namespaced_lease("default", lease)
    assert made.spec.holder_identity == "me"
    assert k8s.NetworkingV1Api(client).list_ingress_for_all_namespaces().items == []
    assert k8s.DiscoveryV1Api(client).list_endpoint_slice_for_all_namespaces().items == []


def test_an_informer_follows(api: Api, client: Any) -> None:
    from kubernetes.informer import SharedInformer

    core = k8s.CoreV1Api(client)
    api.cluster.create("configmaps", configmap("a"))
    seen: queue.Queue[str] = queue.Queue()
    informer = SharedInformer(core.list_namespaced_config_map, namespace="default")
    informer.add_event_handler("ADDED", lambda obj: seen.put(obj.metadata.name))
    informer.start()
    try:
        assert {seen.get(timeout=20), seen.get(timeout=20)} == {"a", "kube-root-ca.crt"}
        api.cluster.create("configmaps", configmap("b"))
        assert seen.get(timeout=20) == "b"
    finally:
        informer.stop()
