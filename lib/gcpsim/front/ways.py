"""Where a name and port of the simulated world lead: by the simulated DNS to a front end's socket.

Who asks may say from where, as the user name of the proxy: a location, a client address, or both
joined by a comma (`europe-west1,203.0.113.7`). Without one, the first location that is up serves.
"""

import base64
import binascii
import ipaddress
from dataclasses import dataclass

from gcpsim.core.world import World
from gcpsim.dns.lookup import Lookup

# Front ends that take a PROXY line, by which they learn the simulated client's address.
TOLD = ("HTTP", "HTTPS", "SSL")


class Unknown(Exception):
    """A name or address that is none of the simulated world's; the text says which."""


class Closed(Exception):
    """An address of the simulated world where nothing listens on that port."""


@dataclass(frozen=True)
class Asker:
    """From where a client asks: a location ("" for any) and its address ("" for none)."""

    location: str = ""
    address: str = ""


@dataclass(frozen=True)
class Way:
    """A socket of a front end, and what is to be sent before the client's own bytes."""

    host: str
    port: int
    opening: bytes = b""


def asker(authorization: str) -> Asker:
    """Who a Proxy-Authorization header says is asking."""
    kind, _, encoded = authorization.partition(" ")
    if kind.lower() != "basic":
        return Asker()
    try:
        user = base64.b64decode(encoded).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return Asker()
    location = address = ""
    for part in user.split(","):
        if _is_address(part.strip()):
            address = part.strip()
        else:
            location = part.strip()
    return Asker(location, address)


def find(world: World, names: Lookup, host: str, port: int, asking: Asker) -> Way:
    """The way to a host's port; Unknown or Closed when there is none."""
    plane = world.dataplane
    addresses = _addresses(names, host)
    rows = [row for row in plane.reach() if row["ip"] in addresses] if plane else []
    if not rows and not addresses:
        raise Unknown(f"{host} is no name of the simulated DNS")
    if _is_address(host) and not rows:
        raise Unknown(f"{host} is no address of the simulated world")
    if plane is None:
        raise Closed(f"{host} is {', '.join(addresses)}, and the data plane is off")
    if asking.location and asking.location not in plane.locations:
        known = ", ".join(plane.locations)
        raise Unknown(f"{asking.location} is no location; there are {known}")
    rows = [row for row in rows if row["port"] == port]
    here = [row for row in rows if row["location"] == asking.location] or (
        rows if not asking.location else []
    )
    # A passthrough load balancer has one place, wherever the client is.
    here = here or [row for row in rows if row["location"] not in plane.locations]
    if not here:
        raise Closed(f"nothing listens at {host}:{port} ({', '.join(addresses)})")
    row = here[0]
    socket_host, _, socket_port = str(row["connect"]).rpartition(":")
    opening = b""
    if asking.address and (row["protocol"] in TOLD or "/regions/" in str(row["rule"])):
        family = "TCP6" if ":" in asking.address else "TCP4"
        opening = f"PROXY {family} {asking.address} {row['ip']} 49152 {port}\r\n".encode()
    return Way(socket_host, int(socket_port), opening)


def _addresses(names: Lookup, host: str) -> list[str]:
    if _is_address(host):
        return [str(ipaddress.ip_address(host))]
    found = names.resolve(host, "A").data("A")
    return found or names.resolve(host, "AAAA").data("AAAA")


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
