"""An executed notebook as one HTML file that opens offline, in light and dark.

nbconvert renders the cells; the page around them brings its own styles, loads nothing from anywhere
and forbids that by its content security policy. The HTML has what the notebook has, no more.
"""

import re
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Any

from edgebook.records.pages import render

RUNBOOK = re.compile(
    r'<a href="(?:\.\./)?(?:operate/)?(?P<name>[\w-]+)\.ipynb(?:#[^"]*)?">(?P<words>[^<]*)</a>'
)


def notebook_page(path: Path, change_id: str) -> str:
    """The page of a notebook file; its title is the first heading."""
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    body, _ = _exporter().from_notebook_node(notebook)
    title = next(
        (
            line.lstrip("# ").strip()
            for cell in notebook.cells
            if cell.cell_type == "markdown"
            for line in cell.source.splitlines()
            if line.startswith("#")
        ),
        path.stem,
    )
    css = _code_colours()
    return render("notebook.html.j2", title=title, change_id=change_id, body=body, extra_css=css)


def linked(page: str, notebooks: Collection[str]) -> str:
    """The same page with links to runbooks that lead to their pages of the same record.

    `notebooks` are the files of the record; a runbook that is not in it is only named.
    """

    def link(found: re.Match[str]) -> str:
        name, words = found["name"], found["words"]
        return f'<a href="{name}.html">{words}</a>' if f"{name}.ipynb" in notebooks else words

    return RUNBOOK.sub(link, page)


@cache
def _exporter() -> Any:
    from nbconvert.exporters import HTMLExporter

    return HTMLExporter(template_name="basic", anchor_link_text="")


@cache
def _code_colours() -> str:
    from pygments.formatters import HtmlFormatter

    light = HtmlFormatter(style="friendly").get_style_defs(".highlight")
    dark = HtmlFormatter(style="github-dark")
    rules = "\n".join(_foregrounds(dark.get_style_defs("[data-theme=dark] .highlight")))
    system = "\n".join(
        _foregrounds(dark.get_style_defs(":root:not([data-theme=light]) .highlight"))
    )
    plain = "\n".join(_foregrounds(light))
    return f"{plain}\n{rules}\n@media (prefers-color-scheme: dark) {{\n{system}\n}}\n"


def _foregrounds(css: str) -> list[str]:
    """Only the rules for tokens: the page sets grounds and lines itself."""
    return [line for line in css.splitlines() if " .highlight ." in f" {line}"]
