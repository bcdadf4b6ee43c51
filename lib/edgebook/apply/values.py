"""Symbolic values made real: references, secrets and NEG placeholders, at the moment of writing.

A reference to `selfLink` is known beforehand; any other field is read from the resource, which
exists by then since its change came first. NEGs are those that the svcneg objects call ACTIVE.
"""

import base64
import os
import threading
from collections.abc import Mapping
from typing import Any

from edgebook.base.errors import EdgebookError
from edgebook.cloud.google import Cloud
from edgebook.live.clusters import negs_by_port
from edgebook.live.reader import Reader
from edgebook.model import fields
from edgebook.model.links import canonical, link
from edgebook.model.observed import Neg
from edgebook.model.values import EachNeg, Ref, ResourceKey, SecretRef

SVCNEG = "apis/networking.gke.io/v1beta1/namespaces/{}/servicenetworkendpointgroups/{}"


class Values:
    """Looks values up, each resource once."""

    def __init__(self, cloud: Cloud, reader: Reader) -> None:
        self._cloud = cloud
        self._reader = reader
        self._seen: dict[ResourceKey, Mapping[str, Any]] = {}
        self._lock = threading.Lock()

    def forget(self, key: ResourceKey) -> None:
        with self._lock:
            self._seen.pop(key, None)

    def concrete(self, value: Any) -> Any:
        """The body with every reference replaced by what the API wants to see."""
        if isinstance(value, Ref):
            return self._referred(value)
        if isinstance(value, SecretRef):
            return self._secret(value)
        if isinstance(value, EachNeg):
            raise EdgebookError(f"{value.name}: NEGs stand only in a list of backends")
        if isinstance(value, Mapping):
            return {key: self.concrete(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            found: list[Any] = []
            for item in value:
                if isinstance(item, EachNeg):
                    found += self.entries(item)
                else:
                    found.append(_set(self.concrete(item)))
            return found
        return value

    def real(self, body: Any, path: str = "") -> dict[str, Any]:
        """What stood symbolic in a body and has been looked up since, by dotted path."""
        if isinstance(body, Ref) and body.field != "selfLink":
            with self._lock:
                found = fields.at(self._seen.get(body.key), body.field)
            return {} if found is None else {path: found}
        if isinstance(body, list | tuple):
            body = {str(number): item for number, item in enumerate(body)}
        if not isinstance(body, Mapping):
            return {}
        inside = [self.real(item, f"{path}.{k}" if path else k) for k, item in sorted(body.items())]
        return {name: value for one in inside for name, value in one.items()}

    def entries(self, each: EachNeg) -> list[dict[str, Any]]:
        """One backend entry per ACTIVE zonal NEG."""
        return [
            {**self.concrete(each.entry_in(neg.zone)), "group": neg.link}
            for neg in self.negs(each)
            if neg.state == "ACTIVE"
        ]

    def negs(self, each: EachNeg) -> list[Neg]:
        """All zonal NEGs that the cluster names for this Service port, whatever their state."""
        cluster = self._reader.cluster(each.cluster)
        found = cluster.find(SVCNEG.format(each.namespace, each.name))
        return [neg for group in negs_by_port([found] if found else []).values() for neg in group]

    def links(self, each: EachNeg) -> frozenset[str]:
        """Their canonical links; none where the cluster cannot be read, which is told elsewhere."""
        try:
            return frozenset(canonical(neg.link) for neg in self.negs(each))
        except EdgebookError:
            return frozenset()

    def _secret(self, ref: SecretRef) -> str:
        """A secret's value, read now and kept nowhere."""
        if ref.env:
            if ref.env not in os.environ:
                raise EdgebookError(
                    f"No environment variable {ref.env}",
                    why="a secret is in it",
                    next=f"export {ref.env} where this runs, then run it again",
                )
            return os.environ[ref.env]
        name = ref.secret if "/versions/" in ref.secret else f"{ref.secret}/versions/latest"
        found = self._cloud.wire.get("secretmanager", f"v1/{name}:access")
        return base64.b64decode(found["payload"]["data"]).decode()

    def _referred(self, ref: Ref) -> Any:
        if ref.field == "selfLink":
            return link(ref.key)
        with self._lock:
            body = self._seen.get(ref.key)
        if body is None:
            body = self._cloud.fetch(ref.key)
            if body is None:
                raise EdgebookError(
                    f"{ref.key} does not exist",
                    why=f"its {ref.field} is needed",
                    next="run the step that creates it first",
                )
            with self._lock:
                self._seen[ref.key] = body
        value = fields.at(body, ref.field)
        if value is None:
            raise EdgebookError(f"{ref.key} has no {ref.field} yet", why="the API has not set it")
        return value


def _set(item: Any) -> Any:
    """An item of a list without what must not be set: lists are written whole."""
    if not isinstance(item, Mapping):
        return item
    return {
        name: _set(value) if isinstance(value, Mapping) else value
        for name, value in item.items()
        if value is not None
    }
