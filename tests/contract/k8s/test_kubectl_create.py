"""The lines that everybody types: kubectl create of everything, which sends protobuf, and apply."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Kubectl = Callable[..., str]


@pytest.fixture(scope="module")
def kubectl(keep_sim: Callable[..., Any], tmp_path_factory: Any) -> Iterator[Kubectl]:
    sim = keep_sim("--time-scale", "0", "--scenario", "empty")
    cache = tmp_path_factory.mktemp("cache")
    config = sim.ready["clusters"]["blue"]["kubeconfig"]

    def run(line: str, stdin: str = "", ok: bool = True) -> str:
        done = subprocess.run(
            ["kubectl", f"--kubeconfig={config}", f"--cache-dir={cache}", *line.split()],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode == 0) is ok, done.stderr
        return done.stdout if ok else done.stderr

    yield run


LINES = {
    "create namespace typed": "namespace/typed",
    "create configmap a --from-literal=x=y": "configmap/a",
    "create secret generic s --from-literal=p=q": "secret/s",
    "create serviceaccount robot": "serviceaccount/robot",
    "create deployment web --image=nginx --replicas=2 --port=80": "deployment.apps/web",
    "create service clusterip c --tcp=80:8080": "service/c",
    "create ingress i --rule=a.example.com/*=web:80": "ingress.networking.k8s.io/i",
    "create job j --image=busybox -- echo hi": "job.batch/j",
    "create cronjob cj --image=busybox --schedule=*/5***** -- echo": "",
    "create role r --verb=get --resource=pods": "role.rbac.authorization.k8s.io/r",
    "create rolebinding rb --role=r --serviceaccount=default:robot": "rolebinding",
    "create quota q --hard=pods=50": "resourcequota/q",
    "create poddisruptionbudget p --selector=app=web --min-available=50%": "poddisruptionbudget",
    "create priorityclass hi --value=5": "priorityclass",
    "autoscale deployment web --min=1 --max=5 --cpu-percent=50": "horizontalpodautoscaler",
}


def test_kubectl_create_of_everything(kubectl: Kubectl) -> None:
    for line, said in LINES.items():
        if said:
            assert said in kubectl(line), line
    assert json.loads(kubectl("get secret s -o json"))["data"] == {"p": "cQ=="}
    web = json.loads(kubectl("get deployment web -o json"))["spec"]
    assert (web["replicas"], web["template"]["spec"]["containers"][0]["image"]) == (2, "nginx")
    (condition,) = json.loads(kubectl("get pdb p -o json"))["status"]["conditions"]
    assert condition["message"] == "", "strict clients refuse a condition without one"
    assert "CPU(cores)" in kubectl("top nodes")
    rule = json.loads(kubectl("get ingress i -o json"))["spec"]["rules"][0]
    assert rule["http"]["paths"][0]["backend"]["service"] == {"name": "web", "port": {"number": 80}}
    budget = json.loads(kubectl("get pdb p -o json"))["spec"]
    assert budget["minAvailable"] == "50%"
    scaler = json.loads(kubectl("get hpa web -o json"))["spec"]
    assert scaler["metrics"][0]["resource"]["target"]["averageUtilization"] == 50
    assert kubectl("create token robot").startswith("gcpsim.")
    assert kubectl("auth can-i get pods").strip() == "yes"


def test_what_every_gke_cluster_has(kubectl: Kubectl) -> None:
    classes = kubectl("get storageclasses -o name").split()
    assert "storageclass.storage.k8s.io/standard-rwo" in classes
    assert "system-node-critical" in kubectl("get priorityclasses")
    assert "cluster-admin" in kubectl("get clusterroles")
    for kind in ("podmonitorings", "gateways", "networkendpointgroupbindings", "serviceexports"):
        kubectl(f"get {kind} -A")


ACCOUNT = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: cache}
secrets: [{name: cache-key}]
"""
WEBHOOK = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: hook}
webhooks:
- name: hook.example.com
  admissionReviewVersions: [v1]
  sideEffects: None
  clientConfig: {service: {name: hook, namespace: default}}
  rules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
"""
TWICE = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: dup, namespace: default}
spec:
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec:
      containers:
      - {name: c, image: i, ports: [{containerPort: 80}, {containerPort: 80}]}
"""


def test_applied_again_on_the_server(kubectl: Kubectl, tmp_path: Path) -> None:
    kubectl("apply -f -", ACCOUNT)
    kubectl("apply --server-side --force-conflicts -f -", ACCOUNT)
    assert json.loads(kubectl("get sa cache -o json"))["secrets"] == [{"name": "cache-key"}]
    assert "created" in kubectl("apply -f -", WEBHOOK)
    said = kubectl("apply --server-side -f -", TWICE, ok=False)
    assert "(default/dup; apps/v1, Kind=Deployment)" in said
    assert '.spec.template.spec.containers[name="c"].ports: duplicate entries' in said


LIST = """
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: one, namespace: default}, data: {a: b}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: two, namespace: default}, data: {a: b}}
"""


def test_a_list_is_applied(kubectl: Kubectl) -> None:
    """For which kubectl reads /openapi/v2, as protobuf and nothing else."""
    made = kubectl("apply -f -", LIST).splitlines()
    assert made == ["configmap/one created", "configmap/two created"]
    assert kubectl("apply -f -", LIST).count("unchanged") == 2
    swagger = json.loads(kubectl("get --raw /openapi/v2"))
    assert swagger["swagger"] == "2.0"
    path = swagger["paths"]["/api/v1/namespaces/{namespace}/configmaps/{name}"]["patch"]
    assert path["x-kubernetes-group-version-kind"]["kind"] == "ConfigMap"
    assert {"name": "fieldValidation", "in": "query", "type": "string"} in path["parameters"]
    assert "io.k8s.api.v1.ConfigMap" in swagger["definitions"]
