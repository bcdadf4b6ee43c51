"""The documented life of a NEG, from annotation to garbage collection, every state on the way."""

import json
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import compute_v1
from kubernetes import client

from .conftest import PROJECT, Stage, ready

ZONES = ["us-central1-a", "us-central1-b", "us-central1-c"]
WISH = '{"exposed_ports":{"443":{"name":"shop-web"}}}'
NAMESPACE, SERVICE, NEG = "ingress-nginx", "ingress-nginx-controller", "shop-web"
CHANGED = "endpoints.kubernetes.io/last-change-trigger-time"
GATE = "cloud.google.com/load-balancer-neg-ready"


def attach(sim: Any, name: str, zones: list[str]) -> None:
    """Put the zonal NEGs behind a backend service that a forwarding rule reaches."""
    link = f"projects/{PROJECT}/global"
    sim.compute(compute_v1.HealthChecksClient).insert(
        project=PROJECT,
        health_check_resource={
            "name": name,
            "type_": "HTTPS",
            "https_health_check": {"port_specification": "USE_SERVING_PORT"},
        },
    )
    sim.advance(60)
    backends = [
        {
            "group": f"projects/{PROJECT}/zones/{zone}/networkEndpointGroups/{NEG}",
            "balancing_mode": "RATE",
            "max_rate_per_endpoint": 100,
        }
        for zone in zones
    ]
    sim.compute(compute_v1.BackendServicesClient).insert(
        project=PROJECT,
        backend_service_resource={
            "name": name,
            "protocol": "HTTPS",
            "load_balancing_scheme": "EXTERNAL_MANAGED",
            "health_checks": [f"{link}/healthChecks/{name}"],
            "backends": backends,
            "connection_draining": {"draining_timeout_sec": 30},
        },
    )
    sim.advance(60)


def test_life_of_a_neg(stage: Any) -> None:
    blue = stage("greenfield")

    # The annotation alone changes nothing yet.
    blue.annotate(NAMESPACE, SERVICE, WISH)
    assert blue.annotation(NAMESPACE, SERVICE, "neg-status") is None
    assert blue.svcneg(NAMESPACE, NEG) is None

    # A moment later neg-status names zones in which no NEG exists.
    blue.pass_time(0.5)
    assert blue.annotation(NAMESPACE, SERVICE, "neg-status") == (
        '{"network_endpoint_groups":{"443":"shop-web"},'
        '"zones":["us-central1-a","us-central1-b","us-central1-c"]}'
    )
    obj = blue.svcneg(NAMESPACE, NEG)
    assert obj["metadata"]["labels"] == {
        "networking.gke.io/managed-by": "neg-controller",
        "networking.gke.io/service-name": SERVICE,
        "networking.gke.io/service-port": "443",
    }
    assert obj["metadata"]["finalizers"] == ["networking.gke.io/neg-finalizer"]
    owner = obj["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["controller"], owner["blockOwnerDeletion"]) == (
        "Service",
        True,
        False,
    )
    assert obj["spec"] == {} and "status" not in obj

    # The NEGs come zone by zone; the object says nothing until all are there.
    blue.pass_time(6)
    assert len(blue.sizes(NEG)) == 2
    assert blue.conditions(NAMESPACE, NEG) == {}
    blue.pass_time(10)
    assert blue.sizes(NEG) == dict.fromkeys(ZONES, 0)
    groups = blue.svcneg(NAMESPACE, NEG)["status"]["networkEndpointGroups"]
    assert [g["state"] for g in groups] == ["ACTIVE"] * 3
    assert [g["networkEndpointType"] for g in groups] == ["GCE_VM_IP_PORT"] * 3
    negs = blue.sim.compute(compute_v1.NetworkEndpointGroupsClient)
    first = negs.get(project=PROJECT, zone=ZONES[0], network_endpoint_group=NEG)
    assert groups[0]["selfLink"] == first.self_link and groups[0]["id"] == str(first.id)
    uid = blue.core.read_namespace("kube-system").metadata.uid
    assert json.loads(first.description) == {
        "cluster-uid": uid,
        "namespace": NAMESPACE,
        "service-name": SERVICE,
        "port": "443",
    }
    assert blue.conditions(NAMESPACE, NEG) == {
        "Initialized": ("True", "NegInitializationSuccessful"),
        "Synced": ("True", "NegSyncSuccessful"),
    }

    # Then the endpoints: the pods' own addresses and port, under their node's name.
    blue.pass_time(6)
    assert blue.sizes(NEG) == dict.fromkeys(ZONES, 2)
    pods = {p.status.pod_ip: p.spec.node_name for p in blue.pods(NAMESPACE)}
    attached = {ip: node for zone in ZONES for ip, node in blue.endpoints(NEG, zone).items()}
    assert attached == pods
    told = [(reason, text) for _, reason, text in blue.events(NAMESPACE, f"Service/{SERVICE}")]
    assert (
        "Attach",
        'Attach 2 network endpoint(s) (NEG "shop-web" in zone "us-central1-a")',
    ) in told
    assert [reason for reason, _ in told].count("Create") == 3

    # New pods get the readiness gate; while no backend service has the NEG it protects nothing.
    blue.apps.patch_namespaced_deployment_scale(SERVICE, NAMESPACE, {"spec": {"replicas": 7}})
    blue.pass_time(1)
    young = next(p for p in blue.pods(NAMESPACE) if p.status.pod_ip not in attached)
    assert [g.condition_type for g in young.spec.readiness_gates] == [GATE]
    blue.pass_time(30)
    young = blue.core.read_namespaced_pod(young.metadata.name, NAMESPACE)
    gate = next(c for c in young.status.conditions if c.type == GATE)
    assert (gate.status, gate.reason) == ("True", "LoadBalancerNegWithoutHealthCheck")
    assert ready(young)
    assert sum(blue.sizes(NEG).values()) == 7

    # In use, and then unwanted: the NEGs cannot be deleted, each round of 120 s says so.
    attach(blue.sim, "shop-web", ZONES)
    blue.annotate(NAMESPACE, SERVICE, None)
    blue.pass_time(1)
    assert blue.annotation(NAMESPACE, SERVICE, "neg-status") is None
    assert blue.svcneg(NAMESPACE, NEG)["metadata"]["deletionTimestamp"]
    blue.pass_time(125)
    told = blue.events(NAMESPACE, f"ServiceNetworkEndpointGroup/{NEG}")
    assert [(kind, reason) for kind, reason, _ in told] == [("Warning", "NegCRError")] * 3
    assert told[0][2].startswith(
        "failed to delete NEG shop-web in us-central1-a: googleapi: Error 400:"
    )
    assert "is already being used by" in told[0][2]
    assert len(blue.sizes(NEG)) == 3

    # Its endpoints are frozen meanwhile: pods that roll away stay in it.
    before = blue.sizes(NEG)
    blue.apps.patch_namespaced_deployment_scale(SERVICE, NAMESPACE, {"spec": {"replicas": 1}})
    blue.pass_time(400)
    assert len(blue.pods(NAMESPACE)) == 1
    assert blue.sizes(NEG) == before

    # A namespace that holds it does not end.
    blue.core.delete_namespace(NAMESPACE)
    blue.pass_time(400)
    namespace = blue.core.read_namespace(NAMESPACE)
    assert namespace.status.phase == "Terminating"
    why = {c.type: c.message for c in namespace.status.conditions}
    assert why["NamespaceFinalizersRemaining"] == (
        "Some content in the namespace has finalizers remaining: "
        "networking.gke.io/neg-finalizer in 1 resource instances"
    )

    # Taken out of the backend service, it goes with the next round, and everything ends.
    blue.sim.compute(compute_v1.BackendServicesClient).delete(
        project=PROJECT, backend_service="shop-web"
    )
    blue.pass_time(150)
    assert blue.sizes(NEG) == {}
    blue.pass_time(5)
    with pytest.raises(client.ApiException) as gone:
        blue.core.read_namespace(NAMESPACE)
    assert gone.value.status == 404
    with pytest.raises(exceptions.NotFound):
        negs.get(project=PROJECT, zone=ZONES[0], network_endpoint_group=NEG)


def test_a_generated_name_is_the_same_in_every_zone(stage: Any) -> None:
    blue = stage("greenfield")
    blue.annotate("shop", "api", '{"exposed_ports":{"8080":{}}}')
    blue.pass_time(30)
    status = json.loads(blue.annotation("shop", "api", "neg-status"))
    name = status["network_endpoint_groups"]["8080"]
    uid = blue.core.read_namespace("kube-system").metadata.uid
    assert name.startswith(f"k8s1-{uid[:8]}-shop-api-8080-")
    assert len(name.rpartition("-")[2]) == 8
    assert sum(blue.sizes(name).values()) == 6


def test_another_name_means_a_new_neg_beside_the_old_one(stage: Any) -> None:
    blue = stage("greenfield")
    blue.annotate(NAMESPACE, SERVICE, WISH)
    blue.pass_time(30)
    attach(blue.sim, "shop-web", ZONES)
    blue.annotate(NAMESPACE, SERVICE, WISH.replace("shop-web", "shop-web-2"))
    blue.pass_time(30)
    assert blue.sizes("shop-web") == blue.sizes("shop-web-2") == dict.fromkeys(ZONES, 2)
    assert blue.svcneg(NAMESPACE, "shop-web")["metadata"]["deletionTimestamp"]
    assert "deletionTimestamp" not in blue.svcneg(NAMESPACE, "shop-web-2")["metadata"]


def test_what_is_marked_for_deletion_and_wanted_again_follows_its_pods(stage: Any) -> None:
    """GKE ignores the mark of a svcneg whose annotation was rewritten and put back."""
    blue = stage("greenfield")
    blue.annotate(NAMESPACE, SERVICE, WISH)
    blue.pass_time(30)
    attach(blue.sim, "shop-web", ZONES)
    blue.annotate(NAMESPACE, SERVICE, '{"exposed_ports":{"443":{}}}')
    blue.pass_time(30)
    blue.annotate(NAMESPACE, SERVICE, WISH)
    blue.pass_time(30)
    assert blue.svcneg(NAMESPACE, NEG)["metadata"]["deletionTimestamp"]
    blue.apps.patch_namespaced_deployment_scale(SERVICE, NAMESPACE, {"spec": {"replicas": 9}})
    blue.pass_time(300)  # two rounds of the collector
    assert blue.sizes(NEG) == dict.fromkeys(ZONES, 3)
    assert blue.events(NAMESPACE, f"ServiceNetworkEndpointGroup/{NEG}") == []
    told = {reason for _, reason, _ in blue.events(NAMESPACE, f"Service/{SERVICE}")}
    assert "ProcessServiceFailed" not in told
    # Nothing wants it any more: it is collected as everything else, once nobody holds it.
    blue.annotate(NAMESPACE, SERVICE, None)
    blue.pass_time(130)
    kinds = [r for _, r, _ in blue.events(NAMESPACE, f"ServiceNetworkEndpointGroup/{NEG}")]
    assert set(kinds) == {"NegCRError"}


def test_a_controller_that_stands_still_syncs_nothing_until_it_goes_on(stage: Any) -> None:
    """lastSyncTime stays behind the change that the slices tell of; then it is made up for."""
    blue = stage("greenfield")
    blue.annotate(NAMESPACE, SERVICE, WISH)
    blue.pass_time(60)

    def synced() -> str:
        return str(blue.svcneg(NAMESPACE, NEG)["status"]["lastSyncTime"])

    def changed() -> str:
        label = f"kubernetes.io/service-name={SERVICE}"
        slices = client.DiscoveryV1Api(blue.core.api_client).list_namespaced_endpoint_slice(
            NAMESPACE, label_selector=label
        )
        (note,) = {s.metadata.annotations[CHANGED] for s in slices.items}
        return str(note)

    assert changed() <= synced()
    blue.direct("negs-stop", cluster="blue")
    before = synced()
    blue.apps.patch_namespaced_deployment_scale(SERVICE, NAMESPACE, {"spec": {"replicas": 9}})
    blue.annotate(NAMESPACE, SERVICE, '{"exposed_ports":{"443":{"name":"shop-2"}}}')
    blue.pass_time(900)
    assert synced() == before < changed()
    assert blue.sizes(NEG) == dict.fromkeys(ZONES, 2) and blue.svcneg(NAMESPACE, "shop-2") is None
    blue.annotate(NAMESPACE, SERVICE, WISH)
    blue.direct("negs-go", cluster="blue")
    blue.pass_time(60)
    assert changed() <= synced() and blue.sizes(NEG) == dict.fromkeys(ZONES, 3)


def test_a_new_zone_gets_a_neg_that_no_backend_service_knows(stage: Any) -> None:
    blue = stage("greenfield")
    blue.annotate(NAMESPACE, SERVICE, WISH)
    blue.pass_time(30)
    blue.direct("node-add", cluster="blue", zone="us-central1-f")
    blue.pass_time(100)
    blue.apps.patch_namespaced_deployment_scale(SERVICE, NAMESPACE, {"spec": {"replicas": 8}})
    blue.pass_time(60)
    assert blue.sizes(NEG) == {**dict.fromkeys(ZONES, 2), "us-central1-f": 2}
    zones = json.loads(blue.annotation(NAMESPACE, SERVICE, "neg-status"))["zones"]
    assert zones == [*ZONES, "us-central1-f"]

    # When its last node leaves, the NEG stays and is INACTIVE.
    node = blue.core.list_node(label_selector="topology.kubernetes.io/zone=us-central1-f").items[0]
    blue.direct("node-remove", cluster="blue", node=node.metadata.name)
    blue.pass_time(120)
    states = {
        g["selfLink"].split("/")[-3]: g["state"]
        for g in blue.svcneg(NAMESPACE, NEG)["status"]["networkEndpointGroups"]
    }
    assert states == {**dict.fromkeys(ZONES, "ACTIVE"), "us-central1-f": "INACTIVE"}
    assert blue.sizes(NEG)["us-central1-f"] == 0


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        ("{exposed_ports: {443: {}}}", "NEG annotation is invalid."),
        ('{"exposed_ports":{"https":{}}}', "NEG annotation is invalid."),
        (
            '{"exposed_ports":{"8443":{}}}',
            'port 8443 specified in "cloud.google.com/neg" doesn\'t exist in the service',
        ),
        (
            '{"ingress":true,"exposed_ports":{"443":{"name":"web"}}}',
            "configuration for negs in service (ingress-nginx/ingress-nginx-controller) is "
            "invalid, custom neg name cannot be used with ingress enabled",
        ),
    ],
)
def test_a_broken_annotation_is_an_event(stage: Any, annotation: str, message: str) -> None:
    blue = stage("greenfield")
    blue.annotate(NAMESPACE, SERVICE, annotation)
    blue.pass_time(1)
    expected = f'error processing service "{NAMESPACE}/{SERVICE}": {message}'
    assert ("Warning", "ProcessServiceFailed", expected) in blue.events(NAMESPACE)
    assert blue.svcneg(NAMESPACE, "web") is None
    # It is tried again until it is mended.
    blue.annotate(NAMESPACE, SERVICE, WISH)
    blue.pass_time(30)
    assert sum(blue.sizes(NEG).values()) == 6


def test_names_that_belong_to_others_are_not_taken(stage: Any) -> None:
    blue = stage("greenfield")
    negs = blue.sim.compute(compute_v1.NetworkEndpointGroupsClient)
    for zone, name, description in (
        ("us-central1-a", "by-hand", ""),
        (
            "us-central1-b",
            "elsewhere",
            '{"cluster-uid":"other","namespace":"n","service-name":"s","port":"1"}',
        ),
    ):
        body = {"name": name, "network_endpoint_type": "GCE_VM_IP_PORT", "description": description}
        negs.insert(project=PROJECT, zone=zone, network_endpoint_group_resource=body)
    blue.pass_time(10)

    blue.annotate("shop", "api", '{"exposed_ports":{"8080":{"name":"by-hand"}}}')
    blue.pass_time(30)
    assert blue.conditions("shop", "by-hand")["Initialized"] == ("False", "NegInitializationFailed")
    told = [
        text
        for _, reason, text in blue.events("shop")
        if reason == "SyncNetworkEndpointGroupFailed"
    ]
    assert "found a custom named neg by-hand with an empty description" in told[0]
    assert "(will retry)" in told[0]

    blue.annotate("shop", "postgres", '{"exposed_ports":{"5432":{"name":"elsewhere"}}}')
    blue.pass_time(30)
    condition = blue.svcneg("shop", "elsewhere")["status"]["conditions"][0]
    assert condition["message"].startswith(
        "found conflicting description in neg elsewhere: expected"
    )

    # Two Services that ask for one name: the second is refused.
    blue.annotate("shop", "storefront", '{"exposed_ports":{"80":{"name":"by-hand"}}}')
    blue.pass_time(1)
    told = [text for _, reason, text in blue.events("shop", "Service/storefront")]
    assert any("has a label mismatch" in text and "taken by api service" in text for text in told)


def test_a_routes_based_cluster_cannot_attach(start_sim: Any, tmp_path: Path) -> None:
    """Pods without alias IPs: the NEG is made, the endpoints are refused, and events say so."""
    (tmp_path / "app.yaml").write_text(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"
        "spec:\n  selector: {matchLabels: {app: web}}\n  template:\n"
        "    metadata: {labels: {app: web}}\n"
        "    spec: {containers: [{name: web, image: w, ports: [{containerPort: 80}]}]}\n"
        "---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\n"
        "spec: {selector: {app: web}, ports: [{port: 80}]}\n"
    )
    (tmp_path / "old.yaml").write_text(
        f"project: {PROJECT}\nclusters:\n"
        "  - {name: blue, location: us-central1, vpc_native: false}\n"
        "workloads:\n  - {clusters: [blue], manifests: [app.yaml]}\n"
    )
    blue = Stage(start_sim("--scenario", tmp_path / "old.yaml", "--paused", "--time-scale", "1"))
    assert blue.annotation("default", "web", "neg") is None
    blue.annotate("default", "web", '{"exposed_ports":{"80":{"name":"old"}}}')
    blue.pass_time(30)
    assert sum(blue.sizes("old").values()) == 0
    told = [text for _, reason, text in blue.events("default") if reason == "AttachFailed"]
    assert "doesn't belong to the (sub)network default or to the instance" in told[0]
    # The condition speaks of the comparison, not of the calls that follow from it.
    assert blue.conditions("default", "old")["Synced"] == ("True", "NegSyncSuccessful")
    blue.pass_time(100)
    more = [text for _, reason, text in blue.events("default") if reason == "AttachFailed"]
    assert more and sum(blue.sizes("old").values()) == 0
