"""How a change is written, per API: one function a kind of update, each safe to be repeated.

A write sends the fingerprint of what was just read. What the server refuses goes up as an ApiError;
whether to read again, to wait or to stop is decided in `apply.run`.
"""

import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from edgebook.apply import objects, upgrades
from edgebook.apply.values import Values
from edgebook.base.errors import ApiError, EdgebookError
from edgebook.cloud.google import Cloud
from edgebook.live.clusters import NEG_ANNOTATION, annotation_content
from edgebook.live.reader import Reader
from edgebook.model.fields import top_of
from edgebook.model.kinds import Api, Kind, Setter, Update, kind_of, path
from edgebook.model.links import canonical
from edgebook.model.observed import Observed
from edgebook.model.paths import cluster_of, name_of, namespace_of, zone_of
from edgebook.model.values import Action, Change, EachNeg, ResourceKey, each_negs
from edgebook.plan.attachments import attachments
from edgebook.plan.successors import ROUTING, is_introduced, without_introduction


class Writers:
    """Carries out single changes."""

    def __init__(
        self,
        cloud: Cloud,
        reader: Reader,
        values: Values,
        *,
        own_negs: Mapping[str, frozenset[str]],
        observe: Callable[[], Observed],
        say: Callable[[str], None] = lambda words: None,
    ) -> None:
        self._cloud = cloud
        self._reader = reader
        self._values = values
        self._own_negs = own_negs
        self._observe = observe
        self._say = say

    def carry_out(self, change: Change, request_id: str) -> Change:
        """Do it and wait until the API says that it is done; the change as it was really made.

        For what is merged into lists of others, `before` and `after` are the live lists.
        """
        kind = kind_of(change.key)
        done = change
        if kind.name in ("serviceAnnotation", "unexposure"):
            self._annotate(change)
        elif kind.name in ("backends", "detachment"):
            done = self._attach(change, request_id)
        elif kind.update is Update.OBJECT:
            objects.write(self._reader, kind, change)
        elif kind.api is Api.CONTAINER:
            upgrades.carry_out(self._cloud.wire, change, self._say)
        elif change.action is Action.DELETE:
            self._cloud.delete(_whole(change.key), request_id=request_id)
        elif kind.api is Api.DNS:
            self._records(change)
        elif change.action is Action.CREATE:
            self._create(kind, change, request_id)
        elif change.action is Action.REPLACE:
            self._cloud.delete(change.key, request_id=request_id)
            self._create(kind, change, str(uuid.uuid4()))
        elif kind.api is Api.CERTIFICATE_MANAGER:
            self._certificate(kind, change)
        else:
            self._update(kind, change, request_id)
        self._values.forget(change.key)
        return done

    def _create(self, kind: Kind, change: Change, request_id: str) -> None:
        key = change.key
        body = self._values.concrete(change.after)
        if kind.api is Api.CERTIFICATE_MANAGER:
            body.pop("name", None)
            operation = self._cloud.certificates.start(
                key.kind, "create", key.name, scope=key.scope, body=body
            )
            self._cloud.certificates.finish(operation, method="POST", path=path(key))
            return
        later = {
            name: body.pop(name)
            for name, setter in kind.setters.items()
            if setter.after_insert and name in body
        }
        operation = self._cloud.compute.start(
            key.kind,
            "insert",
            key.name,
            scope=key.scope,
            body={"name": key.name, **body},
            request_id=request_id,
        )
        self._cloud.compute.finish(operation, method="POST", path=path(key))
        for name, value in sorted(later.items()):
            if value:
                self._set(kind, key, name, value)

    def _update(self, kind: Kind, change: Change, request_id: str) -> None:
        """Patch what differs, or call each field's own method where there is no patch."""
        key = _whole(change.key)
        live = self._live(key)
        body = self._values.concrete(change.after)
        if kind.name == "forgetting":
            body = without_introduction(live)
        changed = _top_fields(change.fields)
        by_setter = {
            name
            for name in changed
            if name in kind.setters
            and (kind.update is Update.SETTERS or kind.setters[name].after_insert)
        }
        patch = {name: body.get(name) for name in changed if name not in by_setter}
        if kind.name == "urlMap" and is_introduced(live):
            patch |= {name: body.get(name) for name in ROUTING}  # it ends with this
        if patch:
            if kind.update is Update.SETTERS and key.kind != "forwardingRule":
                names = ", ".join(sorted(patch))
                raise EdgebookError(
                    f"{key} cannot be changed in {names}", why="its API has no method for that"
                )
            if kind.fingerprint:
                patch["fingerprint"] = live.get("fingerprint", "")
            operation = self._cloud.compute.start(
                key.kind, "patch", key.name, scope=key.scope, body=patch, request_id=request_id
            )
            self._cloud.compute.finish(operation, method="PATCH", path=path(key))
        for name in sorted(by_setter):
            self._set(kind, key, name, body.get(name))

    def _set(self, kind: Kind, key: ResourceKey, name: str, value: Any) -> None:
        """One field by its own method; labels are merged into those of others."""
        setter: Setter = kind.setters[name]
        body: dict[str, Any] = {setter.body_field: value}
        if name == "labels":
            live = self._live(key)
            body = {
                "labels": {**(live.get("labels") or {}), **(value or {})},
                "labelFingerprint": live.get("labelFingerprint", ""),
            }
            if body["labels"] == (live.get("labels") or {}):
                return
        rpc = "".join(f"_{c.lower()}" if c.isupper() else c for c in setter.method)
        operation = self._cloud.compute.start(
            key.kind, rpc, key.name, scope=key.scope, body=body, request_id=str(uuid.uuid4())
        )
        where = f"{path(key)}/{setter.method}"
        self._cloud.compute.finish(operation, method="POST", path=where)

    def _certificate(self, kind: Kind, change: Change) -> None:
        """Patch with an update mask; labels are merged into those of others."""
        key = change.key
        body = self._values.concrete(change.after)
        changed = _top_fields(change.fields)
        patch = {name: body.get(name) for name in changed}
        if "labels" in patch:
            patch["labels"] = {**(self._live(key).get("labels") or {}), **(patch["labels"] or {})}
        if "pemCertificate" in patch:  # the API takes it inside, together with its key
            patch = {"selfManaged": {**body["selfManaged"], **patch}}
            changed = ("selfManaged",)
        operation = self._cloud.certificates.start(
            key.kind, "update", key.name, scope=key.scope, body=patch, fields=changed
        )
        self._cloud.certificates.finish(operation, method="PATCH", path=path(key))

    def _records(self, change: Change) -> None:
        """Create or change a record set; the deletion must be the live one to the letter.

        A challenge's name is known only from its authorization, so it is taken from the body.
        """
        wanted = self._values.concrete(change.after)
        scope = change.key.scope
        old = {**wanted, **change.before} if change.action is Action.REPLACE else wanted
        key = ResourceKey(change.key.kind, scope, f"{old['name']}/{old['type']}")
        live = None if change.action is Action.CREATE else self._cloud.fetch(key)
        done = self._cloud.dns.change(scope, additions=[wanted], deletions=[live] if live else [])
        self._cloud.dns.finish(scope, done)

    def _annotate(self, change: Change) -> None:
        """Put our content into a Service's NEG annotation, beside what others have there."""
        cluster, namespace = cluster_of(change.key.scope), namespace_of(change.key.scope)
        where = f"api/v1/namespaces/{namespace}/services/{change.key.name}"
        service = self._reader.cluster(cluster).find(where)
        if service is None and change.action is Action.DELETE:
            return
        if service is None:
            raise EdgebookError(
                f"Service {namespace}/{change.key.name} does not exist in cluster {cluster}",
                where=f"backends: neg of {change.key.name}",
                next="deploy the Service first, or correct its name in the params",
            )
        meta = service["metadata"]
        text = (meta.get("annotations") or {}).get(NEG_ANNOTATION, "")
        live = annotation_content(text)
        if change.action is Action.DELETE:
            content = annotation_without(live, change.before)
        else:
            content = merged_annotation(live, self._values.concrete(change.after))
        shown = json.dumps(content, separators=(",", ":")) if content else None
        patch = {
            "metadata": {
                "resourceVersion": meta["resourceVersion"],
                "annotations": {NEG_ANNOTATION: shown},
            }
        }
        self._reader.cluster(cluster).patch(where, patch)

    def _attach(self, change: Change, request_id: str) -> Change:
        """Merge our entries into a backend service's backends, or take out those of the change."""
        service = ResourceKey("backendService", change.key.scope, change.key.name)
        live = self._live(service)
        before = list(live.get("backends") or [])
        if change.action is Action.DELETE or change.key.kind == "detachment":
            after = without_backends(before, change.before.get("backends") or ())
        else:
            own = self._own_negs.get(service.name, frozenset())
            wanted = tuple(each_negs(change.after))
            going = change.before.get("backends") or ()
            after = merged_backends(before, wanted, own, self._observe(), going=going)
        done = replace(change, before={"backends": before}, after={"backends": after})
        if after == before:
            return done
        body = {"backends": after, "fingerprint": live.get("fingerprint", "")}
        operation = self._cloud.compute.start(
            "backendService",
            "patch",
            service.name,
            scope=service.scope,
            body=body,
            request_id=request_id,
        )
        self._cloud.compute.finish(operation, method="PATCH", path=path(service))
        return done

    def _live(self, key: ResourceKey) -> dict[str, Any]:
        live = self._cloud.fetch(key)
        if live is None:
            raise ApiError(
                f"{key} is gone", code=404, reason="notFound", method="GET", path=path(key)
            )
        return live


def _whole(key: ResourceKey) -> ResourceKey:
    """The object of a change that is about a part of one."""
    return replace(key, kind=kind_of(key).object_kind or key.kind)


def _top_fields(fields: Iterable[str]) -> tuple[str, ...]:
    """The top-level fields of dotted paths: JSON merge takes the rest from the wanted body."""
    return tuple(sorted({top_of(field) for field in fields}))


def merged_annotation(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Our exposed ports beside those of others.

    `ingress: true` (which GKE adds by itself) and a custom NEG name exclude each other: GKE refuses
    the whole annotation then. It goes when one of the exposed ports has a name.
    """
    if "invalid" in live:
        return dict(wanted)
    ports = {**(live.get("exposed_ports") or {}), **(wanted.get("exposed_ports") or {})}
    content = {**live, **wanted, "exposed_ports": ports}
    if any(port.get("name") for port in ports.values()) and content.get("ingress") is True:
        content.pop("ingress")
    return content


def annotation_without(live: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """The annotation when our ports (those with our NEG names) are taken out."""
    mine = ours.get("exposed_ports") or {}
    ports = {
        port: entry
        for port, entry in (live.get("exposed_ports") or {}).items()
        if port not in mine or (entry or {}).get("name") != (mine[port] or {}).get("name")
    }
    content = {key: value for key, value in live.items() if key != "exposed_ports"}
    return {**content, "exposed_ports": ports} if ports else content


def merged_backends(
    live: list[dict[str, Any]],
    wanted: tuple[EachNeg, ...],
    own: frozenset[str],
    observed: Observed,
    *,
    going: Iterable[Mapping[str, Any]] = (),
) -> list[dict[str, Any]]:
    """The live list with our entries added and changed; others stay, in their order.

    `going` are the entries that the plan named: those of them that are stale are taken out.
    """
    found = attachments(wanted, live, own, observed)
    by_place = {(each.cluster, each.name): each for each in wanted}

    def entry_of(group: str) -> dict[str, Any]:
        cluster = found.clusters.get(canonical(group), "")
        each = by_place.get((cluster, name_of(group)))
        return dict(each.entry_in(zone_of(group))) if each else {}

    changed = {str(entry["group"]) for entry in found.changed}
    kept = [
        _set_fields({**entry, **entry_of(str(entry["group"]))})
        if entry["group"] in changed
        else dict(entry)
        for entry in live
    ]
    named = {canonical(str(entry["group"])) for entry in going}
    stale = [e for e in found.stale if canonical(str(e["group"])) in named]
    added = [_set_fields({**entry_of(neg.link), "group": neg.link}) for neg in found.missing]
    return without_backends(kept, stale) + added


def without_backends(
    live: Iterable[Mapping[str, Any]], going: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The live list without exactly these entries: what the plan did not name stays."""
    groups = {canonical(str(entry["group"])) for entry in going}
    return [dict(entry) for entry in live if canonical(str(entry["group"])) not in groups]


def _set_fields(entry: dict[str, Any]) -> dict[str, Any]:
    """Without the limits that must not be set."""
    return {name: value for name, value in entry.items() if value is not None}
