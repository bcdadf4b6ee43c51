"""Which collections of Compute Engine there are here."""

from gcpsim.compute.addresses import ADDRESSES
from gcpsim.compute.backend_services import BACKEND_SERVICES
from gcpsim.compute.firewalls import FIREWALLS
from gcpsim.compute.forwarding_rules import FORWARDING_RULES
from gcpsim.compute.health_checks import HEALTH_CHECKS, HTTP_HEALTH_CHECKS
from gcpsim.compute.instances import INSTANCES
from gcpsim.compute.kinds import Kind
from gcpsim.compute.negs import NETWORK_ENDPOINT_GROUPS
from gcpsim.compute.networks import NETWORKS, SUBNETWORKS
from gcpsim.compute.proxies import (
    TARGET_HTTP_PROXIES,
    TARGET_HTTPS_PROXIES,
    TARGET_SSL_PROXIES,
    TARGET_TCP_PROXIES,
)
from gcpsim.compute.security_policies import SECURITY_POLICIES
from gcpsim.compute.service import Compute
from gcpsim.compute.target_pools import TARGET_POOLS
from gcpsim.compute.tls import SSL_CERTIFICATES, SSL_POLICIES
from gcpsim.compute.url_maps import URL_MAPS
from gcpsim.world import World

KINDS: dict[str, Kind] = {
    kind.collection: kind
    for kind in (
        ADDRESSES,
        BACKEND_SERVICES,
        FIREWALLS,
        FORWARDING_RULES,
        HEALTH_CHECKS,
        HTTP_HEALTH_CHECKS,
        INSTANCES,
        NETWORK_ENDPOINT_GROUPS,
        NETWORKS,
        SECURITY_POLICIES,
        SSL_CERTIFICATES,
        SSL_POLICIES,
        SUBNETWORKS,
        TARGET_HTTPS_PROXIES,
        TARGET_HTTP_PROXIES,
        TARGET_POOLS,
        TARGET_SSL_PROXIES,
        TARGET_TCP_PROXIES,
        URL_MAPS,
    )
}


def create(world: World) -> Compute:
    """The Compute Engine of a world, wired in."""
    compute = Compute(world, KINDS)
    world.compute = compute
    world.services["compute"] = compute
    world.stage["endpoint"] = compute.set_endpoint_answer
    world.stage["quota"] = compute.set_quota
    return compute
