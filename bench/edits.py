"""Random edits of a live front door on gcpsim, with requests going through it all the while.

Each edit is planned, applied once, and looked at: does the plan say what it costs, does one run
suffice, is the second plan empty, is what belongs to others as it was, and does every frontend that
served before and is wanted after answer every request? EDITS=1000 SEED=7 make bench ONLY=edits
SCALE is how fast simulated time goes (60).
What was found is told on stderr as it is found, with the counts so far: a stop loses nothing.
"""

import dataclasses
import json
import os
import random
import subprocess
import sys
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgebook.base.errors import EdgebookError, ParamsError
from edgebook.book import Book, open
from edgebook.model.kinds import KINDS
from edgebook.model.marks import owner
from edgebook.plan import kept
from edgebook.plan.successors import leads
from edgebook.traffic import Statistics

from bench._everywhere import Everywhere
from bench._watching import watching
from tests.unit.params_edits import edited
from tests.unit.plan.edits import EDITS, ROOM

COUNT, SEED = 40, 1
SCALE = float(os.environ.get("SCALE", "60"))  # simulated seconds a second
LOCATIONS = 100  # imaginary ones that learn each edit, each in an order of its own
# Needs something that the scenario's clusters do not have.
NOT_HERE = ("shop-armor", "8081", "HTTP2", "mqtt.health_check")
# Health checks that no pod passes: such an edit is to stop before anybody notices.
NOT_PASSED = ("9100",)


# Failures are counted here, against what the plan announced: they do not stop the runs.
PATIENT = {"safety.traffic": {"max_failed": 10**6, "max_gap": "1h", "max_latency_rise": None}}
BLIND = "stopped by a blind meter"
UNKNOWN_HOST = "HTTP 404"  # what the scenario's NGINX answers for hosts without an Ingress
LEGACY = "today"  # the old load balancer, which no edit touches


@dataclasses.dataclass
class Tally:
    """What came of the edits."""

    counts: Counter[str] = dataclasses.field(default_factory=Counter)
    troubles: list[str] = dataclasses.field(default_factory=list)

    def trouble(self, kind: str, text: str) -> None:
        self.counts[kind] += 1
        self.tell(f"{kind}: {text}")

    def tell(self, text: str) -> None:
        self.troubles.append(text)
        print(text, file=sys.stderr, flush=True)

    def progress(self, number: int, count: int) -> None:
        print(
            f"{number} of {count}: {dict(sorted(self.counts.items()))}", file=sys.stderr, flush=True
        )


def run() -> list[dict[str, Any]]:
    count, seed = int(os.environ.get("EDITS", COUNT)), int(os.environ.get("SEED", SEED))
    with tempfile.TemporaryDirectory() as name, simulator(Path(name), SCALE):
        tally = edits(Path(name), count, random.Random(seed))
    found = tally.counts
    return [
        _row(f"edits carried out (of {count} drawn; others were refused)", found["run"], ">= 1"),
        _row("requests that were watched", found["sent"], ">= 1"),
        _row("requests that failed though the plan said no", found["failed"], "<= 0"),
        _row(
            f"of {found['locations']} imaginary locations, those that missed something unannounced",
            found["lost"],
            "<= 0",
        ),
        _row("requests that failed at what did not serve before", found["newcomers"], ">= 0"),
        _row("edits that no request saw", found["unseen"], "<= 0"),
        _row("runs that needed a second start", found["second start"], "<= 0"),
        _row("edits that no pod passes, stopped and put back", found["stopped"], ">= 0"),
        _row("runs that stopped as the machine left the meter no time", found[BLIND], "<= 0"),
        _row("second plans that were not empty", found["not empty"], "<= 0"),
        _row("resources of others that were changed", found["harmed"], "<= 0"),
    ]


def _row(what: str, measured: float, limit: str) -> dict[str, Any]:
    return {"what": what, "measured": measured, "unit": "", "limit": limit}


@contextmanager
def simulator(folder: Path, scale: float, *options: str) -> Iterator[None]:
    """A gcpsim of its own; edgebook finds it by the environment."""
    command = [sys.executable, "-m", "gcpsim", "serve", "--until-stdin-closes",
               "--scenario", "legacy", "--time-scale", str(scale), *options]  # fmt: skip
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    kept = dict(os.environ)
    os.environ |= {**{k: str(v) for k, v in ready["env"].items()}, "EDGEBOOK_STATE": str(folder)}
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= kept
        process.terminate()
        process.communicate(timeout=30)


def edits(folder: Path, count: int, rng: random.Random) -> Tally:
    """Draw, plan, apply and look, `count` times, each edit from where the last one ended."""
    tally = Tally()
    book = book_of(folder, {})
    assert book is not None
    for _ in range(5):  # a machine that is busy blinds the meter, which says nothing of the edits
        try:
            book.apply("apply", "auto", show_progress=False)
            break
        except EdgebookError as error:
            if not is_blind(error):
                raise
    everywhere = Everywhere(news, book.door.read().observed.project_numbers)
    standing: dict[str, Any] = {}  # which clusters serve: a plain apply takes none of them out
    for number in range(1, count + 1):
        drawn = {**standing, **draw(rng)}
        wanted = book_of(folder, drawn)
        if wanted is None:
            tally.counts["invalid"] += 1
        elif drawn != (right := righted(drawn)):
            if (mended_book := book_of(folder, right)) is None:
                tally.counts["invalid"] += 1
            elif stopped(book, wanted, mended_book, drawn, tally):
                book, standing = mended_book, serving(right)
        elif one(book, wanted, drawn, tally, everywhere):
            book = wanted
            standing = serving(drawn)
        if number % 10 == 0:
            tally.progress(number, count)
    return tally


def news(since: int) -> list[dict[str, Any]]:
    """What began to spread to the locations of the simulator after that number."""
    url = f"{os.environ['GCPSIM_URL']}/_sim/news?since={since}"
    request = urllib.request.Request(url, headers={"X-Gcpsim-Token": os.environ["GCPSIM_TOKEN"]})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return list(json.load(answer)["news"])


def draw(rng: random.Random) -> dict[str, Any]:
    usable = [e for e in EDITS if not any(name in str(e) for name in NOT_HERE)]
    chosen = rng.sample(usable, rng.randint(0, 3))
    return {path: value for edit in chosen for path, value in edit.items()}


def book_of(folder: Path, drawn: Mapping[str, Any]) -> Book | None:
    path = folder / "shop.yaml"
    try:
        path.write_text(edited({**drawn, **ROOM, **PATIENT}), encoding="utf-8")
        return open(str(path))
    except (ParamsError, IndexError, KeyError, TypeError):
        return None


def one(
    before: Book, book: Book, drawn: Mapping[str, Any], tally: Tally, everywhere: Everywhere
) -> bool:
    """One edit: refused (False), or carried out in one run that hurts nobody."""
    plan = book.door.read().plan
    if refused := book.refusal(plan, book.made()):
        tally.counts["refused"] += 1
        tally.counts[refused.what.partition(": ")[2].lstrip("0123456789 of")] += 1
        return False
    others = foreign(book)
    everywhere.catch_up()
    with watching(before, book) as seen:
        try:
            book.apply("apply", shown(book), show_progress=False)
        except EdgebookError as error:
            tally.trouble(BLIND if is_blind(error) else "second start", f"{drawn}: {error}")
            mended(book, tally, drawn)
    tally.counts["run"] += 1
    announced = any(change.disrupts and not leads(change) for change in plan.to_do)
    _traffic(seen.statistics, drawn, tally, announced)
    tally.counts["newcomers"] += seen.newcomers
    lost = everywhere.edited(random.Random(str(drawn)), LOCATIONS)
    tally.counts["locations"] += LOCATIONS
    if lost and not announced:
        tally.counts["lost"] += max(lost.values())
        tally.tell(f"lost: {drawn}: {dict(lost.most_common(4))} of {LOCATIONS}")
    again = book.door.read().plan
    if not again.empty:
        left = ", ".join(f"{c.action} {c.key}: {c.sentence}" for c in again.to_do)
        tally.trouble("not empty", f"{drawn}: {left}")
    if changed := differing(others, foreign(book)):
        tally.trouble("harmed", f"{drawn}: {', '.join(changed)}")
    return True


def serving(drawn: Mapping[str, Any]) -> dict[str, Any]:
    return {path: value for path, value in drawn.items() if path.endswith(".active")}


def righted(drawn: Mapping[str, Any]) -> dict[str, Any]:
    """The same without the health checks that no pod passes."""
    return {
        path: value
        for path, value in drawn.items()
        if not path.endswith("health_check") or not any(word in str(value) for word in NOT_PASSED)
    }


def stopped(before: Book, book: Book, right: Book, drawn: Mapping[str, Any], tally: Tally) -> bool:
    """A health check that no pod passes: the run stops, nobody notices, and it is put right."""
    plan = book.door.read().plan
    if book.refusal(plan, book.made()):
        tally.counts["refused"] += 1
        return False
    with watching(before, right) as seen:
        try:
            book.apply("apply", shown(book), show_progress=False)
            tally.trouble("not stopped", str(drawn))
        except EdgebookError as error:
            tally.counts[BLIND if is_blind(error) else "stopped"] += 1
            if "keeps its health check" not in error.what and not is_blind(error):
                tally.tell(f"stopped otherwise: {drawn}: {error.what}")
        mended(right, tally, drawn)
    announced = any(change.disrupts and not leads(change) for change in plan.to_do)
    _traffic(seen.statistics, drawn, tally, announced)
    if not (again := right.door.read().plan).empty:
        left = ", ".join(f"{c.action} {c.key}: {c.sentence}" for c in again.to_do)
        tally.trouble("not empty", f"{drawn}: put right: {left}")
    return True


def shown(book: Book) -> str:
    """The hash of the plan as somebody sees it now: what comes twice is approved twice."""
    plan = book.door.read().plan
    kept.show(plan, book.door.connection.place)
    return plan.hash


def is_blind(error: EdgebookError) -> bool:
    """The machine gave the meter no time to look: it says nothing about the edit."""
    return "cannot be told" in error.what


def mended(book: Book, tally: Tally, drawn: Mapping[str, Any]) -> None:
    for left in range(4, -1, -1):
        try:
            book.apply("apply", shown(book), show_progress=False)
            return
        except EdgebookError as error:
            if not is_blind(error) or not left:
                tally.trouble("stuck", f"{drawn}: {error.what}")
                return


def _traffic(seen: Statistics, drawn: Mapping[str, Any], tally: Tally, announced: bool) -> None:
    tally.counts["sent"] += seen.sent
    if not seen.sent and seen.seconds:
        tally.counts["unseen"] += 1
    shares = [share for share in seen.by if share.frontend != LEGACY]
    failed = sum(share.failed for share in shares)
    if failed and announced:
        tally.counts["announced"] += failed
    elif failed and all(failure.sentence.endswith(UNKNOWN_HOST) for failure in seen.failures):
        # Of two backends that share a path by weight one knows the host: no work of the edit's.
        tally.counts["unknown to NGINX"] += failed
    elif failed:
        tally.counts["failed"] += failed
        first = seen.failures[0].sentence if seen.failures else ""
        tally.tell(f"failed: {drawn}: {failed} of {seen.sent}, {first}")


def foreign(book: Book) -> dict[str, str]:
    """Everything in the project that is not this front door's."""
    moment = book.door.read()
    wanted = {resource.key for resource in moment.desired.resources}
    return {
        key.id: json.dumps(item.body, sort_keys=True, default=str)
        for key, item in moment.live.items()
        if key not in wanted
        and key.kind not in ("backends", "serviceAnnotation")
        and not (KINDS[key.kind].marker and owner(item.body))
        and not key.name.startswith("_acme-challenge")
        and not _ours(item.body, moment.live, book)
    }


def _ours(body: Mapping[str, Any], live: Mapping[Any, Any], book: Book) -> bool:
    """A record that answers with an address of this front door."""
    addresses = {
        str(item.body.get("address"))
        for key, item in live.items()
        if key.kind == "address" and owner(item.body) == book.door.names.front_door
    }
    values = {str(value) for value in body.get("rrdatas") or ()}
    return bool(values) and values <= addresses


def differing(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    return sorted(key for key in before if before[key] != after.get(key))
