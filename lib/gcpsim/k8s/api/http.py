"""A cluster's API server on the wire: an aiohttp application in front of a Cluster.

It reads requests, checks tokens, strikes faults, counts, wraps each request in one transaction of
the world, and prints refusals as Status objects. What a request does is in `verbs` and
`subresources`. Connection timing (watch timeouts, bookmarks) runs on real time: it belongs to
sockets, not to the story.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import orjson
from aiohttp import web

from gcpsim.core.errors import ApiError
from gcpsim.core.faults import Fault
from gcpsim.core.world import World
from gcpsim.k8s.api import (
    discovery,
    forwarding,
    hookcalls,
    identity,
    metrics,
    openapi,
    proxying,
    subresources,
    verbs,
    watching,
)
from gcpsim.k8s.api.admission import Review, Unanswered
from gcpsim.k8s.api.call import BODY_LIMIT, Call, locate
from gcpsim.k8s.objects import hooks, policies
from gcpsim.k8s.objects.cluster import Cluster
from gcpsim.k8s.types.status import StatusError, bad_request, no_such_path, unauthorized

Doc = dict[str, Any]
log = logging.getLogger("gcpsim.k8s")


WRITES = ("POST", "PUT", "PATCH", "DELETE")
LOG_SECONDS = 1.0  # for a pod to say what it answered


class Dropped(Exception):
    """The connection is to die without an answer."""


Foreign = Callable[[dict[str, str]], str]


def make_app(
    cluster: Cluster, world: World, foreign: Foreign = lambda headers: ""
) -> web.Application:
    """The API server of one cluster; serve it on a socket of its own. `foreign` says why a request
    must not be answered, "" when it may."""
    server = ApiServer(cluster, world)
    server.foreign = foreign
    app = web.Application(client_max_size=BODY_LIMIT + 1)
    app.router.add_route("*", "/{path:.*}", server.serve)
    app.on_shutdown.append(server.stop)
    return app


class ApiServer:
    """Requests of one cluster, and the watches that are open."""

    def __init__(self, cluster: Cluster, world: World) -> None:
        self.cluster = cluster
        self.world = world
        self.watches = watching.Watches(cluster)
        self.foreign: Foreign = lambda headers: ""

    async def stop(self, _app: web.Application) -> None:
        """End the open watches, so that the server can close."""
        self.watches.stop()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if not self.cluster.api_available:
            return _abort(request)
        why = self.foreign({name.lower(): value for name, value in request.headers.items()})
        if why:
            return refusal(StatusError(403, "Forbidden", f"gcpsim: {why}"))
        call = Call(
            request.method,
            request.raw_path.partition("?")[0],
            dict(request.query),
            {name.lower(): value for name, value in request.headers.items()},
            speaks_for=tuple(request.headers.getall("Impersonate-Group", ())),
            decided=self.world.options.require_auth,
        )
        try:
            locate(call)
            if "content-length" in call.headers or "transfer-encoding" in call.headers:
                call.body = await self._read(request)
            return await self._answer(request, call)
        except Dropped:
            return _abort(request)
        except StatusError as error:
            self._count(call, error.code)
            return refusal(error)
        except Exception:
            log.exception("%s %s", request.method, request.raw_path)
            self._count(call, 500)
            return refusal(
                StatusError(500, "InternalError", "a defect of gcpsim; its log says more")
            )

    async def _read(self, request: web.Request) -> bytes:
        try:
            async with asyncio.timeout(2 * self.world.options.patience):
                return await request.read()
        except TimeoutError:
            raise StatusError(408, "Timeout", "the request's body did not come in time") from None
        except web.HTTPRequestEntityTooLarge:
            message = f"Request entity too large: limit is {BODY_LIMIT}"
            raise StatusError(413, "RequestEntityTooLarge", message) from None
        except ConnectionError:  # whoever asked is gone: nobody is left to answer
            raise Dropped from None

    async def _answer(self, request: web.Request, call: Call) -> web.StreamResponse:
        self.world.transact(lambda: self._authorize(call))
        faults = self._faults(call)
        for fault in faults:
            if fault.effect == "latency":
                await asyncio.sleep(fault.seconds)
            elif fault.effect == "drop_before":
                raise Dropped
            elif fault.effect == "http":
                headers = fault.as_error().headers
                raise StatusError(fault.code, fault.reason, fault.message, headers=headers)
            elif fault.effect == "permission":
                raise StatusError(403, "Forbidden", fault.message)
        if proxying.is_asked(call):
            passed = await proxying.serve(self.cluster, self.world, request, call)
            self._count(call, passed.status)
            return passed
        if "upgrade" in call.headers.get("connection", "").lower():
            return await self._upgrade(request, call)
        if call.subresource == "log" and call.plural == "pods":
            call.said = await self._pod_log(call)
        measured = call.group == metrics.GROUP
        plan = None if measured else verbs.watch_plan(self.cluster, call)
        if plan is not None:
            self._count(call, 200)
            return await self.watches.serve(request, call, plan)
        try:
            response = await self._reviewed(call)
        except (RecursionError, orjson.JSONEncodeError) as error:
            raise bad_request(f"the object cannot be encoded as JSON: {error}") from error
        except ApiError as error:
            raise StatusError(error.code, "InternalError", error.message) from error
        if any(fault.effect == "drop_after" for fault in faults):
            raise Dropped
        self._count(call, response.status)
        return response

    async def _upgrade(self, request: web.Request, call: Call) -> web.StreamResponse:
        """A connection that is to become another one: only ports are forwarded."""
        if (call.plural, call.subresource) != ("pods", "portforward"):
            raise subresources.not_simulated(call.plural, call.subresource)
        ports = forwarding.Ports(self.cluster, self.world, call)
        self._count(call, 101)
        return await forwarding.serve(ports, request, call)

    async def _reviewed(self, call: Call) -> web.Response:
        """Carry a request out; again, as often as webhooks have to be asked in between."""
        judged = hooks.there_are(self.cluster) or policies.there_are(self.cluster)
        if not (call.plural and call.method in WRITES and judged):
            return self.world.transact(lambda: self._work(call))
        user = identity.asking(self.cluster, call, decided=call.decided)
        review = call.review = Review(self.cluster, user, call.version, dry_run=call.dry_run)
        while True:
            try:
                response = self.world.transact(lambda: self._work(call))
            except Unanswered as wanted:
                asked = (hookcalls.ask(self.cluster, self.world, q) for q in wanted.questions)
                for question, answer in zip(
                    wanted.questions, await asyncio.gather(*asked), strict=True
                ):
                    review.take(question, answer)
                call.warnings.clear()
            else:
                return response

    async def _pod_log(self, call: Call) -> list[tuple[float, str]]:
        """What a pod's process answered; nothing where there is no data plane."""
        if self.world.dataplane is None:
            return []
        asked = self.world.dataplane.pod_log(self.cluster.name, call.namespace, call.name)
        try:
            return await asyncio.wait_for(asked, LOG_SECONDS)
        except (TimeoutError, ConnectionError):
            return []

    def _work(self, call: Call) -> web.Response:
        code, body, content_type = self._dispatch(call)
        if not isinstance(body, bytes):
            body = orjson.dumps(body)
        headers = {"Cache-Control": "no-cache, private", "Content-Type": content_type}
        response = web.Response(status=code, body=body, headers=headers)
        told = call.review.warnings if call.review is not None else []
        for warning in (*call.warnings, *told):
            quoted = warning.replace("\\", "\\\\").replace('"', '\\"')
            response.headers.add("Warning", f'299 - "{quoted}"')
        return response

    def _dispatch(self, call: Call) -> tuple[int, Any, str]:
        if call.group == metrics.GROUP and call.plural:
            return metrics.respond(self.cluster, call)
        if call.plural:
            return verbs.respond(self.cluster, call)
        if call.method not in ("GET", "HEAD"):
            raise no_such_path()
        found = openapi.respond(self.cluster, call) or discovery.respond(self.cluster, call)
        if found is None:
            raise no_such_path()
        return (200, *found)

    def _authorize(self, call: Call) -> None:
        """Who asks must say so, and be allowed to; nothing is decided unless it was asked for."""
        if not call.decided:
            return
        if not identity.token(call):
            raise unauthorized()
        user = identity.asking(self.cluster, call, decided=True)
        identity.require(self.cluster, user, identity.wish_of(call))

    def _faults(self, call: Call) -> list[Fault]:
        return self.world.faults.strike(
            service="kubernetes",
            verb=call.method,
            collection=_collection(call),
            method=identity.verb(call),
            path=call.path.lstrip("/"),
        )

    def _count(self, call: Call, status: int) -> None:
        self.world.calls.add(
            time=self.world.clock.now(),
            headers=call.headers,
            service="kubernetes",
            method=identity.verb(call),
            collection=_collection(call),
            verb=call.method,
            path=f"{self.cluster.name}{call.path}",
            status=status,
        )


def refusal(error: StatusError) -> web.Response:
    """A Status object as the answer to a refused request."""
    headers = dict(error.headers)
    if error.code == 429 and "Retry-After" not in headers:
        headers["Retry-After"] = "1"
    return web.Response(
        status=error.code,
        body=orjson.dumps(error.body()),
        content_type="application/json",
        headers=headers,
    )


def _collection(call: Call) -> str:
    if not call.plural:
        return call.path.strip("/").partition("/")[0]
    return f"{call.plural}/{call.part}" if call.part else call.plural


def _abort(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=503)
