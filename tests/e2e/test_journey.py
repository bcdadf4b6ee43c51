"""From `make lab` to a change that is finished, failed, resumed and torn down, in a browser."""

import json
import urllib.request
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.conftest import Lab
from tests.e2e.pages import (
    SHOTS,
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

FAILED = ("application/vnd.jupyter.error", "application/vnd.jupyter.stderr")
pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("browser")]


def direct(lab: Lab, verb: str, path: str, body: Any = None) -> Any:
    """A stage direction to the lab's simulator."""
    data = None if body is None else json.dumps(body).encode()
    (running,) = (lab.folder / "cache" / "gcpsim" / "running").glob("*.json")
    headers = {"X-Gcpsim-Token": json.loads(running.read_text())["env"]["GCPSIM_TOKEN"]}
    request = urllib.request.Request(f"{lab.simulator}/_sim/{path}", data, headers, method=verb)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read() or b"{}")


def approve(page: Page, source: str) -> str:
    """Paste what the plan says is next; the lines."""
    lines = output(page, source).locator(".eb-paste").text_content()
    paste(page, lines)
    return str(lines)


def wrong_world(page: Page, lab: Lab) -> None:
    """Params of Google Cloud in a lab on the simulator: red at the top, and the way out."""
    text = (lab.folder / "params" / "rehearsal.yaml").read_text()
    real = text.replace("environment: simulator", "environment: google-cloud")
    (lab.folder / "params" / "real.yaml").write_text(real)
    go(page, "operate/status.ipynb")
    paste(page, f'params_file = "{lab.folder}/params/real.yaml"')
    run_all(page)
    top = output(page, "edgebook.open")
    assert "WRONG WORLD" in text_of(top)
    assert "unset GCPSIM_URL" in text_of(top)
    page.screenshot(path=SHOTS / "journey-wrong-world.png")


def test_a_change_is_finished_failed_resumed_and_torn_down(browser: Browser, lab: Lab) -> None:
    page = open_page(browser, lab.first)
    listed = page.locator(".jp-DirListing-item").all_text_contents()
    assert any("00_preflight" in name for name in listed)
    assert any("60_backends" in name for name in listed)
    run_all(page)
    assert not errors(page), "\n".join(errors(page))
    top = text_of(output(page, "edgebook.open"))
    assert "SIMULATED" in top
    assert lab.simulator in top
    page.screenshot(path=SHOTS / "journey-1-preflight.png")
    wrong_world(page, lab)

    go(page, "10_address_and_dns.ipynb")
    run_all(page)
    lines = approve(page, "step.apply")
    assert lines.startswith('mode = "apply"\napprove = "')
    run_all(page)
    assert not errors(page), "\n".join(errors(page))
    assert "2 of 2 changes done" in text_of(cell(page, "step.apply"))
    shots(page, "journey-2-finished")

    go(page, "20_certificate.ipynb")
    run_all(page)
    approve(page, "step.apply")
    fault = {"effect": "http", "service": "certificatemanager", "verb": "POST",
             "collection": "certificateMaps", "code": 403, "reason": "forbidden",
             "times": 99}  # fmt: skip
    direct(lab, "POST", "faults", fault)
    run_all(page)
    outputs = cell(page, "step.apply").locator(".jp-OutputArea-output")
    kinds = outputs.evaluate_all("all => all.map(one => one.dataset.mimeType)")
    error = next(n for n, kind in enumerate(kinds) if kind in FAILED)
    tables = [n for n in range(error) if outputs.nth(n).locator("table").count()]
    assert tables, f"no table before the error: {kinds}"
    first = outputs.nth(tables[-1]).locator("tbody tr").first
    assert text_of(first).startswith("failed")
    said = outputs.nth(error).inner_text()
    assert "next" in said
    assert len(said.splitlines()) < 20, said
    shots(page, "journey-3-failed")

    direct(lab, "DELETE", "faults")
    run_all(page)
    assert not errors(page), "\n".join(errors(page))
    assert "changes done" in text_of(cell(page, "step.apply"))
    page.screenshot(path=SHOTS / "journey-4-resumed.png")

    go(page, "operate/teardown.ipynb")
    run_all(page)
    assert not errors(page), "\n".join(errors(page))
    page.screenshot(path=SHOTS / "journey-5-plan.png")
    approve(page, "teardown.apply")
    run_all(page)
    assert not errors(page), "\n".join(errors(page))
    assert "changes done" in text_of(cell(page, "teardown.apply"))
    shots(page, "journey-5-torn-down")
    page.context.close()
    clean = (lab.folder / "notebooks" / "20_certificate.ipynb").read_text()
    assert '"outputs": []' in clean
    assert 'execution_count": 1' not in clean
