"""Inserts that Google refuses: case -> (collection, body, (code, reason, message)).

In messages `projects/P` stands for the project and `LINK` for its self link. The stage that they
need is built in test_compute_refusals.py.
"""

from typing import Any

HC = "global/healthChecks/hc"
BS = "global/backendServices/bs"
NEG = "zones/us-central1-a/networkEndpointGroups/neg"
MAP = "projects/p/locations/global/certificateMaps/m"
FORMAT = (
    "//certificatemanager.googleapis.com/projects/{project}/locations/{location}/certificateMaps/"
    "{resourceName}."
)


def backend(**more: Any) -> dict[str, Any]:
    return {"group": NEG, "balancingMode": "RATE", "maxRatePerEndpoint": 10, **more}


def field(name: str, value: Any, why: str) -> tuple[int, str, str]:
    return 400, "invalid", f"Invalid value for field '{name}': '{value}'. {why}"


def missing(name: str) -> tuple[int, str, str]:
    return 400, "required", f"Required field '{name}' not specified"


REGEX = "Must be a match of regex '(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)'"
SHOWN = '{ "resourceGroup": "https://www.googl...'
UNSUPPORTED = "balancing mode is not supported for protocol"
CASES: dict[str, tuple[str, dict[str, Any], tuple[int, str, str]]] = {
    "no name": ("global/addresses", {}, missing("resource.name")),
    "bad name": ("global/addresses", {"name": "Ab"}, field("resource.name", "Ab", REGEX)),
    "long name": (
        "global/addresses",
        {"name": "a" * 64},
        field("resource.name", "a" * 64, REGEX),
    ),
    "CONNECTION on HTTP": (
        "global/backendServices",
        {
            "protocol": "HTTP",
            "healthChecks": [HC],
            "backends": [
                {"group": NEG, "balancingMode": "CONNECTION", "maxConnectionsPerEndpoint": 1}
            ],
        },
        field("resource.backends[0]", SHOWN, f"CONNECTION {UNSUPPORTED} HTTP"),
    ),
    "CONNECTION on HTTPS": (
        "global/backendServices",
        {
            "protocol": "HTTPS",
            "healthChecks": [HC],
            "backends": [
                {"group": NEG, "balancingMode": "CONNECTION", "maxConnectionsPerEndpoint": 1}
            ],
        },
        field("resource.backends[0]", SHOWN, f"CONNECTION {UNSUPPORTED} HTTPS"),
    ),
    "RATE on TCP": (
        "global/backendServices",
        {"protocol": "TCP", "healthChecks": [HC], "backends": [backend()]},
        field("resource.backends[0]", SHOWN, f"RATE {UNSUPPORTED} TCP"),
    ),
    "RATE on SSL": (
        "global/backendServices",
        {"protocol": "SSL", "healthChecks": [HC], "backends": [backend()]},
        field("resource.backends[0]", SHOWN, f"RATE {UNSUPPORTED} SSL"),
    ),
    "capacityScaler out of range": (
        "global/backendServices",
        {"healthChecks": [HC], "backends": [backend(capacityScaler=0.05)]},
        field(
            "resource.backends[0].capacityScaler",
            "0.05",
            "Capacity scaler must be 0.0 or in the range [0.1, 1.0].",
        ),
    ),
    "capacityScaler above 1": (
        "global/backendServices",
        {"healthChecks": [HC], "backends": [backend(capacityScaler=1.5)]},
        field(
            "resource.backends[0].capacityScaler",
            "1.5",
            "Capacity scaler must be 0.0 or in the range [0.1, 1.0].",
        ),
    ),
    "capacityScaler 0 on the only backend": (
        "global/backendServices",
        {"healthChecks": [HC], "backends": [backend(capacityScaler=0)]},
        field(
            "resource.backends[0].capacityScaler",
            "0.0",
            "Capacity scaler of 0 is not allowed when there is only one backend.",
        ),
    ),
    "NEG without a health check": (
        "global/backendServices",
        {"backends": [backend()]},
        missing("resource.healthChecks"),
    ),
    "two health checks": (
        "global/backendServices",
        {"healthChecks": [HC, "global/healthChecks/other"]},
        field("resource.healthChecks", "", "At most one health check may be specified."),
    ),
    "draining too long": (
        "global/backendServices",
        {"connectionDraining": {"drainingTimeoutSec": 3601}},
        field(
            "resource.connectionDraining.drainingTimeoutSec",
            "3601",
            "Must be between 0 and 3600.",
        ),
    ),
    "timeoutSec 0": (
        "global/backendServices",
        {"timeoutSec": 0},
        field("resource.timeoutSec", "0", "Must be between 1 and 2147483647."),
    ),
    "the group does not exist": (
        "global/backendServices",
        {"healthChecks": [HC], "backends": [backend(group=NEG + "x")]},
        (404, "notFound", "The resource 'projects/P/" + NEG + "x' was not found"),
    ),
    "the health check does not exist": (
        "global/backendServices",
        {"healthChecks": [HC + "x"]},
        (404, "notFound", "The resource 'projects/P/" + HC + "x' was not found"),
    ),
    "a reference that is none": (
        "global/urlMaps",
        {"defaultService": "bs"},
        field("resource.defaultService", "bs", "The URL is malformed."),
    ),
    "a reference to the wrong collection": (
        "global/targetHttpProxies",
        {"urlMap": BS},
        field(
            "resource.urlMap",
            BS,
            "Unexpected resource collection 'backendServices', expected urlMaps.",
        ),
    ),
    "URL map without a service": (
        "global/urlMaps",
        {},
        missing("resource.defaultService"),
    ),
    "URL map with service and redirect": (
        "global/urlMaps",
        {"defaultService": BS, "defaultUrlRedirect": {"httpsRedirect": True}},
        field(
            "resource.defaultUrlRedirect",
            "",
            "Only one of defaultService and defaultUrlRedirect may be set.",
        ),
    ),
    "proxy without URL map": ("global/targetHttpProxies", {}, missing("resource.urlMap")),
    "SSL proxy without certificate": (
        "global/targetSslProxies",
        {"service": "global/backendServices/tcp"},
        field(
            "resource.sslCertificates",
            "",
            "At least one SSL certificate or a certificate map must be specified.",
        ),
    ),
    "SSL proxy before an HTTPS service": (
        "global/targetTcpProxies",
        {"service": BS},
        field(
            "resource.service",
            "LINK/" + BS,
            "The backend service must use protocol TCP or SSL, not HTTPS.",
        ),
    ),
    "short certificate map": (
        "global/targetHttpsProxies",
        {"urlMap": "global/urlMaps/um", "certificateMap": MAP},
        field(
            "resource.certificateMap",
            MAP,
            f"'{MAP}' is not a valid reference. It should have the format {FORMAT}",
        ),
    ),
    "quicOverride in a region": (
        "regions/us-central1/targetHttpsProxies",
        {
            "urlMap": "regions/us-central1/urlMaps/um",
            "quicOverride": "DISABLE",
            "sslCertificates": ["global/sslCertificates/cert"],
        },
        field(
            "resource.quicOverride",
            "DISABLE",
            "QUIC override is supported only with global TargetHttpsProxy.",
        ),
    ),
    "TLS 1.3 without RESTRICTED": (
        "global/sslPolicies",
        {"minTlsVersion": "TLS_1_3", "profile": "MODERN"},
        field("resource.minTlsVersion", "TLS_1_3", "TLS_1_3 requires profile RESTRICTED."),
    ),
    "custom features without CUSTOM": (
        "global/sslPolicies",
        {"customFeatures": ["TLS_RSA_WITH_AES_128_CBC_SHA"]},
        field(
            "resource.customFeatures",
            "TLS_RSA_WITH_AES_128_CBC_SHA",
            "Custom features require profile CUSTOM.",
        ),
    ),
    "timeout above interval": (
        "global/healthChecks",
        {"type": "TCP", "tcpHealthCheck": {}, "timeoutSec": 10},
        field("resource.timeoutSec", "10", "TimeoutSec should be less than checkIntervalSec."),
    ),
    "health check without its block": (
        "global/healthChecks",
        {"type": "TCP"},
        field("resource.tcpHealthCheck", "", "TCP healthCheck missing."),
    ),
    "rule without a port": (
        "global/forwardingRules",
        {"target": "global/targetHttpProxies/proxy"},
        missing("resource.portRange"),
    ),
    "rule with many ports": (
        "global/forwardingRules",
        {"target": "global/targetHttpProxies/proxy", "portRange": "80-90"},
        field("resource.portRange", "80-90", "A proxy forwarding rule takes exactly one port."),
    ),
    "rule without a target": (
        "global/forwardingRules",
        {"portRange": "80"},
        missing("resource.target"),
    ),
    "STANDARD tier in front of the world": (
        "global/forwardingRules",
        {
            "target": "global/targetHttpProxies/proxy",
            "portRange": "80",
            "networkTier": "STANDARD",
        },
        field("resource.networkTier", "STANDARD", "Global forwarding rules are PREMIUM only."),
    ),
    "schemes that do not match": (
        "global/forwardingRules",
        {
            "target": "global/targetHttpProxies/old",
            "portRange": "80",
            "loadBalancingScheme": "EXTERNAL_MANAGED",
        },
        field(
            "resource.backendService",
            "",
            "Load balancing scheme EXTERNAL_MANAGED does not match the backend service load "
            "balancing scheme EXTERNAL.",
        ),
    ),
    "firewall without rules": ("global/firewalls", {}, missing("resource.allowed")),
    "firewall range that is none": (
        "global/firewalls",
        {"allowed": [{"IPProtocol": "tcp"}], "sourceRanges": ["1.2.3.4/33"]},
        field("resource.sourceRanges[0]", "1.2.3.4/33", "Must be a valid CIDR address range."),
    ),
    "firewall port that is none": (
        "global/firewalls",
        {"allowed": [{"IPProtocol": "tcp", "ports": ["http"]}]},
        field("resource.allowed[0].ports[0]", "http", "Must be a port or a range of ports."),
    ),
    "an unknown enum": (
        "global/backendServices",
        {"protocol": "GOPHER"},
        field("resource.protocol", "GOPHER", ""),
    ),
}
