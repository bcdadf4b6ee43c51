"""A simulator with the legacy shop at time scale 0, put back to its beginning before each test."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from edgebook.book import Book, open

from tests.unit.params_edits import edited

PARAMS = Path(__file__).parents[3] / "params" / "rehearsal.yaml"


class Shop:
    """The rehearsal's world, and books on it."""

    def __init__(self, sim: Any, folder: Path) -> None:
        self.sim = sim
        self.folder = folder

    def params(self, **changes: Any) -> dict[str, Any]:
        """The rehearsal's params with top-level keys replaced."""
        body: dict[str, Any] = yaml.safe_load(PARAMS.read_text())
        return {**body, "records": {"archive": str(self.folder / "records")}, **changes}

    def file(self, name: str = "shop.yaml", **changes: Any) -> str:
        path = self.folder / name
        path.write_text(yaml.safe_dump(self.params(**changes), sort_keys=False))
        return str(path)

    def book(self, **changes: Any) -> Book:
        return open(self.file(**changes))

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


@pytest.fixture(scope="module")
def legacy(sim: Any) -> Iterator[Any]:
    simulator = type(sim)("--time-scale", "0", "--scenario", "legacy")
    yield simulator
    simulator.stop()


@pytest.fixture
def shop(legacy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    legacy.admin("POST", "reset")
    legacy.admin("DELETE", "faults")
    monkeypatch.setenv("GCPSIM_URL", legacy.url)
    monkeypatch.setenv("GCPSIM_TOKEN", legacy.ready["env"]["GCPSIM_TOKEN"])
    monkeypatch.setenv("EDGEBOOK_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("EDGEBOOK_JOURNAL", raising=False)
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    return Shop(legacy, tmp_path)


@pytest.fixture(scope="module")
def quiet_shop(sim: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A legacy world of this module's own, without traffic and without waiting; nothing built."""
    simulator = type(sim)("--time-scale", "0", "--scenario", "legacy", "--no-dataplane")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GCPSIM_URL", simulator.url)
        patch.setenv("EDGEBOOK_STATE", str(tmp_path_factory.mktemp("state")))
        patch.delenv("EDGEBOOK_JOURNAL", raising=False)
        yield Shop(simulator, tmp_path_factory.mktemp("params"))
    simulator.stop()


class Staged(Shop):
    """A shop whose params have the edits of a row."""

    edits: dict[str, Any] = {}

    def params(self, **changes: Any) -> dict[str, Any]:
        body: dict[str, Any] = yaml.safe_load(edited(self.edits))
        return {**body, "records": {"archive": str(self.folder / "records")}, **changes}


@pytest.fixture(scope="module")
def staged(quiet_shop: Shop) -> Staged:
    """A shop whose world has a mark `built`: its front door stands, and all is well."""
    shop = Staged(quiet_shop.sim, quiet_shop.folder)
    shop.book().apply("apply", "auto", show_progress=False)
    assert shop.book().verify().data["counts"]["failed"] == 0
    shop.sim.admin("POST", "mark", {"name": "built"})
    return shop
