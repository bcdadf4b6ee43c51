"""Node upgrades and outages, with the endpoints checked at each moment of the clock."""

import json
from typing import Any

from google.cloud import compute_v1

from .conftest import PROJECT, ready

ZONES = ["us-central1-a", "us-central1-b", "us-central1-c"]
NEW = "1.34.2-gke.1154000"


def expose(blue: Any) -> None:
    blue.annotate("shop", "api", '{"exposed_ports":{"8080":{"name":"shop-api"}}}')
    blue.pass_time(30)
    assert blue.sizes("shop-api") == dict.fromkeys(ZONES, 2)


def attached(blue: Any) -> dict[str, str]:
    """IP -> instance in all zones."""
    found: dict[str, str] = {}
    for zone in blue.sizes("shop-api"):
        found |= blue.endpoints("shop-api", zone)
    return found


def test_nodes_are_instances_with_the_cluster_tag(stage: Any) -> None:
    blue = stage("empty")
    nodes = blue.core.list_node().items
    assert len(nodes) == 3
    instances = blue.sim.compute(compute_v1.InstancesClient)
    tags = set()
    for node in nodes:
        labels = node.metadata.labels
        zone = labels["topology.kubernetes.io/zone"]
        assert node.spec.provider_id == f"gce://{PROJECT}/{zone}/{node.metadata.name}"
        instance = instances.get(project=PROJECT, zone=zone, instance=node.metadata.name)
        addresses = {a.type: a.address for a in node.status.addresses}
        assert instance.network_interfaces[0].network_i_p == addresses["InternalIP"]
        assert instance.network_interfaces[0].alias_ip_ranges[0].ip_cidr_range == node.spec.pod_cidr
        tags.update(instance.tags.items)
    (tag,) = tags
    assert tag.startswith("gke-blue-") and tag.endswith("-node")
    assert {n.metadata.labels["topology.kubernetes.io/zone"] for n in nodes} == set(ZONES)


def test_upgrade_goes_node_by_node_with_surge_and_drain(stage: Any) -> None:
    blue = stage("greenfield")
    expose(blue)
    before = {n.metadata.name for n in blue.core.list_node().items}
    answer = blue.direct("node-upgrade", cluster="blue", version=NEW)
    lowest, most, cordoned = 6, 9, set()
    for _ in range(400):
        blue.pass_time(10)
        nodes = blue.core.list_node().items
        most = max(most, len(nodes))
        cordoned |= {n.metadata.name for n in nodes if n.spec.unschedulable}
        pods = [p for p in blue.pods("shop", "app=api") if ready(p)]
        lowest = min(lowest, len(pods))
        # Each endpoint is a pod that still answers: started, or draining its connections.
        known = {p.status.pod_ip for p in blue.pods("shop", "app=api")}
        assert set(attached(blue)) <= known
        if all(n.status.node_info.kubelet_version == f"v{NEW}" for n in nodes) and len(nodes) == 9:
            break
    assert {n.metadata.name for n in blue.core.list_node().items}.isdisjoint(before)
    assert most == 10, "one surge node at a time"
    assert cordoned and cordoned <= before, "old nodes are cordoned before they go"
    assert lowest >= 5, "the disruption budget held"
    blue.pass_time(120)
    assert sorted(attached(blue)) == sorted(p.status.pod_ip for p in blue.pods("shop", "app=api"))
    assert len(attached(blue)) == 6
    path = f"/v1/projects/{PROJECT}/locations/us-central1/operations/{answer['operation']}"
    assert blue.sim.http("GET", path)[1]["status"] == "DONE"
    path = f"/v1/projects/{PROJECT}/locations/us-central1/clusters/blue"
    assert blue.sim.http("GET", path)[1]["currentNodeVersion"] == NEW
    gone = blue.sim.compute(compute_v1.InstancesClient).aggregated_list(project=PROJECT)
    names = {i.name for _, page in gone for i in page.instances}
    assert names.isdisjoint(before)


def test_zone_outage_from_the_first_second_to_the_return(stage: Any) -> None:
    blue = stage("greenfield")
    expose(blue)
    lost = blue.endpoints("shop-api", "us-central1-a")
    blue.direct("zone-down", zone="us-central1-a")

    # At first nobody in the cluster notices, though nothing answers there any more.
    blue.pass_time(20)
    nodes = blue.core.list_node(label_selector="topology.kubernetes.io/zone=us-central1-a").items
    assert all(c.status == "True" for n in nodes for c in n.status.conditions if c.type == "Ready")
    assert blue.endpoints("shop-api", "us-central1-a") == lost

    # After the grace period: nodes Unknown and tainted, pods not ready, endpoints still attached.
    blue.pass_time(25)
    nodes = blue.core.list_node(label_selector="topology.kubernetes.io/zone=us-central1-a").items
    assert all(
        c.status == "Unknown" for n in nodes for c in n.status.conditions if c.type == "Ready"
    )
    assert all("node.kubernetes.io/unreachable" in {t.key for t in n.spec.taints} for n in nodes)
    dead = [p for p in blue.pods("shop", "app=api") if p.status.pod_ip in lost]
    assert len(dead) == 2 and not any(ready(p) for p in dead)
    assert blue.endpoints("shop-api", "us-central1-a") == lost
    slices = blue.discovery.list_namespaced_endpoint_slice(
        "shop", label_selector="kubernetes.io/service-name=api"
    ).items
    unready = {e.addresses[0] for s in slices for e in s.endpoints if not e.conditions.ready}
    assert unready == set(lost)
    zones = json.loads(blue.annotation("shop", "api", "neg-status"))["zones"]
    assert zones == ["us-central1-b", "us-central1-c"]

    # Five minutes later the pods are replaced elsewhere; the old ones hang, their endpoints go.
    blue.pass_time(360)
    api = blue.pods("shop", "app=api")
    stuck = [p for p in api if p.metadata.deletion_timestamp]
    assert {p.status.pod_ip for p in stuck} == set(lost)
    assert sum(ready(p) for p in api) == 6
    assert blue.sizes("shop-api") == {"us-central1-a": 0, "us-central1-b": 3, "us-central1-c": 3}

    # The zone is back: nodes Ready, untainted, and what hung is gone.
    blue.direct("zone-up", zone="us-central1-a")
    blue.pass_time(120)
    nodes = blue.core.list_node(label_selector="topology.kubernetes.io/zone=us-central1-a").items
    assert all(c.status == "True" for n in nodes for c in n.status.conditions if c.type == "Ready")
    assert not any(n.spec.taints for n in nodes)
    assert len(blue.pods("shop", "app=api")) == 6
    blue.apps.patch_namespaced_deployment_scale("api", "shop", {"spec": {"replicas": 9}})
    blue.pass_time(60)
    assert blue.sizes("shop-api") == dict.fromkeys(ZONES, 3)


def test_a_crash_is_restarted_with_back_off_and_stays_attached(stage: Any) -> None:
    blue = stage("greenfield")
    expose(blue)
    pod = blue.pods("shop", "app=api")[0]
    for crash, wait in ((1, 1), (2, 10), (3, 20)):
        blue.direct("pod-crash", cluster="blue", namespace="shop", pod=pod.metadata.name)
        now = blue.core.read_namespaced_pod(pod.metadata.name, "shop")
        assert not ready(now)
        if crash > 1:
            waiting = now.status.container_statuses[0].state.waiting
            assert waiting.reason == "CrashLoopBackOff"
            assert f"back-off {wait}s" in waiting.message
        blue.pass_time(wait + 6)
        now = blue.core.read_namespaced_pod(pod.metadata.name, "shop")
        assert ready(now) and now.status.container_statuses[0].restart_count == crash
        assert pod.status.pod_ip in attached(blue)


def test_a_rollout_keeps_its_promises_at_every_moment(stage: Any) -> None:
    blue = stage("greenfield")
    expose(blue)
    old = {p.metadata.name for p in blue.pods("shop", "app=api")}
    blue.direct("rollout", cluster="blue", namespace="shop", deployment="api", image="api:2")
    for _ in range(60):
        blue.pass_time(2)
        pods = blue.pods("shop", "app=api")
        alive = [p for p in pods if not p.metadata.deletion_timestamp]
        assert sum(ready(p) for p in alive) >= 5 and len(alive) <= 8
        ending = {p.status.pod_ip for p in pods if p.metadata.deletion_timestamp}
        slices = blue.discovery.list_namespaced_endpoint_slice(
            "shop", label_selector="kubernetes.io/service-name=api"
        ).items
        for endpoint in (e for s in slices for e in s.endpoints):
            known = endpoint.addresses[0] in ending
            assert known == endpoint.conditions.terminating or not known
    blue.pass_time(60)
    assert old.isdisjoint(p.metadata.name for p in blue.pods("shop", "app=api"))
    assert len(attached(blue)) == 6
    deployment = blue.apps.read_namespaced_deployment("api", "shop")
    assert deployment.metadata.annotations["deployment.kubernetes.io/revision"] == "2"
    assert deployment.status.updated_replicas == deployment.status.available_replicas == 6


def test_the_api_of_a_cluster_goes_away_and_comes_back(stage: Any) -> None:
    blue = stage("empty")
    blue.direct("cluster-down", cluster="blue")
    from kubernetes import client

    try:
        blue.core.list_node(_request_timeout=5)
    except (client.ApiException, OSError, Exception) as error:
        assert not isinstance(error, AssertionError)
    else:
        raise AssertionError("the API still answers")
    blue.direct("cluster-up", cluster="blue")
    assert len(blue.core.list_node().items) == 3


def test_wrong_directions_say_what_is_possible(stage: Any) -> None:
    sim = stage("empty").sim
    for verb, args, words in (
        ("zone-down", {"zone": "us-central1-x"}, "no cluster has nodes in zone 'us-central1-x'"),
        (
            "node-add",
            {"cluster": "red", "zone": "a"},
            "no cluster 'red'; there: blue, green",
        ),
        ("pod-crash", {"cluster": "blue"}, "missing ['namespace', 'pod']"),
        ("rollout", {"cluster": "blue", "namespace": "n", "deployment": "d"}, "no deployment n/d"),
        ("node-upgrade", {"cluster": "blue", "pool": "gpu"}, "no node pool 'gpu'"),
        ("region-down", {"region": "mars1"}, "no cluster has zones in region 'mars1'"),
    ):
        status, answer = sim.http("POST", f"/_sim/stage/{verb}", args)
        assert status in (400, 404)
        assert words in answer["error"]["message"]
