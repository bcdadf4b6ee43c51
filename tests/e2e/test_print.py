"""A record on paper: A4, every row, light ink in the dark, nothing that scrolls or is cut."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from edgebook.records import FolderArchive, load_record
from edgebook.records.index import archive_page, record_page
from edgebook.records.record import Record
from playwright.sync_api import Browser, Page

from tests.e2e.pages import ROOT, SHOTS
from tests.unit.records.test_front import change, record

SAMPLE = ROOT / "docs" / "sample-record"
pytestmark = [pytest.mark.timeout(120), pytest.mark.xdist_group("browser")]


def long_record() -> dict[str, Any]:
    data = record()
    names = [f"shop-web-europe-west1-b-{number:03d}" for number in range(80)]
    data["steps"][0]["changes"] = [change(name, "1") for name in names]
    data["steps"][0]["checks"] = [
        {"state": "ok", "check": "endpoint HEALTHY", "subject": f"10.0.0.{n}:8443", "reason": "r"}
        for n in range(120)
    ]
    return data


def paper_of(page: Page, name: str) -> str:
    """The words of the page's PDF, without any space; A4, in pages."""
    paper = SHOTS / f"{name}.pdf"
    page.emulate_media(media="print")
    page.pdf(path=paper, prefer_css_page_size=True)
    pdftotext = shutil.which("pdftotext")
    assert pdftotext, "pdftotext is not installed: tools/test_tools.py says how to get it"
    told = subprocess.run([pdftotext, "-raw", paper, "-"], capture_output=True, text=True,
                          check=True).stdout  # fmt: skip
    assert told.count("\f") > 3
    size = subprocess.run(["pdfinfo", paper], capture_output=True, text=True, check=True).stdout
    assert "A4" in size
    return "".join(told.split())


def test_the_sample_record_is_on_paper_row_by_row(browser: Browser) -> None:
    """Changes, checks and tables of a real run: each cell of the page's own tables."""
    (change_id,) = FolderArchive(SAMPLE).change_ids()
    steps = load_record(FolderArchive(SAMPLE), change_id).steps
    page = browser.new_context().new_page()
    page.goto((SAMPLE / change_id / "index.html").as_uri())
    cells = page.locator("tbody td").evaluate_all("all => all.map(one => one.textContent)")
    words = paper_of(page, "sample-record")
    page.context.close()
    rows = [*(c["name"] for step in steps for c in step["changes"]),
            *(c["subject"] for step in steps for c in step["checks"])]  # fmt: skip
    assert len(rows) > 150
    lost = sorted({row for row in rows if "".join(row.split()) not in words})
    lost += [cell for cell in cells if "".join(cell.split()) not in words]
    assert lost == []


def test_on_paper_what_was_changed_comes_before_the_long_tables(
    browser: Browser, tmp_path: Path
) -> None:
    """The picture says what users saw; its table of pages comes last, and once."""
    (change_id,) = FolderArchive(SAMPLE).change_ids()
    data = json.loads((SAMPLE / change_id / "record.json").read_text(encoding="utf-8"))
    (tmp_path / "record.html").write_text(record_page(data), encoding="utf-8")
    page = browser.new_context().new_page()
    page.goto((tmp_path / "record.html").as_uri())
    assert not page.locator(".on-paper").is_visible()
    words = paper_of(page, "record-order")
    page.context.close()
    order = [words.index(head) for head in ("Whatwaschanged", "Whatwasverified", "momentbymoment")]
    assert order == sorted(order) and words.index("answeredunnamed") > order[-1]


def test_unfolded_at_800_px_nothing_sticks_out_and_no_value_is_broken_every_few_letters(
    browser: Browser, tmp_path: Path
) -> None:
    archive = FolderArchive(SAMPLE)
    data = load_record(archive, archive.change_ids()[-1]).data
    (tmp_path / "index.html").write_text(record_page(data), encoding="utf-8")
    page = browser.new_context(viewport={"width": 800, "height": 900}).new_page()
    page.goto((tmp_path / "index.html").as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 800
    widths = page.locator("table.fields td:not(:empty)").evaluate_all(
        "all => all.map(one => one.clientWidth)"
    )
    page.screenshot(path=SHOTS / "record-800-unfolded.png")
    page.context.close()
    assert len(widths) > 100 and min(widths) > 100


def test_every_row_is_on_paper_and_no_page_is_dark(browser: Browser, tmp_path: Path) -> None:
    data = long_record()
    (tmp_path / "index.html").write_text(record_page(data), encoding="utf-8")
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto((tmp_path / "index.html").as_uri())
    page.emulate_media(media="print")
    ground, ink = page.evaluate(
        "[getComputedStyle(document.documentElement).backgroundColor,"
        " getComputedStyle(document.documentElement).color]"
    )
    assert (ground, ink) == ("rgb(255, 255, 255)", "rgb(0, 0, 0)")
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": 800, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= 800
    words = paper_of(page, "record")
    context.close()
    for item in data["steps"][0]["changes"]:
        assert item["name"] in words
    for item in data["steps"][0]["checks"]:
        assert item["subject"] in words
    assert words.count("203.0.113.9") == 81  # folded on the screen, unfolded on paper


def test_the_list_is_sorted_searched_and_walked_by_keyboard(
    browser: Browser, tmp_path: Path
) -> None:
    facts = [("succeeded", 9, ""), ("failed", 120, ""), ("succeeded", 30, "CHG-2026-11-26-002")]
    records = [
        Record(
            record(
                change_id=f"CHG-2026-11-26-00{number}",
                sequence=number,
                status=status,
                seconds=seconds,
                resumes=resumes,
            ),
            "",
        )
        for number, (status, seconds, resumes) in enumerate(facts, 1)
    ]
    (tmp_path / "index.html").write_text(archive_page(records), encoding="utf-8")
    page = browser.new_context(viewport={"width": 800, "height": 700}).new_page()
    page.goto((tmp_path / "index.html").as_uri())

    def shown() -> list[str]:
        ids = page.locator("tr[data-text]:visible").evaluate_all("all => all.map(one => one.id)")
        return [name[-1] for name in ids]

    assert shown() == ["3", "2", "1"]
    page.get_by_role("button", name="Result").press("Enter")
    assert shown()[0] == "2"  # the failed one first
    page.get_by_role("button", name="Took").press("Enter")
    assert shown() == ["1", "3", "2"]
    page.get_by_role("button", name="Took").press("Enter")
    assert shown() == ["2", "3", "1"]
    assert page.get_by_text("went on in CHG-2026-11-26-003").is_visible()
    page.fill("#find", "nothing-like-that")
    assert shown() == []
    assert page.get_by_text("No record has that").is_visible()
    page.fill("#find", "")
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 800
    inner = "box => box.scrollWidth - box.clientWidth"
    assert page.locator(".scroll").evaluate(inner) <= 0, "the last column stands beyond the edge"
    page.screenshot(path=SHOTS / "records-800.png")
    page.context.close()
