"""What a command prints as the way on is pasted into a shell with a bare PATH, and works."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from edgebook import cli


def way_on(text: str) -> str:
    """The line below "Next:"."""
    lines = text.splitlines()
    return lines[next(n for n, line in enumerate(lines) if line.startswith("Next:")) + 1].strip()


def pasted(line: str, shop: Any, folder: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PATH": "/usr/bin:/bin", "GCPSIM_URL": shop.sim.url}
    return subprocess.run(
        ["sh", "-c", line], cwd=folder, env=env, capture_output=True, text=True, timeout=120
    )


def test_plan_and_teardown_print_lines_that_work(
    shop: Any, capsys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my params").mkdir()
    params = Path(shop.file()).rename(tmp_path / "my params" / "shop.yaml")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    near = str(params.relative_to(tmp_path))
    assert cli.main(["plan", "--params", near, "--step", "address-and-dns"]) == 0
    line = way_on(capsys.readouterr().out)
    done = pasted(line, shop, tmp_path)
    assert done.returncode == 0, f"{line}\n{done.stderr}"
    assert "2 of 2 changes done" in done.stdout
    assert cli.main(["teardown", "--params", near]) == 0
    line = way_on(capsys.readouterr().out)
    done = pasted(line, shop, tmp_path)
    assert done.returncode == 0, f"{line}\n{done.stderr}"


def test_an_errors_way_on_is_whole(shop: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    params = shop.file()
    assert cli.main(["apply", "--params", params, "--approve", "0123abcd"]) == 3
    said = capsys.readouterr().err
    assert "edgebook plan --params" in said
    line = said.split("`")[1]
    done = pasted(line, shop, Path.cwd())
    assert done.returncode == 0, f"{line}\n{done.stderr}"
