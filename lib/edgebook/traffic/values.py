"""The meter's vocabulary: what is watched, by which client, and what one request came to.

A Target is what the params say; a Series is one client of it through one way, as the process of the
clients gets it. All times are monotonic seconds, which clock steps do not move.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any, NamedTuple


class Protocol(StrEnum):
    """What is spoken to a port of a front door."""

    HTTPS = "HTTPS"
    HTTP = "HTTP"
    SSL = "SSL"
    TCP = "TCP"
    DNS = "DNS"


class Client(StrEnum):
    """A kind of client; each sees failures that the others do not."""

    KEEP_ALIVE = "http/1.1"  # one request after the other on connections that stay open
    FRESH = "http/1.1 fresh"  # a connection, and a TLS handshake, for each request
    HTTP2 = "http/2"
    POST = "post"
    WEBSOCKET = "websocket"
    HANDSHAKE = "connect"  # SSL, TCP: a connection for each request
    STREAM = "stream"  # SSL, TCP: connections that stay open
    DNS = "dns"


DEFAULT_CLIENTS: Mapping[Protocol, tuple[Client, ...]] = {
    Protocol.HTTPS: (Client.KEEP_ALIVE, Client.FRESH, Client.HTTP2),
    Protocol.HTTP: (Client.KEEP_ALIVE, Client.FRESH),
    Protocol.SSL: (Client.HANDSHAKE,),
    Protocol.TCP: (Client.HANDSHAKE,),
    Protocol.DNS: (Client.DNS,),
}


class Kind(StrEnum):
    """What a failure was, from the client's side."""

    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    RESET = "reset"
    CUT_BODY = "cut body"
    TIMEOUT = "timeout"
    STATUS = "status"
    ANSWER = "answer"  # complete, but not what the params' `checks` expect


@dataclass(frozen=True)
class Target:
    """One hostname on one port of a front door (hostname "": a port without names)."""

    frontend: str
    hostname: str
    ip: str
    port: int
    protocol: Protocol
    clients: tuple[Client, ...] = ()  # empty: DEFAULT_CLIENTS
    path: str = "/"
    method: str = "GET"
    body: str = ""
    statuses: tuple[int, ...] = ()  # good ones; empty: below 400, or 4xx that never was better
    contains: str = ""  # text that a good answer has
    send: str = ""  # SSL, TCP: said first; empty: the connection is only held
    expect: str = ""  # SSL, TCP: text that a good answer has
    websocket: str = ""  # path of a WebSocket
    patience: float = 2.0  # seconds until a request counts as a timeout
    weight: float = 1.0  # of its frontend's requests
    ca_file: str = ""

    @property
    def kinds(self) -> tuple[Client, ...]:
        return self.clients or DEFAULT_CLIENTS[self.protocol]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Target":
        known = {item.name: data[item.name] for item in fields(cls) if item.name in data}
        known["protocol"] = Protocol(known["protocol"])
        known["clients"] = tuple(Client(item) for item in known.get("clients", ()))
        known["statuses"] = tuple(known.get("statuses", ()))
        return cls(**known)


@dataclass(frozen=True)
class Series:
    """One client of a target through one way: where it connects, and how often."""

    number: int
    target: Target
    client: Client
    location: str
    host: str
    port: int
    interval: float  # seconds between two requests
    first: float = (
        0.0  # share of the interval that the first one waits, so that not all start at once
    )

    def to_json(self) -> dict[str, Any]:
        data = {item.name: getattr(self, item.name) for item in fields(self)}
        return {**data, "target": self.target.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Series":
        made = {
            **data,
            "target": Target.from_json(data["target"]),
            "client": Client(data["client"]),
        }
        return cls(**made)

    def described(self) -> dict[str, str]:
        """What people ask about a series, for tables and records."""
        return {
            "frontend": self.target.frontend,
            "hostname": self.target.hostname,
            "client": self.client.value,
            "location": self.location,
        }


class Sample(NamedTuple):
    """One request: when it was begun, by which series, how long, and what came of it.

    `kind` is empty for an answer, else a Kind; `who` is cluster/zone/pod as far as the answer says.
    """

    at: float
    series: int
    seconds: float
    kind: str = ""
    detail: str = ""
    who: str = ""


@dataclass(frozen=True)
class Who:
    """Who answered."""

    cluster: str = ""
    zone: str = ""
    pod: str = ""

    @classmethod
    def parse(cls, text: str) -> "Who":
        cluster, _, rest = text.partition("/")
        zone, _, pod = rest.partition("/")
        return cls(cluster, zone, pod)

    def __str__(self) -> str:
        return f"{self.cluster}/{self.zone}/{self.pod}"


@dataclass(frozen=True)
class Blind:
    """A time in which the clients did not look: their loop was late, or the machine slept."""

    since: float
    until: float
    why: str = field(default="", compare=False)
    asleep: float = 0.0  # seconds that the monotonic clock did not count
