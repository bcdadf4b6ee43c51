"""The HTTP edge of the Google services: from a socket to a service and back.

It counts calls, strikes faults, checks credentials, and prints refusals in the shape of the service
that was asked. Each request is one transaction of the world. It must not know any collection.
"""

import asyncio
import logging
from typing import Any

from aiohttp import web

from gcpsim.core import masks, projects
from gcpsim.core.discovery import DOCUMENTS, Method, api
from gcpsim.core.edge import Answer, Call
from gcpsim.core.errors import ApiError
from gcpsim.core.faults import Fault
from gcpsim.core.paths import words_of
from gcpsim.core.world import World
from gcpsim.front import batch
from gcpsim.front.admin import Admin
from gcpsim.front.guard import require_own, require_token
from gcpsim.front.routing import Route, route
from gcpsim.project.service import ServiceUsage

BODY_LIMIT = 10 * 1024 * 1024
WAIT_LIMIT = 120.0
LEGACY = ("compute", "dns")
SERVICE_PREFIX = {
    "compute": "",
    "dns": "dns/v1/",
    "cloudresourcemanager": "v3/",
    "logging": "v2/",
    "monitoring": "v3/",
}
TITLES = {
    "compute": "Compute Engine API",
    "dns": "Cloud DNS API",
    "certificatemanager": "Certificate Manager API",
    "container": "Kubernetes Engine API",
    "iam": "Identity and Access Management (IAM) API",
    "logging": "Cloud Logging API",
    "monitoring": "Cloud Monitoring API",
    "networkservices": "Network Services API",
}
# What Google's front end (ESF) sends with every answer.
HEADERS = {
    "Content-Type": "application/json; charset=UTF-8",
    "Vary": "Origin, X-Origin, Referer",
    "Server": "ESF",
    "X-XSS-Protection": "0",
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
}
log = logging.getLogger("gcpsim")


class Dropped(Exception):
    """A scripted fault wants the connection to die without an answer."""


class GoogleEdge:
    """Serves all Google services, the batch endpoint, tokens, and the admin API on one port."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.admin = Admin(world)

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """One HTTP request."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            require_own(headers)
            body = await self._read(request)
            answer = await self._dispatch(request, headers, body)
        except ApiError as error:
            answer = self._refusal(_service_guess(request.raw_path), error)
        except Dropped:
            if request.transport is not None:
                request.transport.abort()
            raise asyncio.CancelledError from None
        return _response(answer)

    async def _read(self, request: web.BaseRequest) -> bytes:
        too_large = ApiError(
            413, f"Request payload size exceeds the limit: {BODY_LIMIT} bytes.", "uploadTooLarge"
        )
        if (request.content_length or 0) > BODY_LIMIT:
            raise too_large
        if request.headers.get("Expect", "").lower() == "100-continue" and request.transport:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = bytearray()
        try:
            async with asyncio.timeout(2 * self.world.options.patience):
                await self._collect(request, body, too_large)
        except TimeoutError:
            raise ApiError(408, "The request body did not come in time.", "badRequest") from None
        except web.RequestPayloadError:
            request.content.feed_eof()  # else aiohttp reads on, and logs what it finds
            raise ApiError(400, "The request body can't be decoded.", "badRequest") from None
        return bytes(body)

    async def _collect(
        self, request: web.BaseRequest, body: bytearray, too_large: ApiError
    ) -> None:
        async for chunk in request.content.iter_chunked(1 << 16):
            body += chunk
            if len(body) > BODY_LIMIT:
                raise too_large

    async def _dispatch(
        self, request: web.BaseRequest, headers: dict[str, str], body: bytes
    ) -> Answer:
        path, _, _ = request.raw_path.partition("?")
        if path.startswith("/_sim/"):
            require_token(self.admin.token, request.method, headers)
            return await self._direct(request.method, path[6:], dict(request.query), body)
        if path.endswith("/token"):
            return Answer(
                body={
                    "access_token": "gcpsim-access-token",
                    "token_type": "Bearer",
                    "expires_in": 3600,
                }
            )
        if path == "/" and request.method == "GET":
            return Answer(body={"gcpsim": "a local Google Cloud", "admin": "/_sim/"})
        if path.startswith("/batch") and request.method == "POST":
            return await batch.answer(self.ask, headers, body)
        return await self.ask(request.method, path, batch.query_of(request.query), headers, body)

    async def _direct(self, verb: str, path: str, query: dict[str, str], body: bytes) -> Answer:
        """A request to the stage door, which may wait for the front ends."""
        answer = self.admin.handle(verb, path, query, body)
        if answer.waiter is not None:
            await answer.waiter
        if callable(answer.body):
            answer.body = answer.body()
        return answer

    async def ask(
        self, verb: str, path: str, query: dict[str, str], headers: dict[str, str], body: bytes
    ) -> Answer:
        """One call to one service, refusals already printed."""
        verb = headers.get("x-http-method-override", verb).upper()
        found = route(self.world, headers.get("host", ""), path)
        if found is None:
            return self._refusal(
                "", ApiError(404, f"The requested URL {path} was not found.", "notFound")
            )
        try:
            return await self._ask(found, verb, query, headers, body)
        except ApiError as error:
            return self._refusal(found.service, error)

    async def _ask(
        self, to: Route, verb: str, query: dict[str, str], headers: dict[str, str], body: bytes
    ) -> Answer:
        """Faults, admission, the call, its end; counted whatever comes of it."""
        method = self._method(to, verb)
        faults = self._faults(to, verb, method)
        status = 0
        try:
            await self._strike(faults)
            self._admit(to.service, to.path, headers)
            call = Call(
                to.service,
                verb,
                to.path,
                query,
                headers,
                body,
                to.version,
                _user(headers),
                tuple(faults),
            )
            answer = await self._settled(call)
            status = answer.status
            if any(fault.effect == "drop_after" for fault in faults):
                raise Dropped
            return answer
        except ApiError as error:
            status = error.code
            raise
        except (Dropped, asyncio.CancelledError):
            raise
        except Exception:
            status = 500
            log.exception("internal error in %s %s %s", to.service, verb, to.path)
            raise ApiError(
                500, "Internal error. This is a defect of gcpsim; see its log.", "backendError"
            ) from None
        finally:
            self.world.calls.add(
                time=self.world.clock.now(),
                headers=headers,
                service=to.service,
                method=method.name if method else verb,
                collection=method.collection if method else "",
                verb=verb,
                path=to.path,
                status=status,
            )

    def _method(self, to: Route, verb: str) -> Method | None:
        """The method of Google's document that is asked for, by which calls and faults go."""
        prefix = SERVICE_PREFIX.get(to.service, "v1/")
        matched = api(to.service).match(verb, prefix + to.path) if to.service in DOCUMENTS else None
        return matched[0] if matched else None

    def _faults(self, to: Route, verb: str, method: Method | None) -> list[Fault]:
        return self.world.faults.strike(
            service=to.service,
            verb=verb,
            collection=method.collection if method else "",
            method=method.name if method else "",
            path=to.path,
        )

    async def _strike(self, faults: list[Fault]) -> None:
        """The scripted faults that come before anything happens, in their order."""
        for fault in faults:
            if fault.effect == "latency":
                await asyncio.sleep(fault.seconds)
            elif fault.effect == "drop_before":
                raise Dropped
            elif fault.effect == "http":
                raise fault.as_error()

    async def _settled(self, call: Call) -> Answer:
        """The call as one transaction, and its answer once time has settled."""
        service = self.world.services.get(call.service)
        if service is None:
            raise ApiError(404, f"gcpsim has no service {call.service}", "notFound")
        answer = self.world.transact(lambda: service.handle(call))
        if call.verb != "GET":
            self.world.clock.settle()
        if answer.waiter is not None:
            await self._wait(answer.waiter)
        if callable(answer.body):
            answer.body = answer.body()
        if "fields" in call.query and isinstance(answer.body, dict):
            answer.body = masks.apply(call.query["fields"], answer.body)
        return answer

    async def _wait(self, waiter: asyncio.Future[None]) -> None:
        """Operations answer `wait` when they are done, or after two simulated minutes."""
        clock = self.world.clock
        limit = 0.2 if clock.paused else WAIT_LIMIT / (clock.scale or WAIT_LIMIT)
        await asyncio.wait([waiter], timeout=limit)

    def _admit(self, service: str, path: str, headers: dict[str, str]) -> None:
        """Credentials and enabled services."""
        if self.world.options.require_auth and not _token(headers):
            raise ApiError(
                401,
                "Request is missing required authentication credential. Expected OAuth 2 access "
                "token, login cookie or other valid authentication credential. See "
                "https://developers.google.com/identity/sign-in/web/devconsole-project.",
                "required",
                headers={"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/"'},
                item={
                    "message": "Login Required.",
                    "location": "Authorization",
                    "locationType": "header",
                },
                details=[_reason("CREDENTIALS_MISSING", f"{service}.googleapis.com")],
            )
        usage = self.world.services.get("serviceusage")
        parts = words_of(path)
        if (
            service not in TITLES
            or not isinstance(usage, ServiceUsage)
            or len(parts) < 2
            or parts[0] != "projects"
        ):
            return
        host = f"{service}.googleapis.com"
        if isinstance(usage, ServiceUsage) and not usage.is_enabled(parts[1], host):
            raise _disabled(service, host, projects.number(parts[1]))

    def _refusal(self, service: str, error: ApiError) -> Answer:
        body = error.legacy_body() if service in LEGACY else error.rpc_body()
        return Answer(error.code, body, error.headers)


def _service_guess(path: str) -> str:
    return "dns" if path.startswith("/dns/") else "compute" if path.startswith("/compute/") else ""


def _token(headers: dict[str, str]) -> str:
    kind, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _user(headers: dict[str, str]) -> str:
    return headers.get("x-gcpsim-user") or "edgebook@example.com"


def _disabled(service: str, host: str, project: str) -> ApiError:
    title = TITLES[service]
    url = f"https://console.developers.google.com/apis/api/{host}/overview?project={project}"
    return ApiError(
        403,
        f"{title} has not been used in project {project} before or it is disabled. Enable it by "
        f"visiting {url} then retry. If you enabled this API recently, wait a few minutes for the "
        "action to propagate to our systems and retry.",
        "accessNotConfigured",
        item={"extendedHelp": "https://console.developers.google.com"},
        details=[
            {
                "@type": "type.googleapis.com/google.rpc.Help",
                "links": [{"description": "Google developers console API activation", "url": url}],
            },
            _reason("SERVICE_DISABLED", host, consumer=f"projects/{project}"),
        ],
    )


def _reason(reason: str, host: str, **metadata: str) -> dict[str, Any]:
    """The google.rpc.ErrorInfo of a refusal by Google's front end."""
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": {**metadata, "service": host},
    }


def _response(answer: Answer) -> web.Response:
    headers = HEADERS | answer.headers
    if answer.body is None:
        headers.pop("Content-Type")
    return web.Response(status=answer.status, body=answer.encoded(), headers=headers)
