"""Files that are made from others stay in step with them, and nothing foreign gets in."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_environment_yml_installs_the_lock() -> None:
    made = tool("conda_environment").environment()
    assert (ROOT / "environment.yml").read_text() == made, "refresh it with: make lock"
    assert "--require-hashes" in made and "-r requirements.lock" in made


def test_the_coverage_page_is_what_the_code_has() -> None:
    assert (ROOT / "docs/coverage.md").read_text() == tool("coverage_page").page(), "make docs"


def test_the_lock_pins_and_hashes_everything_that_pyproject_names() -> None:
    import tomllib

    lock = (ROOT / "requirements.lock").read_text()
    pins = dict(re.findall(r"^([a-zA-Z0-9._-]+)==(\S+)", lock, re.MULTILINE))
    blocks = re.split(r"^(?=[a-zA-Z0-9._-]+==)", lock, flags=re.MULTILINE)
    assert all("--hash=sha256:" in block for block in blocks if "==" in block.split("\n")[0])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    named = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    wanted = {re.split(r"[<>=\[ ;]", name)[0].lower() for name in named}
    assert wanted <= {name.lower() for name in pins}, "refresh it with: make lock"


@pytest.mark.parametrize("name", ["requirements.lock", "environment.yml", "pyproject.toml"])
def test_no_package_registry_is_named(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "://" not in text
    assert "--index" not in text and "--find-links" not in text


def test_the_two_packages_do_not_import_each_other() -> None:
    for path in (ROOT / "lib").rglob("*.py"):
        other = "gcpsim" if "edgebook" in path.parts else "edgebook"
        found = re.search(rf"^\s*(import|from) {other}\b", path.read_text(), re.MULTILINE)
        assert found is None, f"{path.relative_to(ROOT)} imports {other}"
