"""JupyterLab as the browser tests drive it: open, run all, look at a cell's output."""

import re
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[2]
SHOTS = ROOT / "test-output"
OPTIONS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
RUN_ALL_SECONDS = 180
CLICKS, STILL_SECONDS = 3, 10.0
OPEN_MS = 90_000
SHOWN = ".jp-NotebookPanel:not(.lm-mod-hidden)"  # a workspace may hold others, behind it
PROMPTS = "all => all.map(one => one.textContent.trim())"


def open_page(browser: Browser, address: str, scheme: str = "light") -> Page:
    """A page of its own; tall, so that all cells of a notebook are drawn."""
    page = browser.new_context(
        color_scheme=scheme,  # type: ignore[arg-type]
        viewport={"width": 1500, "height": 4000},
    ).new_page()
    show(page, address)
    return page


def show(page: Page, address: str) -> None:
    """A notebook, with its kernel ready."""
    page.goto(address)
    page.wait_for_selector(f"{SHOWN} .jp-CodeCell", timeout=OPEN_MS)
    page.get_by_text("| Idle").wait_for(timeout=OPEN_MS)


def run_all(page: Page) -> None:
    """Run > Run All Cells, until every code cell has its number, or one has failed.

    Again when that did not take: a menu of a page that is still busy swallows a click, and cells
    that are run while the kernel connects anew are left out.
    """
    give_up = time.monotonic() + RUN_ALL_SECONDS
    for _ in range(CLICKS):
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_text("Run All Cells", exact=True).click()
        page.wait_for_timeout(300)
        if _all_ran(page, give_up):
            return
    raise AssertionError(f"after {CLICKS} times Run All Cells: {_prompts(page)}")


def _all_ran(page: Page, give_up: float) -> bool:
    """True at the end; False when nothing runs for a while and cells are left over."""
    still = time.monotonic()
    while time.monotonic() - still < STILL_SECONDS:
        prompts = _prompts(page)
        running = "[*]:" in prompts
        if prompts and not running and (errors(page) or "[ ]:" not in prompts):
            return True
        if running:
            still = time.monotonic()
        assert time.monotonic() < give_up, prompts
        page.wait_for_timeout(250)
    return False


def _prompts(page: Page) -> list[str]:
    return list(page.eval_on_selector_all(f"{SHOWN} .jp-CodeCell .jp-InputPrompt", PROMPTS))


def cell(page: Page, source: str) -> Any:
    """The code cell whose source has these words."""
    cells = page.locator(f"{SHOWN} .jp-CodeCell")
    return cells.filter(has=page.locator(".jp-Editor", has_text=source)).first


def output(page: Page, source: str) -> Any:
    """The first output of that cell."""
    return cell(page, source).locator(".jp-OutputArea-output").first


KINDS = ("error", "stderr")
ERROR = ", ".join(f"[data-mime-type='application/vnd.jupyter.{kind}']" for kind in KINDS)


def errors(page: Page) -> list[str]:
    """What failed, in whichever way this JupyterLab calls it."""
    return page.locator(SHOWN).locator(ERROR).all_text_contents()


def paste(page: Page, lines: str) -> None:
    """Lines at the end of the parameters cell, as one pastes them."""
    cell(page, "# parameters").locator(".cm-content").click()
    page.keyboard.press("Control+End")
    page.keyboard.insert_text("\n" + lines)


def text_of(found: Any) -> str:
    return re.sub(r"\s+", " ", found.inner_text())
