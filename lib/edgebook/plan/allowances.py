"""What a change may cost users beyond the usual: numbers of the params, approved with the plan.

Pure words, a part of what is hashed: raising a number after the approval needs another one.
"""

from edgebook.params.traffic_types import TrafficSafetySpec

USUAL = TrafficSafetySpec()


def allowances(safety: TrafficSafetySpec) -> tuple[str, ...]:
    """Sorted sentences for each limit that is looser than the usual one."""
    found = []
    if safety.max_failed > USUAL.max_failed:
        found.append(f"{safety.max_failed} requests may fail in a step")
    if safety.max_gap > USUAL.max_gap:
        found.append(f"{safety.max_gap} s without a success")
    if safety.max_latency_rise is None:
        found.append("latency is not judged")
    elif safety.max_latency_rise > (USUAL.max_latency_rise or 0):
        found.append(f"p99 may rise by {safety.max_latency_rise:.0%}")
    return tuple(sorted(found))
