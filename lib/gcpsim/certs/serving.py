"""Who uses what: entries and proxies that hold certificates and maps, and what a proxy would serve.

Reads Compute Engine's proxies and forwarding rules. A proxy counts for a map only once a forwarding
rule leads to it, and the map stays held a while after the proxy let it go.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gcpsim.certs import names
from gcpsim.certs.holdings import ENTRIES, Holdings
from gcpsim.compute.engine import links
from gcpsim.core.paths import collection_of, project_of

Doc = dict[str, Any]
PROXIES = {"targetHttpsProxies": "targetHttpsProxy", "targetSslProxies": "targetSslProxy"}
COMPUTE = "//compute.googleapis.com/"


class Serving:
    """Uses of certificates and maps, and the choice of a certificate by server name."""

    def __init__(self, holdings: Holdings) -> None:
        self._holdings = holdings
        self._world = holdings.world
        store = holdings.world.store
        self._attached = store.table("certs/attached")
        self._released = store.table("certs/released")
        self._watched: Any = None
        self._by_certificate: dict[str, list[str]] | None = None
        holdings.on_entries(self.forget_entries)
        store.rolled_back.append(lambda touched: self.forget_entries())

    def forget_entries(self) -> None:
        """After a change of entries: what was derived from them is found again."""
        self._by_certificate = None

    def attach(self) -> None:
        """Watch Compute Engine's proxies, from when there is a Compute Engine."""
        compute = self._world.compute
        if compute is not None and self._watched is not compute:
            self._watched = compute
            compute.observers.append(self._proxy_changed)

    def resume(self) -> None:
        for name, entry in self._holdings.table(ENTRIES).items():
            if entry.get("state") == "PENDING":
                self._activate_later(name)

    def users(self, project: str) -> dict[str, list[str]]:
        """Certificate -> full names of its users: entries, and proxies that name it directly."""
        if self._by_certificate is None:
            self._by_certificate = {}
            for entry, doc in sorted(self._holdings.table(ENTRIES).items()):
                for text in doc["certificates"]:
                    certificate = names.by_id(self._world.store, text)
                    self._by_certificate.setdefault(certificate, []).append(names_root(entry))
        direct: dict[str, list[str]] = {}
        for path, proxy in self._proxies(project):
            for text in proxy.get("certificateManagerCertificates") or []:
                certificate = text.removeprefix(links.CERTIFICATE_ROOT)
                direct.setdefault(certificate, []).append(COMPUTE + path)
        both = {name: self._by_certificate.get(name, []) + users for name, users in direct.items()}
        return self._by_certificate | both

    def targets(self, map_name: str) -> list[Doc]:
        """gclbTargets of a map, sorted: proxies that a forwarding rule has led to for a while."""
        found = []
        for path, proxy in self._proxies(project_of(map_name)):
            if self._map_of(proxy) != map_name:
                continue
            rules = [rule for rule in self._rules(path) if self._visible(rule)]
            configs = [
                {"ipAddress": rule["IPAddress"], "ports": _ports(rule)}
                for rule in sorted(rules, key=lambda rule: str(rule["IPAddress"]))
            ]
            if configs:
                field = PROXIES[collection_of(path)]
                found.append({field: COMPUTE + path, "ipConfigs": configs})
        return found

    def holders(self, name: str) -> list[str]:
        """What keeps a resource from being deleted, sorted; empty when nothing does."""
        holdings = self._holdings
        collection = collection_of(name)
        if collection == "certificates":
            return self.users(project_of(name)).get(name, [])
        if collection == "certificateMaps":
            entries = [entry for entry, _ in holdings.children(name, ENTRIES)]
            return sorted(names_root(entry) for entry in entries) + self._map_holders(name)
        field = {"dnsAuthorizations": "dnsAuthorizations", "certificateIssuanceConfigs": ""}
        if collection not in field:
            return []
        number = names.by_number(name)
        return sorted(
            names_root(certificate)
            for certificate, doc in holdings.table("certificates").items()
            if number in (doc.get("managed") or {}).get("dnsAuthorizations", [])
            or number == (doc.get("managed") or {}).get("issuanceConfig")
        )

    def entry_changed(self, name: str) -> None:
        """A new or changed entry is PENDING until all frontends have it."""
        holdings = self._holdings
        holdings.put(name, holdings.require(name) | {"state": "PENDING"})
        self._activate_later(name)

    def select(self, map_name: str, server_name: str) -> list[str]:
        """The certificates that a proxy with this map offers for a TLS server name.

        Exact host first, then the wildcard one level up, then PRIMARY; entries that are not ACTIVE
        yet do not serve. Empty when the handshake would be refused.
        """
        map_name = names.by_id(self._world.store, map_name)
        host = server_name.lower().rstrip(".")
        wildcard = "*." + host.partition(".")[2]
        by_match: dict[str, Doc] = {}
        for _, entry in self._holdings.children(map_name, ENTRIES):
            if entry.get("state") == "ACTIVE":
                by_match[entry.get("hostname") or entry["matcher"]] = entry
        for match in (host, wildcard, "PRIMARY"):
            chosen = by_match.get(match)
            if chosen is not None:
                store = self._world.store
                return [names.by_id(store, one) for one in chosen["certificates"]]
        return []

    def addresses(self, certificate: str) -> tuple[set[str], set[str]]:
        """(addresses serving a certificate on port 443, those serving it on other ports only)."""
        store = self._world.store
        maps = {
            entry.split("/certificateMapEntries/")[0] for entry in self._entries_of(certificate)
        }
        main: set[str] = set()
        others: set[str] = set()
        for map_name in maps:
            for target in self.targets(names.by_id(store, map_name)):
                for config in target["ipConfigs"]:
                    chosen = main if 443 in config["ports"] else others
                    chosen.add(config["ipAddress"])
        return main, others - main

    def _entries_of(self, certificate: str) -> list[str]:
        number = names.by_number(certificate)
        return [
            entry
            for entry, doc in self._holdings.table(ENTRIES).items()
            if number in doc["certificates"]
        ]

    def _map_holders(self, map_name: str) -> list[str]:
        used = [
            COMPUTE + path
            for path, proxy in self._proxies(project_of(map_name))
            if self._map_of(proxy) == map_name
        ]
        released = self._released.get(map_name)
        if not used and released is not None and self._world.clock.now() < released["free"]:
            return [released["proxy"]]
        return sorted(used)

    def _proxies(self, project: str) -> list[tuple[str, Doc]]:
        compute = self._world.compute
        if compute is None:
            return []
        found = [
            (links.path_of(proxy["selfLink"]), proxy)
            for collection in PROXIES
            for proxy in compute.list(project, collection)
        ]
        return sorted(found, key=lambda item: item[0])

    def _map_of(self, proxy: Doc | None) -> str:
        text = ((proxy or {}).get("certificateMap") or "").removeprefix(links.CERTIFICATE_ROOT)
        return names.by_id(self._world.store, text) if text else ""

    def _rules(self, proxy: str) -> list[Doc]:
        compute = self._world.compute
        users = [user for user in compute.users(proxy) if "/forwardingRules/" in user]
        return [rule for rule in map(compute.get, users) if rule is not None]

    def _visible(self, rule: Doc) -> bool:
        clock = self._world.clock
        born = datetime.fromisoformat(rule["creationTimestamp"]).timestamp()
        lag = self._world.duration("certificatemanager.targets.visible") if clock.scale else 0
        return "IPAddress" in rule and clock.now() >= born + lag

    def _proxy_changed(self, path: str, doc: Doc | None) -> None:
        """Note which map a proxy holds, and when it let go of one."""
        if collection_of(path) not in PROXIES:
            return
        before = (self._attached.get(path) or {}).get("map", "")
        after = self._map_of(doc)
        if after:
            self._attached.put(path, {"map": after})
        else:
            self._attached.delete(path)
        if before and before != after:
            clock = self._world.clock
            hold = self._world.duration("certificatemanager.map.release") if clock.scale else 0
            self._released.put(before, {"free": clock.now() + hold, "proxy": COMPUTE + path})

    def _activate_later(self, name: str) -> None:
        def activate() -> None:
            entry = self._holdings.table(ENTRIES).get(name)
            if entry is not None and entry.get("state") == "PENDING":
                self._holdings.put(name, entry | {"state": "ACTIVE"})

        seconds = self._world.duration("certificatemanager.entry.active")
        self._world.clock.after(seconds, activate)


def names_root(name: str) -> str:
    """A full resource name."""
    return links.CERTIFICATE_ROOT + name


def _ports(rule: Doc) -> list[int]:
    text = str(rule.get("portRange") or "")
    low, _, high = text.partition("-")
    if not low.isdigit():
        return []
    return list(range(int(low), int(high or low) + 1))
