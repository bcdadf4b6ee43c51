"""Changes after which clients or probes come another way: made when what is there is proven. Pure.

Google checks no endpoint of a backend service that no frontend leads to, and a location that does
not know one yet answers for it with an error. So a URL map in use changes twice: it learns of new
backend services by a host that nobody asks for (`introduction`), and leads requests to them when
they have their NEGs and are HEALTHY.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from edgebook.desired import Desired
from edgebook.model.fields import top_of
from edgebook.model.links import canonical, link, plain
from edgebook.model.values import (
    Action,
    Change,
    LiveResource,
    Ref,
    Resource,
    ResourceKey,
    Step,
    Wait,
    refs,
)
from edgebook.plan import disruption
from edgebook.plan.backend_changes import HEALTHY
from edgebook.plan.changes import ChangeMaker
from edgebook.plan.holders import Holders
from edgebook.plan.leading import LEADING, MATCHER, in_use, services_led_to
from edgebook.plan.proving import PROVEN, Proof, Proving

# Fields of a backend service by which probes and traffic come another way: the firewall first.
PROBED = frozenset({"healthChecks", "protocol"})
ROUTING = ("hostRules", "pathMatchers")
HOST = "introduction.edgebook.invalid"  # no name below .invalid is ever asked for (RFC 2606)


class Successors:
    """Updates of what is in use, each after what it leads to."""

    def __init__(
        self, desired: Desired, holders: Holders, maker: ChangeMaker, proving: Proving
    ) -> None:
        self._desired = desired
        self._holders = holders
        self._make = maker
        self._proving = proving
        self._wanted = {resource.key: resource for resource in desired.resources}

    def updates(
        self, resource: Resource, found: LiveResource, fields: tuple[str, ...]
    ) -> Iterator[Change]:
        """The update of a resource that differs in `fields`, and what it needs first."""
        if resource.kind == "urlMap":
            yield from self._url_map(resource, found, fields)
            return
        if not fields:
            return
        change = self._make.update(resource, found, fields)
        if proof := self._proving.of(resource.key):
            yield self._turning(change, found, proof)
        elif resource.kind == "backendService" and PROBED & set(fields):
            yield self._later(change, ())
        elif self._proving.unproven(resource.key):
            yield replace(change, disrupts=disruption.UNPROVEN)
        elif new := (self._unproven(resource, found) if leads(change) else []):
            # What nothing leads to yet has no health that could be waited for.
            yield self._later(change, new, proven=[key for key in new if self._in_use(key)])
        else:
            yield change

    def _url_map(
        self, resource: Resource, found: LiveResource, fields: tuple[str, ...]
    ) -> Iterator[Change]:
        """It learns of what is to be proven, leads requests there, and forgets what is over."""
        introduced, bare = is_introduced(found.body), found
        if introduced:
            bare = replace(found, body={**found.body, **without_introduction(found.body)})
            fields = self._make.compare(resource, bare.body)
        new = self._unproven(resource, found) if fields else []
        proofs = self._proving.known_by(resource.key)
        after = [*new, *(self._proving.turned if proofs else ())]
        if any(not self._in_use(key) for key in (*new, *proofs)):
            introduction = self._introduction(resource, found, new, proofs)
            yield introduction
            after.append(introduction.key)
        if fields:
            change = self._make.update(resource, bare, fields)
            yield self._later(change, after, proven=new) if new or proofs else change
        elif introduced or proofs:
            yield self._forgetting(resource, after)

    def _turning(self, change: Change, found: LiveResource, proof: Proof) -> Change:
        """Probes come another way when whoever serves has passed the new check."""
        url_map = self._proving.url_map
        known = () if url_map is None else (replace(url_map, kind="introduction"),)
        later = self._later(change, known)
        rest = {name: value for name, value in change.before.items() if name != "healthChecks"}
        return replace(
            later,
            sentence=f"{change.sentence}, when whoever serves passes it",
            disrupts=disruption.of(change.action, change.key, rest, change.after, found.body),
            depends=tuple(sorted({*later.depends, proof.service.key})),
            waits=tuple(sorted({*later.waits, Wait(proof.service.key, PROVEN)})),
        )

    def _later(
        self, change: Change, after: tuple[ResourceKey, ...] | list[ResourceKey],
        proven: list[ResourceKey] | None = None,
    ) -> Change:  # fmt: skip
        """In step 60: when the firewall lets probes in, and these services have their NEGs."""
        rules = {
            resource.key for resource in self._desired.resources if resource.kind == "firewall"
        }
        attached = {replace(key, kind="backends") for key in after if key.kind == "backendService"}
        return replace(
            change,
            step=Step.BACKENDS,
            depends=tuple(sorted({*change.depends, *rules, *after, *attached})),
            waits=tuple(sorted({*change.waits, *(Wait(key, HEALTHY) for key in proven or ())})),
        )

    def _unproven(self, resource: Resource, found: LiveResource) -> list[ResourceKey]:
        """Backend services to which clients of a live resource are led for the first time."""
        if not self._in_use(resource.key):
            return []
        known = services_led_to(found.body)
        return sorted(
            key
            for key in self._services(resource.body)
            if canonical(link(key)) not in known
            and not any(self._in_use(other) for other in self._holders.of(key) - {resource.key})
        )

    def _services(self, body: Any) -> set[ResourceKey]:
        """The backend services that a body of ours leads to, through others of ours."""
        found: set[ResourceKey] = set()
        for ref in refs(body):
            if ref.key.kind == "backendService":
                found.add(ref.key)
            elif ref.key.kind in LEADING and ref.key in self._wanted:
                found |= self._services(self._wanted[ref.key].body)
        return found

    def _in_use(self, key: ResourceKey) -> bool:
        return in_use(key, self._holders)

    def _introduction(
        self,
        url_map: Resource,
        found: LiveResource,
        new: list[ResourceKey],
        proofs: list[ResourceKey],
    ) -> Change:
        services = sorted({*new, *proofs})
        body = with_introduction(found.body, services)
        fields = self._make.compare(replace(url_map, body=body), found.body)
        change = self._make.update(replace(url_map, body=body), found, fields)
        names = ", ".join(key.name for key in services)
        before = "before requests go there" if new else "so that its endpoints are probed"
        return replace(
            change,
            key=replace(url_map.key, kind="introduction"),
            sentence=f"make {names} known, {before}",
            disrupts="",
            depends=tuple(services),
            waits=(),
        )

    def _forgetting(self, url_map: Resource, after: list[ResourceKey]) -> Change:
        return Change(
            Action.UPDATE,
            replace(url_map.key, kind="forgetting"),
            Step.BACKENDS,
            "forget backend services that were made known: no request goes there",
            fields=ROUTING,
            depends=tuple(sorted(after)),
        )


def leads(change: Change) -> bool:
    """Whether clients are led to something else by this update."""
    names = {**LEADING, "certificateMapEntry": ("certificates",)}.get(change.key.kind)
    if change.action is not Action.UPDATE or names is None:
        return False
    return not names or bool(set(names) & {top_of(field) for field in change.fields})


def probes_anew(change: Change) -> bool:
    """Whether endpoints that are known to be well are probed in another way after this update."""
    if change.action is not Action.UPDATE:
        return False
    if change.key.kind == "healthCheck":
        return True
    return change.key.kind == "backendService" and bool(PROBED & set(change.fields))


def proven(change: Change) -> bool:
    """Whether it waits for a proof."""
    return any(wait.state == PROVEN for wait in change.waits)


def with_introduction(body: Mapping[str, Any], services: list[ResourceKey]) -> dict[str, Any]:
    """The rules of a live URL map, and one more that names these services."""
    found = {name: plain(rules) for name, rules in without_introduction(body).items()}
    first, *others = [Ref("backendService", key.name, key.scope) for key in services]
    matcher: dict[str, Any] = {"name": MATCHER, "defaultService": first}
    if others:
        paths = [{"paths": [f"/{ref.name}"], "service": ref} for ref in others]
        matcher["pathRules"] = paths
    return {
        "hostRules": [*found["hostRules"], {"hosts": [HOST], "pathMatcher": MATCHER}],
        "pathMatchers": [*found["pathMatchers"], matcher],
    }


def is_introduced(body: Mapping[str, Any]) -> bool:
    """Whether a live URL map has the rule that leads nobody."""
    return any(matcher.get("name") == MATCHER for matcher in body.get("pathMatchers") or ())


def without_introduction(body: Mapping[str, Any]) -> dict[str, list[Any]]:
    """`hostRules` and `pathMatchers` of a URL map, as clients can meet them."""
    return {
        "hostRules": [r for r in body.get("hostRules") or () if r.get("pathMatcher") != MATCHER],
        "pathMatchers": [m for m in body.get("pathMatchers") or () if m.get("name") != MATCHER],
    }
