"""docs/runbooks.md lists the permissions that each step needs: no less and no more than it uses.

What is used is read from the simulator's log of calls: building a front door step by step, changing
something of everything, and taking it down. What Google wants of a resource that another one
refers to (`use`) follows from the plans. The preflight asks for what builds and changes.
"""

import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from edgebook.model.kinds import KINDS, Api
from edgebook.model.values import Plan, Ref, Step
from edgebook.verify.preflight_access import needed
from gcpsim.certs import CertificateManager
from gcpsim.compute.engine.permissions import permission_of
from gcpsim.core.discovery import api
from gcpsim.core.edge import Call
from gcpsim.core.service import Request
from gcpsim.dns import Dns
from gcpsim.front.http import SERVICE_PREFIX
from gcpsim.gke.service import Gke
from gcpsim.project.service import ResourceManager

from tests.contract.edgebook.conftest import Staged

PAGE = Path(__file__).parents[3] / "docs" / "runbooks.md"
NAMED = re.compile(r"`([a-z]+\.[^`]+)`")
BRACES = re.compile(r"\{([^}]+)\}")
# Who knows which permission a call needs; each by the method alone.
KNOWS: Mapping[str, Any] = {
    "certificatemanager": CertificateManager,
    "cloudresourcemanager": ResourceManager,
    "container": Gke,
    "dns": Dns,
}
# Objects of a cluster by the permission of GKE's API for them; what IAM has no name for is
# thirdPartyObjects.
OBJECTS = {
    "configmaps": "configMaps",
    "deployments": "deployments",
    "endpointslices": "endpointSlices",
    "events": "events",
    "horizontalpodautoscalers": "horizontalPodAutoscalers",
    "ingresses": "ingresses",
    "namespaces": "namespaces",
    "networkpolicies": "networkPolicies",
    "nodes": "nodes",
    "poddisruptionbudgets": "podDisruptionBudgets",
    "pods": "pods",
    "services": "services",
}
KUBE = re.compile(r"^[^/]+/(?:api/v1|apis/[^/]+/[^/]+)/(?:namespaces/[^/]+/)?([a-z]+)(/[^/]+)?$")
VERBS = {"PATCH": "update", "PUT": "update", "POST": "create", "DELETE": "delete"}
# Something of everything is changed, each by its own method.
EDITS = {
    "labels": {"team": "edge"},
    "dns.ttl": 60,
    "hostnames": ["shop.example.com", "*.shop.example.com", "new.example.com"],
    "frontends.0.ssl_policy.profile": "RESTRICTED",
    "frontends.0.keep_alive": "300s",
    "frontends.1.proxy_header": "PROXY_V1",
    "frontends.2.proxy_header": "PROXY_V1",
    "backends.mqtt.health_check": {"type": "TCP", "proxy_header": "PROXY_V1"},
    "backends.postgres.health_check": {"type": "TCP", "proxy_header": "PROXY_V1"},
    "backends.web.timeout": "60s",
    "backends.api.health_check": {"type": "HTTP", "path": "/ready"},
    "routes.0.paths": {"/api/*": "api", "/v2/*": "api"},
    "firewall.priority": 900,
    "safety": {"max_deletes": 5, "allow_replace": True},
}


def expanded(text: str) -> set[str]:
    """`a.{b,c}` -> a.b, a.c"""
    parts = [part.split(",") for part in BRACES.split(text)]
    return {"".join(chosen) for chosen in itertools.product(*parts)}


def rows() -> dict[str, set[str]]:
    """step -> the permissions of its row; `lease`: what every step needs that changes something."""
    part = PAGE.read_text(encoding="utf-8").partition("## Roles")[2].partition("\n## ")[0]
    table, _, after = part.partition("\n\n| step")[2].partition("\n\n")
    found = {}
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3 and (cells[0][:1].isdigit() or cells[0] == "teardown"):
            named = NAMED.findall(cells[2])
            found[cells[0]] = {one for text in named for one in expanded(text)}
    lease = NAMED.findall(after.partition("\n\n")[0])
    return found | {"lease": {one for text in lease for one in expanded(text)}}


def of_call(entry: Mapping[str, Any]) -> str:
    """The permission that a call of the log needs; "" for none."""
    service, verb, path = entry["service"], entry["verb"], entry["path"]
    if service == "kubernetes":
        found = KUBE.match(path)
        assert found is not None, path
        name = OBJECTS.get(found[1], "thirdPartyObjects")
        return f"container.{name}.{VERBS.get(verb) or ('get' if found[2] else 'list')}"
    method, params = cast(Any, api(service).match(verb, SERVICE_PREFIX.get(service, "v1/") + path))
    if service == "compute":
        return permission_of(method)
    if service == "serviceusage":
        return f"serviceusage.services.{method.name}"
    request = Request(Call(service, verb, path), method, params, "")
    return str(KNOWS[service].permission(cast(Any, None), request))


def used(shop: Staged) -> set[str]:
    """What the calls since the last look needed."""
    log = shop.log()
    shop.sim.admin("DELETE", "calls")
    return {of_call(entry) for entry in log} - {""}


def referred(value: Any) -> Iterator[Ref]:
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from referred(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from referred(item)


def of_references(plan: Plan) -> set[str]:
    """What Google wants of resources that others are made to refer to, and of networks."""
    found = set()
    for change in plan.to_do:
        if KINDS[change.key.kind].api in (Api.COMPUTE, Api.CERTIFICATE_MANAGER):
            for ref in referred(change.after):
                kind = KINDS[ref.kind]
                verb = "useReadOnly" if ref.kind == "healthCheck" else "use"
                found.add(f"{kind.api.value}.{kind.permission_of or kind.collection}.{verb}")
        if change.key.kind == "firewall":
            found.add("compute.networks.updatePolicy")
        if change.key.kind == "backends" or change.after.get("backends"):
            found.add("compute.networkEndpointGroups.use")
        if change.key.kind == "dnsRecordSet":
            found.add(f"dns.resourceRecordSets.{change.action.value}")
    return found


STEPS = {str(step.number): step for step in Step}
READS, STEPS_DOWN = "00, 70, status", "teardown"


@pytest.fixture(scope="module")
def seen(quiet_shop: Any) -> dict[str, set[str]]:
    """Row -> what it used; `changes`: what changing something of everything used."""
    shop = Staged(quiet_shop.sim, quiet_shop.folder)
    shop.sim.admin("DELETE", "calls")
    shop.book().preflight()
    reading = used(shop)
    found: dict[str, set[str]] = {}
    for number, step in STEPS.items():
        # Operations end at once where time stands still; in one step they are waited for.
        shop.sim.admin("POST", "clock", {"scale": 600 if step is Step.FIREWALL else 0})
        plan = shop.book().door.read().plan.only(step)
        shop.book().step(step.value).apply("apply", "auto", show_progress=False)
        found[number] = used(shop) | of_references(plan)
    book = shop.book()
    book.verify()
    book.status()
    book.leaks()
    reading |= used(shop)
    shop.edits = EDITS
    book = shop.book()
    plan = book.door.read().plan
    book.apply("apply", "auto", show_progress=False, await_health=False)
    found["changes"] = used(shop) | of_references(plan)
    down = shop.book().teardown()
    down.apply("apply", "auto", show_progress=False)
    found["teardown"] = used(shop) | {"dns.resourceRecordSets.delete"}  # what a change deletes
    return found | {READS: reading}


def setters() -> set[str]:
    """Methods of single fields, which not every edit meets."""
    return {
        f"compute.{kind.permission_of or kind.collection}.{setter.method}"
        for kind in KINDS.values()
        for setter in kind.setters.values()
    }


def test_each_step_uses_what_its_row_has(seen: dict[str, set[str]]) -> None:
    said = rows()
    assert said.keys() == {READS, *STEPS, STEPS_DOWN, "lease"}
    for number in STEPS:
        allowed = said[number] | said[READS] | said["lease"]
        assert seen[number] - allowed == set(), number
    every = set().union(*(said[number] for number in STEPS), said[READS], said["lease"])
    assert seen["changes"] - every == set()
    assert seen[STEPS_DOWN] - said[STEPS_DOWN] - said[READS] - said["lease"] == set()


def test_no_row_has_what_nothing_uses(seen: dict[str, set[str]]) -> None:
    said = rows()
    assert said[READS] - seen[READS] == set(), "reading"
    for number in STEPS:
        unused = said[number] - seen[number] - seen["changes"] - setters()
        assert unused == set(), number
    assert said[STEPS_DOWN] - seen[STEPS_DOWN] == set(), "teardown"
    assert said["lease"] - set().union(*seen.values()) == set(), "lease"


def test_the_preflight_asks_for_all_that_builds_and_changes() -> None:
    said = rows()
    every = set().union(*(said[number] for number in STEPS), said["lease"])
    asked = {one for names in needed().values() for one in names}
    assert every - asked == set()
    assert asked - every - said[READS] == set()
