"""Calls of webhooks: where one is, what it says, and in which words a call fails.

A URL, or a Service whose ready pods answer. A pod's stand-in has no certificate that a caBundle
could know, so its TLS is not checked; a process that a user puts in its place (`endpoint serve`)
and a URL are checked as the API server does. Without a data plane a pod's annotations answer.
"""

import asyncio
import base64
import binascii
import http
import random
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson

from gcpsim.core import behaviour
from gcpsim.core.world import World
from gcpsim.k8s.api.admission import Answer, Question
from gcpsim.k8s.types.store import Objects

Doc = dict[str, Any]
LONGEST_ANSWER = 16 * 1024 * 1024
SERVICE = "kubernetes.io/service-name"
REFUSED = "connect: connection refused"
LATE = "context deadline exceeded"
UNTRUSTED = "tls: failed to verify certificate: x509: certificate signed by unknown authority"
SAID = {
    404: "the server could not find the requested resource",
    401: "the server has asked for the client to provide credentials",
    403: "unknown",
    503: "the server is currently unable to handle the request",
}


class Failed(Exception):
    """A call that brought no answer; the text is the reason."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to call: `url` as it is told, `at` the socket behind it, `pod` a stand-in that has
    none. `checked` says whether its certificate must be known."""

    url: str
    name: str
    peer: str
    at: tuple[str, int] | None = None
    pod: Doc | None = None
    checked: bool = True


async def ask(cluster: Objects, world: World, question: Question) -> Answer:
    """What a webhook says to a question, or why it says nothing."""
    client, seconds = question.hook.body["clientConfig"], question.hook.body["timeoutSeconds"]
    url = _url(client)
    shown = f"{url}{'&' if '?' in url else '?'}timeout={seconds}s"
    try:
        target = _target(cluster, world, client, shown)
        if target.pod is not None:
            return _from_notes(target.pod, seconds, target.peer)
        async with asyncio.timeout(seconds):
            code, body = await _post(target, client, question.review)
    except TimeoutError:
        return _unreached(shown, LATE)
    except Failed as error:
        return _unreached(shown, str(error))
    try:
        return _read(code, body, question.review)
    except Failed as error:
        return Answer(error=str(error))


def _unreached(shown: str, why: str) -> Answer:
    return Answer(error=f'failed to call webhook: Post "{shown}": {why}')


def _url(client: Doc) -> str:
    service = client.get("service")
    if not service:
        return str(client["url"])
    path = service.get("path") or ""
    return f"https://{service['name']}.{service['namespace']}.svc:{service['port']}{path}"


def _target(cluster: Objects, world: World, client: Doc, shown: str) -> Target:
    wanted = client.get("service")
    if not wanted:
        return Target(shown, "", shown.split("/")[2])
    namespace, name = wanted["namespace"], wanted["name"]
    service = cluster.get("services", namespace, name)
    if service is None:
        raise Failed(f'service "{name}" not found')
    spec = service["spec"]
    if spec.get("type") == "ExternalName":
        return Target(shown, f"{name}.{namespace}.svc", f"{spec['externalName']}:{wanted['port']}")
    port = next((one for one in spec.get("ports") or () if one["port"] == wanted["port"]), None)
    if port is None:
        raise Failed(f'no service port {wanted["port"]} found for service "{name}"')
    found = _ready(cluster, namespace, name, port.get("name") or "")
    if not found:
        raise Failed(f'no endpoints available for service "{name}"')
    ip, number = random.choice(found)  # as kube-proxy does; nothing that is stored depends on it
    told = spec.get("clusterIP")
    peer = f"{ip if told in (None, 'None') else told}:{wanted['port']}"
    return _socket(cluster, world, ip, number, Target(shown, f"{name}.{namespace}.svc", peer))


def _ready(cluster: Objects, namespace: str, name: str, port: str) -> list[tuple[str, int]]:
    """Addresses and ports that are ready for a port of a Service."""
    found = []
    for piece in cluster.list("endpointslices", namespace, {SERVICE: name}):
        numbers = [one["port"] for one in piece.get("ports") or () if one.get("name", "") == port]
        for endpoint in piece.get("endpoints") or ():
            if numbers and (endpoint.get("conditions") or {}).get("ready", True):
                found += [(address, numbers[0]) for address in endpoint["addresses"]]
    return found


def _socket(cluster: Objects, world: World, ip: str, port: int, about: Target) -> Target:
    """Where an address inside the cluster is served; a pod by itself where nothing is."""
    at, theirs = (None, False)
    if world.dataplane is not None:
        at, theirs = world.dataplane.socket(ip, port)
    if at is not None:
        return Target(about.url, about.name, about.peer, at, checked=theirs)
    pods = cluster.table("pods").values()
    pod = next((one for one in pods if (one.get("status") or {}).get("podIP") == ip), None)
    if pod is None:
        raise Failed(f"dial tcp {about.peer}: {REFUSED}")
    return Target(about.url, about.name, about.peer, pod=pod)


def _from_notes(pod: Doc, seconds: float, peer: str) -> Answer:
    """What a stand-in that has no socket would say: the moods that its annotations give it."""
    mood = behaviour.read(pod["metadata"].get("annotations") or {})
    if mood.refuse:
        raise Failed(f"dial tcp {peer}: {REFUSED}")
    if mood.hang or mood.slow >= seconds:
        raise Failed(LATE)
    if mood.fail:
        return Answer(error=_about_status(mood.fail, b'{"failing": true}'))
    return Answer(allowed=not mood.deny, status={"message": mood.deny, "code": 403})


async def _post(target: Target, client: Doc, review: Doc) -> tuple[int, bytes]:
    url = target.url
    if target.at is not None:
        parts = urlsplit(url)
        url = f"https://{target.at[0]}:{target.at[1]}{parts.path or '/'}?{parts.query}"
    trust = _trust(client) if target.checked else _anything()
    try:
        return await _sent(url, target, review, trust)
    except (aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError):
        raise Failed(UNTRUSTED) from None
    except aiohttp.ClientConnectorSSLError as error:
        if target.checked:
            raise Failed(f"tls: {error.os_error.strerror or 'handshake failure'}") from None
        return await _plain(url, target, review)
    except (aiohttp.ClientError, OSError) as error:
        raise Failed(_network(error, target)) from None


async def _plain(url: str, target: Target, review: Doc) -> tuple[int, bytes]:
    """A stand-in that was told to speak HTTP on this port."""
    try:
        return await _sent(url.replace("https://", "http://", 1), target, review, None)
    except (aiohttp.ClientError, OSError) as error:
        raise Failed(_network(error, target)) from None


async def _sent(
    url: str, target: Target, review: Doc, trust: ssl.SSLContext | None
) -> tuple[int, bytes]:
    headers = {"Content-Type": "application/json", "User-Agent": "kube-apiserver-admission"}
    if target.name:
        headers["Host"] = target.name
    named: Any = {"server_hostname": target.name} if target.name and trust is not None else {}
    async with (
        aiohttp.ClientSession(trust_env=False) as session,
        session.post(
            url, data=orjson.dumps(review), headers=headers, ssl=trust or False,
            allow_redirects=False, **named,
        ) as answer,
    ):  # fmt: skip
        body = await answer.content.read(LONGEST_ANSWER)
        while not answer.content.at_eof() and len(body) < LONGEST_ANSWER:
            body += await answer.content.read(LONGEST_ANSWER - len(body))
        return answer.status, body


def _network(error: Exception, target: Target) -> str:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        host = target.peer.partition(":")[0]
        return f"dial tcp: lookup {host}: no such host"
    if isinstance(error, aiohttp.ClientConnectorError | ConnectionRefusedError):
        return f"dial tcp {target.peer}: {REFUSED}"
    return "EOF"


def _trust(client: Doc) -> ssl.SSLContext:
    """The authorities of the caBundle, or the system's."""
    bundle = client.get("caBundle")
    if not bundle:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cadata=base64.b64decode(bundle).decode("ascii"))
    except (binascii.Error, ValueError, ssl.SSLError):
        raise Failed(
            "unable to load root certificates: unable to parse bytes as PEM block"
        ) from None


def _anything() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _about_status(code: int, body: bytes) -> str:
    if code in SAID:
        return f"failed to call webhook: {SAID[code]}"
    text = body[:200].decode("utf-8", "replace").strip() or http.HTTPStatus(code).phrase
    said = orjson.dumps(text).decode()
    why = f"an error on the server ({said}) has prevented the request from succeeding"
    return f"failed to call webhook: {why}"


def _read(code: int, body: bytes, review: Doc) -> Answer:
    """An AdmissionReview that was answered."""
    if not 200 <= code < 300:
        raise Failed(_about_status(code, body))
    try:
        said = orjson.loads(body)
        given, kind = said["apiVersion"], said["kind"]
        response = said["response"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise Failed(
            "received invalid webhook response: expected an AdmissionReview with a response"
        ) from None
    wanted = review["apiVersion"]
    if (given, kind) != (wanted, "AdmissionReview"):
        why = (
            f"expected webhook response of {wanted}, Kind=AdmissionReview, got {given}, Kind={kind}"
        )
        raise Failed(f"received invalid webhook response: {why}")
    uid = review["request"]["uid"]
    if not isinstance(response, dict) or response.get("uid") != uid:
        got = response.get("uid", "") if isinstance(response, dict) else ""
        why = f'expected response.uid="{uid}", got "{got}"'
        raise Failed(f"received invalid webhook response: {why}")
    status = response.get("status")
    return Answer(
        allowed=response.get("allowed") is True,
        status=status if isinstance(status, dict) else {},
        patch=_patch(response),
        warnings=tuple(str(one) for one in response.get("warnings") or ()),
    )


def _patch(response: Doc) -> Any:
    if not response.get("patch"):
        return None
    if response.get("patchType") != "JSONPatch":
        why = "patchType must be JSONPatch when there is a patch"
        raise Failed(f"received invalid webhook response: {why}")
    try:
        return orjson.loads(base64.b64decode(response["patch"], validate=True))
    except (binascii.Error, ValueError, TypeError) as error:
        raise Failed(f"received undecodable patch in webhook response: {error}") from None
