"""What the services of one world may ask of each other, as protocols.

A service meets another one only through these, by way of the World, so that no room imports its
neighbour and renaming a method breaks the type check of everyone who calls it. Nothing here acts.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from gcpsim.core.errors import ApiError

Doc = dict[str, Any]
Docs = list[Doc]
Paths = list[str]
Rows = list[tuple[str, Doc]]
AGENT = "service-agent@gcpsim.example.com"


class InProcess(Protocol):
    """A service that can be asked in process, as a client would ask it; raises ApiError."""

    def call(
        self,
        verb: str,
        path: str,
        body: Doc | None = None,
        query: dict[str, str] | None = None,
        *,
        user: str = AGENT,
    ) -> Doc: ...


class ComputeApi(InProcess, Protocol):
    """Compute Engine's resources by path. `observers` are told path and document of each change."""

    observers: list[Callable[[str, Doc | None], None]]

    def get(self, path: str) -> Doc | None: ...

    def list(self, project: str, collection: str, scope: str = "") -> Docs: ...

    def put(self, path: str, doc: Doc) -> None: ...

    def users(self, path: str) -> Paths: ...

    def when_done(self, operation: Doc | str, callback: Callable[[Doc], None]) -> None: ...

    def derive(
        self,
        collection: str,
        rows: Callable[[str, str], Rows],
        refusal: Callable[[str], ApiError] | None = None,
    ) -> None:
        """Show in a collection what follows from another service: `rows(project, scope or "")`;
        a write to a path of it is refused."""

    def ensure_project(self, project: str) -> None: ...

    def look_again(self, groups: Iterable[str]) -> None:
        """Endpoints of these groups (paths) may have started or stopped answering."""


class Names(Protocol):
    """Public DNS as the world sees it."""

    def cname_chain(self, name: str) -> list[str]: ...

    def addresses(self, domain: str) -> list[str]: ...

    def caa(self, domain: str) -> tuple[str, list[tuple[str, str]]]: ...


class DnsApi(InProcess, Protocol):
    """Cloud DNS. `generation` grows whenever what is served may have changed."""

    generation: int

    @property
    def lookup(self) -> Names: ...


class CertificatesApi(InProcess, Protocol):
    """Certificate Manager."""

    def get(self, name: str) -> Doc | None: ...


class Place(Protocol):
    """Where a cluster is. `location` is a region or a zone."""

    @property
    def name(self) -> str: ...

    @property
    def project(self) -> str: ...

    @property
    def location(self) -> str: ...


class GkeApi(InProcess, Protocol):
    """Kubernetes Engine."""

    @property
    def clusters(self) -> Mapping[str, Place]: ...

    def knows_operation(self, name: str) -> bool: ...
