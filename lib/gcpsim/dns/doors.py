"""The DNS sockets of one running simulator: authoritative, and one for each resolver."""

from gcpsim.dns.resolver import Resolvers
from gcpsim.dns.server import DnsServer
from gcpsim.dns.service import Dns


class DnsDoors:
    """`await open(host)` once the world is built; `addresses` then says where resolvers answer."""

    def __init__(self, service: Dns, patience: float) -> None:
        self.resolvers = Resolvers(service)
        self._servers = {"": DnsServer(service, patience=patience)}
        for name, resolver in self.resolvers.by_name.items():
            self._servers[name] = DnsServer(service, resolver, patience)

    async def open(self, host: str) -> str:
        """Bind everything; gives the authoritative server's HOST:PORT."""
        for name, server in self._servers.items():
            self.resolvers.addresses[name] = f"{host}:{await server.listen(host, 0)}"
        return self.resolvers.addresses.pop("")

    @property
    def addresses(self) -> dict[str, str]:
        """HOST:PORT by the resolver's name."""
        return dict(sorted(self.resolvers.addresses.items()))

    def close(self) -> None:
        for server in self._servers.values():
            server.close()
