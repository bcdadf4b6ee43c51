"""Which world requests go to, in words: shown at the top of notebooks, journaled, sealed.

There are two: Google Cloud, and a simulated one. Params of the first never reach the second: when
a shell has a simulator's exports, `refuse_exports` names those in the way. A simulator is the one
that GCPSIM_URL names, else the one that runs for this folder, else one started for this process.
"""

import os
import shlex
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from edgebook.base.errors import WrongWorld
from edgebook.cloud import simulator

GOOGLE = "google-cloud"
SIMULATOR = "simulator"
# What a simulator exports and what would lead Google's own clients to it, if it were left standing.
LEADING = (
    "GOOGLE_APPLICATION_CREDENTIALS",
    "HTTPS_PROXY",
    "https_proxy",
    "KUBECONFIG",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
)


@dataclass(frozen=True)
class World:
    """Where a front door is: `environment` as in the params, `endpoint` is who answers."""

    environment: str
    project: str
    endpoint: str
    how: str  # how the endpoint was found, or as whom we are there

    @property
    def real(self) -> bool:
        return self.environment == GOOGLE

    @property
    def name(self) -> str:
        return "Google Cloud" if self.real else "simulated Google Cloud"

    def __str__(self) -> str:
        return f"{self.name}, project {self.project}, at {self.endpoint} ({self.how})"

    def to_json(self) -> dict[str, str]:
        return asdict(self)


def of_google(project: str, credentials: Any) -> World:
    """Google Cloud, as the account of these credentials; WrongWorld for a simulator's."""
    token_uri = str(getattr(credentials, "_token_uri", "") or "")
    if _is_loopback(token_uri):
        raise WrongWorld(
            "These params are for Google Cloud, and the credentials are a simulator's",
            where=os.environ.get("GOOGLE_APPLICATION_CREDENTIALS", "")
            or "application default credentials",
            why=f"their tokens come from {token_uri}",
            next="unset GOOGLE_APPLICATION_CREDENTIALS, or log in: "
            "`gcloud auth application-default login`",
        )
    account = getattr(credentials, "service_account_email", "") or getattr(
        credentials, "account", ""
    )
    how = f"as {account}" if account else "as the user of the application default credentials"
    return World(GOOGLE, project, "https://googleapis.com", how)


def of_simulator(project: str, ready: Mapping[str, Any]) -> World:
    """The simulated Google Cloud that said this when it was ready."""
    return World(SIMULATOR, project, str(ready["url"]), str(ready.get("how", "")))


def settle(environment: str, project: str, *, scenario: str, time_scale: float) -> World:
    """Decide on the world of this process and all it starts: GCPSIM_URL says so from now on."""
    if environment == GOOGLE:
        refuse_exports()
        return World(GOOGLE, project, "https://googleapis.com", "application default credentials")
    ready = simulator.running(scenario, time_scale)
    os.environ["GCPSIM_URL"] = str(ready["url"])
    return of_simulator(project, ready)


def tell(world: World) -> None:
    """One line for whoever runs a command; a notebook says it in its first output instead."""
    if "ipykernel" not in sys.modules and world.how != "GCPSIM_URL":
        print(f"On {world}.", file=sys.stderr)


def refuse_exports(environ: Mapping[str, str] | None = None) -> None:
    """Raise WrongWorld when this environment leads to a simulator instead of Google Cloud."""
    environ = os.environ if environ is None else environ
    found = in_the_way(environ, simulator.environments(environ))
    if not found:
        return
    seen = "\n".join(f"{name}={environ[name]}" for name in found)
    lab = "; a lab on the simulator stays there: start another, edgebook lab --params FILE"
    raise WrongWorld(
        "These params are for Google Cloud, and this shell leads to a simulator",
        where=f"environment: {GOOGLE}, and the exports of a simulator",
        why=seen,
        next=f"unset {' '.join(shlex.quote(name) for name in found)}" + lab,
    )


def in_the_way(environ: Mapping[str, str], known: Iterable[Mapping[str, str]]) -> list[str]:
    """The exports that lead to a simulator: those of a `known` one, and what can only be one's."""
    environments = list(known)
    found = {name for name in environ if name.startswith("GCPSIM_URL") and environ[name]}
    for name in LEADING:
        value = environ.get(name, "")
        if not value:
            continue
        exported = any(value == env.get(name.upper()) for env in environments)
        stale_proxy = found and name.lower() == "https_proxy" and _is_loopback(value)
        if exported or stale_proxy:
            found.add(name)
    return sorted(found)


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host == "localhost" or host.startswith("127.") or host == "::1"
