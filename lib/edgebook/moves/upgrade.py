"""The ladder of a cluster upgrade: the control plane first, then one node pool after another. Pure.

Each stage is one operation of GKE's. What must be true of pods before nodes are drained under
traffic stands in `problems`. A control plane cannot go back, and a pool only by its own rollback.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from edgebook.base.clock import moment
from edgebook.desired import Desired
from edgebook.desired.frontends import STREAMS
from edgebook.model.paths import name_of, part_of, project_of
from edgebook.model.pods import (
    ASKED,
    GATE,
    NGINX_ASKS,
    NGINX_LABEL,
    gated,
    impatient,
    is_nginx,
    waits,
)
from edgebook.model.values import Action, Change, Ownership, Resource, ResourceKey, Step
from edgebook.moves import mechanics
from edgebook.moves.stages import START, Gate, Ladder, Stage
from edgebook.moves.wish import SPREAD
from edgebook.params.types import Spec

CONTROL_PLANE = "control plane"
KEEP_ALIVE = 600  # seconds that Google keeps idle connections to pods
NGINX_CONFIG = "ingress-nginx-controller"  # as its chart calls it


@dataclass(frozen=True)
class Upgrade:
    """`cluster` is its name in the params, `path` its path in GKE's API."""

    cluster: str
    path: str
    version: str
    pools: tuple[str, ...] = ()  # empty: all of them
    soak_s: int = 0


def ladder(spec: Spec, base: Desired, body: Mapping[str, Any], asked: Upgrade) -> Ladder:
    """`body` is the Cluster as GKE's API has it."""
    scope = asked.path
    made: list[Resource] = []
    stages = [Stage(START, "as it is", replace(base, resources=()), gate=Gate())]
    steps = [(CONTROL_PLANE, _control_plane(scope, asked))]
    names = [str(pool["name"]) for pool in body.get("nodePools") or ()]
    pools = [name for name in sorted(names) if not asked.pools or name in asked.pools]
    steps += [(f"pool {name}", _pool(scope, name, asked)) for name in pools]
    streams = _streams(spec, asked.cluster)
    for name, resource in steps:
        made.append(resource)
        cuts = streams if name != CONTROL_PLANE else ()
        gate = Gate(healthy=(asked.cluster,), spread_s=SPREAD, judged=True)
        stages.append(
            Stage(
                name,
                resource.what,
                replace(base, resources=(*_backends(base), *made)),
                gate=gate,
                soak_s=asked.soak_s,
                known=(_change(resource),),
                disrupts=f"long streams of {', '.join(cuts)} end with their pods" if cuts else "",
                cuts=cuts,
            )
        )
    stages[0] = replace(stages[0], desired=replace(base, resources=_backends(base)))
    return Ladder(
        "upgrade",
        f"upgrade {asked.cluster} to {asked.version}",
        tuple(stages),
        (
            "a control plane cannot go back to an earlier minor version; a node pool goes back "
            f"while its upgrade is not finished: {_rollbacks(scope, pools)}",
        ),
        front_door=base.front_door,
        environment=spec.environment.value,
    )


def _rollbacks(path: str, pools: Sequence[str]) -> str:
    """The gcloud lines that bring node pools back, each whole."""
    location = part_of(path, "locations")
    at = f"--cluster {name_of(path)} --location {location} --project {project_of(path)}"
    lines = (f"gcloud container node-pools rollback {pool} {at}" for pool in pools)
    return ", ".join(f"`{line}`" for line in lines)


def _streams(spec: Spec, cluster: str) -> tuple[str, ...]:
    """Frontends whose long streams this cluster serves, as the params say."""
    served = [name for name, backend in spec.backends.items() if cluster in backend.active]
    http = any(spec.backends[name].protocol not in STREAMS for name in served)
    return mechanics.long_streams(spec, served, over_http=http)


def _backends(base: Desired) -> tuple[Resource, ...]:
    """Looked at for health after every stage, and the same in all of them."""
    return tuple(r for r in base.resources if r.kind == "backends")


def _control_plane(scope: str, asked: Upgrade) -> Resource:
    name = name_of(scope)
    body = {"currentMasterVersion": asked.version}
    return _resource("controlPlane", name, scope, body, f"control plane to {asked.version}")


def _pool(scope: str, name: str, asked: Upgrade) -> Resource:
    what = f"nodes of {name} to {asked.version}, each drained first"
    return _resource("nodePool", name, scope, {"version": asked.version}, what)


def _resource(kind: str, name: str, scope: str, body: Mapping[str, Any], what: str) -> Resource:
    return Resource(kind, name, scope, body, Step.BACKENDS, ownership=Ownership.ADOPTED, what=what)


def _change(resource: Resource) -> Change:
    """Told without the version that is there now, so that one approval is for the whole ladder."""
    fields = tuple(sorted(resource.body))
    return Change(Action.UPDATE, resource.key, resource.step, resource.what, after=resource.body,
                  fields=fields)  # fmt: skip


def keys(path: str, body: Mapping[str, Any]) -> Iterator[tuple[ResourceKey, Mapping[str, Any]]]:
    """The cluster's control plane and pools as live resources."""
    yield ResourceKey("controlPlane", path, name_of(path)), body
    for pool in body.get("nodePools") or ():
        yield ResourceKey("nodePool", path, str(pool["name"])), pool


def problems(
    service: str,
    pods: Sequence[Mapping[str, Any]],
    budgets: Sequence[Mapping[str, Any]],
    zones: Mapping[str, int] | None = None,
) -> Iterator[str]:
    """What of a Service's pods would lose requests, or hold a drain up, while nodes go.

    `zones` has the ready pods of each zone, where they are known.
    """
    if not pods:
        return
    first = pods[0].get("spec") or {}
    grace = int(first.get("terminationGracePeriodSeconds") or 0)
    if _at_once(first):
        yield f"{service}: no preStop: its pods end before Google's front ends know"
    if short := impatient(first):
        yield f"{service}: {short}"
    elif grace < ASKED:
        yield f"{service}: terminationGracePeriodSeconds {grace}, at least {ASKED} wanted"
    if any(not gated(pod) for pod in pods):
        why = "new ones count as Ready before Google asks them"
        yield f"{service}: pods without the readiness gate {GATE}: {why}"
    for zone, ready in sorted((zones or {}).items()):
        if ready == 1 and len(zones or {}) > 1:
            yield f"{service}: one ready pod in {zone}: nobody serves there while its node goes"
    yield from _few(service, pods, budgets)


def behind(
    service: str, pods: Sequence[Mapping[str, Any]], budgets: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    """The same of pods that ingress-nginx asks: it repeats what failed, but no POST."""
    if not pods:
        return
    first = pods[0].get("spec") or {}
    short = "no preStop" if _at_once(first) else impatient(first, NGINX_ASKS)
    if short:
        lost = f"what NGINX has sent is lost with its pod (a preStop of {NGINX_ASKS} s wanted)"
        yield f"{service}, behind ingress-nginx: {short}: {lost}"
    yield from _few(f"{service}, behind ingress-nginx", pods, budgets)


def _at_once(spec: Mapping[str, Any]) -> bool:
    return all(waits(container) is None for container in spec.get("containers") or ())


def _few(
    service: str, pods: Sequence[Mapping[str, Any]], budgets: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    """Pods that may all go at once, or none may."""
    if len(pods) < 2:
        yield f"{service}: one pod only: nobody serves while its node goes"
    nodes = {str(p.get("spec", {}).get("nodeName", "")) for p in pods}
    if len(nodes) < 2 <= len(pods):
        yield f"{service}: all its pods are on one node"
    labels = (pods[0].get("metadata") or {}).get("labels") or {}
    mine = [b for b in budgets if _selects(b, labels)]
    if not mine:
        yield f"{service}: no PodDisruptionBudget: a drain may take all pods at once"
    for budget in mine:
        if int((budget.get("status") or {}).get("disruptionsAllowed", 0)) == 0:
            name = budget["metadata"]["name"]
            yield f"{service}: PodDisruptionBudget {name} allows no disruption: each node waits 1 h"


def keep_alive(
    service: str, pods: Sequence[Mapping[str, Any]], configs: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    """NGINX that ends idle connections before Google does: each of them may be a 502."""
    if not any(map(is_nginx, pods)):
        return
    label, value = NGINX_LABEL
    for config in configs:
        about = config["metadata"]
        if (about.get("labels") or {}).get(label) != value and about["name"] != NGINX_CONFIG:
            continue
        text = str((config.get("data") or {}).get("keep-alive") or 75)  # ingress-nginx's default
        if text.isdigit() and int(text) <= KEEP_ALIVE:
            where = f"ConfigMap {about['name']}"
            yield f"{service}: keep-alive {text} in {where}: more than {KEEP_ALIVE} wanted"


def excluded(body: Mapping[str, Any], version: str, now: datetime) -> Iterator[str]:
    """Maintenance exclusions that are on: GKE does not hold a manual upgrade to them, we do.

    `body` is the Cluster; `now` has a time zone.
    """
    window = (body.get("maintenancePolicy") or {}).get("window") or {}
    minor = _minor(version) != _minor(str(body.get("currentMasterVersion") or ""))
    for name, item in sorted((window.get("maintenanceExclusions") or {}).items()):
        start, end = _time(item.get("startTime")), _time(item.get("endTime"))
        scope = (item.get("maintenanceExclusionOptions") or {}).get("scope") or "NO_UPGRADES"
        if (start or now) <= now < (end or datetime.max.replace(tzinfo=UTC)) and (
            minor or scope != "NO_MINOR_UPGRADES"
        ):
            until = f"{end:%Y-%m-%d %H:%M}Z" if end else "the end of support"
            yield f"maintenance exclusion {name} ({scope}) is on until {until}"


def goes_back(body: Mapping[str, Any], version: str) -> Iterator[str]:
    """A version before the control plane's: GKE goes back to an earlier patch of its minor only."""
    now = str(body.get("currentMasterVersion") or "")
    if now and _number(version)[:2] < _number(now)[:2]:
        yield f"{version} is before the control plane's {now}: it cannot go back to another minor"


def _number(version: str) -> list[int]:
    """`1.33.5-gke.1080000` as [1, 33, 5]."""
    return [int(part) for part in version.partition("-")[0].split(".") if part.isdigit()]


def _time(text: Any) -> datetime | None:
    """None where none is given: an exclusion may last until the end of support."""
    return moment(text)


def _minor(version: str) -> list[str]:
    return version.split(".")[:2]


def _selects(budget: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    wanted = ((budget.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    return bool(wanted) and wanted.items() <= labels.items()
