"""What serves now, told from live resources alone: the client's side of every plan.

A frontend serves a hostname when a rule on its address and port leads over a proxy (with a map
entry and an ACTIVE certificate for that name) and a URL map to backend services that each have an
entry with capacity whose pods are probed on a port where they listen and which the firewall opens.
A name answers when its record says the address. It knows nothing of plans.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from edgebook.model.hostnames import Hostname
from edgebook.model.links import canonical
from edgebook.model.observed import Observed
from edgebook.model.values import Live, ResourceKey

Body = Mapping[str, Any]
BLOCKS = ("http", "https", "http2", "ssl", "tcp", "grpc")


@dataclass(frozen=True)
class Item:
    """One thing that a client may rely on."""

    address: str
    port: str
    hostname: str = ""  # empty: a TCP frontend

    def __str__(self) -> str:
        return f"{self.hostname or '-'} at {self.address}:{self.port}"


@dataclass
class World:
    """Live resources, and the pods behind them."""

    live: Live
    observed: Observed
    listening: frozenset[int] = frozenset()  # ports on which all pods listen besides their own
    chains: dict[Item, set[ResourceKey]] = field(default_factory=dict)

    def served(self, hostnames: tuple[str, ...]) -> set[Item]:
        """Everything that works now; `chains` has what each hangs on."""
        found = set()
        for key, rule in self._of("forwardingRule"):
            for hostname in (*hostnames, ""):
                item = Item(str(rule["IPAddress"]), str(rule["portRange"]).split("-")[0], hostname)
                chain = {key}
                if self._rule(rule, hostname, chain):
                    found.add(item)
                    self.chains[item] = chain
        return found

    def names(self) -> set[tuple[str, str, tuple[str, ...]]]:
        """What every record answers: (name, type, data)."""
        return {
            (str(body["name"]), str(body["type"]), tuple(sorted(body.get("rrdatas") or ())))
            for _, body in self._of("dnsRecordSet")
        }

    def _of(self, kind: str) -> Iterator[tuple[ResourceKey, Body]]:
        yield from ((k, item.body) for k, item in self.live.items() if k.kind == kind)

    def _linked(self, text: str, chain: set[ResourceKey], *kinds: str) -> Body | None:
        """The resource that a link leads to, added to the chain."""
        wanted = canonical(text).split("/", 2)[-1]
        for kind in kinds:
            for key, body in self._of(kind):
                path = canonical(f"{key.scope}/{_collection(kind)}/{key.name}").split("/", 2)[-1]
                if path == wanted:
                    chain.add(key)
                    return body
        return None

    def _rule(self, rule: Body, hostname: str, chain: set[ResourceKey]) -> bool:
        kinds = ("targetHttpsProxy", "targetHttpProxy", "targetSslProxy", "targetTcpProxy")
        proxy = self._linked(str(rule["target"]), chain, *kinds)
        kind = next((k.kind for k in chain if k.kind in kinds), "")
        if proxy is None:
            return False
        if kind in ("targetTcpProxy", "targetHttpProxy"):
            if hostname:
                return False
        elif not hostname or not self._certified(proxy, hostname, chain):
            return False
        if kind in ("targetHttpsProxy", "targetHttpProxy"):
            url_map = self._linked(str(proxy["urlMap"]), chain, "urlMap")
            return url_map is not None and self._routed(url_map, hostname, chain)
        return self._backend(str(proxy["service"]), chain)

    def _certified(self, proxy: Body, hostname: str, chain: set[ResourceKey]) -> bool:
        name = str(proxy.get("certificateMap", "")).rsplit("/", 1)[-1]
        entries = [
            (key, body)
            for key, body in self._of("certificateMapEntry")
            if key.scope.endswith(f"/certificateMaps/{name}")
        ]
        exact = [e for e in entries if e[1].get("hostname") == hostname]
        covering = [e for e in entries if Hostname(e[1].get("hostname", "")).covers(hostname)]
        for key, body in (exact or covering)[:1]:
            chain.add(key)
            for link in body["certificates"]:
                found = self._linked(str(link), chain, "certificate")
                managed = (found or {}).get("managed") or {}
                names = managed.get("domains", ())
                if managed.get("state") == "ACTIVE" and any(
                    Hostname(one).covers(hostname) for one in names
                ):
                    return True
        return False

    def _routed(self, url_map: Body, hostname: str, chain: set[ResourceKey]) -> bool:
        matcher = next(
            (
                rule["pathMatcher"]
                for rule in url_map.get("hostRules") or ()
                if hostname in rule["hosts"]
            ),
            None,
        )
        place: Body = next(
            (m for m in url_map.get("pathMatchers") or () if m["name"] == matcher), url_map
        )
        if place.get("defaultUrlRedirect"):
            return True
        services = [place.get("defaultService")] if place.get("defaultService") else []
        weighted = (place.get("defaultRouteAction") or {}).get("weightedBackendServices") or ()
        services += [item["backendService"] for item in weighted if item.get("weight")]
        services += [
            rule["service"] for rule in place.get("pathRules") or () if rule.get("service")
        ]
        return bool(services) and all(self._backend(str(link), chain) for link in services)

    def _backend(self, link: str, chain: set[ResourceKey]) -> bool:
        service = self._linked(link, chain, "backendService")
        if service is None:
            return False
        check = self._linked(str(service["healthChecks"][0]), chain, "healthCheck")
        if check is None:
            return False
        entries = service.get("backends") or ()
        return any(self._entry(entry, check) for entry in entries if _capacity(entry))

    def _entry(self, entry: Body, check: Body) -> bool:
        for cluster in self.observed.clusters.values():
            for service in cluster.services:
                for neg in service.negs:
                    if canonical(neg.link) != canonical(str(entry["group"])):
                        continue
                    serving = service.target_ports.get(neg.port, ())
                    probed = next(
                        (
                            check[f"{b}HealthCheck"].get("port")
                            for b in BLOCKS
                            if check.get(f"{b}HealthCheck")
                        ),
                        None,
                    )
                    ports = {*serving, *((probed,) if probed else ())}
                    if not serving or (probed and probed not in {*serving, *self.listening}):
                        return False
                    return all(self._open(port, cluster.node_tags) for port in ports)
        return False

    def _open(self, port: int, tags: tuple[str, ...]) -> bool:
        return any(
            set(tags) & set(body.get("targetTags") or tags)
            and any(str(port) in (part.get("ports") or ()) for part in body.get("allowed") or ())
            for _, body in self._of("firewall")
            if not body.get("disabled")
        )


def _capacity(entry: Body) -> bool:
    return bool(entry.get("capacityScaler", 1.0))


def _collection(kind: str) -> str:
    from edgebook.model.kinds import KINDS

    return KINDS[kind].collection
