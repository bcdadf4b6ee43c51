"""Each runbook that moves traffic as a person runs it: plan, paste the approval, apply, look.

On a world without traffic and without waiting: what traffic sees of moves is shown elsewhere.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Browser, expect

from tests.e2e.conftest import Lab, started
from tests.e2e.pages import (
    cell,
    errors,
    go,
    open_page,
    output,
    paste,
    run_all,
    shots,
    text_of,
)
from tools.sample_record import make_old

# In the order of a site's life: runbook, what is pasted, how it is carried out.
RUNBOOKS = (
    ("operate/zones", "", "apply"),
    ("80_cut_over", "steps = [50, 100]", "apply"),
    ("operate/upgrade", 'cluster = "blue"\nversion = "newest"\nallow_loss = True', "apply"),
    ("operate/failover", 'leave = "us-central1-a"\ndrill = True', "apply"),
    ("operate/failover", 'leave = "us-central1-a"\ndrill = True', "back"),
    ("operate/swap", 'to = "green"\nsteps = [50, 100]\npatience = "2m"', "apply"),
    ("90_retire", 'cluster = "blue"\nquiet = "5m"', "apply"),
    ("operate/certificates", 'params_file = "../../params/more.yaml"', "apply"),
    ("operate/scheme", 'rules = "old-80,old-8080"\nsteps = [50]\nsoak = "1m"', "apply"),
)
DONE, BACK = re.compile(r": done\b|nothing to do|at stage (\d+) of \1\b"), re.compile("not begun")
PAINT_MS = 30_000
pytestmark = [pytest.mark.timeout(900), pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def moving(sim: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab on a front door that is built; its cluster grows into one more zone after that."""
    simulator = type(sim)("--scenario", "legacy", "--time-scale", "0", "--no-dataplane")
    folder = tmp_path_factory.mktemp("moving")
    world = {name: str(value) for name, value in simulator.ready["env"].items()}
    with started(folder, world=world) as lab:
        file = folder / "params" / "rehearsal.yaml"
        program = Path(sys.executable).parent / "edgebook"
        words = ["apply", "--quiet", "--approve", "auto", "--params", str(file)]
        subprocess.run([program, *words], check=True, cwd=folder, env={**os.environ, **world})
        body = yaml.safe_load(file.read_text())
        body["hostnames"].append("pay.example.com")
        (folder / "params" / "more.yaml").write_text(yaml.safe_dump(body))
        simulator.admin("POST", "stage/node-add", {"cluster": "blue", "zone": "us-central1-f"})
        simulator.advance(300)
        make_old(world["GCPSIM_URL"])  # a classic load balancer of others, to be modernised
        yield lab
    simulator.stop()


def test_each_runbook_is_planned_approved_and_carried_out(browser: Browser, moving: Lab) -> None:
    page, lines = open_page(browser, moving.first), ""
    for number, (name, wished, mode) in enumerate(RUNBOOKS):
        go(page, f"{name}.ipynb")
        paste(page, wished)
        run_all(page)
        assert not errors(page), "\n".join(errors(page))
        shots(page, f"runbook-{number}-planned", ("light",))
        if mode == "apply":  # the way back is under the same hash
            lines = str(output(page, "move.apply").locator(".eb-paste").text_content())
        paste(page, lines.replace('"apply"', f'"{mode}"'))
        run_all(page)
        assert not errors(page), "\n".join(errors(page))
        shots(page, f"runbook-{number}-done")
        # The last words may be painted after the cell has its number.
        told = DONE if mode == "apply" else BACK
        expect(cell(page, "move.apply")).to_contain_text(told, timeout=PAINT_MS)
        done = text_of(cell(page, "move.apply"))
        assert ("not begun" in done) == (mode == "back"), done
