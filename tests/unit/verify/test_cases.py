"""Facts in, verdicts out: file pairs in tests/cases/verify.

NAME.yaml says how a front door came about (`built` edits of the rehearsal's params, applied to an
ideal cloud), what others did to it (`live`), what the clusters say of a Service (`services`), what
Google says of endpoints (`health`, by NEG and zone; absent: all pods HEALTHY), and other lists of a
cluster (`objects`). NAME.verdicts.json has every verdict that is not ok, and the checks that must
be among the ok ones. `never` in the YAML are words that must stand in no verdict: wrong neighbours.
`.venv/bin/python -m tests.unit.verify.test_cases` writes the verdicts anew.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from edgebook.base.clock import SteppedClock
from edgebook.cloud.connect import Connection
from edgebook.cloud.wire import Wire
from edgebook.desired.firewall import network_path
from edgebook.front_door import cluster_path
from edgebook.live.reader import Reader
from edgebook.model.links import canonical
from edgebook.model.observed import Neg, Observed, ObservedService, Pod
from edgebook.model.values import CheckState, ResourceKey, Step
from edgebook.params import Spec
from edgebook.plan.live_index import IndexedLive
from edgebook.plan.make import make, wanted
from edgebook.verify import (
    backend_checks,
    certificate_checks,
    checks,
    following,
    neg_owners,
    network_policies,
)
from edgebook.verify.facts import Facts
from google.auth.credentials import AnonymousCredentials

from tests import yamls
from tests.unit.ideal_cloud import IdealCloud, observe
from tests.unit.params_edits import ROOT, spec_of
from tests.unit.plan.test_cases import _edit

CASES = ROOT / "tests" / "cases" / "verify"
REFRESH = ".venv/bin/python -m tests.unit.verify.test_cases"
CHECKS = (
    certificate_checks.certificates,
    certificate_checks.covers,
    certificate_checks.attached,
    backend_checks.firewall,
    backend_checks.zones,
    backend_checks.nodes,
    backend_checks.health,
    following.following,
    neg_owners.owners,
)


def facts_of(case: dict[str, Any]) -> Facts:
    spec = spec_of(case.get("built"))
    seen = _with_pods(spec, observe(spec, negs=True))
    cloud = IdealCloud()
    cloud.apply(make(spec, seen, cloud.live), seen)
    _referenced(cloud)
    for change in case.get("live", ()):
        _edit(cloud, change)
    spec = spec_of({**case.get("built", {}), **case.get("params", {})})
    observed = _observed(seen, case)
    live = IndexedLive(cloud.live)
    target = wanted(spec, observed, live)
    plan = make(spec, observed, live, target=target)
    return Facts(spec, target, observed, live, plan, _reader(spec, cloud, seen, observed, case))


def _with_pods(spec: Spec, observed: Observed) -> Observed:
    """One pod per zone and Service, on the ports that the Services' ports lead to."""
    clusters = {}
    for name, cluster in observed.clusters.items():
        services = []
        for number, service in enumerate(cluster.services):
            ports = {port: real[0] for port, real in service.target_ports.items() if real}
            pods = tuple(
                Pod(f"10.{number}.0.{index}", ports, zone, name=f"{service.name}-{index}")
                for index, zone in enumerate(cluster.zones)
            )
            services.append(dataclasses.replace(service, pods=pods))
        clusters[name] = dataclasses.replace(cluster, services=tuple(services))
    return dataclasses.replace(observed, clusters=clusters)


def _referenced(cloud: IdealCloud) -> None:
    """Google shows the rules' chains as `usedBy` of a backend service."""
    for key, item in list(cloud.live.items()):
        if key.kind == "backendService":
            cloud.put(key, {**item.body, "usedBy": [{"reference": "a chain"}]})
        if key.kind == "certificateMapEntry":
            cloud.put(key, {**item.body, "state": "ACTIVE"})
        if key.kind == "certificateMap":
            targets = [{"targetHttpsProxy": "x/shop-web"}, {"targetSslProxy": "x/shop-mqtt"}]
            cloud.put(key, {**item.body, "gclbTargets": targets})


def _observed(observed: Observed, case: dict[str, Any]) -> Observed:
    clusters = dict(observed.clusters)
    for name, edit in case.get("clusters", {}).items():
        plain = {k: tuple(v) if isinstance(v, list) else v for k, v in edit.items()}
        clusters[name] = dataclasses.replace(clusters[name], **plain)
    for where, edit in case.get("services", {}).items():
        cluster, _, name = where.partition("/")
        services = tuple(
            _service(one, edit) if one.name == name else one for one in clusters[cluster].services
        )
        clusters[cluster] = dataclasses.replace(clusters[cluster], services=services)
    return dataclasses.replace(observed, clusters=clusters)


def _service(service: ObservedService, edit: dict[str, Any]) -> ObservedService:
    more: dict[str, Any] = {k: v for k, v in edit.items() if k in ("found", "changed")}
    if "target_ports" in edit:
        more["target_ports"] = {p: tuple(real) for p, real in edit["target_ports"].items()}
    if "pods" in edit:
        more["pods"] = tuple(_pod(text) for text in edit["pods"])
    if "negs" in edit:
        known = {neg.zone: neg for neg in service.negs}
        more["negs"] = tuple(_neg(known[zone], said) for zone, said in edit["negs"].items())
    return dataclasses.replace(service, **more)


def _pod(text: str) -> Pod:
    """`10.0.0.1 443=8443 us-central1-a [not-ready]`"""
    address, ports, zone, *more = text.split()
    pairs = (pair.split("=") for pair in ports.split(",") if "=" in pair)
    numbers = {int(port): int(real) for port, real in pairs}
    return Pod(address, numbers, zone, "not-ready" not in more, f"pod-{address}")


def _neg(neg: Neg, said: dict[str, Any]) -> Neg:
    return dataclasses.replace(neg, **said)


def _reader(
    spec: Spec, cloud: IdealCloud, made: Observed, observed: Observed, case: dict[str, Any]
) -> Reader:
    """A reader to which the answers of Google and the clusters were given beforehand."""
    connection = Connection(
        spec.project, {"compute": "http://127.0.0.1:9"}, AnonymousCredentials(), SteppedClock()
    )
    reader = Reader(Wire(connection))
    for name in spec.clusters:
        where = ("one", "container", f"v1/{cluster_path(spec, name)}")
        there = None if name in case.get("gone", ()) else {"name": name}
        reader.start(where, lambda there=there: there)
    for cluster in observed.clusters:
        system = {"metadata": {"name": "kube-system", "uid": f"uid-{cluster}"}}
        lists = ("api/v1/namespaces/{}/pods", network_policies.WHERE)
        namespaces = ("shop", "iot", "ingress-nginx")
        none: Any = {where.format(name): [] for where in lists for name in namespaces}
        given = {"api/v1/namespaces": [system], **none, **case.get("objects", {})}
        for path, items in given.items():
            reader.start(("objects", cluster, path, ""), lambda items=items: items)
    network = f"compute/v1/{network_path(spec)}"
    above = case.get("policies", {})
    for path, text in _descriptions(spec, made, case).items():
        reader.start(("one", "compute", path), lambda text=text: {"description": text})
    effective = {"firewallPolicys": above.get("effective", [])}
    order = {"networkFirewallPolicyEnforcementOrder": above.get("order", "")}
    reader.start(("answer", "compute", f"{network}/getEffectiveFirewalls"), lambda: effective)
    reader.start(("one", "compute", network), lambda: order)
    where = network_path(spec)
    for region in ("us-central1", "europe-west1"):
        path = f"compute/v1/{where.partition('/global/')[0]}/regions/{region}/firewallPolicies"
        key = ("answer", "compute", f"{path}/getEffectiveFirewalls", ("network", where))
        there = {"firewallPolicys": above.get("regional", {}).get(region, [])}
        reader.start(key, lambda there=there: there)
    for name, backend in spec.backends.items():
        service = ResourceKey("backendService", f"projects/{spec.project}/global", f"shop-{name}")
        for entry in cloud.live[service].body.get("backends", ()) if service in cloud.live else ():
            group = entry["group"]
            answer = _health(observed, case, backend, group)
            path = f"compute/v1/{service.scope}/backendServices/{service.name}/getHealth"
            key = ("post", "compute", path, repr([("group", group)]))
            reader.start(key, lambda answer=answer: answer)
    return reader


def _descriptions(spec: Spec, made: Observed, case: dict[str, Any]) -> dict[str, str]:
    """What is written into the NEGs: by GKE, whom it made them for; or what the case says."""
    found = {}
    for cluster in made.clusters.values():
        for service in cluster.services:
            for neg in service.negs:
                maker = {
                    "cluster-uid": f"uid-{cluster.name}",
                    "namespace": service.namespace,
                    "service-name": service.name,
                    "port": str(neg.port),
                }
                found[f"compute/v1/{canonical(neg.link)}"] = json.dumps(maker)
    for group, text in case.get("descriptions", {}).items():
        found[f"compute/v1/projects/{spec.project}/zones/{group}"] = text
    return found


def _health(observed: Observed, case: dict[str, Any], backend: Any, group: str) -> dict[str, Any]:
    name, zone = group.split("/")[-1], group.split("/")[-3]
    said = case.get("health", {}).get(f"{name} {zone}")
    if said is None:
        pods = [
            pod
            for cluster in observed.clusters.values()
            if (service := cluster.service(backend.neg.namespace, backend.neg.service))
            and any(neg.link == group for neg in service.negs)
            for pod in service.pods
            if pod.zone == zone and backend.neg.port in pod.ports
        ]
        said = [f"{pod.address}:{pod.ports[backend.neg.port]} HEALTHY" for pod in pods]
    found = [text.split() for text in said]
    return {
        "healthStatus": [
            {
                "ipAddress": where.split(":")[0],
                "port": int(where.split(":")[1]),
                "healthState": state,
            }
            for where, state in found
        ]
    }


def verdicts(path: Path) -> dict[str, Any]:
    case = yamls.read(path.read_text(encoding="utf-8"))
    facts = facts_of(case)
    found = [item for check in CHECKS for item in check(facts)]
    found += checks.drift(facts, tuple(Step)[1:])
    bad = [item.to_json() for item in found if item.state is not CheckState.OK]
    shown = [{k: v for k, v in item.items() if v and k != "data"} for item in bad]
    return {"ok": sorted({i.check for i in found if i.state is CheckState.OK}), "other": shown}


@pytest.mark.parametrize("path", sorted(CASES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_verdicts_are_what_the_case_says(path: Path) -> None:
    expected = json.loads(path.with_suffix(".verdicts.json").read_text(encoding="utf-8"))
    found = verdicts(path)
    assert found == expected, f"if this is right: {REFRESH}"


@pytest.mark.parametrize("path", sorted(CASES.glob("*.yaml")), ids=lambda path: path.stem)
def test_no_verdict_names_a_wrong_neighbour(path: Path) -> None:
    case = yamls.read(path.read_text(encoding="utf-8"))
    said = json.dumps(verdicts(path)["other"])
    assert [words for words in case.get("never", ()) if words in said] == []
    assert [words for words in case.get("says", ()) if words not in said] == []


if __name__ == "__main__":
    for case_file in sorted(CASES.glob("*.yaml")):
        text = json.dumps(verdicts(case_file), indent=1, ensure_ascii=False)
        case_file.with_suffix(".verdicts.json").write_text(f"{text}\n", encoding="utf-8")
