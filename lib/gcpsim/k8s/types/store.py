"""A cluster's objects as rules and helpers see them: a protocol, so that none needs Cluster."""

from typing import Any, Protocol

from gcpsim.core.clock import Clock
from gcpsim.core.store import Table
from gcpsim.k8s.types.registry import Registry, Resource

Doc = dict[str, Any]
Docs = list[Doc]
Texts = list[str]


class Reviewer(Protocol):
    """Who is asked before an object is written (see api.admission); StatusError is a refusal."""

    warnings: Texts

    def mutated(self, resource: Resource, subresource: str, new: Doc, old: Doc | None) -> Doc: ...

    def check(
        self, resource: Resource, subresource: str, new: Doc | None, old: Doc | None
    ) -> None: ...


class Objects(Protocol):
    """Reads and writes of one cluster (see objects.cluster)."""

    name: str
    ca: str
    clock: Clock

    @property
    def registry(self) -> Registry: ...

    def now(self) -> str: ...

    def table(self, key: str) -> Table: ...

    def get(self, resource: str | Resource, namespace: str | None, name: str) -> Doc | None: ...

    def list(
        self,
        resource: str | Resource,
        namespace: str | None = None,
        labels: str | dict[str, str] | None = None,
        fields: str | None = None,
    ) -> Docs: ...

    def create(self, resource: str | Resource, obj: Doc, *, frozen: bool = False) -> Doc: ...

    def update(self, resource: str | Resource, obj: Doc, subresource: str = "") -> Doc: ...

    def delete(
        self,
        resource: str | Resource,
        namespace: str | None,
        name: str,
        *,
        grace_seconds: int | None = None,
    ) -> Doc: ...
