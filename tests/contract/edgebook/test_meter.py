"""The meter against a simulator with real traffic: what it counts, and what it does not let pass.

The control: a change without order (pods are deleted before anything is detached) loses requests,
and the meter finds them; a meter that cannot fail would prove nothing.
"""

import itertools
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import psutil
import pytest
from edgebook import cli
from edgebook.apply.metering import metered
from edgebook.base.errors import StepFailed
from edgebook.cloud import kubernetes as kube
from edgebook.traffic import TrafficLimits, VerdictState, Watch, archive, judge

from tests.contract.edgebook.conftest import Shop

LIMIT = 60.0
NOTEBOOKS = Path(__file__).parents[3] / "notebooks"
SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "json" / "schema.json").read_text())
FRONTENDS = {"mqtt", "names", "postgres", "web"}


@pytest.fixture(scope="module")
def open_shop(sim: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The front door as the rehearsal builds it, with traffic through it."""
    simulator = type(sim)("--dataplane", "--time-scale", "0", "--scenario", "legacy")
    folder: Path = tmp_path_factory.mktemp("meter")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GCPSIM_URL", simulator.url)
        patch.setenv("EDGEBOOK_STATE", str(folder / "state"))
        patch.delenv("EDGEBOOK_METER", raising=False)
        made = Shop(simulator, folder)
        made.book().apply("apply", "auto", show_progress=False)
        yield made
    simulator.stop()


def steady(watch: Watch, count: int = 40) -> float:
    """Wait until everything answers; from when on."""
    assert watch.wait_until(
        lambda: watch.window().answered >= count and set(watch.window().frontends) >= FRONTENDS,
        LIMIT,
    ), watch.window().to_json()
    return time.monotonic()


def test_a_watch_of_a_quiet_front_door_counts_everything_and_nothing_fails(
    open_shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    code = cli.main(["watch", "--params", open_shop.file(), "--for", "4s", "--json"])
    seen = json.loads(capsys.readouterr().out)
    jsonschema.validate(seen, {**SCHEMA, "$ref": "#/$defs/watch"})
    assert seen["sent"] == seen["answered"] + seen["failed"]
    assert seen["failed"] == 0, seen["failures"]
    assert {row["frontend"] for row in seen["by"]} >= FRONTENDS
    assert {row["cluster"] for row in seen["by"]} == {"", "blue"}
    zones = {row["zone"] for row in seen["by"] if row["frontend"] == "postgres"}
    assert zones == {"us-central1-a", "us-central1-b", "us-central1-c"}
    assert code == 0


def test_a_change_that_is_over_at_once_is_watched_too(open_shop: Shop) -> None:
    params = open_shop.params()
    params["backends"]["web"]["timeout"] = 61
    book = open_shop.book(backends=params["backends"])
    seen = book.apply("apply", "auto", show_progress=False).to_json()["traffic"]
    open_shop.book().apply("apply", "auto", show_progress=False)
    assert {row["frontend"] for row in seen["by"]} >= FRONTENDS
    assert seen["answered"] >= len(seen["by"]) > 10
    assert seen["failed"] == 0, seen["failures"]


def test_verify_has_answers_in_a_row_from_everywhere(open_shop: Shop) -> None:
    rows = [dict(row.cells) for row in open_shop.book().verify().rows]
    stands = [row for row in rows if row["check"] in ("HTTPS answers", "TCP connection stands")]
    assert {row["state"] for row in stands} == {"ok"}
    assert any("had answers in a row" in str(row["reason"]) for row in stands)


def test_a_run_that_changes_something_has_what_users_saw_in_its_record(
    open_shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    records = open_shop.folder / "records"
    code = cli.main(
        ["run", str(NOTEBOOKS / "50_firewall.ipynb"), "--params", open_shop.file(),
         "--approve", "auto", "--records", str(records), "--json"]
    )  # fmt: skip
    said = json.loads(capsys.readouterr().out)
    assert code == 0, said
    traffic = said["traffic"]
    assert traffic["sent"] > 0
    assert (traffic["failed"], traffic["verdict"]["state"]) == (0, "ok"), traffic["failures"]
    assert {row["frontend"] for row in traffic["by"]} >= FRONTENDS
    assert traffic["timeline"]["answered"]["blue"]
    assert {item["name"] for item in traffic["users"]["frontends"]} == FRONTENDS - {"names"}
    folder = records / said["change_id"]
    header, samples = archive.read((folder / archive.FILE).read_text())
    assert len(samples) >= traffic["sent"]
    assert header["left_out"] == 0
    page = (folder / "index.html").read_text()
    assert f"0 of {traffic['sent']:,} requests failed" in page
    assert "<svg" in page
    assert f"0 of {traffic['sent']:,}" in (records / "index.html").read_text()
    assert cli.main(["records", "--records", str(records), "verify"]) == 0


# One after the other, for a while each: what is staged, and what takes it back.
POD = {"cluster": "blue", "namespace": "shop"}
EVERYWHERE = ({"cluster": "blue", "namespace": name, "pod": "*"} for name in
              ("ingress-nginx", "shop", "iot"))  # fmt: skip
HEALED = [("pod-heal", where) for where in EVERYWHERE]
TROUBLES = (
    ([("pod-cut", {"cluster": "blue", "namespace": "ingress-nginx", "pod": "*"}),
      ("pod-cut", {**POD, "pod": "postgres-*"}),
      ("pod-slow", {"cluster": "blue", "namespace": "iot", "pod": "*", "by": "4s"})], HEALED),
    ([("pod-fail", {**POD, "pod": "api-*", "status": "502"}),
      ("domain-fail", {"domain": "example.com"})],
     [*HEALED, ("domain-heal", {"domain": "example.com"})]),
    ([("pod-fail", {**POD, "pod": "api-*", "status": "200"}),  # complete, and wrong
      ("location-certificate", {"location": "europe-west1", "certificate": "wrong"})],
     [*HEALED, ("location-certificate", {"location": "europe-west1", "certificate": "right"})]),
    ([("location-down", {"location": "us-central1"})],
     [("location-up", {"location": "us-central1"})]),
)  # fmt: skip
EXPECTED = {"frontend": "web", "host": "shop.example.com", "path": "/api/answers",
            "contains": "cluster"}  # fmt: skip
LASTS, RUNS = 1.5, 6  # seconds of each; at most


class Trouble(threading.Thread):
    """Faults that come and go while a run is under way, until `over`."""

    def __init__(self, shop: Shop) -> None:
        super().__init__(daemon=True)
        self.shop, self.over = shop, threading.Event()
        self.refused: list[str] = []

    def run(self) -> None:
        for troubles, remedies in itertools.cycle(TROUBLES):
            if self.over.wait(0.5):
                return
            self.stage(troubles)
            self.over.wait(LASTS)
            self.stage(remedies)

    def stage(self, directions: Iterable[tuple[str, dict[str, str]]]) -> None:
        for verb, args in directions:
            said = self.shop.sim.admin("POST", f"stage/{verb}", args)
            if "error" in said:
                self.refused.append(said["error"]["message"])

    def stop(self) -> None:
        self.over.set()
        self.join()
        assert self.refused == []


def test_each_kind_of_failure_is_read_back_from_the_record(
    open_shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a run says of its failures is in its record, in words, samples and pages alike.

    A short run may be over before each trouble had its turn: runs go on until each was met.
    """
    records, trouble = open_shop.folder / "troubled", Trouble(open_shop)
    wanted = {"reset", "connect", "tls", "timeout", "status", "cut body", "dns", "answer"}
    checks = [*open_shop.params()["checks"], EXPECTED]
    notebooks = [str(NOTEBOOKS / f"{name}.ipynb") for name in ("50_firewall", "70_verify")]
    command = ["run", *notebooks, "--params", open_shop.file("troubled.yaml", checks=checks),
               "--approve", "auto", "--records", str(records), "--json"]  # fmt: skip
    met: dict[str, set[str]] = {}
    trouble.start()
    try:
        while len(met) < RUNS and not wanted <= set().union(*met.values()):
            cli.main(command)
            said = json.loads(capsys.readouterr().out)
            met[said["change_id"]] = {one["kind"] for one in said["traffic"]["failures"]}
    finally:
        trouble.stop()
    assert not wanted - set().union(*met.values()), met
    for change_id, kinds in met.items():
        _read_back(records, change_id, kinds, capsys)


def _read_back(
    records: Path, change_id: str, kinds: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = records / change_id
    _, samples = archive.read((folder / archive.FILE).read_text())
    assert {sample.kind for sample in samples if sample.kind} >= kinds
    page = (folder / "index.html").read_text()
    assert all(f'<span class="state failed">{kind}</span>' in page for kind in kinds)
    assert cli.main(["records", "--records", str(records), "show", change_id, "--traffic"]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {kind}  " in shown for kind in kinds)


def test_an_unordered_change_is_caught(open_shop: Shop) -> None:
    """Pods go before their endpoints are detached: connections are cut, and that is counted."""
    book = open_shop.book()
    with book.watch() as watch:
        calm = steady(watch)
        kill(book, "iot")
        assert watch.wait_until(lambda: watch.window(calm).failed > 0, LIMIT)
        during, before = watch.window(calm), watch.window(until=calm)
    verdict = judge(before, during, TrafficLimits(max_latency_rise=None))
    assert verdict.state is VerdictState.BREACH
    assert {failure.frontend for failure in during.failures} == {"mqtt"}
    assert before.failed == 0


def test_a_step_that_users_notice_stops_with_the_evidence(open_shop: Shop) -> None:
    book = open_shop.book()
    with metered(book.door) as meter:
        assert isinstance(meter.watch, Watch)
        steady(meter.watch)
        meter.gate()
        kill(book, "shop", "postgres")
        assert meter.watch.wait_until(lambda: meter.during().failed > 0, LIMIT)
        with pytest.raises(StepFailed, match="Users notice this change") as stopped:
            meter.gate()
    assert "postgres" in stopped.value.seen
    assert "requests failed, 0 allowed" in stopped.value.why


def kill(book: Any, namespace: str, prefix: str = "") -> None:
    """Every pod at once, without grace."""
    cluster: kube.KubeCluster = book.door.open_clusters()["blue"]()
    path = f"api/v1/namespaces/{namespace}/pods"
    for pod in list(cluster.list(path)):
        name = pod["metadata"]["name"]
        if name.startswith(prefix):
            cluster.request("DELETE", f"{path}/{name}", body={"gracePeriodSeconds": 0})


def test_ctrl_c_leaves_what_was_seen(open_shop: Shop) -> None:
    command = [sys.executable, "-m", "edgebook", "watch", "--params", open_shop.file(), "--json"]
    samples = open_shop.folder / "samples"
    process = subprocess.Popen(
        [*command, "--samples", str(samples)], stdout=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + LIMIT
    clients: list[Any] = []
    while not clients and time.monotonic() < deadline:
        found = psutil.Process(process.pid).children()
        clients = [one for one in found if "edgebook.traffic.worker" in one.cmdline()]
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=LIMIT)
    seen = json.loads(out)
    assert seen["sent"] == seen["answered"] + seen["failed"]
    assert samples.exists()
    _, alive = psutil.wait_procs(clients, timeout=LIMIT)
    assert alive == []


def test_a_zone_that_is_healthy_and_answers_nobody_is_told(open_shop: Shop) -> None:
    """Its pod takes connections, so that its health check is content, and says nothing."""
    kube_of_blue = open_shop.book().door.reader.cluster("blue")
    zones = {
        node["metadata"]["name"]: node["metadata"]["labels"]["topology.kubernetes.io/zone"]
        for node in kube_of_blue.list("api/v1/nodes")
    }
    silent = next(
        pod["metadata"]["name"]
        for pod in kube_of_blue.list("api/v1/namespaces/shop/pods")
        if pod["metadata"]["name"].startswith("postgres-")
        and zones[pod["spec"]["nodeName"]] == "us-central1-a"
    )
    open_shop.sim.admin("POST", "stage/pod-hang", {**POD, "pod": silent})
    try:
        table = verified(open_shop)
    finally:
        open_shop.sim.admin("POST", "stage/pod-heal", {**POD, "pod": silent})
    rows = [dict(row.cells) for row in table.rows]
    (told,) = [row for row in rows if row["check"] == "each zone answers"]
    assert (told["state"], told["subject"]) == ("uncertain", "postgres")
    assert told["reason"].startswith("nobody answered from us-central1-a yet")


def verified(shop: Shop) -> Any:
    """The table of verify, whether a check failed or not."""
    try:
        return shop.book().verify()
    except StepFailed as error:
        return error.outcome


def test_what_cannot_be_reached_from_here_is_said_before_a_change(open_shop: Shop) -> None:
    pods = {"cluster": "blue", "namespace": "iot", "pod": "*"}
    open_shop.sim.admin("POST", "stage/pod-hang", pods)
    try:
        row = preflight_rows(open_shop)["the meter reaches", "mqtt shop.example.com:8883"]
    finally:
        open_shop.sim.admin("POST", "stage/pod-heal", pods)
    assert row["state"] == "uncertain"
    assert "it is not counted" in row["reason"]
    assert "run from where the site can be reached" in row["remedy"]


def preflight_rows(shop: Shop, **changes: Any) -> dict[tuple[str, str], dict[str, Any]]:
    """What preflight says, by check and subject."""
    rows = shop.book(**changes).preflight().data["checks"]
    return {(str(row["check"]), str(row["subject"])): row for row in rows}


def test_what_will_not_be_seen_is_said_before_a_change(open_shop: Shop) -> None:
    """A role that is missing is told by name, and is no failure; so is what the meter reaches."""
    sim, place = open_shop.sim, {"project": "shop-rehearsal"}
    before = preflight_rows(open_shop)
    assert before["real users are seen", "logging"]["state"] == "ok"
    assert "web shop.example.com:443" in before["the meter reaches", "shop"]["reason"]
    denied = ["logging.logEntries.list"]
    sim.admin("POST", "stage/permissions", {**place, "deny": denied})
    try:
        logging = preflight_rows(open_shop)["real users are seen", "logging"]
    finally:
        sim.admin("POST", "stage/permissions", {**place, "allow": denied})
    assert logging["state"] == "uncertain"
    assert "roles/logging.viewer" in logging["remedy"]
