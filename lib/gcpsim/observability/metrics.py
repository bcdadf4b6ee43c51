"""The counters behind the load balancing metrics, by series and simulated minute.

A series is a metric with its labels and a monitored resource with its labels; a point is what
happened in one minute. Exactly what the front ends did is counted: nothing is sampled.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gcpsim.core.seen import Connection, Packets, Request
from gcpsim.observability.entries import backend_labels

PREFIX = "loadbalancing.googleapis.com/"
MINUTES_KEPT = 1_500
UNAVAILABLE = "destination_unavailable"
BOUNDS = tuple(1.4**power for power in range(67))  # ms: the buckets of Google's latency metrics
CONTINENTS = {
    "africa": "Africa",
    "asia": "Asia",
    "australia": "Oceania",
    "europe": "Europe",
    "me": "Asia",
    "northamerica": "America",
    "southamerica": "America",
    "us": "America",
}
HTTPS = (
    "https/request_count",
    "https/request_bytes_count",
    "https/response_bytes_count",
    "https/total_latencies",
)
HTTPS_BACKEND = (
    "https/backend_request_count",
    "https/backend_request_bytes_count",
    "https/backend_response_bytes_count",
    "https/backend_latencies",
)
REQUEST_LABELS = (
    "project",
    "location",
    "forwarding_rule",
    "target_proxy",
    "url_map",
    "backend_service",
    "backend_group",
    "path_rule",
    "scheme",
    "protocol",
    "status",
)
Labels = tuple[tuple[str, str], ...]


@dataclass
class Distribution:
    """Values of one minute: how many, their mean, how far they lie apart, and in which buckets."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    buckets: dict[int, int] = field(default_factory=dict)

    def add(self, value: float) -> None:
        self.count += 1
        step = value - self.mean
        self.mean += step / self.count
        self.squares += step * (value - self.mean)
        at = bisect_right(BOUNDS, value)
        self.buckets[at] = self.buckets.get(at, 0) + 1

    def merged(self, other: "Distribution") -> "Distribution":
        """Both together (parallel variance, Chan et al.)."""
        count = self.count + other.count
        if not count:
            return Distribution()
        step = other.mean - self.mean
        mean = self.mean + step * other.count / count
        squares = self.squares + other.squares + step**2 * self.count * other.count / count
        buckets = dict(self.buckets)
        for at, number in other.buckets.items():
            buckets[at] = buckets.get(at, 0) + number
        return Distribution(count, mean, squares, buckets)

    def percentile(self, share: float) -> float:
        """The value below which a share of the values lies, to the width of its bucket."""
        left = share * self.count
        for at in sorted(self.buckets):
            left -= self.buckets[at]
            if left <= 0:
                low = BOUNDS[at - 1] if at else 0.0
                high = BOUNDS[at] if at < len(BOUNDS) else low
                return low + (high - low) * (1 + left / self.buckets[at])
        return 0.0


Value = int | Distribution


@dataclass(frozen=True)
class Series:
    """What a time series is of."""

    metric: str  # without the prefix
    metric_labels: Labels
    resource: str
    resource_labels: Labels


class Side:
    """Where requests of one kind count: those of the front end, or those sent to a backend.

    This is on the way of every request.
    """

    __slots__ = ("_latencies", "_received", "_requests", "_sent")

    def __init__(
        self,
        requests: dict[int, Any],
        received: dict[int, Any],
        sent: dict[int, Any],
        latencies: dict[int, Any],
    ) -> None:
        self._requests = requests
        self._received = received
        self._sent = sent
        self._latencies = latencies

    def add(self, minute: int, received: int, sent: int, milliseconds: float) -> None:
        """One request: bytes both ways, and how long it took."""
        _count(self._requests, minute, 1)
        _count(self._received, minute, received)
        _count(self._sent, minute, sent)
        found = self._latencies.get(minute)
        if found is None:
            found = self._latencies[minute] = Distribution()
            _forget(self._latencies)
        found.add(milliseconds)


class Metrics:
    """Points by series and minute."""

    def __init__(self) -> None:
        self._points: dict[Series, dict[int, Value]] = {}
        self._alike: dict[tuple[object, ...], tuple[Side, ...]] = {}

    def points(self, metric: str) -> Iterator[tuple[Series, Mapping[int, Value]]]:
        """All series of a metric, each with its values by minute (POSIX seconds / 60)."""
        for series, minutes in self._points.items():
            if series.metric == metric:
                yield series, minutes

    def request(self, seen: Request) -> None:
        total = seen.get("latency", 0.0)
        minute = int((seen["time"] + total) // 60)
        took = seen.get("backend_latency")
        key = (took is None, *map(seen.get, REQUEST_LABELS))
        sides = self._alike.get(key) or self._of_request(seen, key)
        received, sent = seen.get("request_size", 0), seen.get("response_size", 0)
        sides[0].add(minute, received, sent, total * 1000)
        if took is not None:
            sides[1].add(minute, received, sent, took * 1000)

    def _of_request(self, seen: Request, key: tuple[object, ...]) -> tuple["Side", ...]:
        """The points of all metrics that such a request counts in, found once for its like."""
        resource = _http_resource(seen)
        code = seen.get("status", 0)
        backend = {
            "load_balancing_scheme": seen.get("scheme", ""),
            "proxy_continent": continent(seen.get("location", "")),
            "response_code": str(code),
            "response_code_class": str(code // 100 * 100),
            "cache_result": "DISABLED",
        }
        client = backend | {"client_country": "Unknown", "protocol": seen.get("protocol", "")}

        def side(names: tuple[str, ...]) -> Side:
            labels = [backend if name.startswith("https/backend_r") else client for name in names]
            return Side(
                *(
                    self._series(name, label, "https_lb_rule", resource)
                    for name, label in zip(names, labels, strict=True)
                )
            )

        asked = "backend_latency" in seen
        found = (side(HTTPS), side(HTTPS_BACKEND)) if asked else (side(HTTPS),)
        self._alike[key] = found
        return found

    def connection(self, seen: Connection) -> None:
        classic = seen.get("scheme") == "EXTERNAL"
        kind = "tcp_ssl_proxy_rule" if classic else "l4_proxy_rule"
        prefix = "tcp_ssl_proxy" if classic else "l4_proxy"
        within = "" if classic else "tcp/"
        count = "" if classic else "_count"
        resource = _proxy_resource(seen)
        labels = {
            "client_country": "Unknown",
            "proxy_continent": continent(seen.get("location", "")),
        }
        ended = seen.get("ended")
        minute = int((seen["time"] if ended is None else ended) // 60)
        minutes = {"new" if ended is None else "closed": minute}
        if ended is not None and not _was_told(seen):
            minutes["new"] = int(seen["time"] // 60)
        for verb, when in minutes.items():
            name = f"{prefix}/{within}{verb}_connections{count}"
            _count(self._series(name, labels, kind, resource), when, 1)
        if ended is not None:
            for way, key in (("egress", "bytes_sent"), ("ingress", "bytes_received")):
                size = int(seen.get(key, 0))  # type: ignore[call-overload]
                name = f"{prefix}/{way}_bytes_count"
                _count(self._series(name, labels, kind, resource), minute, size)

    def packets(self, seen: Packets) -> None:
        resource = {
            "backend_name": "",
            "forwarding_rule_name": seen.get("forwarding_rule", ""),
            "load_balancer_name": seen.get("forwarding_rule", ""),
            "project_id": seen.get("project", ""),
            "region": seen.get("region", ""),
        }
        labels = {
            "client_continent": "Unknown",
            "client_country": "Unknown",
            "protocol": seen.get("protocol", "TCP"),
        }
        minute = int(seen["time"] // 60)
        kind = f"{seen.get('protocol', 'TCP').lower()}_lb_rule"
        for way in ("egress", "ingress"):
            for unit in ("bytes", "packets"):
                number = int(seen.get(f"{way}_{unit}", 0))  # type: ignore[call-overload]
                name = f"l3/external/{way}_{unit}_count"
                _count(self._series(name, labels, kind, resource), minute, number)

    def _series(
        self, metric: str, labels: Mapping[str, str], kind: str, resource: Mapping[str, str]
    ) -> dict[int, Value]:
        series = Series(metric, tuple(labels.items()), kind, tuple(resource.items()))
        return self._points.setdefault(series, {})


def _count(points: dict[int, Any], minute: int, number: int) -> None:
    before = points.get(minute)
    points[minute] = number if before is None else before + number
    if before is None:
        _forget(points)


def _forget(points: dict[int, Any]) -> None:
    """A minute has begun: the oldest one goes when there are too many."""
    if len(points) > MINUTES_KEPT:
        del points[min(points)]


def continent(location: str) -> str:
    """The continent of a region, as `proxy_continent` spells it."""
    return CONTINENTS.get(location.split("-")[0], "Unknown")


def _was_told(seen: Connection) -> bool:
    """Whether a connection that ended was told when it began: only one that found a backend is."""
    return bool(seen.get("backend_group")) and UNAVAILABLE not in seen.get("proxy_status", "")


def _http_resource(seen: Request) -> dict[str, str]:
    return {
        "project_id": seen.get("project", ""),
        "forwarding_rule_name": seen.get("forwarding_rule", ""),
        "url_map_name": seen.get("url_map", ""),
        "target_proxy_name": seen.get("target_proxy", ""),
        "matched_url_path_rule": (seen.get("path_rule") or "UNMATCHED")[:50],
        "backend_target_name": seen.get("backend_service") or "NO_BACKEND_SELECTED",
        "backend_target_type": "BACKEND_SERVICE",
        **backend_labels(seen.get("backend_group", ""), seen.get("status", 0)),
        "region": "global",
    }


def _proxy_resource(seen: Connection) -> dict[str, str]:
    return {
        "project_id": seen.get("project", ""),
        "network_name": "",
        "region": "global",
        "load_balancing_scheme": seen.get("scheme", ""),
        "protocol": "TCP",
        "forwarding_rule_name": seen.get("forwarding_rule", ""),
        "target_proxy_name": seen.get("target_proxy", ""),
        "backend_target_name": seen.get("backend_service", ""),
        "backend_target_type": "BACKEND_SERVICE",
        **backend_labels(seen.get("backend_group", "")),
    }
