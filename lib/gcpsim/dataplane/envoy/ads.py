"""Envoy's configuration server: one gRPC stream a location, state of the world, make before break.

`Catalogue` is what one location's Envoy should have; the stream tells it what it has not been told
yet. A refusal (NACK) is kept with its reason until a later version is taken; Envoy goes on serving
the last good one. It must not know what the resources mean.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from envoy.service.discovery.v3 import ads_pb2_grpc, discovery_pb2

from gcpsim.dataplane.envoy.messages import CLUSTER, ENDPOINTS, LISTENER, ORDER, ROUTES

WILDCARD = (CLUSTER, LISTENER)
FIRST, LEADING = (CLUSTER, ENDPOINTS), (LISTENER, ROUTES)


@dataclass
class Refusal:
    """Why an Envoy did not take what it was told, and the names of what it was told."""

    type_url: str
    reason: str
    names: list[str]


class Catalogue:
    """The resources of one location by type and name, each with a stamp that grows with changes."""

    def __init__(self) -> None:
        self._resources: dict[str, dict[str, tuple[int, Any]]] = {kind: {} for kind in ORDER}
        self._versions: dict[str, int] = dict.fromkeys(ORDER, 0)
        self._changed = asyncio.Event()
        self.refusals: dict[str, Refusal] = {}
        self.told: Callable[[], None] = lambda: None
        self.streams: set[Stream] = set()

    def put(self, type_url: str, name: str, message: Any) -> None:
        self._versions[type_url] += 1
        self._resources[type_url][name] = (self._versions[type_url], message)

    def drop(self, type_url: str, name: str) -> None:
        if self._resources[type_url].pop(name, None) is not None:
            self._versions[type_url] += 1

    def publish(self) -> None:
        """What was put and dropped so far goes out."""
        self._changed.set()

    def version(self, type_url: str) -> int:
        return self._versions[type_url]

    def resources(self, type_url: str) -> dict[str, tuple[int, Any]]:
        return self._resources[type_url]

    async def changed(self) -> None:
        await self._changed.wait()
        self._changed.clear()

    def settled(self) -> bool:
        """Whether an Envoy is connected and has answered for everything there is."""
        return bool(self.streams) and all(stream.settled() for stream in self.streams)


@dataclass
class Subscription:
    """What one stream asked for and was told of one type."""

    names: set[str] = field(default_factory=set)
    sent: dict[str, int] = field(default_factory=dict)
    version: int = -1
    nonce: str = ""
    told: list[str] = field(default_factory=list)
    answered: bool = True


class Stream:
    """One Envoy's stream: takes its requests, and makes the responses that are due."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._subscriptions: dict[str, Subscription] = {}
        self._nonce = 0

    def take(self, request: Any) -> None:
        """A subscription, an acknowledgement or a refusal."""
        kind = request.type_url
        if kind not in ORDER:
            return
        subscription = self._subscriptions.setdefault(kind, Subscription())
        names = set(request.resource_names)
        if kind not in WILDCARD:
            subscription.sent = {k: v for k, v in subscription.sent.items() if k in names}
        subscription.names = names
        if request.response_nonce != subscription.nonce:
            return
        subscription.answered = True
        if request.HasField("error_detail"):
            reason = request.error_detail.message
            self._catalogue.refusals[kind] = Refusal(kind, reason, subscription.told)
        elif subscription.nonce:
            self._catalogue.refusals.pop(kind, None)
        self._catalogue.told()

    def due(self) -> Any | None:
        """The next response, one type at a time and one unanswered response a type.

        What leads to clusters waits until Envoy has taken them with their endpoints: a route to a
        cluster that is still warming is answered with 503.
        """
        for kind in ORDER:
            subscription = self._subscriptions.get(kind)
            if subscription is None or not subscription.answered:
                continue
            if kind in LEADING and not self._taken(FIRST):
                continue
            chosen = self._news(kind, subscription)
            if chosen is not None:
                return self._response(kind, subscription, chosen)
        return None

    def settled(self) -> bool:
        return CLUSTER in self._subscriptions and self._taken(ORDER)

    def _taken(self, kinds: Sequence[str]) -> bool:
        """Whether Envoy has answered for all that it is to know of these types."""
        return all(
            subscription.answered and self._news(kind, subscription) is None
            for kind, subscription in self._subscriptions.items()
            if kind in kinds
        )

    def _news(self, kind: str, subscription: Subscription) -> dict[str, tuple[int, Any]] | None:
        """What this Envoy has not been told: everything for CDS and LDS, else what changed."""
        resources = self._catalogue.resources(kind)
        version = self._catalogue.version(kind)
        if kind in WILDCARD:
            return resources if subscription.version != version else None
        if subscription.version == version and subscription.names <= subscription.sent.keys():
            return None
        sent = subscription.sent
        found = {
            name: resources[name]
            for name in sorted(subscription.names)
            if name in resources and sent.get(name) != resources[name][0]
        }
        return found or None

    def _response(
        self, kind: str, subscription: Subscription, chosen: dict[str, tuple[int, Any]]
    ) -> Any:
        self._nonce += 1
        subscription.nonce = str(self._nonce)
        subscription.answered = False
        subscription.version = self._catalogue.version(kind)
        subscription.told = sorted(
            name
            for name in chosen
            if name not in subscription.sent or subscription.sent[name] != chosen[name][0]
        )
        subscription.sent.update({name: stamp for name, (stamp, _) in chosen.items()})
        if kind == CLUSTER:
            self._forget_endpoints(subscription.told)
        return discovery_pb2.DiscoveryResponse(
            version_info=str(subscription.version),
            resources=[message for _, message in chosen.values()],
            type_url=kind,
            nonce=subscription.nonce,
        )

    def _forget_endpoints(self, clusters: list[str]) -> None:
        """A cluster that changed warms anew in Envoy, and wants its endpoints once more: without
        them it would be taken into service empty when its patience ends."""
        endpoints = self._subscriptions.get(ENDPOINTS)
        if endpoints is not None:
            for name in clusters:
                endpoints.sent.pop(name, None)


class Ads(ads_pb2_grpc.AggregatedDiscoveryServiceServicer):  # type: ignore[misc]
    """The gRPC service. `catalogues` by node id, which is the location's name."""

    def __init__(self, catalogues: dict[str, Catalogue]) -> None:
        self._catalogues = catalogues

    async def StreamAggregatedResources(  # noqa: N802
        self, requests: AsyncIterator[Any], context: Any
    ) -> AsyncIterator[Any]:
        first = await anext(requests)
        catalogue = self._catalogues[first.node.id]
        stream = Stream(catalogue)
        stream.take(first)
        catalogue.streams.add(stream)
        taking = asyncio.ensure_future(self._take(requests, stream, catalogue))
        try:
            while not taking.done():
                while (response := stream.due()) is not None:
                    yield response
                await catalogue.changed()
        finally:
            catalogue.streams.discard(stream)
            taking.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await taking

    async def _take(self, requests: Any, stream: Stream, catalogue: Catalogue) -> None:
        try:
            async for request in requests:
                stream.take(request)
                catalogue.publish()
        finally:
            catalogue.publish()
