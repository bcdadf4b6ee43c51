"""Neighbours on what is ours: others use our health check, URL map, backend service or address.

Rows as in `test_neighbours`.
"""

from typing import Any

import pytest

from tests.contract.edgebook.conftest import Staged
from tests.contract.edgebook.staging import (
    API,
    CERTS,
    GLOBAL,
    NEG,
    Row,
    Stage,
    apply,
    plan,
    play,
    status,
    teardown,
    teardown_plan,
)
from tests.contract.edgebook.test_neighbours import NO_API
from tests.unit.params_edits import GONE

CHECK = f"{GLOBAL}/healthChecks/shop-api-http"
PATH = {"backends.api.health_check.path": "/other"}
TOO = "too, which is not ours"
SECOND = {  # a front door of its own, on the same Service and its NEG
    "address.name": "two-edge",
    "certificate.name": "two",
    "hostnames": ["two.example.com"],
    "frontends": [{"name": "web", "protocol": "HTTPS", "port": 443}],
    "routes": [{"hosts": ["two.example.com"], "default": "api"}],
    "checks": [],
    **dict.fromkeys(("backends.web", "backends.mqtt", "backends.postgres"), GONE),
}


def on_our_check(stage: Stage) -> None:
    body = {"name": "other", "protocol": "HTTP", "loadBalancingScheme": "EXTERNAL_MANAGED",
            "healthChecks": [CHECK]}  # fmt: skip
    stage.compute("POST", "backendServices", body)
    stage.advance()


def to_our_backend(stage: Stage) -> None:
    body = {"name": "theirs", "defaultService": f"{GLOBAL}/backendServices/shop-api"}
    stage.compute("POST", "urlMaps", body)
    stage.advance(60)


def on_our_map(stage: Stage) -> None:
    stage.compute(
        "POST", "targetHttpProxies", {"name": "theirs", "urlMap": f"{GLOBAL}/urlMaps/shop"}
    )
    stage.advance(60)


def on_our_address(stage: Stage) -> None:
    """A rule of others on our IP, at another port."""
    redirect = {"name": "theirs", "urlMap": f"{GLOBAL}/urlMaps/shop-web-redirect"}
    stage.compute("POST", "targetHttpProxies", redirect)
    stage.advance(60)
    ip = stage.compute("GET", "addresses/shop-edge")["address"]
    body = {"name": "theirs", "IPAddress": ip, "IPProtocol": "TCP", "portRange": "8080-8080",
            "loadBalancingScheme": "EXTERNAL_MANAGED",
            "target": f"{GLOBAL}/targetHttpProxies/theirs"}  # fmt: skip
    stage.compute("POST", "forwardingRules", body)
    stage.advance(60)


def in_our_certificate_map(stage: Stage) -> None:
    entry = {"hostname": "theirs.example.com", "certificates": [f"{CERTS[3:]}/certificates/shop"]}
    where = "certificateMaps/shop/certificateMapEntries?certificateMapEntryId=theirs"
    stage.certs("POST", where, entry)
    stage.advance(60)


def answered_by_policy(stage: Stage, name: str = "geo.example.com.") -> None:
    """Others answer with our address in a part of the world."""
    ip = stage.compute("GET", "addresses/shop-edge")["address"]
    places = {"us-east1": ip, "europe-west1": "203.0.113.9"}
    items = [{"location": place, "rrdatas": [data]} for place, data in places.items()]
    new = {"name": name, "type": "A", "ttl": 60, "routingPolicy": {"geo": {"items": items}}}
    stage.dns("POST", "changes", {"additions": [new]})
    stage.advance(60)


def without_sni(stage: Stage) -> None:
    """Others have the entry for clients without SNI in our map."""
    stage.certs("DELETE", "certificateMaps/shop/certificateMapEntries/primary")
    stage.advance(60)
    entry = {"matcher": "PRIMARY", "certificates": [f"{CERTS[3:]}/certificates/shop"]}
    stage.certs("POST", "certificateMaps/shop/certificateMapEntries?certificateMapEntryId=t", entry)
    stage.advance(60)


ROWS = (
    Row(
        "others are probed by our check, which would change",
        on_our_check,
        plan,
        (f"it probes backend service other, {TOO}", "`adopt: [healthCheck/shop-api-http]`"),
        ("update health check shop-api-http",),
        params=PATH,
    ),
    Row(
        "others are probed by our check, which is handed over",
        on_our_check,
        plan,
        (f"when whoever serves passes it it is used by backend service other, {TOO}",),
        ("Plan refused",),
        params={**PATH, "adopt": ["healthCheck/shop-api-http"]},
    ),
    Row(
        "others are probed by our check, which only becomes more patient",
        on_our_check,
        plan,
        (f"checkIntervalSec: 5 -> 20 it is used by backend service other, {TOO}",),
        ("Plan refused",),
        params={"backends.api.health_check.interval": "20s"},
    ),
    Row(
        "others lead to our backend service, which would change",
        to_our_backend,
        plan,
        (f"longer than 20 s are cut; it is used by URL map theirs, {TOO}",),
        params={"backends.api.timeout": "20s"},
    ),
    Row(
        "others serve by our URL map, which would change",
        on_our_map,
        plan,
        ("requests go elsewhere", f"it is used by target HTTP proxy theirs, {TOO}"),
        params={"routes.0.paths": {"/api/*": "api", "/v2/*": "api"}},
    ),
    Row(
        "only we use what would change",
        lambda s: None,
        plan,
        ("when whoever serves passes it no",),
        (TOO,),
        params=PATH,
    ),
    Row(
        "others answer with our address in a part of the world",
        answered_by_policy,
        plan,
        (
            "geo.example.com./A points at this front door, but is not in hostnames: left alone",
            "it answers other addresses, too: take 34.",
        ),
        ("gcloud dns record-sets delete",),
    ),
    Row(
        "a teardown under a policy that answers with our address",
        answered_by_policy,
        teardown_plan,
        ("address shop-edge held by DNS record set geo.example.com./A",),
        ("delete address shop-edge",),
    ),
    Row(
        "a teardown under a rule of others on our address",
        on_our_address,
        teardown_plan,
        (
            "address shop-edge held by forwarding rule theirs",
            "URL map shop-web-redirect held by target HTTP proxy theirs",
        ),
        ("delete address shop-edge", "delete URL map shop-web-redirect"),
    ),
    Row(
        "others have the entry for clients without SNI",
        without_sni,
        plan,
        (
            "map entry t of this map is for clients without SNI already, and is not ours: have its",
            "Plan refused: 1 thing",
        ),
        ("create map entry primary",),
    ),
    Row(
        "a teardown under an entry of others in our certificate map",
        in_our_certificate_map,
        teardown_plan,
        (
            "certificate map shop held by map entry theirs",
            "certificate shop held by map entry theirs",
            "DNS authorization shop-example-com held by certificate shop",
        ),
        ("delete certificate shop", "delete DNS authorization"),
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_who_uses_what_is_ours_is_told_and_kept(row: Row, staged: Staged) -> None:
    play(row, staged)


def test_two_front_doors_on_one_service_leave_each_other_alone(staged: Staged) -> None:
    def said(ask: Any, edits: dict[str, Any]) -> str:
        staged.edits = edits
        return " ".join(str(ask(staged)).split())

    staged.sim.admin("POST", "reset", {"to": "built"})
    other = said(plan, {**SECOND, "backends.api.neg.name": "two-api"})
    assert "backend service shop-api of front door shop serves from it: renamed" in other
    said(apply, SECOND)
    gone = said(plan, NO_API)
    assert "shop-allow-lb-blue close what nothing uses any more" in gone  # two has its own rule
    assert "take shop-api out" not in gone
    assert "backend service two-api of front door two" in said(plan, {"backends.api.neg.name": "x"})
    down = said(teardown_plan, {})
    assert "Service annotation api held by backend service two-api" in down
    assert "delete firewall rule shop-allow-lb-blue" in down
    down = said(teardown_plan, SECOND)
    assert "Service annotation api held by backend service shop-api" in down
    down = said(teardown, SECOND)
    assert "done delete firewall rule two-allow-lb-blue" in down
    stage = Stage(staged)
    stage.advance()
    assert "front door shop in shop-rehearsal: healthy; nothing to change" in said(status, {})
    assert "shop-api" in stage.kube("GET", API)["metadata"]["annotations"][NEG]
