"""What the data plane saw, as it tells it: one Request an HTTP answer, one Connection an end.

The front ends fill these in (gcpsim.dataplane), Cloud Logging and Cloud Monitoring are made of them
(gcpsim.observability). Names are those of Google's resources, times simulated POSIX seconds, sizes
bytes. `...group` is the path of a network endpoint group or instance group, empty when none was
chosen.
"""

from typing import TypedDict


class Request(TypedDict, total=False):
    """One HTTP request that a front end of an Application Load Balancer answered, or gave up."""

    time: float  # when its first byte came
    latency: float  # seconds until the last byte of the answer
    backend_latency: float  # seconds the backend took; absent when none was asked
    location: str  # of the front end that answered
    project: str
    forwarding_rule: str
    target_proxy: str
    url_map: str
    backend_service: str  # name; "" when no service was chosen (redirects, unknown hosts)
    backend_group: str
    path_rule: str  # "/api/*", "UNMATCHED" for the default
    scheme: str  # EXTERNAL_MANAGED | EXTERNAL
    method: str
    url: str  # https://shop.example.com/cart?x=1
    protocol: str  # HTTP/1.1 | HTTP/2 | HTTP/3
    request_size: int
    response_size: int
    status: int  # 0 when the client left before the headers
    status_details: str  # response_sent_by_backend, failed_to_pick_backend, ...
    redirect: bool  # made by the load balancer itself: counted, never logged
    user_agent: str
    referer: str
    remote_ip: str
    remote_port: int
    server_ip: str  # of the endpoint that answered
    trace: str
    security_policy: dict[str, object]  # name, priority, configuredAction, outcome
    tls: dict[str, str]


class Connection(TypedDict, total=False):
    """One connection of a proxy Network Load Balancer: `ended` is absent while it is open."""

    time: float  # when it was accepted
    ended: float
    location: str
    project: str
    forwarding_rule: str
    target_proxy: str
    backend_service: str
    backend_group: str
    scheme: str
    remote_ip: str
    remote_port: int
    server_ip: str  # the forwarding rule's address
    server_port: int
    bytes_sent: int  # to the client
    bytes_received: int
    proxy_status: str  # 'error="connection_terminated"; details="..."'; "" when all was well


class Packets(TypedDict, total=False):
    """What a passthrough load balancer carried for one connection since it was last told."""

    time: float
    project: str
    region: str
    forwarding_rule: str
    protocol: str  # TCP | UDP
    location: str  # where the client came in
    backend: str  # name of the target pool or backend service
    node: str  # "" when none was there to take it
    ended: bool  # whether the connection is over
    ingress_bytes: int
    egress_bytes: int
    ingress_packets: int
    egress_packets: int
