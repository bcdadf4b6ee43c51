"""Front doors on a stage: something is broken, something is asked, and the sentences are looked at.

A `Row` is a failure: how it is staged on a front door that stands (or before it is built), what is
asked then, the sentences that must come, and its wrong neighbours that must not.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from edgebook.base.errors import EdgebookError
from edgebook.show.tables import Table

from tests.contract.edgebook.conftest import Shop, Staged

GLOBAL = "projects/shop-rehearsal/global"
ZONE = "dns/v1/projects/shop-rehearsal/managedZones/shop-example"
CERTS = "v1/projects/shop-rehearsal/locations/global"
MAPS = f"{CERTS[3:]}/certificateMaps"
API = "api/v1/namespaces/shop/services/api"
DEPLOYMENT = "apis/apps/v1/namespaces/shop/deployments/api"
NGINX_CONFIG = "api/v1/namespaces/ingress-nginx/configmaps/ingress-nginx-controller"
INGRESS = "apis/networking.k8s.io/v1/namespaces/shop/ingresses/shop"
NEG = "cloud.google.com/neg"
NEGS = "networkEndpointGroups"
OLD = {"project": "shop-rehearsal", "location": "us-central1", "name": "old"}
POLICY_DENIES = {
    "action": "deny", "direction": "INGRESS", "priority": 900,
    "match": {"srcIpRanges": ["0.0.0.0/0"],
              "layer4Configs": [{"ipProtocol": "tcp", "ports": ["8080"]}]},
}  # fmt: skip


class Stage:
    """The hands of whoever breaks something: Google's APIs, a cluster, the stage door."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.door = shop.book().door

    def compute(self, verb: str, path: str, body: Any = None) -> Any:
        return self.door.wire.request("compute", verb, f"compute/v1/{GLOBAL}/{path}", body=body)

    def zonal(self, verb: str, path: str, body: Any = None, zone: str = "us-central1-a") -> Any:
        where = f"compute/v1/projects/shop-rehearsal/zones/{zone}/{path}"
        return self.door.wire.request("compute", verb, where, body=body)

    def regional(self, verb: str, path: str, body: Any = None) -> Any:
        where = f"compute/v1/projects/shop-rehearsal/regions/us-central1/{path}"
        return self.door.wire.request("compute", verb, where, body=body)

    def cluster(self, name: str, **allocation: Any) -> Any:
        body = {"cluster": {"name": name, "initialNodeCount": 1, "ipAllocationPolicy": allocation}}
        where = "v1/projects/shop-rehearsal/locations/us-central1/clusters"
        return self.door.wire.request("container", "POST", where, body=body)

    def delete_cluster(self) -> None:
        where = "v1/projects/shop-rehearsal/locations/us-central1/clusters/blue"
        self.door.wire.request("container", "DELETE", where)
        self.advance(900)

    def zone(self, name: str, **more: Any) -> Any:
        where = "dns/v1/projects/shop-rehearsal/managedZones"
        body = {"name": name, "dnsName": "example.com.", "description": "", **more}
        return self.door.wire.request("dns", "POST", where, body=body)

    def foreign_proxy(self) -> None:
        """A proxy of somebody else that serves our certificate map."""
        body = {
            "name": "foreign",
            "urlMap": f"{GLOBAL}/urlMaps/shop",
            "certificateMap": f"//certificatemanager.googleapis.com/{MAPS}/shop",
        }
        self.compute("POST", "targetHttpsProxies", body)

    def dns(self, verb: str, path: str, body: Any = None) -> Any:
        return self.door.wire.request("dns", verb, f"{ZONE}/{path}", body=body)

    def take_away(self, name: str) -> None:
        """Somebody deletes all records of a name."""
        rows = [row for row in self.dns("GET", "rrsets")["rrsets"] if row["name"] == name]
        self.dns("POST", "changes", {"deletions": rows})
        self.advance(60)

    def certs(self, verb: str, path: str, body: Any = None) -> Any:
        return self.door.wire.request("certificatemanager", verb, f"{CERTS}/{path}", body=body)

    def kube(self, verb: str, path: str, body: Any = None) -> Any:
        cluster = self.door.reader.cluster("blue")
        if verb == "PATCH":
            return cluster.patch(path, body)
        return cluster.request(verb, path, body=body)

    def annotate(self, text: str) -> None:
        self.kube("PATCH", API, {"metadata": {"annotations": {NEG: text}}})

    def direct(self, verb: str, **args: Any) -> None:
        self.shop.sim.admin("POST", f"stage/{verb}", args)

    def endpoints(self, answer: str, zones: str = "abc", most: int = 99) -> None:
        """How the api's endpoints in zones of us-central1 answer probes from now on."""
        for letter in zones:
            path, zone = f"{NEGS}/shop-api/listNetworkEndpoints", f"us-central1-{letter}"
            for item in self.zonal("POST", path, {}, zone)["items"][:most]:
                self.direct("endpoint", ip=item["networkEndpoint"]["ipAddress"], answer=answer)

    def readiness(self, **page: Any) -> None:
        """The api's pods are asked for another page by the kubelet; they name 9100, too."""
        template = self.kube("GET", DEPLOYMENT)["spec"]["template"]["spec"]
        (container,) = template["containers"]
        container["ports"].append({"name": "health", "containerPort": 9100})
        container["readinessProbe"] = {"httpGet": {"path": "/healthz", "port": "http", **page}}
        self.kube("PATCH", DEPLOYMENT, {"spec": {"template": {"spec": template}}})
        for _ in range(4):
            self.advance()

    def ending(self, *, lifecycle: Any, grace: int) -> None:
        """The api's pods end in another way; they are made anew."""
        template = self.kube("GET", DEPLOYMENT)["spec"]["template"]["spec"]
        template["containers"][0]["lifecycle"] = lifecycle
        template["terminationGracePeriodSeconds"] = grace
        self.kube("PATCH", DEPLOYMENT, {"spec": {"template": {"spec": template}}})
        for _ in range(4):
            self.advance()

    def policy_of_the_network(self) -> None:
        self.compute("POST", "firewallPolicies", {"name": "own"})
        self.advance(30)
        self.compute("POST", "firewallPolicies/own/addRule", POLICY_DENIES)
        self.advance(30)
        target = {"name": "here", "attachmentTarget": f"{GLOBAL}/networks/default"}
        self.compute("POST", "firewallPolicies/own/addAssociation", target)
        order = {"networkFirewallPolicyEnforcementOrder": "BEFORE_CLASSIC_FIREWALL"}
        self.compute("PATCH", "networks/default", order)
        self.advance()

    def policy_of_the_organization(self) -> None:
        where = "compute/v1/locations/global/firewallPolicies"
        parent = {"parentId": "organizations/5"}

        def ask(path: str, body: Any, **params: str) -> Any:
            return self.door.wire.request("compute", "POST", path, body=body, params=params)

        number = ask(where, {"shortName": "corp"}, **parent)["targetId"]
        ask(f"{where}/{number}/addRule", POLICY_DENIES)
        ask(f"{where}/{number}/addAssociation", {"attachmentTarget": "organizations/5"})
        self.direct("ancestry", project="shop-rehearsal", under=["folders/6", "organizations/5"])
        self.advance()

    def policy_of_the_region(self) -> None:
        self.regional("POST", "firewallPolicies", {"name": "near"})
        self.advance(30)
        self.regional("POST", "firewallPolicies/near/addRule", POLICY_DENIES)
        self.advance(30)
        target = {"name": "here", "attachmentTarget": f"{GLOBAL}/networks/default"}
        self.regional("POST", "firewallPolicies/near/addAssociation", target)
        order = {"networkFirewallPolicyEnforcementOrder": "BEFORE_CLASSIC_FIREWALL"}
        self.compute("PATCH", "networks/default", order)
        self.advance()

    def stall(self) -> None:
        """The NEG controller stands still, and a container crashes."""
        self.direct("negs-stop", cluster="blue")
        pods = self.kube("GET", "api/v1/namespaces/shop/pods")["items"]
        name = next(p["metadata"]["name"] for p in pods if p["metadata"]["name"].startswith("api"))
        for wait in (60, 600):  # the second time its back-off keeps it down for a while
            self.advance(30)
            self.direct("pod-crash", cluster="blue", namespace="shop", pod=name)
            self.advance(wait)

    def foreign_neg(self, name: str, namespace: str, service: str, port: str) -> None:
        """A NEG that GKE made for a cluster of long ago, in our backend service."""
        made = {"cluster-uid": "0123456789ab", "namespace": namespace,
                "service-name": service, "port": port}  # fmt: skip
        body = {"name": name, "networkEndpointType": "GCE_VM_IP_PORT",
                "network": f"{GLOBAL}/networks/default",
                "description": json.dumps(made)}  # fmt: skip
        link = self.zonal("POST", NEGS, body)["targetLink"]
        self.advance(30)
        found = self.compute("GET", "backendServices/shop-api")
        entry = {"group": link, "balancingMode": "RATE", "maxRatePerEndpoint": 100}
        change = {"backends": [*found["backends"], entry], "fingerprint": found["fingerprint"]}
        self.compute("PATCH", "backendServices/shop-api", change)
        self.advance()

    def advance(self, seconds: int = 600) -> None:
        self.shop.sim.advance(seconds)


def verify(shop: Shop) -> Any:
    return shop.book().verify()


def preflight(shop: Shop) -> Any:
    return shop.book().preflight()


def plan(shop: Shop) -> Any:
    return shop.book().plan()


def status(shop: Shop) -> Any:
    return shop.book().status()


def leaks(shop: Shop) -> Any:
    return shop.book().leaks()


def apply(shop: Shop) -> Any:
    return shop.book().apply("apply", "auto", show_progress=False)


def teardown(shop: Shop) -> Any:
    return shop.book().teardown().apply("apply", "auto", show_progress=False)


def teardown_plan(shop: Shop) -> Any:
    return shop.book().teardown().plan()


Ask = Callable[[Shop], Any]


@dataclass(frozen=True)
class Row:
    name: str
    stage: Callable[[Stage], None]
    ask: Ask
    says: tuple[str, ...]
    never: tuple[str, ...] = ()
    built: bool = True
    params: dict[str, Any] = field(default_factory=dict)


def described(uid: str, service: str = "shop/api", port: str = "8080") -> str:
    namespace, _, name = service.partition("/")
    said = {"cluster-uid": uid, "namespace": namespace, "service-name": name, "port": port}
    return json.dumps(said)


def neg(name: str, description: str) -> dict[str, Any]:
    return {
        "name": name,
        "networkEndpointType": "GCE_VM_IP_PORT",
        "network": f"{GLOBAL}/networks/default",
        "subnetwork": "projects/shop-rehearsal/regions/us-central1/subnetworks/default",
        "description": description,
    }


def allowed(*ports: str) -> dict[str, Any]:
    return {"allowed": [{"IPProtocol": "tcp", "ports": list(ports)}]}


def record(name: str, type_: str, *data: str) -> dict[str, Any]:
    return {"name": name, "type": type_, "ttl": 300, "rrdatas": list(data)}


def said_by(row: Row, shop: Staged) -> str:
    try:
        table = row.ask(shop)
    except EdgebookError as error:
        outcome = getattr(error, "outcome", None)
        return f"{outcome if isinstance(outcome, Table) else ''}\n{error}"
    return str(table)


def play(row: Row, staged: Staged) -> None:
    """Stages a row in its world, asks, and compares what is said."""
    staged.sim.admin("POST", "reset", {"to": "built" if row.built else "start"})
    staged.edits = {}
    row.stage(Stage(staged))
    staged.edits = row.params
    said = " ".join(said_by(row, staged).split())
    assert [words for words in row.says if words not in said] == [], said
    assert "<name>" not in said, "what it names must exist"
    assert [words for words in row.never if words in said] == [], said
