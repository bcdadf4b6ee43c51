"""JupyterLab as the browser tests drive it: open, run all, look at a cell's output."""

import re
import time
from collections.abc import Sequence
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
# `started` has JupyterLab expose itself to its page.
OPEN = """async ([path, patience]) => {
  for (const other of [...jupyterapp.shell.widgets('main')].filter(one => one.context)) {
    other.context.model.dirty = false;
    other.close();
  }
  const made = await jupyterapp.commands.execute('docmanager:open', {path});
  const context = made.context.sessionContext;
  const ready = (async () => {
    await made.revealed;
    await context.ready;
    await context.session.kernel.info;
  })();
  const late = new Promise((_, no) => setTimeout(() => no(context.kernelDisplayStatus), patience));
  await Promise.race([ready, late]);
}"""
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


def go(page: Page, notebook: str) -> None:
    """Another notebook of the workspace, as it is in its file, with its kernel ready.

    JupyterLab is not loaded anew: what is open is closed, and nothing of it is saved.
    """
    page.evaluate(OPEN, [f"workspace/{notebook}", OPEN_MS])
    page.wait_for_selector(f"{SHOWN} .jp-CodeCell", timeout=OPEN_MS)


def run_all(page: Page) -> None:
    """Run > Run All Cells, until every code cell has its number, or one has failed.

    Again when that did not take: a menu of a page that is still busy swallows a click, and cells
    that are run while the kernel connects anew are left out.
    """
    give_up = time.monotonic() + RUN_ALL_SECONDS
    for _ in range(CLICKS):
        before = _prompts(page)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_text("Run All Cells", exact=True).click()
        if _all_ran(page, before, give_up):
            return
    raise AssertionError(f"after {CLICKS} times Run All Cells: {_prompts(page)}")


def _all_ran(page: Page, before: list[str], give_up: float) -> bool:
    """True at the end; False when nothing runs for a while and cells are left over.

    `before`: the cells' numbers as an earlier run left them.
    """
    still, begun = time.monotonic(), False
    while time.monotonic() - still < STILL_SECONDS:
        prompts = _prompts(page)
        running = "[*]:" in prompts
        begun |= prompts != before
        if begun and not running and (errors(page) or "[ ]:" not in prompts):
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


def choose_theme(page: Page, scheme: str) -> None:
    """JupyterLab has a theme of its own, whatever the browser's is."""
    name = f"JupyterLab {scheme.title()}"
    if page.locator(f"body[data-jp-theme-name='{name}']").count():
        return
    page.get_by_role("menuitem", name="Settings", exact=True).click()
    page.get_by_text("Theme", exact=True).hover()
    page.get_by_text(name, exact=True).click()
    page.wait_for_selector(f"body[data-jp-theme-name='{name}']", state="attached")


def shots(page: Page, name: str, schemes: Sequence[str] = ("dark", "light")) -> None:
    """A picture in each theme; what is shown can be read in all, and says the same."""
    said = []
    for scheme in schemes:
        choose_theme(page, scheme)
        said.append(page.locator(f"{SHOWN} .jp-OutputArea-output").all_text_contents())
        faint = page.evaluate(FAINT, f"{SHOWN} .edgebook")
        assert not faint, f"{name} in the {scheme} theme cannot be read: {faint}"
        page.screenshot(path=SHOTS / f"{name}-{scheme}.jpg", quality=80)
    assert said[0] == said[-1]
    assert said[0], f"nothing is shown in {name}"


# Texts of our tables whose ink has less than 3:1 contrast to what is painted behind it.
FAINT = """selector => {
  const parts = css => (css.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const over = (top, ground) => {
    const alpha = top.length > 3 ? top[3] : 1;
    return [0, 1, 2].map(n => top[n] * alpha + ground[n] * (1 - alpha));
  };
  const light = rgb => {
    const linear = c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    const [r, g, b] = rgb.map(c => linear(c / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = node => node === document.documentElement.parentNode ? [255, 255, 255]
    : over(parts(getComputedStyle(node).backgroundColor), ground(node.parentNode));
  const found = [];
  for (const node of document.querySelectorAll(selector + ' *')) {
    const own = [...node.childNodes].filter(n => n.nodeType === 3).map(n => n.data.trim()).join('');
    if (!own || node.tagName === 'SCRIPT' || !node.getClientRects().length) continue;
    const behind = ground(node);
    const [a, b] = [light(over(parts(getComputedStyle(node).color), behind)), light(behind)];
    if ((Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 3) found.push(own.slice(0, 60));
  }
  return found;
}"""


def text_of(found: Any) -> str:
    return re.sub(r"\s+", " ", found.inner_text())
