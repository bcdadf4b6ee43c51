"""The Spec: one front door, as its params file says it.

Frozen values with every default filled in. What a key means stands at its field, once, for people,
for editors (params/schema.json) and for error messages. Nothing here knows Google's resources;
`desired` turns a Spec into them.
"""

# ruff: noqa: RUF009 - `key` returns a dataclass field, made anew for each

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from edgebook.model.values import SecretRef
from edgebook.params.fields import (
    HEADER,
    HOSTNAME,
    LABEL_NAME,
    LOCATION,
    NAME,
    NEG_NAME,
    NETWORK,
    PATH_RULE,
    PERSON,
    PROJECT,
    PUBLIC_KEY,
    SERVICE,
    URL_PATH,
    ApiFields,
    Seconds,
    google,
    key,
)
from edgebook.params.traffic_types import CheckSpec, TrafficSafetySpec


class Environment(StrEnum):
    SIMULATOR = "simulator"
    GOOGLE_CLOUD = "google-cloud"


class IpVersion(StrEnum):
    IPV4 = "IPV4"
    IPV6 = "IPV6"


class Authorization(StrEnum):
    PER_PROJECT_RECORD = "PER_PROJECT_RECORD"
    FIXED_RECORD = "FIXED_RECORD"


class FrontendProtocol(StrEnum):
    HTTPS = "HTTPS"
    SSL = "SSL"
    TCP = "TCP"


class BackendProtocol(StrEnum):
    HTTP = "HTTP"
    HTTPS = "HTTPS"
    HTTP2 = "HTTP2"  # over TLS
    H2C = "H2C"  # HTTP/2 in clear text, as gRPC servers without TLS speak it
    SSL = "SSL"
    TCP = "TCP"


class HealthCheckType(StrEnum):
    HTTP = "HTTP"
    HTTPS = "HTTPS"
    HTTP2 = "HTTP2"
    SSL = "SSL"
    TCP = "TCP"
    GRPC = "GRPC"


class Preference(StrEnum):
    PREFERRED = "PREFERRED"
    DEFAULT = "DEFAULT"


class BalancingMode(StrEnum):
    RATE = "RATE"
    CONNECTION = "CONNECTION"


class ProxyHeader(StrEnum):
    NONE = "NONE"
    PROXY_V1 = "PROXY_V1"


class TlsProfile(StrEnum):
    COMPATIBLE = "COMPATIBLE"
    MODERN = "MODERN"
    RESTRICTED = "RESTRICTED"
    FIPS_202205 = "FIPS_202205"
    CUSTOM = "CUSTOM"


class TlsVersion(StrEnum):
    TLS_1_0 = "TLS_1_0"
    TLS_1_1 = "TLS_1_1"
    TLS_1_2 = "TLS_1_2"
    TLS_1_3 = "TLS_1_3"


class SessionAffinity(StrEnum):
    NONE = "NONE"
    CLIENT_IP = "CLIENT_IP"
    GENERATED_COOKIE = "GENERATED_COOKIE"
    HEADER_FIELD = "HEADER_FIELD"
    HTTP_COOKIE = "HTTP_COOKIE"
    STRONG_COOKIE_AFFINITY = "STRONG_COOKIE_AFFINITY"


class CacheMode(StrEnum):
    CACHE_ALL_STATIC = "CACHE_ALL_STATIC"
    USE_ORIGIN_HEADERS = "USE_ORIGIN_HEADERS"
    FORCE_CACHE_ALL = "FORCE_CACHE_ALL"


class RedirectCode(StrEnum):
    MOVED_PERMANENTLY = "301"
    FOUND = "302"
    SEE_OTHER = "303"
    TEMPORARY = "307"
    PERMANENT = "308"


@dataclass(frozen=True)
class AddressSpec:
    """The fixed external IP. IPv6 gets an address of its own, with `-ipv6` behind the name."""

    name: str = key("Name of the global address.", pattern=NAME)
    ip_versions: tuple[IpVersion, ...] = key("IPV4, IPV6 or both.", (IpVersion.IPV4,), at_least=1)
    adopt: bool = key("The address exists already and is only used, never changed.", False)
    api: ApiFields = google("More fields of the address.", "Address")


@dataclass(frozen=True)
class DnsSpec:
    """Where the names are registered."""

    zone: str = key("Cloud DNS managed zone that holds the hostnames.", pattern=NAME)
    zones: Mapping[str, str] = key(
        "Further managed zones: their name, and the domain that they hold.",
        {},
        keys=NAME,
        pattern=HOSTNAME,
    )
    project: str = key("Project of the zones, if it is another one.", "", pattern=PROJECT)
    domain: str = key("The zone's DNS name, to check the hostnames by.", "", pattern=HOSTNAME)
    ttl: Seconds = key("Time to live of the records.", Seconds(300), minimum=0, maximum=2147483647)
    take_over: tuple[str, ...] = key(
        "Hostnames whose records may be changed although they point elsewhere now: the cut-over.",
        (),
        pattern=HOSTNAME,
    )


@dataclass(frozen=True)
class CertificateSpec:
    """The managed certificate for all hostnames, by DNS authorization, and its map."""

    name: str = key("Name of the certificate.", pattern=NAME)
    authorization: Authorization = key(
        "PER_PROJECT_RECORD lets several projects and cert-manager's DNS-01 live beside it; "
        "FIXED_RECORD uses _acme-challenge.<domain>.",
        Authorization.PER_PROJECT_RECORD,
    )
    adopt: bool = key("The certificate exists already and is only used, never changed.", False)
    map: str = key("An existing certificate map, attached as it is.", "", pattern=NAME)
    api: ApiFields = google("More fields of the certificate.", "Certificate")


@dataclass(frozen=True)
class SslPolicySpec:
    """TLS versions and ciphers of a frontend; with `name` alone, a policy that exists already."""

    name: str = key("Name of an existing SSL policy.", "", pattern=NAME)
    profile: TlsProfile = key("Which ciphers.", TlsProfile.MODERN)
    min_tls: TlsVersion = key("Lowest TLS version.", TlsVersion.TLS_1_2)
    custom_features: tuple[str, ...] = key("Ciphers, for profile CUSTOM only.", ())
    api: ApiFields = google("More fields of the SSL policy.", "SslPolicy")


@dataclass(frozen=True)
class FrontendSpec:
    """One port of the front door."""

    name: str = key("Name of the frontend, unique in this file.", pattern=NAME)
    protocol: FrontendProtocol = key(
        "HTTPS: Application Load Balancer; SSL and TCP: proxy Network Load Balancer."
    )
    port: int = key("Port that clients connect to.", minimum=1, maximum=65535)
    backend: str = key("Backend of an SSL or TCP frontend; HTTPS uses the routes.", "")
    redirect_http: bool = key("HTTPS: redirect plain HTTP on port 80 to it.", False)
    ssl_policy: SslPolicySpec | None = key("HTTPS, SSL: TLS versions and ciphers.", None)
    http3: bool | None = key("HTTPS: offer HTTP/3 (QUIC); Google decides when absent.", None)
    keep_alive: Seconds | None = key(
        "HTTPS: keep idle client connections that long.", None, minimum=5, maximum=1200
    )
    proxy_header: ProxyHeader = key(
        "SSL, TCP: tell the backend the client's address by PROXY protocol.", ProxyHeader.NONE
    )
    api: ApiFields = google("More fields of the target proxy.")
    forwarding_rule_api: ApiFields = google("More fields of the forwarding rule.", "ForwardingRule")


@dataclass(frozen=True)
class RedirectSpec:
    """Answer with a redirect instead of a backend."""

    host: str = key("Host of the new location.", "", pattern=HOSTNAME)
    path: str = key("Path of the new location.", "", pattern=URL_PATH)
    prefix: str = key("Replaces the matched prefix.", "", pattern=URL_PATH)
    code: RedirectCode = key("HTTP status.", RedirectCode.MOVED_PERMANENTLY)
    strip_query: bool = key("Drop the query.", False)


@dataclass(frozen=True)
class RewriteSpec:
    """What the backend gets to see instead."""

    host: str = key("Host header for the backend.", "")
    prefix: str = key("Replaces the matched prefix.", "", pattern=URL_PATH)


@dataclass(frozen=True)
class TargetSpec:
    """Where requests go: one backend, several by weight, or a redirect."""

    backend: str = key("Name of a backend.", "")
    weights: Mapping[str, int] = key(
        "Backend: percent of the requests, 100 in all.", {}, minimum=0, maximum=1000
    )
    redirect: RedirectSpec | None = key("Redirect instead.", None)
    rewrite: RewriteSpec | None = key("Change the request on its way.", None)
    api: ApiFields = google("More fields of the route action.", "HttpRouteAction")


@dataclass(frozen=True)
class RouteSpec:
    """What happens to requests for these hosts."""

    hosts: tuple[str, ...] = key("Hostnames of this file.", pattern=HOSTNAME, at_least=1)
    default: TargetSpec = key("Where requests go that match no path.", shorthand="backend")
    paths: Mapping[str, TargetSpec] = key(
        "Path: where its requests go; the longest match wins.",
        {},
        keys=PATH_RULE,
        shorthand="backend",
    )
    api: ApiFields = google("More fields of the path matcher.", "PathMatcher")


@dataclass(frozen=True)
class HealthCheckSpec:
    """How Google finds out whether a pod may get traffic."""

    type: HealthCheckType = key("Protocol of the probe.")
    path: str = key("HTTP types: path that must answer 200.", "/", pattern=URL_PATH)
    host: str = key("HTTP types: Host header; the pod's IP when empty.", "")
    port: int | None = key(
        "A fixed port; without it, the port that serves the traffic.",
        None,
        minimum=1,
        maximum=65535,
    )
    interval: Seconds = key("Between two probes.", Seconds(5), minimum=1, maximum=300)
    timeout: Seconds = key("Patience for an answer.", Seconds(5), minimum=1, maximum=300)
    healthy: int = key("Good probes in a row until healthy.", 2, minimum=1, maximum=10)
    unhealthy: int = key("Bad probes in a row until unhealthy.", 2, minimum=1, maximum=10)
    proxy_header: ProxyHeader = key("Send PROXY protocol first.", ProxyHeader.NONE)
    logging: bool = key("Log changes of health.", False)
    api: ApiFields = google("More fields of the health check.", "HealthCheck")


@dataclass(frozen=True)
class NegSpec:
    """The GKE Service whose pods serve, and the name of its network endpoint groups."""

    namespace: str = key("Kubernetes namespace.", pattern=SERVICE)
    service: str = key("Kubernetes Service.", pattern=SERVICE)
    port: int = key("Port of the Service, not of the pods.", minimum=1, maximum=65535)
    name: str = key("Name of the NEGs; the same in all zones of a cluster.", pattern=NEG_NAME)


@dataclass(frozen=True)
class BalancingSpec:
    """When an endpoint counts as full. HTTP protocols use RATE, SSL and TCP use CONNECTION."""

    mode: BalancingMode | None = key("RATE or CONNECTION; follows from the protocol.", None)
    max_rate_per_endpoint: float | None = key(
        "RATE: requests per second and pod.", None, minimum=0.001
    )
    max_rate: int | None = key("RATE: requests per second and NEG.", None, minimum=1)
    max_connections_per_endpoint: int | None = key(
        "CONNECTION: connections per pod.", None, minimum=1
    )
    max_connections: int | None = key("CONNECTION: connections per NEG.", None, minimum=1)
    capacity: float | None = key(
        "Scales the capacity: 0, or 0.1 to 1; kept as it is when absent.",
        None,
        minimum=0,
        maximum=1,
    )


@dataclass(frozen=True)
class LoggingSpec:
    """Request logs."""

    enable: bool = key("Write them.", True)
    sample_rate: float = key("Share of requests that is logged.", 1.0, minimum=0, maximum=1)


@dataclass(frozen=True)
class CdnSpec:
    """Cloud CDN."""

    cache_mode: CacheMode = key("What is cached.", CacheMode.CACHE_ALL_STATIC)
    default_ttl: Seconds | None = key(
        "Where the backend says nothing.", None, minimum=0, maximum=31622400
    )
    max_ttl: Seconds | None = key("At most.", None, minimum=0, maximum=31622400)
    client_ttl: Seconds | None = key("In browsers.", None, minimum=0, maximum=31622400)
    negative_caching: bool = key("Cache errors too.", False)
    api: ApiFields = google("More fields of the CDN policy.", "BackendServiceCdnPolicy")


@dataclass(frozen=True)
class IapSpec:
    """Identity-Aware Proxy."""

    enabled: bool = key("Ask for a login.", True)
    client_id: str = key("OAuth 2 client id; Google's own client when empty.", "")
    client_secret: SecretRef | None = key("Where the client's secret is kept.", None)


@dataclass(frozen=True)
class HeadersSpec:
    """Headers that the load balancer adds, such as `X-Client-Geo: {client_region}`."""

    request: tuple[str, ...] = key("Towards the backend.", (), pattern=HEADER)
    response: tuple[str, ...] = key("Towards the client.", (), pattern=HEADER)


@dataclass(frozen=True)
class BackendSpec:
    """A backend service and the pods behind it."""

    protocol: BackendProtocol = key("How Google talks to the pods.")
    health_check: HealthCheckSpec = key("How health is found out.")
    neg: NegSpec = key("Which pods.")
    active: tuple[str, ...] = key("Clusters that serve it now.", at_least=1)
    capacity: Mapping[str, float] = key(
        "Cluster: scales its capacity, 0 or 0.1 to 1; kept as it is when absent.",
        {},
        minimum=0,
        maximum=1,
    )
    preference: Mapping[str, Preference] = key(
        "Cluster: PREFERRED is filled to its capacity first, whatever the distance.", {}
    )
    balancing: BalancingSpec = key("When an endpoint is full.", BalancingSpec())
    draining: Seconds = key(
        "How long connections may finish when an endpoint leaves.",
        Seconds(60),
        minimum=0,
        maximum=3600,
    )
    timeout: Seconds = key(
        "HTTP: patience for an answer; SSL, TCP: idle connections end after it.",
        Seconds(30),
        minimum=1,
        maximum=2147483647,
    )
    session_affinity: SessionAffinity = key("Keep a client on a pod.", SessionAffinity.NONE)
    affinity_cookie_ttl: Seconds | None = key(
        "GENERATED_COOKIE: how long.", None, minimum=0, maximum=1209600
    )
    logging: LoggingSpec | None = key("Request logs; none when absent.", None)
    cdn: CdnSpec | None = key("Cloud CDN; off when absent.", None)
    security_policy: str = key(
        "Existing Cloud Armor policy; what is there stays when absent.", "", pattern=NAME
    )
    edge_security_policy: str = key(
        "Existing Cloud Armor edge policy; what is there stays when absent.", "", pattern=NAME
    )
    iap: IapSpec | None = key(
        "Identity-Aware Proxy; what is there stays when absent, `enabled: false` ends it.", None
    )
    custom_headers: HeadersSpec = key("Headers that are added.", HeadersSpec())
    api: ApiFields = google("More fields of the backend service.", "BackendService")


@dataclass(frozen=True)
class ClusterSpec:
    """A GKE cluster: by kubeconfig context, or by project, location and name."""

    context: str = key("kubeconfig context.", "")
    project: str = key("Project of the cluster.", "", pattern=PROJECT)
    location: str = key("Region or zone.", "", pattern=LOCATION)
    name: str = key("Name in GKE.", "", pattern=NAME)
    node_tags: tuple[str, ...] = key(
        "Network tags of its nodes; read from the nodes' firewall rules when absent.",
        (),
        pattern=NAME,
    )


@dataclass(frozen=True)
class FirewallSpec:
    """Rules that let Google's health checks and proxies reach the pods, one per cluster."""

    manage: bool = key("False: somebody else opens the firewall; it is only checked.", True)
    priority: int = key("Of the rules.", 1000, minimum=0, maximum=65535)
    logging: bool = key("Log connections.", False)
    api: ApiFields = google("More fields of the rules.", "Firewall")


@dataclass(frozen=True)
class SafetySpec:
    """Limits that no approval can pass."""

    max_deletes: int = key("Resources that one plan may delete.", 2, minimum=0)
    teardown: int = key("Resources that one teardown may delete.", 100, minimum=0)
    approvals: int = key("People who must approve, who runs it included.", 1, minimum=1)
    approvers: Mapping[str, str] = key(
        "Whose signature counts as approval: name, and public key from `edgebook key`.",
        {},
        keys=PERSON,
        pattern=PUBLIC_KEY,
    )
    approval_days: int = key("Days for which a signed approval holds.", 7, minimum=1)
    allow_replace: bool = key("Allow to delete and create anew what cannot be changed.", False)
    traffic: TrafficSafetySpec = key("What users may notice of a change.", TrafficSafetySpec())


@dataclass(frozen=True)
class SimulatorSpec:
    """How the local Google Cloud is started when none is running."""

    scenario: str = key("What is in it at the beginning.", "legacy")
    time_scale: float = key("How much faster than real time; 0: at once.", 60.0, minimum=0)


@dataclass(frozen=True)
class RecordsSpec:
    """Where change records go."""

    archive: str = key("Folder or bucket: records, gs://bucket/path, s3://bucket/path.", "records")
    signers: Mapping[str, str] = key(
        "Whose signature a record may carry: name, and public key from `edgebook key`.",
        {},
        keys=PERSON,
        pattern=PUBLIC_KEY,
    )
    anchor: str = key(
        "Where the head of the chain is noted after each run: a file elsewhere, or git for a tag.",
        "",
    )


@dataclass(frozen=True)
class Spec:
    """One front door."""

    environment: Environment = key("The local simulator, or the real Google Cloud.")
    project: str = key("Project of the load balancer.", pattern=PROJECT)
    address: AddressSpec = key("The fixed external IP.")
    hostnames: tuple[str, ...] = key(
        "Names that the front door serves; *.shop.example.com covers one level.",
        pattern=HOSTNAME,
        at_least=1,
    )
    frontends: tuple[FrontendSpec, ...] = key("The ports.", at_least=1)
    backends: Mapping[str, BackendSpec] = key("Backend services by name.", keys=NAME)
    clusters: Mapping[str, ClusterSpec] = key("GKE clusters by a name of yours.", keys=NAME)
    name: str = key(
        "Name of the front door and prefix of its resources; the address' name without -edge, "
        "-ip or -address when absent.",
        "",
        pattern=NAME,
    )
    network: str = key("VPC network of the clusters.", "default", pattern=NETWORK)
    dns: DnsSpec | None = key("Cloud DNS; without it, records are only checked.", None)
    certificate: CertificateSpec | None = key("Needed by HTTPS and SSL frontends.", None)
    routes: tuple[RouteSpec, ...] = key("HTTPS: which request goes where.", ())
    url_map_api: ApiFields = google("More fields of the URL map.", "UrlMap")
    firewall: FirewallSpec = key("Firewall rules.", FirewallSpec())
    labels: Mapping[str, str] = key(
        "Labels for everything that can have some.", {}, keys=LABEL_NAME
    )
    adopt: tuple[str, ...] = key(
        "Existing resources that edgebook may change, as kind/name: backendService/shop-web.", ()
    )
    checks: tuple[CheckSpec, ...] = key(
        "What the meter asks of the frontends; their front page when nothing is said.", ()
    )
    safety: SafetySpec = key("Limits that no approval can pass.", SafetySpec())
    simulator: SimulatorSpec = key("How the simulator is started.", SimulatorSpec())
    records: RecordsSpec = key("Change records.", RecordsSpec())
