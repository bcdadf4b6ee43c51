"""Times as Kubernetes objects spell them."""

import functools

from gcpsim.core.clock import rfc3339


def stamp(seconds: float) -> str:
    """A metav1.Time."""
    return _stamp(int(seconds))


@functools.lru_cache(maxsize=64)
def _stamp(seconds: int) -> str:
    return rfc3339(seconds, millis=False)
