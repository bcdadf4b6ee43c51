"""A headless Chromium and an `edgebook lab` a module."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.e2e.pages import OPTIONS, ROOT, SHOTS

ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/lab\S*[?&]token=\w+")
WORLD = re.compile(r"simulated Google Cloud at (\S+),")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A module's: while it is open, playwright's event loop runs, and no test can run another."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    assert program, "chromium is not installed: tools/test_tools.py says how to get it"
    SHOTS.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        yield opened
        opened.close()


@dataclass(frozen=True)
class Lab:
    """What `edgebook lab` said: its address with the token, its simulator; and where it runs."""

    address: str
    simulator: str
    folder: Path

    @property
    def first(self) -> str:
        """That address for a user who comes anew: nothing is left open from other tests."""
        return self.address + "&reset"

    def at(self, notebook: str) -> str:
        """The address of a notebook of the workspace."""
        base, query = self.address.split("/lab", 1)[0], self.address.split("?", 1)[1]
        return f"{base}/lab/tree/workspace/{notebook}?reset&{query}"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """`edgebook lab` in a copy of the checkout's notebooks and params."""
    with started(tmp_path_factory.mktemp("lab"), "--time-scale", "600") as opened:
        yield opened


@contextlib.contextmanager
def started(folder: Path, *options: str, world: Mapping[str, str] | None = None) -> Iterator[Lab]:
    """A lab in a folder of its own; `world` leads it to a simulator that runs already."""
    for name in ("notebooks", "params"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / "config").mkdir()
    exposed = {"LabApp": {"expose_app_in_browser": True}}
    (folder / "config" / "jupyter_lab_config.json").write_text(json.dumps(exposed))
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("GCPSIM", "EDGEBOOK"))}
    state = {"EDGEBOOK_STATE": str(folder / "state"), "JUPYTER_CONFIG_DIR": str(folder / "config"),
             "XDG_CACHE_HOME": str(folder / "cache"), **(world or {})}  # fmt: skip
    program = Path(sys.executable).parent / "edgebook"
    # A killed pytest closes the pipe, and the lab ends as well.
    bound = [sys.executable, str(Path(__file__).with_name("bound.py"))]
    command = [*bound, str(program), "lab", "--no-browser", "--port", "0", *options]
    server = subprocess.Popen(
        command, cwd=folder, env={**clean, **state},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    said: list[str] = []
    found = threading.Event()

    def read() -> None:
        assert server.stdout is not None
        for line in server.stdout:
            said.append(line)
            if ADDRESS.search(line):
                found.set()
        found.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    found.wait(120)
    address, world = ADDRESS.search("".join(said)), WORLD.search("".join(said))
    try:
        assert address and world, "".join(said)[-3000:]
        yield Lab(address.group(), world.group(1), folder)
    finally:
        assert server.stdin is not None
        server.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(60)
        server.kill()
        server.wait()
        reader.join(10)
        assert server.stdout is not None
        server.stdout.close()
