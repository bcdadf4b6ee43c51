"""DNS answers for checks: the zone's own name servers first, then resolvers.

Where nobody answers DNS (a simulator without its DNS server), Cloud DNS's records are looked at
instead, and every answer says so. It must not judge answers.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver

from edgebook.cloud.connect import Connection
from edgebook.live.reader import Reader
from edgebook.model.hostnames import Hostname

SERVFAIL = "the server cannot answer (SERVFAIL, or refused)"
LOOK = "look at the way from here to it (port 53, UDP and TCP), then ask again"


@dataclass(frozen=True)
class Reply:
    """What one server said: values (sorted), or why there are none."""

    server: str
    values: tuple[str, ...] = ()
    problem: str = ""  # NXDOMAIN, no such record, no answer within 4 s, ...
    silent: bool = False  # nobody answered: what is true there is not known

    @property
    def absent(self) -> bool:
        return not self.values and self.problem in ("NXDOMAIN", "no such record")


class Lookup:
    """Asks for some zones: `records` are Cloud DNS's own, `servers` the name servers by zone."""

    def __init__(
        self,
        connection: Connection,
        *,
        servers: Mapping[str, tuple[str, ...]] | None = None,
        records: Iterable[dict[str, Any]] = (),
    ) -> None:
        self._connection = connection
        self._servers = dict(servers or {})
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
            servers = self._servers_of(name) or (host,)
            return [self._ask(server, host, port, name, kind) for server in servers]
        replies = []
        for server in self._servers_of(name):
            address = self._address(server)
            if address:
                replies.append(self._ask(server, address, 53, name, kind))
            else:
                replies.append(Reply(server, problem="its own address does not resolve"))
        return replies

    def _servers_of(self, name: str) -> tuple[str, ...]:
        """The name servers of the nearest zone that holds a name."""
        holding = [zone for zone in self._servers if Hostname(name.rstrip(".")).under(zone)]
        return self._servers[max(holding, key=len)] if holding else ()

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
        resolver.lifetime = seconds = self._connection.limits.dns
        try:
            answer = resolver.resolve(name, kind, search=False, raise_on_no_answer=True)
        except dns.resolver.NXDOMAIN:
            return Reply(label, problem="NXDOMAIN")
        except dns.resolver.NoAnswer:
            return Reply(label, problem="no such record")
        except dns.exception.Timeout:
            return Reply(label, problem=f"no answer within {seconds:g} s", silent=True)
        except dns.resolver.NoNameservers:
            return Reply(label, problem=SERVFAIL, silent=True)
        except dns.exception.DNSException as error:
            return Reply(label, problem=type(error).__name__)
        return Reply(label, tuple(sorted(item.to_text() for item in answer)))

    def _from_records(self, name: str, kind: str) -> Reply:
        wanted = Hostname(name.rstrip(".").lower())
        names = {str(record["name"]).rstrip(".").lower() for record in self._records}
        nodes = {node for one in names for node in _upwards(one)}
        if wanted not in nodes:  # a wildcard answers below the nearest name that exists (RFC 4592)
            above = next((node for node in _upwards(wanted) if node in nodes), "")
            wanted = Hostname(f"*.{above}")
        here = [r for r in self._records if str(r["name"]).rstrip(".").lower() == wanted]
        for record in here:
            if record["type"] == kind and record.get("rrdatas"):
                return Reply("Cloud DNS", tuple(sorted(record["rrdatas"])))
        return Reply("Cloud DNS", problem="no such record" if wanted in nodes else "NXDOMAIN")


def _upwards(name: str) -> Iterator[str]:
    """The name and all names above it."""
    while name:
        yield name
        name = name.partition(".")[2]


def lookup_for(reader: Reader, *scopes: str) -> Lookup:
    """A Lookup for managed zones `projects/P/managedZones/Z`."""
    zones = [reader.one("dns", f"dns/v1/{scope}") for scope in scopes]
    found = [(scope, zone.result()) for scope, zone in zip(scopes, zones, strict=True)]
    lists = [reader.collection("dnsRecordSet", scope) for scope, zone in found if zone]
    servers = {
        str(zone.get("dnsName", "")): tuple(sorted(zone.get("nameServers", ())))
        for _, zone in found
        if zone
    }
    records = [record for records in lists for record in records.result()]
    return Lookup(reader.wire.connection, servers=servers, records=records)
