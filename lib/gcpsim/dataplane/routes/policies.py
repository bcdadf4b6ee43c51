"""Service load balancing policies: how a backend service's groups share what comes. Pure.

Without a policy of its own a service has the default one: WATERFALL_BY_REGION, nothing drained by
itself, no region left while an endpoint there is healthy.
"""

from dataclasses import dataclass

from gcpsim.dataplane.routes.documents import Doc, Documents, NotCarried, short

NETWORK_SERVICES = "//networkservices.googleapis.com/"
BY_REGION, BY_ZONE, SPRAY = "WATERFALL_BY_REGION", "WATERFALL_BY_ZONE", "SPRAY_TO_REGION"
UNSPECIFIED = "LOAD_BALANCING_ALGORITHM_UNSPECIFIED"
DEFAULT_THRESHOLD = 70  # percent of healthy endpoints, of a policy that says nothing


@dataclass(frozen=True)
class Policy:
    """`threshold`: below this part of healthy endpoints a group passes traffic on; 0 never does."""

    algorithm: str = BY_REGION
    drains: bool = False
    threshold: float = 0.0
    isolation: str = ""  # NEAREST | STRICT


def serving_policy(documents: Documents, path: str) -> Policy:
    """The policy by which endpoints are offered; the default one where a service's is not known."""
    try:
        return policy_of(documents, path, documents.get(path) or {})
    except NotCarried:
        return Policy()  # what leads here answers 501 as soon as the routes have followed


def policy_of(documents: Documents, path: str, service: Doc) -> Policy:
    """The policy of a backend service; NotCarried for one that is not known here, or cannot be."""
    reference = service.get("serviceLbPolicy")
    if not reference:
        return Policy()
    name = documents.name(reference.removeprefix(NETWORK_SERVICES))
    found = documents.tables.get("networkservices/serviceLbPolicies", {}).get(name)
    if found is None:
        raise NotCarried(f"{short(path)} serviceLbPolicy {name}, which this location does not know")
    algorithm = found.get("loadBalancingAlgorithm", UNSPECIFIED)
    if algorithm == UNSPECIFIED:
        algorithm = BY_REGION
    if algorithm not in (BY_REGION, BY_ZONE, SPRAY):
        raise NotCarried(f"{short(path)} serviceLbPolicy {short(name)} {algorithm}")
    isolation = found.get("isolationConfig") or {}
    isolated = isolation.get("isolationGranularity") == "REGION"
    mode = isolation.get("isolationMode", "")
    percent = (found.get("failoverConfig") or {}).get("failoverHealthThreshold")
    return Policy(
        algorithm=algorithm,
        drains=bool((found.get("autoCapacityDrain") or {}).get("enable")),
        threshold=(percent or DEFAULT_THRESHOLD) / 100,
        isolation=mode if isolated and mode in ("NEAREST", "STRICT") else "",
    )
