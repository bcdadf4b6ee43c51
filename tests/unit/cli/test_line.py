"""The command line: names, help, exit codes, and what the pure parts may cost."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from edgebook import cli
from edgebook.base.errors import ParamsError, Problem, SafetyError, StepFailed
from edgebook.model.values import CheckResult, CheckState, Step

INTERFACE = {"rehearse", "plan", "apply", "run", "status", "teardown", "records", "export", "lab"}


def test_the_commands_of_the_interface_are_there() -> None:
    assert set(cli.command_names()) >= INTERFACE


@pytest.mark.parametrize("name", cli.command_names())
def test_every_command_helps(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([name, "--help"])
    assert ended.value.code == 0
    assert f"usage: edgebook {name}" in capsys.readouterr().out


def test_help_names_every_command_and_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    said = capsys.readouterr().out
    for word in (*cli.command_names(), "exit codes", "130"):
        assert word in said


@pytest.mark.parametrize("arguments", [[], ["plan"], ["nonsense"], ["plan", "--params"]])
def test_a_wrong_command_line_ends_with_2(arguments: list[str]) -> None:
    try:
        code = cli.main(arguments)
    except SystemExit as ended:
        code = int(str(ended.code))
    assert code == 2


def test_wrong_params_end_with_2_and_say_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("environment: nowhere\nprojekt: x\n")
    assert cli.main(["plan", "--params", str(file)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert '"nowhere"; allowed: simulator, google-cloud' in said.err
    assert 'unknown key; did you mean "project"?' in said.err


def test_errors_are_json_for_machines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["plan", "--json", "--params", str(tmp_path / "no.yaml")]) == 2
    assert json.loads(capsys.readouterr().out)["error"] == "ParamsError"


def test_an_error_says_what_where_why_next() -> None:
    error = SafetyError("Plan refused", where="p.yaml: safety", why="one\ntwo", next="plan again")
    assert str(error) == (
        "Plan refused\n  where   p.yaml: safety\n  why     one\n          two\n  next    plan again"
    )
    assert error.exit_code == 3
    failed = StepFailed("60 backends", why="w", seen="s", next="n", state="t")
    assert [line.split()[0] for line in str(failed).splitlines()[1:]] == [
        "why", "seen", "next", "state",
    ]  # fmt: skip


def test_problems_are_sorted_by_line() -> None:
    error = ParamsError("p", [Problem(12, "b", "x"), Problem(3, "a", "y"), Problem(3, "a", "x")])
    assert [problem.line for problem in error.problems] == [3, 3, 12]


def test_steps_have_the_numbers_of_their_notebooks() -> None:
    assert [step.number for step in Step] == [10, 20, 30, 40, 50, 60]
    result = CheckResult(CheckState.OK, "DNS", "a.example.com", step=Step.BACKENDS)
    assert result.to_json()["step"] == "backends"


HEAVY = ("google", "googleapiclient", "kubernetes", "pandas", "numpy", "IPython", "requests")


@pytest.mark.parametrize("module", ["params", "desired", "plan.make", "cli", "cli.commands.plan"])
def test_the_pure_core_imports_nothing_heavy(module: str) -> None:
    code = (
        f"import sys, edgebook.{module}\nprint([name for name in {HEAVY!r} if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
