"""Puts Cloud Logging and Cloud Monitoring into a world, and the ear that fills them."""

from gcpsim.core.world import World
from gcpsim.observability.logging import Logging
from gcpsim.observability.monitoring import Monitoring
from gcpsim.observability.observed import Observed


def observe(world: World) -> Observed:
    """From now on what the data plane tells is kept, and both APIs answer."""
    observed = Observed(world)
    world.observability = observed
    world.services |= {
        "logging": Logging(world, observed),
        "monitoring": Monitoring(world, observed),
    }
    return observed
