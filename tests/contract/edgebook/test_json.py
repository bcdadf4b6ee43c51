"""What machines get keeps to docs/json/schema.json: every command's answer, and every key in it."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from edgebook import cli
from edgebook.cli.commands._output import FORMAT

SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "json" / "schema.json").read_text())


def keeps_to(name: str, document: Any) -> None:
    jsonschema.validate(document, {**SCHEMA, "$ref": f"#/$defs/{name}"})


def asked(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    code = cli.main([str(word) for word in words])
    return code, json.loads(capsys.readouterr().out)


def test_plan_apply_status_and_teardown_keep_to_the_schema(shop: Any, capsys: Any) -> None:
    params = shop.file()
    _, plan = asked(capsys, "plan", "--params", params, "--json")
    keeps_to("plan", plan)
    assert plan["environment"] == "simulator"
    code, status = asked(capsys, "status", "--params", params, "--json")
    keeps_to("status", status)
    assert (code, status["healthy"]) == (6, False)
    assert status["problems"] == ["it is not built"]
    _, applied = asked(capsys, "apply", "--params", params, "--approve", "auto", "--json")
    keeps_to("apply", applied)
    code, status = asked(capsys, "status", "--params", params, "--json")
    keeps_to("status", status)
    assert (code, status["healthy"], status["problems"]) == (0, True, [])
    _, torn = asked(capsys, "teardown", "--params", params, "--json")
    keeps_to("teardown", torn)
    _, plan = asked(capsys, "plan", "--params", params, "--json")
    keeps_to("plan", plan)


def test_errors_keep_to_the_schema(tmp_path: Path, capsys: Any) -> None:
    code, error = asked(capsys, "plan", "--params", str(tmp_path / "no.yaml"), "--json")
    assert code == 2
    keeps_to("error", error)


def test_doctor_keeps_to_the_schema(capsys: Any) -> None:
    _, found = asked(capsys, "doctor", "--offline", "--json")
    keeps_to("doctor", found)


def test_the_schema_is_of_the_format_that_is_printed() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$defs"]["format"] == {"const": FORMAT}
