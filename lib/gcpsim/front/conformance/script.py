"""The calls of a conformance recording: what is asked, in order, and how it is cleaned up.

All names begin with a prefix of their own, everything is small and free or nearly so, and nothing
is left behind: each creation names its deletion. `{p}` is the project. The first calls are the open
points of what is known of the real Google Cloud. Data; nothing here talks to anybody.
"""

from dataclasses import dataclass
from typing import Any

PREFIX = "gcpsim-conf"
COST = "below 0.10 USD (a global address, a forwarding rule and a DNS zone for some minutes)"
MINUTES = "about 10 minutes"


@dataclass(frozen=True)
class Step:
    """One call. `path` follows the API's root; `clean` is the path to delete at the end."""

    name: str
    service: str
    verb: str
    path: str
    body: Any = None
    clean: str = ""


def _compute(name: str, verb: str, path: str, body: Any = None, *, clean: str = "") -> Step:
    return Step(name, "compute", verb, f"projects/{{p}}/{path}", body, clean)


def _made(kind: str, what: str, **fields: Any) -> Step:
    body = {"name": f"{PREFIX}-{what}", **fields}
    clean = f"projects/{{p}}/global/{kind}/{PREFIX}-{what}"
    return _compute(f"insert {kind}", "POST", f"global/{kind}", body, clean=clean)


def _own(kind: str, what: str) -> str:
    return f"projects/{{p}}/global/{kind}/{PREFIX}-{what}"


def _dns(name: str, verb: str, path: str, body: Any = None, *, clean: str = "") -> Step:
    return Step(name, "dns", verb, f"projects/{{p}}/{path}", body, clean)


def _certs(name: str, verb: str, path: str, body: Any = None, *, clean: str = "") -> Step:
    place = "projects/{p}/locations/global/"
    full = place + clean if clean else ""
    return Step(name, "certificatemanager", verb, place + path, body, full)


ZONE, DOMAIN = f"{PREFIX}-zone", "gcpsim-conformance.example."
RRSET = {"name": f"www.{DOMAIN}", "type": "A", "ttl": 60, "rrdatas": ["192.0.2.1"]}
HEALTH = {"type": "HTTP", "httpHealthCheck": {"portSpecification": "USE_SERVING_PORT"}}
SERVICE = {"protocol": "HTTP", "loadBalancingScheme": "EXTERNAL_MANAGED"}
STEPS: tuple[Step, ...] = (
    # Compute Engine: names, references, fingerprints, in use
    _compute("address not found", "GET", f"global/addresses/{PREFIX}-none"),
    _compute("malformed name", "POST", "global/addresses", {"name": "Not_A_Name"}),
    _compute("unknown field", "POST", "global/addresses", {"name": f"{PREFIX}-x", "colour": "red"}),
    _made("addresses", "ip"),
    _compute("insert again", "POST", "global/addresses", {"name": f"{PREFIX}-ip"}),
    _compute("get address", "GET", f"global/addresses/{PREFIX}-ip"),
    _compute("labels, stale fingerprint", "POST", f"global/addresses/{PREFIX}-ip/setLabels",
             {"labels": {"a": "b"}, "labelFingerprint": "AAAAAAAAAAA="}),
    _made("healthChecks", "hc", **HEALTH),
    _compute("get health check", "GET", f"global/healthChecks/{PREFIX}-hc"),
    _made("backendServices", "bs", **SERVICE, healthChecks=[_own("healthChecks", "hc")]),
    _compute("get backend service", "GET", f"global/backendServices/{PREFIX}-bs"),
    _compute("patch without fingerprint", "PATCH", f"global/backendServices/{PREFIX}-bs",
             {"timeoutSec": 31}),
    _compute("patch, stale fingerprint", "PATCH", f"global/backendServices/{PREFIX}-bs",
             {"timeoutSec": 32, "fingerprint": "AAAAAAAAAAA="}),
    _compute("put without fingerprint", "PUT", f"global/backendServices/{PREFIX}-bs",
             {"name": f"{PREFIX}-bs", **SERVICE}),
    _compute("protocol that cannot be", "POST", "global/backendServices",
             {"name": f"{PREFIX}-udp", "protocol": "UDP", "loadBalancingScheme": "EXTERNAL"}),
    _compute("delete a check in use", "DELETE", f"global/healthChecks/{PREFIX}-hc"),
    _made("urlMaps", "map", defaultService=_own("backendServices", "bs")),
    _compute("get url map", "GET", f"global/urlMaps/{PREFIX}-map"),
    _compute("health before a rule", "POST", f"global/backendServices/{PREFIX}-bs/getHealth",
             {"group": "projects/{p}/zones/us-central1-a/networkEndpointGroups/none"}),
    _made("targetHttpProxies", "proxy", urlMap=_own("urlMaps", "map")),
    _made("forwardingRules", "rule", portRange="80", loadBalancingScheme="EXTERNAL_MANAGED",
          target=_own("targetHttpProxies", "proxy"), IPAddress=_own("addresses", "ip")),
    _compute("get forwarding rule", "GET", f"global/forwardingRules/{PREFIX}-rule"),
    _compute("address in use", "GET", f"global/addresses/{PREFIX}-ip"),
    _compute("delete an address in use", "DELETE", f"global/addresses/{PREFIX}-ip"),
    _compute("list backend services", "GET", "global/backendServices"),
    _compute("bad filter", "GET", "global/backendServices?filter=((("),
    # Cloud DNS
    _dns("zone not found", "GET", f"managedZones/{ZONE}-none"),
    _dns("create zone", "POST", "managedZones",
         {"name": ZONE, "dnsName": DOMAIN, "description": "gcpsim conformance"},
         clean=f"projects/{{p}}/managedZones/{ZONE}"),
    _dns("create zone again", "POST", "managedZones",
         {"name": ZONE, "dnsName": DOMAIN, "description": "again"}),
    _dns("record set not found", "GET", f"managedZones/{ZONE}/rrsets/none.{DOMAIN}/A"),
    _dns("create record set", "POST", f"managedZones/{ZONE}/rrsets", RRSET,
         clean=f"projects/{{p}}/managedZones/{ZONE}/rrsets/www.{DOMAIN}/A"),
    _dns("create record set again", "POST", f"managedZones/{ZONE}/rrsets", RRSET),
    _dns("CNAME beside an A", "POST", f"managedZones/{ZONE}/rrsets",
         {"name": f"www.{DOMAIN}", "type": "CNAME", "ttl": 60, "rrdatas": ["a.example."]}),
    _dns("deletion that is not exact", "POST", f"managedZones/{ZONE}/changes",
         {"deletions": [{**RRSET, "ttl": 61}]}),
    _dns("list record sets", "GET", f"managedZones/{ZONE}/rrsets"),
    _dns("delete a zone that is not empty", "DELETE", f"managedZones/{ZONE}"),
    # Certificate Manager
    _certs("map not found", "GET", f"certificateMaps/{PREFIX}-none"),
    _certs("create map", "POST", f"certificateMaps?certificateMapId={PREFIX}-map", {},
           clean=f"certificateMaps/{PREFIX}-map"),
    _certs("create map again", "POST", f"certificateMaps?certificateMapId={PREFIX}-map", {}),
    _certs("create authorization", "POST", f"dnsAuthorizations?dnsAuthorizationId={PREFIX}-auth",
           {"domain": "www.gcpsim-conformance.example"},
           clean=f"dnsAuthorizations/{PREFIX}-auth"),
    _certs("get authorization", "GET", f"dnsAuthorizations/{PREFIX}-auth"),
    _certs("entry without certificates", "POST",
           f"certificateMaps/{PREFIX}-map/certificateMapEntries?certificateMapEntryId=e",
           {"hostname": "www.gcpsim-conformance.example"}),
    _certs("list maps", "GET", "certificateMaps"),
)  # fmt: skip
