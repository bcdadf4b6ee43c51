"""The Compute Engine resources of a Gateway, in the order of creation. Reads, writes nothing."""

import base64
from typing import Any

import orjson

from gcpsim.compute.engine.links import link
from gcpsim.core.paths import name_of
from gcpsim.core.ranges import FRONT_ENDS
from gcpsim.gke.gateway import names, routes
from gcpsim.gke.gateway.reading import Backend, Reading, resolve
from gcpsim.gke.neg.annotation import STATUS_KEY
from gcpsim.gke.parts import Part
from gcpsim.k8s.controllers.objects import Obj, annotations_of
from gcpsim.k8s.controllers.plane import Plane

CERTMAP = "networking.gke.io/certmap"
PRE_SHARED = "networking.gke.io/pre-shared-certs"
SCHEME = "EXTERNAL_MANAGED"
UNLIMITED = 100_000_000  # requests a second: the controller's default
NOT_FOUND, NOWHERE = "gw-serve404", "gw-serve500"
APP_PROTOCOLS = {"HTTPS": "HTTPS", "HTTP2": "HTTP2", "kubernetes.io/h2c": "H2C"}
CHECKED = {"HTTPS": ("HTTPS", "httpsHealthCheck"), "HTTP2": ("HTTP2", "http2HealthCheck")}


class Parts:
    """Makes the parts of one cluster's Gateways."""

    def __init__(self, plane: Plane) -> None:
        self.plane, self.cluster = plane, plane.cluster
        self.place = f"projects/{plane.cluster.project}/global"

    def of(self, reading: Reading) -> list[Part]:
        """All of a Gateway; [] for one that is wrong."""
        if reading.problem[0]:
            return []
        namespace = reading.gateway["metadata"]["namespace"]
        found = [self._firewall(), *self._address(reading)]
        for backend in ((namespace, NOT_FOUND, 80), (namespace, NOWHERE, 80), *reading.backends):
            found += self._backend(backend)
        fronts: dict[tuple[str, int], list[Obj]] = {}
        for listener in reading.listeners:
            fronts.setdefault((listener["protocol"], int(listener["port"])), []).append(listener)
        for (protocol, port), listeners in sorted(fronts.items()):
            found += self._front(reading, protocol, port, listeners)
        return list({part.path: part for part in found}.values())

    def _named(self, kind: str, meta: Obj, port: int = 0) -> str:
        return names.named(self.cluster.uid, kind, meta["namespace"], meta["name"], port)

    def _owner(self, resource: str) -> str:
        cluster = self.cluster
        return names.description(cluster.project, cluster.location, cluster.name, resource)

    def _firewall(self) -> Part:
        network = self.plane.network
        name = names.firewall(self.cluster.uid, name_of(network.network))
        body = {
            "name": name,
            "network": network.network,
            "targetTags": [network.tag],
            "sourceRanges": list(FRONT_ENDS),
            "allowed": [{"IPProtocol": "tcp", "ports": ["0-65535"]}],
            "description": self._owner(""),
        }
        return Part(f"{self.place}/firewalls/{name}", body)

    def _address(self, reading: Reading) -> list[Part]:
        """Its own static address, where none is named."""
        if reading.gateway["spec"].get("addresses"):
            return []
        name = self._named("address", reading.gateway["metadata"])
        body = {"name": name, "description": self._owner(_resource(reading.gateway))}
        return [Part(f"{self.place}/addresses/{name}", body)]

    def _address_link(self, reading: Reading) -> str:
        for one in reading.gateway["spec"].get("addresses") or ():
            return link(f"{self.place}/addresses/{one['value']}")
        name = self._named("address", reading.gateway["metadata"])
        return link(f"{self.place}/addresses/{name}")

    # Backends

    def backend_name(self, backend: Backend) -> str:
        namespace, service, port = backend
        return names.named(self.cluster.uid, "backend", namespace, service, port)

    def _backend_link(self, backend: Backend) -> str:
        return link(f"{self.place}/backendServices/{self.backend_name(backend)}")

    def _backend(self, backend: Backend) -> list[Part]:
        namespace, service, _ = backend
        name = self.backend_name(backend)
        owner = self._owner(f"/namespaces/{namespace}/services/{service}")
        check = f"{self.place}/healthChecks/{name}"
        protocol = self._protocol(backend)
        kind, field = CHECKED.get(protocol, ("HTTP", "httpHealthCheck"))
        rate: Obj = {"balancingMode": "RATE", "maxRatePerEndpoint": UNLIMITED, "capacityScaler": 1}
        body: Obj = {
            "name": name,
            "description": owner,
            "protocol": protocol,
            "loadBalancingScheme": SCHEME,
            "timeoutSec": 30,
            "connectionDraining": {"drainingTimeoutSec": 0},
            "healthChecks": [link(check)],
            "backends": [{"group": link(group), **rate} for group in self._groups(backend)],
        }
        settings = self._policy("gcpbackendpolicies", namespace, service)
        follow = ["backends", *self._settings(body, settings)]
        health: Obj = {
            "name": name,
            "description": owner,
            "type": kind,
            "checkIntervalSec": 15,
            "timeoutSec": 15,
            "healthyThreshold": 1,
            "unhealthyThreshold": 2,
            field: {"portSpecification": "USE_SERVING_PORT", "requestPath": "/"},
        }
        checked = self._checked(health, self._policy("healthcheckpolicies", namespace, service))
        return [
            Part(check, health, follow=checked),
            Part(f"{self.place}/backendServices/{name}", body, follow=tuple(follow)),
        ]

    def _groups(self, backend: Backend) -> list[str]:
        """The NEGs of a Service port that exist, as its neg-status names them."""
        namespace, name, port = backend
        service = self.cluster.get("services", namespace, name)
        status = orjson.loads(annotations_of(service).get(STATUS_KEY) or "{}") if service else {}
        neg = (status.get("network_endpoint_groups") or {}).get(str(port))
        project = f"projects/{self.cluster.project}"
        found = [
            f"{project}/zones/{zone}/networkEndpointGroups/{neg}"
            for zone in status.get("zones") or ()
            if neg
        ]
        return [group for group in found if self.plane.world.compute.get(group) is not None]

    def _protocol(self, backend: Backend) -> str:
        namespace, name, port = backend
        service = self.cluster.get("services", namespace, name) or {"spec": {}}
        for one in service["spec"].get("ports") or ():
            if one["port"] == port:
                return APP_PROTOCOLS.get(one.get("appProtocol") or "", "HTTP")
        return "HTTP"

    def _policy(self, resource: str, namespace: str, service: str) -> Obj:
        """The `default` of the oldest policy that is about a Service."""
        found = [
            one
            for one in self.cluster.list(resource, namespace)
            if ((one.get("spec") or {}).get("targetRef") or {}).get("name") == service
            and one["spec"]["targetRef"].get("kind") == "Service"
        ]
        found.sort(key=lambda one: str(one["metadata"].get("creationTimestamp")))
        default: Obj = (found[0]["spec"].get("default") or {}) if found else {}
        return default

    def _settings(self, body: Obj, policy: Obj) -> list[str]:
        """What a GCPBackendPolicy says, written into a backend service."""
        told: Obj = {"timeoutSec": policy.get("timeoutSec", 30)}
        told["connectionDraining"] = policy.get("connectionDraining") or body["connectionDraining"]
        affinity = policy.get("sessionAffinity") or {}
        told["sessionAffinity"] = affinity.get("type") or "NONE"
        if affinity.get("cookieTtlSec"):
            told["affinityCookieTtlSec"] = affinity["cookieTtlSec"]
        logging = policy.get("logging") or {}
        if logging:
            rate = logging.get("sampleRate", 1_000_000) / 1_000_000
            told["logConfig"] = {"enable": bool(logging.get("enabled")), "sampleRate": rate}
        if policy.get("securityPolicy"):
            path = f"{self.place}/securityPolicies/{policy['securityPolicy']}"
            body["securityPolicy"] = link(path)
        if policy.get("maxRatePerEndpoint"):
            for one in body["backends"]:
                one["maxRatePerEndpoint"] = policy["maxRatePerEndpoint"]
        body |= told
        return sorted(told)

    @staticmethod
    def _checked(health: Obj, policy: Obj) -> tuple[str, ...]:
        """What a HealthCheckPolicy says, written into a health check."""
        for field in ("checkIntervalSec", "timeoutSec", "healthyThreshold", "unhealthyThreshold"):
            health[field] = policy.get(field, health[field])
        config = policy.get("config") or {}
        kind = config.get("type") or health["type"]
        given: dict[str, Any] = config.get(f"{kind.lower()}HealthCheck") or {}
        if config:
            for field in [one for one in health if one.endswith("HealthCheck")]:
                del health[field]
            health["type"] = kind
            usual = {"portSpecification": "USE_SERVING_PORT"}
            field = f"{kind.lower()}HealthCheck"
            health[field] = {**(usual if "port" not in given else {}), **given}
            return (field, "type", *_TIMES)
        return _TIMES

    # Front ends

    def _front(
        self, reading: Reading, protocol: str, port: int, listeners: list[Obj]
    ) -> list[Part]:
        meta = reading.gateway["metadata"]
        owner = self._owner(_resource(reading.gateway))
        name = names.named(self.cluster.uid, f"map{port}", meta["namespace"], meta["name"])
        rule = names.named(self.cluster.uid, f"rule{port}", meta["namespace"], meta["name"])
        collection = "targetHttpsProxies" if protocol == "HTTPS" else "targetHttpProxies"
        target = f"{self.place}/{collection}/{name}"
        proxy: Obj = {"name": name, "description": owner}
        proxy["urlMap"] = link(f"{self.place}/urlMaps/{name}")
        follow: tuple[str, ...] = ()
        certificates: list[Part] = []
        if protocol == "HTTPS":
            certificates, more = self._certificates(reading, listeners)
            proxy |= more
            follow = ("sslCertificates",) if "sslCertificates" in more else ()
        return [
            *certificates,
            self._url_map(reading, name, listeners, owner),
            Part(target, proxy, follow=follow),
            Part(
                f"{self.place}/forwardingRules/{rule}",
                {
                    "name": rule,
                    "description": owner,
                    "IPAddress": self._address_link(reading),
                    "IPProtocol": "TCP",
                    "portRange": str(port),
                    "loadBalancingScheme": SCHEME,
                    "networkTier": "PREMIUM",
                    "target": link(target),
                },
            ),
        ]

    def _url_map(self, reading: Reading, name: str, listeners: list[Obj], owner: str) -> Part:
        namespace = reading.gateway["metadata"]["namespace"]
        default = self._backend_link((namespace, NOT_FOUND, 80))
        nowhere = self._backend_link((namespace, NOWHERE, 80))
        otherwise = {
            "defaultRouteAction": {
                "faultInjectionPolicy": {"abort": {"httpStatus": 404, "percentage": 100.0}},
                "weightedBackendServices": [{"backendService": default, "weight": 1}],
            }
        }
        bound = [one for listener in listeners for one in reading.bound.get(listener["name"]) or ()]
        body: Obj = {"name": name, "description": owner, **otherwise}
        hosts, matchers = [], []
        for host in sorted({host for _, hosts_ in bound for host in hosts_}):
            matcher = f"host{names.digest(host, 12)}"
            hosts.append({"hosts": [host], "pathMatcher": matcher})
            rules = routes.rules(bound, host, self._led, nowhere)
            matchers.append({"name": matcher, "routeRules": rules, **otherwise})
        body |= {"hostRules": hosts, "pathMatchers": matchers}
        return Part(f"{self.place}/urlMaps/{name}", body, follow=("hostRules", "pathMatchers"))

    def _led(self, route: Obj, ref: Obj) -> str:
        backend, _ = resolve(self.cluster, route, ref)
        return self._backend_link(backend) if backend else ""

    def _certificates(self, reading: Reading, listeners: list[Obj]) -> tuple[list[Part], Obj]:
        """Certificates made of Secrets, and what the proxy says of all of them."""
        map_ = annotations_of(reading.gateway).get(CERTMAP)
        if map_:
            project, api = self.cluster.project, "//certificatemanager.googleapis.com"
            path = f"projects/{project}/locations/global/certificateMaps/{map_}"
            return [], {"certificateMap": f"{api}/{path}"}
        made: list[Part] = []
        links: list[str] = []
        for listener in listeners:
            tls = listener.get("tls") or {}
            given = (tls.get("options") or {}).get(PRE_SHARED, "")
            links += [
                link(f"{self.place}/sslCertificates/{one.strip()}")
                for one in given.split(",")
                if one.strip()
            ]
            for ref in tls.get("certificateRefs") or ():
                part = self._of_secret(reading, ref)
                if part is not None:
                    made.append(part)
                    links.append(link(part.path))
        return made, {"sslCertificates": list(dict.fromkeys(links))}

    def _of_secret(self, reading: Reading, ref: Obj) -> Part | None:
        namespace = ref.get("namespace") or reading.gateway["metadata"]["namespace"]
        secret = self.cluster.get("secrets", namespace, ref.get("name", ""))
        data = (secret or {}).get("data") or {}
        if not data.get("tls.crt") or not data.get("tls.key"):
            return None
        chain, key = (base64.b64decode(data[one]).decode() for one in ("tls.crt", "tls.key"))
        mark = names.digest(chain, 6)
        name = names.named(self.cluster.uid, f"secret{mark}", namespace, ref["name"])
        body = {"name": name, "certificate": chain, "privateKey": key}
        return Part(f"{self.place}/sslCertificates/{name}", body)


_TIMES = ("checkIntervalSec", "timeoutSec", "healthyThreshold", "unhealthyThreshold")


def _resource(gateway: Obj) -> str:
    meta = gateway["metadata"]
    return f"/namespaces/{meta['namespace']}/gateways/{meta['name']}"
