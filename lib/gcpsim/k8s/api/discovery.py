"""Discovery: the groups, versions and resources that a cluster serves, and its own version.

kubectl asks for the aggregated documents (APIGroupDiscoveryList); the dynamic client and `kubectl
drain` read the old ones, in which a subresource of another group must say so.
"""

import re
from itertools import groupby
from typing import Any

from gcpsim.k8s.api import metrics
from gcpsim.k8s.api.call import Call, media_types
from gcpsim.k8s.api.form import JSON
from gcpsim.k8s.objects.cluster import Cluster
from gcpsim.k8s.types.registry import Resource

Doc = dict[str, Any]

CHANGE = ("get", "patch", "update")
PROXIED = ("create", "delete", "get", "patch", "update")
HEALTH = ("/healthz", "/livez", "/readyz")
PREFERRED_FIRST = ("", "apps", "networking.k8s.io")
VERSION = re.compile(r"^v(\d+)(?:(beta|alpha)(\d+))?$")
STAGES = ("", "beta", "alpha")

# (resource or "*", subresource) -> group, version, kind, verbs; empty: those of the resource itself
SUBRESOURCES: dict[tuple[str, str], tuple[str, str, str, tuple[str, ...]]] = {
    ("*", "status"): ("", "", "", CHANGE),
    ("*", "scale"): ("autoscaling", "v1", "Scale", CHANGE),
    ("certificatesigningrequests", "approval"): ("", "", "", CHANGE),
    ("namespaces", "finalize"): ("", "", "", ("update",)),
    ("pods", "attach"): ("", "", "PodAttachOptions", ("create", "get")),
    ("pods", "binding"): ("", "", "Binding", ("create",)),
    ("pods", "ephemeralcontainers"): ("", "", "", CHANGE),
    ("pods", "eviction"): ("policy", "v1", "Eviction", ("create",)),
    ("pods", "exec"): ("", "", "PodExecOptions", ("create", "get")),
    ("pods", "log"): ("", "", "", ("get",)),
    ("pods", "portforward"): ("", "", "PodPortForwardOptions", ("create", "get")),
    ("nodes", "proxy"): ("", "", "NodeProxyOptions", PROXIED),
    ("pods", "proxy"): ("", "", "PodProxyOptions", PROXIED),
    ("services", "proxy"): ("", "", "ServiceProxyOptions", PROXIED),
    ("pods", "resize"): ("", "", "", CHANGE),
    ("serviceaccounts", "token"): ("authentication.k8s.io", "v1", "TokenRequest", ("create",)),
}


def respond(cluster: Cluster, call: Call) -> tuple[Any, str] | None:
    """Body and content type for a path outside the resources; None when there is nothing."""
    path = call.path.rstrip("/") or "/"
    if path in HEALTH or path.startswith(tuple(prefix + "/" for prefix in HEALTH)):
        return b"ok", "text/plain"
    if path == "/version":
        return _version(cluster), JSON
    parts = path.strip("/").split("/")
    if path == "/":
        return {"paths": _paths(cluster)}, JSON
    if parts[0] not in ("api", "apis"):
        return None
    core = parts[0] == "api"
    if len(parts) == 1:
        aggregated = _aggregated(cluster, call, core)
        if aggregated is not None:
            return aggregated
        return (_versions() if core else _groups(cluster)), JSON
    if core:
        return _resources(cluster, "", parts[1]) if len(parts) == 2 else None
    if len(parts) == 2:
        found = [group for group in _groups(cluster)["groups"] if group["name"] == parts[1]]
        return ({"kind": "APIGroup", "apiVersion": "v1", **found[0]}, JSON) if found else None
    return _resources(cluster, parts[1], parts[2]) if len(parts) == 3 else None


def group_versions(cluster: Cluster) -> dict[tuple[str, str], list[Resource]]:
    """The resources of each group and version; the preferred version of a group comes first."""
    found: dict[tuple[str, str], list[Resource]] = {}
    for resource in cluster.registry.served():
        for version in resource.versions:
            found.setdefault((resource.group, version), []).append(resource)
    found.setdefault(("policy", "v1"), [])
    found.setdefault((metrics.GROUP, metrics.VERSION), [])

    def order(group_version: tuple[str, str]) -> tuple[int, str, tuple[int, int, int]]:
        group, version = group_version
        rank = PREFERRED_FIRST.index(group) if group in PREFERRED_FIRST else len(PREFERRED_FIRST)
        return rank, group, _age_of(version)

    return {key: found[key] for key in sorted(found, key=order)}


def _listed(cluster: Cluster) -> dict[tuple[str, str], list[Resource]]:
    """The same with what is computed when it is asked for."""
    return {**group_versions(cluster), (metrics.GROUP, metrics.VERSION): list(metrics.RESOURCES)}


def _age_of(version: str) -> tuple[int, int, int]:
    """Sorts versions as the API server prefers them: v2, v1, v1beta2, v1beta1, v1alpha1."""
    parts = VERSION.match(version)
    if parts is None:
        return len(STAGES), 0, 0
    return STAGES.index(parts[2] or ""), -int(parts[1]), -int(parts[3] or 0)


def _version(cluster: Cluster) -> Doc:
    major, minor = cluster.version.split(".")[:2]
    return {
        "major": major,
        "minor": minor,
        "gitVersion": f"v{cluster.version}",
        "gitCommit": "0" * 40,
        "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z",
        "goVersion": "go1.24.6 X:boringcrypto",
        "compiler": "gc",
        "platform": "linux/amd64",
    }


def _paths(cluster: Cluster) -> list[str]:
    paths = [
        "/api",
        "/api/v1",
        "/apis",
        "/healthz",
        "/livez",
        "/openapi/v2",
        "/openapi/v3",
        "/readyz",
        "/version",
    ]
    for group, version in group_versions(cluster):
        if group:
            paths += [f"/apis/{group}", f"/apis/{group}/{version}"]
    return sorted(set(paths))


def _versions() -> Doc:
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"}],
    }


def _groups(cluster: Cluster) -> Doc:
    groups = []
    for group, pairs in groupby(group_versions(cluster), key=lambda pair: pair[0]):
        if not group:
            continue
        versions = [
            {"groupVersion": f"{group}/{version}", "version": version} for _, version in pairs
        ]
        groups.append({"name": group, "versions": versions, "preferredVersion": versions[0]})
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def _resources(cluster: Cluster, group: str, version: str) -> tuple[Any, str] | None:
    found = _listed(cluster).get((group, version))
    if found is None:
        return None
    listed = []
    for resource in found:
        listed.append(_resource(resource))
        listed += [_subresource(resource, name) for name in resource.subresources]
    group_version = f"{group}/{version}" if group else version
    body = {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group_version,
        "resources": listed,
    }
    return body, JSON


def _resource(resource: Resource) -> Doc:
    body: Doc = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
    }
    if resource.short:
        body["shortNames"] = list(resource.short)
    if resource.categories:
        body["categories"] = list(resource.categories)
    return body


def _about(resource: Resource, name: str) -> tuple[str, str, str, tuple[str, ...]]:
    known = SUBRESOURCES.get((resource.key, name)) or SUBRESOURCES[("*", name)]
    group, version, kind, verbs = known
    return group, version, kind or resource.kind, verbs


def _subresource(resource: Resource, name: str) -> Doc:
    group, version, kind, verbs = _about(resource, name)
    body: Doc = {
        "name": f"{resource.plural}/{name}",
        "singularName": "",
        "namespaced": resource.namespaced,
        "kind": kind,
        "verbs": list(verbs),
    }
    return body | ({"group": group, "version": version} if version else {})


def _aggregated(cluster: Cluster, call: Call, core: bool) -> tuple[Any, str] | None:
    for name, options in media_types(call.headers.get("accept", "")):
        wanted = options.get("as") == "APIGroupDiscoveryList"
        version = options.get("v")
        if name == JSON and wanted and version in ("v2", "v2beta1"):
            break
        if name == JSON and not options.get("as"):
            return None
    else:
        return None
    items = []
    for group, pairs in groupby(_listed(cluster).items(), key=lambda pair: pair[0][0]):
        if (group == "") is not core:
            continue
        versions = [
            {
                "version": number,
                "resources": [_discovered(resource, number) for resource in resources],
                "freshness": "Current",
            }
            for (_, number), resources in pairs
        ]
        items.append({"metadata": {"name": group} if group else {}, "versions": versions})
    body = {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{version}",
        "metadata": {},
        "items": items,
    }
    return body, f"{JSON};g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"


def _discovered(resource: Resource, version: str) -> Doc:
    body: Doc = {
        "resource": resource.plural,
        "responseKind": {"group": resource.group, "version": version, "kind": resource.kind},
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
    }
    if resource.short:
        body["shortNames"] = list(resource.short)
    if resource.categories:
        body["categories"] = list(resource.categories)
    if resource.subresources:
        body["subresources"] = [
            _discovered_subresource(resource, name, version) for name in resource.subresources
        ]
    return body


def _discovered_subresource(resource: Resource, name: str, version: str) -> Doc:
    group, other, kind, verbs = _about(resource, name)
    place = (group, other) if other else (resource.group, version)
    return {
        "subresource": name,
        "responseKind": {"group": place[0], "version": place[1], "kind": kind},
        "verbs": list(verbs),
    }
