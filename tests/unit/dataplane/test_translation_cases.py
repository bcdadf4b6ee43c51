"""Documents in, Envoy's resources out: pairs of files in tests/cases/dataplane.

NAME.yaml holds resources as their APIs show them, by collection; NAME.envoy.json what is expected
of their translation, as a subset: what stands there must be so, more may be. A failing case prints
the command that writes what is there now.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from gcpsim.dataplane.envoy import messages
from gcpsim.dataplane.routes.documents import ROOT, Documents
from gcpsim.dataplane.routes.translate import Config, translate
from gcpsim.dataplane.routes.url_map import CLEANING

from tests import yamls

CASES = Path(__file__).parents[2] / "cases" / "dataplane"
REFRESH = "GCPSIM_REFRESH=1 python -m pytest tests/unit/dataplane/test_translation_cases.py -k "
SAME = {
    "access_log", "circuit_breakers", "common_lb_config", "eds_cluster_config", "http_filters",
    "internal_address_config", "listener_filters", "mappers", "rds", "request_headers_to_add",
    "request_headers_to_remove", "retry_host_predicate", "upgrade_configs",
}  # fmt: skip
KINDS = {
    "clusters": messages.CLUSTER,
    "listeners": messages.LISTENER,
    "routes": messages.ROUTES,
    "secrets": messages.SECRET,
}


def documents(case: dict[str, Any]) -> Documents:
    """`{collection: {path or name: body}}`; links are written without their root."""
    found = Documents(projects=case.get("projects") or {})
    for collection, resources in case["documents"].items():
        table = collection if "/" in collection else f"compute/{collection}"
        for name, body in resources.items():
            linked = _linked(body)
            found.tables.setdefault(table, {})[name] = {"selfLink": ROOT + name, **linked}
    found.pairs = dict.fromkeys(case.get("pairs") or (), ("CHAIN", "KEY"))
    return found


def _linked(part: Any) -> Any:
    if isinstance(part, dict):
        return {key: _linked(value) for key, value in part.items()}
    if isinstance(part, list):
        return [_linked(value) for value in part]
    if isinstance(part, str) and part.startswith("projects/") and "/locations/" not in part:
        return ROOT + part
    return part


def translated(case: dict[str, Any]) -> Config:
    places = {"place": lambda ip, port: (f"127.0.0.{ip.rsplit('.', 1)[1]}", port)}
    return translate(documents(case), country="BE", region="europe-west1", **places)


def shown(config: Config) -> dict[str, Any]:
    whole = {**{name: getattr(config, name) for name in KINDS}, "failed": config.failed}
    found: dict[str, Any] = pruned(whole)
    return found


def pruned(part: Any) -> Any:
    """Without what is the same everywhere, and has tests of its own."""
    if isinstance(part, list):
        part = [one for one in part if one not in CLEANING]
    if isinstance(part, dict):
        return {key: pruned(value) for key, value in part.items() if key not in SAME}
    return [pruned(value) for value in part] if isinstance(part, list) else part


def missing(expected: Any, found: Any, where: str = "") -> list[str]:
    """What of a subset is not there, as paths."""
    if isinstance(expected, dict) and isinstance(found, dict):
        out = []
        for key, value in expected.items():
            if key not in found:
                out.append(f"{where}/{key}: missing")
            else:
                out += missing(value, found[key], f"{where}/{key}")
        return out
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        pairs = enumerate(zip(expected, found, strict=True))
        return [text for i, (a, b) in pairs for text in missing(a, b, f"{where}/{i}")]
    return [] if expected == found else [f"{where}: {found!r}, expected {expected!r}"]


@pytest.mark.parametrize("name", sorted(path.stem for path in CASES.glob("*.yaml")))
def test_translation(name: str) -> None:
    case = yamls.read((CASES / f"{name}.yaml").read_text())
    config = translated(case)
    target = CASES / f"{name}.envoy.json"
    if os.environ.get("GCPSIM_REFRESH"):
        target.write_text(json.dumps(shown(config), indent=1, sort_keys=True) + "\n")
    expected = json.loads(target.read_text())
    assert not missing(expected, shown(config)), f"if that is right: {REFRESH}{name}"
    for kind, url in KINDS.items():
        for body in getattr(config, kind).values():
            messages.message(url, body)  # every field is one of Envoy's


def test_every_case_expects_something() -> None:
    for path in CASES.glob("*.envoy.json"):
        assert json.loads(path.read_text()), path
        assert path.with_name(path.name.removesuffix(".envoy.json") + ".yaml").exists()
