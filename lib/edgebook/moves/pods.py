"""Ready pods of each backend in each cluster, by zone: read from EndpointSlices."""

from collections import Counter
from collections.abc import Iterable

from edgebook.base.errors import AccessError, ApiError, ConnectError
from edgebook.live.ports import SLICES
from edgebook.live.reader import Reader
from edgebook.moves.requirements import Pods
from edgebook.params.types import BackendSpec, Spec


def count(
    reader: Reader, spec: Spec, backends: Iterable[str], clusters: Iterable[str]
) -> dict[tuple[str, str], Pods]:
    """(backend, cluster) -> its ready pods; a cluster that does not answer is left out."""
    found = {}
    for name in sorted(backends):
        for cluster in sorted(clusters):
            try:
                found[name, cluster] = _count(reader, spec.backends[name], cluster)
            except (AccessError, ApiError, ConnectError):
                continue
    return found


def _count(reader: Reader, backend: BackendSpec, cluster: str) -> Pods:
    ready: Counter[str] = Counter()
    for item in reader.objects(cluster, SLICES.format(backend.neg.namespace)).result():
        labels = item["metadata"].get("labels") or {}
        if labels.get("kubernetes.io/service-name") != backend.neg.service:
            continue
        for endpoint in item.get("endpoints") or ():
            conditions = endpoint.get("conditions") or {}
            if conditions.get("ready") and not conditions.get("terminating"):
                ready[str(endpoint.get("zone") or "")] += 1
    return Pods(dict(sorted(ready.items())))
