"""Objects that the tests create, as plain dicts."""

from typing import Any

Doc = dict[str, Any]


def pod(name: str, labels: Doc | None = None, **spec: Any) -> Doc:
    containers = [{"name": "web", "image": "nginx:1.27", "ports": [{"containerPort": 8080}]}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "labels": labels or {"app": name}},
        "spec": {"containers": containers, **spec},
    }


def deployment(name: str, replicas: int = 2) -> Doc:
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default", "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod(name)["spec"]},
        },
    }


def service(name: str, **spec: Any) -> Doc:
    ports = [{"name": "https", "port": 443, "targetPort": 8080}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"selector": {"app": name}, "ports": ports, **spec},
    }


def configmap(name: str, **data: str) -> Doc:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default"},
        "data": data,
    }


def svcneg(name: str) -> Doc:
    return {
        "apiVersion": "networking.gke.io/v1beta1",
        "kind": "ServiceNetworkEndpointGroup",
        "metadata": {
            "name": name,
            "namespace": "default",
            "finalizers": ["networking.gke.io/neg-finalizer"],
            "labels": {"networking.gke.io/service-name": "web"},
        },
        "spec": {},
    }


def running(obj: Doc, node: str = "node-1") -> Doc:
    """The status that a kubelet would report for a pod."""
    started = "2026-09-21T14:13:20Z"
    statuses = [
        {
            "name": container["name"],
            "image": container["image"],
            "imageID": "sha256:0",
            "ready": True,
            "started": True,
            "restartCount": 0,
            "state": {"running": {"startedAt": started}},
        }
        for container in obj["spec"]["containers"]
    ]
    conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": started}]
    status = {
        "phase": "Running",
        "podIP": "10.0.0.9",
        "podIPs": [{"ip": "10.0.0.9"}],
        "conditions": conditions,
        "containerStatuses": statuses,
    }
    return {**obj, "spec": {**obj["spec"], "nodeName": node}, "status": status}
