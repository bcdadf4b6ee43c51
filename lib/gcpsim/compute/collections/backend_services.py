"""Backend services: defaults, the combinations that Google refuses, and security policies.

Which balancing mode goes with which protocol, when capacityScaler may be 0, which groups may be
mixed: every rule here is one that a front door can trip over.
"""

import hashlib

import orjson

from gcpsim.compute.collections import custom_headers
from gcpsim.compute.collections.get_health import get_health
from gcpsim.compute.collections.url_maps import limited
from gcpsim.compute.engine import links, listing
from gcpsim.compute.engine.resources import Doc, Draft, Kind, Resources
from gcpsim.compute.engine.service import Compute
from gcpsim.core.edge import Answer, Call
from gcpsim.core.errors import ApiError, invalid, required
from gcpsim.core.paths import region_of

HTTP_PROTOCOLS = ("HTTP", "HTTPS", "HTTP2", "H2C", "GRPC")
RATE_FIELDS = ("maxRate", "maxRatePerEndpoint", "maxRatePerInstance")
CONNECTION_FIELDS = ("maxConnections", "maxConnectionsPerEndpoint", "maxConnectionsPerInstance")
GLOBAL_PROTOCOLS = ("HTTP", "HTTPS", "HTTP2", "H2C", "GRPC", "SSL", "TCP")
STATE = "externalManagedMigrationState"
PERCENTAGE = "externalManagedMigrationTestingPercentage"
MOST_BACKENDS = 50
UNBALANCED = ("INTERNET_FQDN_PORT", "INTERNET_IP_PORT", "SERVERLESS", "PRIVATE_SERVICE_CONNECT")
MANAGED = ("EXTERNAL_MANAGED", "INTERNAL_MANAGED")
TARGET_FIELDS = {"RATE": RATE_FIELDS, "CONNECTION": CONNECTION_FIELDS}
GLOBAL_SCHEMES = ("EXTERNAL", "EXTERNAL_MANAGED", "INTERNAL_MANAGED", "INTERNAL_SELF_MANAGED")


def prepare(draft: Draft) -> None:
    body = draft.body
    _defaults(draft)
    _protocol(draft)
    _migration(draft)
    _ranges(body)
    limited("resource.backends", "backends", len(body.get("backends") or []), MOST_BACKENDS)
    custom_headers.check(body)
    _health_checks(draft)
    groups: set[str] = set()
    kinds: set[str] = set()
    for index, backend in enumerate(body.get("backends") or []):
        where = f"resource.backends[{index}]"
        if not backend.get("group"):
            raise required(f"{where}.group")
        if backend["group"] in groups:
            raise invalid(
                f"{where}.group",
                backend["group"],
                "Duplicate instance group or network endpoint group.",
            )
        groups.add(backend["group"])
        kinds.add(_group_kind(draft, backend["group"]))
        _backend(draft, where, backend)
    if len(kinds) > 1:
        raise invalid(
            "resource.backends", "", "All backends of a backend service must be of the same type."
        )
    backends = body.get("backends") or []
    if len(backends) == 1 and backends[0].get("capacityScaler") == 0:
        raise invalid(
            "resource.backends[0].capacityScaler",
            "0.0",
            "Capacity scaler of 0 is not allowed when there is only one backend.",
        )
    if not backends:
        body.pop("backends", None)


def _defaults(draft: Draft) -> None:
    body = draft.body
    body.setdefault("description", "")
    body.setdefault("loadBalancingScheme", "EXTERNAL")
    scheme = body["loadBalancingScheme"]
    passthrough = draft.scope != "global" and scheme in ("EXTERNAL", "INTERNAL")
    if draft.scope == "global" and scheme not in GLOBAL_SCHEMES:
        raise invalid(
            "resource.loadBalancingScheme",
            scheme,
            "Invalid load balancing scheme for a global backend service.",
        )
    body.setdefault("protocol", "TCP" if passthrough else "HTTP")
    body.setdefault("sessionAffinity", "NONE")
    body.setdefault("timeoutSec", 30)
    body.setdefault("connectionDraining", {})
    body["connectionDraining"].setdefault("drainingTimeoutSec", 0)
    if scheme != "INTERNAL":
        body.setdefault("port", 80)
        body.setdefault("portName", "http")
        body.setdefault("affinityCookieTtlSec", 0)
    if scheme == "EXTERNAL":
        # Recorded: the classic scheme shows it always, the others only when it was sent.
        body.setdefault("enableCDN", False)
    if body.get("logConfig", {}).get("enable"):
        body["logConfig"].setdefault("sampleRate", 1.0)
    _access(draft)


def _protocol(draft: Draft) -> None:
    """What a global external one may speak, and what stands before it already."""
    body = draft.body
    scheme, protocol = body["loadBalancingScheme"], body["protocol"]
    allowed = GLOBAL_PROTOCOLS if scheme in ("EXTERNAL", "EXTERNAL_MANAGED") else ()
    if draft.scope == "global" and allowed and protocol not in allowed:
        raise invalid(
            "resource.protocol",
            protocol,
            f"Protocol for a global {scheme} backend service must be one of {', '.join(allowed)} "
            f"(was {protocol}).",
        )
    old = draft.old or {}
    if not old or (old["protocol"] in HTTP_PROTOCOLS) == (protocol in HTTP_PROTOCOLS):
        return
    path = f"projects/{draft.project}/{draft.scope}/backendServices/{old['name']}"
    blocking = "/urlMaps/" if old["protocol"] in HTTP_PROTOCOLS else "/target"
    for user in draft.compute.users(path):
        if blocking in user:
            why = f"Not possible while {user} leads to the backend service."
            raise invalid("resource.protocol", protocol, why)


def _migration(draft: Draft) -> None:
    """From the classic scheme to the managed one and back, as Google's migration guide goes."""
    body, old = draft.body, draft.old or {}
    state, before = body.get(STATE), old.get(STATE)
    percentage = body.get(PERCENTAGE)
    if percentage is not None and (
        state != "TEST_BY_PERCENTAGE" or not 0 <= float(percentage) <= 100
    ):
        why = "Must be between 0 and 100, and only with the state TEST_BY_PERCENTAGE."
        raise invalid(f"resource.{PERCENTAGE}", percentage, why)
    if state and state != "PREPARE" and not before:
        why = "The migration state must be PREPARE first."
        raise invalid(f"resource.{STATE}", state, why)
    if not old or body["loadBalancingScheme"] == old["loadBalancingScheme"]:
        return
    pair = {body["loadBalancingScheme"], old["loadBalancingScheme"]}
    if pair != {"EXTERNAL", "EXTERNAL_MANAGED"}:
        why = "The load balancing scheme of a backend service cannot be changed."
        raise invalid("resource.loadBalancingScheme", body["loadBalancingScheme"], why)
    if before != "TEST_ALL_TRAFFIC":
        raise invalid(
            "resource.loadBalancingScheme",
            body["loadBalancingScheme"],
            "Cannot change the load balancing scheme until the migration state is set to "
            "TEST_ALL_TRAFFIC.",
        )


def _access(draft: Draft) -> None:
    """Identity-Aware Proxy: shown as sent, but for the secret, of which only the hash is."""
    iap = draft.body.get("iap")
    if iap is None:
        return
    iap.setdefault("enabled", False)
    secret = iap.pop("oauth2ClientSecret", None)
    old = ((draft.old or {}).get("iap") or {}).get("oauth2ClientSecretSha256")
    if secret is not None:
        iap["oauth2ClientSecretSha256"] = hashlib.sha256(secret.encode()).hexdigest()
    elif old is not None:
        iap["oauth2ClientSecretSha256"] = old


def _ranges(body: Doc) -> None:
    if not 1 <= body["timeoutSec"] <= 2147483647:
        raise invalid(
            "resource.timeoutSec", body["timeoutSec"], "Must be between 1 and 2147483647."
        )
    drain = body["connectionDraining"]["drainingTimeoutSec"]
    if not 0 <= drain <= 3600:
        raise invalid(
            "resource.connectionDraining.drainingTimeoutSec", drain, "Must be between 0 and 3600."
        )
    rate = body.get("logConfig", {}).get("sampleRate", 1.0)
    if not 0 <= rate <= 1:
        raise invalid("resource.logConfig.sampleRate", rate, "Must be between 0 and 1.")
    ttl = body.get("affinityCookieTtlSec", 0)
    if not 0 <= ttl <= 1_209_600:
        raise invalid("resource.affinityCookieTtlSec", ttl, "Must be between 0 and 1209600.")
    if not 1 <= body.get("port", 80) <= 65535:
        raise invalid("resource.port", body["port"], "Must be between 1 and 65535.")


def _health_checks(draft: Draft) -> None:
    checks = draft.body.get("healthChecks") or []
    if len(checks) > 1:
        raise invalid("resource.healthChecks", "", "At most one health check may be specified.")
    negs = [
        b
        for b in draft.body.get("backends") or []
        if "/networkEndpointGroups/" in (b.get("group") or "")
    ]
    kinds = {_group_kind(draft, b["group"]) for b in negs}
    if negs and not checks and kinds - set(UNBALANCED):
        raise required("resource.healthChecks")
    if checks and kinds & set(UNBALANCED):
        why = "Health checks are not supported for serverless and internet endpoint groups."
        raise invalid("resource.healthChecks", checks[0], why)


def _group_kind(draft: Draft, group: str) -> str:
    doc = draft.compute.get(links.path_of(group)) or {}
    return str(doc.get("networkEndpointType", "INSTANCE_GROUP"))


def _backend(draft: Draft, where: str, backend: Doc) -> None:
    protocol, scheme = draft.body["protocol"], draft.body["loadBalancingScheme"]
    is_neg = "/networkEndpointGroups/" in backend["group"]
    if is_neg and _group_kind(draft, backend["group"]) in UNBALANCED:
        backend.setdefault("balancingMode", "UTILIZATION")
        backend.setdefault("capacityScaler", 1)
        return
    mode = backend.setdefault("balancingMode", "UTILIZATION")
    if draft.scope == "global" or scheme not in ("EXTERNAL", "INTERNAL"):
        backend.setdefault("capacityScaler", 1)
    _capacity(where, backend)
    _mode(where, backend, protocol, scheme, is_neg)
    allowed = TARGET_FIELDS.get(mode, ())
    if mode != "UTILIZATION":
        for field in set(RATE_FIELDS + CONNECTION_FIELDS) - set(allowed):
            if field in backend:
                why = f"Cannot be set with balancing mode {mode}."
                raise invalid(f"{where}.{field}", backend[field], why)
    passthrough = scheme == "INTERNAL" or (scheme == "EXTERNAL" and draft.scope != "global")
    _targets(where, backend, allowed, needed=not passthrough, is_neg=is_neg)


def _mode(where: str, backend: Doc, protocol: str, scheme: str, is_neg: bool) -> None:
    """Refuse a balancing mode that the scheme, the protocol or the kind of group cannot have."""
    mode = backend["balancingMode"]
    if scheme == "INTERNAL" and mode != "CONNECTION":
        why = "Balancing mode must be CONNECTION for an INTERNAL backend service."
        raise invalid(f"{where}.balancingMode", mode, why)
    http = protocol in HTTP_PROTOCOLS
    if (mode == "CONNECTION" and http) or (mode == "RATE" and not http):
        raise _mode_refused(where, backend, mode, protocol)
    if is_neg and mode == "UTILIZATION":
        why = "UTILIZATION balancing mode is not supported for network endpoint groups."
        raise invalid(f"{where}.balancingMode", mode, why)


def _targets(
    where: str, backend: Doc, allowed: tuple[str, ...], needed: bool, is_neg: bool
) -> None:
    """Refuse targets (a rate, a number of connections) missing, doubled or not for the group."""
    targets = [field for field in allowed if field in backend]
    if len(targets) > 1:
        raise invalid(where, "", f"Both {targets[0]} or {targets[1]} cannot be set.")
    if allowed and needed and not targets:
        mode = backend["balancingMode"]
        why = f"{' or '.join(allowed[:2])} must be set for balancing mode {mode}."
        raise invalid(where, _shown(backend), why)
    for field in targets:
        if backend[field] < (1 if field in CONNECTION_FIELDS else 0):
            raise invalid(f"{where}.{field}", backend[field], "Must be a positive number.")
        if is_neg and field.endswith("PerInstance"):
            why = "Not supported for network endpoint groups."
            raise invalid(f"{where}.{field}", backend[field], why)


def _capacity(where: str, backend: Doc) -> None:
    scaler = backend.get("capacityScaler", 1)
    if scaler != 0 and not 0.1 <= scaler <= 1:
        raise invalid(
            f"{where}.capacityScaler",
            scaler,
            "Capacity scaler must be 0.0 or in the range [0.1, 1.0].",
        )


def _mode_refused(where: str, backend: Doc, mode: str, protocol: str) -> ApiError:
    return invalid(
        where, _shown(backend), f"{mode} balancing mode is not supported for protocol {protocol}"
    )


def _shown(backend: Doc) -> str:
    """A backend as refusals print it: JSON cut short, with the group under its old name."""
    text = orjson.dumps({"resourceGroup": backend["group"]}).decode().replace('":"', '": "')
    return "{ " + text[1:36] + "..."


def view(compute: Resources, path: str, doc: Doc) -> None:
    users = [user for user in compute.users(path) if "/securityPolicies/" not in user]
    if users:
        doc["usedBy"] = [{"reference": links.link(user)} for user in users]


def _set_policy(field: str) -> "object":
    def setter(compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc) -> Answer:
        value = body.get("securityPolicy") or None
        verb = "setSecurityPolicy" if field == "securityPolicy" else "setEdgeSecurityPolicy"
        return compute.set_fields(kind, call, path, doc, {field: value}, verb)

    return setter


def list_usable(compute: Compute, kind: Kind, call: Call, project: str) -> Answer:
    region = region_of(call.path)
    scope = f"regions/{region}" if region else "global"
    body = listing.page(compute, kind, call, project, scope)
    body["kind"] = "compute#usableBackendServiceList"
    body["id"] += "/listUsable"
    return Answer(body=body)


BACKEND_SERVICES = Kind(
    "backendServices",
    "BackendService",
    "backend_service",
    scopes=("global", "regions"),
    fingerprint="lenient",
    patch=True,
    put=True,
    refs=(
        ("healthChecks[]", ("healthChecks", "httpHealthChecks", "httpsHealthChecks")),
        ("backends[].group", ("networkEndpointGroups", "instanceGroups")),
        ("securityPolicy", ("securityPolicies",)),
        ("edgeSecurityPolicy", ("securityPolicies",)),
        ("network", ("networks",)),
    ),
    prepare=prepare,
    view=view,
    verbs={
        "getHealth": get_health,
        "setSecurityPolicy": _set_policy("securityPolicy"),  # type: ignore[dict-item]
        "setEdgeSecurityPolicy": _set_policy("edgeSecurityPolicy"),  # type: ignore[dict-item]
        "listUsable": list_usable,
    },
    operation_types={
        "setSecurityPolicy": "setSecurityPolicy",
        "setEdgeSecurityPolicy": "setEdgeSecurityPolicy",
    },
)
