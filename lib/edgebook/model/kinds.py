"""One table: for every kind of resource, how its API treats it.

Collection, who may change which field and by which method, what only the server sets, which lists
have no order, how others refer to it, what people call it. Data and look-ups only: whoever reads,
compares or writes resources asks here instead of knowing kinds by name.
Sources: Google's discovery documents; behaviour that they do not tell is cited at its line.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from edgebook.model.values import ResourceKey, Step


class Api(StrEnum):
    COMPUTE = "compute"
    DNS = "dns"
    CERTIFICATE_MANAGER = "certificatemanager"
    KUBERNETES = "kubernetes"
    CONTAINER = "container"  # GKE's own API: versions of control planes and node pools


class Update(StrEnum):
    """How a changed field is written."""

    PATCH = "patch"  # JSON merge, with the fingerprint where there is one
    PATCH_MASK = "patch-mask"  # Certificate Manager: PATCH with updateMask
    SETTERS = "setters"  # one method per field, no PATCH at all
    CHANGE = "change"  # Cloud DNS: one atomic change of deletions and additions
    MERGE = "merge"  # Kubernetes: a merge patch of one annotation
    OBJECT = "object"  # Kubernetes: a merge patch of the object itself
    UPGRADE = "upgrade"  # GKE: a long operation that changes a version


@dataclass(frozen=True)
class Setter:
    """A method of its own for a field: POST {collection}/{name}/{method} with {body_field: value}.

    `after_insert`: the value in an
    insert's body is not stored, so the method must follow.
    """

    method: str
    body_field: str
    after_insert: bool = False


@dataclass(frozen=True)
class Kind:
    """One kind. Field patterns are dotted, with `[]` for list items: `pathMatchers[].pathRules`."""

    name: str
    api: Api
    collection: str
    noun: str
    schema: str  # its type in the discovery document
    step: Step
    update: Update
    fingerprint: bool = False
    immutable: frozenset[str] = frozenset()
    migrates: frozenset[str] = frozenset()  # immutable, but the API has a way for adopted ones
    create_only: frozenset[str] = frozenset({"description"})  # written once, never compared
    server_set: frozenset[str] = frozenset()
    setters: Mapping[str, Setter] = field(default_factory=dict)
    labels: bool = False
    order_free: frozenset[str] = frozenset()
    whole: frozenset[str] = (
        frozenset()
    )  # maps that are all ours: what desired lacks must not be set
    wishes: Mapping[str, Any] = field(default_factory=dict)  # only people set it -> as if not set
    defaults: Mapping[str, Any] = field(default_factory=dict)
    id_parameter: str = ""  # query parameter that carries the name of a new one
    deletable: bool = True  # edgebook may delete one that is marked as its own
    object_kind: str = ""  # this kind is a part of another kind's object
    marker: bool = True  # it has a description, where our mark goes
    listed: bool = False  # read with one list in every reading
    client: str = ""  # module in Google's client, where it is not the collection's
    quotas: tuple[str, ...] = ()  # of the project, one of each for every new one
    permissions: tuple[str, ...] = ()  # verbs that the steps need, besides the setters
    permission_of: str = ""  # how IAM calls the collection, where it has another name
    role: str = ""  # that brings the permissions, where it is not the API's usual one
    terraform: str = ""  # resource type of the google provider; "" is not exported
    replacing: str = "traffic that needs it fails while it is replaced"
    deleting: str = ""  # what a delete disrupts; "" when nobody notices
    torn_down: str = ""  # what it disrupts in a teardown, where that is something else
    group: str = ""  # Kubernetes objects: the path of their API group, `apis/apps/v1`

    @property
    def needed(self) -> tuple[str, ...]:
        """The full names of the permissions, those of its setters among them."""
        collection = self.permission_of or self.collection
        methods = [setter.method for setter in self.setters.values()]
        verbs = dict.fromkeys((*self.permissions, *methods)) if self.permissions else ()
        return tuple(f"{self.api.value}.{collection}.{verb}" for verb in verbs)

    def path(self, key: ResourceKey) -> str:
        """The resource's path under the API's version prefix: `projects/P/global/addresses/A`."""
        return f"{key.scope}/{self.collection}/{key.name}"


COMPUTE_SET = frozenset({"creationTimestamp", "fingerprint", "id", "kind", "region", "selfLink"})
CERTIFICATE_SET = frozenset({"createTime", "updateTime", "tags"})
# Labels in the insert body of global addresses and forwarding rules are not stored: seen in
# recorded traffic of the real API, the GET right after shows none.
SET_LABELS = Setter("setLabels", "labels", after_insert=True)
SET_SSL_POLICY = Setter("setSslPolicy", "sslPolicy")
SET_CERTIFICATE_MAP = Setter("setCertificateMap", "certificateMap")


def _compute(
    name: str, collection: str, noun: str, schema: str, step: Step, *, update: Update, **more: Any
) -> Kind:
    server_set = COMPUTE_SET | more.pop("server_set", frozenset())
    return Kind(
        name, Api.COMPUTE, collection, noun, schema, step, update, server_set=server_set, **more
    )


def _certificate(name: str, collection: str, noun: str, schema: str, **more: Any) -> Kind:
    server_set = CERTIFICATE_SET | more.pop("server_set", frozenset())
    id_parameter = f"{name}Id"
    return Kind(
        name,
        Api.CERTIFICATE_MANAGER,
        collection,
        noun,
        schema,
        Step.CERTIFICATE,
        Update.PATCH_MASK,
        server_set=server_set,
        id_parameter=id_parameter,
        labels=True,
        **more,
    )


_ALL = (
    _compute(
        "address",
        "addresses",
        "address",
        "Address",
        Step.ADDRESS_AND_DNS,
        update=Update.SETTERS,
        immutable=frozenset({"address", "addressType", "ipVersion", "networkTier", "purpose"}),
        server_set=frozenset({"labelFingerprint", "status", "users"}),
        setters={"labels": SET_LABELS},
        labels=True,
        # ipVersion is absent in the answer when it was not asked for.
        defaults={"ipVersion": "IPV4", "networkTier": "PREMIUM", "addressType": "EXTERNAL"},
        client="global_addresses",
        listed=True,
        quotas=("STATIC_ADDRESSES",),
        permissions=("create", "delete", "get", "use"),
        permission_of="globalAddresses",
        terraform="google_compute_global_address",
        replacing="the IP changes: every client has to learn the new one",
        deleting="the IP is given back for good",
    ),
    Kind(
        "dnsRecordSet",
        Api.DNS,
        "rrsets",
        "DNS record set",
        "ResourceRecordSet",
        Step.ADDRESS_AND_DNS,
        Update.CHANGE,
        create_only=frozenset(),
        server_set=frozenset({"kind", "signatureRrdatas"}),
        order_free=frozenset({"rrdatas"}),
        marker=False,
        permissions=("create", "get", "list", "update"),
        permission_of="resourceRecordSets",
        terraform="google_dns_record_set",
        torn_down="the name no longer answers",
    ),
    _certificate(
        "dnsAuthorization",
        "dnsAuthorizations",
        "DNS authorization",
        "DnsAuthorization",
        immutable=frozenset({"domain", "type"}),
        server_set=frozenset({"dnsResourceRecord"}),
        defaults={"type": "FIXED_RECORD"},
        listed=True,
        permissions=("create", "get", "update", "use"),
        permission_of="dnsauthorizations",
        terraform="google_certificate_manager_dns_authorization",
    ),
    _certificate(
        "certificate",
        "certificates",
        "certificate",
        "Certificate",
        immutable=frozenset(
            {"managed.domains", "managed.dnsAuthorizations", "managed.issuanceConfig", "scope"}
        ),
        server_set=frozenset(
            {
                "expireTime",
                "managed.authorizationAttemptInfo",
                "managed.provisioningIssue",
                "managed.state",
                "pemCertificate",
                "sanDnsnames",
                "usedBy",
            }
        ),
        order_free=frozenset({"managed.domains", "managed.dnsAuthorizations"}),
        defaults={"scope": "DEFAULT"},
        listed=True,
        permissions=("create", "delete", "get", "use"),
        permission_of="certs",
        terraform="google_certificate_manager_certificate",
    ),
    _certificate(
        "certificateMap",
        "certificateMaps",
        "certificate map",
        "CertificateMap",
        server_set=frozenset({"gclbTargets"}),
        listed=True,
        permissions=("create", "get", "update", "use"),
        permission_of="certmaps",
        terraform="google_certificate_manager_certificate_map",
    ),
    _certificate(
        "certificateMapEntry",
        "certificateMapEntries",
        "map entry",
        "CertificateMapEntry",
        immutable=frozenset({"hostname", "matcher"}),
        server_set=frozenset({"state"}),
        order_free=frozenset({"certificates"}),
        permissions=("create", "get", "update"),
        permission_of="certmapentries",
        terraform="google_certificate_manager_certificate_map_entry",
        deleting="its hostname is no longer served",
    ),
    _compute(
        "healthCheck",
        "healthChecks",
        "health check",
        "HealthCheck",
        Step.FRONTENDS,
        update=Update.PATCH,
        immutable=frozenset({"type"}),
        defaults={
            "checkIntervalSec": 5,
            "timeoutSec": 5,
            "healthyThreshold": 2,
            "unhealthyThreshold": 2,
            **{
                f"{protocol}HealthCheck.{name}": value
                for protocol in ("http", "https", "http2", "ssl", "tcp")
                for name, value in {
                    "proxyHeader": "NONE",
                    "requestPath": "/",
                    "portSpecification": "USE_FIXED_PORT",
                }.items()
            },
        },
        listed=True,
        quotas=("HEALTH_CHECKS",),
        permissions=("create", "delete", "get", "update", "useReadOnly"),
        terraform="google_compute_health_check",
    ),
    _compute(
        "backendService",
        "backendServices",
        "backend service",
        "BackendService",
        Step.FRONTENDS,
        update=Update.PATCH,
        fingerprint=True,
        immutable=frozenset({"loadBalancingScheme"}),
        migrates=frozenset({"loadBalancingScheme"}),
        server_set=frozenset({"edgeSecurityPolicy", "securityPolicy", "usedBy"}),
        setters={
            "securityPolicy": Setter("setSecurityPolicy", "securityPolicy", after_insert=True),
            "edgeSecurityPolicy": Setter(
                "setEdgeSecurityPolicy", "securityPolicy", after_insert=True
            ),
        },
        order_free=frozenset({"customRequestHeaders", "customResponseHeaders"}),
        wishes={
            "securityPolicy": "",
            "edgeSecurityPolicy": "",
            "serviceLbPolicy": "",
            "iap.enabled": False,
            "compressionMode": "DISABLED",
            "localityLbPolicy": "ROUND_ROBIN",
            "localityLbPolicies": None,
            "ipAddressSelectionPolicy": "IPV4_ONLY",
            "circuitBreakers": None,
            "outlierDetection": None,
            "consistentHash": None,
            "maxStreamDuration": None,
            "securitySettings": None,
            "tlsSettings": None,
            "strongSessionAffinityCookie": None,
            "customMetrics": None,
            "cdnPolicy.defaultTtl": 3600,
            "cdnPolicy.clientTtl": 3600,
            "cdnPolicy.maxTtl": 86400,
            "cdnPolicy.negativeCachingPolicy": None,
            "cdnPolicy.signedUrlKeyNames": None,
            "cdnPolicy.bypassCacheOnRequestHeaders": None,
        },
        defaults={
            "sessionAffinity": "NONE",
            "timeoutSec": 30,
            "connectionDraining.drainingTimeoutSec": 0,
            "logConfig.sampleRate": 1.0,
        },
        listed=True,
        quotas=("BACKEND_SERVICES", "GLOBAL_EXTERNAL_MANAGED_BACKEND_SERVICES"),
        permissions=("create", "delete", "get", "update", "use"),
        terraform="google_compute_backend_service",
    ),
    _compute(
        "urlMap",
        "urlMaps",
        "URL map",
        "UrlMap",
        Step.FRONTENDS,
        update=Update.PATCH,
        fingerprint=True,
        server_set=frozenset({"status"}),
        order_free=frozenset(
            {
                "hostRules",
                "hostRules[].hosts",
                "pathMatchers",
                "pathMatchers[].pathRules",
                "pathMatchers[].pathRules[].paths",
                "pathMatchers[].defaultRouteAction.weightedBackendServices",
                "pathMatchers[].pathRules[].routeAction.weightedBackendServices",
                "defaultRouteAction.weightedBackendServices",
                "tests",
            }
        ),
        whole=frozenset({"hostRules[]", "pathMatchers[]"}),
        wishes={
            "headerAction": None,
            "defaultRouteAction": None,
            "defaultCustomErrorResponsePolicy": None,
        },
        defaults={
            f"{place}.redirectResponseCode": "MOVED_PERMANENTLY_DEFAULT"
            for place in (
                "defaultUrlRedirect",
                "pathMatchers[].defaultUrlRedirect",
                "pathMatchers[].pathRules[].urlRedirect",
            )
        },
        listed=True,
        quotas=("URL_MAPS",),
        permissions=("create", "get", "update", "use"),
        terraform="google_compute_url_map",
    ),
    _compute(
        "sslPolicy",
        "sslPolicies",
        "SSL policy",
        "SslPolicy",
        Step.FRONTENDS,
        update=Update.PATCH,
        fingerprint=True,
        server_set=frozenset({"enabledFeatures", "warnings"}),
        order_free=frozenset({"customFeatures"}),
        defaults={"profile": "COMPATIBLE", "minTlsVersion": "TLS_1_0"},
        listed=True,
        quotas=("SSL_POLICIES",),
        permissions=("create", "get", "update", "use"),
        terraform="google_compute_ssl_policy",
    ),
    _compute(
        "targetHttpsProxy",
        "targetHttpsProxies",
        "target HTTPS proxy",
        "TargetHttpsProxy",
        Step.CERTIFICATE_MAP,
        update=Update.PATCH,
        fingerprint=True,
        setters={
            "certificateMap": SET_CERTIFICATE_MAP,
            "quicOverride": Setter("setQuicOverride", "quicOverride"),
            "sslPolicy": SET_SSL_POLICY,
            "urlMap": Setter("setUrlMap", "urlMap"),
        },
        wishes={
            "sslPolicy": "",
            "serverTlsPolicy": "",
            "tlsEarlyData": "DISABLED",
            "authorizationPolicy": "",
            "httpFilters": None,
        },
        defaults={
            "quicOverride": "NONE",
            "tlsEarlyData": "DISABLED",
            "httpKeepAliveTimeoutSec": 610,
        },
        listed=True,
        quotas=("TARGET_HTTPS_PROXIES",),
        permissions=("create", "get", "update", "use"),
        terraform="google_compute_target_https_proxy",
    ),
    _compute(
        "targetHttpProxy",
        "targetHttpProxies",
        "target HTTP proxy",
        "TargetHttpProxy",
        Step.FRONTENDS,
        update=Update.PATCH,
        fingerprint=True,
        setters={"urlMap": Setter("setUrlMap", "urlMap")},
        defaults={"httpKeepAliveTimeoutSec": 610},
        listed=True,
        quotas=("TARGET_HTTP_PROXIES",),
        permissions=("create", "use"),
        terraform="google_compute_target_http_proxy",
    ),
    _compute(
        "targetSslProxy",
        "targetSslProxies",
        "target SSL proxy",
        "TargetSslProxy",
        Step.CERTIFICATE_MAP,
        update=Update.SETTERS,
        setters={
            "certificateMap": SET_CERTIFICATE_MAP,
            "proxyHeader": Setter("setProxyHeader", "proxyHeader"),
            "service": Setter("setBackendService", "service"),
            "sslCertificates": Setter("setSslCertificates", "sslCertificates"),
            "sslPolicy": SET_SSL_POLICY,
        },
        wishes={"sslPolicy": ""},
        defaults={"proxyHeader": "NONE"},
        listed=True,
        quotas=("TARGET_SSL_PROXIES",),
        permissions=("create", "get", "use"),
        terraform="google_compute_target_ssl_proxy",
    ),
    _compute(
        "targetTcpProxy",
        "targetTcpProxies",
        "target TCP proxy",
        "TargetTcpProxy",
        Step.FRONTENDS,
        update=Update.SETTERS,
        immutable=frozenset({"loadBalancingScheme", "proxyBind"}),
        setters={
            "proxyHeader": Setter("setProxyHeader", "proxyHeader"),
            "service": Setter("setBackendService", "service"),
        },
        defaults={"proxyHeader": "NONE"},
        listed=True,
        quotas=("TARGET_TCP_PROXIES",),
        permissions=("create", "get", "use"),
        terraform="google_compute_target_tcp_proxy",
    ),
    _compute(
        "forwardingRule",
        "forwardingRules",
        "forwarding rule",
        "ForwardingRule",
        Step.FRONTENDS,
        update=Update.SETTERS,
        fingerprint=True,
        immutable=frozenset(
            {
                "IPAddress",
                "IPProtocol",
                "ipVersion",
                "loadBalancingScheme",
                "networkTier",
                "portRange",
            }
        ),
        migrates=frozenset({"loadBalancingScheme"}),
        server_set=frozenset({"labelFingerprint", "pscConnectionId", "selfLinkWithId"}),
        setters={"labels": SET_LABELS, "target": Setter("setTarget", "target")},
        labels=True,
        defaults={"networkTier": "PREMIUM", "IPProtocol": "TCP"},
        client="global_forwarding_rules",
        listed=True,
        quotas=("FORWARDING_RULES", "GLOBAL_EXTERNAL_MANAGED_FORWARDING_RULES"),
        permissions=("create", "get"),
        permission_of="globalForwardingRules",
        terraform="google_compute_global_forwarding_rule",
        replacing="its port answers nobody while it is replaced",
        deleting="its port stops answering",
    ),
    _compute(
        "firewall",
        "firewalls",
        "firewall rule",
        "Firewall",
        Step.FIREWALL,
        update=Update.PATCH,
        immutable=frozenset({"direction", "network"}),
        order_free=frozenset(
            {
                "allowed",
                "allowed[].ports",
                "denied",
                "denied[].ports",
                "destinationRanges",
                "sourceRanges",
                "targetTags",
            }
        ),
        defaults={"direction": "INGRESS", "priority": 1000, "disabled": False},
        listed=True,
        role="roles/compute.securityAdmin",
        quotas=("FIREWALLS",),
        permissions=("create", "get", "list", "update"),
        terraform="google_compute_firewall",
        replacing="Google cannot reach the pods while it is replaced",
        deleting="Google can no longer reach the pods behind it",
    ),
    Kind(
        "serviceAnnotation",
        Api.KUBERNETES,
        "services",
        "Service annotation",
        "",
        Step.BACKENDS,
        Update.MERGE,
        create_only=frozenset(),
        deletable=False,  # the annotation may carry more than ours; teardown takes ours out
        object_kind="service",
        marker=False,
        deleting="GKE takes its NEGs away, and with them every endpoint behind them",
    ),
    _compute(
        "backends",
        "backendServices",
        "backends",
        "BackendService",
        Step.BACKENDS,
        update=Update.PATCH,
        fingerprint=True,
        order_free=frozenset({"backends"}),
        deletable=False,  # they go with their backend service
        object_kind="backendService",
        marker=False,
        torn_down="traffic to these pods stops",
    ),
    # Parts of objects that stay, as changes of their own. What goes comes last of all; what a URL
    # map has to know before it leads there comes first.
    _compute(
        "detachment",
        "backendServices",
        "backends",
        "BackendService",
        Step.BACKENDS,
        update=Update.PATCH,
        fingerprint=True,
        deletable=False,
        object_kind="backendService",
        marker=False,
    ),
    *(
        _compute(
            name,
            "urlMaps",
            "URL map",
            "UrlMap",
            step,
            update=Update.PATCH,
            fingerprint=True,
            deletable=False,
            object_kind="urlMap",
            marker=False,
        )
        for name, step in (("introduction", Step.FRONTENDS), ("forgetting", Step.BACKENDS))
    ),
    *(
        _compute(
            name,
            collection,
            noun,
            schema,
            Step.BACKENDS,
            update=Update.PATCH,
            deletable=False,
            object_kind=whole,
            marker=False,
        )
        for name, collection, noun, schema, whole in (
            ("proof", "backendServices", "backend service", "BackendService", "backendService"),
            ("proofCheck", "healthChecks", "health check", "HealthCheck", "healthCheck"),
        )
    ),
    _compute(
        "closing",
        "firewalls",
        "firewall rule",
        "Firewall",
        Step.BACKENDS,
        update=Update.PATCH,
        deletable=False,
        object_kind="firewall",
        marker=False,
    ),
    Kind(
        "unexposure",
        Api.KUBERNETES,
        "services",
        "Service annotation",
        "",
        Step.BACKENDS,
        Update.MERGE,
        create_only=frozenset(),
        deletable=False,
        object_kind="service",
        marker=False,
    ),
    # Of others; a runbook that retires an old load balancer or upgrades a cluster changes them:
    *(
        Kind(
            name,
            Api.KUBERNETES,
            collection,
            noun,
            "",
            Step.BACKENDS,
            Update.OBJECT,
            create_only=frozenset(),
            deletable=False,
            marker=False,
            group=group,
        )
        for name, collection, noun, group in (
            ("deployment", "deployments", "Deployment", "apis/apps/v1"),
            ("ingress", "ingresses", "Ingress", "apis/networking.k8s.io/v1"),
            ("kubernetesService", "services", "Service", "api/v1"),
            (
                "legacyCertificate",
                "certificates",
                "cert-manager Certificate",
                "apis/cert-manager.io/v1",
            ),
        )
    ),
    *(
        Kind(
            name,
            Api.CONTAINER,
            collection,
            noun,
            "",
            Step.BACKENDS,
            Update.UPGRADE,
            create_only=frozenset(),
            deletable=False,
            marker=False,
        )
        for name, collection, noun in (
            ("controlPlane", "clusters", "control plane"),
            ("nodePool", "nodePools", "node pool"),
        )
    ),
    # Only referred to, awaited or reported:
    _compute(
        "networkEndpointGroup",
        "networkEndpointGroups",
        "network endpoint group",
        "NetworkEndpointGroup",
        Step.BACKENDS,
        update=Update.SETTERS,
        deletable=False,  # GKE owns them
        permissions=("get", "use"),
    ),
    _compute(
        "securityPolicy",
        "securityPolicies",
        "security policy",
        "SecurityPolicy",
        Step.FRONTENDS,
        update=Update.PATCH,
        deletable=False,
    ),
    Kind(
        "svcneg",
        Api.KUBERNETES,
        "servicenetworkendpointgroups",
        "svcneg",
        "",
        Step.BACKENDS,
        Update.MERGE,
        deletable=False,
        marker=False,
    ),
    Kind(
        "managedZone",
        Api.DNS,
        "managedZones",
        "DNS zone",
        "ManagedZone",
        Step.ADDRESS_AND_DNS,
        Update.PATCH,
        deletable=False,
    ),
)
KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _ALL}


def kind_of(key: ResourceKey) -> Kind:
    return KINDS[key.kind]


def path(key: ResourceKey) -> str:
    return KINDS[key.kind].path(key)


def named(key: ResourceKey) -> str:
    """A resource as people call it: "forwarding rule shop-web"."""
    return f"{noun(key)} {key.name}"


def noun(key: ResourceKey) -> str:
    return KINDS[key.kind].noun
