"""Watches: every change of a resource after a version, as lines of JSON, until someone ends it.

A watch reads the history at its own pace, so a slow one loses nothing until it is a hundred
thousand events behind; then, as for a version from before the history, it gets 410. Lines are made
once per event and form and shared by all watches.
"""

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from gcpsim.k8s.api.call import Call
from gcpsim.k8s.api.form import Form, in_version
from gcpsim.k8s.objects.cluster import Cluster
from gcpsim.k8s.objects.history import Happened
from gcpsim.k8s.print.shown import metadata_only
from gcpsim.k8s.types import status
from gcpsim.k8s.types.registry import Resource
from gcpsim.k8s.types.selectors import Test

Doc = dict[str, Any]

SHORTEST, LONGEST = 1800, 3600  # seconds of real time when the client names none
BOOKMARK_EVERY = 60.0
LOOK_EVERY = 5.0  # how soon a connection that went away is noticed
BATCH = 500


@dataclass(frozen=True, slots=True)
class Plan:
    """What one watch wants; `initial` is sendInitialEvents, None when not given."""

    resource: Resource
    version: str
    namespace: str
    labels: Test | None
    fields: Test | None
    since: int | None
    form: Form
    bookmarks: bool = False
    initial: bool | None = None
    seconds: int = 0

    def sees(self, obj: Doc | None) -> bool:
        if obj is None:
            return False
        if self.namespace and obj["metadata"].get("namespace") != self.namespace:
            return False
        if self.labels is not None and not self.labels(obj):
            return False
        return self.fields is None or self.fields(obj)


class Watches:
    """The open watches of one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._open: set[asyncio.Event] = set()
        self._stopped = False

    def stop(self) -> None:
        self._stopped = True
        for wake in self._open:
            wake.set()

    async def serve(self, request: web.Request, call: Call, plan: Plan) -> web.StreamResponse:
        """Answer a watch request until it ends."""
        response = web.StreamResponse(headers={"Content-Type": plan.form.content_type})
        response.enable_chunked_encoding()
        await response.prepare(request)
        wake, loop = asyncio.Event(), asyncio.get_running_loop()
        watch = _Watch(self.cluster, plan)
        pending = False

        def woken() -> None:
            nonlocal pending
            pending = False
            wake.set()

        def notify() -> None:
            nonlocal pending
            if not pending:
                pending = True
                loop.call_soon_threadsafe(woken)

        stop_following = watch.log.follow(lambda: watch.position, notify)
        self._open.add(wake)
        try:
            await self._stream(request, response, watch, wake)
            if not _closed(request):
                await response.write_eof()
        except ConnectionResetError:
            pass
        finally:
            stop_following()
            self._open.discard(wake)
        return response

    async def _stream(
        self,
        request: web.Request,
        response: web.StreamResponse,
        watch: "_Watch",
        wake: asyncio.Event,
    ) -> None:
        loop = asyncio.get_running_loop()
        seconds = watch.plan.seconds or random.randint(SHORTEST, LONGEST)
        end, bookmark = loop.time() + seconds, loop.time() + BOOKMARK_EVERY
        for line in watch.begin():
            await response.write(line)
        while not self._stopped and not _closed(request):
            if not self.cluster.api_available:
                if request.transport is not None:
                    request.transport.abort()
                return
            wake.clear()
            lines = watch.next_lines()
            if lines:
                await response.write(b"".join(lines))
            if watch.ended:
                return
            if watch.behind:
                continue
            now = loop.time()
            if watch.plan.bookmarks and now >= min(bookmark, end):
                await response.write(watch.bookmark())
                bookmark = now + BOOKMARK_EVERY
            if now >= end:
                return
            try:
                await asyncio.wait_for(wake.wait(), min(LOOK_EVERY, max(end - now, 0.01)))
            except TimeoutError:
                continue


class _Watch:
    """Where one watch is, and the lines that bring it forward."""

    def __init__(self, cluster: Cluster, plan: Plan) -> None:
        self.cluster = cluster
        self.plan = plan
        self.log = cluster.history.log(plan.resource.key)
        self.position = plan.since or cluster.resource_version()
        self.ended = False
        self.behind = False
        self._bookmarked = 0

    def begin(self) -> Iterator[bytes]:
        """What exists already, for watches that want it; made while it is sent."""
        plan = self.plan
        current = self.cluster.resource_version()
        if plan.since is not None and plan.since > current:
            self.ended = True
            yield self._error(status.too_large_resource_version(plan.since, current))
            return
        synthetic = plan.initial if plan.initial is not None else not plan.since
        if synthetic or not plan.since:
            self.position = current
        if synthetic:
            found = self.cluster.list(plan.resource, plan.namespace or None)
            seen = [obj for obj in found if plan.sees(obj)]
            for start in range(0, len(seen), BATCH):
                yield b"".join(self._line("ADDED", obj) for obj in seen[start : start + BATCH])
        if plan.initial and plan.bookmarks:
            yield self.bookmark(initial_end=True)

    def next_lines(self) -> list[bytes]:
        """Lines for what happened since the last call; at most a batch at a time."""
        if self.ended:
            return []
        current = self.cluster.resource_version()
        events = self.log.after(self.position, current)
        if events is None:
            self.ended = True
            floor = self.log.floor
            return [
                self._error(status.gone(f"too old resource version: {self.position} ({floor})"))
            ]
        self.behind = len(events) > BATCH
        lines = [line for event in events[:BATCH] if (line := self._event(event))]
        if self.behind:
            self.position = events[BATCH - 1].version
        else:
            self.position = max(self.position, current)
        return lines

    def bookmark(self, initial_end: bool = False) -> bytes:
        metadata: Doc = {"resourceVersion": str(self.position)}
        if initial_end:
            metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
        resource = self.plan.resource
        obj = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
        obj = in_version(obj, resource, self.plan.version)
        return orjson.dumps({"type": "BOOKMARK", "object": obj}) + b"\n"

    def _event(self, event: Happened) -> bytes | None:
        plan = self.plan
        if not plan.namespace and plan.labels is None and plan.fields is None:
            return self._shared(event.type, event)
        now = event.type != "DELETED" and plan.sees(event.obj)
        before = plan.sees(event.old)
        if now:
            return self._shared("MODIFIED" if before else "ADDED", event)
        if not before:
            return None
        if event.type == "DELETED":
            return self._shared("DELETED", event)
        assert event.old is not None
        metadata = {**event.old["metadata"], "resourceVersion": str(event.version)}
        return self._line("DELETED", {**event.old, "metadata": metadata})

    def _shared(self, type: str, event: Happened) -> bytes:
        key = f"{type}/{self.plan.version}/{self.plan.form.kind}/{self.plan.form.include}"
        line = event.lines.get(key)
        if line is None:
            line = event.lines[key] = self._line(type, event.obj)
        return line

    def _line(self, type: str, obj: Doc) -> bytes:
        resource, form = self.plan.resource, self.plan.form
        shown: Doc
        if form.kind == "Table":
            from gcpsim.k8s.print.tables import table

            about = {"resourceVersion": obj["metadata"]["resourceVersion"]}
            shown = table(self.cluster, resource, [obj], about, form.include)
        elif form.kind:
            shown = metadata_only(obj)
        else:
            shown = in_version(obj, resource, self.plan.version)
        return orjson.dumps({"type": type, "object": shown}) + b"\n"

    @staticmethod
    def _error(error: status.StatusError) -> bytes:
        return orjson.dumps({"type": "ERROR", "object": error.body()}) + b"\n"


def _closed(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()
