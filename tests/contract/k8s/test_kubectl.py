"""The cluster's API through the real kubectl, the way an operator works with it."""

import json
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
import yaml
from cluster_objects import configmap, deployment, pod, running, service, svcneg
from served import Api

Kubectl = Callable[..., subprocess.CompletedProcess[str]]
Running = Callable[..., AbstractContextManager["subprocess.Popen[str]"]]

NEG = "cloud.google.com/neg"


def manifest(*objects: object) -> str:
    return yaml.safe_dump_all(objects)


def rows(kubectl: Kubectl, *arguments: str) -> list[list[str]]:
    """A printed table as lists of words; kubectl leaves two or more spaces between columns."""
    lines = kubectl(*arguments).stdout.splitlines()
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines]


def test_apply_annotate_label_patch_and_edit_a_service(kubectl: Kubectl) -> None:
    text = manifest(service("web"), deployment("web"))
    said = kubectl("apply", "-f", "-", stdin=text).stdout
    assert said == "service/web created\ndeployment.apps/web created\n"
    said = kubectl("apply", "-f", "-", stdin=text).stdout
    assert said == "service/web unchanged\ndeployment.apps/web unchanged\n"
    grammar = '{"exposed_ports":{"443":{"name":"neg"}}}'
    kubectl("annotate", "service", "web", f"{NEG}={grammar}")
    kubectl("annotate", "service", "web", f"{NEG}=other", fails=True)
    kubectl("label", "service", "web", "team=edge")
    kubectl("patch", "svc", "web", "-p", '{"spec":{"ports":[{"port":443,"targetPort":9}]}}')
    changed = service("web", ports=[{"name": "https", "port": 443, "targetPort": 8443}])
    assert "configured" in kubectl("apply", "-f", "-", stdin=manifest(changed)).stdout
    live = json.loads(kubectl("get", "svc", "web", "-o", "json").stdout)
    assert live["metadata"]["labels"] == {"team": "edge"}
    assert live["metadata"]["annotations"][NEG] == grammar
    assert [port["targetPort"] for port in live["spec"]["ports"]] == [8443]
    live["spec"]["selector"] = {"app": "green"}
    kubectl("replace", "-f", "-", stdin=json.dumps(live))
    stale = kubectl("replace", "-f", "-", stdin=json.dumps(live), fails=True)
    assert "the object has been modified" in stale.stderr
    kubectl("annotate", "svc", "web", f"{NEG}-")
    live = json.loads(kubectl("get", "svc", "web", "-o", "json").stdout)
    assert (live["spec"]["selector"], NEG in live["metadata"]["annotations"]) == (
        {"app": "green"},
        False,
    )


def test_a_pod_is_applied_again_by_client_and_by_server(kubectl: Kubectl) -> None:
    """What admission added (account, priority, tolerations) is nobody's to take away."""
    spot = {"key": "pool", "operator": "Equal", "value": "batch", "effect": "NoSchedule"}
    text = manifest(pod("probe", tolerations=[spot]))
    kubectl("apply", "-f", "-", stdin=text)
    before = json.loads(kubectl("get", "pod", "probe", "-o", "json").stdout)["spec"]
    again = (
        ("apply",),
        ("apply", "--server-side", "--force-conflicts"),
        ("apply", "--server-side"),
    )
    for words in again:
        kubectl(*words, "-f", "-", stdin=text)
        found = json.loads(kubectl("get", "pod", "probe", "-o", "json").stdout)["spec"]
        assert found == before, words
    moved = manifest(pod("probe", tolerations=[spot], serviceAccountName="other"))
    said = kubectl("apply", "--server-side", "-f", "-", stdin=moved, fails=True).stderr
    assert "pod updates may not change fields" in said


@pytest.mark.parametrize("version", ["1.30.14", "1.31.9", "1.32.4", "1.33.5"])
def test_each_supported_version(kubectl: Kubectl, version: str) -> None:
    """Google's kubectl runs the client that fits the server's version, so this tries several."""
    assert f"Server Version: v{version}" in kubectl("version").stdout
    text = manifest(service("web"), deployment("web"))
    for _ in range(2):
        kubectl("apply", "-f", "-", stdin=text)
    kubectl("annotate", "service", "web", "a=b")
    kubectl("label", "service", "web", "a=b")
    kubectl("scale", "deployment", "web", "--replicas=3")
    kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=text)
    kubectl("describe", "service,deployment", "web")
    assert rows(kubectl, "get", "deploy", "web")[1][:2] == ["web", "0/2"]
    kubectl("get", "cm", "-A", "--chunk-size=2")
    kubectl("delete", "-f", "-", stdin=text)


def test_edit_replace_and_json_patch(kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch) -> None:
    labelled = configmap("c", owner="team-a")
    kubectl("create", "--save-config", "-f", "-", stdin=manifest(labelled))
    assert (
        "AlreadyExists" in kubectl("create", "-f", "-", stdin=manifest(labelled), fails=True).stderr
    )
    monkeypatch.setenv("KUBE_EDITOR", "sed -i s/team-a/team-b/")
    kubectl("edit", "configmap", "c")
    owner = ("get", "cm", "c", "-o", "jsonpath={.data.owner}")
    assert kubectl(*owner).stdout == "team-b"
    patch = (
        '[{"op":"test","path":"/data/owner","value":"team-b"},{"op":"remove","path":"/data/owner"}]'
    )
    kubectl("patch", "cm", "c", "--type=json", "-p", patch)
    assert kubectl(*owner).stdout == ""
    assert (
        "the server rejected our request"
        in kubectl("patch", "cm", "c", "--type=json", "-p", patch, fails=True).stderr
    )
    kubectl("replace", "--force", "-f", "-", stdin=manifest(labelled))
    assert kubectl(*owner).stdout == "team-a"
    assert "team-a" in kubectl("create", "-f", "-", "--dry-run=server", "-o", "yaml",
                               stdin=manifest(configmap("d", owner="team-a"))).stdout  # fmt: skip
    generated = configmap("")
    generated["metadata"] = {"generateName": "made-"}
    assert "configmap/made-" in kubectl("create", "-f", "-", stdin=manifest(generated)).stdout


def test_apply_keeps_what_others_set_and_removes_what_it_no_longer_says(kubectl: Kubectl) -> None:
    first = deployment("web")
    kubectl("apply", "-f", "-", stdin=manifest(first))
    kubectl("scale", "deployment", "web", "--replicas=7")
    kubectl("set", "image", "deployment/web", "web=nginx:2")
    second = deployment("web")
    del second["spec"]["replicas"]
    container = second["spec"]["template"]["spec"]["containers"][0]
    del container["ports"]
    container["env"] = [{"name": "A", "value": "1"}]
    kubectl("apply", "-f", "-", stdin=manifest(second))
    live = json.loads(kubectl("get", "deploy", "web", "-o", "json").stdout)
    container = live["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "nginx:1.27"
    assert container["env"] == [{"name": "A", "value": "1"}]
    assert "ports" not in container
    assert live["spec"]["replicas"] == 1


def test_get_prints_the_columns_of_a_real_cluster(api: Api, kubectl: Kubectl) -> None:
    made = api.cluster.create("pods", pod("p", {"app": "web"}))
    made = api.cluster.update("pods", running(made))
    api.cluster.update("pods", {**made, "status": running(made)["status"]}, "status")
    api.cluster.create("services", service("web", type="LoadBalancer"))
    api.cluster.create("deployments", deployment("web"))
    api.world.clock.advance(125)
    assert rows(kubectl, "get", "pods") == [
        ["NAME", "READY", "STATUS", "RESTARTS", "AGE"],
        ["p", "1/1", "Running", "0", "2m5s"],
    ]
    wide = rows(kubectl, "get", "pods", "-o", "wide")
    assert wide[0][5:] == ["IP", "NODE", "NOMINATED NODE", "READINESS GATES"]
    assert wide[1][5:] == ["10.0.0.9", "node-1", "<none>", "<none>"]
    services = rows(kubectl, "get", "svc")
    assert services[0] == ["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE"]
    assert services[2] == ["web", "LoadBalancer", "34.118.224.16", "<pending>", "443:30000/TCP",
                           "2m5s"]  # fmt: skip
    assert rows(kubectl, "get", "deploy")[1] == ["web", "0/2", "0", "0", "2m5s"]
    assert rows(kubectl, "get", "ns")[1] == ["default", "Active", "2m5s"]
    assert rows(kubectl, "get", "pods", "-L", "app", "--no-headers") == [
        ["p", "1/1", "Running", "0", "2m5s", "web"]
    ]


def test_custom_objects_by_short_name(api: Api, kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=manifest(svcneg("neg")))
    assert rows(kubectl, "get", "svcneg") == [["NAME", "AGE"], ["neg", "0s"]]
    issuer = {"apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer",
              "metadata": {"name": "letsencrypt"},
              "spec": {"acme": {"email": "a@example.com"}}}  # fmt: skip
    kubectl("apply", "-f", "-", stdin=manifest(issuer))
    kubectl("patch", "clusterissuer", "letsencrypt", "--type=merge", "--subresource=status", "-p",
            '{"status":{"conditions":[{"type":"Ready","status":"True",'
            '"message":"ok"}]}}')  # fmt: skip
    kubectl("wait", "--for=condition=Ready", "clusterissuer/letsencrypt", "--timeout=10s")
    assert rows(kubectl, "get", "clusterissuers", "-o", "wide") == [
        ["NAME", "READY", "STATUS", "AGE"],
        ["letsencrypt", "True", "ok", "0s"],
    ]
    described = kubectl("describe", "svcneg", "neg").stdout
    assert "networking.gke.io/service-name=web" in described
    kubectl("delete", "svcneg", "neg", "--wait=false")
    assert api.cluster.get("servicenetworkendpointgroups", "default", "neg") is not None


def test_wait_sees_a_condition_come_and_an_object_go(api: Api, kubectl_running: Running) -> None:
    made = api.cluster.create("pods", pod("p"))
    limit = "--timeout=50s"
    with kubectl_running("wait", "--for=condition=Ready", "pod/p", limit) as program:
        api.cluster.update("pods", {**made, "status": running(made)["status"]}, "status")
        assert program.communicate()[0] == "pod/p condition met\n"
    with kubectl_running("wait", "--for=delete", "pod/p", limit) as program:
        api.cluster.delete("pods", "default", "p", grace_seconds=0)
        program.communicate()
        assert program.returncode == 0


def test_scale_rollout_cordon_and_delete(api: Api, kubectl: Kubectl) -> None:
    node = {"metadata": {"name": "node-1"}, "status": {
        "conditions": [{"type": "Ready", "status": "True"}],
        "nodeInfo": {"kubeletVersion": "v1.33.5"}}}  # fmt: skip
    api.cluster.create("nodes", node)
    assert rows(kubectl, "get", "nodes")[1] == ["node-1", "Ready", "<none>", "0s", "v1.33.5"]
    kubectl("cordon", "node-1")
    assert rows(kubectl, "get", "nodes")[1][1] == "Ready,SchedulingDisabled"
    kubectl("uncordon", "node-1")
    kubectl("taint", "node", "node-1", "a=b:NoSchedule")
    api.cluster.create("deployments", deployment("web", 3))
    kubectl("scale", "deploy/web", "--current-replicas=3", "--replicas=2")
    kubectl("rollout", "restart", "deploy/web")
    live = api.cluster.get("deployments", "default", "web")
    assert live is not None
    annotations = live["spec"]["template"]["metadata"]["annotations"]
    assert "kubectl.kubernetes.io/restartedAt" in annotations
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 2)
    status = {**counts, "observedGeneration": live["metadata"]["generation"]}
    api.cluster.update("deployments", {**live, "status": status}, "status")
    said = kubectl("rollout", "status", "deploy/web", "--timeout=10s").stdout
    assert said == 'deployment "web" successfully rolled out\n'
    assert kubectl("delete", "deploy", "web").stdout == 'deployment.apps "web" deleted\n'
    assert "NotFound" in kubectl("get", "deploy", "web", fails=True).stderr


def test_server_side_apply_and_its_conflicts(kubectl: Kubectl) -> None:
    one = manifest(configmap("c", a="1"))
    kubectl("apply", "--server-side", "-f", "-", stdin=one)
    kubectl("patch", "cm", "c", "--type=merge", "-p", '{"data":{"a":"2"}}')
    said = kubectl("apply", "--server-side", "-f", "-", stdin=one, fails=True).stderr
    assert 'conflict with "kubectl-patch" using v1: .data.a' in said.replace("\n", " ") or (
        'conflict with "kubectl-patch" using v1' in said and ".data.a" in said
    )
    kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=one)
    assert kubectl("get", "cm", "c", "-o", "jsonpath={.data.a}").stdout == "1"
    diff = kubectl("diff", "--server-side", "-f", "-", stdin=one)
    assert diff.stdout == ""


def test_client_side_apply_migrates_to_server_side(kubectl: Kubectl) -> None:
    both = manifest(configmap("c", a="1", b="2"))
    kubectl("apply", "-f", "-", stdin=both)
    kubectl("apply", "--server-side", "-f", "-", stdin=both)
    kubectl("apply", "--server-side", "-f", "-", stdin=manifest(configmap("c", b="2")))
    assert kubectl("get", "cm", "c", "-o", "jsonpath={.data}").stdout == '{"b":"2"}'


@pytest.mark.parametrize("server_side", [False, True])
def test_a_typing_error_is_refused_with_its_path(kubectl: Kubectl, server_side: bool) -> None:
    wrong = deployment("web")
    wrong["spec"]["replcas"] = 3
    options = ["--server-side"] if server_side else []
    said = kubectl("apply", *options, "-f", "-", stdin=manifest(wrong), fails=True).stderr
    assert "spec.replcas" in said


def test_dry_run_and_diff_change_nothing(api: Api, kubectl: Kubectl) -> None:
    before = api.cluster.resource_version()
    text = manifest(deployment("web"))
    said = kubectl("apply", "--dry-run=server", "-f", "-", stdin=text).stdout
    assert said == "deployment.apps/web created (server dry run)\n"
    assert "+  name: web" in kubectl("diff", "-f", "-", stdin=text, fails=True).stdout
    assert api.cluster.resource_version() == before


def test_describe_every_kind(api: Api, kubectl: Kubectl) -> None:
    cluster = api.cluster
    made = cluster.create("pods", pod("web"))
    cluster.update("pods", {**made, "status": running(made)["status"]}, "status")
    for key, obj in {
        "deployments": deployment("web"),
        "services": service("web"),
        "configmaps": configmap("web", a="1"),
        "servicenetworkendpointgroups": svcneg("web"),
        "secrets": {"metadata": {"name": "web"}, "stringData": {"a": "b"}},
        "ingresses": {"metadata": {"name": "web"}, "spec": {"rules": [
            {"host": "a.example.com", "http": {"paths": [{"path": "/", "pathType": "Prefix",
             "backend": {"service": {"name": "web", "port": {"number": 443}}}}]}}]}},
        "poddisruptionbudgets": {"metadata": {"name": "web"}, "spec": {
            "maxUnavailable": "10%", "selector": {"matchLabels": {"app": "web"}}}},
        "endpointslices": {"metadata": {"name": "web",
                                        "labels": {"kubernetes.io/service-name": "web"}},
                           "addressType": "IPv4", "ports": [{"name": "https", "port": 8080}],
                           "endpoints": [{"addresses": ["10.0.0.9"],
                                          "conditions": {"ready": True}}]},
        "leases": {"metadata": {"name": "web"}, "spec": {"holderIdentity": "me"}},
        "horizontalpodautoscalers": {"metadata": {"name": "web"}, "spec": {"maxReplicas": 3,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}},
        "roles": {"metadata": {"name": "web"}, "rules": [
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]},
        "networkpolicies": {"metadata": {"name": "web"}, "spec": {"podSelector": {}}},
        "statefulsets": deployment("web"),
        "replicasets": deployment("web"),
        "daemonsets": {**deployment("web"), "spec": {
            k: v for k, v in deployment("web")["spec"].items() if k != "replicas"}},
        "certificates": {"metadata": {"name": "web"}, "spec": {
            "secretName": "web", "issuerRef": {"name": "letsencrypt"}}},
    }.items():  # fmt: skip
        cluster.create(key, obj)
        cluster.event(cluster.list(key, "default", fields="metadata.name=web")[0],
                      "Warning", "Testing", f"about the {key}", "tester")  # fmt: skip
        said = kubectl("describe", key, "web").stdout
        assert said.startswith("Name:"), said
        if key not in ("configmaps", "secrets", "roles", "networkpolicies"):
            assert f"about the {key}" in said, said
    assert "10.0.0.9:8080" in kubectl("describe", "svc", "web").stdout
    described = kubectl("describe", "pod", "web").stdout
    assert "Image:          nginx:1.27" in described
    assert "node.kubernetes.io/not-ready:NoExecute op=Exists for 300s" in described
    kubectl("describe", "ns", "default")
    kubectl("describe", "crd", "certificates.cert-manager.io")
    events = rows(kubectl, "get", "events")
    assert events[0] == ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    assert len(events) == 17


def test_everything_can_be_listed(kubectl: Kubectl) -> None:
    names = kubectl("api-resources", "--verbs=list", "-o", "name").stdout.split()
    assert "servicenetworkendpointgroups.networking.gke.io" in names
    assert len(names) > 40
    kubectl("get", ",".join(names), "--all-namespaces", "--ignore-not-found")
    kubectl("get", "all", "-A")
    kubectl("explain", "pod.spec.readinessGates")
    kubectl("explain", "svcneg.status", "--api-version=networking.gke.io/v1beta1")
    kubectl("cluster-info")
    assert kubectl("auth", "can-i", "delete", "pods").stdout == "yes\n"
    assert "gcpsim" in kubectl("auth", "whoami").stdout


WIDGETS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wg"]},
        "versions": [
            {
                "name": version,
                "served": True,
                "storage": version == "v1",
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {"size": {"type": "integer", "default": 1}},
                            }
                        },
                    }
                },
                "subresources": {
                    "scale": {
                        "specReplicasPath": ".spec.size",
                        "statusReplicasPath": ".status.size",
                    }
                },
                "additionalPrinterColumns": [
                    {"name": "Size", "type": "integer", "jsonPath": ".spec.size"}
                ],
            }
            for version in ("v1", "v1beta1")
        ],
    },
}


def test_a_kind_of_ones_own(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=manifest(WIDGETS))
    kubectl("wait", "--for=condition=Established", "crd/widgets.example.com", "--timeout=10s")
    widget = {"apiVersion": "example.com/v1beta1", "kind": "Widget", "metadata": {"name": "w"}}
    kubectl("apply", "-f", "-", stdin=manifest({**widget, "spec": {"size": 3}}))
    assert rows(kubectl, "get", "wg") == [["NAME", "SIZE"], ["w", "3"]]
    old = json.loads(kubectl("get", "widgets.v1beta1.example.com", "w", "-o", "json").stdout)
    assert old["apiVersion"] == "example.com/v1beta1"
    kubectl("scale", "--replicas=5", "widget/w")
    assert rows(kubectl, "get", "wg")[1] == ["w", "5"]
    wrong = {**widget, "spec": {"size": "big"}}
    said = kubectl("apply", "-f", "-", stdin=manifest(wrong), fails=True).stderr
    assert "spec.size" in said
    assert "integer" in said
    kubectl("delete", "crd", "widgets.example.com")
    kubectl("get", "widgets.v1.example.com", fails=True)


def test_what_is_not_simulated_says_so(api: Api, kubectl: Kubectl) -> None:
    made = api.cluster.create("pods", pod("p"))
    api.cluster.update("pods", {**made, "status": running(made)["status"]}, "status")
    assert "container web started" in kubectl("logs", "p").stdout
    assert "not simulated" in kubectl("exec", "p", "--", "ls", fails=True).stderr
    assert "namespace/shop created" in kubectl("create", "namespace", "shop").stdout


def test_get_with_watch_prints_changes(api: Api, kubectl_running: Running) -> None:
    api.cluster.create("configmaps", configmap("a"))
    one = ("--field-selector", "metadata.name=a")
    options = ("-w", "--no-headers", "--output-watch-events")
    with kubectl_running("get", "cm", *one, *options) as program:
        assert program.stdout is not None
        assert program.stdout.readline().split() == ["ADDED", "a", "0", "0s"]
        api.cluster.patch("configmaps", "default", "a", {"data": {"k": "v"}})
        assert program.stdout.readline().split() == ["MODIFIED", "a", "1", "0s"]
        api.cluster.delete("configmaps", "default", "a")
        assert program.stdout.readline().split() == ["DELETED", "a", "1", "0s"]
