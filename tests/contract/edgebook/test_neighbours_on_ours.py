"""Neighbours on what is ours: others use our health check, URL map, backend service or address.

Rows as in `test_neighbours`.
"""

import pytest

from tests.contract.edgebook.conftest import Staged
from tests.contract.edgebook.staging import CERTS, GLOBAL, Row, Stage, plan, play, teardown_plan

CHECK = f"{GLOBAL}/healthChecks/shop-api-http"
PATH = {"backends.api.health_check.path": "/other"}
TOO = "too, which is not ours"


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
