"""Every line of gcloud or kubectl that a message prints is whole, and their own programs take it.

They are collected from the sources: each stands alone on its line or in backticks, so that people
see where it ends. gcloud reads them with its own parsers; kubectl runs them on a simulated cluster.
"""

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from edgebook.base.errors import ConnectError, EdgebookError
from edgebook.cloud.kubernetes import by_context
from edgebook.params.types import NegSpec
from edgebook.verify.failures import for_backend

from tests.unit.cli.test_printed_commands import texts, trees

# The first word after the program tells a command from prose about the program.
COMMAND = re.compile(
    r"\b(?:gcloud (?:auth|components|compute|config|container|dns|iam|projects|services)"
    r"|kubectl (?:annotate|apply|cluster-info|config|delete|describe|get|label|logs|rollout)) "
    r"?[^`\n]*"
)
FILLED = {
    "command": "network-firewall-policies rules create 999",
    "where": "--firewall-policy ours --global-firewall-policy",
    "priority": "1000",
    "project": "shop-rehearsal",
    "zone": "us-central1-a",
    "targets": " --target-tags web",
    "of": " --project shop-rehearsal",
    "at": "--cluster blue --location us-central1 --project shop-rehearsal",
    "self._old.address": "198.51.100.7",
}
OWN = {
    "unmentioned.py": {
        "command": "backend-services update shop-web --global",
        "flag": '--security-policy ""',
    },
}


@cache
def collected() -> tuple[tuple[str, str], ...]:
    """File and line of each, in backticks or the whole of a line."""
    return tuple(sorted(set(_collected())))


def _collected() -> Iterator[tuple[str, str]]:
    for path, tree in trees(re.compile("gcloud|kubectl")):
        filled = {**FILLED, **OWN.get(path.name, {})}
        for text in texts(tree, filled):
            for found in COMMAND.finditer(text):
                quoted = text[: found.start()].endswith("`") and text[found.end() :][:1] == "`"
                line = text[: found.start()].rpartition("\n")[2] == ""
                assert quoted or line, f"{path.name}: in backticks, or alone: {found[0]}"
                yield path.name, found[0].replace("--project X", "--project shop-rehearsal")


def of(program: str) -> list[tuple[str, str]]:
    return [(where, line) for where, line in collected() if line.startswith(f"{program} ")]


def test_where_the_service_is_known_nobody_is_sent_through_all_of_them() -> None:
    made = [asked_for_one(line) for where, line in of("kubectl") if where == "failures.py"]
    assert len(made) > 4
    assert [line for line in made if " -A" in line or "<name>" in line] == []
    assert "kubectl get service api -n shop -o yaml --show-managed-fields" in made


def test_they_are_there_and_none_has_a_placeholder() -> None:
    assert len(of("gcloud")) > 15 and len(of("kubectl")) > 6
    for where, line in collected():
        words = shlex.split(line)
        loose = [word for word in words if re.fullmatch(r"[A-Z]{4,}|.*<[a-z]+>.*", word)]
        assert set(loose) <= {"INGRESS", "ALLOW", "PREPARE"}, f"{where}: {line}"


@pytest.mark.timeout(300)
def test_gcloud_takes_each_of_its_lines(gcloud_program: str, tmp_path: Path) -> None:
    lines = sorted({line for _, line in of("gcloud")})
    asked = tmp_path / "lines.json"
    asked.write_text(json.dumps([{"command_string": line} for line in lines]), encoding="utf-8")
    done = subprocess.run(
        [gcloud_program, "meta", "lint-gcloud-commands", f"--commands-file={asked}"],
        env={**os.environ, "CLOUDSDK_CONFIG": str(tmp_path)},
        capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    said = _answers(done.stdout)
    assert len(said) == len(lines), done.stderr[-2000:]
    wrong = {one["command_string"]: one["error_message"] for one in said if not one["success"]}
    assert wrong == {}


def _answers(text: str) -> list[dict[str, Any]]:
    return list(json.JSONDecoder().raw_decode(text[text.index("[") :])[0])


def asked_for_one(line: str) -> str:
    """As it is printed where the backend, and so its Service, is known."""
    return for_backend(line, "api", NegSpec("shop", "api", 80, "shop-api"))


@pytest.mark.parametrize(
    "line", sorted({made for _, line in of("kubectl") for made in (line, asked_for_one(line))})
)
def test_kubectl_runs_each_of_its_lines(line: str, staged: Any) -> None:
    done = run(line, staged, staged.sim.ready["env"])
    assert done.returncode == 0, f"{line}\n{done.stderr}"


@pytest.mark.usefixtures("gcloud_program")
@pytest.mark.timeout(300)
def test_a_missing_zone_is_made_by_the_line_that_says_so(shop: Any, tmp_path: Path) -> None:
    """As the error says it, and as the check says it: with the name that holds our hostnames."""
    dns = {**shop.params()["dns"], "zone": "new-zone"}
    with pytest.raises(EdgebookError, match="new-zone does not exist") as told:
        shop.book(dns=dns).plan()
    line = backticked(told.value.next)
    assert "--dns-name shop.example.com. " in line and "--project shop-rehearsal" in line
    done = run(line, shop, {"CLOUDSDK_CONFIG": str(tmp_path)})
    assert done.returncode == 0, f"{line}\n{done.stderr}"
    assert shop.book(dns=dns).plan().plan.to_do


@pytest.mark.usefixtures("gcloud_program")
@pytest.mark.timeout(300)
def test_a_missing_context_is_written_by_the_line_that_says_so(shop: Any, tmp_path: Path) -> None:
    """The simulator's own kubeconfigs have the contexts of its clusters: ours is another one."""
    context, config = "gke_shop-rehearsal_us-central1_blue", tmp_path / "config"
    config.write_text("apiVersion: v1\nkind: Config\n")
    connection = replace(shop.book().door.connection, kubeconfigs=(str(config),))
    with pytest.raises(ConnectError, match="No kubeconfig context") as told:
        by_context("blue", context, connection)
    env = {"CLOUDSDK_CONFIG": str(tmp_path), "KUBECONFIG": str(config)}
    line = backticked(told.value.next)
    done = run(line, shop, env)
    assert done.returncode == 0, f"{line}\n{done.stderr}"
    assert by_context("blue", context, connection).where.startswith("https://")


def backticked(text: str) -> str:
    found = re.search(r"`((?:gcloud|kubectl) [^`]+)`", text)
    assert found, text
    return found.group(1)


def run(line: str, shop: Any, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Pasted into a shell that is set up for the simulator, as `gcpsim env` does it."""
    whole = {**os.environ, **shop.sim.ready["env"], **env}
    return subprocess.run(
        ["sh", "-c", line], env=whole, cwd=shop.folder, capture_output=True, text=True, timeout=240
    )
