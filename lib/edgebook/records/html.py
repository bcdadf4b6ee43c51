"""An executed notebook as one HTML file that opens offline, in light and dark.

nbconvert renders the cells; the page around them brings its own styles, loads nothing from anywhere
and forbids that by its content security policy. The HTML has what the notebook has, no more.
"""

from functools import cache
from pathlib import Path
from typing import Any

from edgebook.records.pages import render


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
