"""Quotas: how much of what a project may have, and how many calls a minute.

Off unless asked for; the figures are read by preflight checks either way.
"""

from gcpsim.compute.engine.catalog import PROJECT_QUOTAS, REGION_QUOTAS, SIZES, region_of_scope
from gcpsim.compute.engine.resources import Doc, Resources
from gcpsim.core import projects
from gcpsim.core.errors import ApiError
from gcpsim.core.paths import name_of

CALLS_PER_MINUTE = 1500
OVERRIDES = "compute/quotas"
ANY, WEB, STREAMS = (True, False), (False,), (True,)
# metric -> schemes that it counts, and whether those of proxy Network Load Balancers
LOAD_BALANCERS: dict[str, tuple[tuple[str, ...], tuple[bool, ...]]] = {
    "BACKEND_SERVICES": (("EXTERNAL",), WEB),
    "EXTERNAL_MANAGED_FORWARDING_RULES": (("EXTERNAL_MANAGED",), ANY),
    "EXTERNAL_NETWORK_LB_FORWARDING_RULES": (("EXTERNAL",), ANY),
    "FORWARDING_RULES": (("EXTERNAL",), ANY),
    "GLOBAL_EXTERNAL_MANAGED_BACKEND_SERVICES": (("EXTERNAL_MANAGED",), WEB),
    "GLOBAL_EXTERNAL_MANAGED_FORWARDING_RULES": (("EXTERNAL_MANAGED",), ANY),
    "GLOBAL_EXTERNAL_PROXY_LB_BACKEND_SERVICES": (("EXTERNAL", "EXTERNAL_MANAGED"), STREAMS),
    "REGIONAL_EXTERNAL_MANAGED_BACKEND_SERVICES": (("EXTERNAL_MANAGED",), ANY),
    "REGIONAL_EXTERNAL_NETWORK_LB_BACKEND_SERVICES": (("EXTERNAL",), ANY),
    "REGIONAL_INTERNAL_LB_BACKEND_SERVICES": (("INTERNAL",), ANY),
    "REGIONAL_INTERNAL_MANAGED_BACKEND_SERVICES": (("INTERNAL_MANAGED",), ANY),
}


def limits(compute: Resources, project: str, region: str = "") -> list[Doc]:
    """`[{"metric", "limit", "usage"}]`, sorted by metric."""
    table = REGION_QUOTAS if region else PROJECT_QUOTAS
    own = compute.world.store.table(OVERRIDES).get(project) or {}
    rows = []
    for metric, (limit, collection) in sorted(table.items()):
        docs = _docs(compute, collection, project, region)
        usage = sum(_charge(metric, doc) for doc in docs)
        rows.append(
            {"metric": metric, "limit": float(own.get(metric, limit)), "usage": float(usage)}
        )
    return rows


def _docs(compute: Resources, collection: str, project: str, region: str) -> list[Doc]:
    if collection.startswith("instanceGroup"):  # those of node pools count, too
        docs = [doc for _, doc in compute.rows(collection, project)]
    else:
        docs = compute.list(project, collection)
    if region:
        places = (f"/regions/{region}/", f"/zones/{region}-")
        return [doc for doc in docs if any(place in doc["selfLink"] for place in places)]
    if collection in ("addresses", "forwardingRules", "backendServices"):
        return [doc for doc in docs if "/global/" in doc["selfLink"]]
    return docs


def _charge(metric: str, doc: Doc) -> int:
    """How much of a quota of its collection a resource takes: nothing where it counts elsewhere."""
    scheme, proxied = doc.get("loadBalancingScheme", "EXTERNAL"), _is_proxied(doc)
    if metric == "CPUS":
        return SIZES.get(name_of(doc.get("machineType", "")), (1, 0))[0]
    if metric.endswith("INSTANCE_GROUP_MANAGERS"):
        return int(metric.startswith("REGIONAL_") is ("region" in doc))
    if metric in LOAD_BALANCERS:
        schemes, kinds = LOAD_BALANCERS[metric]
        return int(scheme in schemes and proxied in kinds)
    return 1


def _is_proxied(doc: Doc) -> bool:
    """Whether a backend service or forwarding rule is of a proxy Network Load Balancer."""
    target = doc.get("target", "")
    if target:
        return any(f"/{kind}/" in target for kind in ("targetTcpProxies", "targetSslProxies"))
    return doc.get("protocol") in ("TCP", "SSL", "UDP", "UNSPECIFIED")


def require(compute: Resources, collection: str, project: str, scope: str, body: Doc) -> None:
    """Refuse an insert over its quota, in Google's words: its region's, and its project's where
    that counts what lies in regions and zones."""
    region = region_of_scope(scope)
    if scope.startswith("regions/"):
        body = {**body, "region": region}
    if region:
        _require(compute, collection, project, region, body)
    if not region or "global" not in compute.kinds[collection].scopes:
        _require(compute, collection, project, "", body)


def _require(compute: Resources, collection: str, project: str, region: str, body: Doc) -> None:
    table = REGION_QUOTAS if region else PROJECT_QUOTAS
    for row in limits(compute, project, region):
        metric, charge = row["metric"], 0
        if table[metric][1] == collection:
            charge = _charge(metric, body)
        if charge and row["usage"] + charge > row["limit"]:
            where = f"in region {region}" if region else "globally"
            why = f"Quota '{metric}' exceeded.  Limit: {row['limit']} {where}."
            raise ApiError(403, why, "quotaExceeded")


def pace(compute: Resources, project: str, verb: str) -> None:
    """1,500 calls a minute and project, counted by the minute; reads apart from writes."""
    minute = int(compute.world.clock.now() // 60)
    group = "read" if verb == "GET" else "write"
    used: dict[tuple[str, str], tuple[int, int]] = compute.paces
    known, count = used.get((project, group), (minute, 0))
    count = count + 1 if known == minute else 1
    used[(project, group)] = (minute, count)
    if count > CALLS_PER_MINUTE:
        raise ApiError(
            403,
            "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute' of service "
            f"'compute.googleapis.com' for consumer 'project_number:{projects.number(project)}'.",
            "rateLimitExceeded",
        )
