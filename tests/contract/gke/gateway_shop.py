"""A small shop in cluster blue of a world in this process, where time settles at once."""

import json
from typing import Any

from gcpsim.front.build import Cloud

CLASS = "gke-l7-global-external-managed"


class Shop:
    """A Deployment with two Services in cluster blue."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud, self.compute = cloud, cloud.compute
        self.blue = cloud.gke.clusters["blue"]
        self.project = self.blue.project
        labels = {"app": "web"}
        container = {"name": "c", "image": "i", "ports": [{"containerPort": 8080}]}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
        self.make("deployments", "web", spec={"replicas": 3, "template": template,
                  "selector": {"matchLabels": labels}})  # fmt: skip
        for name in ("web", "api"):
            ports = [{"port": 80, "targetPort": 8080}]
            self.make("services", name, spec={"selector": labels, "ports": ports})

    def make(self, resource: str, name: str, **body: Any) -> None:
        meta = {"name": name, "namespace": "default", **body.pop("metadata", {})}
        copied = json.loads(json.dumps({"metadata": meta, **body}))
        self.cloud.world.transact(lambda: self.blue.create(resource, copied))
        self.settle()

    def change(self, resource: str, name: str, patch: dict[str, Any]) -> None:
        self.cloud.world.transact(lambda: self.blue.patch(resource, "default", name, patch))
        self.settle()

    def remove(self, resource: str, name: str) -> None:
        self.cloud.world.transact(lambda: self.blue.delete(resource, "default", name))
        self.settle()

    def gateway(self, *listeners: dict[str, Any], **more: Any) -> None:
        given = listeners or ({"name": "http", "protocol": "HTTP", "port": 80},)
        notes = more.pop("annotations", {})
        self.make("gateways", "front", metadata={"annotations": notes},
                  spec={"gatewayClassName": CLASS, "listeners": list(given), **more})  # fmt: skip

    def route(self, *rules: dict[str, Any], name: str = "shop", **more: Any) -> None:
        spec = {"parentRefs": [{"name": "front"}], "hostnames": ["shop.example.com"],
                "rules": list(rules), **more}  # fmt: skip
        self.make("httproutes", name, spec=spec)

    def settle(self) -> None:
        self.cloud.world.clock.settle()
        self.cloud.world.clock.advance(60)
        assert self.cloud.world.failures == []

    def docs(self, collection: str) -> list[dict[str, Any]]:
        found = self.compute.list(self.project, collection)
        return sorted(found, key=lambda one: str(one["name"]))

    def get(self, resource: str, name: str) -> dict[str, Any]:
        return self.blue.get(resource, "default", name) or {}

    def said(self, resource: str, name: str) -> dict[str, tuple[str, str]]:
        """Conditions of a Gateway, or of a route's first parent: type -> status and reason."""
        status = self.get(resource, name).get("status") or {}
        where = status if resource == "gateways" else (status.get("parents") or [{}])[0]
        return {c["type"]: (c["status"], c["reason"]) for c in where.get("conditions") or ()}
