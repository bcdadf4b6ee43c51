"""A project of the Compute Engine API, on the shared simulator or on one with a frozen clock."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.contract.rest import Compute


@pytest.fixture
def gce(sim: Any, project: str) -> Iterator[Compute]:
    """A fresh project on the shared simulator, where operations take no time."""
    compute = Compute(sim, project)
    yield compute
    compute.close()


@pytest.fixture
def frozen(start_sim: Callable[..., Any]) -> Iterator[Compute]:
    """A project on a simulator of its own whose clock stands still until a test advances it."""
    compute = Compute(start_sim("--time-scale", "1", "--paused"), "frozen")
    yield compute
    compute.close()


@pytest.fixture
def door(gce: Compute) -> Compute:
    """One of everything that has a fingerprint."""
    gce.health_check()
    gce.backend_service(healthChecks=["global/healthChecks/hc"], description="first", timeoutSec=50)
    gce.http_door()
    gce.make("global/sslPolicies", name="policy")
    gce.make("global/sslCertificates", name="cert", managed={"domains": ["a.example"]})
    gce.make(
        "global/targetHttpsProxies",
        name="tls",
        urlMap="global/urlMaps/um",
        sslCertificates=["global/sslCertificates/cert"],
    )
    gce.make("global/securityPolicies", name="armor")
    return gce
