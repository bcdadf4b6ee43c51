"""A world with all its services, as `gcpsim serve` asks for it. No port is opened here."""

from dataclasses import dataclass
from pathlib import Path

from gcpsim import scenarios
from gcpsim.certs.service import CertificateManager
from gcpsim.compute.collections import table as collections
from gcpsim.compute.engine.service import Compute
from gcpsim.core.clock import STALL, Clock
from gcpsim.core.store import Store, damaged
from gcpsim.core.world import Options, World
from gcpsim.dns.service import Dns
from gcpsim.gke.service import Gke
from gcpsim.observability.service import observe
from gcpsim.project.networkservices import NetworkServices
from gcpsim.project.service import ResourceManager, ServiceAccounts, ServiceUsage


@dataclass(frozen=True)
class Config:
    """The options of `gcpsim serve`."""

    host: str = "127.0.0.1"
    port: int = 0
    proxy_port: int = 0
    state: Path | None = None
    scenario: str = ""
    time_scale: float = 1.0
    paused: bool = False
    require_auth: bool = False
    quotas: bool = False
    until_stdin_closes: bool = False
    dataplane: bool = True
    locations: tuple[str, ...] = ()
    patience: float = Options.patience
    private: bool = False  # found by those only who are told its URL


@dataclass(frozen=True)
class Cloud:
    """A world, and its services by their own types."""

    world: World
    compute: Compute
    dns: Dns
    certificates: CertificateManager
    gke: Gke


def build(config: Config) -> Cloud:
    """The world: from its state folder when there is one, else from a scenario."""
    store = Store(config.state)
    began = store.table("meta").get("clock")
    start = began.get("now") if began is not None else None
    if began is not None and (isinstance(start, bool) or not isinstance(start, int | float)):
        raise damaged(config.state, f"its clock says {start!r}")
    clock = Clock(scale=config.time_scale, paused=config.paused, start=start, stall=STALL)
    options = Options(
        host=config.host,
        require_auth=config.require_auth,
        locations=config.locations,
        patience=config.patience,
    )
    options.enforce_quotas = options.rate_limits = config.quotas
    world = World(clock=clock, store=store, options=options)
    compute = collections.create(world)
    world.dns = dns = Dns(world)
    world.certificates = certificates = CertificateManager(world)
    gke = Gke(world)
    world.services |= {
        "dns": dns,
        "certificatemanager": certificates,
        "cloudresourcemanager": ResourceManager(world),
        "serviceusage": ServiceUsage(world),
        "iam": ServiceAccounts(world),
        "networkservices": NetworkServices(world),
    }
    observe(world)
    if began is None:
        scenarios.play(world, gke, scenarios.load(config.scenario or "empty"))
        store.table("meta").put("clock", {"now": clock.now()})
        store.commit()
    else:
        _resume(world, config)
    clock.settle()
    return Cloud(world, compute, dns, certificates, gke)


def _resume(world: World, config: Config) -> None:
    """Go on from a state folder; StateError when its documents make no sense."""
    try:
        world.resume()
    except Exception as error:
        world.roll_back()
        raise damaged(config.state, f"{type(error).__name__}: {error}") from error
