"""The meter's own requests as Google's metrics count them, to tell them from those of real users.

An Application Load Balancer counts requests of a forwarding rule, a proxy Network Load Balancer
counts connections: what is said on a stream that stays open is one connection, however often.
"""

from collections import defaultdict

from edgebook.traffic.samples import SampleLog
from edgebook.traffic.values import Client, Kind, Protocol

OPEN = (Client.STREAM, Client.WEBSOCKET)  # one connection for many samples
NEVER_ARRIVED = (Kind.CONNECT, Kind.DNS)
APART = (Protocol.DNS, Protocol.HTTP)  # HTTP redirects have a forwarding rule of their own


def own_requests(log: SampleLog, since: float, until: float) -> dict[str, int]:
    """Requests (HTTPS) or connections (SSL, TCP) that reached each frontend in that time."""
    found: dict[str, int] = defaultdict(int)
    known = dict(log.series)
    lasting: set[int] = set()  # streams that are open
    for sample in log.since(since):
        series = known[sample.series]
        target = series.target
        if sample.at >= until or target.protocol in APART or sample.kind in NEVER_ARRIVED:
            continue
        if series.client not in OPEN:
            found[target.frontend] += 1
        elif sample.series not in lasting:
            found[target.frontend] += 1
            lasting.add(sample.series)
        if series.client in OPEN and sample.kind:
            lasting.discard(sample.series)  # it was cut: the next one is a new connection
    return dict(sorted(found.items()))
