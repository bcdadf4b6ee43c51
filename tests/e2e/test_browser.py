"""What people see: the notebooks in JupyterLab, and the change records, in headless Chromium.

Screenshots are kept in test-output/ to be looked at. The records are opened as files, offline.
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from edgebook.records import FolderArchive
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
SHOTS = ROOT / "test-output"
SAMPLE = ROOT / "docs" / "sample-record"
OPTIONS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/lab\S*[?&]token=\w+")
RUN_ALL_SECONDS = 180
pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    assert program, "chromium is not installed: tools/test_tools.py says how to get it"
    SHOTS.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address, with its token, of `edgebook lab` on a copy of the notebooks."""
    folder = tmp_path_factory.mktemp("lab")
    for name in ("notebooks", "params"):
        shutil.copytree(ROOT / name, folder / name)
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("GCPSIM", "EDGEBOOK"))}
    state = {"EDGEBOOK_STATE": str(folder / "state"), "JUPYTER_CONFIG_DIR": str(folder / "config")}
    command = [Path(sys.executable).parent / "edgebook", "lab", "--no-browser", "--port", "0"]
    server = subprocess.Popen(
        list(map(str, command)), cwd=folder, env={**clean, **state},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    said: list[str] = []
    found = threading.Event()

    def read() -> None:
        assert server.stdout is not None
        for line in server.stdout:
            said.append(line)
            if ADDRESS.search(line):
                found.set()
        found.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    found.wait(120)
    address = ADDRESS.search("".join(said))
    try:
        assert address, "".join(said)[-3000:]
        yield address.group()
    finally:
        server.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(30)
        server.kill()
        server.wait()
        reader.join(10)
        assert server.stdout is not None
        server.stdout.close()


def open_notebook(browser: Browser, lab: str, path: str, scheme: str) -> Page:
    page = browser.new_context(
        color_scheme=scheme,
        viewport={"width": 1500, "height": 1000},  # type: ignore[arg-type]
    ).new_page()
    base, query = lab.split("/lab", 1)[0], lab.split("?", 1)[1]
    page.goto(f"{base}/lab/tree/{path}?reset&{query}")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=90_000)
    page.get_by_text("| Idle").wait_for(timeout=90_000)
    return page


def run_all(page: Page) -> None:
    """Run > Run All Cells, until the last code cell has its number."""
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    give_up = time.monotonic() + RUN_ALL_SECONDS
    while True:
        prompts = page.eval_on_selector_all(
            ".jp-CodeCell .jp-InputPrompt", "all => all.map(one => one.textContent.trim())"
        )
        if prompts and all(re.fullmatch(r"\[\d+\]:", text) for text in prompts):
            return
        assert time.monotonic() < give_up, prompts
        page.wait_for_timeout(250)


def output(page: Page, source: str) -> Any:
    """The output area of the cell whose source has these words."""
    cell = page.locator(".jp-CodeCell", has=page.locator(".jp-Editor", has_text=source)).first
    return cell.locator(".jp-OutputArea-output").first


def errors(page: Page) -> list[str]:
    return page.locator("[data-mime-type='application/vnd.jupyter.error']").all_text_contents()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_run_all_in_jupyterlab_shows_plan_and_health(
    browser: Browser, lab: str, scheme: str
) -> None:
    page = open_notebook(browser, lab, "notebooks/20_certificate.ipynb", scheme)
    if scheme == "dark":
        page.get_by_role("menuitem", name="Settings", exact=True).click()
        page.get_by_text("Theme", exact=True).hover()
        page.get_by_text("JupyterLab Dark", exact=True).click()
        page.wait_for_selector("body[data-jp-theme-name='JupyterLab Dark']", state="attached")
    run_all(page)
    assert not errors(page)
    plan = output(page, "step.plan()")
    assert "certificate: 7 to create" in plan.inner_text()
    table = plan.locator("table")
    assert table.locator("tbody tr").count() >= 7
    assert table.locator("th").all_text_contents() == ["action", "kind", "name", "what", "disrupts"]
    assert "mode" in output(page, "step.apply").inner_text()
    plan.scroll_into_view_if_needed()
    page.screenshot(path=SHOTS / f"lab-certificate-{scheme}.png")
    page.context.close()


def test_status_in_jupyterlab_draws_the_way_of_a_request(browser: Browser, lab: str) -> None:
    page = open_notebook(browser, lab, "notebooks/operate/status.ipynb", "light")
    run_all(page)
    assert not errors(page)
    picture = output(page, "book.topology()").locator("svg").first
    picture.scroll_into_view_if_needed()
    assert picture.bounding_box()["width"] > 300  # type: ignore[index]
    page.screenshot(path=SHOTS / "lab-status.png")
    page.context.close()


@pytest.fixture
def offline(browser: Browser) -> Iterator[Page]:
    """A page that fails the test when anything is loaded that is not a file of the archive."""
    context = browser.new_context(offline=True, viewport={"width": 1300, "height": 900})
    page = context.new_page()
    outside: list[str] = []
    problems: list[str] = []
    page.on("request", lambda request: outside.append(request.url)
            if not request.url.startswith(("file:", "data:")) else None)  # fmt: skip
    page.on("console", lambda message: problems.append(message.text)
            if message.type == "error" else None)  # fmt: skip
    yield page
    context.close()
    assert outside == []
    assert problems == []


def test_the_archive_is_browsed_and_searched_offline(offline: Page) -> None:
    (change_id,) = FolderArchive(SAMPLE).change_ids()
    offline.goto((SAMPLE / "index.html").as_uri())
    rows = offline.locator("tr[data-text]:visible")
    assert rows.count() == 1
    offline.fill("#find", "shop-edge certificate")
    assert rows.count() == 1
    offline.fill("#find", "no-such-thing")
    assert rows.count() == 0
    assert offline.locator("#shown").inner_text() == "0 of 1"
    offline.fill("#find", change_id[-7:])
    offline.select_option("#state", "failed")
    assert rows.count() == 0
    offline.select_option("#state", "succeeded")
    offline.screenshot(path=SHOTS / "records-index.png")
    rows.get_by_role("link", name=change_id).click()
    offline.wait_for_selector(f"h1:has-text('{change_id}')")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_record_and_its_notebooks_are_read_offline(offline: Page, scheme: str) -> None:
    (change_id,) = FolderArchive(SAMPLE).change_ids()
    offline.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    offline.goto((SAMPLE / change_id / "index.html").as_uri())
    ground = offline.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    light = sum(map(int, re.findall(r"\d+", ground)[:3])) > 380
    assert light == (scheme == "light")
    assert offline.locator(".state.succeeded").count() == 1
    offline.screenshot(path=SHOTS / f"record-{scheme}.png", full_page=True)
    offline.get_by_role("link", name="60 backends").click()
    offline.wait_for_selector("h1:has-text('60 Backends')")
    assert "HEALTHY" in offline.locator("main").inner_text()
    assert offline.locator(".output_error").count() == 0
    offline.screenshot(path=SHOTS / f"record-backends-{scheme}.png", full_page=True)
    offline.go_back()
    offline.get_by_role("link", name="status").click()
    picture = offline.locator("svg").first
    assert picture.bounding_box()["width"] > 300  # type: ignore[index]
    assert "HEALTHY" in picture.text_content()  # type: ignore[operator]
    offline.screenshot(path=SHOTS / f"record-status-{scheme}.png", full_page=True)
    offline.click("#theme")
    assert offline.evaluate("document.documentElement.dataset.theme") not in ("", scheme)
