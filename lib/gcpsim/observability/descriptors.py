"""The load balancing metrics that exist here, as Google describes them. One table.

Source: the list of Google Cloud metrics; all are sampled every 60 s.
"""

from dataclasses import dataclass
from typing import Any

from gcpsim.core.paths import name_of
from gcpsim.observability.metrics import PREFIX

REQUEST = (
    "protocol",
    "response_code",
    "response_code_class",
    "load_balancing_scheme",
    "proxy_continent",
    "cache_result",
    "client_country",
)
BACKEND = (
    "response_code",
    "response_code_class",
    "load_balancing_scheme",
    "proxy_continent",
    "cache_result",
)
PROXY = ("client_country", "proxy_continent")
PASSTHROUGH = ("client_continent", "client_country", "protocol")
INTEGERS = ("response_code", "response_code_class")


@dataclass(frozen=True)
class Metric:
    """One metric: its value type, unit, labels, and the resources it is of. All are deltas."""

    value: str  # INT64 | DISTRIBUTION
    unit: str
    labels: tuple[str, ...]
    resources: tuple[str, ...]


def _of(labels: tuple[str, ...], resources: tuple[str, ...], **units: str) -> dict[str, Metric]:
    """Metrics that differ in name and unit only; `ms` are distributions."""
    return {
        name.replace("__", "/"): Metric(
            "DISTRIBUTION" if unit == "ms" else "INT64", unit, labels, resources
        )
        for name, unit in units.items()
    }


METRICS: dict[str, Metric] = {
    **_of(
        REQUEST,
        ("https_lb_rule",),
        https__request_count="1",
        https__request_bytes_count="By",
        https__response_bytes_count="By",
        https__total_latencies="ms",
    ),
    **_of(
        BACKEND,
        ("https_lb_rule",),
        https__backend_request_count="1",
        https__backend_request_bytes_count="By",
        https__backend_response_bytes_count="By",
    ),
    **_of(REQUEST, ("https_lb_rule",), https__backend_latencies="ms"),
    **_of(
        PROXY,
        ("l4_proxy_rule",),
        l4_proxy__egress_bytes_count="By",
        l4_proxy__ingress_bytes_count="By",
        l4_proxy__tcp__closed_connections_count="1",
        l4_proxy__tcp__new_connections_count="1",
    ),
    **_of(
        PROXY,
        ("tcp_ssl_proxy_rule",),
        tcp_ssl_proxy__closed_connections="1",
        tcp_ssl_proxy__egress_bytes_count="By",
        tcp_ssl_proxy__ingress_bytes_count="By",
        tcp_ssl_proxy__new_connections="1",
    ),
    **_of(
        PASSTHROUGH,
        ("tcp_lb_rule", "udp_lb_rule"),
        l3__external__egress_bytes_count="By",
        l3__external__egress_packets_count="1",
        l3__external__ingress_bytes_count="By",
        l3__external__ingress_packets_count="1",
    ),
}


def descriptor(project: str, name: str) -> dict[str, Any]:
    """The MetricDescriptor of a metric, by its name without the prefix."""
    metric = METRICS[name]
    return {
        "name": f"projects/{project}/metricDescriptors/{PREFIX}{name}",
        "labels": [
            {"key": label, **({"valueType": "INT64"} if label in INTEGERS else {})}
            for label in metric.labels
        ],
        "metricKind": "DELTA",
        "valueType": metric.value,
        "unit": metric.unit,
        "description": name.replace("/", " ").replace("_", " "),
        "displayName": name_of(name).replace("_", " "),
        "type": f"{PREFIX}{name}",
        "metadata": {"launchStage": "GA", "samplePeriod": "60s", "ingestDelay": "210s"},
        "launchStage": "GA",
        "monitoredResourceTypes": list(metric.resources),
    }
