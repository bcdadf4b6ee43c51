"""The failures that happen most on the way to a front door: how each is recognised, cause, remedy.

One table, used by errors, gates and checks alike, so that the same trouble is explained in the
same words everywhere. Some show in an error's text (`pattern`), the others in a state that is read.
The numbers are those of our list of thirty frequent failures; sources: Google's error messages,
ingress-gce's events, public issue threads.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from edgebook.base.errors import ApiError, EdgebookError
from edgebook.model.observed import ObservedService
from edgebook.model.ranges import IPV4_RANGES
from edgebook.params.types import NegSpec


@dataclass(frozen=True)
class Failure:
    """One known trouble. `final`: waiting longer does not help. `seen`: how it was recognised."""

    number: int
    title: str
    cause: str
    remedy: str
    pattern: str = ""
    final: bool = True
    seen: str = ""


FIREWALL_MISSING = Failure(
    1,
    "no firewall rule for Google's probes",
    f"probes from {' and '.join(IPV4_RANGES)} cannot reach the pods' port",
    "run 50 firewall: it derives the rule from the pods' ports and the nodes' tags",
)
FIREWALL_WRONG_PORT = Failure(
    2,
    "the firewall opens another port",
    "the rule allows the Service's port or node port; Google connects to the pods' own port",
    "run 50 firewall again: it derives the port from the pods",
)
HEALTH_CHECK_PATH = Failure(
    3,
    "the health check asks for a page that does not answer 200",
    "only status 200 is healthy: no redirect, no login, and NGINX's default host answers 404",
    "set backends.<name>.health_check.path (and host) to a page that answers 200",
)
HEALTH_CHECK_PORT = Failure(
    4,
    "the health check probes another port than the endpoints'",
    "a fixed health check port differs from the port of the endpoints",
    "remove backends.<name>.health_check.port: then the serving port is probed",
)
HEALTH_CHECK_PROTOCOL = Failure(
    5,
    "the health check speaks another protocol than the pods",
    "the health check's type does not fit the backend's protocol (plain HTTP to a TLS port)",
    "set backends.<name>.health_check.type to the protocol of the pods",
)
HEALTH_UNKNOWN = Failure(
    6,
    "health is not known yet",
    "Google evaluates health only when a forwarding rule leads to the backend service",
    "run 30 frontends first",
    final=False,
)
NEG_EMPTY = Failure(
    7,
    "the NEG has no endpoints",
    "no pod matches: the Service's selector or its named target port fits none",
    "compare the Service's selector and port names with its EndpointSlices: "
    "`kubectl get endpointslices -A`",
    final=False,
)
ANNOTATION_INVALID = Failure(
    8,
    "the NEG annotation is invalid",
    "GKE cannot read it: it is no JSON, or a port is not quoted",
    "run 60 backends: it writes the annotation anew",
    r"NEG annotation is invalid",
)
ANNOTATION_PORT = Failure(
    9,
    "the NEG annotation names a port that the Service does not have",
    "its key is the Service's port, not the pods' target port",
    "set backends.<name>.neg.port to a port of the Service",
    r"port \d+ specified in .*doesn't exist in the service",
)
INGRESS_AND_NAME = Failure(
    10,
    "`ingress: true` beside a custom NEG name",
    "GKE adds ingress:true by itself, and refuses it together with a custom name",
    "run 60 backends: it takes ingress:true out of the annotation",
    r"custom neg name cannot be used with ingress enabled",
)
NEG_NAME_TAKEN = Failure(
    11,
    "the NEG's name is taken",
    "another cluster, another Service or a hand-made NEG has that name in the zone",
    "choose another backends.<name>.neg.name ({cluster} in it makes it differ by cluster)",
    r"found conflicting description|empty description|label mismatch",
)
ZONE_NOT_ATTACHED = Failure(
    12,
    "a zone's NEG is not attached",
    "its NEG is known to GKE and not attached: nodes appeared in a new zone, or somebody took it "
    "off",
    "run operate/zones, or 60 backends: they attach the NEGs of all zones",
)
NEG_HELD = Failure(
    13,
    "a NEG cannot be deleted",
    "a backend service still uses it, so GKE's garbage collection and the namespace wait",
    "detach it (edgebook teardown does), then wait for the next collection (120 s)",
    r"network_endpoint_group resource '.*' is already being used by",
)
NEG_LEAKED = Failure(
    14,
    "NEGs without a cluster",
    "their cluster was deleted before they were",
    "edgebook status --leaks names them and says how each goes",
)
ROUTES_BASED = Failure(
    15,
    "the cluster is routes-based",
    "NEGs need a VPC-native cluster: pod addresses must belong to the subnetwork",
    "move to a VPC-native cluster; it cannot be changed in place",
    r"doesn't belong to the \(sub\)network",
)
BALANCING_MODE = Failure(
    16,
    "the balancing mode does not fit the protocol",
    "HTTP, HTTPS, HTTP2 and H2C balance by RATE; SSL and TCP by CONNECTION",
    "correct backends.<name>.balancing.mode, or leave it out",
    r"balancing mode is not supported for protocol",
)
SCHEME_MISMATCH = Failure(
    17,
    "load balancing schemes differ along the chain",
    "EXTERNAL and EXTERNAL_MANAGED resources cannot be combined this way",
    "edgebook builds EXTERNAL_MANAGED throughout: do not adopt a classic resource",
    r"(?i)load ?balancing ?scheme",
)
LOST_UPDATE = Failure(
    18,
    "somebody else changes the same resource",
    "its fingerprint changed between reading and writing, several times in a row",
    "find the other writer (Terraform, autoneg, Config Connector): "
    "`gcloud compute operations list --sort-by ~insertTime --limit 20` has their users",
    r"Invalid fingerprint|Labels fingerprint",
)
NOT_READY = Failure(
    19,
    "an operation holds the resource",
    "another operation on it is in flight",
    "it was waited for and retried; look for a stuck one: `gcloud compute operations list`",
    r"The resource '.*' is not ready",
    final=False,
)
ADDRESS_IN_USE = Failure(
    20,
    "the address is in use or of the wrong kind",
    "another forwarding rule has that IP and port, or the address is regional",
    "`gcloud compute addresses list --format 'table(name,address,users)'` shows who has it; a "
    "regional address cannot move to a global load balancer",
    r"Specified IP address is in-use|Invalid IP address specified",
)
DNS_STALE = Failure(
    21,
    "resolvers still answer the old address",
    "they keep an answer for the record's old TTL",
    "wait for the old TTL; lower it well before the next cut-over",
    final=False,
)
ZONE_NOT_DELEGATED = Failure(
    22,
    "the DNS zone is not delegated",
    "the parent zone does not name this zone's name servers, so nobody asks them",
    "enter the zone's name servers at the registrar or in the parent zone",
)
CNAME_WRONG = Failure(
    23,
    "the validation CNAME is missing or wrong",
    "Google's certificate authority does not find the expected CNAME",
    "set exactly that CNAME: by hand at another DNS provider, by 20 certificate in Cloud DNS; look "
    "for a doubled suffix (_acme-challenge.x.x.)",
    final=False,
)
CNAME_BLOCKED = Failure(
    24,
    "another record blocks the CNAME",
    "cert-manager's TXT record has the same name, and a CNAME tolerates no other record beside it",
    "set certificate.authorization: PER_PROJECT_RECORD, or delete the TXT record",
    r"may have either one CNAME resource record set or resource record sets of other types",
)
CAA_FORBIDS = Failure(
    25,
    "a CAA record forbids Google's certificate authority",
    "the domain's CAA records do not name pki.goog",
    'add: <domain>. CAA 0 issue "pki.goog"',
)
ISSUANCE_LIMITED = Failure(
    26,
    "too many certificates were requested",
    "the certificate authority limits how often a domain is issued",
    "wait (hours, up to a week); do not recreate the certificate, that counts too",
)
HANDSHAKE = Failure(
    27,
    "the TLS handshake fails or shows another certificate",
    "no entry of the map matches the name, or the entry or its certificate is not ACTIVE",
    "run 40 certificate map; book.certificates() shows the three states",
)
MAP_HELD = Failure(
    28,
    "the certificate map is held",
    "it has entries, or a proxy still refers to it; the release takes minutes",
    "edgebook teardown deletes in the right order and waits",
    r"(?i)^(?!.*already exists).*(can't delete.*(in use|map)|"
    r"certificate.?map.*(in use|being used|contains|entries))",
    final=False,
)
ROLLOUT_502 = Failure(
    29,
    "502 during rollouts",
    "pods end before the load balancer has let go of them, or close idle connections early",
    "preStop sleep, keep-alive above 600 s, maxUnavailable 0, the load-balancer-neg-ready gate",
)
DNS_CHANGE = Failure(
    30,
    "the DNS change does not fit the live records",
    "somebody changed the record set between reading and writing",
    "plan again: the record set is read anew",
    r"Precondition not met for 'entity\.change|entity\.change\.(addit|delet)ions\[\d+\]' resource",
)
# Besides the thirty:
RATE_LIMITED = Failure(
    0,
    "the project's request quota is used up",
    "too many requests a minute; it refills with the next minute",
    "it was waited for; if it stays, look for another tool that polls",
    r"Quota exceeded for quota metric",
    final=False,
)
QUOTA = Failure(
    0,
    "a resource quota is used up",
    "the project may not have more of these",
    "delete unused ones or ask for more: console, IAM & Admin, Quotas",
    r"Quota '.*' exceeded|QUOTA_EXCEEDED",
)
CAPACITY_ZERO = Failure(
    0,
    "capacity 0 on the only backend",
    "Google refuses to take all capacity away",
    "attach another backend with capacity first",
    r"capacityScaler",
)
MAP_NOT_DETACHABLE = Failure(
    28,
    "the certificate map cannot be taken off the proxy",
    "the proxy has no other certificate",
    "delete the proxy, or attach a certificate directly first",
    r"(?i)(ssl ?certificate|certificate) .*(must be|required|at least one)",
)
FIREWALL_POLICY = Failure(
    0,
    "a firewall policy denies before the rule is asked",
    "a hierarchical or network firewall policy denies the traffic with a higher priority",
    "ask whoever keeps the policy to allow Google's ranges",
)
ISSUANCE_SLOW = Failure(
    0,
    "issuance takes unusually long",
    "usually under 30 minutes; after hours, a CNAME or CAA record is wrong",
    "check both: book.step('certificate').verify(); then run 40 again",
    final=False,
)
ENTRY_PENDING = Failure(
    0,
    "the map entry stays PENDING",
    "Google rolls an entry out within about two minutes",
    "run 40 certificate map again; if it stays, ask Google's support",
    final=False,
)
NEG_NOT_SYNCED = Failure(
    0,
    "GKE does not make the NEGs",
    "the svcneg object is missing or not synced, and no event says why",
    "`kubectl describe svcneg -A` and the Service's events; the cluster must be VPC-native",
    final=False,
)
FIREWALL_DENIED = Failure(
    0,
    "a firewall rule denies Google's probes",
    "a deny rule is asked before the one that allows",
    "set firewall.priority below that of the deny rule, or have it narrowed",
)
ZONE_DOWN = Failure(
    0,
    "a zone is down",
    "no node of the zone is ready, so its pods are gone or cannot be reached",
    "nothing to change here: traffic goes to the other zones; look at the nodes and at Google's "
    "service health",
    final=False,
)
ZONE_APART = Failure(
    0,
    "the endpoints of one zone do not answer",
    "the same probe is answered in the other zones: it is the zone's nodes or its network",
    "nothing to change here: look at the zone's nodes and at Google's service health; traffic goes "
    "to the other zones",
    final=False,
)
PODS_APART = Failure(
    0,
    "some pods do not answer",
    "the same probe is answered by others of the Service: it is the pods themselves",
    "nothing to change here: `kubectl describe pods -A` and the logs of these pods",
    final=False,
)
POD_NOT_READY = Failure(
    0,
    "the pod itself is not ready",
    "its own readiness probe fails, so the application has a problem, not the way to it",
    "`kubectl describe pods -A`, and the logs of that one",
    final=False,
)
NOBODY_LISTENS = Failure(
    0,
    "nobody listens on the port",
    "the endpoints' port is none that the pods' containers name",
    "correct the Service's targetPort, or let the pods listen there",
)
NETWORK_POLICY = Failure(
    0,
    "a NetworkPolicy of the cluster keeps Google out",
    "once a NetworkPolicy selects a pod, only what one lets in gets in; kubelets always do",
    "add a NetworkPolicy for these pods with ingress from ipBlock "
    f"{' and '.join(IPV4_RANGES)} to their port",
)
PORT_UNPROVEN = Failure(
    0,
    "nobody knows whether anybody listens on the port",
    "a pod is Ready by what its readinessProbe asks, and none asks the port that Google probes",
    "a port-forward to that port of a pod tells; give the pods a readinessProbe on it",
)
CLUSTER_UNREAD = Failure(
    0,
    "the cluster cannot be read",
    "what should be behind the NEGs is not known, and GKE may have stopped to update them",
    "`kubectl cluster-info`; until it answers, roll no pods",
    final=False,
)
CLUSTER_GONE = Failure(
    0,
    "the cluster is deleted",
    "GKE has no cluster of that name any more: nobody is behind its NEGs",
    "serve from another cluster (edgebook plan operate/swap -p to CLUSTER), then take it out of "
    "the params",
)
NO_RULE = Failure(
    0,
    "no forwarding rule leads to the backend service",
    "without one Google asks no endpoint and nothing serves: the frontend is not there",
    "run 30 frontends and 40 certificate map: they make what is missing of the chain",
)
LED_AWAY = Failure(
    0,
    "no request is led to the backend service",
    "the URL map leads its requests elsewhere: without them Google asks no endpoint",
    "run 30 frontends, then 60 backends: it leads them back",
)
NO_SERVICE = Failure(
    0,
    "the Service is gone",
    "the application was deleted or renamed",
    "deploy it again, correct backends.<name>.neg, or serve from another cluster "
    "(edgebook plan operate/swap -p to CLUSTER)",
)
SVCNEG_GONE = Failure(
    0,
    "GKE keeps no NEG for the Service",
    "the Service's NEG annotation does not name ours: nobody updates what is attached",
    "run 60 backends: it puts the annotation back; find out what took it away "
    "(`kubectl get services -A -o yaml --show-managed-fields`)",
)
SVCNEG_LEAVING = Failure(
    0,
    "the svcneg is marked for deletion",
    "its annotation was taken away or rewritten once, and GKE collects it as soon as nothing wants "
    "it",
    "keep the annotation as it is (60 backends puts it back) and find out who writes it: "
    "`kubectl get services -A -o yaml --show-managed-fields`; to be rid of the mark, give the NEG "
    "another name: backends.<name>.neg.name",
)
SERVICE_ANEW = Failure(
    0,
    "the Service was deleted and made anew",
    "it was deleted and made anew without our NEG annotation: nobody updates what is attached",
    "run 60 backends: it puts the annotation back; then write it into what makes the Service (its "
    "manifest, its chart), or the next deploy takes it away again",
)
SVCNEG_ANEW = Failure(
    0,
    "the svcneg is marked for deletion",
    "its Service was deleted and made anew, and GKE collects it as soon as nothing wants it",
    "keep the annotation: write it into what makes the Service (its manifest, its chart); to be "
    "rid of the mark, give the NEG another name: backends.<name>.neg.name",
)
ENDPOINTS_FROZEN = Failure(
    0,
    "endpoints of pods that are gone",
    "nobody takes them out of the NEG: its syncer stands still",
    "`kubectl describe svcneg -A` and the Service's events say why; a control plane that is down "
    "or upgrading syncs when it is back",
)
SVCNEG_STALE = Failure(
    0,
    "the NEG controller stands still",
    "GKE has not looked at the svcneg since the pods changed",
    "roll no pods until its lastSyncTime moves on (`kubectl describe svcneg -A` and the Service's "
    "events say why); a control plane that is down or upgrading syncs when it is back",
)
NEG_OF_OTHERS = Failure(
    0,
    "a NEG of another cluster or Service is attached",
    "its description names whom GKE made it for: its endpoints are that Service's pods",
    "give our NEG a name of its own (backends.<name>.neg.name, with {cluster} in it) and run 60 "
    "backends, which attaches it",
)
PODS_NOT_IN_NEG = Failure(
    0,
    "ready pods that get no traffic",
    "GKE has not put them into the NEG",
    "it takes seconds; if it stays: the Service's events, and nodes in a new zone (60 backends)",
    final=False,
)
NO_PODS = Failure(
    0,
    "no pods",
    "no pod is behind the Service: scaled to zero, all Pending, or its selector matches none",
    "`kubectl get deployments,statefulsets -A` says how many there should be: scale it up, give "
    "Pending pods nodes, or correct the selector",
    final=False,
)
PORT_NAME = Failure(
    0,
    "a target port that no container has",
    "the Service's targetPort is a name, and no container of its pods has a port of that name",
    "name the container's port as the Service's targetPort says, or give the targetPort by number",
)
SERVICE_PORT = Failure(
    0,
    "a port that the Service has no more",
    "the Service has no such port",
    "give the Service that port back, or correct backends.<name>.neg.port (with another neg.name)",
)
SERVICE_EXTERNAL = Failure(
    0,
    "a Service without pods of its own",
    "the Service is of type ExternalName: GKE makes no NEG of it, since it has no pods",
    "name a Service that selects the pods: backends.<name>.neg.service",
)
SERVICE_SELECTORLESS = Failure(
    0,
    "a Service without a selector",
    "the Service has no selector, so no pod is behind it",
    "give the Service a selector that matches the pods, or name another one: "
    "backends.<name>.neg.service",
)
HEALTH_CHECK_DRIFT = Failure(
    0,
    "probes are not those of the params",
    "Google probes otherwise than the params say",
    "edgebook plan shows what differs; run 30 frontends again",
)
LAST_NEG = Failure(
    0,
    "nothing else is attached",
    "the NEGs that go are the only ones, and nothing would serve after them",
    "see why the others are not there: book.step('backends').verify()",
)
UNHEALTHY = Failure(
    0,
    "endpoints are not HEALTHY",
    "probes do not get a good answer",
    "book.step('firewall').verify() and book.endpoints() show which of port, path and firewall "
    "it is",
    final=False,
)

CATALOGUE: tuple[Failure, ...] = tuple(
    value for value in list(vars().values()) if isinstance(value, Failure)
)
_PATTERNS = [(re.compile(f.pattern), f) for f in CATALOGUE if f.pattern]


def of_backend(trouble: Failure, name: str, neg: NegSpec) -> Failure:
    """The failure with a backend's own name, and that of its Service, in its remedy."""
    return replace(trouble, remedy=for_backend(trouble.remedy, name, neg))


def for_backend(remedy: str, name: str, neg: NegSpec) -> str:
    """A remedy where backend and Service are known: kubectl is asked for them, not for all."""
    own = {
        "<name>": name,
        "get endpointslices -A": "get endpointslices -A "
        f"-l kubernetes.io/service-name={neg.service}",
        "get services -A": f"get service {neg.service} -A",
        " -A": f" -n {neg.namespace}",
    }
    for general, particular in own.items():
        remedy = remedy.replace(general, particular)
    return remedy


def of_neg(trouble: Failure, neg: str) -> Failure:
    """The failure in words for the backend of a NEG, where only the NEG is known."""
    if "backends.<name>." not in trouble.remedy:
        return trouble
    remedy = trouble.remedy.replace("backends.<name>.", "")
    return replace(trouble, remedy=f"{remedy}; of the backend whose neg.name is {neg}")


def of_no_endpoints(service: ObservedService, port: int) -> Failure:
    """Why a NEG has no endpoints: no such port, no pods, pods without a port of the name it looks
    for, or pods that GKE has not put in."""
    if service.external:
        return SERVICE_EXTERNAL
    if service.target_ports and port not in service.target_ports:
        has = ", ".join(str(one) for one in sorted(service.target_ports))
        where = f"Service {service.namespace}/{service.name}"
        return replace(SERVICE_PORT, cause=f"{where} has no port {port}; it has {has}")
    if not service.pods:
        return NO_PODS if service.selects else SERVICE_SELECTORLESS
    return PODS_NOT_IN_NEG if any(port in pod.ports for pod in service.pods) else PORT_NAME


def of_text(text: str) -> Failure | None:
    """The known failure that a message of Google's or GKE's speaks of."""
    for pattern, failure in _PATTERNS:
        if pattern.search(text):
            return replace(failure, seen=text.strip())
    return None


def of_error(error: BaseException) -> Failure | None:
    """The known failure behind an error answer."""
    if not isinstance(error, ApiError):
        return None
    if error.reason == "cnameResourceRecordSetConflict":
        return replace(CNAME_BLOCKED, seen=error.message)
    return of_text(error.message)


def explained(error: EdgebookError) -> EdgebookError:
    """The same error, its remedy filled in when it is a known failure without one."""
    failure = of_error(error)
    if failure is not None and not error.next:
        error.next = failure.remedy
        error.why = f"{error.why}\n{failure.cause}" if error.why else failure.cause
    return error


def of_certificate(certificate: Mapping[str, Any]) -> Failure | None:
    """What keeps a managed certificate from being issued; None while nothing is known to be wrong.

    `final` when no waiting helps: the certificate FAILED, CAA forbids, or issuance is limited.
    """
    managed = certificate.get("managed") or {}
    given_up = managed.get("state") == "FAILED"
    found: Failure | None = None
    for attempt in managed.get("authorizationAttemptInfo") or ():
        if attempt.get("state") != "FAILED":
            continue
        seen = f"{attempt.get('domain')}: {attempt.get('failureReason', 'unknown reason')}"
        if cname := _cname_words(attempt):
            seen += f"; {cname}"
        elif attempt.get("details"):
            seen += f"; {attempt['details']}"
        by_reason = {"CAA": CAA_FORBIDS, "RATE_LIMITED": ISSUANCE_LIMITED}
        failure = by_reason.get(str(attempt.get("failureReason")), CNAME_WRONG)
        found = replace(failure, seen=seen, final=failure.final or given_up)
        if failure.final:
            return found
    issue = (managed.get("provisioningIssue") or {}).get("reason")
    if found is None and issue == "RATE_LIMITED":
        return replace(ISSUANCE_LIMITED, seen=str(managed["provisioningIssue"].get("details", "")))
    if found is None and given_up:
        return replace(
            ISSUANCE_SLOW,
            cause="Certificate Manager gave up",
            remedy="delete the certificate and run 20 certificate again",
            final=True,
        )
    return found


def _cname_words(attempt: Mapping[str, Any]) -> str:
    trouble = attempt.get("troubleshooting") or {}
    cname = trouble.get("cname") or {}
    if not cname:
        return ", ".join(trouble.get("issues") or ())
    seen = ", ".join(cname.get("resolvedData") or ()) or "nothing"
    return f"{cname.get('name')} should be {cname.get('expectedData')}, resolves to {seen}"
