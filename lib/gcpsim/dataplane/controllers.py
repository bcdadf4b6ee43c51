"""The ingress controllers of the clusters: their Ingress objects become routes of the farm.

Follows Ingresses, ConfigMaps, Secrets, Services, EndpointSlices and sockets; a cluster's routes are
made anew after a transaction that touched one of them, and ordered when they differ.
"""

import asyncio
import base64
from collections import defaultdict
from functools import partial
from typing import Any

from gcpsim.dataplane import entries, ingress
from gcpsim.dataplane.link import FarmLink
from gcpsim.dataplane.pods import Pods
from gcpsim.gke.certmanager import CertManager
from gcpsim.gke.ingress import is_nginx
from gcpsim.k8s.controllers.endpointslices import SERVICE
from gcpsim.k8s.controllers.objects import Obj, labels_of, split
from gcpsim.k8s.controllers.plane import Plane

FOLLOWED = ("ingresses", "ingressclasses", "configmaps", "secrets", "services", "endpointslices")
DEFAULT_CERTIFICATE = "--default-ssl-certificate="
TCP_SERVICES = "--tcp-services-configmap="
CONFIG = ("ingress-nginx", "ingress-nginx-controller")
Order = dict[str, Any]


class Controllers:
    """The routes of each cluster that has a controller."""

    def __init__(self, pods: Pods, link: FarmLink) -> None:
        self.pods, self.link = pods, link
        self._planes: dict[str, Plane] = {}
        self._sent: dict[str, Order] = {}
        self._certificates: defaultdict[str, dict[str, Order]] = defaultdict(dict)
        self._dirty: set[str] = set()
        pods.observers.append(lambda: self.mark(*self._planes))
        self._manners: dict[str, dict[str, Any]] = {}
        pods.extra_certificates = self.certificates_of
        pods.manners = lambda cluster: self._manners.get(cluster, {})
        link.restarted.append(self._order_everything)

    def follow(self, plane: Plane) -> None:
        name = plane.cluster.name
        self._planes[name] = plane
        for resource in FOLLOWED:
            plane.cluster.subscribe(resource, lambda event, obj, old: self.mark(name))
        plane.part(CertManager).challenged.append(partial(self.mark, name))
        self.mark(name)

    def mark(self, *clusters: str) -> None:
        """Look at the routes of clusters again once the transaction is over."""
        if not self._dirty:
            asyncio.get_running_loop().call_soon(self.flush)
        self._dirty.update(clusters)

    def certificates_of(self, cluster: str) -> list[str]:
        """The names of the certificates that a cluster's controllers serve."""
        return sorted(self._certificates[cluster])

    def flush(self) -> None:
        """Order the routes that have changed."""
        dirty, self._dirty = self._dirty, set()
        for cluster in sorted(dirty):
            self._look(self._planes[cluster])

    def _look(self, plane: Plane) -> None:
        name, cluster = plane.cluster.name, plane.cluster
        mine = [one for one in cluster.list("ingresses") if is_nginx(cluster, one)]
        self._look_at_certificates(plane, mine)
        upstreams: dict[str, Any] = {}
        config = (cluster.get("configmaps", *CONFIG) or {}).get("data") or {}
        manners = ingress.manners(config)
        if self._manners.get(name) != manners:
            self._manners[name] = manners
            self.pods.mark_controllers(name)
        slices: defaultdict[str, list[Obj]] = defaultdict(list)
        for piece in cluster.table("endpointslices").values() if mine else ():
            slices[f"{piece['metadata']['namespace']}/{labels_of(piece).get(SERVICE)}"].append(
                piece
            )
        upstream = partial(self._upstream, plane, slices, upstreams)
        made = ingress.routes(mine, config, upstream)
        made["streams"] = self._streams(plane, upstream)
        made["upstreams"] = dict(sorted(upstreams.items()))
        made["challenges"] = dict(sorted(plane.part(CertManager).challenges.items()))
        order = {"op": "routes", "key": name, "routes": made}
        if self._sent.get(name) != order:
            self._sent[name] = order
            self.link.send(order)

    def _upstream(
        self,
        plane: Plane,
        slices: dict[str, list[Obj]],
        upstreams: dict[str, Any],
        namespace: str,
        backend: Obj,
    ) -> str:
        """The name of a Service's port as an upstream, after entering its ready pods."""
        name, port = backend["name"], backend.get("port") or {}
        key = f"{namespace}/{name}:{port.get('number') or port.get('name')}"
        if key in upstreams:
            return key
        service = plane.cluster.get("services", namespace, name)
        chosen = next(
            (
                one
                for one in (service or {"spec": {}})["spec"].get("ports") or ()
                if port.get("number") == one["port"] or port.get("name", "") == one.get("name")
            ),
            None,
        )
        pieces = slices.get(f"{namespace}/{name}", [])
        upstreams[key] = self._ready(pieces, chosen) if chosen else []
        return key

    def _ready(self, pieces: list[Obj], port: Obj) -> list[Order]:
        found = []
        for piece in pieces:
            numbers = [
                int(one["port"])
                for one in piece.get("ports") or ()
                if (one.get("name") or "") == (port.get("name") or "")
            ]
            for endpoint in piece.get("endpoints") or () if numbers else ():
                if not endpoint["conditions"].get("ready"):
                    continue
                address = endpoint["addresses"][0]
                at = self.pods.at(address, numbers[0]) or self.pods.closed(address)
                if at is not None:
                    found.append({"name": endpoint["targetRef"]["name"], "host": at[0],
                                  "port": at[1]})  # fmt: skip
        return sorted(found, key=lambda one: str(one["name"]))

    def _look_at_certificates(self, plane: Plane, ingresses: list[Obj]) -> None:
        """Order the Secrets of the Ingresses, and have the controllers' pods use them."""
        cluster = plane.cluster.name
        wanted = {}
        hosts = ingress.certificates(ingresses)
        for secret in sorted({*hosts, *self._defaults(plane)}):
            data = (plane.cluster.get("secrets", *split(secret)) or {}).get("data") or {}
            if not data.get("tls.crt") or not data.get("tls.key"):
                continue  # such a host is served with the default certificate
            chain, private = (
                base64.b64decode(data[name]).decode("ascii", "replace")
                for name in ("tls.crt", "tls.key")
            )
            key = f"{cluster}/{secret}@ingress"
            wanted[key] = {"op": "certificate", "key": key, "chain": chain, "private": private,
                           "hosts": hosts.get(secret, [])}  # fmt: skip
        known = self._certificates[cluster]
        if wanted == known:
            return
        self._certificates[cluster] = wanted
        self.link.send(*[order for key, order in wanted.items() if known.get(key) != order])
        self.pods.mark_controllers(cluster)

    def _streams(self, plane: Plane, upstream: ingress.Upstream) -> dict[str, Order]:
        """The TCP services of the controllers' ConfigMaps, by port."""
        found: dict[str, Order] = {}
        for name in sorted(set(self._arguments(plane, TCP_SERVICES))):
            config = plane.cluster.get("configmaps", *split(name)) or {}
            for port, text in sorted((config.get("data") or {}).items()):
                service = ingress.tcp_service(text)
                if port.isdigit() and service is not None:
                    namespace, backend, more = service
                    found[port] = {"upstream": upstream(namespace, backend), **more}
        return found

    def _defaults(self, plane: Plane) -> list[str]:
        """The Secret of --default-ssl-certificate, of every controller."""
        return self._arguments(plane, DEFAULT_CERTIFICATE)

    def _arguments(self, plane: Plane, name: str) -> list[str]:
        """What the controllers' pods are given by an argument."""
        return [
            argument.removeprefix(name).replace("$(POD_NAMESPACE)", CONFIG[0])
            for pod in plane.pods.in_namespace(CONFIG[0])
            if entries.is_ingress_nginx(pod)
            for container in pod["spec"]["containers"]
            for argument in container.get("args") or ()
            if argument.startswith(name)
        ]

    def _order_everything(self) -> None:
        self._sent.clear()
        self._certificates.clear()
        self.mark(*self._planes)
