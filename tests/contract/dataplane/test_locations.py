"""Locations go away, come back, and learn later than others; what the commands say of it."""

from collections.abc import Callable
from typing import Any

import pytest
from gcpsim.front.cli import main

US, EU = "us-central1", "europe-west1"


def direct(door: Any, verb: str, **args: str) -> Any:
    status, answer = door.sim.http("POST", f"/_sim/stage/location-{verb}", args)
    assert status == 200, answer
    return answer


def places(door: Any) -> dict[str, str]:
    """Location -> where its clients connect to."""
    rows = door.sim.admin("GET", "reach")
    return {row["location"]: row["connect"] for row in rows if f"/{door.project}/" in row["rule"]}


def test_clients_of_a_location_that_is_down_are_led_to_another(shop: Any) -> None:
    before = places(shop)
    assert before[US] != before[EU]
    direct(shop, "down", location=EU)
    try:
        assert places(shop) == {US: before[US], EU: before[US]}
        assert shop.fetch("/", at=EU).status == 200
    finally:
        direct(shop, "up", location=EU)
    assert places(shop) == before
    assert shop.fetch("/", at=EU).status == 200


@pytest.mark.parametrize(
    ("verb", "args", "words"),
    [
        ("down", {"location": "mars-north1"}, "there: europe-west1, us-central1"),
        ("delay", {"location": EU, "by": "later"}, "not a time such as"),
        ("up", {"location": EU, "by": "1s"}, "it takes"),
    ],
)
def test_wrong_directions_say_what_is_allowed(
    shop: Any, verb: str, args: dict[str, str], words: str
) -> None:
    status, answer = shop.sim.http("POST", f"/_sim/stage/location-{verb}", args)
    assert status in (400, 404)
    assert words in answer["error"]["message"]


@pytest.fixture
def said(capsys: Any, monkeypatch: Any) -> Callable[..., tuple[int, list[str]]]:
    """Exit code and lines of `gcpsim WORDS` for a simulator."""

    def run(sim: Any, *words: str) -> tuple[int, list[str]]:
        monkeypatch.setenv("GCPSIM_URL", sim.ready["env"]["GCPSIM_URL"])
        monkeypatch.setenv("GCPSIM_TOKEN", sim.ready["env"]["GCPSIM_TOKEN"])
        code = main(list(words))
        out = capsys.readouterr()
        return code, (out.out + out.err).splitlines()

    return run


def test_commands_say_what_they_did(shop: Any, said: Any) -> None:
    def tell(*words: str) -> list[str]:
        code, lines = said(shop.sim, *words)
        assert code == 0, lines
        return lines

    assert tell("location", "delay", EU, "30s") == ["later by: 30 s", f"location: {EU}"]
    assert tell("location", "delay", EU, "0") == ["later by: 0 s", f"location: {EU}"]
    assert tell("location", "down", EU) == [f"location: {EU}", "state: down"]
    assert tell("location", "up", EU) == [f"location: {EU}", "state: up"]
    shop.fetch()
    shop.flowed(1)
    heading, *rows = tell("traffic")
    words = ["rule", "location", "service", "backend", "outcome", "count", "rate", "project"]
    assert heading.split() == words
    mine = [row.split() for row in rows if row.split()[-1] == shop.project]
    assert [row[:6] for row in mine] == [["rule", US, "bs", "us-central1-a/neg", "200", "1"]]
    health = [line for line in tell("health") if f"{shop.ips['one']}:8080" in line]
    assert {line.split()[4] for line in health} == {US, EU}
    assert all("HEALTHY" in line and line.endswith("answers") for line in health)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["location", "down", "mars"],
         "gcpsim: no location 'mars'; there: europe-west1, us-central1"),
        (["location", "delay", EU, "soon"],
         "gcpsim: location-delay: 'soon' is not a time such as 500ms, 2s, 1m"),
        (["location", "certificate", EU, "green"],
         "gcpsim: location-certificate: 'green' is not one of right, wrong"),
        (["pod", "slow", "red", "shop", "x"], "gcpsim: no cluster 'red'; there: blue, green"),
        (["pod", "hang", "blue", "shop", "x"],
         "gcpsim: no pod shop/x in cluster blue; in shop: none"),
        (["pod", "fail", "blue", "shop", "x", "--status", "99"],
         "gcpsim: pod-fail: '99' is not a status from 200 to 599"),
        (["endpoint", "serve", "10.0.0.1", "80", "10.0.0.2:80"],
         "gcpsim: endpoint-serve: socket must be 127.x.y.z:PORT, not '10.0.0.2:80'"),
    ],
)  # fmt: skip
def test_wrong_commands_are_told_in_one_line(
    plane_sim: Any, said: Any, words: list[str], line: str
) -> None:
    assert said(plane_sim, *words) == (2, [line])


def test_without_a_data_plane_commands_say_so(sim: Any, said: Any) -> None:
    why = "this simulator carries no traffic: started with --no-dataplane, or without an Envoy"
    for words in (["traffic"], ["health"], ["reach"]):
        code, (line,) = said(sim, *words)
        assert code == 0 and line.startswith(why)
    code, (line,) = said(sim, "location", "down", EU)
    assert code == 2 and line.startswith(f"gcpsim: location-down: {why}")
    status, answer = sim.http("POST", "/_sim/stage/dance", {})
    assert status == 404
    assert answer["error"]["message"].startswith("no stage direction 'dance'; there: ancestry, ")


def test_what_spreads_is_told_in_its_order(shop: Any) -> None:
    news = shop.sim.admin("GET", "news")["news"]
    numbers = [one["number"] for one in news]
    assert numbers == sorted(set(numbers))
    maps = [one for one in news if one["table"] == "compute/urlMaps"]
    mine = [one for one in maps if f"/{shop.project}/" in one["key"]]
    assert mine
    assert (mine[0]["least"], mine[0]["most"]) == (20.0, 90.0)
    assert shop.sim.admin("GET", f"news?since={numbers[-1]}")["news"] == []
    since = shop.sim.admin("GET", f"news?since={numbers[-2]}")["news"]
    assert [one["number"] for one in since] == numbers[-1:]
    status, answer = shop.sim.http("GET", "/_sim/news?since=yesterday")
    assert status == 400
    assert "since must be a number" in answer["error"]["message"]
