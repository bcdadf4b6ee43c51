"""Who answers at an address inside the VPC: pods on live nodes, and kube-proxy on the nodes.

This is what health checks and the data plane ask. Readiness gates don't count here: a pod listens
as soon as its containers are ready.
"""

from collections.abc import Iterable

from gcpsim.core import behaviour
from gcpsim.core.pages import has_page
from gcpsim.k8s.controllers.containers import listens, pages
from gcpsim.k8s.controllers.endpointslices import target_port
from gcpsim.k8s.controllers.objects import Obj, annotations_of, deleting, is_true, labels_of
from gcpsim.k8s.controllers.plane import Plane

OK, REFUSED, TIMEOUT, UNAVAILABLE = "ok", "refused", "timeout", "http 503"
NOT_FOUND = "HTTP 404, not 200"
KUBE_PROXY_HEALTH = 10256
LEAVING = "ToBeDeletedByClusterAutoscaler"


def answer(planes: Iterable[Plane], ip: str, port: int, page: str = "") -> str:
    """`ok` when something listens there, `refused` when only the machine is there, or `timeout`.

    A health check by HTTP asks for a `page`, which the pod may not have.
    """
    everywhere = list(planes)
    for plane in everywhere:
        pod = plane.pods.with_ip(ip)
        if pod is not None:
            return _pod_answer(plane, pod, port, page)
    for plane in everywhere:
        node = _node_with_ip(plane, ip)
        if node is not None:
            return _node_answer(plane, node, port)
    return TIMEOUT


def _pod_answer(plane: Plane, pod: Obj, port: int, page: str) -> str:
    node = plane.cluster.get("nodes", "", pod["spec"].get("nodeName", ""))
    if not plane.node_is_live(node):
        return TIMEOUT
    if not is_true(pod, "ContainersReady"):
        return REFUSED
    services = plane.cluster.list("services", pod["metadata"]["namespace"])
    if port not in listening(pod, services):
        return REFUSED
    mood = behaviour.read(annotations_of(pod))
    known = () if mood.paths else pages(pod["spec"]).get(port, ())
    found = not page or (mood.knows(page.partition("?")[0]) and has_page(known, page))
    return OK if found else NOT_FOUND


def listening(pod: Obj, services: Iterable[Obj]) -> set[int]:
    """The ports on which a pod's processes listen: declared, probed, and numeric targetPorts.

    What a container declares is information only; a Service that leads to a port by its number
    means a process that listens there.
    """
    found = set(listens(pod["spec"]))
    labels = labels_of(pod).items()
    for service in services:
        selector = service["spec"].get("selector")
        if not selector or not selector.items() <= labels:
            continue
        for port in service["spec"].get("ports") or ():
            number = target_port(port, pod)
            if number is not None and port.get("protocol", "TCP") == "TCP":
                found.add(number)
    return found


def _node_with_ip(plane: Plane, ip: str) -> Obj | None:
    for node in plane.cluster.table("nodes").values():
        for address in (node.get("status") or {}).get("addresses") or ():
            if address["type"] == "InternalIP" and address["address"] == ip:
                return node
    return None


def _node_answer(plane: Plane, node: Obj, port: int) -> str:
    """Node ports of Services with a ready endpoint, and kube-proxy's health port."""
    if not plane.node_is_live(node):
        return TIMEOUT
    if port == KUBE_PROXY_HEALTH:
        # Cordoning alone does not lead traffic away; a node that is to be removed says so itself.
        taints = node["spec"].get("taints") or ()
        leaving = any(taint["key"] == LEAVING for taint in taints)
        return UNAVAILABLE if leaving else OK
    for service in plane.cluster.table("services").values():
        spec = service["spec"]
        if port == spec.get("healthCheckNodePort"):
            local = _ready_on(plane, service, node["metadata"]["name"])
            return OK if local else UNAVAILABLE
        if any(p.get("nodePort") == port for p in spec.get("ports") or ()):
            return OK if _ready_on(plane, service, None) else REFUSED
    return REFUSED


def _ready_on(plane: Plane, service: Obj, node: str | None) -> bool:
    """Whether a pod of the Service is ready, on one node or anywhere."""
    selector = (service["spec"].get("selector") or {}).items()
    for pod in plane.pods.in_namespace(service["metadata"]["namespace"]):
        if selector and selector <= labels_of(pod).items() and is_true(pod, "Ready"):
            if deleting(pod) or (node is not None and pod["spec"].get("nodeName") != node):
                continue
            return True
    return False


def follow(plane: Plane) -> None:
    """Tell the load balancers' health checks when a pod starts or stops answering."""

    def changed(event: str, pod: Obj, old: Obj | None) -> None:
        before = is_true(old, "ContainersReady") if old else False
        now = event != "DELETED" and is_true(pod, "ContainersReady")
        if before != now:
            mark(plane, pod)

    plane.cluster.subscribe("pods", changed)


def mark(plane: Plane, pod: Obj) -> None:
    """Have the NEGs that hold this pod's address looked at again, whoever keeps them."""
    ip = (pod.get("status") or {}).get("podIP")
    prefix = f"projects/{plane.cluster.project}/zones/"
    groups = [
        path
        for path, doc in plane.world.store.table("compute/endpoints").items()
        if path.startswith(prefix)
        and any(endpoint.get("ipAddress") == ip for endpoint in doc["endpoints"])
    ]
    if ip and groups:
        plane.world.compute.look_again(groups)
