"""Whatever comes back from the wire: tried again, else told in words; never believed.

The whole table is `make bench ONLY=hold`; this is a sample of each kind.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from edgebook.base.errors import EdgebookError
from edgebook.book import Book
from edgebook.cloud.connect import Limits
from edgebook.model.values import Action

from tests.contract.edgebook.garbling import FAULTS, GarblingProxy

# A call that is given up leaves its thread and its socket behind, to end when the server lets go.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
SHORT = Limits(one=2.0, call=12.0, waiting=3.0)
# One kind of request each: what it is called, and how its path is told from others.
READS = {
    "a compute list": "/global/backendServices?",
    "the record sets": "/rrsets?",
    "the certificates": "/locations/global/certificates?",
    "a cluster's Services": "/cluster/blue/api/v1/services",
    "a cluster's NEGs": "/cluster/blue/apis/networking.gke.io/",
    "the GKE API": "/locations/europe-west1/clusters/green",
    "the project": "/v3/projects/",
    "the firewalls": "/global/firewalls?",
}
WRITES = {
    "an insert": ("POST", "/global/healthChecks"),
    "a wait": ("POST", "/wait"),
    "a change of records": ("POST", "/changes"),
    "a certificate": ("POST", "/certificates"),
    "an annotation": ("PATCH", "/cluster/"),
    "labels": ("POST", "/setLabels"),
}


@pytest.fixture(scope="module")
def proxy(legacy: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GarblingProxy]:
    made = GarblingProxy(legacy.ready, tmp_path_factory.mktemp("proxy"))
    yield made
    made.stop()


@pytest.fixture
def behind(shop: Any, proxy: GarblingProxy, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("GCPSIM_URL", proxy.url)
    proxy.calm()

    def book() -> Book:
        made: Book = shop.book()
        made.door.connection.limits = SHORT
        return made

    return book


@pytest.fixture
def complete(shop: Any, behind: Any) -> Any:
    shop.stand()
    return behind


def told(error: EdgebookError) -> None:
    """What, where and why are said, in printable words."""
    assert error.what and error.where and error.why, repr(error)
    assert "\x1b" not in str(error)


def pairs(kinds: Any) -> list[tuple[str, str]]:
    """Each fault and each kind of request at least once."""
    names = list(kinds)
    count = max(len(names), len(FAULTS))
    return [(names[n % len(names)], FAULTS[n % len(FAULTS)]) for n in range(count)]


def test_what_cannot_be_read_is_never_taken_for_nothing(
    complete: Any, proxy: GarblingProxy
) -> None:
    for kind, fault in pairs(READS):
        part = READS[kind]
        proxy.choose = lambda method, path, fault=fault, part=part: fault if part in path else ""
        book = complete()
        try:
            plan = book.plan().plan
        except EdgebookError as error:
            told(error)
            continue
        harmful = [c for c in plan.to_do if c.action in (Action.DELETE, Action.REPLACE)]
        assert harmful == [], (kind, fault)
        # Of a cluster that is not there nothing is known: what it has is neither made nor detached.
        assert plan.to_do == (), (kind, fault, [str(c.key) for c in plan.to_do])


def test_a_fault_that_passes_is_not_noticed(complete: Any, proxy: GarblingProxy) -> None:
    for kind, fault in pairs(READS)[::2]:
        part, left = READS[kind], [fault]
        proxy.choose = lambda method, path, part=part, left=left: (
            left.pop() if part in path and left else ""
        )
        assert complete().plan().empty, (kind, fault)
        assert left == []


@pytest.mark.parametrize("seed", range(2))
def test_a_run_under_faults_stops_clearly_or_converges(
    behind: Any, proxy: GarblingProxy, seed: int
) -> None:
    proxy.garble(seed, 0.12)
    try:
        behind().apply("apply", "auto", show_progress=False, await_health=False)
    except EdgebookError as error:
        told(error)
    assert proxy.met, "no fault was met"
    proxy.calm()
    behind().apply("apply", "auto", show_progress=False, await_health=False)
    assert behind().plan().empty


def test_writes_that_are_answered_with_garbage_end_in_words(
    behind: Any, proxy: GarblingProxy
) -> None:
    for kind, fault in pairs(WRITES)[::2]:
        verb, part = WRITES[kind]
        proxy.choose = lambda method, path, verb=verb, part=part, fault=fault: (
            fault if method == verb and part in path else ""
        )
        try:
            behind().apply("apply", "auto", show_progress=False, await_health=False)
        except EdgebookError as error:
            told(error)
    proxy.calm()
    behind().apply("apply", "auto", show_progress=False, await_health=False)
    assert behind().plan().empty
