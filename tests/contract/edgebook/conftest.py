"""A simulator with the legacy shop at time scale 0, put back to its beginning before each test.

A worker has one of them for all its tests, and one for modules whose tests build on each other.
Who needs the rehearsal's front door only to stand on it takes `shop.stand()`: it is built once.
"""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from edgebook.book import Book, open

from tests import yamls
from tests.unit.params_edits import edited

PARAMS = Path(__file__).parents[3] / "params" / "rehearsal.yaml"
BUILT = "built"
# Simulated time goes on over a reset: in a world that lives on, certificates come to their end.
OLDEST = 12 * 3600.0


class Shop:
    """The rehearsal's world, and books on it."""

    def __init__(self, sim: Any, folder: Path) -> None:
        self.sim = sim
        self.folder = folder

    def params(self, **changes: Any) -> dict[str, Any]:
        """The rehearsal's params with top-level keys replaced."""
        body: dict[str, Any] = yamls.read(PARAMS.read_text())
        return {**body, "records": {"archive": str(self.folder / "records")}, **changes}

    def file(self, name: str = "shop.yaml", **changes: Any) -> str:
        path = self.folder / name
        path.write_text(yamls.write(self.params(**changes)))
        return str(path)

    def book(self, **changes: Any) -> Book:
        return open(self.file(**changes))

    def stand(self) -> Book:
        """A book on the front door of the rehearsal's params, the world as it was just built."""
        if BUILT not in self.sim.admin("GET", "marks")["marks"]:
            with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
                enter(patch, self.sim, Path(folder) / "state")
                self.sim.admin("POST", "reset")
                Shop(self.sim, Path(folder)).book().apply("apply", "auto", show_progress=False)
                self.sim.admin("POST", "mark", {"name": BUILT})
        self.sim.admin("POST", "reset", {"to": BUILT})
        return self.book()

    def fault(self, **fault: Any) -> None:
        self.sim.admin("POST", "faults", fault)

    def calm(self) -> None:
        self.sim.admin("DELETE", "faults")

    def log(self) -> list[dict[str, Any]]:
        return list(self.sim.admin("GET", "calls?log=true")["log"])

    def state(self) -> dict[str, Any]:
        """Everything that a run leaves behind, without what differs from run to run."""
        return observable(self.book())


VOLATILE = {
    "address", "attemptTime", "certificateMap", "createTime", "creationTimestamp", "data",
    "expireTime", "fingerprint", "id", "labelFingerprint", "pemCertificate", "updateTime",
    "IPAddress",
}  # fmt: skip


def observable(book: Book) -> dict[str, Any]:
    """The live resources of a front door, plain and comparable."""
    moment = book.door.read()
    found = {}
    for key, item in moment.live.items():
        if key.kind == "dnsRecordSet" and key.name.startswith("_acme-challenge"):
            found["challenge"] = item.body["type"]
            continue
        found[key.id] = _stripped(item.body)
    return found


def _stripped(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _stripped(v) for k, v in value.items() if k not in VOLATILE}
    if isinstance(value, list):
        return sorted((_stripped(item) for item in value), key=repr)
    if isinstance(value, str) and value.startswith("34."):
        return "an address"
    return value


def enter(patch: pytest.MonkeyPatch, simulator: Any, state: Path) -> None:
    """Commands and books in this process are on that simulator, with state of their own."""
    patch.setenv("GCPSIM_URL", simulator.url)
    patch.setenv("GCPSIM_TOKEN", simulator.ready["env"]["GCPSIM_TOKEN"])
    patch.setenv("EDGEBOOK_STATE", str(state))
    for name in ("EDGEBOOK_JOURNAL", "HTTPS_PROXY", "https_proxy"):
        patch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def worlds(sim: Any) -> Iterator[Callable[[str], Any]]:
    """worlds("shop") is a legacy world as it begins, the same simulator while it is young."""
    kept: dict[str, tuple[Any, float]] = {}

    def now(simulator: Any) -> float:
        return float(simulator.admin("GET", "clock")["seconds"])

    def world(name: str) -> Any:
        if name in kept and now(kept[name][0]) - kept[name][1] > OLDEST:
            kept.pop(name)[0].stop()
        if name not in kept:
            simulator = type(sim)("--time-scale", "0", "--scenario", "legacy")
            kept[name] = simulator, now(simulator)
        simulator, _ = kept[name]
        simulator.admin("POST", "reset")
        simulator.admin("POST", "clock", {"scale": 0})
        return simulator

    with contextlib.ExitStack() as stack:
        yield world
        for simulator, _ in kept.values():
            stack.callback(simulator.stop)


@pytest.fixture(scope="module")
def legacy(worlds: Callable[[str], Any]) -> Iterator[Any]:
    simulator = worlds("shop")
    yield simulator
    assert simulator.admin("GET", "failures")["failures"] == []


@pytest.fixture
def shop(legacy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    legacy.admin("POST", "reset")
    enter(monkeypatch, legacy, tmp_path / "state")
    return Shop(legacy, tmp_path)


@pytest.fixture(scope="module")
def quiet_shop(
    worlds: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    """A legacy world for a module whose tests build on each other; nothing built."""
    simulator = worlds("quiet")
    with pytest.MonkeyPatch.context() as patch:
        enter(patch, simulator, tmp_path_factory.mktemp("state"))
        yield Shop(simulator, tmp_path_factory.mktemp("params"))
    assert simulator.admin("GET", "failures")["failures"] == []


class Staged(Shop):
    """A shop whose params have the edits of a row."""

    edits: dict[str, Any] = {}

    def params(self, **changes: Any) -> dict[str, Any]:
        body: dict[str, Any] = yamls.read(edited(self.edits))
        return {**body, "records": {"archive": str(self.folder / "records")}, **changes}


@pytest.fixture(scope="module")
def staged(quiet_shop: Shop) -> Staged:
    """A shop whose front door stands, by the mark of that name, and all is well."""
    shop = Staged(quiet_shop.sim, quiet_shop.folder)
    shop.stand()
    assert shop.book().verify().data["counts"]["failed"] == 0
    return shop
