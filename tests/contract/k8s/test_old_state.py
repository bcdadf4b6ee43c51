"""A cluster from a state folder that an earlier version wrote gets the definitions of this one."""

from copy import deepcopy
from typing import Any

from gcpsim.core.world import World
from gcpsim.k8s.objects.cluster import Cluster

CRDS = "customresourcedefinitions"
POLICY = "gcpbackendpolicies.networking.gke.io"


def again(world: World, cluster: Cluster) -> Cluster:
    """The cluster as it is when its simulator starts anew on what is stored."""
    world.commit()
    return Cluster(
        "blue",
        project="rehearsal",
        location="us-central1",
        zones=["us-central1-a", "us-central1-b", "us-central1-c"],
        store=world.store,
        clock=world.clock,
        version="1.33.5-gke.1308000",
    )


def test_definitions_come_with_a_new_version(world: World, cluster: Cluster) -> None:
    cluster.delete(CRDS, None, "volumesnapshots.snapshot.storage.k8s.io")
    old: dict[str, Any] = deepcopy(cluster.require(CRDS, None, POLICY))
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    (version,) = old["spec"]["versions"]
    version["schema"]["openAPIV3Schema"]["properties"]["spec"] = anything
    cluster.update(CRDS, old)
    mine = {"metadata": {"name": "kept", "namespace": "default"}, "spec": {"targetRef": {}}}
    assert cluster.registry.all()  # as each request does: it follows the definitions
    cluster.create("gcpbackendpolicies", mine)
    loaded = again(world, cluster)
    assert loaded.get(CRDS, None, "volumesnapshots.snapshot.storage.k8s.io") is not None
    (now,) = loaded.require(CRDS, None, POLICY)["spec"]["versions"]
    assert "targetRef" in now["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    assert loaded.get("gcpbackendpolicies", "default", "kept") is not None


def test_what_is_of_this_version_is_not_written_again(world: World, cluster: Cluster) -> None:
    before = cluster.resource_version()
    assert again(world, cluster).resource_version() == before
