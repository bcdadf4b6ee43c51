"""Events about objects: written once, counted up when they repeat, forgotten after an hour."""

import hashlib
from typing import Any

from gcpsim.core.clock import rfc3339
from gcpsim.k8s.types.store import Objects

Doc = dict[str, Any]

LIFE = 3600.0  # seconds; the API server's --event-ttl
LOOK_EVERY = 256  # how many new events there are between two looks for old ones


def record(
    cluster: Objects, involved: Doc, type: str, reason: str, message: str, component: str
) -> Doc:
    """Write an Event about an object, or count up the one that says the same."""
    about = involved["metadata"]
    namespace = about.get("namespace", "default")
    said = "\0".join([about.get("uid", ""), involved["kind"], type, reason, message, component])
    name = f"{about['name']}.{hashlib.sha256(said.encode()).hexdigest()[:16]}"
    now = cluster.now()
    known = cluster.get("events", namespace, name)
    if known is not None:
        again = {**known, "count": known["count"] + 1, "lastTimestamp": now}
        return cluster.update("events", again)
    if len(cluster.table("events")) % LOOK_EVERY == 0:
        forget(cluster)
    reference = {
        "kind": involved["kind"],
        "namespace": about.get("namespace"),
        "name": about["name"],
        "uid": about.get("uid"),
        "apiVersion": involved.get("apiVersion", "v1"),
        "resourceVersion": about.get("resourceVersion"),
    }
    return cluster.create(
        "events",
        {
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": {key: value for key, value in reference.items() if value},
            "type": type,
            "reason": reason,
            "message": message,
            "source": {"component": component},
            "reportingComponent": component,
            "reportingInstance": "",
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        },
        frozen=True,
    )


def forget(cluster: Objects) -> None:
    """Delete the events whose life is over."""
    limit = rfc3339(cluster.clock.now() - LIFE, millis=False)
    for obj in cluster.table("events").values():
        metadata = obj["metadata"]
        if (obj.get("lastTimestamp") or metadata["creationTimestamp"]) < limit:
            cluster.delete("events", metadata["namespace"], metadata["name"])
