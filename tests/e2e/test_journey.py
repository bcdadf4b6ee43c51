"""From `make lab` to a change that is finished, failed, resumed and torn down, in a browser.

And what three of its notebooks show before anything is built.
"""

import json
import urllib.request
from collections.abc import Iterator
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


@pytest.fixture(scope="module")
def page(browser: Browser, lab: Lab) -> Iterator[Page]:
    opened = open_page(browser, lab.first)
    yield opened
    opened.context.close()


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


def test_run_all_in_jupyterlab_shows_plan_and_health(page: Page) -> None:
    go(page, "20_certificate.ipynb")
    run_all(page)
    assert not errors(page)
    plan = output(page, "step.plan()")
    assert "certificate: 7 to create" in plan.inner_text()
    table = plan.locator("table")
    assert table.locator("tbody tr").count() >= 7
    assert table.locator("th").all_text_contents() == ["action", "kind", "name", "what", "disrupts"]
    assert "mode" in output(page, "step.apply").inner_text()
    plan.scroll_into_view_if_needed()
    shots(page, "lab-certificate")


def test_status_in_jupyterlab_draws_the_way_of_a_request(page: Page) -> None:
    go(page, "operate/status.ipynb")
    run_all(page)
    assert not errors(page)
    picture = output(page, "book.topology()").locator("svg").first
    picture.scroll_into_view_if_needed()
    assert picture.bounding_box()["width"] > 300  # type: ignore[index]
    page.screenshot(path=SHOTS / "lab-status.png")


def test_watch_in_jupyterlab_draws_what_users_see(page: Page, lab: Lab) -> None:
    """Drawn live in the cell that watches; what was seen stays as its value."""
    (notebook,) = lab.folder.rglob("workspace/operate/watch.ipynb")
    text = notebook.read_text(encoding="utf-8")
    notebook.write_text(text.replace("seconds = 30", "seconds = 4"), encoding="utf-8")
    go(page, "operate/watch.ipynb")
    run_all(page)
    assert not errors(page)
    drawn = cell(page, "seen = book.traffic")
    pictures = drawn.locator("svg[role=img]")
    assert pictures.count() == 1
    said = pictures.last.get_attribute("aria-label") or ""
    assert "0 of" in said and "requests failed" in said
    assert "answered by blue" in pictures.last.inner_html()
    pictures.last.scroll_into_view_if_needed()
    shots(page, "lab-watch")


def test_a_change_is_finished_failed_resumed_and_torn_down(page: Page, lab: Lab) -> None:
    go(page, "00_preflight.ipynb")
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
    clean = (lab.folder / "notebooks" / "20_certificate.ipynb").read_text()
    assert '"outputs": []' in clean
    assert 'execution_count": 1' not in clean
