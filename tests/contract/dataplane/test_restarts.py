"""What is left of traffic after a reset, after a restart from a state folder, after a kill."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from gcpsim.front.admin import Admin
from gcpsim.front.cli import main

from tests.contract.dataplane.worlds import Stage, Theatre, get


def test_a_reset_brings_back_pods_and_the_way_to_them(theatre: Theatre) -> None:
    async def test(stage: Stage) -> None:
        admin = Admin(stage.world)
        admin.remember_start()
        pod = stage.one("storefront")
        await stage.annotate(pod, fail="500")
        await stage.delete(stage.one("api"))
        await stage.pass_time(60, step=10)
        admin.handle("POST", "reset", {}, b"")
        await stage.backends.settled()
        await stage.backends.settled()
        assert (await get(stage.socket(stage.one("storefront"), 8080)))[0] == 200
        rows = {(row["port"], row["location"]): row["connect"] for row in stage.backends.reach()}
        host, _, port = rows[80, "us-central1"].rpartition(":")
        assert (await get((host, int(port))))[0] == 308
        await stage.delete(stage.one("api"))
        await stage.pass_time(120, step=10)
        assert len(stage.all("api")) == 6, "controllers work on"

    theatre.play(test)


def test_questions_outlive_the_farm(theatre: Theatre) -> None:
    async def test(stage: Stage) -> None:
        os.kill(stage.backends.link.pid, signal.SIGSTOP)
        asking = asyncio.create_task(stage.backends.settled())
        await asyncio.sleep(0)
        os.kill(stage.backends.link.pid, signal.SIGKILL)
        assert len(await asking) > 40

    theatre.play(test)


def test_children_end_with_gcpsim_also_when_it_is_killed(
    start_sim: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sim = start_sim("--dataplane", "--scenario", "legacy", "--state", tmp_path / "state")
    children = psutil.Process(sim.process.pid).children(recursive=True)
    assert len(children) == 3, "two Envoys and the farm"
    before = {row["pod"] for row in sim.admin("GET", "pods")}
    sim.kill()
    _, alive = psutil.wait_procs(children, timeout=20)
    assert alive == []
    again = start_sim("--dataplane", "--state", tmp_path / "state")
    rows = again.admin("GET", "pods")
    assert {row["pod"] for row in rows} == before
    assert all(row["sockets"] for row in rows if row["namespace"] == "shop")
    for command, words in (("pods", "storefront-"), ("health", "nothing is probed")):
        assert main([command, "--url", again.url]) == 0
        assert words in capsys.readouterr().out
