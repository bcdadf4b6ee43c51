"""The resource metrics of metrics.k8s.io, for `kubectl top`: what running pods and nodes use.

A pod uses the CPU that the stage direction `load` gives its workload, spread over the replicas, and
without a load next to none; its memory is half of what it asks for. A node uses what its pods use
and a little of its own. Nothing is measured: there are no processes.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from gcpsim.k8s.api.call import Call
from gcpsim.k8s.api.form import JSON
from gcpsim.k8s.objects.cluster import Cluster
from gcpsim.k8s.types import status
from gcpsim.k8s.types.quantity import amount
from gcpsim.k8s.types.registry import Resource
from gcpsim.k8s.types.selectors import label_test

Doc = dict[str, Any]
Use = tuple[Fraction, Fraction]  # of cores, of bytes
GROUP, VERSION = "metrics.k8s.io", "v1beta1"
READ = ("get", "list")
RESOURCES = (
    Resource(GROUP, VERSION, "nodes", "NodeMetrics", namespaced=False, verbs=READ),
    Resource(GROUP, VERSION, "pods", "PodMetrics", verbs=READ),
)
WINDOW = 30  # seconds, as GKE's metrics-server
IDLE_CPU, IDLE_MEMORY = Fraction(1, 1000), Fraction(16 << 20)
NODE_CPU, NODE_MEMORY = Fraction(60, 1000), Fraction(700 << 20)
OWNERS = {
    "Deployment": "deployments",
    "ReplicaSet": "replicasets",
    "ReplicationController": "replicationcontrollers",
    "StatefulSet": "statefulsets",
}


def respond(cluster: Cluster, call: Call) -> tuple[int, Any, str]:
    """Answer a get or list of pods' or nodes' metrics."""
    known = call.version == VERSION and call.plural in ("pods", "nodes")
    if not known or call.subresource:
        raise status.no_such_path()
    if call.method not in ("GET", "HEAD") or call.watch:
        raise status.method_not_allowed()
    make: Callable[[Cluster, Doc], Doc] = _pod if call.plural == "pods" else _node
    if call.name:
        resource = cluster.resource(call.plural)
        return 200, make(cluster, cluster.require(resource, call.namespace, call.name)), JSON
    test = label_test(call.query.get("labelSelector"))
    found = cluster.list(call.plural, call.namespace or None)
    chosen = [obj for obj in found if test is None or test(obj)]
    if call.plural == "pods":
        chosen = [pod for pod in chosen if _running(pod)]
    body: Doc = {
        "kind": "PodMetricsList" if call.plural == "pods" else "NodeMetricsList",
        "apiVersion": f"{GROUP}/{VERSION}",
        "metadata": {},
        "items": [make(cluster, obj) for obj in chosen],
    }
    return 200, body, JSON


def _running(pod: Doc) -> bool:
    return (pod.get("status") or {}).get("phase") == "Running"


def _head(cluster: Cluster, kind: str, obj: Doc) -> Doc:
    kept = ("name", "namespace", "labels")
    metadata = {name: obj["metadata"][name] for name in kept if name in obj["metadata"]}
    return {
        "kind": kind,
        "apiVersion": f"{GROUP}/{VERSION}",
        "metadata": {**metadata, "creationTimestamp": cluster.now()},
        "timestamp": cluster.now(),
        "window": f"{WINDOW}s",
    }


def _pod(cluster: Cluster, pod: Doc) -> Doc:
    share = _load(cluster, pod)
    uses = [
        {"name": container["name"], "usage": _printed(_use(container, share))}
        for container in pod["spec"]["containers"]
    ]
    return {**_head(cluster, "PodMetrics", pod), "containers": uses}


def _node(cluster: Cluster, node: Doc) -> Doc:
    cpu, memory = NODE_CPU, NODE_MEMORY
    for pod in cluster.list("pods"):
        if pod["spec"].get("nodeName") == node["metadata"]["name"] and _running(pod):
            share = _load(cluster, pod)
            for container in pod["spec"]["containers"]:
                more = _use(container, share)
                cpu, memory = cpu + more[0], memory + more[1]
    return {**_head(cluster, "NodeMetrics", node), "usage": _printed((cpu, memory))}


def _use(container: Doc, share: Fraction) -> Use:
    asked = (container.get("resources") or {}).get("requests") or {}
    cpu = max(IDLE_CPU, amount(asked.get("cpu", "0")) * share)
    return cpu, max(IDLE_MEMORY, amount(asked.get("memory", "0")) / 2)


def _load(cluster: Cluster, pod: Doc) -> Fraction:
    """The part of its CPU request that a pod uses by the load of its workload."""
    loads = cluster.store.table("k8s/loads")
    namespace, obj = pod["metadata"]["namespace"], pod
    while True:
        references = obj["metadata"].get("ownerReferences") or ()
        owner = next((found for found in references if found.get("controller")), None)
        if owner is None or owner["kind"] not in OWNERS:
            return Fraction(0)
        found = cluster.get(OWNERS[owner["kind"]], namespace, owner["name"])
        if found is None or found["metadata"]["uid"] != owner["uid"]:
            return Fraction(0)
        load = loads.get(f"{cluster.name}/{owner['kind']}/{namespace}/{owner['name']}")
        if load:
            replicas = max(1, int(found["spec"].get("replicas", 1)))
            return Fraction(load["cpu"]) / 100 / replicas
        obj = found


def _printed(use: Use) -> Doc:
    return {"cpu": f"{int(use[0] * 10**9)}n", "memory": f"{int(use[1]) // 1024}Ki"}
