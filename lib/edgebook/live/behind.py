"""Pods that ingress-nginx asks for the hosts of a front door: one hop further than its NEGs lead.

Read from a cluster's Ingresses, IngressClasses, Services and pods. An Ingress without a host
answers for all of them, one without a class is anybody's.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from edgebook.live.legacy import INGRESSES
from edgebook.live.reader import Reader
from edgebook.model.hostnames import overlapping

CLASSES = "apis/networking.k8s.io/v1/ingressclasses"
CONTROLLER = "k8s.io/ingress-nginx"
OLD_CLASS = "kubernetes.io/ingress.class"  # the annotation of before 1.18
Object = Mapping[str, Any]


def behind_nginx(
    reader: Reader, cluster: str, hostnames: Iterable[str]
) -> Iterator[tuple[str, str, list[Object]]]:
    """(namespace, Service, its pods) for every Service that an Ingress of NGINX's leads to; sorted.

    Raises AccessError, ApiError or ConnectError for a cluster that cannot be read.
    """
    classes = reader.objects(cluster, CLASSES, missing_ok=True)
    ingresses = reader.objects(cluster, INGRESSES, missing_ok=True)
    services = {
        (s["metadata"]["namespace"], s["metadata"]["name"]): (s.get("spec") or {}).get("selector")
        for s in reader.objects(cluster, "api/v1/services").result()
    }
    known = _classes(classes.result())
    led = {
        (item["metadata"]["namespace"], service)
        for item in _chosen(ingresses.result(), known, hostnames)
        for service in _services(item)
    }
    for namespace, service in sorted(led):
        selector = services.get((namespace, service)) or {}
        pods = reader.objects(cluster, f"api/v1/namespaces/{namespace}/pods").result()
        yield (
            namespace,
            service,
            [
                pod
                for pod in pods
                if selector
                and selector.items() <= (pod["metadata"].get("labels") or {}).items()
                and (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")
            ],
        )


def nginx_ingresses(reader: Reader, cluster: str, hostnames: Iterable[str]) -> list[Object]:
    """The Ingresses of NGINX's that concern these hosts.

    Raises AccessError, ApiError or ConnectError for a cluster that cannot be read.
    """
    classes = reader.objects(cluster, CLASSES, missing_ok=True)
    ingresses = reader.objects(cluster, INGRESSES, missing_ok=True)
    return list(_chosen(ingresses.result(), _classes(classes.result()), hostnames))


def _chosen(found: Iterable[Object], known: set[str], hostnames: Iterable[str]) -> Iterator[Object]:
    names = tuple(hostnames)
    return (item for item in found if _class(item) in known and _concerns(item, names))


def _classes(found: Sequence[Object]) -> set[str]:
    named = {
        str(item["metadata"]["name"])
        for item in found
        if (item.get("spec") or {}).get("controller") == CONTROLLER
    }
    return {"", *(named or {"nginx"})}


def _class(item: Object) -> str:
    named = (item.get("spec") or {}).get("ingressClassName")
    return str(named or (item["metadata"].get("annotations") or {}).get(OLD_CLASS) or "")


def _concerns(item: Object, hostnames: tuple[str, ...]) -> bool:
    rules = (item.get("spec") or {}).get("rules") or ()
    hosts = [str(rule.get("host") or "") for rule in rules]
    return not all(hosts) or not hosts or bool(overlapping(hosts, hostnames))


def _services(item: Object) -> Iterator[str]:
    spec = item.get("spec") or {}
    paths = [
        path.get("backend") or {}
        for rule in spec.get("rules") or ()
        for path in (rule.get("http") or {}).get("paths") or ()
    ]
    for backend in (spec.get("defaultBackend") or {}, *paths):
        if name := (backend.get("service") or {}).get("name"):
            yield str(name)
