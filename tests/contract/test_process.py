"""`gcpsim` as a process: its ready line, its commands, and what it says to wrong use."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def forked() -> bool:
    """Here simulators are started as users start them."""
    return False


SERVE = ["serve", "--until-stdin-closes", "--time-scale", "0"]


def gcpsim(
    *arguments: str, env: dict[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gcpsim", *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
        env={**os.environ, **(env or {})},
        cwd=cwd,
    )


def test_the_ready_line(start_sim: Callable[..., Any]) -> None:
    sim = start_sim("--no-dataplane", "--scenario", "greenfield", "--time-scale", "0")
    ready = sim.ready
    assert ready["ready"] is True
    assert {"compute", "dns", "certificatemanager", "container"} <= set(ready["services"])
    assert sorted(ready["clusters"]) == ["blue", "green"]
    for cluster in ready["clusters"].values():
        assert cluster["server"].startswith("https://127.0.0.1:")
        assert Path(cluster["kubeconfig"]).stat().st_mode & 0o077 == 0
    assert ready["env"]["GCPSIM_URL"] == ready["services"]["compute"]
    for path in ("GOOGLE_APPLICATION_CREDENTIALS", "GCPSIM_CA_FILE", "REQUESTS_CA_BUNDLE",
                 "HTTPLIB2_CA_CERTS"):  # fmt: skip
        assert Path(ready["env"][path]).read_text()
    open_to_all = {k: v for k, v in ready["env"].items() if k != "GCPSIM_TOKEN"}
    assert sim.admin("GET", "ready") == {**ready, "env": open_to_all}


def test_nothing_listens_beyond_loopback() -> None:
    done = gcpsim("serve", "--host", "0.0.0.0")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "gcpsim: --host 0.0.0.0: gcpsim listens on loopback addresses only"
    ]


WRONG: list[tuple[list[str], str]] = [
    (["serve", "--port", "x"], "'x' is not a port"),
    (["serve", "--port", "70000"], "'70000' is not a port"),
    (["serve", "--time-scale", "-1"], "is not a time scale"),
    (["serve", "--time-scale", "nan"], "is not a time scale"),
    (["serve", "--scenario", "atlantis"], "atlantis"),
    (["serve", "--scenario", "/nowhere/x.yaml"], "/nowhere/x.yaml"),
    (["serve", "--colour"], "--colour"),
    (
        ["serve", "--locations", "europe-west1,us-centrall"],
        "'us-centrall' is not a region, such as us-central1",
    ),
    (["dance"], "dance"),
    ([], "COMMAND"),
    (["fault", "--url", "http://127.0.0.1:1", "x=1"], "no simulator answers at http://127.0.0.1:1"),
    (["clock", "--advance", "soon"], "'soon' is not a time"),
]


@pytest.mark.parametrize(("arguments", "word"), WRONG, ids=lambda value: str(value)[:40])
def test_wrong_use_is_one_line_and_exit_code_2(arguments: list[str], word: str) -> None:
    done = gcpsim(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("gcpsim")
    assert word in line


@pytest.mark.parametrize("option", ["--port", "--proxy"])
def test_a_taken_port(option: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = gcpsim("serve", "--private", option, port)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"gcpsim: port {port}: ")
    assert f"{option} 0 takes a free one" in line


FOREIGN: dict[str, Callable[[Path], object]] = {
    "other files": lambda folder: (folder / "notes.txt").write_text("mine"),
    "not a database": lambda folder: (folder / "gcpsim.sqlite").write_text("not a database" * 99),
    "a foreign database": lambda folder: foreign_database(folder),
    "another format": lambda folder: foreign_database(folder, application=0x67637073, version=99),
    "a cut database": lambda folder: cut_database(folder),
}


def foreign_database(folder: Path, *, application: int = 0, version: int = 0) -> None:
    import sqlite3

    db = sqlite3.connect(folder / "gcpsim.sqlite")
    db.execute("CREATE TABLE customers (name TEXT)")
    db.execute(f"PRAGMA application_id = {application}")
    db.execute(f"PRAGMA user_version = {version}")
    db.commit()
    db.close()


def cut_database(folder: Path) -> None:
    """A state of this gcpsim that lost its second half."""
    from gcpsim.core.store import Store

    store = Store(folder)
    for number in range(2000):
        store.table("compute/addresses").put(f"a{number}", {"text": "x" * 50})
    store.commit()
    store.close()
    path = folder / "gcpsim.sqlite"
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2])


@pytest.mark.parametrize("what", FOREIGN)
def test_a_state_folder_that_is_not_ours(tmp_path: Path, what: str) -> None:
    FOREIGN[what](tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    done = gcpsim("serve", "--state", str(tmp_path))
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"gcpsim: --state {tmp_path}")
    assert "folder" in line
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_state_that_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("x")
    done = gcpsim("serve", "--state", str(path))
    assert (done.returncode, path.read_text()) == (2, "x")
    assert len(done.stderr.splitlines()) == 1


def test_two_simulators_do_not_share_a_state(start_sim: Callable[..., Any], tmp_path: Path) -> None:
    start_sim("--state", tmp_path, "--time-scale", "0")
    done = gcpsim("serve", "--state", str(tmp_path))
    assert done.returncode == 2, done.stdout
    (line,) = done.stderr.splitlines()
    assert "another gcpsim" in line


def test_env_calls_clock_and_fault(start_sim: Callable[..., Any]) -> None:
    sim = start_sim("--time-scale", "1", "--paused")
    env = {"GCPSIM_URL": sim.url, "GCPSIM_TOKEN": sim.ready["env"]["GCPSIM_TOKEN"]}
    exports = gcpsim("env", env=env)
    assert f"export GCPSIM_URL={sim.url}" in exports.stdout.splitlines()
    assert json.loads(gcpsim("env", "--json", env=env).stdout) == sim.ready["env"]
    shell = subprocess.run(
        ["sh", "-c", f'{exports.stdout}\necho "$CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE"'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shell.stdout.strip() == f"{sim.url}/compute/v1/"

    sim.http("GET", "/compute/v1/projects/p/global/addresses")
    table = gcpsim("calls", env=env).stdout.splitlines()
    assert table[0].split() == ["client", "service", "collection", "method", "calls"]
    assert table[-1] == "1 calls"
    counted = json.loads(gcpsim("calls", "--json", env=env).stdout)
    assert counted["total"] == 1
    gcpsim("calls", "--reset", env=env)
    assert json.loads(gcpsim("calls", "--json", env=env).stdout)["total"] == 0

    before = json.loads(gcpsim("clock", "--json", env=env).stdout)
    after = json.loads(gcpsim("clock", "--advance", "5m", "--json", env=env).stdout)
    assert after["seconds"] - before["seconds"] == pytest.approx(300, abs=0.01)
    assert "paused" in gcpsim("clock", env=env).stdout

    gcpsim("fault", "effect=http", "verb=GET", "code=500", "collection=globalAddresses", env=env)
    (row,) = json.loads(gcpsim("fault", "--json", env=env).stdout)
    assert (row["code"], row["collection"]) == (500, "globalAddresses")
    assert sim.http("GET", "/compute/v1/projects/p/global/addresses")[0] == 500
    gcpsim("fault", "--clear", env=env)
    assert gcpsim("fault", "--json", env=env).stdout.strip() == "[]"


def test_the_last_started_is_found_without_being_named(tmp_path: Path) -> None:
    env = {"XDG_CACHE_HOME": str(tmp_path), "GCPSIM_URL": ""}
    assert gcpsim("clock", env=env).returncode == 2
    process = subprocess.Popen(
        [sys.executable, "-m", "gcpsim", *SERVE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **env},
    )
    assert process.stdout is not None
    assert process.stdin is not None
    json.loads(process.stdout.readline())
    assert gcpsim("clock", env=env).returncode == 0
    process.stdin.close()
    assert process.wait(30) == 0
    process.stdout.close()
    done = gcpsim("clock", env=env)
    assert done.returncode == 2
    assert "start one with: gcpsim serve" in done.stderr


def test_several_simulators_are_found_by_place(
    start_sim: Callable[..., Any], tmp_path: Path
) -> None:
    """One that ends takes no other's entry with it, and a killed one is no longer found."""
    env = {"XDG_CACHE_HOME": str(tmp_path), "GCPSIM_URL": ""}
    folders = [tmp_path / "one", tmp_path / "two"]
    one, two = (start_sim("--state", folder, env=env) for folder in folders)
    for folder, simulator in zip(folders, (one, two), strict=True):
        found = gcpsim("env", "--json", env=env, cwd=folder)
        assert json.loads(found.stdout)["GCPSIM_URL"] == simulator.url
    unclear = gcpsim("env", env=env, cwd=tmp_path)
    assert unclear.returncode == 2
    assert one.url in unclear.stderr
    assert two.url in unclear.stderr
    one.stop()
    assert two.url in gcpsim("env", env=env, cwd=tmp_path).stdout
    two.kill()
    gone = gcpsim("env", env=env, cwd=tmp_path)
    assert (gone.returncode, "start one with" in gone.stderr) == (2, True)


def test_help_of_every_command() -> None:
    text = gcpsim("--help").stdout
    for command in ("serve", "env", "calls", "clock", "fault"):
        assert command in text
        assert gcpsim(command, "--help").returncode == 0


GARBAGE = [
    b"garbage\r\n\r\n",
    b"GET " + b"/a" * 6000 + b" HTTP/1.1\r\n\r\n",
    b"POST /compute/v1/projects/p/global/addresses HTTP/1.1\r\nContent-Length: 9\r\n\r\n{",
    b"\x16\x03\x01\x02\x00",
]


def test_garbage_leaves_no_trace(start_sim: Callable[..., Any]) -> None:
    sim = start_sim("--time-scale", "0")
    port = int(sim.url.rsplit(":", 1)[1])
    for raw in GARBAGE:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
            wire.sendall(raw)
            wire.shutdown(socket.SHUT_WR)
            while wire.recv(4096):
                pass
    assert sim.http("GET", "/compute/v1/projects/p/global/addresses")[0] == 200
    sim.process.terminate()
    _, said = sim.process.communicate(timeout=30)
    assert said == ""
