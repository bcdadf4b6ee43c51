"""What sealing needs of each notebook, made beside the run: its page, and the search for secrets.

Nothing is taken on trust: a file that changed since is rendered and searched again when the record
is sealed, as is one at which this failed. It must not decide what a finding means.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from edgebook.records.archive import read_exactly, write_atomically
from edgebook.records.html import linked, notebook_page
from edgebook.records.record import sha256
from edgebook.records.redact import Finding, Redactor


class Ahead:
    """The pages and findings of one draft's folder."""

    def __init__(self, folder: Path, change_id: str, redactor: Redactor) -> None:
        self._folder = folder
        self._change_id = change_id
        self._redactor = redactor
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="record")
        self._pages: dict[str, tuple[str, str]] = {}  # of notebooks: their hash, and their page's
        self._found: dict[str, list[Finding]] = {}  # by the hash of a file's name and text

    def begin(self, name: str) -> None:
        """Make the page of a notebook, and search both, while the run goes on."""

        def work() -> None:
            for file in (name, self.page(name)):
                self.scan(file, read_exactly(self._folder / file))

        self._worker.submit(work)

    def wait(self) -> None:
        """Until all that was begun is over."""
        self._worker.shutdown(wait=True)

    def drop(self) -> None:
        """Begin no more, and let what is under way come to its end: it writes into the folder."""
        self._worker.shutdown(wait=True, cancel_futures=True)

    def page(self, name: str) -> str:
        """The file of a notebook's page; made unless it is there and neither has changed."""
        page = Path(name).with_suffix(".html")
        path, source = self._folder / page, sha256(read_exactly(self._folder / name))
        known = self._pages.get(name)
        if known and path.exists() and known == (source, sha256(read_exactly(path))):
            return str(page)
        text = notebook_page(self._folder / name, self._change_id)
        write_atomically(path, text)
        self._pages[name] = source, sha256(text)
        return str(page)

    def link(self) -> None:
        """Lead the pages to each other, once it is known which notebooks the record has.

        What was searched is not searched again for the sake of a link that became another.
        """
        names = {path.name for path in self._folder.glob("*.ipynb")}
        for name in sorted(names & self._pages.keys()):
            page = str(Path(name).with_suffix(".html"))
            before = read_exactly(self._folder / page)
            if (after := linked(before, names)) == before:
                continue
            write_atomically(self._folder / page, after)
            self._pages[name] = self._pages[name][0], sha256(after)
            known = self._found.get(sha256(f"{page}\n{before}"))
            if known is not None:
                self._found[sha256(f"{page}\n{after}")] = known

    def scan(self, name: str, text: str) -> list[Finding]:
        """The secrets in a file's text."""
        mark = sha256(f"{name}\n{text}")
        if mark not in self._found:
            self._found[mark] = self._redactor.scan(name, text)
        return self._found[mark]
