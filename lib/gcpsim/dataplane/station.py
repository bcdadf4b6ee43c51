"""One location's front end: from what the location knows to what its Envoy serves.

Configuration is made anew when a document arrives, and only what differs goes to Envoy. Endpoints
are a path of their own, since they change often: one backend service at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import json_format

from gcpsim.core.world import Options
from gcpsim.dataplane import balance
from gcpsim.dataplane.envoy import messages
from gcpsim.dataplane.envoy.ads import Catalogue, Refusal
from gcpsim.dataplane.geography import country
from gcpsim.dataplane.routes.documents import short
from gcpsim.dataplane.routes.tls import secret
from gcpsim.dataplane.routes.translate import Config, translate
from gcpsim.dataplane.spread import ENDPOINTS, Location
from gcpsim.dataplane.stranger import Pair

Doc = dict[str, Any]
# How long a cluster that nothing leads to any more is kept, for requests that are on their way.
LINGER_SECONDS = 30.0
# A whole translation takes its time in large worlds: the control plane gets four parts of five.
REST = 4.0
KINDS = {
    messages.CLUSTER: "clusters",
    messages.SECRET: "secrets",
    messages.LISTENER: "listeners",
    messages.ROUTES: "routes",
}


@dataclass
class Shared:
    """What all stations share: messages that were made of equal dicts, and how to say something."""

    made: dict[tuple[str, str], tuple[Doc, Any]] = field(default_factory=dict)
    say: Callable[[str], None] = print

    def message(self, kind: str, name: str, doc: Doc) -> Any:
        known = self.made.get((kind, name))
        if known is not None and known[0] == doc:
            return known[1]
        made = messages.message(kind, doc)
        self.made[kind, name] = (doc, made)
        return made


class Station:
    """`offered(service, group, endpoint)` says where an endpoint is to be reached, if it is."""

    def __init__(
        self,
        location: Location,
        shared: Shared,
        place: Callable[[str, int], tuple[str, int]],
        offered: Callable[[str, str, str], tuple[str, int] | None],
        options: Options,
    ) -> None:
        self.location = location
        self.catalogue = Catalogue()
        self.catalogue.told = self._told
        self.config = Config()
        self.loads: dict[str, float] = {}
        self.changed: Callable[[], None] = lambda: None
        self.behind: dict[tuple[str, str], tuple[str, str]] = {}
        self._shared = shared
        self._place = place
        self._offered = offered
        self._options = options
        self._current: dict[str, dict[str, Doc]] = {kind: {} for kind in messages.ORDER}
        self._stale = False
        self._instead: Pair | None = None  # of all certificates of this location
        self._services: set[str] = set()
        self._scheduled = self._resting = False
        self._rest_until = 0.0
        self._refused = ""

    def learn(self, keys: set[tuple[str, str]]) -> None:
        """Documents arrived at the location."""
        groups = {key for table, key in keys if table == ENDPOINTS}
        if any(table != ENDPOINTS for table, _ in keys):
            self._stale = True
        if groups:
            self._services |= self._with(groups)
        self._schedule()

    def exchange(self, pair: Pair | None) -> None:
        """Serve one certificate instead of all that the documents name; None: those again."""
        self._instead = pair
        self.translate_anew()

    def translate_anew(self) -> None:
        """What decides beside documents has changed, or this is the start."""
        self._stale = True
        self._schedule()

    def look_again(self, services: set[str] | None = None) -> None:
        """Health, sockets or load changed: for some services, or for all."""
        self._services |= services if services is not None else self.config.clusters.keys()
        self._schedule()

    def publish(self) -> None:
        """Bring the catalogue to what the location knows: endpoints at once, the rest when due."""
        self._scheduled = False
        services, self._services = self._services, set()
        translated = self._stale and self._rested()
        if translated:
            self._stale = False
            began = time.monotonic()
            self._translate()
            services = set(self.config.clusters)
            self._rest_until = time.monotonic() + REST * (time.monotonic() - began)
        for service in sorted(services & self.config.clusters.keys()):
            self._bring_endpoints(service)
        self.catalogue.publish()
        if translated:
            self.changed()

    def _translate(self) -> None:
        self.config = translate(
            self.location.documents,
            self._place,
            country=country(self.location.name),
            region=self.location.name,
            retries=self._options.retries,
        )
        if self._instead:
            wrong = {name: secret(name, *self._instead) for name in self.config.secrets}
            self.config.secrets = wrong
        for kind, field_name in KINDS.items():
            self._bring(kind, getattr(self.config, field_name))

    def _rested(self) -> bool:
        """Whether it is time to translate again; if not, that is done when it is."""
        wait = self._rest_until - time.monotonic()
        if wait > 0 and not self._resting:
            self._resting = True
            asyncio.get_running_loop().call_later(wait, self._wake)
        return wait <= 0

    def _wake(self) -> None:
        self._resting = False
        self._schedule()

    def settled(self) -> bool:
        """Whether Envoy has answered for all that the location knows."""
        return not (self._scheduled or self._stale) and self.catalogue.settled()

    def refused(self) -> list[str]:
        """Why parts of the configuration are not served, sorted."""
        failed = [f"{short(path)}: {why}" for path, why in self.config.failed.items()]
        return sorted(failed + [self._words(r) for r in self.catalogue.refusals.values()])

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self.publish)

    def _with(self, groups: set[str]) -> set[str]:
        """The served backend services that have one of some groups."""
        found = set()
        for path in self.config.clusters:
            backends = (self.location.documents.get(path) or {}).get("backends") or []
            if any(backend["group"].endswith(group) for backend in backends for group in groups):
                found.add(path)
        return found

    def _bring(self, kind: str, wanted: dict[str, Doc]) -> None:
        current = self._current[kind]
        for name in [name for name in current if name not in wanted]:
            del current[name]
            if kind == messages.CLUSTER:
                self._drop_later(name)
            else:
                self.catalogue.drop(kind, name)
        for name in sorted(wanted):
            if current.get(name) != wanted[name]:
                self._put(kind, name, wanted[name])

    def _put(self, kind: str, name: str, doc: Doc) -> None:
        try:
            message = self._shared.message(kind, name, doc)
        except json_format.ParseError as error:
            self.config.failed[name] = str(error)
            self._shared.say(f"{self.location.name}: {short(name)}: {error}")
            return
        self._current[kind][name] = doc
        self.catalogue.put(kind, name, message)

    def _bring_endpoints(self, service: str) -> None:
        def offered(group: str, endpoint: str) -> tuple[str, int] | None:
            place = self._offered(service, group, endpoint)
            if place is not None:
                self.behind[service, f"{place[0]}:{place[1]}"] = (group, endpoint)
            return place

        doc = balance.assignment(
            self.location.documents,
            service,
            self.location.name,
            offered,
            self.loads.get(service, 0.0),
        )
        if self._current[messages.ENDPOINTS].get(service) != doc:
            self._put(messages.ENDPOINTS, service, doc)

    def _drop_later(self, cluster: str) -> None:
        def drop() -> None:
            if cluster not in self.config.clusters:
                self.catalogue.drop(messages.CLUSTER, cluster)
                self.catalogue.drop(messages.ENDPOINTS, cluster)
                self._current[messages.ENDPOINTS].pop(cluster, None)
                self.catalogue.publish()

        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop().call_later(LINGER_SECONDS, drop)

    def _told(self) -> None:
        """Envoy answered: a new refusal is said once, in one line."""
        words = "; ".join(sorted(self._words(r) for r in self.catalogue.refusals.values()))
        if words and words != self._refused:
            self._shared.say(f"{self.location.name}: Envoy refused {words}")
        self._refused = words
        self.changed()

    def _words(self, refusal: Refusal) -> str:
        """Envoy's reason with Google's resources before it, on one line."""
        reason = refusal.reason
        names = [name for kind in KINDS for name in self._current[kind] if name in reason]
        names = names or refusal.names
        named = ", ".join(
            sorted({short(name.partition("|")[0].partition("#")[0]) for name in names})
        )
        return f"{named}: {' '.join(reason.split())}" if named else " ".join(reason.split())
