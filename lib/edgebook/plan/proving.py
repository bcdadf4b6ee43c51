"""Proofs: a changed health check is passed by whoever serves before the live service has it. Pure.

A proof is a backend service of the same NEGs with the new check. No request goes there: a URL map
in use names it for a host that nobody asks for, since Google looks at no health without that. It
has all that protects the live one, as whoever wants to can send that host. When each endpoint that
serves is HEALTHY there, the live service follows; the proof goes last. What an earlier run left of
one goes with the next plan that does not want it.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from edgebook.desired import Desired
from edgebook.model.links import canonical
from edgebook.model.marks import description, owner
from edgebook.model.values import (
    Action,
    Change,
    Live,
    LiveResource,
    Ownership,
    Ref,
    Resource,
    ResourceKey,
    Step,
)
from edgebook.plan.changes import ChangeMaker
from edgebook.plan.holders import Holders
from edgebook.plan.leading import in_use, is_led_to

PROVEN = "PROVEN"
TEXT = "Proves a health check"
LIMIT = 63
PARTS = {"backendService": "proof", "healthCheck": "proofCheck"}  # how their deletes are called
STREAMS = ("TCP", "SSL")
# Of an entry of the live service: what the proof's has too. Its capacity takes no part in health.
ENTRY = (
    "group", "balancingMode", "maxRate", "maxRatePerEndpoint", "maxRatePerInstance",
    "maxUtilization",
)  # fmt: skip
PROTECTION = ("securityPolicy", "edgeSecurityPolicy")
# Fields of a health check by which nobody that passes comes to fail: some as far as they grow.
LENIENT = ("checkIntervalSec", "timeoutSec", "unhealthyThreshold")
INDIFFERENT = ("healthyThreshold", "logConfig")


def proof_name(name: str) -> str:
    """How the proof of a backend service or health check is called, within Google's limit."""
    whole = f"{name}-proof"
    if len(whole) <= LIMIT:
        return whole
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: LIMIT - 15].rstrip('-')}-{digest}-proof"


def part_of(key: ResourceKey) -> ResourceKey:
    """The key of a proof's delete: what goes is a change of its own."""
    return replace(key, kind=PARTS[key.kind])


@dataclass(frozen=True)
class Proof:
    """The proof of one backend service: what is turned by it, and what has to be there before."""

    service: Resource
    check: Resource | None  # None: it has the very check that the live service will have
    turned: ResourceKey

    @property
    def resources(self) -> tuple[Resource, ...]:
        return (self.service,) if self.check is None else (self.check, self.service)


class Proving:
    """The proofs that a change of params needs, and what is left of earlier ones."""

    def __init__(self, desired: Desired, live: Live, holders: Holders, maker: ChangeMaker) -> None:
        self._desired = desired
        self._live = live
        self._holders = holders
        self._make = maker
        self._wanted = {resource.key: resource for resource in desired.resources}

    @cached_property
    def url_map(self) -> ResourceKey | None:
        """The URL map in use that makes proofs known."""
        for key, resource in self._wanted.items():
            if key.kind == "urlMap" and key.name == self._desired.front_door:
                mine = resource.ownership is not Ownership.REFERENCED and self._ours(resource)
                return key if mine and in_use(key, self._holders) else None
        return None

    @cached_property
    def left(self) -> frozenset[ResourceKey]:
        """Proofs of this front door that are there."""
        return frozenset(
            key
            for key, item in self._live.items()
            if key.kind in PARTS and self.is_proof(item.body)
        )

    def is_proof(self, body: Mapping[str, Any]) -> bool:
        said = str(body.get("description") or "")
        return said.startswith(TEXT) and owner(body) == self._desired.front_door

    @cached_property
    def _turning(self) -> Mapping[ResourceKey, Proof | None]:
        """Changed checks of backend services that serve; None where nothing can prove them."""
        found: dict[ResourceKey, Proof | None] = {}
        if self._desired.at_once:
            return found
        for key, resource in self._wanted.items():
            item = self._live.get(key)
            if key.kind != "backendService" or item is None or not self._ours(resource):
                continue
            if item.body.get("backends") and is_led_to(key, self._holders, self._live):
                for turned, check in self._changed(resource, item):
                    found[turned] = self._proof(resource, item, turned, check)
        return found

    def _changed(
        self, service: Resource, found: LiveResource
    ) -> Iterator[tuple[ResourceKey, Resource]]:
        """What is written by which a live service is probed in another way, and the check."""
        for ref in service.body.get("healthChecks") or ():
            check = self._wanted.get(ref.key) if isinstance(ref, Ref) else None
            if check is None:
                continue
            if "healthChecks" in self._make.compare(service, found.body):
                yield service.key, check
            elif (item := self._live.get(check.key)) and self.harder(check, item):
                yield check.key, check

    def harder(self, check: Resource, found: LiveResource) -> bool:
        """Whether what passes a health check may fail it when it is as wanted."""
        return not all(
            field.startswith(INDIFFERENT)
            or (field in LENIENT and _grows(found.body.get(field), check.body.get(field)))
            for field in self._make.compare(check, found.body)
        )

    def _proof(
        self, service: Resource, found: LiveResource, turned: ResourceKey, check: Resource
    ) -> Proof | None:
        before, after = found.body, service.body
        name = proof_name(service.name)
        key = replace(service.key, name=name)
        streams = {before.get("protocol"), after.get("protocol")} & set(STREAMS)
        scheme = before.get("loadBalancingScheme") == after.get("loadBalancingScheme")
        hidden = (before.get("iap") or {}).get("enabled") and "iap" not in after
        if self.url_map is None or streams or not scheme or hidden or self._taken(key):
            return None
        proven = None
        if turned.kind == "healthCheck":
            proven = self._copy(check, check.what)
            if self._taken(proven.key):
                return None
        probe = (proven or check).key
        body = {
            **{name: canonical(before[name]) for name in PROTECTION if before.get(name)},
            **after,
            "healthChecks": [Ref(probe.kind, probe.name, probe.scope)],
            "backends": _entries(before),
        }
        what = f"as {service.name} will be, with the health check that is to be proven"
        return Proof(self._copy(replace(service, body=body), what), proven, turned)

    def _copy(self, resource: Resource, what: str) -> Resource:
        name = proof_name(resource.name)
        mark = description(self._desired.front_door, f"{TEXT} of {resource.name}")
        body = {**resource.body, "name": name, "description": mark}
        return Resource(resource.kind, name, resource.scope, body, Step.FRONTENDS, what=what)

    def _taken(self, key: ResourceKey) -> bool:
        """Whether something else has its name, or is to have it."""
        return key in self._wanted or (key in self._live and key not in self.left)

    def _ours(self, resource: Resource) -> bool:
        found = self._live.get(resource.key)
        adopted = resource.ownership is Ownership.ADOPTED
        return bool(found and (adopted or owner(found.body) == self._desired.front_door))

    def of(self, key: ResourceKey) -> Proof | None:
        """The proof by which this backend service or health check is changed."""
        return self._turning.get(key)

    def unproven(self, key: ResourceKey) -> bool:
        """Whether a live service is probed otherwise by it, and nothing can prove that before."""
        return key in self._turning and self._turning[key] is None

    @cached_property
    def proofs(self) -> tuple[Proof, ...]:
        return tuple(proof for _, proof in sorted(self._turning.items()) if proof)

    def known_by(self, url_map: ResourceKey) -> list[ResourceKey]:
        """The proofs that a URL map has to name."""
        return [p.service.key for p in self.proofs] if url_map == self.url_map else []

    @property
    def turned(self) -> tuple[ResourceKey, ...]:
        return tuple(proof.turned for proof in self.proofs)

    def changes(self) -> Iterator[Change]:
        """Proofs come, or become what is to be proven now; at the end they go."""
        for proof in self.proofs:
            for resource in proof.resources:
                yield from self._made(resource)
        yield from self._deletes()

    def _made(self, resource: Resource) -> Iterator[Change]:
        found = self._live.get(resource.key)
        if found is None:
            yield self._make.create(resource)
            return
        plain = {k: v for k, v in resource.body.items() if k != "backends"}
        fields = self._make.compare(replace(resource, body=plain), found.body)
        if "backends" in resource.body and resource.body["backends"] != _entries(found.body):
            fields = tuple(sorted((*fields, "backends")))
        if fields:
            yield replace(self._make.update(resource, found, fields), disrupts="")

    def _deletes(self) -> Iterator[Change]:
        """Proofs go when the URL map has forgotten them, their checks after them."""
        text = "has proved a health check, and is not needed any more"
        services = {p.service.key: p for p in self.proofs}
        checks = {p.check.key: p for p in self.proofs if p.check}
        for key in sorted({*self.left, *services, *checks}):
            holders = set(self._holders.of(key))
            if key in services:
                holders |= {services[key].turned, *([self.url_map] if self.url_map else ())}
            elif key in checks:
                holders.add(checks[key].service.key)
            depends = {part_of(h) if h in self.left or h in services else h for h in holders}
            depends |= {replace(h, kind="forgetting") for h in holders if h.kind == "urlMap"}
            waits = tuple(sorted(depends))
            yield Change(Action.DELETE, part_of(key), Step.BACKENDS, text, depends=waits)


def _entries(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The entries of a backend service, as its proof has them."""
    found = [
        {name: entry[name] for name in ENTRY if entry.get(name) is not None}
        for entry in body.get("backends") or ()
    ]
    return sorted(
        ({**entry, "group": canonical(str(entry["group"]))} for entry in found),
        key=lambda entry: str(entry["group"]),
    )


def _grows(old: Any, new: Any) -> bool:
    return bool(old and new and int(new) > int(old))
