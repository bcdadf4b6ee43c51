"""Scenario files: a user's own works, a wrong one is refused with file, line and key."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from gcpsim.scenarios import ScenarioError, load, names
from gcpsim.scenarios.reader import SCENARIO
from kubernetes import client

OWN = """\
project: my-project-1
network: edge
clusters:
  - name: one
    location: europe-west4
    node_pools: [{name: small, machine_type: e2-standard-2, nodes_per_zone: 2}]
addresses:
  - {name: front, region: europe-west4}
workloads:
  - clusters: [one]
    manifests: [app.yaml]
dns:
  - zone: corp
    dns_name: corp.example.
    records:
      - {name: app.corp.example., type: A, rrdatas: ["${address.front}"]}
"""
APP = """\
apiVersion: v1
kind: Namespace
metadata: {name: app}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: app}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "nginx:1"}]}
"""


def test_a_scenario_of_ones_own(start_sim: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "app.yaml").write_text(APP)
    (tmp_path / "own.yaml").write_text(OWN)
    sim = start_sim("--scenario", tmp_path / "own.yaml", "--paused")
    assert list(sim.ready["clusters"]) == ["one"]
    core = client.CoreV1Api(sim.kube("one"))
    assert len(core.list_node().items) == 6
    pods = core.list_namespaced_pod("app").items
    assert [p.status.phase for p in pods] == ["Running"] * 3
    assert len({p.spec.node_name for p in pods}) == 3
    zone = sim.dns("my-project-1").zone("corp", "corp.example.")
    (record,) = [r for r in zone.list_resource_record_sets() if r.record_type == "A"]
    assert record.name == "app.corp.example." and record.rrdatas[0].startswith("35.")
    path = "/compute/v1/projects/my-project-1/global/networks/edge"
    assert sim.http("GET", path)[0] == 200


def test_the_scenarios_that_come_with_it_are_sound() -> None:
    assert names() == ["empty", "greenfield", "legacy"]
    for name in names():
        scenario = load(name)
        assert [c.name for c in scenario.clusters] == ["blue", "green"]
        assert scenario.project == "shop-rehearsal"


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (
            "project: my-project-1\nclusters:\n  - name: a\n    location: us-east1\n    zone: a\n",
            ['line 5  clusters[0].zone   unknown key; did you mean "zones"?'],
        ),
        (
            "project: my-project-1\nclusters:\n  - {name: Blue, location: mars}\n",
            [
                'line 3  clusters[0].location   "mars"; allowed: a region or zone',
                'line 3  clusters[0].name   "Blue"; allowed: lower-case letters',
            ],
        ),
        (
            "project: my-project-1\nclusters:\n- name: a\n  location: us-east1\n"
            "  zones: [us-east1-b, us-west1-a]\n",
            ['line 5  clusters[0].zones[1]   "us-west1-a" is not in us-east1'],
        ),
        ("clusters: []\n", ["line 1  project   missing"]),
        ("project: [\n", ["line 2  (YAML)   "]),
        (
            "project: my-project-1\nworkloads:\n  - clusters: [red]\n    manifests: [none.yaml]\n",
            [
                'line 3  workloads[0].clusters[0]   "red"; clusters here: none',
                "line 4  workloads[0].manifests[0]   no file ",
            ],
        ),
        (
            "project: my-project-1\ndns:\n  - zone: z\n    dns_name: a.example.\n    records:\n"
            '      - {name: b.a.example., type: A, rrdatas: ["${address.front}"]}\n',
            ['line 6  dns[0].records[0].rrdatas[0]   no address "front" under addresses'],
        ),
        (
            "project: my-project-1\nclusters:\n  - name: blue\n    location: us-east1\n"
            "    node_pools:\n      - nodes_per_zone: many\n",
            ['line 6  clusters[0].node_pools[0].nodes_per_zone   "many"; a whole number'],
        ),
    ],
)
def test_errors_name_file_line_and_key(tmp_path: Path, text: str, problems: list[str]) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(ScenarioError) as refused:
        load(str(path))
    said = str(refused.value)
    assert said.startswith(f"{path}: {len(problems)} problem")
    for problem in problems:
        assert problem in said


def test_serve_refuses_a_wrong_scenario(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text("project: my-project-1\nclusterz: []\n")
    command = [sys.executable, "-m", "gcpsim", "serve", "--scenario", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and done.stdout == ""
    assert 'line 2  clusterz   unknown key; did you mean "clusters"?' in done.stderr
    assert "Traceback" not in done.stderr


def test_a_manifest_that_the_api_refuses_is_named(tmp_path: Path) -> None:
    (tmp_path / "app.yaml").write_text(APP.replace("replicas: 3", "replicas: -3"))
    (tmp_path / "own.yaml").write_text(OWN)
    command = [sys.executable, "-m", "gcpsim", "serve", "--scenario", str(tmp_path / "own.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "app.yaml line 5: Deployment web in cluster one" in done.stderr


def test_an_unknown_name_lists_what_there_is() -> None:
    with pytest.raises(ScenarioError, match="the ones here are empty, greenfield, legacy"):
        load("brownfield")


def test_the_documented_example_is_a_scenario(tmp_path: Path) -> None:
    page = Path(__file__).parents[3] / "docs" / "scenarios.md"
    (example,) = re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
    (tmp_path / "app.yaml").write_text(APP)
    (tmp_path / "example.yaml").write_text(example)
    scenario = load(str(tmp_path / "example.yaml"))
    assert scenario.clusters[0].zones == ("europe-west4-a", "europe-west4-b")
    assert set(SCENARIO.keys) == set(yaml.safe_load(example)), "every key is shown"
