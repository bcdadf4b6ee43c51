"""Clusters under a paused clock: tests move time themselves and look at each moment."""

from collections.abc import Callable
from typing import Any

import pytest
from google.cloud import compute_v1
from kubernetes import client

PROJECT = "shop-rehearsal"
SVCNEG = ("networking.gke.io", "v1beta1")


class Stage:
    """One simulator with its clusters, through the official clients."""

    def __init__(self, sim: Any, cluster: str = "blue") -> None:
        self.sim = sim
        api = sim.kube(cluster)
        self.core = client.CoreV1Api(api)
        self.apps = client.AppsV1Api(api)
        self.policy = client.PolicyV1Api(api)
        self.discovery = client.DiscoveryV1Api(api)
        self.networking = client.NetworkingV1Api(api)
        self.custom = client.CustomObjectsApi(api)
        self._negs = sim.compute(compute_v1.NetworkEndpointGroupsClient)
        self._cluster = cluster

    def pass_time(self, seconds: float) -> None:
        self.sim.advance(seconds)

    def direct(self, verb: str, **args: Any) -> Any:
        """A stage direction, which must succeed."""
        status, answer = self.sim.http("POST", f"/_sim/stage/{verb}", args)
        assert status == 200, answer
        return answer

    def annotate(self, namespace: str, service: str, value: str | None) -> None:
        note = {"metadata": {"annotations": {"cloud.google.com/neg": value}}}
        self.core.patch_namespaced_service(service, namespace, note)

    def annotation(self, namespace: str, service: str, name: str) -> str | None:
        found = self.core.read_namespaced_service(service, namespace)
        return (found.metadata.annotations or {}).get(f"cloud.google.com/{name}")

    def svcneg(self, namespace: str, name: str) -> dict[str, Any] | None:
        """The svcneg object, None when it is gone."""
        items = self.custom.list_namespaced_custom_object(
            *SVCNEG, namespace, "servicenetworkendpointgroups"
        )["items"]
        return next((item for item in items if item["metadata"]["name"] == name), None)

    def conditions(self, namespace: str, name: str) -> dict[str, tuple[str, str]]:
        """Condition type -> (status, reason) of a svcneg."""
        found = self.svcneg(namespace, name) or {}
        items = found.get("status", {}).get("conditions", [])
        return {item["type"]: (item["status"], item["reason"]) for item in items}

    def sizes(self, name: str) -> dict[str, int]:
        """Zone -> number of endpoints, of the NEGs with this name in the cluster's region."""
        region = "us-central1" if self._cluster == "blue" else "europe-west1"
        pages = self._negs.aggregated_list(project=PROJECT)
        return {
            scope.removeprefix("zones/"): neg.size
            for scope, page in pages
            for neg in page.network_endpoint_groups
            if neg.name == name and region in scope
        }

    def endpoints(self, name: str, zone: str) -> dict[str, str]:
        """IP -> instance of a NEG's endpoints."""
        asked = compute_v1.NetworkEndpointGroupsListEndpointsRequest(health_status="SKIP")
        pages = self._negs.list_network_endpoints(
            project=PROJECT,
            zone=zone,
            network_endpoint_group=name,
            network_endpoint_groups_list_endpoints_request_resource=asked,
        )
        return {item.network_endpoint.ip_address: item.network_endpoint.instance for item in pages}

    def events(self, namespace: str, about: str = "") -> list[tuple[str, str, str]]:
        """(type, reason, message) of a namespace's events, oldest first."""
        found = self.core.list_namespaced_event(namespace).items
        found.sort(key=lambda e: (e.first_timestamp, int(e.metadata.resource_version)))
        return [
            (e.type, e.reason, e.message)
            for e in found
            if about in ("", f"{e.involved_object.kind}/{e.involved_object.name}")
        ]

    def pods(self, namespace: str, labels: str = "") -> list[Any]:
        return list(self.core.list_namespaced_pod(namespace, label_selector=labels).items)


def ready(pod: Any) -> bool:
    return any(c.type == "Ready" and c.status == "True" for c in pod.status.conditions or [])


@pytest.fixture
def stage(keep_sim: Callable[..., Any]) -> Callable[..., Stage]:
    """stage("greenfield") gives that scenario from its beginning; its clock stands still."""

    def start(scenario: str = "greenfield", cluster: str = "blue") -> Stage:
        options = ("--scenario", scenario, "--time-scale", "1", "--paused", "--no-dataplane")
        sim = keep_sim(*options)
        sim.admin("POST", "reset")
        return Stage(sim, cluster)

    return start
