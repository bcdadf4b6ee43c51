"""An ideal Google Cloud in a dictionary: what a plan is applied to when only the plan is tested.

It does what the API does to bodies: fills in what the server sets, spells links in its own way,
shows a certificate's authorizations with the project's number, drops secrets.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from edgebook.model.kinds import kind_of
from edgebook.model.links import link
from edgebook.model.observed import Neg, Observed, ObservedCluster, ObservedService
from edgebook.model.values import (
    Action,
    Change,
    EachNeg,
    LiveResource,
    Plan,
    Ref,
    ResourceKey,
    SecretRef,
    each_negs,
)
from edgebook.params import Spec
from edgebook.plan.compare import UNKNOWN, lookup
from edgebook.plan.successors import without_introduction

NUMBER = "123456789"


def observe(spec: Spec, *, negs: bool = False, clusters: Iterable[str] | None = None) -> Observed:
    """Clusters as the params want them: each Service there, pods on port 8443 instead of 443."""
    zones = {"blue": ("us-central1-a", "us-central1-b"), "green": ("europe-west1-b",)}
    found = {}
    for name in clusters or spec.clusters:
        services: dict[tuple[str, str], dict[str, Any]] = {}
        for backend in spec.backends.values():
            neg = backend.neg
            entry = services.setdefault((neg.namespace, neg.service), {"ports": {}, "negs": []})
            entry["ports"][neg.port] = (8443 if neg.port == 443 else neg.port,)
            if negs and name in backend.active:
                neg_name = neg.name.replace("{cluster}", name)
                entry["negs"] += [
                    neg_of(spec, neg_name, zone, port=neg.port) for zone in zones[name]
                ]
        found[name] = ObservedCluster(
            name,
            network="default",
            node_tags=(f"gke-{name}-1a2b3c4d-node",),
            zones=zones[name],
            services=tuple(
                ObservedService(ns, service, True, entry["ports"], "", tuple(entry["negs"]))
                for (ns, service), entry in sorted(services.items())
            ),
        )
    return Observed(found, {NUMBER: spec.project})


def neg_of(spec: Spec, name: str, zone: str, state: str = "ACTIVE", port: int = 0) -> Neg:
    path = f"projects/{spec.project}/zones/{zone}/networkEndpointGroups/{name}"
    return Neg(name, zone, f"https://www.googleapis.com/compute/v1/{path}", state, port)


class IdealCloud:
    """Live resources, and `apply`."""

    def __init__(self, live: Mapping[ResourceKey, LiveResource] | None = None) -> None:
        self.live: dict[ResourceKey, LiveResource] = dict(live or {})
        self._addresses = 0

    def put(self, key: ResourceKey, body: Mapping[str, Any]) -> None:
        self.live[key] = LiveResource(key, body)

    def apply(self, plan: Plan, observed: Observed) -> None:
        """Carry the plan out: creates and updates by dependency, then deletes."""
        todo = [change for change in plan.to_do if change.action is not Action.DELETE]
        while todo:
            keys = {change.key for change in todo}
            ready = [change for change in todo if not set(change.depends) & keys]
            assert ready, f"dependencies run in a circle: {sorted(map(str, keys))}"
            for change in ready:
                self._write(change, observed)
            todo = [change for change in todo if change not in ready]
        for change in plan.to_do:
            if change.action is Action.DELETE and change.key.kind != "unexposure":
                whole = kind_of(change.key).object_kind or change.key.kind
                del self.live[dataclasses.replace(change.key, kind=whole)]
            elif change.action is Action.DELETE:
                self._unexpose(change)

    def _write(self, change: Change, observed: Observed) -> None:
        if change.key.kind in ("backends", "detachment"):
            self._attach(change, observed)
            return
        part, forgets = kind_of(change.key).object_kind, change.key.kind == "forgetting"
        if part in ("firewall", "urlMap"):
            change = dataclasses.replace(change, key=dataclasses.replace(change.key, kind=part))
        old = self.live.get(change.key)
        body = dict(old.body) if old and change.action is Action.UPDATE else {}
        body |= self._concrete(change.after)
        if forgets:
            body |= without_introduction(body)
        if change.key.kind == "serviceAnnotation":
            body.pop("ingress", None)
            mine = change.after["exposed_ports"]
            body["exposed_ports"] = {**((old and old.body.get("exposed_ports")) or {}), **mine}
        key = change.key
        if key.kind == "dnsRecordSet":
            if change.action is Action.REPLACE:
                rival = f"{change.before['name']}/{change.before['type']}"
                del self.live[ResourceKey(key.kind, key.scope, rival)]
            key = ResourceKey(key.kind, key.scope, f"{body['name']}/{body['type']}")
        self.put(key, self._served(key, body))

    def _attach(self, change: Change, observed: Observed) -> None:
        key = ResourceKey("backendService", change.key.scope, change.key.name)
        service = self.live[key].body
        detached = change.key.kind == "detachment"
        gone = {e["group"] for e in change.before.get("backends", ())} if detached else set()
        entries = [e for e in service.get("backends", []) if e["group"] not in gone]
        entries = {entry["group"]: entry for entry in entries}
        for each in each_negs(change.after):
            for neg in self._negs(each, observed):
                old = entries.get(neg.link, {"group": neg.link, "capacityScaler": 1.0})
                entry = {**old, **each.entry_in(neg.zone)}
                entries[neg.link] = {k: v for k, v in entry.items() if v is not None}
        wanted = {n.link for each in each_negs(change.after) for n in self._negs(each, observed)}
        named = {e["group"] for e in change.before.get("backends", ())}
        entries = [e for group, e in entries.items() if group in wanted or group not in named]
        self.put(key, {**service, "backends": entries})

    def _unexpose(self, change: Change) -> None:
        key = dataclasses.replace(change.key, kind="serviceAnnotation")
        body = dict(self.live[key].body)
        ports = {p: e for p, e in body["exposed_ports"].items()
                 if p not in change.before["exposed_ports"]}  # fmt: skip
        self.put(key, {**body, "exposed_ports": ports})

    def _negs(self, each: EachNeg, observed: Observed) -> list[Neg]:
        service = observed.clusters[each.cluster].service(each.namespace, each.service)
        assert service is not None
        return [n for n in service.negs if n.name == each.name and n.state == "ACTIVE"]

    def _concrete(self, value: Any) -> Any:
        if isinstance(value, Ref):
            found = lookup(self.live)(value)
            assert found is not UNKNOWN, f"{value} is not known"
            return found
        if isinstance(value, SecretRef):
            return None
        if isinstance(value, Mapping):
            return {name: self._concrete(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._concrete(item) for item in value]
        return value

    def _served(self, key: ResourceKey, body: dict[str, Any]) -> dict[str, Any]:
        """What a GET would show."""
        kind = kind_of(key)
        if kind.api == "compute":
            body |= {"id": "1", "kind": f"compute#{key.kind}", "selfLink": link(key)}
        if key.kind == "address":
            self._addresses += 1
            body.setdefault("address", f"203.0.113.{self._addresses}")
            if body.get("ipVersion") == "IPV4":
                del body["ipVersion"]  # the default is not shown
        if key.kind == "dnsAuthorization":
            middle = "_abcdefghijklmnop" if body["type"] == "PER_PROJECT_RECORD" else ""
            name = f"_acme-challenge{middle}.{body['domain']}."
            data = "0f1e2d3c.7.authorize.certificatemanager.goog."
            body["dnsResourceRecord"] = {"name": name, "type": "CNAME", "data": data}
        if key.kind == "certificate":
            managed = dict(body["managed"])
            managed["dnsAuthorizations"] = [
                item.replace(item.split("/")[1], NUMBER) for item in managed["dnsAuthorizations"]
            ]
            body["managed"] = {**managed, "state": "ACTIVE"}
        if key.kind == "forwardingRule":
            body["IPAddress"] = str(body["IPAddress"])
        return body
