"""DNS answers for checks: the zone's own name servers first, then resolvers.

Where nobody answers DNS (a simulator without its DNS server), Cloud DNS's records are looked at
instead, and every answer says so. It must not judge answers.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver

from edgebook.cloud.connect import Connection
from edgebook.live.reader import Reader

PATIENCE = 4.0


@dataclass(frozen=True)
class Reply:
    """What one server said: values (sorted), or why there are none."""

    server: str
    values: tuple[str, ...] = ()
    problem: str = ""  # NXDOMAIN, no answer, timeout, ...

    @property
    def absent(self) -> bool:
        return not self.values and self.problem in ("NXDOMAIN", "no such record")


class Lookup:
    """Asks for one zone: `records` are Cloud DNS's own, `servers` the zone's name servers."""

    def __init__(
        self,
        connection: Connection,
        *,
        servers: Iterable[str] = (),
        records: Iterable[dict[str, Any]] = (),
    ) -> None:
        self._connection = connection
        self._servers = tuple(servers)
        self._records = list(records)
        self._addresses: dict[str, str] = {}

    @property
    def source(self) -> str:
        """Whom the answers come from, for a check's reason."""
        return "Cloud DNS's records" if self._connection.dns_by_api else "name servers"

    def authoritative(self, name: str, kind: str) -> list[Reply]:
        """What each name server of the zone answers."""
        if self._connection.dns_by_api:
            return [self._from_records(name, kind)]
        if self._connection.name_servers:
            host, port = self._connection.name_servers[0]
            return [
                self._ask(server, host, port, name, kind) for server in self._servers or (host,)
            ]
        replies = []
        for server in self._servers:
            address = self._address(server)
            if address:
                replies.append(self._ask(server, address, 53, name, kind))
            else:
                replies.append(Reply(server, problem="its own address does not resolve"))
        return replies

    def resolved(self, name: str, kind: str) -> Reply:
        """What this machine's resolver answers, caches included."""
        if self._connection.dns_by_api:
            return self._from_records(name, kind)
        if self._connection.name_servers:
            host, port = self._connection.name_servers[0]
            return self._ask(f"{host}:{port}", host, port, name, kind)
        return self._query(dns.resolver.Resolver(), "resolver", name, kind)

    def asked_at(self) -> list[tuple[str, int]]:
        """Host and port of one server that answers for the zone; none where nobody answers DNS."""
        if self._connection.dns_by_api:
            return []
        if self._connection.name_servers:
            return list(self._connection.name_servers[:1])
        found = [address for server in self._servers if (address := self._address(server))]
        return [(found[0], 53)] if found else []

    def _address(self, server: str) -> str:
        if server not in self._addresses:
            reply = self._query(dns.resolver.Resolver(), "resolver", server, "A")
            self._addresses[server] = reply.values[0] if reply.values else ""
        return self._addresses[server]

    def _ask(self, label: str, host: str, port: int, name: str, kind: str) -> Reply:
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers = [host]
        resolver.port = port
        return self._query(resolver, label, name, kind)

    def _query(self, resolver: dns.resolver.Resolver, label: str, name: str, kind: str) -> Reply:
        resolver.lifetime = PATIENCE
        try:
            answer = resolver.resolve(name, kind, search=False, raise_on_no_answer=True)
        except dns.resolver.NXDOMAIN:
            return Reply(label, problem="NXDOMAIN")
        except dns.resolver.NoAnswer:
            return Reply(label, problem="no such record")
        except dns.exception.DNSException as error:
            return Reply(label, problem=type(error).__name__)
        return Reply(label, tuple(sorted(item.to_text() for item in answer)))

    def _from_records(self, name: str, kind: str) -> Reply:
        wanted = name if name.endswith(".") else f"{name}."
        names = [wanted, "*." + wanted.split(".", 1)[-1]]
        for candidate in names:
            here = [r for r in self._records if r["name"].lower() == candidate.lower()]
            for record in here:
                if record["type"] == kind and record.get("rrdatas"):
                    return Reply("Cloud DNS", tuple(sorted(record["rrdatas"])))
            if here:
                return Reply("Cloud DNS", problem="no such record")
        return Reply("Cloud DNS", problem="NXDOMAIN")


def lookup_for(reader: Reader, zone_scope: str) -> Lookup:
    """A Lookup for the managed zone `projects/P/managedZones/Z`."""
    zone = reader.one("dns", f"dns/v1/{zone_scope}").result() or {}
    records = reader.collection("dnsRecordSet", zone_scope).result() if zone else []
    return Lookup(
        reader.wire.connection, servers=sorted(zone.get("nameServers", ())), records=records
    )
