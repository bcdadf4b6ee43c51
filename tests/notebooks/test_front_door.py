"""The real notebooks against gcpsim: papermill, nbval, approval, refusal, failure and resume."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from edgebook.records import FolderArchive, load_record, verify_archive

from tests.contract.edgebook.conftest import Shop
from tests.contract.edgebook.test_classic_certificates import classic, listed, served
from tests.contract.edgebook.test_scheme import P, make
from tools.sample_record import make_old

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
PARAMS = "params/rehearsal.yaml"
NOTEBOOKS = ROOT / "notebooks"
# 80 and 90 move traffic: they are played by the rehearsal and tested with the moves.
NUMBERED = [path for path in sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")) if path.name < "80"]


def _operate(*, moves: bool) -> list[Path]:
    """The notebooks of operate/ that end by themselves and move traffic, or do not."""
    return [
        path
        for path in sorted((NOTEBOOKS / "operate").glob("*.ipynb"))
        if path.stem != "watch"
        and moves == bool(nbformat.read(path, 4).metadata["edgebook"].get("moves"))
    ]


MOVING = [NOTEBOOKS / "80_cut_over.ipynb", NOTEBOOKS / "90_retire.ipynb", *_operate(moves=True)]
LOOKING = _operate(moves=False)
SIMULATOR = ("--port", "0", "--scenario", "legacy", "--time-scale", "0")
pytestmark = pytest.mark.timeout(600)


class World:
    """A fresh simulator, and commands that see nothing but it."""

    def __init__(self, simulator: Any, folder: Path) -> None:
        self.simulator = simulator
        self.folder = folder
        self.archive = FolderArchive(folder / "records")
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("GCPSIM", "EDGEBOOK"))}
        self.env = {**clean, **simulator.ready["env"], "EDGEBOOK_STATE": str(folder / "state")}

    def run(self, program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(BIN / program), *map(str, arguments)],
            cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=500,
        )  # fmt: skip

    def edgebook(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return self.run("edgebook", *arguments)

    def plan(self, params: str | Path = PARAMS) -> dict[str, Any]:
        done = self.edgebook("plan", "--params", params, "--json")
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    def apply(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return self.edgebook("run", "--records", self.folder / "records", *arguments)


@pytest.fixture
def world(keep_sim: Callable[..., Any], tmp_path: Path) -> World:
    simulator = keep_sim(*SIMULATOR)
    simulator.admin("POST", "reset")
    return World(simulator, tmp_path)


@pytest.fixture
def carrying(start_sim: Callable[..., Any], tmp_path: Path) -> Iterator[World]:
    """A world with traffic in it, as in a rehearsal."""
    yield World(start_sim("--dataplane", *SIMULATOR), tmp_path)


@pytest.fixture
def quiet(start_sim: Callable[..., Any], tmp_path: Path) -> Iterator[World]:
    """A world without traffic, in which moves take no time."""
    yield World(start_sim("--no-dataplane", *SIMULATOR), tmp_path)


def texts(path: Path) -> str:
    """Everything that a notebook shows as text."""
    found = []
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            assert output.output_type != "error", output
            found.append(output.get("text", "") or output.data.get("text/plain", ""))
    return "\n".join(found)


PAPERMILL = """
import sys, papermill
for source, target, parameters in eval(sys.argv[1]):
    papermill.execute_notebook(source, target, parameters, progress_bar=False)
"""


def test_plain_papermill_runs_the_notebooks_with_the_ordinary_kernel(world: World) -> None:
    """The command line, and papermill's own function for what undoes it again.

    All that build run in ordinary kernels by nbval below, those that move in JupyterLab's
    (tests/e2e), and all of them through papermill in the runner's.
    """
    certificate, teardown = NUMBERED[2], NOTEBOOKS / "operate" / "teardown.ipynb"
    output = world.folder / certificate.name
    words = ["-p", "params_file", PARAMS, "-p", "mode", "apply", "-p", "approve", "auto"]
    done = world.run("papermill", "--no-progress-bar", *words, certificate, output)
    assert done.returncode == 0, done.stderr[-3000:]
    parameters = {"params_file": PARAMS, "mode": "apply", "approve": "auto"}
    undone = [(str(teardown), str(world.folder / teardown.name), parameters)]
    done = world.run("python", "-c", PAPERMILL, repr(undone))
    assert done.returncode == 0, done.stderr[-3000:]
    shown = texts(output)
    assert "certificate: 7 to create" in shown
    assert "7 of 7 changes done" in shown
    assert re.search(r"\b(\d+) of \1 changes done", texts(world.folder / teardown.name))
    left = [change for change in world.plan()["changes"] if change["action"] == "create"]
    assert len(left) > 20, "the teardown left something"


def nbval(world: World, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return world.run(
        "python", "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "-q", "-c",
        ROOT / "tests" / "notebooks" / "nbval.ini", "--nbval-kernel-startup-timeout", "120",
        *arguments,
    )  # fmt: skip


def test_run_all_in_plan_mode_works_in_each_notebook_and_changes_nothing(world: World) -> None:
    before = world.plan()
    paths = [*NUMBERED, *LOOKING]
    done = world.apply("--params", PARAMS, "--mode", "plan", *paths)
    assert done.returncode == 0, done.stdout + done.stderr
    record = load_record(world.archive, world.archive.change_ids()[0])
    assert [step["name"] for step in record.steps] == [path.stem for path in paths]
    assert record.changes == []
    assert world.plan() == before


def test_the_sample_record_is_what_a_rehearsal_shows_today(carrying: World) -> None:
    """Refresh it with: .venv/bin/python tools/sample_record.py"""
    archive = FolderArchive(ROOT / "docs" / "sample-record")
    (change_id,) = archive.change_ids()
    verdict = verify_archive(archive)
    assert verdict.intact, f"{verdict}\nrefresh: .venv/bin/python tools/sample_record.py"
    record = load_record(archive, change_id)
    assert record.status == "succeeded"
    names = [step["notebook"] for step in record.steps]
    assert names == [path.name for path in NUMBERED] + ["status.ipynb"]
    copy = carrying.folder / "copy"  # nbval runs a notebook where it is; the params were beside it
    shutil.copytree(ROOT / "params", copy / "params")
    copies = [shutil.copy(archive.folder / change_id / name, copy / name) for name in names]
    sanitize = ROOT / "tests" / "notebooks" / "sanitize.cfg"
    journal = carrying.folder / "journal.jsonl"  # as in a recorded run
    carrying.env["EDGEBOOK_JOURNAL"] = str(journal)
    done = nbval(carrying, "--nbval", "--nbval-sanitize-with", sanitize, *copies)
    assert done.returncode == 0, (
        f"{done.stdout[-6000:]}\nrefresh: .venv/bin/python tools/sample_record.py"
    )


def test_the_sample_moves_are_what_each_runbook_shows_today(quiet: World) -> None:
    """Refresh it with: .venv/bin/python tools/sample_record.py moves"""
    archive = FolderArchive(ROOT / "docs" / "sample-moves")
    hint = "refresh: .venv/bin/python tools/sample_record.py moves"
    assert verify_archive(archive).intact, hint
    records = [load_record(archive, change_id) for change_id in archive.change_ids()]
    assert {record.status for record in records} == {"succeeded"}
    steps = [(record, step["notebook"]) for record in records for step in record.steps]
    assert {name for _, name in steps} >= {path.name for path in MOVING}, hint
    copy = quiet.folder / "copy"
    shutil.copytree(ROOT / "params", copy / "params")
    copies = [
        shutil.copy(archive.folder / record.change_id / name, copy / f"{number}-{name}")
        for number, (record, name) in enumerate(steps)
    ]
    quiet.env["EDGEBOOK_JOURNAL"] = str(quiet.folder / "journal.jsonl")
    quiet.env["PATH"] = f"{BIN}{os.pathsep}{quiet.env['PATH']}"  # lines to paste say `edgebook`
    make_old(quiet.env["GCPSIM_URL"])
    done = quiet.edgebook("apply", "--quiet", "--approve", "auto", "--params", PARAMS)
    assert done.returncode == 0, done.stderr
    sanitize = ROOT / "tests" / "notebooks" / "sanitize.cfg"
    forked = ("-p", "tests.notebooks.forked_kernels")
    done = nbval(quiet, *forked, "--nbval", "--nbval-sanitize-with", sanitize, *copies)
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{hint}"
    _others_certificates(quiet)


def _others_certificates(world: World) -> None:
    """The classic certificates of that load balancer, in the same world, by the same runbook."""
    shop = Shop(world.simulator, world.folder)
    classic(shop, "own", "shop.example.com")
    links = {"urlMap": f"{P[12:]}/urlMaps/old", "sslCertificates": listed("own")}
    make(shop, "targetHttpsProxies", name="old-https", **links)
    given = ["-p", "proxies", "old-https", "-p", "soak", "1m", "--approve", "auto"]
    done = world.apply("--params", PARAMS, "operate/certificates", *given)
    assert done.returncode == 0, done.stdout + done.stderr
    record = load_record(world.archive, world.archive.change_ids()[-1])
    moved = [(c["kind"], c["name"]) for step in record.steps for c in step["changes"]]
    assert ("targetHttpsProxy", "old-https") in moved
    assert served(shop) == ("shop", []), "by the map, without classic certificates"


def test_what_is_not_approved_is_refused_and_told(world: World, tmp_path: Path) -> None:
    ten = NOTEBOOKS / "10_address_and_dns.ipynb"
    bare = world.apply("--params", PARAMS, ten)
    assert bare.returncode == 3, bare.stdout + bare.stderr
    assert "is not approved" in bare.stdout
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(world.plan()))
    params = tmp_path / "other.yaml"
    params.write_text((ROOT / PARAMS).read_text().replace("ttl: 300", "ttl: 60"))
    done = world.apply("--params", params, "--approve", plan, ten)
    assert done.returncode == 3, done.stderr
    assert "it is not the approved one" in done.stdout
    assert "DNS record set *.shop.example.com./A: other values than approved: ttl" in done.stdout
    refused = load_record(world.archive, world.archive.change_ids()[-1])
    assert refused.status == "refused"
    assert refused.changes == []
    assert world.plan() == json.loads(plan.read_text())


def test_auto_is_refused_for_google_cloud_before_anything_is_asked(
    world: World, tmp_path: Path
) -> None:
    params = tmp_path / "real.yaml"
    text = (ROOT / PARAMS).read_text()
    params.write_text(text.replace("environment: simulator", "environment: google-cloud"))
    done = world.apply("--params", params, "--approve", "auto")
    assert done.returncode == 3
    assert "auto is for the simulator" in done.stderr
    rehearsal = world.edgebook("rehearse", "--params", params, "--records", tmp_path / "records")
    assert rehearsal.returncode == 3
    assert "A rehearsal changes nothing but the simulator" in rehearsal.stderr
    assert not world.archive.change_ids()


def test_a_failure_leaves_a_record_and_a_resume_finishes_the_change(world: World) -> None:
    fault = {"effect": "operation", "service": "compute", "verb": "POST",
             "collection": "targetTcpProxies", "times": 0}  # fmt: skip
    status, _ = world.simulator.http("POST", "/_sim/faults", fault)
    assert status == 200
    plan = world.plan()
    building = [path for path in NUMBERED if "10" <= path.name[:2] < "40"]
    done = world.apply("--params", PARAMS, "--approve", plan["hash"], *building)
    assert done.returncode == 1, done.stdout
    assert "30 frontends" in done.stdout and "failed" in done.stdout
    first = load_record(world.archive, world.archive.change_ids()[-1])
    step = first.failed_step
    assert step is not None and step["name"] == "30_frontends"
    assert any(change["status"] == "done" for change in step["changes"])
    way_on = step["error"]["next"].split("then go on: ")[1].splitlines()[0]
    assert f"edgebook run --resume {first.change_id}" in way_on
    world.simulator.http("DELETE", "/_sim/faults")
    done = subprocess.run(
        ["sh", "-c", way_on], cwd=ROOT, env=world.env, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stdout + done.stderr
    second = load_record(world.archive, world.archive.change_ids()[-1])
    assert second.data["resumes"] == first.change_id
    assert second.steps[0]["name"] == "30_frontends"
    assert second.data["approval"]["hash"] == plan["hash"]
    assert verify_archive(world.archive).intact
    diff = world.edgebook(
        "records", "--records", world.folder / "records", "diff", first.change_id, second.change_id
    )
    assert "target TCP proxy" in diff.stdout
