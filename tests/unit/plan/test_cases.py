"""Params and what is live, to the plan: file pairs in tests/cases/plan.

NAME.yaml says how a front door came about: `built` edits of the rehearsal's params that were
applied to an ideal cloud (absent: nothing was built), then what others did to it (`live`), then the
params of now (`params`). NAME.plan.json has what every change must at least be.
`.venv/bin/python -m tests.unit.plan.test_cases` writes the plans anew.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from edgebook.model.observed import Observed
from edgebook.model.values import Action, Plan, ResourceKey, Step
from edgebook.params import Spec
from edgebook.plan import order
from edgebook.plan.lines import of_plan
from edgebook.plan.live_index import IndexedLive
from edgebook.plan.make import make, refusal, wanted

from tests import yamls
from tests.unit.case_worlds import observed_of
from tests.unit.ideal_cloud import IdealCloud, observe
from tests.unit.params_edits import spec_of

ROOT = Path(__file__).parents[3]
CASES = ROOT / "tests" / "cases" / "plan"
REFRESH = ".venv/bin/python -m tests.unit.plan.test_cases"
SHOWN = ("action", "kind", "name", "step", "sentence", "disrupts", "fields", "blocks", "moves")
# What a create has beyond them stands in tests/cases/desired.
OF_OTHERS = (*SHOWN, "before", "unknown", "depends", "waits")
ZONE = "projects/shop-rehearsal/managedZones/shop-example"
COMPUTE = "projects/shop-rehearsal/global"
SCOPES = {
    "dnsRecordSet": ZONE,
    "certificateMapEntry": "projects/shop-rehearsal/locations/global/certificateMaps/shop",
}


def plan_of(case: dict[str, Any]) -> tuple[Spec, Plan, IdealCloud, Observed]:
    cloud = IdealCloud()
    if "built" in case:
        before = spec_of(case["built"])
        seen = observe(before, negs=True)
        cloud.apply(make(before, seen, cloud.live), seen)
    for change in case.get("live", ()):
        _edit(cloud, change)
    spec = spec_of(case.get("params"))
    observed = observed_of(spec, case)
    return spec, _made(spec, observed, cloud, case), cloud, observed


def _made(spec: Spec, observed: Observed, cloud: IdealCloud, case: dict[str, Any]) -> Plan:
    """As a stage of a move plans it (`at_once`), or as everybody else does."""
    live = IndexedLive(cloud.live)
    target = dataclasses.replace(wanted(spec, observed, live), at_once=case.get("at_once", False))
    return make(spec, observed, live, target=target)


def _edit(cloud: IdealCloud, change: dict[str, Any]) -> None:
    kind, name = change["kind"], change["name"]
    certificate = kind in ("certificate", "certificateMap", "dnsAuthorization")
    default = "projects/shop-rehearsal/locations/global" if certificate else COMPUTE
    key = ResourceKey(kind, change.get("scope") or SCOPES.get(kind, default), name)
    if change.get("gone"):
        del cloud.live[key]
        return
    old = cloud.live[key].body if key in cloud.live else {}
    cloud.put(key, {**old, **change["set"]})


def shown(plan: Plan) -> list[dict[str, Any]]:
    found = []
    for change in plan.changes:
        wanted = SHOWN if change.action is Action.CREATE else OF_OTHERS
        found.append({k: v for k, v in change.to_json().items() if k in wanted and v})
    return found


def said(path: Path) -> dict[str, Any]:
    spec, plan, _, _ = plan_of(yamls.read(path.read_text(encoding="utf-8")))
    refused = refusal(plan, spec.safety, "params/x.yaml", made=of_plan("params/x.yaml"))
    found: dict[str, Any] = {"changes": shown(plan)}
    return {**found, "refused": str(refused).splitlines()} if refused else found


@pytest.mark.parametrize("path", sorted(CASES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_plan_is_what_the_case_says(path: Path) -> None:
    expected = json.loads(path.with_suffix(".plan.json").read_text(encoding="utf-8"))
    found = said(path)
    hint = f"if this is right: {REFRESH}"
    assert len(found["changes"]) == len(expected["changes"]), f"{found}\n{hint}"
    for one, said_before in zip(found["changes"], expected["changes"], strict=True):
        assert one == said_before, hint
    assert found.get("refused") == expected.get("refused"), hint


@pytest.mark.parametrize("path", sorted(CASES.glob("*.yaml")), ids=lambda path: path.stem)
def test_after_it_is_applied_nothing_is_left_to_do(path: Path) -> None:
    spec, plan, cloud, observed = plan_of(yamls.read(path.read_text(encoding="utf-8")))
    if plan.blockers:
        return  # what stands in the way is not ours to clear
    observed = _with_negs(spec, observed)
    cloud.apply(plan, observed)
    assert make(spec, observed, cloud.live).to_do == ()


@pytest.mark.parametrize("path", sorted(CASES.glob("*.yaml")), ids=lambda path: path.stem)
def test_no_line_stands_before_one_that_it_needs(path: Path) -> None:
    _, plan, cloud, _ = plan_of(yamls.read(path.read_text(encoding="utf-8")))
    whole = order.at_once(plan, cloud.live)
    assert whole.hash == plan.hash
    for part in (*(plan.only(step) for step in Step), whole):
        waits = order.before(part.changes, cloud.live)
        above: set[ResourceKey] = set()
        for change in part.to_do:
            assert waits[change.key] <= above, f"{change.key} stands before what it needs"
            above.add(change.key)
        assert above == waits.keys()


def _with_negs(spec: Spec, observed: Observed) -> Observed:
    """GKE has made the NEGs of clusters that had none yet."""
    ready = observe(spec, negs=True)
    clusters = {
        name: cluster if any(s.negs for s in cluster.services) else ready.clusters[name]
        for name, cluster in observed.clusters.items()
    }
    return dataclasses.replace(observed, clusters=clusters)


if __name__ == "__main__":
    for case in sorted(CASES.glob("*.yaml")):
        text = json.dumps(said(case), indent=1, ensure_ascii=False)
        case.with_suffix(".plan.json").write_text(f"{text}\n", encoding="utf-8")
