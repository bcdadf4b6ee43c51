"""Every notebook keeps the rules of docs/contributing.md: shape, size, no logic, no outputs."""

import ast
import itertools
import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.rglob("*.ipynb"))
NUMBERED = [path for path in NOTEBOOKS if path.name[0].isdigit()]
LOGIC = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.For, ast.While, ast.If, ast.Try,
    ast.With, ast.Lambda, ast.ListComp, ast.DictComp, ast.SetComp, ast.GeneratorExp,
)  # fmt: skip
FACTS = ("**Reads**", "**Changes**", "**Leaves behind**", "**Takes**", "**Stop if**")
WRITING = ["What would change", "Change it", "Is it so?", "If it failed"]


def load(path: Path) -> Any:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


def source_of(path: Path) -> str:
    return "\n".join(cell.source for cell in load(path).cells if cell.cell_type == "code")


def test_the_notebooks_are_there_in_the_order_of_the_architecture() -> None:
    assert [path.stem for path in NUMBERED] == [
        "00_preflight", "10_address_and_dns", "20_certificate", "30_frontends",
        "40_certificate_map", "50_firewall", "60_backends", "70_verify", "80_cut_over", "90_retire",
    ]  # fmt: skip
    assert {"status.ipynb", "teardown.ipynb"} <= {p.name for p in (FOLDER / "operate").iterdir()}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
class TestEachNotebook:
    def test_title_purpose_and_facts_come_first(self, path: Path) -> None:
        first = load(path).cells[0]
        assert first.cell_type == "markdown"
        lines = first.source.splitlines()
        number = r"NN " if path.stem == "_template" else r"\d\d " if path in NUMBERED else ""
        assert re.match(rf"# {number}[A-Z]", lines[0])
        if path in NUMBERED:
            assert lines[0].startswith(f"# {path.name[:2]} ")
        assert lines[2].endswith(".") and len(lines[2]) > 20
        positions = [first.source.index(fact) for fact in FACTS]
        assert positions == sorted(positions)

    def test_parameters_are_the_second_cell_and_plan_is_the_default(self, path: Path) -> None:
        cells = load(path).cells
        tagged = [
            i for i, cell in enumerate(cells) if "parameters" in cell.metadata.get("tags", [])
        ]
        assert tagged == [1]
        values = {
            statement.targets[0].id: ast.literal_eval(statement.value)  # type: ignore[attr-defined]
            for statement in ast.parse(cells[1].source).body
        }
        assert {"params_file", "change_id"} <= values.keys()
        assert (path.parent / values["params_file"]).is_file()
        if "apply(" in source_of(path):
            assert values["mode"] == "plan"
            assert values["approve"] == ""

    def test_the_world_is_the_first_thing_shown(self, path: Path) -> None:
        code = [cell.source for cell in load(path).cells if cell.cell_type == "code"]
        assert "edgebook.open(params_file" in code[1]
        assert code[1].splitlines()[-1] == "book"

    def test_what_is_next_is_a_link_where_it_is_a_runbook(self, path: Path) -> None:
        last = load(path).cells[-1].source.split("**Next:**")[-1]
        for name in re.findall(r"\b(?:operate/[a-z_]+|\d\d [A-Z][a-z]+)", last):
            assert f"[{name}" in last, f"{name} is no link"
        for target in re.findall(r"\]\(([^)]+\.ipynb)\)", last):
            assert (path.parent / target).exists()

    def test_cells_are_few_and_short(self, path: Path) -> None:
        code = [cell for cell in load(path).cells if cell.cell_type == "code"]
        assert len(code) <= 12
        assert all(len(cell.source.splitlines()) <= 12 for cell in code)

    def test_prose_stands_above_each_code_cell(self, path: Path) -> None:
        cells = load(path).cells
        for before, cell in itertools.pairwise(cells):
            if cell.cell_type == "code":
                assert before.cell_type == "markdown", cell.source
                words = [line for line in before.source.splitlines() if line[:1] not in ("#", "")]
                assert len(" ".join(words)) > 20, before.source

    def test_there_is_no_logic_in_it(self, path: Path) -> None:
        code = [cell.source for cell in load(path).cells if cell.cell_type == "code"]
        for text in code:
            assert not re.search(r"^\s*[!%]|sys\.path|subprocess|os\.system", text, re.MULTILINE)
            found = [node for node in ast.walk(ast.parse(text)) if isinstance(node, LOGIC)]
            assert not found, text
        imports = re.findall(r"^(?:import|from) (\S+)", "\n".join(code), re.MULTILINE)
        assert imports == ["edgebook"]

    def test_only_one_cell_writes(self, path: Path) -> None:
        assert len(re.findall(r"\.apply\(", source_of(path))) <= 1
        assert not re.search(r"print\(|display\(", source_of(path))

    def test_headings_are_the_fixed_ones(self, path: Path) -> None:
        cells = load(path).cells
        headings = [
            line[3:]
            for cell in cells
            if cell.cell_type == "markdown"
            for line in cell.source.splitlines()
            if line.startswith("## ")
        ]
        assert headings[-1] == "If it failed"
        assert cells[-1].cell_type == "markdown" and "**Next:**" in cells[-1].source
        if "apply(" in source_of(path):
            assert headings == WRITING

    def test_it_is_committed_without_outputs_for_the_ordinary_kernel(self, path: Path) -> None:
        notebook = load(path)
        assert notebook.metadata.kernelspec.name == "python3"
        assert notebook.metadata.edgebook.step
        for cell in notebook.cells:
            if cell.cell_type == "code":
                assert cell.outputs == [] and cell.execution_count is None
        ids = [cell.id for cell in notebook.cells]
        assert len(ids) == len(set(ids))
        text = path.read_text(encoding="utf-8")
        assert text == json.dumps(json.loads(text), indent=1, ensure_ascii=False) + "\n"
