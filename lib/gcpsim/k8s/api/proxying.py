"""The `proxy` subresources: requests that are passed on to a pod's or a Service's socket.

A pod's stand-in answers, as it does through a load balancer. A node's kubelet does not exist here,
so that one is refused in words. Names are `[scheme:]name[:port]`, as everywhere in Kubernetes.
"""

from typing import Any

import aiohttp
from aiohttp import web

from gcpsim.core.world import World
from gcpsim.k8s.api.call import Call
from gcpsim.k8s.objects.cluster import Cluster
from gcpsim.k8s.types.status import StatusError, bad_request

Doc = dict[str, Any]
Place = tuple[str, str, int]  # scheme, address, port

KINDS = ("nodes", "pods", "services")
HOP_BY_HOP = {"connection", "content-length", "host", "keep-alive", "proxy-authenticate", "te",
              "proxy-authorization", "trailer", "transfer-encoding", "upgrade",
              "authorization"}  # fmt: skip
PATIENCE = 30.0  # seconds


def is_asked(call: Call) -> bool:
    """Whether a request is to be passed on."""
    return call.plural in KINDS and call.part == "proxy" and not call.group


async def serve(cluster: Cluster, world: World, request: web.Request, call: Call) -> web.Response:
    """Pass a request on; StatusError for what leads nowhere."""
    if call.plural == "nodes":
        cluster.require("nodes", None, call.name.partition(":")[0])
        raise bad_request(
            "gcpsim: nodes/proxy is not simulated, since a node here has no kubelet that answers; "
            "ask a pod's stand-in through pods/proxy or `kubectl port-forward`"
        )
    scheme, host, port = _pod(cluster, call) if call.plural == "pods" else _service(cluster, call)
    path = call.path.partition("/proxy")[2]
    if not path and call.method in ("GET", "HEAD"):
        return web.Response(status=301, headers={"Location": call.path + "/"})
    if world.dataplane is None:
        raise bad_request(
            "gcpsim: nothing listens in this pod, as there is no data plane (it was started with "
            "--no-dataplane, or has no Envoy); start gcpsim without it to ask pods"
        )
    at = world.dataplane.socket(host, port)[0]
    if at is None:
        raise _unreached(f"dial tcp {host}:{port}: connect: connection refused")
    headers = {key: value for key, value in request.headers.items()
               if key.lower() not in HOP_BY_HOP}  # fmt: skip
    headers |= {"Host": f"{host}:{port}", "X-Forwarded-Uri": call.path}
    query = request.raw_path.partition("?")[2]
    url = f"{scheme}://{at[0]}:{at[1]}{path or '/'}" + (f"?{query}" if query else "")
    patience = aiohttp.ClientTimeout(total=PATIENCE)
    try:
        async with (
            aiohttp.ClientSession(timeout=patience, auto_decompress=False) as session,
            session.request(call.method, url, data=call.body or None, headers=headers,
                            allow_redirects=False, ssl=False,
                            skip_auto_headers=("User-Agent", "Accept")) as answer,
        ):  # fmt: skip
            body = await answer.read()
            kept = [(k, v) for k, v in answer.headers.items() if k.lower() not in HOP_BY_HOP]
            return web.Response(status=answer.status, body=body, headers=kept)
    except TimeoutError:
        raise _unreached(f"dial tcp {host}:{port}: i/o timeout") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise _unreached(str(error) or type(error).__name__) from None


def _unreached(why: str) -> StatusError:
    return StatusError(503, "ServiceUnavailable", f"error trying to reach service: {why}")


def _named(call: Call) -> tuple[str, str, str]:
    """Scheme, name and port (a number, a name or empty) of `[scheme:]name[:port]`."""
    parts = call.name.split(":")
    if len(parts) == 3 and parts[0] in ("", "http", "https"):
        return parts[0] or "http", parts[1], parts[2]
    if len(parts) > 2 or not parts[0]:
        kind = call.plural.removesuffix("s")
        raise bad_request(f'invalid {kind} request "{call.name}"')
    return "http", parts[0], parts[1] if len(parts) == 2 else ""


def _pod(cluster: Cluster, call: Call) -> Place:
    scheme, name, port = _named(call)
    pod = cluster.require("pods", call.namespace, name)
    ports = [item["containerPort"] for container in pod["spec"]["containers"]
             for item in container.get("ports") or ()]  # fmt: skip
    address = str((pod.get("status") or {}).get("podIP") or "")
    if not address:
        raise bad_request("address not allowed")
    if port and not port.isdecimal():
        raise bad_request(f'invalid pod request "{call.name}"')
    return scheme, address, int(port) if port else ports[0] if ports else 80


def _service(cluster: Cluster, call: Call) -> Place:
    """A ready endpoint of a Service's port, by the port's name or number."""
    scheme, name, port = _named(call)
    service = cluster.require("services", call.namespace, name)
    ports = service["spec"].get("ports") or []
    if not port and len(ports) == 1:
        chosen = ports
    else:
        chosen = [one for one in ports if port in (str(one["port"]), one.get("name", ""))]
    if not chosen:
        raise StatusError(503, "ServiceUnavailable", f'no service port "{port}" found for service '
                          f'"{name}"')  # fmt: skip
    known = chosen[0].get("name", "")
    slices = [
        one for _, one in cluster.table("endpointslices").items()
        if one["metadata"].get("namespace") == call.namespace
        and (one["metadata"].get("labels") or {}).get("kubernetes.io/service-name") == name
    ]  # fmt: skip
    found = [
        (scheme, str(endpoint["addresses"][0]), int(one["port"]))
        for item in slices
        for one in item.get("ports") or ()
        if one.get("name", "") == known and one.get("port")
        for endpoint in item.get("endpoints") or ()
        if (endpoint.get("conditions") or {}).get("ready", True)
    ]
    if not found:
        why = f'no endpoints available for service "{name}"'
        raise StatusError(503, "ServiceUnavailable", why)
    return sorted(found)[0]
