"""Load balancers of Services that are based on a backend service: external and internal.

With the annotation cloud.google.com/l4-rbs, with a loadBalancerClass, or internal: GCE_VM_IP NEGs
of the nodes, one per zone, a regional backend service in front of them, a health check, firewall
rules, and a forwarding rule for all ports. Names follow ingress-gce's l4 naming (k8s2-...).
"""

import hashlib

import orjson

from gcpsim.compute.engine.links import link
from gcpsim.core.ranges import NODE_PROBES
from gcpsim.gke.parts import KUBE_PROXY_PORT, Part
from gcpsim.k8s.controllers.objects import Obj, annotations_of, key_of
from gcpsim.k8s.controllers.plane import Plane

RBS = "cloud.google.com/l4-rbs"
TYPE = ("networking.gke.io/load-balancer-type", "cloud.google.com/load-balancer-type")
EXTERNAL_CLASS = "networking.gke.io/l4-regional-external"
INTERNAL_CLASS = "networking.gke.io/l4-regional-internal"
MOST_PORTS = 5  # of a rule that lists them


def is_internal(service: Obj) -> bool:
    notes, chosen = annotations_of(service), service["spec"].get("loadBalancerClass")
    return chosen == INTERNAL_CLASS or any(notes.get(name) == "Internal" for name in TYPE)


def is_based_on_a_backend_service(service: Obj) -> bool:
    """Whether a Service asks for one of these, not for the older form with a target pool."""
    asked = annotations_of(service).get(RBS) == "enabled"
    by_class = service["spec"].get("loadBalancerClass") == EXTERNAL_CLASS
    return asked or by_class or is_internal(service)


def name_of(plane: Plane, service: Obj) -> str:
    """`k8s2-<cluster>-<namespace>-<name>-<hash>`, cut to what Compute Engine takes."""
    meta, uid = service["metadata"], plane.cluster.uid.replace("-", "")[:8]
    digest = hashlib.sha256(f"{uid};{meta['namespace']};{meta['name']}".encode()).hexdigest()[:8]
    return f"k8s2-{uid}-{meta['namespace'][:18]}-{meta['name'][:18]}-{digest}"


def rule_name(plane: Plane, service: Obj) -> str:
    """The forwarding rule's name has the protocol in it, as for internal ones on GKE."""
    protocol = service["spec"]["ports"][0].get("protocol", "TCP").lower()
    return f"k8s2-{protocol}-{name_of(plane, service).removeprefix('k8s2-')}"[:63].rstrip("-")


def parts(plane: Plane, service: Obj, nodes: dict[str, list[str]]) -> list[Part]:
    """In the order of creation. `nodes` are instance names by zone."""
    spec, name = service["spec"], name_of(plane, service)
    project = f"projects/{plane.cluster.project}"
    region = "-".join(plane.cluster.location.split("-")[:2])
    local = spec.get("externalTrafficPolicy") == "Local"
    port = int(spec.get("healthCheckNodePort") or KUBE_PROXY_PORT) if local else KUBE_PROXY_PORT
    shared = f"k8s2-{plane.cluster.uid.replace('-', '')[:8]}-l4-shared-hc"
    check = name if local else shared
    scheme = "INTERNAL" if is_internal(service) else "EXTERNAL"
    owner = orjson.dumps(
        {
            "networking.gke.io/service-name": key_of(service),
            "networking.gke.io/api-version": "ga",
        }
    ).decode()
    place = f"{project}/regions/{region}"
    health = f"{place}/healthChecks/{check}"
    groups = [f"{project}/zones/{zone}/networkEndpointGroups/{name}" for zone in sorted(nodes)]
    protocol = spec["ports"][0].get("protocol", "TCP")
    numbers = sorted({int(item["port"]) for item in spec["ports"]})
    network = {"network": plane.network.network, "targetTags": [plane.network.tag]}
    backends = [{"group": link(group), "balancingMode": "CONNECTION"} for group in groups]
    rule: Obj = {
        "name": rule_name(plane, service),
        "description": owner,
        "loadBalancingScheme": scheme,
        "IPProtocol": protocol,
        "backendService": link(f"{place}/backendServices/{name}"),
    }
    if len(numbers) > MOST_PORTS:
        rule["allPorts"] = True
    else:
        rule["ports"] = [str(number) for number in numbers]
    if scheme == "INTERNAL":
        rule |= {"network": plane.network.network, "subnetwork": plane.network.subnetwork}
    address = spec.get("loadBalancerIP")
    if address:
        rule["IPAddress"] = address
    ranges = spec.get("loadBalancerSourceRanges") or ["0.0.0.0/0"]
    return [
        Part(
            health,
            {
                "name": check,
                "type": "HTTP",
                "checkIntervalSec": 8,
                "timeoutSec": 1,
                "healthyThreshold": 1,
                "unhealthyThreshold": 3,
                "httpHealthCheck": {"port": port, "requestPath": "/healthz"},
            },
            shared=not local,
        ),
        Part(
            f"{project}/global/firewalls/{check}-fw",
            {
                "name": f"{check}-fw",
                "sourceRanges": list(NODE_PROBES),
                "allowed": [{"IPProtocol": "tcp", "ports": [str(port)]}],
                **network,
            },
            shared=not local,
        ),
        *(
            Part(
                group,
                {
                    "name": name,
                    "networkEndpointType": "GCE_VM_IP",
                    "network": plane.network.network,
                    "subnetwork": plane.network.subnetwork,
                },
                members=tuple(sorted(nodes[zone])),
            )
            for zone, group in zip(sorted(nodes), groups, strict=True)
        ),
        Part(
            f"{place}/backendServices/{name}",
            {
                "name": name,
                "description": owner,
                "loadBalancingScheme": scheme,
                "protocol": protocol,
                "healthChecks": [link(health)],
                "backends": backends,
                "sessionAffinity": "CLIENT_IP"
                if spec.get("sessionAffinity") == "ClientIP"
                else "NONE",
            },
            follow=("backends", "sessionAffinity"),
        ),
        Part(
            f"{project}/global/firewalls/{name}",
            {
                "name": name,
                "description": owner,
                "sourceRanges": ranges,
                "allowed": [{"IPProtocol": protocol.lower(), "ports": [str(n) for n in numbers]}],
                **network,
            },
            follow=("sourceRanges", "allowed"),
        ),
        Part(f"{place}/forwardingRules/{rule['name']}", rule),
    ]
