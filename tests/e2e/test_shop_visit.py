"""A visit of the shop with a browser and with curl, through the simulator's proxy: before the move
by the passthrough load balancer and NGINX, after it by Google's front end, under the same name."""

import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.contract.dataplane.doors import Door

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("browser")]
URL = "https://shop.example.com/cart?item=1"
PROJECT = "shop-rehearsal"


def visit(browser: Browser, sim: Any) -> tuple[int, dict[str, str], str]:
    """(status, headers, who signed the certificate) as a browser sees the shop."""
    context = browser.new_context(proxy={"server": sim.ready["proxy"]}, ignore_https_errors=True)
    page = context.new_page()
    answer = page.goto(URL)
    assert answer is not None
    security = answer.security_details() or {}
    found = answer.status, answer.all_headers(), str(security.get("issuer", ""))
    assert '"path": "/cart"' in page.content()
    context.close()
    return found


def curl(sim: Any, url: str) -> str:
    command = ["curl", "-sS", "-i", "--proxy", sim.ready["proxy"], "--cacert", sim.ready["ca"], url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


def move(sim: Any) -> None:
    """A global front door before the storefront of cluster blue, and the name moved there."""
    door = Door(sim, PROJECT)
    door.open_firewall()
    check = {"portSpecification": "USE_SERVING_PORT", "requestPath": "/"}
    door.make("global/healthChecks", name="hc", type="HTTP", httpHealthCheck=check)
    pods = [
        one
        for one in sim.admin("GET", "pods")
        if one["pod"].startswith("storefront") and one["cluster"] == "blue"
    ]
    zones = sorted({one["zone"] for one in pods})
    for zone in zones:
        door.neg("moved", zone=zone)
        listed = [
            {"instance": one["node"], "ipAddress": one["ip"], "port": 8080}
            for one in pods
            if one["zone"] == zone
        ]
        group = f"zones/{zone}/networkEndpointGroups/moved"
        door.do("POST", f"{group}/attachNetworkEndpoints", {"networkEndpoints": listed})
    door.service("bs", *(f"{zone}/moved" for zone in zones))
    body = {"domain": "shop.example.com"}
    made = door._certificates("dnsAuthorizations", "dnsAuthorizationId", "shop", body)
    _, authorization = sim.http("GET", f"/v1/{made}")
    record = authorization["dnsResourceRecord"]
    records = f"/dns/v1/projects/{PROJECT}/managedZones/shop-example/rrsets"
    rrset = {"name": record["name"], "type": "CNAME", "ttl": 60, "rrdatas": [record["data"]]}
    assert sim.http("POST", records, rrset)[0] == 200
    managed = {"domains": ["shop.example.com"], "dnsAuthorizations": [made]}
    certificate = door._certificates("certificates", "certificateId", "shop", {"managed": managed})
    door.https_door(door.certificate_map(shop_example_com=certificate))
    address = door.get("global/forwardingRules/rule")["IPAddress"]
    moved = {"name": "shop.example.com.", "type": "A", "ttl": 60, "rrdatas": [address]}
    assert sim.http("PATCH", f"{records}/shop.example.com./A", moved)[0] == 200
    door.close()


def test_the_shop_before_and_after_its_move(
    browser: Browser, start_sim: Callable[..., Any]
) -> None:
    sim = start_sim("--dataplane", "--scenario", "legacy", "--time-scale", "0")
    status, headers, _ = visit(browser, sim)
    assert status == 200
    assert "via" not in headers
    assert headers["x-gcpsim-ingress"].startswith("blue/ingress-nginx/")
    assert "HTTP/2 200" in curl(sim, URL)
    move(sim)
    status, headers, issuer = visit(browser, sim)
    assert status == 200
    assert headers["via"] == "1.1 google"
    assert "x-gcpsim-ingress" not in headers
    assert issuer
    assert "via: 1.1 google" in curl(sim, URL)
