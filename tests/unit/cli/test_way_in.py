"""The way in: first params, a look at the machine, completion, copies to work in, the wheel."""

import json
import os
import pty
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from edgebook import cli, params
from edgebook.base import shipped
from edgebook.cli.commands import completion, init
from edgebook.runbook import workspace

from tests.unit.hostile import HOSTILE

ROOT = Path(__file__).resolve().parents[3]
ANSWERS = [
    "--project", "shop-prod", "--hostnames", "shop.example.com, *.shop.example.com",
    "--zone", "shop-example", "--cluster", "europe-west1/main",
]  # fmt: skip


def test_init_writes_params_that_are_right(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "params" / "prod.yaml"
    assert cli.main(["init", "--params", str(file), *ANSWERS]) == 0
    spec = params.load_file(str(file))
    assert (spec.project, spec.hostnames) == (
        "shop-prod",
        ("shop.example.com", "*.shop.example.com"),
    )
    assert spec.clusters["main"].location == "europe-west1"
    assert f"plan --params {file}" in capsys.readouterr().out
    assert cli.main(["init", "--params", str(file), *ANSWERS]) == 2
    assert "--overwrite" in capsys.readouterr().err


@pytest.mark.parametrize("text", [*HOSTILE[:-1], "yes", "123", "~", "a: b", "a #b"])
def test_no_answer_of_init_says_more_than_a_value(text: str) -> None:
    answers = {
        "environment": "simulator", "project": text, "name": text, "zone": text, "health": text,
        "hostnames": text.replace(",", ""), "cluster": text.replace("/", ""), "service": "a/b:443",
    }  # fmt: skip
    said = yaml.safe_load(init.draft(answers))
    assert said.keys() == yaml.safe_load(init.draft({**answers, "project": "p"})).keys()
    assert (said["project"], said["dns"]["zone"]) == (text, text)
    assert said["address"]["name"] == f"{text}-edge"
    assert said["hostnames"] == [answers["hostnames"].strip()]
    assert said["clusters"] == {"main": {"context": answers["cluster"]}}
    assert said["backends"]["web"]["neg"]["name"] == f"{text}-web"
    assert said["backends"]["web"]["health_check"]["path"] == text
    assert said["safety"] == {"max_deletes": 2, "allow_replace": False}


def test_init_asks_on_a_terminal_and_asks_again_for_what_has_no_default(tmp_path: Path) -> None:
    answers = ["", "", "my-project", "", "www.example.com", "zone", "us-central1/main", "", ""]
    code, said = typed(tmp_path, answers)
    assert code == 0, said
    assert said.count("Google Cloud project: ") == 2 and "this one has no default" in said
    spec = params.load_file(str(tmp_path / "new.yaml"))
    assert (spec.project, spec.hostnames) == ("my-project", ("www.example.com",))


def test_init_ends_in_words_when_the_input_ends(tmp_path: Path) -> None:
    code, said = typed(tmp_path, ["", "\x04"])
    assert code == 2
    assert "Not answered: Google Cloud project" in said and "Traceback" not in said


def typed(folder: Path, answers: list[str]) -> tuple[int, str]:
    """What `edgebook init` on a pseudo-terminal says to these lines, and its exit code."""
    ours, its = pty.openpty()
    words = [sys.executable, "-m", "edgebook", "init", "--params", "new.yaml"]
    said = b""
    with subprocess.Popen(words, cwd=folder, stdin=its, stdout=its, stderr=its) as process:
        os.close(its)
        try:
            while data := os.read(ours, 1024):
                said += data
                if answers and said.endswith(b": "):
                    line = answers.pop(0)
                    os.write(ours, (line if line == "\x04" else f"{line}\n").encode())
        except OSError:
            pass  # the other side is closed
    os.close(ours)
    return process.returncode, said.decode()


def test_init_says_what_is_wrong_with_an_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "p.yaml"
    wrong = [*ANSWERS, "--environment", "nowhere"]
    assert cli.main(["init", "--params", str(file), *wrong]) == 2
    assert '"nowhere"; allowed: simulator, google-cloud' in capsys.readouterr().err
    assert cli.main(["init", "--params", str(tmp_path / "q.yaml"), *ANSWERS, "--service", "x"]) == 2
    assert "NAMESPACE/SERVICE:PORT" in capsys.readouterr().err


def test_doctor_looks_at_this_machine_and_at_nobody_else(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert cli.main(["doctor", "--offline", "--json"]) == 0
    checks = {(c["check"], c["subject"]): c for c in json.loads(capsys.readouterr().out)["checks"]}
    assert checks["Python", sys.executable]["state"] == "ok"
    assert checks["program", "kubectl"]["state"] == "uncertain"
    assert "gcloud components install" in checks["program", "kubectl"]["remedy"]
    assert not any(check == "endpoint" for check, _ in checks)
    monkeypatch.setenv("EDGEBOOK_STATE", "/proc/nowhere")
    assert cli.main(["doctor", "--offline"]) == 1
    assert "EDGEBOOK_STATE" in capsys.readouterr().out


@pytest.mark.parametrize("shell", ["bash", "fish", "tcsh", "zsh"])
def test_completion_knows_every_command_its_options_and_the_notebooks(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["completion", shell]) == 0
    said = capsys.readouterr().out
    for word in (*cli.command_names(), "approve", "detailed-exitcode", "80_cut_over"):
        assert word in said
    assert ("operate/swap" in said) is (shell != "tcsh"), "tcsh ends a word at its slash"


@pytest.mark.parametrize(
    ("typed", "offered", "not_offered"),
    [
        ("edgebook st", "status", "run"),
        ("edgebook run operate/sw", "operate/swap", "20_certificate"),
        ("edgebook run mine", "mine.ipynb", "mine.yaml"),
        ("edgebook plan --params mi", "mine.yaml", "status"),
        ("edgebook export --out fol", "folder", "mine.yaml"),
        ("edgebook apply --step cert", "certificate-map", "firewall"),
        ("edgebook run operate/swap --params mine.yaml --app", "--approve", "--params"),
    ],
)
def test_bash_completes(
    typed: str, offered: str, not_offered: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name in ("mine.yaml", "mine.ipynb"):
        (tmp_path / name).touch()
    (tmp_path / "folder").mkdir()
    cli.main(["completion", "bash"])
    script = capsys.readouterr().out
    count = len(typed.split()) - 1
    ask = f"COMP_WORDS=({typed}); COMP_CWORD={count}; _shtab_edgebook; echo ${{COMPREPLY[@]}}"
    bash = shutil.which("bash")
    assert bash
    done = subprocess.run(
        [bash, "-c", f"{script}\n{ask}"], capture_output=True, text=True, cwd=tmp_path
    )
    found = done.stdout.split()
    assert offered in found and not_offered not in found, done.stderr


def test_copies_to_work_in_leave_the_notebooks_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("notebooks", "params"):
        shutil.copytree(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    source = tmp_path / "notebooks" / "20_certificate.ipynb"
    before = source.read_bytes()
    made = workspace.prepare(tmp_path / "work", tmp_path / "params" / "example.yaml")
    copy = made.folder / "20_certificate.ipynb"
    assert 'params_file = \\"../params/example.yaml\\"' in copy.read_text()
    status = made.folder / "operate" / "status.ipynb"
    assert 'params_file = \\"../../params/example.yaml\\"' in status.read_text()
    assert not list(made.folder.glob("_*"))

    copy.write_text(copy.read_text() + " ")  # somebody worked in it
    source.write_bytes(before.replace(b"20 Certificate", b"20 Certificates"))
    other = tmp_path / "notebooks" / "30_frontends.ipynb"
    other.write_bytes(other.read_bytes().replace(b"30 Frontends", b"30 Front"))
    again = workspace.prepare(tmp_path / "work", tmp_path / "params" / "example.yaml")
    assert again.behind == ("20_certificate.ipynb",)
    assert "30 Front" in (again.folder / other.name).read_text()
    fresh = workspace.prepare(tmp_path / "work", tmp_path / "params" / "example.yaml", fresh=True)
    assert fresh.behind == ()
    assert "20 Certificates" in copy.read_text()


def test_a_lab_of_the_real_project_is_refused_in_a_shell_that_leads_to_a_simulator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "prod.yaml"
    assert cli.main(["init", "--params", str(file), *ANSWERS, "--environment", "google-cloud"]) == 0
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("GCPSIM_URL", "http://127.0.0.1:9")
    assert cli.main(["lab", "--params", "prod.yaml", "--no-browser"]) == 3
    said = capsys.readouterr()
    assert "unset GCPSIM_URL" in said.err
    assert "ON GOOGLE CLOUD" not in said.out


def test_outside_a_checkout_the_shipped_files_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert (shipped.folder("notebooks") / "00_preflight.ipynb").exists()
    assert Path(shipped.params_file("params/rehearsal.yaml")).exists()
    assert shipped.params_file("params/mine.yaml") == "params/mine.yaml"
    assert shipped.params_file("gs://bucket/params/x.yaml") == "gs://bucket/params/x.yaml"


def test_the_wheel_carries_notebooks_and_params_and_works_elsewhere(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md"):
        shutil.copy(ROOT / name, source)
    for name in ("lib/edgebook", "lib/gcpsim", "notebooks", "params"):
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    command = [sys.executable, "-c", "from setuptools import build_meta as b; b.build_wheel('out')"]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (wheel,) = (source / "out").glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
        packed.extractall(tmp_path / "installed")
    for path in (ROOT / "notebooks").rglob("*.ipynb"):
        if ".ipynb_checkpoints" not in path.parts:
            assert f"edgebook/shipped_files/{path.relative_to(ROOT)}" in names
    assert "edgebook/shipped_files/params/schema.json" in names
    assert "edgebook/show/table.js" in names
    script = "from edgebook.base import shipped; print(shipped.folder('notebooks').resolve())"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True,
        env={"PYTHONPATH": str(tmp_path / "installed")}, check=True,
    )  # fmt: skip
    assert Path(done.stdout.strip()) == tmp_path / "installed/edgebook/shipped_files/notebooks"


def test_params_that_come_with_edgebook_are_found_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["records", "verify", "--params", "params/rehearsal.yaml"]) == 1  # no records
    assert "params/rehearsal.yaml is not here: taken is the one of edgebook, /" in (
        capsys.readouterr().err
    )
    assert cli.main(["plan", "--params", "params/mine.yaml"]) == 2
    said = capsys.readouterr()
    assert "edgebook init --params params/mine.yaml" in said.err and "taken" not in said.err


def test_no_name_of_a_file_gets_into_what_a_shell_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notebooks" / "operate").mkdir(parents=True)
    for name in ("10_good", "operate/swap", "$(forged)", "a;forged", "x\nforged", "`forged`"):
        (tmp_path / "notebooks" / f"{name}.ipynb").write_text("{}")
    shutil.copy(ROOT / "notebooks" / "00_preflight.ipynb", tmp_path / "notebooks")
    monkeypatch.chdir(tmp_path)
    names = completion._notebooks()
    assert not any("forged" in name for name in names)
    for shell in completion.SHELLS:
        assert cli.main(["completion", shell]) == 0
        assert "forged" not in capsys.readouterr().out
