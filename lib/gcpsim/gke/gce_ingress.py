"""GKE's own Ingress (class gce): an external Application Load Balancer of the classic scheme.

A backend service with its health check and NEGs for each Service port, a URL map, target proxies
and forwarding rules; names as ingress-gce gives them (k8s1-... for backends, k8s2-um-, -tp-, -ts-,
-fr-, -fs- for front ends). A static address, ManagedCertificates and the rest of the annotations
that matter for who owns what are followed; kubernetes.io/ingress.allow-http too.
"""

import hashlib

import orjson

from gcpsim.compute.engine.links import link
from gcpsim.gke import managed_certificate
from gcpsim.gke.building import Builder
from gcpsim.gke.neg import names
from gcpsim.gke.neg.annotation import KEY, NegError, parse
from gcpsim.gke.neg.controller import NegController
from gcpsim.gke.parts import Part
from gcpsim.k8s.controllers.objects import (
    Obj,
    annotations_of,
    deleting,
    key_of,
    split,
    with_annotations,
    with_meta,
)
from gcpsim.k8s.controllers.plane import Plane

CLASS = "kubernetes.io/ingress.class"
STATIC_IP = "kubernetes.io/ingress.global-static-ip-name"
ALLOW_HTTP = "kubernetes.io/ingress.allow-http"
MANAGED = "networking.gke.io/managed-certificates"
PRE_SHARED = "ingress.gcp.kubernetes.io/pre-shared-cert"
FINALIZER = "networking.gke.io/ingress-finalizer-V2"
COMPONENT = "loadbalancer-controller"
RETRY = 15.0
Backend = tuple[str, int]  # Service, port


class GceIngress:
    """Keeps the load balancers of one cluster's Ingresses of class gce."""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.cluster = plane.cluster
        self.worker = plane.worker("gke.service.lag", self.reconcile)
        self.builder = Builder(plane, self.worker.mark, self._failed)
        self.project = f"projects/{plane.cluster.project}"
        self.cluster.subscribe("ingresses", self._follow)
        self.cluster.subscribe("servicenetworkendpointgroups", self._follow_negs)
        neg = plane.part(NegController)
        neg.source.of_ingress = self.ports_of
        for ingress in self.cluster.list("ingresses"):
            self._follow("ADDED", ingress, None)

    def ports_of(self, service: Obj) -> set[int]:
        """The ports of a Service that an Ingress of this class leads to, by NEGs."""
        try:
            asked = parse(annotations_of(service).get(KEY) or "null").ingress
        except NegError:
            return set()
        meta = service["metadata"]
        found: set[int] = set()
        if not asked:
            return found
        for ingress in self.cluster.list("ingresses", meta["namespace"]):
            if is_gce(ingress) and not deleting(ingress):
                found |= {port for name, port in self._backends(ingress) if name == meta["name"]}
        return found

    def _follow(self, event: str, ingress: Obj, old: Obj | None) -> None:
        held = FINALIZER in (ingress["metadata"].get("finalizers") or ())
        if is_gce(ingress) or held:
            self.worker.mark(key_of(ingress))
            neg = self.plane.part(NegController)
            namespace = ingress["metadata"]["namespace"]
            for service in self.cluster.list("services", namespace):
                neg.worker.mark(key_of(service))

    def _follow_negs(self, event: str, obj: Obj, old: Obj | None) -> None:
        for ingress in self.cluster.list("ingresses", obj["metadata"]["namespace"]):
            if is_gce(ingress):
                self.worker.mark(key_of(ingress))

    def reconcile(self, key: str) -> None:
        ingress = self.cluster.get("ingresses", *split(key))
        if ingress is None:
            return
        finalizers = ingress["metadata"].get("finalizers") or []
        if deleting(ingress) or not is_gce(ingress):
            if FINALIZER in finalizers and self.builder.removed(key, self._paths(ingress)):
                kept = [name for name in finalizers if name != FINALIZER]
                self.cluster.update("ingresses", with_meta(ingress, finalizers=kept))
            return
        if FINALIZER not in finalizers:
            finalizers = [*finalizers, FINALIZER]
            ingress = self.cluster.update("ingresses", with_meta(ingress, finalizers=finalizers))
        if not self._backends(ingress):
            self._failed(key, "no backends: defaultBackend or a rule with a Service is needed")
            return
        parts = self._parts(ingress)
        if self.builder.built(key, parts):
            self._publish(ingress, parts)

    def _publish(self, ingress: Obj, parts: list[Part]) -> None:
        rules = [self.builder.compute.get(p.path) or {} for p in parts if "/forwarding" in p.path]
        wanted = {"ingress": [{"ip": rules[0]["IPAddress"]}]}
        notes = {
            f"ingress.kubernetes.io/{note}": part.body["name"]
            for part in parts
            for note, collection in SHOWN.items()
            if f"/{collection}/" in part.path
        }
        names_ = [part.body["name"] for part in parts if "/backendServices/" in part.path]
        health = orjson.dumps(dict.fromkeys(sorted(names_), "Unknown")).decode()
        notes["ingress.kubernetes.io/backends"] = health
        if any(annotations_of(ingress).get(name) != value for name, value in notes.items()):
            ingress = self.cluster.update("ingresses", with_annotations(ingress, **notes))
        status = ingress.get("status") or {}
        if status.get("loadBalancer") != wanted:
            self.plane.change("ingresses", ingress, {**status, "loadBalancer": wanted})
            text = f"IP is now {wanted['ingress'][0]['ip']}"
            self.plane.event(ingress, "Normal", "IPChanged", text, COMPONENT)

    # What it consists of

    def _backends(self, ingress: Obj) -> list[Backend]:
        """(Service, port number) in the order in which they appear, each once."""
        spec = ingress["spec"]
        found = [spec["defaultBackend"]] if spec.get("defaultBackend") else []
        for rule in spec.get("rules") or ():
            found += [path["backend"] for path in (rule.get("http") or {}).get("paths") or ()]
        namespace = ingress["metadata"]["namespace"]
        ports = (self._port(namespace, backend.get("service") or {}) for backend in found)
        return list(dict.fromkeys(port for port in ports if port is not None))

    def _port(self, namespace: str, service: Obj) -> Backend | None:
        wanted = service.get("port") or {}
        known = self.cluster.get("services", namespace, service.get("name", ""))
        for port in (known["spec"].get("ports") or ()) if known else ():
            if wanted.get("number") == port["port"] or (
                wanted.get("name") and wanted["name"] == port.get("name")
            ):
                return service["name"], int(port["port"])
        return None

    def _parts(self, ingress: Obj) -> list[Part]:
        parts = []
        namespace = ingress["metadata"]["namespace"]
        for service, port in self._backends(ingress):
            parts += self._backend_parts(namespace, service, port)
        parts.append(self._url_map(ingress))
        tls = self._certificates(ingress)
        if annotations_of(ingress).get(ALLOW_HTTP) != "false":
            parts += self._front(ingress, "80", "tp", "fr", "targetHttpProxies", {})
        if tls:
            parts += self._certificate_parts(ingress)
            extra = {"sslCertificates": tls}
            parts += self._front(ingress, "443", "ts", "fs", "targetHttpsProxies", extra)
        return parts

    def _backend_parts(self, namespace: str, service: str, port: int) -> list[Part]:
        name = names.generated(self.cluster.uid, namespace, service, port)
        check = f"{self.project}/global/healthChecks/{name}"
        zones = sorted(self.cluster.zones)
        groups = [f"{self.project}/zones/{zone}/networkEndpointGroups/{name}" for zone in zones]
        there = [group for group in groups if self.builder.compute.get(group) is not None]
        rate = {"balancingMode": "RATE", "maxRatePerEndpoint": 1}
        owner = {"kubernetes.io/service-name": f"{namespace}/{service}",
                 "kubernetes.io/service-port": str(port), "x-features": ["NEG"]}  # fmt: skip
        return [
            Part(
                check,
                {
                    "name": name,
                    "type": "HTTP",
                    "checkIntervalSec": 15,
                    "timeoutSec": 15,
                    "healthyThreshold": 1,
                    "unhealthyThreshold": 2,
                    "description": "Default kubernetes L7 Loadbalancing health check for NEG.",
                    "httpHealthCheck": {"portSpecification": "USE_SERVING_PORT"},
                },
            ),
            Part(
                f"{self.project}/global/backendServices/{name}",
                {
                    "name": name,
                    "description": orjson.dumps(owner).decode(),
                    "protocol": "HTTP",
                    "loadBalancingScheme": "EXTERNAL",
                    "healthChecks": [link(check)],
                    "backends": [{"group": link(group), **rate} for group in there],
                },
                follow=("backends",),
            ),
        ]

    def _service_link(self, ingress: Obj, backend: Obj) -> str:
        namespace = ingress["metadata"]["namespace"]
        found = self._port(namespace, backend.get("service") or {})
        service, port = found or self._backends(ingress)[0]
        name = names.generated(self.cluster.uid, namespace, service, port)
        return link(f"{self.project}/global/backendServices/{name}")

    def _url_map(self, ingress: Obj) -> Part:
        spec, hosts, matchers = ingress["spec"], [], []
        by_host: dict[str, list[Obj]] = {}
        for rule in spec.get("rules") or ():
            paths = (rule.get("http") or {}).get("paths") or ()
            by_host.setdefault(rule.get("host") or "*", []).extend(paths)
        default = self._service_link(ingress, spec.get("defaultBackend") or {})
        for host, paths in sorted(by_host.items()):
            matcher = f"host{hashlib.sha256(host.encode()).hexdigest()[:32]}"
            hosts.append({"hosts": [host], "pathMatcher": matcher})
            rules = [
                {"paths": _paths(path), "service": self._service_link(ingress, path["backend"])}
                for path in paths
            ]
            matchers.append({"name": matcher, "defaultService": default, "pathRules": rules})
        body: Obj = {"name": self._name(ingress, "um"), "defaultService": default}
        if hosts:
            body |= {"hostRules": hosts, "pathMatchers": matchers}
        path = f"{self.project}/global/urlMaps/{body['name']}"
        follow = ("defaultService", "hostRules", "pathMatchers") if hosts else ("defaultService",)
        return Part(path, body, follow=follow)

    def _front(
        self, ingress: Obj, port: str, proxy: str, rule: str, collection: str, extra: Obj
    ) -> list[Part]:
        target = f"{self.project}/global/{collection}/{self._name(ingress, proxy)}"
        url_map = f"{self.project}/global/urlMaps/{self._name(ingress, 'um')}"
        owner = orjson.dumps({"kubernetes.io/ingress-name": key_of(ingress)}).decode()
        body: Obj = {
            "name": self._name(ingress, rule),
            "description": owner,
            "portRange": port,
            "loadBalancingScheme": "EXTERNAL",
            "target": link(target),
        }
        static = annotations_of(ingress).get(STATIC_IP)
        if static:
            body["IPAddress"] = link(f"{self.project}/global/addresses/{static}")
        return [
            Part(
                target,
                {"name": self._name(ingress, proxy), "urlMap": link(url_map), **extra},
                follow=tuple(extra),
            ),
            Part(f"{self.project}/global/forwardingRules/{body['name']}", body),
        ]

    def _certificates(self, ingress: Obj) -> list[str]:
        """Links of the certificates: pre-shared ones, and those of ManagedCertificates."""
        given = [name.strip() for name in annotations_of(ingress).get(PRE_SHARED, "").split(",")]
        made = [part.body["name"] for part in self._certificate_parts(ingress)]
        where = f"{self.project}/global/sslCertificates"
        return [link(f"{where}/{name}") for name in (*filter(None, given), *made)]

    def _certificate_parts(self, ingress: Obj) -> list[Part]:
        parts = []
        for name in annotations_of(ingress).get(MANAGED, "").split(","):
            namespace = ingress["metadata"]["namespace"]
            found = self.cluster.get("managedcertificates", namespace, name.strip())
            if found is not None:
                parts.append(managed_certificate.part_of(self.project, found))
        return parts

    def _paths(self, ingress: Obj) -> list[str]:
        """What may have to be deleted, in the order in which it can be."""
        place = f"{self.project}/global"
        fronts = [
            f"{place}/{collection}/{self._name(ingress, kind)}"
            for kind, collection in (
                ("fr", "forwardingRules"),
                ("fs", "forwardingRules"),
                ("tp", "targetHttpProxies"),
                ("ts", "targetHttpsProxies"),
                ("um", "urlMaps"),
            )
        ]
        shared = self._used_elsewhere(ingress)
        namespace = ingress["metadata"]["namespace"]
        mine = [
            names.generated(self.cluster.uid, namespace, *backend)
            for backend in self._backends(ingress)
            if backend not in shared
        ]
        backs = [f"{place}/backendServices/{name}" for name in mine]
        backs += [f"{place}/healthChecks/{name}" for name in mine]
        return [*fronts, *backs]

    def _used_elsewhere(self, ingress: Obj) -> set[Backend]:
        found: set[Backend] = set()
        for other in self.cluster.list("ingresses", ingress["metadata"]["namespace"]):
            if is_gce(other) and key_of(other) != key_of(ingress) and not deleting(other):
                found |= set(self._backends(other))
        return found

    def _name(self, ingress: Obj, kind: str) -> str:
        meta, uid = ingress["metadata"], self.cluster.uid.replace("-", "")[:8]
        digest = hashlib.sha256(f"{uid};{meta['namespace']};{meta['name']}".encode()).hexdigest()
        fields = names.trimmed(36, meta["namespace"], meta["name"])
        return "-".join([f"k8s2-{kind}-{uid}", *fields, digest[:8]])

    def _failed(self, key: str, problem: str) -> None:
        ingress = self.cluster.get("ingresses", *split(key))
        if ingress is not None:
            text = f"Error syncing to GCP: error running load balancer syncing routine: {problem}"
            self.plane.event(ingress, "Warning", "Sync", text, COMPONENT)
        self.worker.mark_at(self.plane.now() + RETRY, key)


SHOWN = {
    "forwarding-rule": "forwardingRules",
    "target-proxy": "targetHttpProxies",
    "https-target-proxy": "targetHttpsProxies",
    "url-map": "urlMaps",
}


def is_gce(ingress: Obj) -> bool:
    """Whether an Ingress belongs to GKE's external class: by the annotation, or by default."""
    chosen = annotations_of(ingress).get(CLASS)
    if chosen is not None:
        return chosen in ("gce", "")
    return not ingress["spec"].get("ingressClassName")


def _paths(path: Obj) -> list[str]:
    """A path of an Ingress in the URL map's grammar."""
    text = path.get("path") or "/*"
    if path.get("pathType") == "Prefix":
        base = text.rstrip("/*")
        return [f"{base}/*"] if not base else [base, f"{base}/*"]
    return [text if text.startswith("/") else f"/{text}"]
