"""What issue 4 promises: apply against critical path and plain script, plans of a fleet, status.

Each figure comes from a gcpsim of its own at realistic durations or, where only our own cost
counts, at time scale 0. Everything goes over the wire, as it does for users.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
import yaml
from edgebook.apply.values import Values
from edgebook.apply.writers import Writers, merged_backends
from edgebook.book import Book, open_many, plan_many
from edgebook.book import open as open_book
from edgebook.model.kinds import KINDS, Api
from edgebook.model.observed import Observed
from edgebook.model.values import Change, Plan, ResourceKey, each_negs
from edgebook.plan import order
from gcpsim.core import durations

ROOT = Path(__file__).resolve().parent.parent
PARAMS = ROOT / "params" / "rehearsal.yaml"
PROJECT = "shop-rehearsal"
GLOBAL = f"projects/{PROJECT}/global"
SCALE = 12
DOORS = 200
NEGS, PER_NEG = 60, 167
ZONES = ("us-central1-a", "us-central1-b", "us-central1-c")
# What follows the last change: two good probes, and their way to the load balancer.
HEALTH = 2 * 5 + durations.seconds("health.propagation")


def run() -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as name:
        os.environ["EDGEBOOK_STATE"] = f"{name}/state"
        folder = Path(name)
        return [*_applies(), *_fleet(folder), *_status(folder)]


def _row(what: str, measured: float, unit: str, limit: str) -> dict[str, Any]:
    return {"what": what, "measured": round(measured, 3), "unit": unit, "limit": limit}


DOOR = requests.Session()  # to the stage door of the simulator that runs


@contextmanager
def simulator(scale: float, *options: str) -> Iterator[str]:
    """A gcpsim with the legacy shop, which this process' edgebook finds; its URL."""
    command = [sys.executable, "-m", "gcpsim", "serve", "--scenario", "legacy",
               "--until-stdin-closes", "--time-scale", str(scale), *options]  # fmt: skip
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin and process.stdout
    ready = json.loads(process.stdout.readline())
    url = str(ready["services"]["compute"])
    os.environ["GCPSIM_URL"] = url
    DOOR.headers["X-Gcpsim-Token"] = ready["env"]["GCPSIM_TOKEN"]
    try:
        yield url
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


def _applies() -> Iterator[dict[str, Any]]:
    """Everything at once; then, with the certificate issued, the rest against a plain script."""
    with simulator(SCALE) as url:
        book = open_book(str(PARAMS))
        changes = book.plan().plan.to_do
        measured = _applied(book)
        needed = _critical_path(changes)
        yield _row(f"full apply, of its critical path ({needed:.0f} s)", measured / needed, "x",
                   "<= 1.15")  # fmt: skip
        DOOR.post(f"{url}/_sim/reset", timeout=60)
        book = _issued(url)
        rest = book.plan().plan.to_do
        needed = _critical_path(rest)
        ours = _applied(book)
        yield _row(f"apply with the certificate issued, of its critical path ({needed:.0f} s)",
                   ours / needed, "x", "<= 1.15")  # fmt: skip
        DOOR.post(f"{url}/_sim/reset", timeout=60)
        script = _script(_issued(url))
        yield _row("a script that waits after each command, of our time", script / ours, "x",
                   ">= 3")  # fmt: skip


def _issued(url: str) -> Book:
    """The certificate step applied, and time moved until its certificate is ACTIVE."""
    book = open_book(str(PARAMS))
    book.step("certificate").apply("apply", "auto", show_progress=False)
    DOOR.post(f"{url}/_sim/clock", json={"advance": 1800}, timeout=60)
    return book


def _applied(book: Book) -> float:
    """Seconds of the environment that an apply takes."""
    began = time.monotonic()
    book.apply("apply", "auto", show_progress=False)
    return (time.monotonic() - began) * SCALE


def _critical_path(changes: Iterable[Change]) -> float:
    """The longest way through the operations that these changes need, in seconds."""
    changes = tuple(changes)
    waits = order.before(changes, {})
    issued = durations.seconds("certificatemanager.certificate.issue")
    ends: dict[ResourceKey, float] = {}
    by_key = {change.key: change for change in changes}

    def end(key: ResourceKey) -> float:
        if key not in ends:
            change = by_key[key]
            begin = max((end(other) for other in waits[key]), default=0.0)
            for gate in change.waits:
                if gate.key.kind == "certificate" and gate.key in by_key:
                    begin = max(begin, end(gate.key) + issued)
            ends[key] = begin + _seconds(change)
        return ends[key]

    last = max(end(key) for key in by_key)
    return last + (HEALTH if any(key.kind == "backends" for key in by_key) else 0)


def _seconds(change: Change) -> float:
    kind = KINDS[change.key.kind]
    if kind.api is Api.CERTIFICATE_MANAGER:
        return durations.seconds("certificatemanager.operation")
    if kind.api is Api.DNS:
        return durations.seconds("dns.change")
    if kind.api is Api.KUBERNETES:
        return durations.seconds("compute.networkEndpointGroups.insert")
    verb = "patch" if change.key.kind == "backends" else "insert"
    return durations.seconds(f"compute.{kind.collection}.{verb}")


def _script(book: Book) -> float:
    """The same changes by a script: one command after the other, each awaited, no start-up time."""
    door = book.door
    moment = door.read()
    values = Values(door.cloud, moment.reader)
    own = moment.desired.own_negs
    writers = Writers(door.cloud, moment.reader, values, own_negs=own, observe=door.observe_now)
    waits = order.before(moment.plan.changes, moment.live)
    todo = {change.key: change for change in moment.plan.to_do}
    began = time.monotonic()
    done: set[ResourceKey] = set(waits) - set(todo)
    while todo:
        key = min(key for key in todo if waits[key] <= done)
        change = todo.pop(key)
        if change.key.kind == "backends":
            time.sleep(_seconds(change) / SCALE)  # a loop around `kubectl get svcneg`
        writers.carry_out(change, "")
        done.add(key)
    return (time.monotonic() - began) * SCALE + HEALTH


def _fleet(folder: Path) -> Iterator[dict[str, Any]]:
    """Plans of 200 front doors in one project, nothing to change in any of them."""
    with simulator(0) as url:
        files = [_door_file(folder, number) for number in range(DOORS)]
        books = open_many(files)
        books[0].apply("apply", "auto", show_progress=False)
        plans = plan_many(books)
        observed = books[0].door.observe_now()
        for book in books[1:]:
            _fill(book, plans[book.file], observed)
        books = open_many(files)
        plan_many(books[:1])  # connections and imports are made once a process
        DOOR.delete(f"{url}/_sim/calls", timeout=60)
        began = time.monotonic()
        plans = plan_many(books)
        seconds = time.monotonic() - began
        log = requests.get(f"{url}/_sim/calls?log=true", timeout=60).json()["log"]
        left = {plan.front_door: len(plan.to_do) for plan in plans.values() if plan.to_do}
        if left:
            raise RuntimeError(f"plans that should be empty: {left}")
        resources = sum(1 for _ in books[0].door.read().live)
        yield _row(f"plans of {DOORS} front doors ({resources:,} resources), nothing to change",
                   seconds, "s", "<= 5")  # fmt: skip
        pages = _pages(books[0], log)
        yield _row(f"their API calls, of {pages} pages of lists", len(log) / pages, "x", "<= 1")


def _pages(book: Book, log: list[dict[str, Any]]) -> int:
    """How many pages the lists have that were read, and the two single reads that find clusters."""
    reader = book.door.reader.again()
    count = 0
    for service, where in {(entry["service"], entry["path"]) for entry in log}:
        kind = next((k for k in KINDS.values() if where.endswith(f"/{k.collection}")), None)
        if service in ("compute", "dns", "certificatemanager") and kind is not None:
            found = reader.collection(kind.name, where.rsplit("/", 1)[0]).result()
            count += max(1, math.ceil(len(found) / 500))
        else:
            count += 1
    return count


def _door_file(folder: Path, number: int) -> str:
    body = yaml.safe_load(PARAMS.read_text())
    host = f"d{number}.example.com"
    backends = {name: body["backends"][name] for name in ("web", "postgres")}
    body |= {
        "name": f"door{number}",
        "address": {"name": f"door{number}-edge"},
        "hostnames": [host],
        "certificate": {"name": f"door{number}", "authorization": "PER_PROJECT_RECORD"},
        "frontends": [body["frontends"][0], body["frontends"][2]],
        "routes": [{"hosts": [host], "default": "web"}],
        "backends": backends,
        "checks": [],  # those of the rehearsal are of its own names
    }
    path = folder / f"door{number}.yaml"
    path.write_text(yaml.safe_dump(body))
    return str(path)


def _fill(book: Book, plan: Plan, observed: Observed) -> None:
    """Put all resources of a front door there without waiting, as if it had been applied."""
    values = Values(book.door.cloud, book.door.reader)
    waits = order.before(plan.changes, {})
    todo = {change.key: change for change in plan.to_do}
    done: set[ResourceKey] = set()
    while todo:
        for key in [key for key in todo if waits[key] <= done]:
            _put(book, todo.pop(key), values, observed)
            done.add(key)


def _put(book: Book, change: Change, values: Values, observed: Observed) -> None:
    """One resource by bare requests: here only the result counts, not how edgebook makes it."""
    wire, key, kind = book.door.wire, change.key, KINDS[change.key.kind]
    if key.kind == "backends":
        where = f"compute/v1/{key.scope}/backendServices/{key.name}"
        live = wire.get("compute", where)
        wanted = tuple(each_negs(change.after))
        own = frozenset(each.name for each in wanted)
        entries = merged_backends(live.get("backends") or [], wanted, own, observed)
        patch = {"backends": entries, "fingerprint": live["fingerprint"]}
        wire.request("compute", "PATCH", where, body=patch)
        return
    body = values.concrete(change.after)
    if kind.api is Api.DNS:
        wire.request("dns", "POST", f"dns/v1/{key.scope}/rrsets", body=body)
        return
    if kind.api is Api.CERTIFICATE_MANAGER:
        where, body = f"v1/{key.scope}/{kind.collection}", {k: body[k] for k in body if k != "name"}
        wire.request(kind.api, "POST", where, params={kind.id_parameter: key.name}, body=body)
        return
    labels = body.pop("labels", None)
    where = f"compute/v1/{key.scope}/{kind.collection}"
    wire.request("compute", "POST", where, body=body)
    if labels:
        live = wire.get("compute", f"{where}/{key.name}")
        said = {"labels": labels, "labelFingerprint": live["labelFingerprint"]}
        wire.request("compute", "POST", f"{where}/{key.name}/setLabels", body=said)


def _status(folder: Path) -> Iterator[dict[str, Any]]:
    """`status` with 10,000 endpoints in 60 NEGs, which backends of ours carry."""
    with simulator(0) as url:
        book = open_book(str(PARAMS))
        book.apply("apply", "auto", show_progress=False)
        _crowd(book)
        book = open_book(str(PARAMS))
        book.status()  # connections and imports are made once a process
        DOOR.delete(f"{url}/_sim/calls", timeout=60)
        began, busy = time.monotonic(), time.process_time()
        text = str(book.status())
        seconds, ours = time.monotonic() - began, time.process_time() - busy
        count = int(text.split(" endpoints HEALTHY")[0].rsplit(" ", 1)[-1])
        if count < NEGS * PER_NEG:
            raise RuntimeError(f"only {count} endpoints")
        yield _row(f"status with {count:,} endpoints in {NEGS}+ NEGs", seconds, "s", "<= 3")
        yield _row("status, our own share (CPU)", ours, "s", "<= 1")


def _crowd(book: Book) -> None:
    """60 NEGs more behind a backend service of ours, with endpoints on the nodes of blue."""
    wire = book.door.wire
    nodes = list(book.door.reader.cluster("blue").list("api/v1/nodes"))
    by_zone = {
        zone: [
            (node["metadata"]["name"], node["spec"]["podCIDR"].rsplit(".", 1)[0])
            for node in nodes
            if node["metadata"]["labels"]["topology.kubernetes.io/zone"] == zone
        ]
        for zone in ZONES
    }
    links = []
    for number in range(NEGS):
        zone = ZONES[number % len(ZONES)]
        scope = f"compute/v1/projects/{PROJECT}/zones/{zone}/networkEndpointGroups"
        name = f"crowd-{number}"
        body = {"name": name, "networkEndpointType": "GCE_VM_IP_PORT",
                "network": f"{GLOBAL}/networks/default"}  # fmt: skip
        wire.request("compute", "POST", scope, body=body)
        points = []
        for index in range(PER_NEG):
            node, prefix = by_zone[zone][index % len(by_zone[zone])]
            address = f"{prefix}.{1 + index % 250}"
            points.append({"ipAddress": address, "port": 2000 + number, "instance": node})
        path = f"{scope}/{name}/attachNetworkEndpoints"
        wire.request("compute", "POST", path, body={"networkEndpoints": points})
        links.append(f"projects/{PROJECT}/zones/{zone}/networkEndpointGroups/{name}")
    where = f"compute/v1/{GLOBAL}/backendServices/shop-web"
    live = wire.get("compute", where)
    more = [{"group": link, "balancingMode": "RATE", "maxRatePerEndpoint": 1} for link in links]
    patch = {"backends": [*live["backends"], *more], "fingerprint": live["fingerprint"]}
    wire.request("compute", "PATCH", where, body=patch)
