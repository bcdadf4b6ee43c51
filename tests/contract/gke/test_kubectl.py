"""An operator's session with the real kubectl: scale, roll out, undo, cordon, drain, expose."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Kubectl = Callable[..., str]


@pytest.fixture
def kubectl(keep_sim: Callable[..., Any], tmp_path: Path) -> Kubectl:
    """kubectl("get", "pods") on cluster blue of a running shop; time takes no time."""
    program = shutil.which("kubectl")
    if program is None:
        pytest.fail("kubectl is not installed: these tests run the real kubectl, put it in PATH")
    sim = keep_sim("--scenario", "greenfield", "--time-scale", "0", "--no-dataplane")
    sim.admin("POST", "reset")
    config = sim.ready["clusters"]["blue"]["kubeconfig"]
    env = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}

    def run(*arguments: str, fails: bool = False) -> str:
        command = [program, "--kubeconfig", config, "--cache-dir", str(tmp_path), *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=120, env=env, check=False
        )
        said = done.stdout + done.stderr
        assert (done.returncode != 0) == fails, f"kubectl {' '.join(arguments)}\n{said}"
        return said

    return run


def table(text: str) -> list[list[str]]:
    return [line.split() for line in text.strip().splitlines()[1:]]


def test_scale_roll_out_and_undo(kubectl: Kubectl) -> None:
    assert "deployment.apps/api scaled" in kubectl(
        "-n", "shop", "scale", "deploy/api", "--replicas=4"
    )
    kubectl("-n", "shop", "rollout", "status", "deploy/api", "--timeout=60s")
    pods = table(kubectl("-n", "shop", "get", "pods", "-l", "app=api"))
    assert [row[1:3] for row in pods] == [["1/1", "Running"]] * 4

    kubectl("-n", "shop", "set", "image", "deploy/api", "api=registry.example.com/shop/api:2")
    kubectl("-n", "shop", "rollout", "status", "deploy/api", "--timeout=60s")
    history = kubectl("-n", "shop", "rollout", "history", "deploy/api")
    assert [row[0] for row in table(history)[1:]] == ["1", "2"]
    kubectl("-n", "shop", "rollout", "undo", "deploy/api")
    kubectl("-n", "shop", "rollout", "status", "deploy/api", "--timeout=60s")
    image = kubectl("-n", "shop", "get", "deploy", "api", "-o", "jsonpath={..image}")
    assert image == "registry.example.com/shop/api:2026.11.1"
    history = kubectl("-n", "shop", "rollout", "history", "deploy/api")
    assert [row[0] for row in table(history)[1:]] == ["2", "3"]

    kubectl("-n", "shop", "rollout", "pause", "deploy/api")
    kubectl("-n", "shop", "set", "env", "deploy/api", "STAGE=two")
    sets = table(kubectl("-n", "shop", "get", "rs", "-l", "app=api"))
    assert len(sets) == 2
    kubectl("-n", "shop", "rollout", "resume", "deploy/api")
    kubectl("-n", "shop", "rollout", "restart", "deploy/api")
    kubectl("-n", "shop", "rollout", "status", "deploy/api", "--timeout=60s")
    kubectl("-n", "shop", "wait", "--for=condition=Available", "deploy/api", "--timeout=30s")


def test_cordon_and_drain_respect_the_budget(kubectl: Kubectl) -> None:
    busy = kubectl("-n", "shop", "get", "pods", "-l", "app=api", "-o", "jsonpath={..nodeName}")
    full, *others = busy.split()
    kubectl("cordon", full)
    assert "Ready,SchedulingDisabled" in kubectl("get", "node", full)
    said = kubectl("drain", full, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=100s")
    assert "evicting pod" in said and "drained" in said
    there = kubectl("get", "pods", "-A", "--field-selector", f"spec.nodeName={full}")
    assert "No resources found" in there
    assert "6/6" in kubectl("-n", "shop", "get", "deploy", "api")
    kubectl("uncordon", full)

    # A budget that allows nothing makes the drain wait.
    patch = '{"spec":{"maxUnavailable":0}}'
    kubectl("-n", "shop", "patch", "pdb", "api", "--type=merge", "-p", patch)
    said = kubectl(
        "drain", others[0], "--ignore-daemonsets", "--pod-selector=app=api", "--timeout=1s",
        fails=True,
    )  # fmt: skip
    assert "Cannot evict pod as it would violate the pod's disruption budget" in said


def test_expose_describe_and_delete(kubectl: Kubectl) -> None:
    wish = '{"exposed_ports":{"443":{"name":"shop-web"}}}'
    service = "svc/ingress-nginx-controller"
    kubectl(
        "-n", "ingress-nginx", "annotate", service, f"cloud.google.com/neg={wish}", "--overwrite"
    )
    kubectl(
        "-n", "ingress-nginx", "wait", "svcneg/shop-web", "--for=condition=Synced", "--timeout=30s"
    )
    obj = json.loads(kubectl("-n", "ingress-nginx", "get", "svcneg", "shop-web", "-o", "json"))
    assert len(obj["status"]["networkEndpointGroups"]) == 3
    said = kubectl("-n", "ingress-nginx", "describe", service)
    assert "Attach 2 network endpoint(s)" in said and "neg-status" in said
    wide = kubectl("get", "pods", "-A", "-o", "wide")
    assert "gke-blue-default-pool-" in wide
    kubectl("delete", "namespace", "ingress-nginx", "--timeout=60s")
    assert "NotFound" in kubectl("get", "namespace", "ingress-nginx", fails=True)


def test_a_service_of_a_new_cluster_is_marked_for_container_native_ingress(
    kubectl: Kubectl,
) -> None:
    annotation = kubectl(
        "-n", "shop", "get", "svc", "api", "-o", r"jsonpath={.metadata.annotations}"
    )
    assert json.loads(annotation) == {"cloud.google.com/neg": '{"ingress":true}'}
