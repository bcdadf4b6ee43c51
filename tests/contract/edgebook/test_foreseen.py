"""What could hurt later is found by the preflight, before step 10: each is staged and told.

A row is a trap: how it is staged, the sentences of `00 Preflight` (or of the plan, where the params
themselves say it), and its wrong neighbours that must not come. Rows of the thirty failures that
the preflight tells stand in test_thirty.py.
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.edgebook import test_thirty
from tests.contract.edgebook.conftest import Staged
from tests.contract.edgebook.staging import (
    API,
    DEPLOYMENT,
    GLOBAL,
    INGRESS,
    NGINX_CONFIG,
    Row,
    Stage,
    apply,
    plan,
    play,
    preflight,
)
from tests.unit.params_edits import GONE

UDP = {"spec": {"ports": [{"port": 8080, "targetPort": 8080, "protocol": "UDP"}]}}
PLAIN_WEB = {
    "backends.web.protocol": "HTTP",
    "backends.web.health_check": {"type": "HTTP", "path": "/healthz"},
    "backends.web.neg.port": 80,
}
BOTH = ["shop.example.com", "shop.example.org"]
TWO_NAMES = {"hostnames": BOTH, "routes.0.hosts": BOTH, "checks": []}
FORCE = "nginx.ingress.kubernetes.io/force-ssl-redirect"
RAW = {
    "backends.raw": {
        "protocol": "TCP",
        "health_check": {"type": "TCP", "port": 443},
        "neg": {
            "namespace": "ingress-nginx",
            "service": "ingress-nginx-controller",
            "port": 80,
            "name": "shop-raw",
        },
        "balancing": {"mode": "CONNECTION", "max_connections_per_endpoint": 5},
        "active": ["blue"],
    },
    "frontends.3": {
        "name": "raw",
        "protocol": "TCP",
        "port": 8080,
        "backend": "raw",
        "proxy_header": "PROXY_V1",
    },
}
BUDGETS = "apis/policy/v1/namespaces/shop/poddisruptionbudgets"
SCALERS = "apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers"
ALLOW = "nginx.ingress.kubernetes.io/whitelist-source-range"
RULE = {
    "priority": 1,
    "matchRules": [
        {"prefixMatch": "/", "headerMatches": [{"headerName": "x", "presentMatch": True}]}
    ],
    "service": "api",
}


def set_nginx(stage: Stage, **data: str | None) -> None:
    stage.kube("PATCH", NGINX_CONFIG, {"data": data})


def kept(stage: Stage, *, strategy: Any, budget: dict[str, Any], least: int) -> None:
    """The api's Deployment has this strategy, a budget, and an autoscaler with a lower bound."""
    stage.kube("PATCH", DEPLOYMENT, {"spec": {"strategy": strategy}})
    selector = {"matchLabels": {"app": "api"}}
    body: dict[str, Any] = {"metadata": {"name": "few"}, "spec": {"selector": selector, **budget}}
    stage.kube("POST", BUDGETS, {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", **body})
    above = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"}
    body = {"metadata": {"name": "load"}, "spec": {"scaleTargetRef": above, "minReplicas": least,
                                                   "maxReplicas": 9}}  # fmt: skip
    kind = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler"}
    stage.kube("POST", SCALERS, kind | body)


def denies(priority: int) -> Callable[[Stage], Any]:
    """Others deny the api's port to one of Google's ranges."""
    rule = {"name": "deny", "network": f"{GLOBAL}/networks/default", "priority": priority,
            "denied": [{"IPProtocol": "tcp", "ports": ["8080"]}],
            "sourceRanges": ["130.211.0.0/22"]}  # fmt: skip
    return lambda stage: [stage.compute("POST", "firewalls", rule), stage.advance()]


def without_pods(stage: Stage) -> None:
    """Scaled to zero, under a targetPort that is a number."""
    ports = [{"port": 8080, "targetPort": 8080}]
    stage.kube("PATCH", API, {"spec": {"ports": ports}})
    stage.kube("PATCH", f"{DEPLOYMENT}/scale", {"spec": {"replicas": 0}})
    stage.advance()


def hold_port(stage: Stage, port: str) -> None:
    """Somebody's forwarding rule has the address and the port."""
    stage.compute("POST", "addresses", {"name": "shop-edge"})
    stage.advance(60)
    check = {"name": "other", "type": "TCP", "tcpHealthCheck": {"port": 80}}
    stage.compute("POST", "healthChecks", check)
    stage.advance(60)
    service = {
        "name": "other",
        "protocol": "TCP",
        "loadBalancingScheme": "EXTERNAL_MANAGED",
        "healthChecks": [f"{GLOBAL}/healthChecks/other"],
    }
    stage.compute("POST", "backendServices", service)
    stage.advance(60)
    proxy = {"name": "other", "service": f"{GLOBAL}/backendServices/other"}
    stage.compute("POST", "targetTcpProxies", proxy)
    stage.advance(60)
    rule = {
        "name": "other",
        "IPAddress": f"{GLOBAL}/addresses/shop-edge",
        "portRange": port,
        "target": f"{GLOBAL}/targetTcpProxies/other",
        "loadBalancingScheme": "EXTERNAL_MANAGED",
    }
    stage.compute("POST", "forwardingRules", rule)
    stage.advance(60)


ROWS = [
    Row(
        "names at another provider",
        lambda s: None,
        preflight,
        ("the params name none: 10 and 20 say which records to set at your provider",),
        (" failed ", "dns.admin", "dns.googleapis.com", "run 10", "not delegated"),
        built=False,
        params={"dns": GONE},
    ),
    Row(
        "names in two zones, one of them not named",
        lambda s: s.zone("org", dnsName="example.org."),
        preflight,
        (
            "failed DNS zone holds the names shop-example shop.example.org not under example.com.",
            "name their own zone under dns.zones",
        ),
        ("not delegated", "correct dns.zone"),
        built=False,
        params=TWO_NAMES,
    ),
    Row(
        "names in two zones",
        lambda s: s.zone("org", dnsName="example.org."),
        preflight,
        (
            "ok DNS zone holds the names org example.org.",
            "zone is delegated example.org.",
        ),
        (
            " failed ",
            "not under",
        ),
        built=False,
        params={**TWO_NAMES, "dns.zones": {"org": "example.org"}},
    ),
    Row(
        "a private zone",
        lambda s: s.zone("inside", visibility="private"),
        preflight,
        (
            "1 failed",
            "failed DNS zone is public inside it is a private zone: its records are seen inside "
            "its networks only; name a public zone of the same domain under dns.zone",
        ),
        ("registrar", "not under", "the Internet asks"),
        built=False,
        params={"dns.zone": "inside"},
    ),
    Row(
        "an address whose port others have",
        lambda s: hold_port(s, "443"),
        preflight,
        (
            "1 failed",
            "forwarding rule other has this address and port 443-443, and is not ours",
        ),
        ("regional", "run 40", "teardown"),
        built=False,
        params={"address.adopt": True},
    ),
    Row(
        "another port of that address",
        lambda s: hold_port(s, "9443"),
        preflight,
        ("ok nothing in the way",),
        (
            " failed ",
            "has this address",
        ),
        built=False,
        params={"address.adopt": True},
    ),
    Row(
        "a Cloud Armor policy that is not there",
        lambda s: None,
        preflight,
        (
            "1 failed",
            "security policy nowhere does not exist: make it, or take it out of the params",
        ),
        ("adopt it",),
        built=False,
        params={"backends.web.security_policy": "nowhere"},
    ),
    Row(
        "route rules that name backends of the params",
        lambda s: None,
        plan,
        ("update URL map shop", "routeRules[1]"),
        ("not found", "line "),
        params={"routes.0.api": {"routeRules": [RULE]}, "routes.0.paths": {}},
    ),
    Row(
        "route rules that name a backend nobody knows",
        lambda s: None,
        preflight,
        (
            'routes[0].api.routeRules[0].service there is no backend "appi"; did you mean "api"?',
            "one of others: projects/P/global/backendServices/NAME",
        ),
        ("not found", "create "),
        built=False,
        params={
            "routes.0.api": {"routeRules": [{**RULE, "service": "appi"}]},
            "routes.0.paths": {},
        },
    ),
    Row(
        "a port that speaks UDP",
        lambda s: [s.kube("PATCH", API, UDP), s.advance()],
        preflight,
        (
            "1 failed",
            "failed port is TCP blue/shop/api port 8080 is UDP: global frontends are TCP only; "
            "leave it on its passthrough load balancer",
        ),
        ("neg.port", "no pod matches"),
        built=False,
    ),
    Row(
        "a GRPC probe on an HTTP port",
        lambda s: None,
        preflight,
        ("backends.api.health_check.type GRPC is not possible on a port that speaks HTTP",),
        ("H2C", "50 firewall"),
        built=False,
        params={"backends.api.health_check": {"type": "GRPC"}},
    ),
    Row(
        "H2C with a GRPC probe",
        lambda s: None,
        apply,
        ("protocol: HTTP -> H2C", "6 of 6 endpoints HEALTHY"),
        ("not possible",),
        params={"backends.api.protocol": "H2C", "backends.api.health_check": {"type": "GRPC"}},
    ),
    Row(
        "a policy of the organization above",
        lambda s: s.policy_of_the_organization(),
        preflight,
        (
            "1 failed",
            "rule 900 of firewall policy corp denies 130.211.0.0/22 to tcp:8080",
            "gcloud compute firewall-policies rules create 899",
        ),
        ("--global-firewall-policy", "50 firewall", "must answer 200"),
        built=False,
    ),
    Row(
        "a policy of the region",
        lambda s: s.policy_of_the_region(),
        preflight,
        (
            "1 failed",
            "rule 900 of firewall policy near denies 130.211.0.0/22 to tcp:8080",
            "--firewall-policy-region us-central1",
        ),
        ("--global-firewall-policy", "50 firewall"),
        built=False,
    ),
    Row(
        "a network policy, before the rules",
        lambda s: s.policy_of_the_network(),
        preflight,
        (
            "1 failed",
            "rule 900 of firewall policy own denies 130.211.0.0/22 to tcp:8080",
            "gcloud compute network-firewall-policies rules create 899 --firewall-policy own "
            "--global-firewall-policy",
        ),
        ("50 firewall", "must answer 200"),
        built=False,
    ),
    Row(
        "a firewall that others keep, closed",
        lambda s: None,
        preflight,
        (
            "failed firewall allows blue tcp:8080 no rule allows 130.211.0.0/22 to tcp:8080; "
            "firewall.manage is false: hand this to whoever keeps the firewall: `gcloud compute "
            "firewall-rules create shop-allow-lb-blue",
            "--rules tcp:443,tcp:5432,tcp:8080,tcp:8883 "
            "--source-ranges 130.211.0.0/22,35.191.0.0/16 --target-tags gke-blue-",
        ),
        ("run 50", "compute.securityAdmin"),
        built=False,
        params={"firewall.manage": False},
    ),
    Row(
        "a Shared VPC in whose host project nobody may write",
        lambda s: None,
        preflight,
        (
            "permissions of compute.securityAdmin host-project",
            "ok permissions of compute.loadBalancerAdmin shop-rehearsal",
            "cluster blue is in network default, where this rule has no effect",
        ),
        ("permissions of compute.securityAdmin shop-rehearsal",),
        built=False,
        params={"network": "projects/host-project/global/networks/shared"},
    ),
    Row(
        "one pod only",
        lambda s: [s.kube("PATCH", DEPLOYMENT, {"spec": {"replicas": 1}}), s.advance()],
        preflight,
        ("pods outlive their endpoints blue/shop/api there is one pod only",),
        (
            " failed ",
            "blue/shop/api container",
        ),
        built=False,
    ),
    Row(
        "pods that a rollout, a node's upgrade and an autoscaler take away",
        lambda s: kept(
            s,
            strategy={"type": "Recreate", "rollingUpdate": None},
            budget={"minAvailable": "100%"},
            least=1,
        ),
        preflight,
        (
            "uncertain rollouts and drains leave pods blue/shop/api Deployment api has strategy "
            "Recreate: each rollout ends all its pods first; RollingUpdate with maxUnavailable: 0",
            "PodDisruptionBudget few allows no disruption: node upgrades wait an hour",
            "HorizontalPodAutoscaler load goes down to one pod; set its minReplicas to 2 or more",
        ),
        (" failed ", "drains leave pods blue/shop/postgres", "drains leave pods blue/ingress"),
        built=False,
    ),
    Row(
        "pods that rollouts, upgrades and autoscalers leave",
        lambda s: kept(
            s,
            strategy={"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0}},
            budget={"maxUnavailable": 1},
            least=2,
        ),
        preflight,
        ("pods outlive their endpoints blue/shop/api",),
        (" failed ", "rollouts and drains leave pods"),
        built=False,
    ),
    Row(
        "budgets that the caller may not list",
        lambda s: s.shop.fault(
            service="kubernetes",
            verb="GET",
            collection="poddisruptionbudgets",
            code=403,
            reason="forbidden",
            message="poddisruptionbudgets.policy is forbidden: requires one of "
            '["container.podDisruptionBudgets.list"] permission(s).',
            times=0,
        ),
        preflight,
        (
            "uncertain rollouts and drains leave pods blue/shop/api poddisruptionbudgets.policy is",
            'requires one of ["container.podDisruptionBudgets.list"] permission(s).; grant roles/',
        ),
        (" failed ", "Recreate"),
        built=False,
    ),
    Row(
        "a NetworkPolicy that lets nobody in",
        lambda s: s.kube("POST", test_thirty.POLICIES, test_thirty.NOBODY),
        preflight,
        (
            "uncertain NetworkPolicies let Google in blue/shop/api NetworkPolicy shop/nobody lets",
            "not in to port 8080, where the cluster enforces them",
            "add a NetworkPolicy for these pods with ingress from ipBlock",
        ),
        (" failed ", "50 firewall", "must answer 200"),
        built=False,
    ),
    Row(
        "pods that end at once",
        lambda s: s.ending(lifecycle=None, grace=30),
        preflight,
        (
            "pods outlive their endpoints blue/shop/api container api has no preStop; "
            "terminationGracePeriodSeconds is 30",
            "preStop sleep of 60 s, grace above it",
        ),
        (" failed ", "there is one pod only"),
        built=False,
    ),
    Row(
        "a grace that ends the preStop",
        lambda s: s.ending(lifecycle={"preStop": {"sleep": {"seconds": 90}}}, grace=80),
        preflight,
        (
            "pods outlive their endpoints blue/shop/api terminationGracePeriodSeconds 80 ends the "
            "preStop of api (90 s)",
        ),
        (" failed ", "container api has no preStop"),
        built=False,
    ),
    Row(
        "pods that are older than their NEG, without a readiness gate",
        lambda s: None,
        preflight,
        (
            "uncertain rollouts wait for the load balancer blue/shop/api 6 of 6 pods are older "
            "than their NEG, without the gate cloud.google.com/load-balancer-neg-ready; "
            "a rollout restart of them, once",
        ),
        (" failed ", "ok rollouts wait"),
    ),
    Row(
        "pods that were made under their NEG",
        lambda s: s.ending(lifecycle={"preStop": {"sleep": {"seconds": 61}}}, grace=90),
        preflight,
        ("ok rollouts wait for the load balancer blue/shop/api 6 pods",),
        (" failed ", "blue/shop/api 6 of 6 pods are older"),
    ),
    Row(
        "another page than the pods' own probe asks",
        lambda s: s.readiness(path="/ready"),
        preflight,
        (
            "uncertain health check fits the pods blue/shop/api /healthz must answer 200, and the "
            "pods' readinessProbe asks /ready there; set backends.api.health_check.path to /ready",
        ),
        (" failed ", "port-forward"),
        built=False,
    ),
    Row(
        "pods that are Ready by another port",
        lambda s: s.readiness(port="health"),
        preflight,
        (
            "uncertain health check fits the pods blue/shop/api no readinessProbe asks port 8080",
            "let the pods of shop/api listen there, or correct targetPort",
        ),
        (" failed ", "must answer 200"),
        built=False,
    ),
    Row(
        "pods that speak TLS where the params say HTTP",
        lambda s: s.readiness(scheme="HTTPS"),
        preflight,
        (
            "1 failed",
            "failed health check fits the pods blue/shop/api HTTP probes on port 8080, where the "
            "pods' readinessProbe speaks HTTPS",
            "backends.api.protocol to HTTPS",
        ),
        ("must answer 200", "port-forward"),
        built=False,
    ),
    Row(
        "NGINX whose one Ingress forces HTTPS",
        lambda s: [
            set_nginx(s, **{"use-forwarded-headers": None, "ssl-redirect": "false"}),
            s.kube("PATCH", INGRESS, {"metadata": {"annotations": {FORCE: "true"}}}),
        ],
        preflight,
        ("ssl-redirect is on (shop/shop) and use-forwarded-headers is not: HTTPS requests",),
        ("PROXY",),
        built=False,
        params=PLAIN_WEB,
    ),
    Row(
        "NGINX that gets a PROXY line and does not expect it",
        lambda s: None,
        preflight,
        (
            "1 failed",
            "the frontend sends PROXY_V1, and NGINX does not expect it; set use-proxy-protocol",
        ),
        ("redirect for ever", "nobody sends it"),
        built=False,
        params=RAW,
    ),
    Row(
        "NGINX that redirects what came by HTTPS",
        lambda s: set_nginx(s, **{"use-forwarded-headers": None}),
        preflight,
        (
            "ssl-redirect is on (shop/admin, shop/shop) and use-forwarded-headers is not: HTTPS "
            "requests redirect for ever",
            'set use-forwarded-headers: "true" in its ConfigMap, or protocol: HTTPS, port 443',
        ),
        ("PROXY",),
        built=False,
        params=PLAIN_WEB,
    ),
    Row(
        "NGINX that is spoken to in TLS redirects nothing",
        lambda s: set_nginx(s, **{"use-forwarded-headers": None}),
        preflight,
        ("allow-lists (shop/admin) would see Google's addresses and refuse everybody",),
        ("redirect for ever", "PROXY"),
        built=False,
    ),
    Row(
        "NGINX that expects PROXY protocol",
        lambda s: set_nginx(s, **{"use-proxy-protocol": "true"}),
        preflight,
        ("1 failed", "use-proxy-protocol is true, and nobody sends it: every connection is broken"),
        ("redirect for ever", "allow-lists"),
        built=False,
    ),
    Row(
        "NGINX that is more patient than Google",
        lambda s: set_nginx(s, **{"proxy-read-timeout": "120"}),
        preflight,
        ("NGINX waits 120 s for the application, Google 30 s; set backends.web.timeout to 120 s",),
        (" failed ", "PROXY", "allow-lists"),
        built=False,
    ),
    Row(
        "an Ingress that asks for client certificates, and waits longer than Google",
        lambda s: s.kube(
            "PATCH",
            INGRESS,
            {
                "metadata": {
                    "annotations": {
                        "nginx.ingress.kubernetes.io/auth-tls-secret": "shop/ca",
                        "nginx.ingress.kubernetes.io/proxy-send-timeout": "3600",
                    }
                }
            },
        ),
        preflight,
        (
            "1 failed",
            "auth-tls-secret asks for client certificates, and none gets past Google's front end",
            "proxy-send-timeout is 3600 s, Google waits 30 s in all; set backends.web.timeout to "
            "3600 s or more",
        ),
        ("PROXY", "allow-lists", "redirect for ever"),
        built=False,
    ),
    Row(
        "NGINX that does not believe Google who the client is",
        lambda s: set_nginx(s, **{"proxy-real-ip-cidr": "10.0.0.0/8"}),
        preflight,
        (
            "1 failed",
            "proxy-real-ip-cidr lacks 130.211.0.0/22, 35.191.0.0/16: allow-lists (",
        ),
        ("use-forwarded-headers is not true",),
        built=False,
    ),
    Row(
        "a Service with a BackendConfig and an allow-list of its own",
        lambda s: s.kube(
            "PATCH",
            API,
            {
                "metadata": {
                    "annotations": {"cloud.google.com/backend-config": '{"default":"api"}'}
                },
                "spec": {"loadBalancerSourceRanges": ["198.51.100.0/24"]},
            },
        ),
        preflight,
        (
            "BackendConfig is heeded by GKE's Ingress only",
            "say the same under backends.api: timeout, draining",
            "loadBalancerSourceRanges lets 198.51.100.0/24 in, the front door all; a Cloud Armor "
            "policy of these ranges, under backends.api.security_policy",
        ),
        (" failed ", "protocols agree"),
        built=False,
    ),
    Row(
        "NGINX whose allow-lists see the clients",
        lambda s: s.kube("PATCH", INGRESS, {"metadata": {"annotations": {ALLOW: "10.0.0.0/8"}}}),
        preflight,
        ("ok nothing in the way",),
        (" failed ", "allow-lists", "redirect for ever"),
        built=False,
    ),
    Row(
        "one hostname less fits the default limits",
        lambda s: None,
        apply,
        ("delete certificate shop", "6 of 6 changes done"),
        ("max_deletes", "limit"),
        params={
            "hostnames": ["shop.example.com"],
            "routes.0.hosts": ["shop.example.com"],
            "safety": {},
        },
    ),
    Row(
        "a look at nothing is no ok",
        lambda s: [s.direct("cluster-down", cluster=name) for name in ("blue", "green")],
        preflight,
        (
            "skipped Service blue/shop/api:8080 the cluster was not read",
            "skipped firewall policies let Google in",
            "no port of pods is known yet",
        ),
        ("ok firewall policies", "ok Service", "ok pods outlive", "ok nothing in the way"),
        built=False,
    ),
    Row(
        "a rule that denies before ours, before anything is built",
        denies(900),
        preflight,
        ("rule deny denies 130.211.0.0/22 to tcp:8080, before ours", "firewall.priority below 900"),
        built=False,
    ),
    Row(
        "a rule that denies after ours",
        denies(2000),
        preflight,
        ("preflight:",),
        ("rule deny",),
        built=False,
    ),
    Row(
        "no pods behind a number, beforehand",
        without_pods,
        preflight,
        ("failed Service blue/shop/api:8080 no pod is behind the Service",),
        ("pods listen on 8080",),
        built=False,
    ),
    Row(
        "a Service without a selector",
        lambda s: [s.kube("PATCH", API, {"spec": {"selector": None}}), s.advance()],
        preflight,
        ("failed Service blue/shop/api:8080 the Service has no selector", "give the Service a"),
        ("matches none", "scaled to zero", "kubectl get deployments"),
        built=False,
    ),
    Row(
        "a Service that is another name only",
        lambda s: s.kube(
            "PATCH", API, {"spec": {"type": "ExternalName", "externalName": "x.test"}}
        ),
        preflight,
        ("failed Service blue/shop/api:8080 the Service is of type ExternalName",),
        ("pods listen on 8080", "scaled to zero"),
        built=False,
    ),
]


# What can be known beforehand -> the rows that show it, here or among the thirty.
TRAPS = {
    "DNS at another provider": ["names at another provider"],
    "hostnames in two zones": ["names in two zones", "names in two zones, one of them not named"],
    "private zones": ["a private zone"],
    "a regional address": ["20 a regional address"],
    "a port that is taken": ["an address whose port others have", "another port of that address"],
    "FIXED_RECORD beside a TXT record": ["24 cert-manager's TXT is there"],
    "a missing Cloud Armor policy": ["a Cloud Armor policy that is not there"],
    "route rules": [
        "route rules that name backends of the params",
        "route rules that name a backend nobody knows",
    ],
    "UDP": ["a port that speaks UDP"],
    "GRPC probes on HTTP": ["a GRPC probe on an HTTP port"],
    "H2C backends": ["H2C with a GRPC probe"],
    "Shared VPC": ["a Shared VPC in whose host project nobody may write"],
    "firewall policies": [
        "a policy of the organization above",
        "a policy of the region",
        "a network policy, before the rules",
    ],
    "firewall rules": [
        "a rule that denies before ours, before anything is built",
        "a rule that denies after ours",
    ],
    "Services without pods": [
        "no pods behind a number, beforehand",
        "a Service that is another name only",
        "a Service without a selector",
    ],
    "preStop": ["pods that end at once", "29 pods that end at once"],
    "grace": ["a grace that ends the preStop", "pods that end at once"],
    "replicas": ["one pod only"],
    "rollouts and drains": [
        "pods that a rollout, a node's upgrade and an autoscaler take away",
        "pods that rollouts, upgrades and autoscalers leave",
        "budgets that the caller may not list",
    ],
    "NetworkPolicies": ["a NetworkPolicy that lets nobody in"],
    "readiness gates": [
        "pods that are older than their NEG, without a readiness gate",
        "pods that were made under their NEG",
    ],
    "redirect loops of NGINX": [
        "NGINX that redirects what came by HTTPS",
        "NGINX whose one Ingress forces HTTPS",
        "NGINX that is spoken to in TLS redirects nothing",
    ],
    "PROXY protocol": [
        "NGINX that expects PROXY protocol",
        "NGINX that gets a PROXY line and does not expect it",
    ],
    "read timeouts": ["NGINX that is more patient than Google"],
    "annotations of Ingresses": [
        "an Ingress that asks for client certificates, and waits longer than Google",
    ],
    "trusted addresses": ["NGINX that does not believe Google who the client is"],
    "settings of the Service": ["a Service with a BackendConfig and an allow-list of its own"],
    "allow-lists": [
        "NGINX that is spoken to in TLS redirects nothing",
        "NGINX whose allow-lists see the clients",
    ],
    "probes that do not fit": [
        "another page than the pods' own probe asks",
        "pods that are Ready by another port",
        "pods that speak TLS where the params say HTTP",
    ],
    "one hostname less": ["one hostname less fits the default limits"],
    "looks at nothing": ["a look at nothing is no ok"],
    "a firewall that others keep": ["a firewall that others keep, closed"],
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_it_is_told_before_anything_is_changed(row: Row, staged: Staged) -> None:
    play(row, staged)


def test_each_trap_has_its_row_and_each_row_its_trap() -> None:
    here, thirty = {row.name for row in ROWS}, {row.name for row in test_thirty.ROWS}
    named = {name for rows in TRAPS.values() for name in rows}
    assert named - here - thirty == set() and here - named == set()
    assert len(here) == len(ROWS) and all(TRAPS.values())
