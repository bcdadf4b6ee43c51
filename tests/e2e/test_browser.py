"""What people see of change records, opened as files, offline, in headless Chromium.

Screenshots are kept in test-output/ to be looked at. What they see in JupyterLab: test_journey.
"""

import re
from collections.abc import Iterator

import pytest
from edgebook.records import FolderArchive
from playwright.sync_api import Browser, Page

from tests.e2e.pages import ROOT, SHOTS

SAMPLE = ROOT / "docs" / "sample-record"
pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("browser")]


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
