"""Cluster IPs and node ports of Services (stub: grows next)."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gcpsim.k8s.cluster import Cluster

Doc = dict[str, Any]


def allocate(cluster: "Cluster", new: Doc, old: Doc | None) -> None:
    pass
