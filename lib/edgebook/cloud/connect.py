"""The one seam between simulator and Google Cloud: where requests go, with which credentials.

`google-cloud` means application default credentials and Google's own addresses, nothing else.
`simulator` means a gcpsim (`worlds` says which). Nothing else in the library knows which of the two
it talks to.
"""

import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import google.auth
import google.auth.exceptions
import requests
from google.auth.credentials import AnonymousCredentials
from google.auth.transport.requests import AuthorizedSession

from edgebook.base.clock import Clock
from edgebook.base.errors import ConnectError, UsageError
from edgebook.cloud import simulator, tokens, worlds
from edgebook.cloud.answers import Whole
from edgebook.cloud.calls import finish, start
from edgebook.cloud.reach import Way, direct
from edgebook.cloud.worlds import World
from edgebook.model.people import Person

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
SERVICES = (
    "compute",
    "dns",
    "certificatemanager",
    "container",
    "cloudresourcemanager",
    "serviceusage",
    "logging",
    "monitoring",
)
PARALLEL = 32
WAYS_SECONDS = 5.0  # so long what a simulator said of its ways is not asked again


@dataclass(frozen=True)
class Limits:
    """How long a call may take, in real seconds; quotas are waited for besides."""

    one: float = 30.0  # one try
    call: float = 120.0  # all tries, with the pauses between them
    token: float = 15.0  # one try of fetching an access token
    dns: float = 4.0  # one question
    waiting: float = 150.0  # one try of a call that waits for an operation: at most two minutes


@dataclass
class Connection:
    """Endpoints, credentials and time of one environment; `facts` says what it has and has not."""

    project: str
    endpoints: Mapping[str, str]
    credentials: Any
    clock: Clock
    allows_automatic_approval: bool = False
    data_plane: bool = True
    no_data_plane: str = ""
    name_servers: tuple[tuple[str, int], ...] = ()  # asked instead of the Internet's
    dns_by_api: bool = False  # nobody answers DNS here: Cloud DNS's own records are looked at
    ca_file: str = ""
    kubeconfigs: tuple[str, ...] = ()
    world: World | None = None
    identity: Person | None = None  # who runs this, once it was asked
    sim_url: str = ""  # where the simulator says how its addresses are reached
    limits: Limits = Limits()
    # Called before each write: raises LockedError when the lease that allows it is lost.
    before_write: Callable[[], None] = lambda: None
    # Called before each repetition of a call: with the error, and the seconds until then.
    on_retry: Callable[[Exception, float], None] = lambda error, seconds: None
    _session: requests.Session | None = field(default=None, repr=False)
    _refreshing: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _fetch: "Future[None] | None" = field(default=None, repr=False)
    _ways: dict[tuple[str, int], list[Way]] = field(default_factory=dict, repr=False)
    _ways_at: float = 0.0

    def endpoint(self, service: str) -> str:
        """The root URL of a service, without a slash at its end."""
        return self.endpoints.get(service, f"https://{service}.googleapis.com")

    def client_options(self, service: str) -> dict[str, str]:
        """What Google's clients take to reach the same endpoint."""
        return {"api_endpoint": self.endpoint(service)}

    @property
    def place(self) -> str:
        """Which Google Cloud this is: the real one, or one simulator among many."""
        return self.world.endpoint if self.world and not self.world.real else "google-cloud"

    @property
    def session(self) -> requests.Session:
        """An HTTP session with these credentials, shared by all threads."""
        if self._session is None:
            anonymous = isinstance(self.credentials, AnonymousCredentials)
            session = requests.Session() if anonymous else AuthorizedSession(self.credentials)
            session.headers["User-Agent"] = "edgebook/0.1"
            # The environment's proxies and CA file are read once: each time costs 2 ms.
            session.trust_env = False
            session.proxies.update(requests.utils.get_environ_proxies(self.endpoint("compute")))
            bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
            session.verify = bundle or True
            for scheme in ("http://", "https://"):
                session.mount(scheme, Whole(pool_connections=8, pool_maxsize=PARALLEL))
            self._session = session
        return self._session

    def now(self) -> float:
        """What time it is in this environment, in seconds since 1970: for asking its logs."""
        if self.sim_url:
            return simulator.now(self.session, self.sim_url)
        return self.clock.utc().timestamp()

    def utc(self) -> datetime:
        """The same as a date: what expires here expires by this clock, not by this machine's."""
        return datetime.fromtimestamp(self.now(), UTC)

    def reach(self, ip: str, port: int) -> list[Way]:
        """How clients here get to an address of the environment; nothing when nobody serves it.

        On Google Cloud the address is its own way. A simulator has one for each location; it is
        asked again about what it did not know before.
        """
        if not self.data_plane or not self.sim_url:
            return direct(ip, port) if self.data_plane else []
        now = time.monotonic()
        if (ip, port) not in self._ways or now - self._ways_at > WAYS_SECONDS:
            self._ways, self._ways_at = simulator.ways(self.session, self.sim_url), now
        return list(self._ways.get((ip, port), ()))

    def token(self) -> str:
        """A fresh access token, for a cluster reached without a kubeconfig; "" when anonymous."""
        self.refresh()
        if isinstance(self.credentials, AnonymousCredentials):
            return ""
        return str(self.credentials.token)

    def refresh(self) -> None:
        """Fetch a new token when the old one is about to end; ConnectError when that fails."""
        if isinstance(self.credentials, AnonymousCredentials) or self.credentials.valid:
            return
        with self._refreshing:
            if self.credentials.valid:
                return
            if self._fetch is None or self._fetch.done():
                self._fetch = start(self._fetch_token)
            fetch = self._fetch
        # All callers of now share one fetch and what comes of it; each ends at a cancel.
        finish(fetch, seconds=self.limits.call, clock=self.clock)

    def _fetch_token(self) -> None:
        tokens.refresh(self.credentials, self.clock, seconds=self.limits.token)


def connect(
    environment: str, project: str, *, scenario: str = "legacy", time_scale: float = 60.0
) -> Connection:
    """The connection for google-cloud or simulator; ConnectError when there is none."""
    if environment == "google-cloud":
        return _google_cloud(project)
    if environment == "simulator":
        return _simulator(project, scenario, time_scale)
    raise UsageError(
        f"No environment {environment!r}", where="environment", why="google-cloud or simulator"
    )


def anonymous(project: str) -> Connection:
    """Without credentials: enough to reach what everybody reaches."""
    return Connection(project, {}, AnonymousCredentials(), Clock())


def _google_cloud(project: str) -> Connection:
    worlds.refuse_exports()
    try:
        credentials, _ = google.auth.default(scopes=SCOPES)
    except google.auth.exceptions.DefaultCredentialsError as error:
        raise ConnectError(
            "No application default credentials",
            where="environment: google-cloud",
            why=str(error).splitlines()[0],
            next="`gcloud auth application-default login`, or run as a service account",
        ) from error
    endpoints = {service: f"https://{service}.googleapis.com" for service in SERVICES}
    config = os.environ.get("KUBECONFIG", "")
    return Connection(
        project=project,
        endpoints=endpoints,
        credentials=credentials,
        clock=Clock(),
        kubeconfigs=tuple(path for path in config.split(os.pathsep) if path),
        world=worlds.of_google(project, credentials),
    )


def _simulator(project: str, scenario: str, time_scale: float) -> Connection:
    running = simulator.running(scenario, time_scale)
    world = worlds.of_simulator(project, running)
    worlds.tell(world)
    services = running["services"]
    root = running["url"]
    endpoints = {service: str(services.get(service, root)).rstrip("/") for service in SERVICES}
    env = running.get("env") or {}
    kubeconfigs = [str(c["kubeconfig"]) for c in running.get("clusters", {}).values()]
    dataplane = bool(running.get("dataplane", env.get("GCPSIM_DATAPLANE") == "true"))
    return Connection(
        project=project,
        endpoints=endpoints,
        credentials=AnonymousCredentials(),
        clock=simulator.clock(root, float(running.get("time_scale", 1.0))),
        allows_automatic_approval=True,
        data_plane=dataplane,
        no_data_plane="" if dataplane else "this simulator runs without its data plane",
        name_servers=_address_list(str(env.get("GCPSIM_DNS", ""))),
        dns_by_api=not env.get("GCPSIM_DNS"),
        ca_file=str(env.get("GCPSIM_CA_FILE", "")),
        kubeconfigs=tuple(dict.fromkeys(kubeconfigs)),
        world=world,
        sim_url=str(running["url"]).rstrip("/"),
    )


def _address_list(text: str) -> tuple[tuple[str, int], ...]:
    found = []
    for item in filter(None, text.split(",")):
        host, _, port = item.rpartition(":")
        found.append((host, int(port)) if host else (item, 53))
    return tuple(found)
