"""What the API server and its controllers add: Jobs' selectors, quotas, APIServices, namespaces.

kubectl against a running simulator; refusals have the words of a real API server.
"""

import json
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

Doc = dict[str, Any]
Kubectl = Callable[..., str]


@pytest.fixture(scope="module")
def kubectl(keep_sim: Callable[..., Any], tmp_path_factory: Any) -> Iterator[Kubectl]:
    sim = keep_sim("--time-scale", "0", "--no-dataplane", "--scenario", "empty")
    cache = tmp_path_factory.mktemp("cache")
    config = sim.ready["clusters"]["blue"]["kubeconfig"]

    def run(line: str, given: Any = None, ok: bool = True) -> str:
        done = subprocess.run(
            ["kubectl", f"--kubeconfig={config}", f"--cache-dir={cache}", *line.split()],
            input="" if given is None else json.dumps(given),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode == 0) is ok, done.stdout + done.stderr
        return done.stdout if ok else done.stderr

    yield run


def space(kubectl: Kubectl, name: str) -> str:
    kubectl(f"create namespace {name}")
    return name


def job(name: str, labels: Doc | None = None, **spec: Any) -> Doc:
    container = {"name": "c", "image": "busybox"}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    if labels:
        template["metadata"] = {"labels": labels}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name},
            "spec": {"template": template, **spec}}  # fmt: skip


def container(**resources: Any) -> Doc:
    return {"name": "web", "image": "nginx", "resources": resources}


def pod(name: str, *containers: Doc, **spec: Any) -> Doc:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {"containers": list(containers) or [container()], **spec}}  # fmt: skip


def quota(name: str, hard: Doc, **spec: Any) -> Doc:
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": name},
            "spec": {"hard": hard, **spec}}  # fmt: skip


def test_a_job_knows_its_pods_by_a_generated_selector(kubectl: Kubectl) -> None:
    ns = space(kubectl, "jobs")
    kubectl(f"apply -n {ns} -f -", job("once", {"mine": "yes"}))
    made = json.loads(kubectl(f"get job once -n {ns} -o json"))
    uid = made["metadata"]["uid"]
    labels = {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": "once",
        "controller-uid": uid,
        "job-name": "once",
        "mine": "yes",
    }
    assert made["spec"]["template"]["metadata"]["labels"] == labels
    wanted = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    assert made["spec"]["selector"] == wanted
    assert made["spec"]["manualSelector"] is False
    assert made["spec"]["podReplacementPolicy"] == "TerminatingOrFailed"
    (one,) = json.loads(kubectl(f"get pods -n {ns} -l job-name=once -o json"))["items"]
    assert one["metadata"]["labels"] == labels
    assert "unchanged" in kubectl(f"apply -n {ns} -f -", job("once", {"mine": "yes"}))


def test_a_job_may_choose_its_pods_itself(kubectl: Kubectl) -> None:
    ns = space(kubectl, "manual")
    chosen = {"matchLabels": {"app": "x"}}
    kubectl(f"create -n {ns} -f -", job("by-hand", {"app": "x"}, manualSelector=True,
                                        selector=chosen))  # fmt: skip
    made = json.loads(kubectl(f"get job by-hand -n {ns} -o json"))
    assert made["spec"]["selector"] == chosen
    assert made["spec"]["template"]["metadata"]["labels"] == {"app": "x"}
    (one,) = json.loads(kubectl(f"get pods -n {ns} -o json"))["items"]
    assert one["metadata"]["labels"] == {"app": "x"}
    said = kubectl(f"create -n {ns} -f -", job("none", {"app": "x"}, manualSelector=True), ok=False)
    assert 'The Job "none" is invalid: spec.selector: Required value' in said
    said = kubectl(f"create -n {ns} -f -", job("off", {"app": "y"}, manualSelector=True,
                                               selector=chosen), ok=False)  # fmt: skip
    assert "`selector` does not match template `labels`" in said


def test_a_job_that_sets_what_is_generated_is_refused(kubectl: Kubectl) -> None:
    ns = space(kubectl, "odd")
    said = kubectl(f"create -n {ns} -f -", job("odd", {"controller-uid": "mine"}), ok=False)
    assert "spec.template.metadata.labels[controller-uid]: Invalid value: " in said
    chosen = {"matchLabels": {"app": "x"}}
    said = kubectl(f"create -n {ns} -f -", job("odd", {"app": "x"}, selector=chosen), ok=False)
    assert "`selector` not auto-generated" in said
    kubectl(f"create -n {ns} -f -", job("fine"))
    patch = json.dumps({"spec": {"selector": {"matchLabels": {"a": "b"}}}})
    said = kubectl(f"patch job fine -n {ns} --type=merge -p={patch.replace(' ', '')}", ok=False)
    assert "spec.selector: Invalid value: " in said and "field is immutable" in said


def test_a_quota_holds_pods_back(kubectl: Kubectl) -> None:
    ns = space(kubectl, "tight")
    kubectl(f"create -n {ns} -f -", quota("few", {"pods": "2"}))
    kubectl(f"create deployment web -n {ns} --image=nginx --replicas=3")
    assert len(json.loads(kubectl(f"get pods -n {ns} -o json"))["items"]) == 2
    events = kubectl(f"get events -n {ns}")
    assert "FailedCreate" in events
    words = "is forbidden: exceeded quota: few, requested: pods=1, used: pods=2, limited: pods=2"
    assert words in events
    found = json.loads(kubectl(f"get quota few -n {ns} -o json"))["status"]
    assert found == {"hard": {"pods": "2"}, "used": {"pods": "2"}}
    said = kubectl(f"create -n {ns} -f -", pod("third"), ok=False)
    assert f'pods "third" {words}' in said
    kubectl(f"delete quota few -n {ns}")
    kubectl(f"create -n {ns} -f -", pod("third"))


def test_a_quota_of_computing_wants_each_container_to_say_it(kubectl: Kubectl) -> None:
    ns = space(kubectl, "compute")
    hard = {"requests.cpu": "1", "limits.memory": "1Gi", "count/configmaps": "5", "services": "1"}
    kubectl(f"create -n {ns} -f -", quota("q", hard))
    said = kubectl(f"create -n {ns} -f -", pod("silent"), ok=False)
    assert "is forbidden: failed quota: q: must specify limits.memory for: web; requests.cpu " in (
        said
    )
    fine = container(requests={"cpu": "600m", "memory": "64Mi"}, limits={"memory": "512Mi"})
    kubectl(f"create -n {ns} -f -", pod("first", fine))
    said = kubectl(f"create -n {ns} -f -", pod("second", fine), ok=False)
    assert (
        "exceeded quota: q, requested: requests.cpu=600m, used: requests.cpu=600m, "
        "limited: requests.cpu=1"
    ) in said
    status = json.loads(kubectl(f"get quota q -n {ns} -o json"))["status"]
    assert status["used"] == {"count/configmaps": "1", "limits.memory": "512Mi",
                              "requests.cpu": "600m", "services": "0"}  # fmt: skip
    kubectl(f"create service clusterip one -n {ns} --tcp=80")
    said = kubectl(f"create service clusterip two -n {ns} --tcp=80", ok=False)
    assert "requested: services=1, used: services=1, limited: services=1" in said
    assert "requests.cpu: 600m/1" in kubectl(f"get quota q -n {ns}")


SCOPED = [
    ({"scopes": ["BestEffort"]}, pod("a"),
     pod("b", container(requests={"cpu": "1m"}))),
    ({"scopes": ["NotTerminating"]}, pod("a"), pod("b", activeDeadlineSeconds=60)),
    ({"scopeSelector": {"matchExpressions": [
        {"scopeName": "PriorityClass", "operator": "In", "values": ["system-node-critical"]}]}},
     pod("a", priorityClassName="system-node-critical"), pod("b")),
]  # fmt: skip


@pytest.mark.parametrize(("scopes", "counted", "other"), SCOPED, ids=["best", "ends", "priority"])
def test_a_scoped_quota_counts_what_it_means(
    kubectl: Kubectl, scopes: Doc, counted: Doc, other: Doc
) -> None:
    ns = space(kubectl, f"scoped-{SCOPED.index((scopes, counted, other))}")
    kubectl(f"create -n {ns} -f -", quota("some", {"pods": "1"}, **scopes))
    kubectl(f"create -n {ns} -f -", counted)
    kubectl(f"create -n {ns} -f -", other)
    again = {**counted, "metadata": {"name": "again"}}
    said = kubectl(f"create -n {ns} -f -", again, ok=False)
    assert "exceeded quota: some, requested: pods=1, used: pods=1, limited: pods=1" in said
    status = json.loads(kubectl(f"get quota some -n {ns} -o json"))["status"]
    assert status == {"hard": {"pods": "1"}, "used": {"pods": "1"}}


def test_an_api_service_without_its_service_is_not_available(kubectl: Kubectl) -> None:
    body: Doc = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": "v1.things.example.com"},
        "spec": {"group": "things.example.com", "version": "v1", "groupPriorityMinimum": 100,
                 "versionPriority": 10, "insecureSkipTLSVerify": True,
                 "service": {"namespace": "default", "name": "things"}},
    }  # fmt: skip
    kubectl("create -f -", body)

    def available() -> tuple[str, str, str]:
        found = json.loads(kubectl("get apiservice v1.things.example.com -o json"))
        (one,) = found["status"]["conditions"]
        assert one["type"] == "Available"
        return one["status"], one["reason"], one["message"]

    missing = 'service/things in "default" is not present'
    assert available() == ("False", "ServiceNotFound", missing)
    assert "False (ServiceNotFound)" in kubectl("get apiservices")
    kubectl("create service clusterip things --tcp=443")
    assert available()[:2] == ("False", "MissingEndpoints")
    local = {**body, "metadata": {"name": "v2.things.example.com"}}
    local["spec"] = {key: value for key, value in body["spec"].items() if key in (
        "group", "groupPriorityMinimum", "versionPriority")} | {"version": "v2"}  # fmt: skip
    kubectl("create -f -", local)
    found = json.loads(kubectl("get apiservice v2.things.example.com -o json"))
    assert found["status"]["conditions"][0]["reason"] == "Local"


def test_what_belongs_to_the_cluster_has_no_namespace_whatever_is_sent(kubectl: Kubectl) -> None:
    role: Doc = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "reader", "namespace": "somewhere"},
        "rules": [],
    }
    kubectl("create -f -", role)
    kubectl("apply --server-side --force-conflicts -f -", {**role, "rules": [
        {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]})  # fmt: skip
    kubectl("replace -f -", role)
    made = json.loads(kubectl("get clusterrole reader -o json"))
    assert "namespace" not in made["metadata"]
    network = {"apiVersion": "networking.gke.io/v1", "kind": "Network",
               "metadata": {"name": "second", "namespace": "somewhere"},
               "spec": {"type": "L3"}}  # fmt: skip
    assert "created" in kubectl("apply -f -", network)
    stray = {"apiVersion": "v1", "kind": "ConfigMap",
             "metadata": {"name": "c", "namespace": "other"}}  # fmt: skip
    said = kubectl("create -n default -f -", stray, ok=False)
    assert "the namespace from the provided object" in said
