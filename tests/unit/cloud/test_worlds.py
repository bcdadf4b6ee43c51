"""Params of Google Cloud never reach a simulator, and a world says what it is."""

import http.server
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from edgebook.base.errors import ConnectError, RefusedError, WrongWorld
from edgebook.cloud import simulator, worlds
from edgebook.cloud.connect import connect
from edgebook.show.banner import WrongBanner, banner

from tests.silence import Silent

EXPORTED = {
    "GCPSIM_URL": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:19",
    "GOOGLE_APPLICATION_CREDENTIALS": "/tmp/gcpsim-x/credentials.json",
    "KUBECONFIG": "/tmp/gcpsim-x/kubeconfig.yaml",
}


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, []),
        ({"HTTPS_PROXY": "http://127.0.0.1:3128", "KUBECONFIG": "/home/me/.kube/config"}, []),
        ({"GCPSIM_URL": ""}, []),
        (EXPORTED, sorted(EXPORTED)),
        ({"KUBECONFIG": EXPORTED["KUBECONFIG"]}, ["KUBECONFIG"]),
        ({"https_proxy": EXPORTED["HTTPS_PROXY"]}, ["https_proxy"]),
        ({"GCPSIM_URL": "x", "HTTPS_PROXY": "http://proxy.example:80"}, ["GCPSIM_URL"]),
    ],
)
def test_exports_in_the_way(environ: dict[str, str], wanted: list[str]) -> None:
    assert worlds.in_the_way(environ, [EXPORTED]) == wanted


def test_stale_exports_of_an_ended_simulator_are_in_the_way_too() -> None:
    assert worlds.in_the_way(EXPORTED, []) == ["GCPSIM_URL", "HTTPS_PROXY"]


def test_google_cloud_with_a_simulators_exports_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("GCPSIM_URL", "http://127.0.0.1:9")
    with pytest.raises(RefusedError) as refused:
        connect("google-cloud", "shop-prod")
    assert "GCPSIM_URL=http://127.0.0.1:9" in str(refused.value)
    assert "unset GCPSIM_URL" in refused.value.next


def test_credentials_of_a_simulator_are_none_of_google() -> None:
    class Credentials:
        _token_uri = "http://127.0.0.1:4242/token"

    with pytest.raises(RefusedError, match="credentials are a simulator's"):
        worlds.of_google("shop-prod", Credentials())


class _StageDoor(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"scale": 60.0, "env": EXPORTED}).encode())

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def door() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _StageDoor)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def _registered(cache: Path, name: str, url: str, place: Path, pid: int) -> None:
    folder = cache / "gcpsim" / "running"
    folder.mkdir(parents=True, exist_ok=True)
    ready = {"pid": pid, "place": str(place), "scenario": "legacy", "env": {"GCPSIM_URL": url}}
    (folder / f"{name}.json").write_text(json.dumps(ready))


def test_a_running_simulator_is_found_by_its_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, door: str
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("GCPSIM_URL", "")
    here = tmp_path / "here" / "notebooks"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    me = os.getpid()
    _registered(tmp_path / "cache", "1", door, here.parent, me)
    _registered(tmp_path / "cache", "2", "http://127.0.0.1:9", tmp_path / "there", me)
    found = simulator.running("legacy", 60)
    assert (found["url"], found["time_scale"]) == (door, 60.0)
    assert found["how"] == f"found running: scenario legacy, process {me}"
    _registered(tmp_path / "cache", "3", "http://127.0.0.1:10", here.parent, me)
    with pytest.raises(RefusedError) as refused:
        simulator.running("legacy", 60)
    assert f"export GCPSIM_URL={door}" in refused.value.why
    assert "2 simulators are running" in refused.value.what


def test_a_simulator_that_runs_and_does_not_answer_is_never_replaced_by_another_world(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("GCPSIM_URL", "")
    monkeypatch.chdir(tmp_path)
    with Silent() as silent:
        _registered(tmp_path / "cache", "1", silent.url, tmp_path, os.getpid())
        with pytest.raises(ConnectError) as failed:
            simulator.running("legacy", 60, patience=0.2)
        (ready,) = simulator.registered()
        assert not simulator.answers(ready, patience=0.2)
    assert failed.value.why == "no answer within 0.2 s"
    assert f"process {os.getpid()}, started in {tmp_path}" in failed.value.where
    assert failed.value.next == f"wait until it answers, or end it: kill {os.getpid()}"


def test_a_dead_gcpsim_url_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GCPSIM_URL", "http://127.0.0.1:9")
    with pytest.raises(ConnectError) as failed:
        simulator.running("legacy", 60)
    assert failed.value.why == "nothing listens there: that simulator has ended"


def test_the_banner_says_which_world_in_words_and_colour() -> None:
    real = worlds.World("google-cloud", "shop-prod", "https://googleapis.com", "as ops@x.test")
    simulated = worlds.World("simulator", "shop", "http://127.0.0.1:4242", "GCPSIM_URL")
    one, other = (banner(world, "shop-edge", ["a.test", "<b>"]) for world in (real, simulated))
    assert "GOOGLE CLOUD" in one
    assert "as ops@x.test" in one
    assert "SIMULATED" in other
    assert "http://127.0.0.1:4242" in other
    assert "&lt;b&gt;" in one
    assert one.split("background:")[1] != other.split("background:")[1]


def test_the_banner_of_a_wrong_world_is_red_and_says_the_way_out() -> None:
    with pytest.raises(WrongWorld) as refused:
        worlds.refuse_exports(EXPORTED)
    shown = WrongBanner(refused.value)
    real = banner(worlds.World("google-cloud", "p", "https://googleapis.com", ""), "shop", [])
    said = shown._repr_html_()
    assert said.split("background:")[1] == real.split("background:")[1]  # the same red
    assert "WRONG WORLD" in said and "nothing was changed" in said
    assert "unset GCPSIM_URL" in said
    assert "leads to a simulator" in repr(shown)
