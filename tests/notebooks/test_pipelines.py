"""The pipeline files do what they say: their own commands, run against gcpsim."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from edgebook.records import FolderArchive, load_record, verify_archive

ROOT = Path(__file__).resolve().parents[2]
PIPELINES = ROOT / "pipelines"
pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def checkout(start_sim: Callable[..., Any], tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """What a pipeline's workspace has, and an environment that sees only the simulator."""
    for name in (".venv", "notebooks", "params", "Makefile", "tools"):
        (tmp_path / name).symlink_to(ROOT / name)
    simulator = start_sim("--port", "0", "--scenario", "legacy", "--time-scale", "0")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("GCPSIM", "EDGEBOOK"))}
    state = {"EDGEBOOK_STATE": str(tmp_path / "state"), "CI": "true"}
    return tmp_path, {**clean, **simulator.ready["env"], **state}


def shell(text: str, folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-euc", text], cwd=folder, env=env, capture_output=True, text=True, timeout=400
    )


def test_github_plans_for_reviewers_and_applies_exactly_that_plan(
    checkout: tuple[Path, dict[str, str]],
) -> None:
    folder, env = checkout
    jobs = yaml.safe_load((PIPELINES / "github-actions.yml").read_text())["jobs"]
    assert jobs["apply"]["environment"] and "plan" in jobs["apply"]["needs"]
    env |= {
        "PARAMS": "params/rehearsal.yaml",
        "RESUME": "",
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        "GITHUB_RUN_ID": "42",
        "GITHUB_ACTOR": "ada",
    }
    (plan,) = [step["run"] for step in jobs["plan"]["steps"] if "edgebook plan" in str(step)]
    done = shell(plan, folder, env)
    assert done.returncode == 0, done.stderr
    assert "certificate" in (folder / "summary.md").read_text()
    (apply,) = [step["run"] for step in jobs["apply"]["steps"] if "edgebook run" in str(step)]
    done = shell(apply, folder, env)
    assert done.returncode == 0, done.stdout + done.stderr
    archive = FolderArchive(folder / "records")
    record = load_record(archive, archive.change_ids()[0])
    assert record.data["approval"]["hash"] == json.loads((folder / "plan.json").read_text())["hash"]
    assert record.data["who"]["user"] == "ada"
    assert verify_archive(archive).intact
    rest = f".venv/bin/edgebook plan --params {env['PARAMS']} --detailed-exitcode"
    assert shell(rest, folder, env).returncode == 0
    assert record.data["who"]["pipeline"] == "GitHub Actions run 42"


def test_cloud_build_plans_without_approval_and_fails_with_a_wrong_one_after_keeping_the_record(
    checkout: tuple[Path, dict[str, str]],
) -> None:
    folder, env = checkout
    build = yaml.safe_load((PIPELINES / "cloudbuild.yaml").read_text())
    values = build["substitutions"] | {"_PARAMS": "params/rehearsal.yaml"}

    def run(approve: str) -> dict[str, subprocess.CompletedProcess[str]]:
        given = values | {"_APPROVE": approve}
        done = {}
        for step in build["steps"][1:]:
            command = [_fill(str(word), given) for word in [step["entrypoint"], *step["args"]]]
            extra = dict(_fill(line, given).split("=", 1) for line in step.get("env", []))
            done[step["id"]] = subprocess.run(
                command, cwd=folder, env=env | extra, capture_output=True, text=True, timeout=400
            )
        return done

    planned = run("")
    assert [step.returncode for step in planned.values()] == [0, 0, 0, 0], planned
    assert "Planned only" in planned["apply"].stdout
    refused = run("0123456789")
    assert [step.returncode for step in refused.values()] == [0, 0, 0, 3], refused
    assert (folder / "record.tar.gz").exists()
    archive = FolderArchive(folder / "records")
    assert load_record(archive, archive.change_ids()[0]).status == "refused"


def _fill(text: str, values: dict[str, str]) -> str:
    """Substitutions as Cloud Build makes them: $_NAME, and $$ for a dollar sign."""
    filled = re.sub(r"(?<!\$)\$(_[A-Z]+)", lambda match: values[match[1]], text)
    return filled.replace("$$", "$")
