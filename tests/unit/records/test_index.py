"""The page of an archive: a view, made by some version of edgebook, and told from an edited one."""

import shutil
from pathlib import Path

import pytest
from edgebook.records import FolderArchive, verify_archive
from edgebook.records.index import maker

SAMPLE = Path(__file__).parents[3] / "docs" / "sample-moves"
OURS = f'data-maker="{maker()}"'
OTHER = 'data-maker="another"'


@pytest.fixture
def archive(tmp_path: Path) -> FolderArchive:
    shutil.copytree(SAMPLE, tmp_path / "records")
    return FolderArchive(tmp_path / "records")


def problems(archive: FolderArchive, *edits: tuple[str, str]) -> list[tuple[str, bool]]:
    """What is said of the page after these edits, and whether it is a warning."""
    page = archive.folder / "index.html"
    text = page.read_text()
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    page.write_text(text)
    verdict = verify_archive(archive, files=False)
    assert verdict.intact is all(problem.warning for problem in verdict.problems)
    return [(problem.text, problem.warning) for problem in verdict.problems]


def test_the_page_as_it_was_made_is_fine(archive: FolderArchive) -> None:
    assert problems(archive) == []


@pytest.mark.parametrize("said", [OTHER, "", 'data-maker=""'])
def test_a_page_of_another_version_is_told_and_breaks_no_chain(
    archive: FolderArchive, said: str
) -> None:
    """Its rows are compared, whatever it looks like otherwise."""
    found = problems(archive, (OURS, said), ("<h1>Change records</h1>", "<h1>Records</h1>"))
    ((text, warning),) = found
    assert warning
    assert "was made by another version of edgebook" in text
    assert "`edgebook records index`" in text


def test_a_page_of_this_version_is_what_this_version_makes(archive: FolderArchive) -> None:
    ((text, warning),) = problems(archive, ("<h1>Change records</h1>", "<h1>Records</h1>"))
    assert text.startswith("is not what the records say")
    assert not warning


FORGED = {
    "a record that failed": ('data-state="succeeded"', 'data-state="failed"'),
    "a word on a record's state": (
        '<span class="state succeeded">succeeded',
        '<span class="state succeeded">verified',
    ),
    "another person": ('<td class="who">', '<td class="who">cto '),
    "another id": ('<tr id="CHG-', '<tr id="CHH-'),
    "another plan": ('<td class="hash">', '<td class="hash">f'),
    "a row more": ("<tbody>", '<tbody><tr id="CHG-2099-01-01-001" data-state="succeeded"></tr>'),
    "a row less": ('" data-state="', '" data-was="'),
}


@pytest.mark.parametrize("maker_said", [OURS, OTHER])
@pytest.mark.parametrize("what", FORGED)
def test_a_page_whose_rows_lie_is_found_whoever_it_says_made_it(
    archive: FolderArchive, what: str, maker_said: str
) -> None:
    ((text, warning),) = problems(archive, (OURS, maker_said), FORGED[what])
    assert text.startswith("is not what the records say"), what
    assert not warning
