"""What people see: the notebooks in JupyterLab, and the change records, in headless Chromium.

Screenshots are kept in test-output/ to be looked at. The records are opened as files, offline.
"""

import re
from collections.abc import Iterator

import pytest
from edgebook.records import FolderArchive
from playwright.sync_api import Browser, Page

from tests.e2e.conftest import Lab
from tests.e2e.pages import ROOT, SHOTS, cell, errors, open_page, output, run_all, shots

SAMPLE = ROOT / "docs" / "sample-record"
pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("browser")]


def test_run_all_in_jupyterlab_shows_plan_and_health(browser: Browser, lab: Lab) -> None:
    page = open_page(browser, lab.at("20_certificate.ipynb"))
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
    page.context.close()


def test_status_in_jupyterlab_draws_the_way_of_a_request(browser: Browser, lab: Lab) -> None:
    page = open_page(browser, lab.at("operate/status.ipynb"))
    run_all(page)
    assert not errors(page)
    picture = output(page, "book.topology()").locator("svg").first
    picture.scroll_into_view_if_needed()
    assert picture.bounding_box()["width"] > 300  # type: ignore[index]
    page.screenshot(path=SHOTS / "lab-status.png")
    page.context.close()


def test_watch_in_jupyterlab_draws_what_users_see(browser: Browser, lab: Lab) -> None:
    """Drawn live in the cell that watches; what was seen stays as its value."""
    (notebook,) = lab.folder.rglob("workspace/operate/watch.ipynb")
    text = notebook.read_text(encoding="utf-8")
    notebook.write_text(text.replace("seconds = 30", "seconds = 4"), encoding="utf-8")
    page = open_page(browser, lab.at("operate/watch.ipynb"))
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
