"""The docs site is built, every link leads somewhere, and nothing is loaded from outside."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOADED = re.compile(
    r"<(?:script|img|iframe)[^>]+src=\"(https?:[^\"]+)"
    r"|<link[^>]+rel=\"stylesheet\"[^>]+href=\"(https?:[^\"]+)"
)
LINKED = re.compile(r'<a [^>]*?href="(?!https?:|mailto:|javascript:|data:)([^"]*)"')


def test_the_site_is_built_and_loads_nothing_from_outside() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "docs_site.py"],
        cwd=ROOT, capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    site = ROOT / "build" / "site"
    samples = {"sample-moves", "sample-record", "sample-stories"}
    pages = [page for page in site.rglob("*.html") if not samples & set(page.parts)]
    names = {page.relative_to(site).as_posix() for page in pages}
    assert {"index.html", "architecture.html", "contributing.html"} <= names
    for path in (ROOT / "notebooks").rglob("[0-9a-z]*.ipynb"):
        if ".ipynb_checkpoints" not in path.parts:
            assert path.relative_to(ROOT).with_suffix(".html").as_posix() in names
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not LOADED.findall(text), page
        links = {href.partition("#")[0].partition("?")[0] for href in LINKED.findall(text)}
        dead = [href for href in links if href and not (page.parent / href).is_file()]
        assert dead == [] or page.name == "404.html", f"{page}: {dead}"
