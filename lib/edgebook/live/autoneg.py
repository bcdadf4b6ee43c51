"""Services from which autoneg writes NEGs into backend services, by its annotation.

For reports only ("to know"): autoneg merges its entries into lists that others write too.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from edgebook.base.parsing import from_json
from edgebook.live.reader import Reader
from edgebook.model.values import Action, Change, ResourceKey, Step

KEY = "controller.autoneg.dev/neg"


def notes(reader: Reader, clusters: Iterable[str], ours: Iterable[ResourceKey]) -> Iterator[Change]:
    """A report for each of `ours` (keys of backend services) that a Service of a cluster names."""
    by_name = {key.name: key for key in ours}
    for cluster in clusters:
        for service in reader.objects(cluster, "api/v1/services").result():
            meta = service["metadata"]
            for name in sorted(_named((meta.get("annotations") or {}).get(KEY)) & by_name.keys()):
                yield Change(
                    Action.REPORT,
                    ResourceKey("backends", by_name[name].scope, name),
                    Step.BACKENDS,
                    f"autoneg writes Service {meta['namespace']}/{meta['name']} of {cluster} into "
                    f"it too: take {name} out of the annotation {KEY}, or its pods serve here",
                )


def _named(text: str | None) -> set[str]:
    """The backend services of an annotation; nothing where it is not as autoneg reads it."""
    try:
        content = from_json(text or "{}")
    except ValueError:
        return set()
    ports = content.get("backend_services") if isinstance(content, Mapping) else None
    entries: list[Any] = []
    for listed in ports.values() if isinstance(ports, Mapping) else ():
        entries += listed if isinstance(listed, list) else []
    return {str(one["name"]) for one in entries if isinstance(one, Mapping) and one.get("name")}
