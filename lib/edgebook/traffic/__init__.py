"""The meter: what users of a front door see, second by second, counted by clients of our own.

Clients (own process, bounded, no retries) -> samples -> statistics -> gate, picture, record. It
knows hostnames, addresses and the seam (`cloud.connect`), nothing of plans: a journal's changes are
laid over its samples only when both are shown.
"""

from edgebook.traffic.judge import TrafficLimits, Verdict, VerdictState, judge
from edgebook.traffic.samples import Mark, SampleLog
from edgebook.traffic.statistics import Statistics
from edgebook.traffic.values import Client, Kind, Protocol, Sample, Target
from edgebook.traffic.watch import Report, Watch

__all__ = [
    "Client",
    "Kind",
    "Mark",
    "Protocol",
    "Report",
    "Sample",
    "SampleLog",
    "Statistics",
    "Target",
    "TrafficLimits",
    "Verdict",
    "VerdictState",
    "Watch",
    "judge",
]
