"""Workloads run: StatefulSets with claims, DaemonSets, Jobs, CronJobs, autoscalers; pods wait."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from gcpsim.front.build import Cloud, Config, build
from gcpsim.k8s.api import metrics
from gcpsim.k8s.api.call import Call, locate
from gcpsim.k8s.controllers import cron
from gcpsim.k8s.types.status import StatusError

TEMPLATE = {
    "metadata": {"labels": {"app": "x"}},
    "spec": {"containers": [{"name": "c", "image": "i"}]},
}
SELECTOR = {"matchLabels": {"app": "x"}}


class Space:
    """Cluster blue of a world whose clock stands still."""

    def __init__(self, cloud: Cloud) -> None:
        self.world = cloud.world
        self.cluster = cloud.gke.clusters["blue"]

    def make(self, resource: str, name: str, **fields: Any) -> dict[str, Any]:
        body = json.loads(
            json.dumps({"metadata": {"name": name, "namespace": "default"}, **fields})
        )
        return self.world.transact(lambda: self.cluster.create(resource, body))

    def change(self, resource: str, name: str, patch: dict[str, Any]) -> None:
        self.world.transact(lambda: self.cluster.patch(resource, "default", name, patch))

    def get(self, resource: str, name: str) -> dict[str, Any]:
        found = self.cluster.get(resource, "default", name)
        assert found is not None, f"{resource} {name}"
        return found

    def names(self, resource: str) -> list[str]:
        return sorted(o["metadata"]["name"] for o in self.cluster.list(resource, "default"))

    def wait(self, seconds: float) -> None:
        self.world.clock.advance(seconds)
        assert self.world.failures == []


@pytest.fixture
def space() -> Iterator[Space]:
    cloud = build(Config(time_scale=1, paused=True))
    yield Space(cloud)


def test_a_stateful_set_starts_in_order_with_its_claims(space: Space) -> None:
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    spec = {"containers": [{"name": "c", "image": "i", "volumeMounts": [{"name": "data",
            "mountPath": "/d"}]}]}  # fmt: skip
    template = {**TEMPLATE, "spec": spec}
    space.make("statefulsets", "db", spec={"replicas": 3, "serviceName": "db",
               "selector": SELECTOR, "template": template,
               "volumeClaimTemplates": [claim]})  # fmt: skip
    space.wait(4)
    assert space.names("pods") == ["db-0", "db-1"]
    space.wait(20)
    assert space.names("pods") == ["db-0", "db-1", "db-2"]
    assert space.names("persistentvolumeclaims") == ["data-db-0", "data-db-1", "data-db-2"]
    bound = space.get("persistentvolumeclaims", "data-db-0")
    assert (bound["status"]["phase"], bound["spec"]["storageClassName"]) == (
        "Bound",
        "standard-rwo",
    )
    status = space.get("statefulsets", "db")["status"]
    assert (status["readyReplicas"], status["updatedReplicas"]) == (3, 3)
    image = {
        "spec": {"template": {"spec": {"containers": [{**spec["containers"][0], "image": "j"}]}}}
    }
    space.change("statefulsets", "db", image)
    space.wait(240)
    images = {p["spec"]["containers"][0]["image"] for p in space.cluster.list("pods", "default")}
    assert images == {"j"}
    space.change("statefulsets", "db", {"spec": {"replicas": 1}})
    space.wait(120)
    assert space.names("pods") == ["db-0"]
    assert len(space.names("persistentvolumeclaims")) == 3


def test_a_daemon_set_has_a_pod_on_each_node(space: Space) -> None:
    space.make("daemonsets", "agent", spec={"selector": SELECTOR, "template": TEMPLATE})
    space.wait(10)
    pods = space.cluster.list("pods", "default")
    nodes = {node["metadata"]["name"] for node in space.cluster.list("nodes")}
    assert {pod["spec"]["nodeName"] for pod in pods} == nodes
    status = space.get("daemonsets", "agent")["status"]
    assert (status["desiredNumberScheduled"], status["numberReady"]) == (len(nodes), len(nodes))
    space.change(
        "daemonsets", "agent", {"spec": {"template": {"metadata": {"labels": {"v": "2"}}}}}
    )
    space.wait(200)
    assert {p["metadata"]["labels"].get("v") for p in space.cluster.list("pods", "default")} == {
        "2"
    }


def test_a_job_completes_and_goes(space: Space) -> None:
    template = {**TEMPLATE, "spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}}
    space.make(
        "jobs",
        "once",
        spec={"completions": 3, "parallelism": 2, "template": template,
              "ttlSecondsAfterFinished": 60},
    )  # fmt: skip
    space.wait(6)
    assert len(space.names("pods")) == 2
    space.wait(30)
    status = space.get("jobs", "once")["status"]
    assert (status["succeeded"], status["conditions"][0]["type"]) == (3, "Complete")
    phases = {pod["status"]["phase"] for pod in space.cluster.list("pods", "default")}
    assert phases == {"Succeeded"}
    space.wait(90)
    assert space.names("jobs") == space.names("pods") == []


def test_a_cron_job_makes_jobs_by_the_clock(space: Space) -> None:
    template = {**TEMPLATE, "spec": {**TEMPLATE["spec"], "restartPolicy": "OnFailure"}}
    spec = {"schedule": "*/5 * * * *", "jobTemplate": {"spec": {"template": template}}}
    space.make("cronjobs", "tick", spec=spec)
    space.wait(3600)
    assert len(space.names("jobs")) == 3  # the history limit
    assert "lastScheduleTime" in space.get("cronjobs", "tick")["status"]
    space.change("cronjobs", "tick", {"spec": {"suspend": True}})
    before = space.names("jobs")
    space.wait(1800)
    assert space.names("jobs") == before


def test_an_autoscaler_follows_the_load(space: Space) -> None:
    space.make("deployments", "web", spec={"replicas": 1, "selector": SELECTOR,
               "template": TEMPLATE})  # fmt: skip
    target = {"type": "Utilization", "averageUtilization": 50}
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": target}}
    space.make(
        "horizontalpodautoscalers",
        "web",
        spec={
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": 1,
            "maxReplicas": 5,
            "metrics": [metric],
        },
    )
    space.wait(5)
    load = space.world.stage["load"]
    args = {"cluster": "blue", "namespace": "default", "deployment": "web"}
    space.world.transact(lambda: load({**args, "cpu": 190}))
    space.wait(30)
    assert space.get("deployments", "web")["spec"]["replicas"] == 4
    assert space.get("horizontalpodautoscalers", "web")["status"]["currentReplicas"] == 4
    space.world.transact(lambda: load({**args, "cpu": 10}))
    space.wait(100)
    assert space.get("deployments", "web")["spec"]["replicas"] == 4
    space.wait(300)
    assert space.get("deployments", "web")["spec"]["replicas"] == 1


def test_pods_wait_for_what_they_mount(space: Space) -> None:
    volume = {"name": "v", "configMap": {"name": "settings"}}
    env = [{"name": "K", "valueFrom": {"secretKeyRef": {"name": "key", "key": "k"}}}]
    container = {"name": "c", "image": "i", "env": env}
    space.make("pods", "p", spec={"containers": [container], "volumes": [volume]})
    space.wait(30)
    assert space.get("pods", "p")["status"]["phase"] == "Pending"
    space.make("configmaps", "settings", data={})
    space.wait(30)
    assert space.get("pods", "p")["status"]["phase"] == "Pending"
    space.make("secrets", "key", data={"k": "dg=="})
    space.wait(30)
    assert space.get("pods", "p")["status"]["phase"] == "Running"


def test_a_replication_controller_keeps_its_pods(space: Space) -> None:
    space.make("replicationcontrollers", "old", spec={"replicas": 2, "selector": {"app": "x"},
               "template": TEMPLATE})  # fmt: skip
    space.wait(10)
    assert space.get("replicationcontrollers", "old")["status"]["readyReplicas"] == 2


@pytest.mark.parametrize(
    ("schedule", "start", "expected"),
    [
        ("*/15 * * * *", 0, 900),
        ("30 2 * * *", 0, 9000),
        ("0 0 1 2 *", 0, 31 * 86400),
        ("0 0 * * mon", 0, 4 * 86400),
        ("@hourly", 3600, 7200),
        ("0 0 13 * fri", 0, 86400),
    ],
)
def test_schedules(schedule: str, start: float, expected: float) -> None:
    found = cron.parse(schedule)
    assert found is not None
    assert found.after(start) == expected


@pytest.mark.parametrize("schedule", ["", "* * *", "61 * * * *", "*/0 * * * *", "a b c d e"])
def test_schedules_that_are_none(schedule: str) -> None:
    assert cron.parse(schedule) is None


def test_what_pods_and_nodes_use(space: Space) -> None:
    template = json.loads(json.dumps(TEMPLATE))
    template["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "200m"}}
    space.make("deployments", "web", spec={"replicas": 2, "selector": SELECTOR,
               "template": template})  # fmt: skip
    space.wait(60)

    def ask(rest: str) -> dict[str, Any]:
        path = f"/apis/metrics.k8s.io/v1beta1/{rest}"
        call = Call("GET", path, {}, {})
        locate(call)
        code, body, _ = metrics.respond(space.cluster, call)
        assert code == 200
        return body

    def cpu() -> list[str]:
        items = ask("namespaces/default/pods")["items"]
        return [found["usage"]["cpu"] for item in items for found in item["containers"]]

    assert cpu() == ["1000000n", "1000000n"]
    space.world.store.table("k8s/loads").put("blue/Deployment/default/web", {"cpu": 150.0})
    assert cpu() == ["150000000n", "150000000n"]  # 150 % of 200m over two pods
    nodes = ask("nodes")["items"]
    used = sum(int(node["usage"]["cpu"][:-1]) for node in nodes)
    assert used == (len(nodes) * 60 + 300) * 10**6
    name = space.names("pods")[0]
    assert ask(f"namespaces/default/pods/{name}")["kind"] == "PodMetrics"
    with pytest.raises(StatusError, match="not found"):
        ask("namespaces/default/pods/absent")


def test_endpoints_follow_the_slices(space: Space) -> None:
    """The older form, as `kubectl get endpoints` shows it: ready and not, gone with the Service."""
    port = {"name": "web", "port": 80, "targetPort": 8080}
    space.make("services", "x", spec={"selector": {"app": "x"}, "ports": [port]})
    space.make("services", "by-hand", spec={"ports": [{"port": 80}]})
    by_hand = [{"addresses": [{"ip": "192.0.2.7"}], "ports": [{"port": 80}]}]
    space.make("endpoints", "by-hand", subsets=by_hand)
    space.make("deployments", "x", spec={"replicas": 3, "selector": SELECTOR, "template": TEMPLATE})
    space.wait(1)
    assert "subsets" not in space.get("endpoints", "x")
    space.wait(120)
    found = space.get("endpoints", "x")
    assert (
        found["metadata"]["labels"]["endpoints.kubernetes.io/managed-by"] == "endpoint-controller"
    )
    (subset,) = found["subsets"]
    assert list(subset["ports"]) == [{"name": "web", "port": 8080, "protocol": "TCP"}]
    pods = {pod["status"]["podIP"]: pod for pod in space.cluster.list("pods", "default")}
    assert [address["ip"] for address in subset["addresses"]] == sorted(pods)
    for address in subset["addresses"]:
        pod = pods[address["ip"]]
        assert address["targetRef"]["name"] == pod["metadata"]["name"]
        assert address["nodeName"] == pod["spec"]["nodeName"]

    gated = {**TEMPLATE, "spec": {**TEMPLATE["spec"], "readinessGates": [{"conditionType": "a/b"}]}}
    space.change("deployments", "x", {"spec": {"template": gated}})
    space.wait(120)
    (subset,) = space.get("endpoints", "x")["subsets"]
    assert len(subset["addresses"]) == 3 and len(subset["notReadyAddresses"]) == 1

    space.change("deployments", "x", {"spec": {"replicas": 0}})
    space.wait(120)
    assert not space.get("endpoints", "x").get("subsets")
    assert space.get("endpoints", "by-hand")["subsets"][0]["addresses"][0]["ip"] == "192.0.2.7"
    space.world.transact(lambda: space.cluster.delete("services", "default", "x"))
    space.wait(10)
    assert space.names("endpoints") == ["by-hand"]


def pod_of(cpu: str, memory: str, **more: Any) -> dict[str, Any]:
    asked = {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": "2Gi"}}
    return {"containers": [{"name": "c", "image": "i", "resources": asked, **more}]}


def resize(space: Space, resources: dict[str, Any], **more: Any) -> None:
    pod = json.loads(json.dumps(space.get("pods", "p")))
    pod["spec"]["containers"][0] |= {"resources": resources, **more}
    space.world.transact(lambda: space.cluster.update("pods", pod, "resize"))


def test_a_pod_is_resized_in_place(space: Space) -> None:
    restarted = [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]
    space.make("pods", "p", spec=pod_of("100m", "1Gi"))
    space.make("pods", "other", spec=pod_of("100m", "1Gi", resizePolicy=restarted))
    space.wait(60)
    new = {"requests": {"cpu": "200m", "memory": "1Gi"}, "limits": {"memory": "2Gi"}}
    resize(space, new)
    space.wait(60)
    pod = space.get("pods", "p")
    (state,) = pod["status"]["containerStatuses"]
    assert state["resources"] == new and state["allocatedResources"] == new["requests"]
    assert (state["restartCount"], pod["status"]["phase"]) == (0, "Running")
    assert "containers" in pod["spec"] and pod["metadata"]["generation"] >= 2
    huge = {"requests": {"cpu": "500", "memory": "1Gi"}, "limits": {"memory": "2Gi"}}
    resize(space, huge)
    space.wait(60)
    status = space.get("pods", "p")["status"]
    (told,) = [one for one in status["conditions"] if one["type"] == "PodResizePending"]
    assert told["reason"] == "Infeasible"
    assert told["message"].startswith(
        "Node didn't have enough capacity: cpu, requested: 500000, capacity: "
    )
    assert status["containerStatuses"][0]["resources"] == new
    resize(space, new)
    space.wait(60)
    kinds = {one["type"] for one in space.get("pods", "p")["status"]["conditions"]}
    assert "PodResizePending" not in kinds


@pytest.mark.parametrize(
    ("resources", "more", "words"),
    [
        (
            {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "2Gi"}},
            {"image": "other"},
            "spec: Forbidden: only cpu and memory resources are mutable",
        ),
        (
            {"requests": {"memory": "1Gi"}, "limits": {"memory": "2Gi"}},
            {},
            "spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed",
        ),
        (
            {"requests": {"cpu": "100m", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
            {},
            "memory limits cannot be decreased unless resizePolicy is RestartContainer",
        ),
        (
            {
                "requests": {"cpu": "1", "memory": "2Gi"},
                "limits": {"cpu": "1", "memory": "2Gi"},
            },
            {},
            "Pod QOS Class may not change as a result of resizing",
        ),
        (
            {"requests": {"cpu": "100m", "memory": "3Gi"}, "limits": {"memory": "2Gi"}},
            {},
            "must be less than or equal to memory limit of 2Gi",
        ),
    ],
)
def test_resizes_that_are_refused(
    space: Space, resources: dict[str, Any], more: dict[str, Any], words: str
) -> None:
    space.make("pods", "p", spec=pod_of("100m", "1Gi"))
    space.wait(60)
    with pytest.raises(StatusError) as caught:
        resize(space, resources, **more)
    assert caught.value.code == 422 and words in caught.value.message
