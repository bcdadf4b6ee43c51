"""Subresources: scale, binding, log, token, and what is refused as not simulated.

Eviction has its own module; status and finalize are ordinary updates in `verbs`.
"""

import base64
from typing import Any

import orjson

from gcpsim.core.clock import rfc3339
from gcpsim.k8s.api import eviction
from gcpsim.k8s.api.bodies import accepted, option_object
from gcpsim.k8s.api.call import Call, parsed
from gcpsim.k8s.api.form import JSON
from gcpsim.k8s.api.tracking import tracker
from gcpsim.k8s.objects.cluster import Cluster
from gcpsim.k8s.patch import patches
from gcpsim.k8s.print.jsonpath import find
from gcpsim.k8s.print.shown import selector_text
from gcpsim.k8s.types import status
from gcpsim.k8s.types.decode import WrongType, decode
from gcpsim.k8s.types.registry import Resource
from gcpsim.k8s.types.shapes import model
from gcpsim.k8s.types.status import StatusError, bad_request

Doc = dict[str, Any]
Reply = tuple[int, Any, str]

NOT_SIMULATED = {"attach", "exec", "portforward", "ephemeralcontainers"}
SCALE_PATCHES = {
    "application/json-patch+json": patches.json_patch,
    "application/merge-patch+json": patches.merge_patch,
    "application/strategic-merge-patch+json": patches.merge_patch,
}
TOKEN_LIFE = 3600  # seconds
SHORTEST_TOKEN, LONGEST_TOKEN = 600, 1 << 32


INSTEAD = {
    "exec": "see what it answered with `kubectl logs`, or ask it through `kubectl port-forward`",
    "attach": "see what it answered with `kubectl logs`",
    "ephemeralcontainers": "ask its stand-in through `kubectl port-forward`",
    "portforward": "it is asked for by upgrading a connection, as kubectl does",
}


def not_simulated(plural: str, name: str) -> StatusError:
    """What needs a process in a pod. No status that clients repeat."""
    what = f"{plural}/{name}" if plural and name else "upgrading this connection"
    why = f"gcpsim: {what} is not simulated, since a pod here is a stand-in without processes"
    instead = f"; {INSTEAD[name]}" if name in INSTEAD else ""
    return StatusError(400, "BadRequest", why + instead)


def respond(cluster: Cluster, call: Call, resource: Resource) -> Reply:
    """Answer a request to a subresource other than status and finalize."""
    name = call.part
    if name in NOT_SIMULATED and resource.key in ("pods", "services", "nodes"):
        raise not_simulated(resource.plural, name)
    if call.subresource not in resource.subresources:
        raise status.no_such_path()
    if name == "scale":
        return _scale(cluster, call, resource)
    if name == "approval":
        return _approve(cluster, call, resource)
    if name == "log" and call.method in ("GET", "HEAD"):
        return _log(cluster, call)
    if call.method != "POST":
        raise status.method_not_allowed()
    if name == "eviction":
        return eviction.respond(cluster, call)
    if name == "binding":
        return bind(cluster, call)
    return _token(cluster, call)


def _scale(cluster: Cluster, call: Call, resource: Resource) -> Reply:
    obj = cluster.require(resource, call.namespace, call.name)
    scale = _scale_of(obj, resource)
    if call.method in ("GET", "HEAD"):
        return 200, scale, JSON
    if call.method == "PUT":
        wanted = parsed(call)
    elif call.method == "PATCH":
        patch = SCALE_PATCHES.get(call.content_type)
        if patch is None:
            raise status.unsupported_media_type(
                "the body of the request was in an unknown format - accepted media types include: "
                + ", ".join(sorted(SCALE_PATCHES))
            )
        wanted = patch(scale, parsed(call))
    else:
        raise status.method_not_allowed()
    try:
        cleaned = decode(model("V1Scale"), wanted).value
    except WrongType as error:
        raise bad_request(f'Scale in version "v1" cannot be handled as a Scale: {error}') from error
    replicas = (cleaned.get("spec") or {}).get("replicas", 0)
    if replicas < 0:
        why = status.invalid_value("spec.replicas", replicas, "must be greater than or equal to 0")
        raise status.invalid("Scale", "autoscaling", call.name, [why])
    version = (cleaned.get("metadata") or {}).get("resourceVersion") if call.method == "PUT" else ""
    metadata = {**obj["metadata"], "resourceVersion": version or ""}
    path = _scale_paths(resource).get("specReplicasPath", ".spec.replicas")
    steps = path.strip(".").split(".")
    changed = {**_with(obj, steps, replicas), "metadata": metadata}
    track = tracker(cluster, call, resource)
    stored = cluster.update(resource, changed, dry_run=call.dry_run, track=track)
    return 200, _scale_of(stored, resource), JSON


def _with(obj: Doc, steps: list[str], value: Any) -> Doc:
    """The object with a value at a path of names."""
    name, *below = steps
    return {**obj, name: _with(obj.get(name) or {}, below, value) if below else value}


def _scale_of(obj: Doc, resource: Resource) -> Doc:
    metadata = obj["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    paths = _scale_paths(resource)
    selectors = find(obj, paths.get("labelSelectorPath", ".spec.selector"))
    selector = selectors[0] if selectors and isinstance(selectors[0], str) else ""
    if selectors and isinstance(selectors[0], dict):
        selector = selector_text(selectors[0])
    replicas = find(obj, paths.get("statusReplicasPath", ".status.replicas"))
    wanted = find(obj, paths.get("specReplicasPath", ".spec.replicas"))
    state: Doc = {"replicas": replicas[0] if replicas else 0}
    if selector not in ("", "<none>"):
        state["selector"] = selector
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: metadata[name] for name in kept if name in metadata},
        "spec": {"replicas": wanted[0] if wanted else 0},
        "status": state,
    }


def _scale_paths(resource: Resource) -> Doc:
    for version in resource.crd["spec"]["versions"] if resource.crd else ():
        if version["name"] == resource.version:
            paths: Doc = (version.get("subresources") or {}).get("scale") or {}
            return paths
    return {}


def _approve(cluster: Cluster, call: Call, resource: Resource) -> Reply:
    """A decision on a CertificateSigningRequest: only the conditions are taken from the body."""
    old = cluster.require(resource, None, call.name)
    if call.method in ("GET", "HEAD"):
        return 200, old, JSON
    if call.method == "PUT":
        wanted = parsed(call)
    elif call.method == "PATCH" and call.content_type in SCALE_PATCHES:
        wanted = SCALE_PATCHES[call.content_type](old, parsed(call))
    else:
        raise status.method_not_allowed()
    given = accepted(call, resource, wanted)
    decided = (given.get("status") or {}).get("conditions") or []
    metadata = {**old["metadata"]} | _only(given["metadata"], "resourceVersion")
    state = {**(old.get("status") or {}), "conditions": decided}
    track = tracker(cluster, call, resource)
    new = {**old, "metadata": metadata, "status": state}
    return 200, cluster.update(resource, new, "status", dry_run=call.dry_run, track=track), JSON


def _only(doc: Doc, name: str) -> Doc:
    return {name: doc[name]} if name in doc else {}


def bind(cluster: Cluster, call: Call) -> Reply:
    """Put a pod on a node: of `pods/NAME/binding`, or of a Binding that names the pod itself."""
    given = option_object(call, "V1Binding")
    target, name = given.get("target") or {}, call.name or str(given["metadata"].get("name", ""))
    if not target.get("name"):
        raise bad_request("target.name: Required value")
    pod = cluster.require("pods", call.namespace, name)
    node = pod["spec"].get("nodeName")
    if node:
        why = f'pod {name} is already assigned to node "{node}"'
        raise status.conflict("pods/binding", "", name, why)
    bound = {**pod, "spec": {**pod["spec"], "nodeName": target["name"]}}
    bound = cluster.update("pods", bound, dry_run=call.dry_run)
    condition = {"type": "PodScheduled", "status": "True", "lastTransitionTime": cluster.now()}
    state = pod.get("status") or {}
    others = [item for item in state.get("conditions") or () if item["type"] != "PodScheduled"]
    if not call.dry_run:
        state = {**state, "conditions": [*others, condition]}
        cluster.update("pods", {**bound, "status": state}, "status")
    return 201, status.success() | {"code": 201}, JSON


def _log(cluster: Cluster, call: Call) -> Reply:
    pod = cluster.require("pods", call.namespace, call.name)
    names = [item["name"] for item in pod["spec"]["containers"]]
    init = [item["name"] for item in pod["spec"].get("initContainers") or ()]
    wanted = call.query.get("container", "")
    if not wanted and len(names) > 1:
        raise bad_request(
            f"a container name must be specified for pod {call.name}, choose one of: "
            f"[{' '.join(names)}]"
        )
    wanted = wanted or names[0]
    if wanted not in names + init:
        raise bad_request(f"container {wanted} is not valid for pod {call.name}")
    state = pod.get("status") or {}
    started = [
        (item.get("state") or {}).get("running", {}).get("startedAt")
        for item in state.get("containerStatuses") or ()
        if item["name"] == wanted
    ]
    if not any(started):
        raise bad_request(
            f'container "{wanted}" in pod "{call.name}" is waiting to start: ContainerCreating'
        )
    first = f"gcpsim: container {wanted} started; what its stand-in answers follows, without probes"
    lines = [(str(started[0]), first)]
    if wanted == names[0]:
        since = cluster.clock.now() - call.number("sinceSeconds", 1 << 40)
        lines += [(rfc3339(when), text) for when, text in call.said if when >= since]
    tail = call.number("tailLines", len(lines))
    lines = lines[max(0, len(lines) - tail) :]
    stamped = call.flag("timestamps")
    text = "".join(f"{when} {line}\n" if stamped else f"{line}\n" for when, line in lines)
    limit = call.number("limitBytes", 1 << 24)
    return 200, text.encode()[:limit], "text/plain"


def _token(cluster: Cluster, call: Call) -> Reply:
    cluster.require("serviceaccounts", call.namespace, call.name)
    spec = option_object(call, "AuthenticationV1TokenRequest").get("spec") or {}
    seconds = spec.get("expirationSeconds", TOKEN_LIFE)
    if not SHORTEST_TOKEN <= seconds <= LONGEST_TOKEN:
        why = "may not specify a duration less than 10 minutes or larger than 2^32 seconds"
        cause = status.invalid_value("spec.expirationSeconds", seconds, why)
        raise status.invalid("TokenRequest", "authentication.k8s.io", call.name, [cause])
    spec = {"audiences": spec.get("audiences") or ["gcpsim"], "expirationSeconds": seconds}
    said = {"sub": f"system:serviceaccount:{call.namespace}:{call.name}"}
    token = "gcpsim." + base64.urlsafe_b64encode(orjson.dumps(said)).decode().rstrip("=") + "."
    expires = rfc3339(cluster.clock.now() + seconds, millis=False)
    body = {
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"name": call.name, "namespace": call.namespace},
        "spec": spec,
        "status": {"token": token, "expirationTimestamp": expires},
    }
    return 201, body, JSON
