"""The Deployment controller: rolling updates and recreation through ReplicaSets.

Each pass scales at most one side by what maxSurge and maxUnavailable leave room for; the status
changes of ReplicaSets bring the next pass. Rollback and restart are changes of the template.
"""

from typing import TYPE_CHECKING, Any

import orjson

from gcpsim.k8s.controllers import progress
from gcpsim.k8s.controllers.objects import (
    Obj,
    annotations_of,
    controller_of,
    deleting,
    key_of,
    owner_reference,
    resolve,
    safe_hash,
    split,
    uid_of,
    with_annotations,
)
from gcpsim.k8s.controllers.plane import Plane

if TYPE_CHECKING:
    from collections.abc import Iterable

HASH = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"
COMPONENT = "deployment-controller"


class DeploymentController:
    """Keeps each Deployment's ReplicaSets and status."""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.cluster = plane.cluster
        self.worker = plane.worker("kubernetes.controller.lag", self.reconcile)
        self._sets: dict[str, dict[str, None]] = {}
        for replica_set in self.cluster.list("replicasets"):
            self._follow_set("ADDED", replica_set, None)
        self.cluster.subscribe("deployments", lambda event, obj, old: self.worker.mark(key_of(obj)))
        self.cluster.subscribe("replicasets", self._follow_set)
        for deployment in self.cluster.list("deployments"):
            self.worker.mark(key_of(deployment))

    def _follow_set(self, event: str, replica_set: Obj, old: Obj | None) -> None:
        owner = controller_of(replica_set)
        if owner is None or owner["kind"] != "Deployment":
            return
        sets = self._sets.setdefault(owner["uid"], {})
        if event == "DELETED":
            sets.pop(key_of(replica_set), None)
        else:
            sets[key_of(replica_set)] = None
        self.worker.mark(f"{replica_set['metadata']['namespace']}/{owner['name']}")

    def reconcile(self, key: str) -> None:
        deployment = self.cluster.get("deployments", *split(key))
        if deployment is None:
            return
        sets = self._owned(deployment)
        if deleting(deployment):
            return
        new = self._newest(deployment, sets)
        if deployment["spec"].get("paused") or self._is_scaling(deployment, sets):
            self._scale_proportionally(deployment, sets)
        else:
            new, deployment = self._ensure_new(deployment, sets, new)
            self._roll(deployment, new, [rs for rs in sets if uid_of(rs) != uid_of(new)])
        self._report(key)

    def _owned(self, deployment: Obj) -> list[Obj]:
        keys = self._sets.get(uid_of(deployment), {})
        found = (self.cluster.get("replicasets", *split(key)) for key in keys)
        live = [rs for rs in found if rs is not None and not deleting(rs)]
        return sorted(live, key=lambda rs: (_revision(rs), rs["metadata"]["name"]))

    @staticmethod
    def _newest(deployment: Obj, sets: "Iterable[Obj]") -> Obj | None:
        wanted = _template(deployment["spec"]["template"])
        same = [rs for rs in sets if _template(rs["spec"]["template"]) == wanted]
        return min(same, key=_age, default=None)  # the oldest: two of one template must not fight

    def _ensure_new(self, deployment: Obj, sets: list[Obj], new: Obj | None) -> tuple[Obj, Obj]:
        """The ReplicaSet of the current template and the Deployment, both with their revision."""
        old = [rs for rs in sets if new is None or uid_of(rs) != uid_of(new)]
        revision = max([_revision(rs) for rs in old], default=0) + 1
        if new is None:
            new = self._create(deployment, old, revision)
        elif _revision(new) < revision:
            past = annotations_of(new).get(HISTORY)
            history = ",".join(filter(None, [past, str(_revision(new))]))
            changes: dict[str, str | None] = {REVISION: str(revision), HISTORY: history}
            new = self.cluster.update("replicasets", with_annotations(new, **changes))
        current = annotations_of(new)[REVISION]
        if annotations_of(deployment).get(REVISION) != current:
            marked = with_annotations(deployment, **{REVISION: current})
            deployment = self.cluster.update("deployments", marked)
        return new, deployment

    def _create(self, deployment: Obj, old: list[Obj], revision: int) -> Obj:
        meta, spec = deployment["metadata"], deployment["spec"]
        template = spec["template"]
        seed = orjson.dumps(_template(template), option=orjson.OPT_SORT_KEYS).decode()
        digest = safe_hash(seed + str((deployment.get("status") or {}).get("collisionCount", 0)))
        labels = {**(template["metadata"].get("labels") or {}), HASH: digest}
        selector = dict(spec["selector"])
        selector["matchLabels"] = {**(selector.get("matchLabels") or {}), HASH: digest}
        kept = {
            name: value
            for name, value in annotations_of(deployment).items()
            if name not in (REVISION, HISTORY, "kubectl.kubernetes.io/last-applied-configuration")
        }
        total = sum(rs["spec"].get("replicas", 0) for rs in old)
        replicas = self._room(deployment, total, 0)
        replica_set = self.cluster.create(
            "replicasets",
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "metadata": {
                    "name": f"{meta['name']}-{digest}",
                    "namespace": meta["namespace"],
                    "labels": labels,
                    "annotations": {**kept, **_sizes(deployment), REVISION: str(revision)},
                    "ownerReferences": [owner_reference(deployment)],
                },
                "spec": {
                    "replicas": replicas,
                    "minReadySeconds": spec.get("minReadySeconds", 0),
                    "selector": selector,
                    "template": {
                        **template,
                        "metadata": {**template["metadata"], "labels": labels},
                    },
                },
            },
        )
        self._announce(deployment, replica_set, 0, replicas)
        return replica_set

    def _room(self, deployment: Obj, total: int, own: int) -> int:
        """How large the new ReplicaSet (now `own` of `total` pods) may be."""
        spec = deployment["spec"]
        wanted = int(spec.get("replicas", 1))
        if (spec.get("strategy") or {}).get("type") == "Recreate":
            return wanted if total == own else own
        surge, _ = limits(deployment)
        return max(own, own + min(wanted + surge - total, wanted - own))

    def _roll(self, deployment: Obj, new: Obj, old: list[Obj]) -> None:
        wanted = int(deployment["spec"].get("replicas", 1))
        size = int(new["spec"].get("replicas", 0))
        old = [rs for rs in old if rs["spec"].get("replicas", 0) or _status(rs, "replicas")]
        recreate = (deployment["spec"].get("strategy") or {}).get("type") == "Recreate"
        if recreate:
            for replica_set in old:
                self._scale(deployment, replica_set, 0)
            if any(self.plane.pods.owned(uid_of(rs)) for rs in old):
                return
            self._scale(deployment, new, wanted)
            return
        if size > wanted:
            self._scale(deployment, new, wanted)
            return
        total = size + sum(rs["spec"].get("replicas", 0) for rs in old)
        room = self._room(deployment, total, size)
        if room > size:
            self._scale(deployment, new, room)
            return
        self._shrink_old(deployment, new, old)

    def _shrink_old(self, deployment: Obj, new: Obj, old: list[Obj]) -> None:
        wanted = int(deployment["spec"].get("replicas", 1))
        minimum = wanted - limits(deployment)[1]
        sizes = {uid_of(rs): int(rs["spec"].get("replicas", 0)) for rs in old}
        new_size = int(new["spec"].get("replicas", 0))
        new_missing = new_size - _status(new, "availableReplicas")
        spare = sum(sizes.values()) + new_size - minimum - new_missing
        if spare <= 0:
            return
        for replica_set in old:  # first those that serve nobody
            uid = uid_of(replica_set)
            broken = max(0, sizes[uid] - _status(replica_set, "availableReplicas"))
            cut = min(spare, broken)
            if cut > 0:
                sizes[uid] -= cut
                spare -= cut
        available = sum(_status(rs, "availableReplicas") for rs in [new, *old])
        budget = available - minimum
        for replica_set in old:
            uid = uid_of(replica_set)
            cut = max(0, min(budget, sizes[uid]))
            sizes[uid] -= cut
            budget -= cut
            self._scale(deployment, replica_set, sizes[uid])

    def _is_scaling(self, deployment: Obj, sets: list[Obj]) -> bool:
        wanted = str(deployment["spec"].get("replicas", 1))
        active = [rs for rs in sets if rs["spec"].get("replicas", 0) > 0]
        return any(annotations_of(rs).get(DESIRED, wanted) != wanted for rs in active)

    def _scale_proportionally(self, deployment: Obj, sets: list[Obj]) -> None:
        """Spread a change of spec.replicas over the ReplicaSets, in proportion to their sizes."""
        wanted = int(deployment["spec"].get("replicas", 1))
        active = [rs for rs in sets if rs["spec"].get("replicas", 0) > 0]
        if len(active) <= 1:
            newest = self._newest(deployment, sets)
            target = active[0] if active else newest
            if target is not None:
                self._scale(deployment, target, wanted)
            return
        total = sum(rs["spec"]["replicas"] for rs in active)
        change = (wanted + limits(deployment)[0] if wanted else 0) - total
        rest = change
        for replica_set in sorted(active, key=lambda rs: -rs["spec"]["replicas"]):
            size = replica_set["spec"]["replicas"]
            part = round(change * size / total)
            part = max(rest, part) if change < 0 else min(rest, part)
            rest -= part
            self._scale(deployment, replica_set, max(0, size + part))

    def _scale(self, deployment: Obj, replica_set: Obj, replicas: int) -> None:
        before = int(replica_set["spec"].get("replicas", 0))
        sizes = _sizes(deployment)
        same = all(annotations_of(replica_set).get(k) == v for k, v in sizes.items())
        if before == replicas and same:
            return
        changed = with_annotations(replica_set, **sizes)
        changed["spec"] = {**changed["spec"], "replicas": replicas}
        self.cluster.update("replicasets", changed)
        if before != replicas:
            self._announce(deployment, replica_set, before, replicas)

    def _announce(self, deployment: Obj, replica_set: Obj, before: int, after: int) -> None:
        name, way = replica_set["metadata"]["name"], "up" if after > before else "down"
        message = f"Scaled {way} replica set {name} from {before} to {after}"
        self.plane.event(deployment, "Normal", "ScalingReplicaSet", message, COMPONENT)

    def _report(self, key: str) -> None:
        deployment = self.cluster.get("deployments", *split(key))
        if deployment is None:
            return
        sets = self._owned(deployment)
        new = self._newest(deployment, sets)
        status, due = progress.status(
            deployment, new, sets, limits(deployment)[1], self.plane.now()
        )
        self.plane.change("deployments", deployment, status)
        if due is not None:
            self.worker.mark_at(due, key)
        if progress.complete(deployment, status):
            self._forget(deployment, [rs for rs in sets if rs is not new])

    def _forget(self, deployment: Obj, old: list[Obj]) -> None:
        keep = int(deployment["spec"].get("revisionHistoryLimit", 10))
        idle = [rs for rs in old if not rs["spec"].get("replicas") and not _status(rs, "replicas")]
        for replica_set in idle[: max(0, len(idle) - keep)]:
            meta = replica_set["metadata"]
            self.cluster.delete("replicasets", meta["namespace"], meta["name"])


def limits(deployment: Obj) -> tuple[int, int]:
    """maxSurge and maxUnavailable in pods; never both 0."""
    spec = deployment["spec"]
    wanted = int(spec.get("replicas", 1))
    strategy = spec.get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return 0, wanted
    rolling = strategy.get("rollingUpdate") or {}
    surge = resolve(rolling.get("maxSurge", "25%"), wanted, up=True)
    missing = resolve(rolling.get("maxUnavailable", "25%"), wanted, up=False)
    return surge, min(wanted, missing if surge or missing else 1)


def _sizes(deployment: Obj) -> dict[str, Any]:
    wanted = int(deployment["spec"].get("replicas", 1))
    return {DESIRED: str(wanted), MAXIMUM: str(wanted + limits(deployment)[0])}


def _template(template: Obj) -> Obj:
    meta = dict(template.get("metadata") or {})
    meta.pop("creationTimestamp", None)
    meta["labels"] = {k: v for k, v in (meta.get("labels") or {}).items() if k != HASH}
    return {"metadata": meta, "spec": template["spec"]}


def _age(replica_set: Obj) -> tuple[str, str]:
    meta = replica_set["metadata"]
    return meta.get("creationTimestamp") or "", meta["name"]


def _revision(replica_set: Obj) -> int:
    return int(annotations_of(replica_set).get(REVISION, 0))


def _status(replica_set: Obj, field: str) -> int:
    return int((replica_set.get("status") or {}).get(field, 0))
