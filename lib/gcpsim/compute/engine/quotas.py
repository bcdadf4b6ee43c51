"""Quotas: how much of what a project may have, and how many calls a minute.

Off unless asked for; the figures are read by preflight checks either way.
"""

from gcpsim.compute.engine.catalog import PROJECT_QUOTAS, REGION_QUOTAS, region_of_scope
from gcpsim.compute.engine.resources import Doc, Resources
from gcpsim.core import projects
from gcpsim.core.errors import ApiError

CALLS_PER_MINUTE = 1500
OVERRIDES = "compute/quotas"


def limits(compute: Resources, project: str, region: str = "") -> list[Doc]:
    """`[{"metric", "limit", "usage"}]`, sorted by metric."""
    table = REGION_QUOTAS if region else PROJECT_QUOTAS
    own = compute.world.store.table(OVERRIDES).get(project) or {}
    rows = []
    for metric, (limit, collection) in sorted(table.items()):
        usage = _usage(compute, metric, collection, project, region)
        rows.append(
            {"metric": metric, "limit": float(own.get(metric, limit)), "usage": float(usage)}
        )
    return rows


def _usage(compute: Resources, metric: str, collection: str, project: str, region: str) -> int:
    docs = compute.list(project, collection)
    if region:
        docs = [
            d
            for d in docs
            if f"/regions/{region}/" in d["selfLink"] or f"/zones/{region}-" in d["selfLink"]
        ]
    elif collection in ("addresses", "forwardingRules", "backendServices"):
        docs = [d for d in docs if "/global/" in d["selfLink"]]
    if metric.startswith("GLOBAL_EXTERNAL_MANAGED"):
        docs = [d for d in docs if d.get("loadBalancingScheme") == "EXTERNAL_MANAGED"]
    return len(docs)


def require(compute: Resources, collection: str, project: str, scope: str, body: Doc) -> None:
    """Refuse an insert over its quota, in Google's words: its region's, and its project's where
    that counts what lies in regions and zones."""
    region = region_of_scope(scope)
    if region:
        _require(compute, collection, project, region)
    if not region or "global" not in compute.kinds[collection].scopes:
        _require(compute, collection, project, "")


def _require(compute: Resources, collection: str, project: str, region: str) -> None:
    table = REGION_QUOTAS if region else PROJECT_QUOTAS
    for row in limits(compute, project, region):
        if table[row["metric"]][1] != collection or row["metric"].startswith("GLOBAL_"):
            continue
        if row["usage"] >= row["limit"]:
            where = f"in region {region}" if region else "globally"
            raise ApiError(
                403,
                f"Quota '{row['metric']}' exceeded.  Limit: {row['limit']} {where}.",
                "quotaExceeded",
            )


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
