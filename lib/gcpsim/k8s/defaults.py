"""Defaults that the API server fills in, by kind (stub: grows next)."""

from typing import TYPE_CHECKING, Any

from gcpsim.k8s.registry import Resource

if TYPE_CHECKING:
    from gcpsim.k8s.cluster import Cluster

Doc = dict[str, Any]


def fill(cluster: "Cluster", resource: Resource, new: Doc, old: Doc | None) -> None:
    if resource.key == "namespaces" and old is None:
        new.setdefault("spec", {})["finalizers"] = ["kubernetes"]
        new["status"] = {"phase": "Active"}
        labels = new["metadata"].setdefault("labels", {})
        labels["kubernetes.io/metadata.name"] = new["metadata"]["name"]
