"""TLS contexts of pods: the Secrets that they mount, chosen by SNI, else a self-signed one."""

import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path

DEFAULT = ""


@dataclass(frozen=True)
class Pair:
    """A certificate chain and its private key as PEM, and the names it is chosen for."""

    chain: str
    key: str
    hosts: tuple[str, ...] = ()


class Certificates:
    """Pairs by name (`cluster/namespace/secret`; "" is the self-signed one)."""

    def __init__(self) -> None:
        self._pairs: dict[str, Pair] = {}
        self._plain: dict[str, ssl.SSLContext] = {}
        self._choosing: dict[tuple[str, ...], ssl.SSLContext] = {}

    def put(self, name: str, pair: Pair | None) -> str:
        """Add, change or remove a pair; why it can't be used, or ""."""
        self._choosing.clear()
        self._plain.pop(name, None)
        if pair is None:
            self._pairs.pop(name, None)
            return ""
        try:
            self._plain[name] = _context(pair)
        except (ssl.SSLError, ValueError, OSError) as error:
            return f"certificate {name}: {error}"
        self._pairs[name] = pair
        return ""

    def context(self, names: tuple[str, ...]) -> ssl.SSLContext:
        """The context of a pod with these Secrets; the first one is for names of no other."""
        found = self._choosing.get(names)
        if found is None:
            found = self._choosing[names] = self._make(names)
        return found

    def _make(self, names: tuple[str, ...]) -> ssl.SSLContext:
        usable = [name for name in names if name in self._plain]
        default = next((name for name in usable if not self._pairs[name].hosts), DEFAULT)
        context = _context(self._pairs[default])
        hosts = {host: name for name in reversed(usable) for host in self._pairs[name].hosts}

        def choose(connection: ssl.SSLObject, asked: str | None, _: ssl.SSLContext) -> None:
            connection.asked_name = asked  # type: ignore[attr-defined]
            host = (asked or "").lower()
            name = hosts.get(host) or hosts.get(f"*.{host.partition('.')[2]}")
            if name is not None and name in self._plain:
                connection.context = self._plain[name]

        context.sni_callback = choose
        return context


def _context(pair: Pair) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        Path(file.name).write_text(pair.chain + "\n" + pair.key)
        context.load_cert_chain(file.name)
    return context
