"""What is made of notebooks while a run goes on, and that sealing trusts none of it."""

from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pytest
from edgebook.records import Draft, FolderArchive, Redactor, verify_archive
from edgebook.records.ahead import Ahead
from edgebook.records.draft import SecretsFound

NOW = datetime(2026, 11, 23, tzinfo=UTC)
NAME, PAGE = "20_certificate.ipynb", "20_certificate.html"
TOKEN = "ya29." + "a0AfH6SMBx7Qd" * 5
FACTS = {
    "status": "succeeded",
    "steps": [],
    "title": "shop",
    "front_door": "shop-edge",
    "started": "2026-11-23T00:00:00Z",
}


def notebook(words: str) -> str:
    cells = [
        nbformat.v4.new_markdown_cell("# 20 Certificate"),
        nbformat.v4.new_code_cell(
            "book", outputs=[nbformat.v4.new_output("stream", name="stdout", text=words)]
        ),
    ]
    return nbformat.writes(nbformat.v4.new_notebook(cells=cells))


@pytest.fixture
def draft(tmp_path: Path) -> Draft:
    made = Draft.start(FolderArchive(tmp_path / "records"), now=NOW, redactor=Redactor())
    made.write_notebook(NAME, notebook("as it was"))
    return made


def test_a_page_made_ahead_is_the_one_that_is_sealed(draft: Draft) -> None:
    draft.done_with(NAME)
    draft.seal(FACTS)
    assert "as it was" in (draft.folder / PAGE).read_text()
    assert verify_archive(draft.archive).intact


def test_it_is_there_before_sealing_and_not_made_twice(draft: Draft) -> None:
    ahead = Ahead(draft.folder, draft.change_id, Redactor())
    ahead.begin(NAME)
    ahead.wait()
    made = (draft.folder / PAGE).stat().st_ino
    assert ahead.page(NAME) == PAGE
    assert (draft.folder / PAGE).stat().st_ino == made


@pytest.mark.parametrize("changed", [NAME, PAGE])
def test_what_changed_since_is_made_anew(draft: Draft, changed: str) -> None:
    ahead = Ahead(draft.folder, draft.change_id, Redactor())
    ahead.begin(NAME)
    ahead.wait()
    if changed == NAME:
        draft.write_notebook(NAME, notebook("as it is now"))
    else:
        (draft.folder / PAGE).write_text("0 of 1,000,000 requests failed")
    ahead.page(NAME)
    page = (draft.folder / PAGE).read_text()
    assert ("as it is now" if changed == NAME else "as it was") in page


@pytest.mark.parametrize("file", [NAME, PAGE, "20_certificate.txt"])
def test_a_secret_that_comes_after_the_search_is_found(draft: Draft, file: str) -> None:
    draft.done_with(NAME)
    draft._ahead.wait()
    place = draft.folder / file
    place.write_text(notebook(TOKEN) if file == NAME else TOKEN)
    if file == PAGE:  # made anew from the notebook, which has none
        draft.seal(FACTS)
        assert TOKEN not in place.read_text()
        return
    with pytest.raises(SecretsFound):
        draft.seal(FACTS)


def test_a_notebook_that_cannot_be_read_is_said_when_sealing(draft: Draft) -> None:
    (draft.folder / NAME).write_text("{")
    draft.done_with(NAME)
    with pytest.raises(Exception, match="JSON"):
        draft.seal(FACTS)


def test_links_to_runbooks_lead_to_their_pages_or_nowhere(draft: Draft) -> None:
    """In the record itself, whichever of them it has; a dead link would be none."""
    ways = (
        "[30](30_frontends.ipynb)",
        "[status](operate/status.ipynb#a)",
        "[x](../70_verify.ipynb)",
    )
    cells = [nbformat.v4.new_markdown_cell(f"# 20 Certificate\n\n**Next:** {', '.join(ways)}")]
    draft.write_notebook(NAME, nbformat.writes(nbformat.v4.new_notebook(cells=cells)))
    draft.done_with(NAME)
    for name in ("30_frontends.ipynb", "status.ipynb"):
        draft.write_notebook(name, notebook("later"))
    draft.seal(FACTS)
    page = (draft.folder / PAGE).read_text()
    assert '<a href="30_frontends.html">30</a>' in page
    assert '<a href="status.html">status</a>' in page
    assert ".ipynb" not in page.split("<main>")[1] and ", x" in page
    assert verify_archive(draft.archive).intact
