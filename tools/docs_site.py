"""Build the docs site into build/site, offline: the pages of docs/, the README, and the notebooks.

Pages link to files of the checkout (`../notebooks/20_certificate.ipynb`); in the site these are
pages too. A link that leads nowhere fails the build. `make docs` runs it.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
BESIDE = ("params", "pipelines")  # linked as files
NOTEBOOK = re.compile(r"\]\((?:\.\./)?(notebooks/[^)#]+)\.ipynb\)")
FIRST = [
    "architecture.md",
    "contributing.md",
    "runbooks.md",
    "scenarios.md",
    "gotchas.md",
    "cases.md",
    "coverage.md",
]


def stage(target: Path) -> None:
    """All pages under one folder, with links as the site has them."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(ROOT / "docs", target)
    for name in BESIDE:
        shutil.copytree(ROOT / name, target / name)
    for page in [*target.glob("*.md"), *(target / "decisions").glob("*.md")]:
        page.write_text(_folders(_links(page.read_text(encoding="utf-8"))), encoding="utf-8")
    (target / "decisions" / "index.md").write_text(_decisions(target / "decisions"))
    readme = (ROOT / "README.md").read_text(encoding="utf-8").replace("](docs/", "](")
    (target / "index.md").write_text(_folders(_links(readme)), encoding="utf-8")
    for path in sorted((ROOT / "notebooks").rglob("*.ipynb")):
        if not any(part.startswith(("_", ".")) for part in path.relative_to(ROOT).parts):
            page = target / path.relative_to(ROOT).with_suffix(".md")
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(_notebook(path), encoding="utf-8")


def nav(staged: Path) -> list[dict[str, object]]:
    """The order of the site: the front page, the pages, the notebooks, the decisions."""
    others = sorted(p.name for p in staged.glob("*.md") if p.name not in ("index.md", *FIRST))
    pages = [name for name in [*FIRST, *others] if (staged / name).exists()]
    notebooks = sorted(
        p.relative_to(staged).as_posix() for p in (staged / "notebooks").rglob("*.md")
    )
    decisions = sorted(
        (p.relative_to(staged).as_posix() for p in (staged / "decisions").glob("*.md")),
        key=lambda name: (not name.endswith("index.md"), name),
    )
    return [
        {"Edgebook": "index.md"},
        {"Pages": pages},
        {"Notebooks": notebooks},
        {"Decisions": decisions},
    ]


def _links(text: str) -> str:
    text = NOTEBOOK.sub(r"](\1.md)", text)
    for name in BESIDE:
        text = text.replace(f"](../{name}/", f"]({name}/")
    return text.replace("](../README.md", "](index.md").replace("](../CHANGELOG.md)", "](index.md)")


def _folders(text: str) -> str:
    """Links to folders lead to something that can be opened."""
    found = {"decisions/": "decisions/index.md",
             "sample-moves/": "sample-moves/index.html",
             "sample-record/": "sample-record/index.html",
             "sample-stories/": "sample-stories/index.html",
             "pipelines/": "pipelines/github-actions.yml"}  # fmt: skip
    for name, page in found.items():
        text = text.replace(f"]({name})", f"]({page})")
    return text


def _decisions(folder: Path) -> str:
    """All decision records by their titles."""
    pages = sorted(folder.glob("[0-9]*.md"))
    titles = [page.read_text(encoding="utf-8").splitlines()[0].lstrip("# ") for page in pages]
    lines = [f"- [{title}]({page.name})" for title, page in zip(titles, pages, strict=True)]
    return "\n".join(["# Decisions", "", *lines, ""])


def _notebook(path: Path) -> str:
    """A notebook's prose and code as a page."""
    parts = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        code = cell["cell_type"] == "code"
        parts.append(f"```python\n{source}\n```" if code else source.replace(".ipynb)", ".md)"))
    return "\n\n".join(parts) + "\n"


def main() -> int:
    staged = BUILD / "docs"
    stage(staged)
    settings = {
        "INHERIT": os.path.relpath(ROOT / "mkdocs.yml", BUILD),
        "docs_dir": "docs",
        "site_dir": "site",
        "nav": nav(staged),
    }
    config = BUILD / "mkdocs.yml"
    config.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-f", str(config)]
    done = subprocess.run(command, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, check=False)
    if done.returncode == 0:
        print(
            "build/site is built; to read it with its search: python -m http.server -d build/site"
        )
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
