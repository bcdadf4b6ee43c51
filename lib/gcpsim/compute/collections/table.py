"""Which collections of Compute Engine there are here."""

import functools
from dataclasses import replace

from gcpsim.compute.collections import (
    autoscalers,
    fixed,
    images,
    machine_types,
    managed_groups,
    node_groups,
    routes,
    templates,
)
from gcpsim.compute.collections.addresses import ADDRESSES
from gcpsim.compute.collections.backend_services import BACKEND_SERVICES
from gcpsim.compute.collections.directions import Directions
from gcpsim.compute.collections.effective_firewalls import of_region
from gcpsim.compute.collections.firewall_policies import FIREWALL_POLICIES
from gcpsim.compute.collections.firewalls import FIREWALLS
from gcpsim.compute.collections.forwarding_rules import FORWARDING_RULES
from gcpsim.compute.collections.health import Health
from gcpsim.compute.collections.health_checks import HEALTH_CHECKS, HTTP_HEALTH_CHECKS
from gcpsim.compute.collections.instances import INSTANCES
from gcpsim.compute.collections.negs import NETWORK_ENDPOINT_GROUPS
from gcpsim.compute.collections.networks import NETWORKS, SUBNETWORKS, default_network
from gcpsim.compute.collections.organization_policies import OrganizationPolicies
from gcpsim.compute.collections.other_kinds import (
    BACKEND_BUCKETS,
    INSTANCE_GROUPS,
    ROUTERS,
)
from gcpsim.compute.collections.proxies import (
    TARGET_HTTP_PROXIES,
    TARGET_HTTPS_PROXIES,
    TARGET_SSL_PROXIES,
    TARGET_TCP_PROXIES,
)
from gcpsim.compute.collections.security_policies import SECURITY_POLICIES
from gcpsim.compute.collections.target_pools import TARGET_POOLS
from gcpsim.compute.collections.tls import SSL_CERTIFICATES, SSL_POLICIES
from gcpsim.compute.collections.url_maps import URL_MAPS
from gcpsim.compute.engine.resources import Kind
from gcpsim.compute.engine.service import Compute
from gcpsim.core import ancestry
from gcpsim.core.world import World

POLICIES = replace(
    FIREWALL_POLICIES, verbs={**FIREWALL_POLICIES.verbs, "getEffectiveFirewalls": of_region}
)

KINDS: dict[str, Kind] = {
    kind.collection: kind
    for kind in (
        ADDRESSES,
        BACKEND_BUCKETS,
        BACKEND_SERVICES,
        POLICIES,
        FIREWALLS,
        FORWARDING_RULES,
        HEALTH_CHECKS,
        HTTP_HEALTH_CHECKS,
        INSTANCES,
        INSTANCE_GROUPS,
        NETWORK_ENDPOINT_GROUPS,
        NETWORKS,
        ROUTERS,
        routes.ROUTES,
        machine_types.MACHINE_TYPES,
        autoscalers.AUTOSCALERS,
        node_groups.DISKS,
        images.IMAGES,
        managed_groups.MANAGERS,
        templates.TEMPLATES,
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
    compute.derive("images", images.rows)
    compute.derive("machineTypes", machine_types.rows)
    compute.derive("disks", functools.partial(node_groups.disks, compute))
    compute.derive("routes", functools.partial(routes.of_subnetworks, compute), routes.local)
    health = Health(compute)
    compute.health = health
    compute.fixed = fixed.handlers(compute)
    compute.elsewhere = OrganizationPolicies(compute).handlers()
    ancestry.register(world)
    compute.new_project = default_network
    Directions(world, health)
    world.compute = compute
    world.services["compute"] = compute
    return compute
