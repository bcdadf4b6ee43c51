"""A table as a browser has it: sorted, searched and copied by clicking, in whatever holds it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from edgebook.show import tables
from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.timeout(60), pytest.mark.xdist_group("browser")]

COLUMNS = ("endpoint", "since", "requests", "state")
ROWS = [
    ("10.0.0.10:8443", "2 min 3 s", "1,200", "HEALTHY"),
    ("10.0.0.9:8443", "45 s", "30", "UNHEALTHY"),
    ("10.0.0.2:8443", "1 h", "999", "HEALTHY"),
    ("10.0.1.1:8443", "3 days", "12,000,000", "HEALTHY"),
    ("10.0.1.2:8443", "", "", "<b>odd</b>"),
]


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    rows = [(dict(zip(COLUMNS, row, strict=True)), "") for row in ROWS]
    html = tables.table(COLUMNS, rows, title="endpoints")._repr_html_()
    (tmp_path / "table.html").write_text(f"<!doctype html><meta charset=utf-8>{html}", "utf-8")
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    made = context.new_page()
    made.goto((tmp_path / "table.html").as_uri())
    yield made
    context.close()


def column(page: Page, name: str) -> list[str]:
    """What a column shows, from top to bottom."""
    place = COLUMNS.index(name) + 1
    return page.locator(f"tbody tr:visible td:nth-child({place})").all_inner_texts()


@pytest.mark.parametrize(
    ("by", "shown", "first_to_last"),
    [
        ("endpoint", "endpoint", ["10.0.0.2", "10.0.0.9", "10.0.0.10", "10.0.1.1", "10.0.1.2"]),
        ("since", "since", ["45 s", "2 min 3 s", "1 h", "3 days"]),
        ("requests", "requests", ["30", "999", "1,200", "12,000,000"]),
    ],
)
def test_a_click_sorts_and_another_turns_it_round(
    page: Page, by: str, shown: str, first_to_last: list[str]
) -> None:
    head = page.locator("th", has_text=by)

    def values() -> list[str]:
        return [text.partition(":")[0] for text in column(page, shown) if text != "-"]

    head.click()
    assert values() == first_to_last and head.get_attribute("aria-sort") == "ascending"
    head.press("Enter")
    assert values() == first_to_last[::-1] and head.get_attribute("aria-sort") == "descending"
    page.locator("th", has_text="state").click()
    assert head.get_attribute("aria-sort") is None


def test_words_find_rows_and_the_rows_shown_are_copied(page: Page) -> None:
    find = page.get_by_label("Find in this table")
    assert page.get_by_text("5 rows", exact=True).is_visible()
    find.fill("healthy 10.0.1")
    assert column(page, "endpoint") == ["10.0.1.1:8443"]
    assert page.get_by_text("1 of 5 rows").is_visible()
    page.get_by_role("button", name="copy").click()
    page.get_by_text("copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == "\t".join(COLUMNS) + "\n" + "\t".join(ROWS[3])
    find.fill("nobody has this")
    assert page.get_by_text("no row has this").is_visible() and column(page, "state") == []
    find.fill("")
    assert column(page, "state")[-1] == "<b>odd</b>", "text, not markup"
