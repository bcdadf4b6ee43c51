"""Who holds what: the one answer that diffs, the order of a run, and teardowns share. Pure.

Most holders show by a link in their body. Some don't: a rule holds an address by its IP, a name by
the address in its record, a map is held by its entries, a NEG annotation by who uses its NEGs, an
authorization by the record that belongs to it.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from edgebook.model.kinds import kind_of
from edgebook.model.links import canonical, link
from edgebook.model.paths import name_of
from edgebook.model.record_sets import answers
from edgebook.model.values import Live, LiveResource, ResourceKey

# Fields by which the server tells who uses a resource: not a use by the resource itself.
BACK_REFERENCES = frozenset({"gclbTargets", "name", "selfLink", "usedBy", "users"})
_LINK = re.compile(r"^projects/([^/]+)/(.+)$")


class Holders:
    """Answers for one reading; links are collected once."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def of(self, key: ResourceKey) -> frozenset[ResourceKey]:
        """Everything that refers to it now, whoever it belongs to."""
        return frozenset(self._found(key)) - {key}

    def using_neg(self, name: str) -> frozenset[ResourceKey]:
        """The backend services that have an entry of a NEG with that name."""
        return frozenset(self._by_neg.get(name, ()))

    def on_address(self, ip: str) -> frozenset[ResourceKey]:
        """The forwarding rules on an IP address."""
        found = self._by_address.get(ip, ())
        return frozenset(key for key in found if key.kind == "forwardingRule")

    def answering(self, ip: str) -> frozenset[ResourceKey]:
        """The record sets that answer with an IP address."""
        found = self._by_address.get(ip, ())
        return frozenset(key for key in found if key.kind == "dnsRecordSet")

    def _found(self, key: ResourceKey) -> Iterator[ResourceKey]:
        if not kind_of(key).object_kind:  # a part of an object is held by nobody
            yield from self._by_link(key)
        if key.kind == "certificateMap":
            yield from self._entries.get((key.scope, key.name), ())
        elif key.kind == "certificateMapEntry":
            yield from self._serving_with(key)
        elif key.kind == "address":
            body = self._live[key].body if key in self._live else {}
            yield from self._by_address.get(str(body.get("address") or ""), ())
        elif key.kind == "dnsAuthorization" and key in self._live:
            yield from self._challenge(self._live[key])
        elif key.kind == "dnsRecordSet":
            yield from self._issued_by(key)
        elif key.kind == "serviceAnnotation" and key in self._live:
            yield from self._using_negs(self._live[key])

    def _serving_with(self, entry: ResourceKey) -> Iterator[ResourceKey]:
        """The proxies that serve with the map of an entry."""
        scope, _, name = entry.scope.rpartition("/certificateMaps/")
        yield from self._by_link(ResourceKey("certificateMap", scope, name))

    def _by_link(self, key: ResourceKey) -> Iterator[ResourceKey]:
        found = _LINK.match(canonical(link(key)))
        if found is None:
            return
        project, rest = found.groups()
        for other_project, who in self._by_path.get(rest, ()):
            # A project number that nobody translated stands for any project id.
            if other_project == project or other_project.isdigit() != project.isdigit():
                yield who

    @cached_property
    def _by_path(self) -> Mapping[str, list[tuple[str, ResourceKey]]]:
        found: defaultdict[str, list[tuple[str, ResourceKey]]] = defaultdict(list)
        for key, resource in self._live.items():
            if kind_of(key).object_kind:
                continue  # a part of an object that is here too
            for text in _texts(resource.body):
                if match := _LINK.match(canonical(text)):
                    found[match.group(2)].append((match.group(1), key))
        return found

    @cached_property
    def _entries(self) -> Mapping[tuple[str, str], list[ResourceKey]]:
        found: defaultdict[tuple[str, str], list[ResourceKey]] = defaultdict(list)
        for key in self._live:
            if key.kind == "certificateMapEntry":
                scope, _, name = key.scope.rpartition("/certificateMaps/")
                found[scope, name].append(key)
        return found

    @cached_property
    def _by_address(self) -> Mapping[str, list[ResourceKey]]:
        """IP address -> the rules that serve on it and the record sets that answer it."""
        found: defaultdict[str, list[ResourceKey]] = defaultdict(list)
        for key, resource in self._live.items():
            if key.kind == "forwardingRule" and (ip := resource.body.get("IPAddress")):
                found[str(ip)].append(key)
            elif key.kind == "dnsRecordSet" and resource.body.get("type") in ("A", "AAAA"):
                for value in answers(resource.body):
                    found[value].append(key)
        return found

    def _challenge(self, authorization: LiveResource) -> Iterator[ResourceKey]:
        """The CNAME of an authorization: it goes first, since only the authorization names it."""
        record = authorization.body.get("dnsResourceRecord") or {}
        for key, body in self._challenges.get(str(record.get("data")), ()):
            alone = list(body.get("rrdatas") or ()) == [record.get("data")]
            if alone and body.get("name") == record.get("name"):
                yield key

    @cached_property
    def _challenges(self) -> Mapping[str, list[tuple[ResourceKey, Mapping[str, Any]]]]:
        found: defaultdict[str, list[tuple[ResourceKey, Mapping[str, Any]]]] = defaultdict(list)
        for key, resource in self._live.items():
            if key.kind == "dnsRecordSet" and resource.body.get("type") == "CNAME":
                for value in resource.body.get("rrdatas") or ():
                    found[str(value)].append((key, resource.body))
        return found

    def _issued_by(self, key: ResourceKey) -> Iterator[ResourceKey]:
        """The certificates that are renewed by a challenge's record."""
        for authorization in self._authorized.get(key, ()):
            yield from self._by_link(authorization)

    @cached_property
    def _authorized(self) -> Mapping[ResourceKey, list[ResourceKey]]:
        found: defaultdict[ResourceKey, list[ResourceKey]] = defaultdict(list)
        for key, resource in self._live.items():
            if key.kind == "dnsAuthorization":
                for record in self._challenge(resource):
                    found[record].append(key)
        return found

    def _using_negs(self, annotation: LiveResource) -> Iterator[ResourceKey]:
        """Backend services with entries of the annotation's NEGs, by name."""
        ports = annotation.body.get("exposed_ports")
        if isinstance(ports, Mapping):
            for entry in ports.values():
                if isinstance(entry, Mapping) and entry.get("name"):
                    yield from self.using_neg(str(entry["name"]))

    @cached_property
    def _by_neg(self) -> Mapping[str, list[ResourceKey]]:
        """NEG name -> the backend services that have one of that name."""
        found: defaultdict[str, list[ResourceKey]] = defaultdict(list)
        for key, resource in self._live.items():
            if key.kind == "backendService":
                names = {neg_name(entry) for entry in resource.body.get("backends") or ()}
                for name in names:
                    found[name].append(key)
        return found


def neg_name(entry: Mapping[str, Any]) -> str:
    """The name of the NEG that an entry of a backend service attaches."""
    return name_of(str(entry.get("group", "")))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            if name not in BACK_REFERENCES:
                yield from _texts(item)
    elif isinstance(value, Iterable):
        for item in value:
            yield from _texts(item)
