"""Apache Libcloud: DNS, Compute Engine and load balancers through its own drivers."""

import json
import os
from pathlib import Path
from typing import Any

from _told import check
from libcloud.compute.providers import get_driver as compute_driver
from libcloud.compute.types import Provider as Compute
from libcloud.dns.providers import get_driver as dns_driver
from libcloud.dns.types import Provider as Dns
from libcloud.dns.types import RecordType

FILE = os.environ["GOOGLE_APPLICATION_CREDENTIALS"]
PROJECT = os.environ["GOOGLE_CLOUD_PROJECT"]
SA = json.loads(Path(FILE).read_text())["client_email"]


def names(found: Any) -> set[str]:
    return {one.name for one in found}


def dns() -> None:
    driver = check("dns driver", lambda: dns_driver(Dns.GOOGLE)(SA, FILE, project=PROJECT))
    zone = check("zone", lambda: driver.create_zone(domain="libcloud.example."))
    check("zones", lambda: zone.id in [one.id for one in driver.list_zones()])
    for kind, data in (("A", ["192.0.2.1"]), ("TXT", ['"x"']), ("MX", ["10 mx.example."])):
        extra = {"ttl": 60, "rrdatas": data}
        name = f"{kind.lower()}.libcloud.example."
        check(f"record {kind}", lambda n=name, k=kind, e=extra: driver.create_record(
            n, zone, getattr(RecordType, k), e))  # fmt: skip
    records = check("records", lambda: driver.list_records(zone)) or []
    check("five of them", lambda: len(records) == 5)
    mine = [one for one in records if one.type in ("A", "TXT", "MX")]
    check("one record", lambda: driver.get_record(zone.id, mine[0].id).type == mine[0].type)
    for one in driver.list_records(zone):
        if one.type in ("A", "TXT", "MX"):
            check(f"delete {one.type}", lambda o=one: driver.delete_record(o))
    check("delete zone", lambda: driver.delete_zone(zone))


def compute() -> None:
    gce = check(
        "compute driver",
        lambda: compute_driver(Compute.GCE)(SA, FILE, datacenter="us-central1-a", project=PROJECT),
    )
    check("nodes", lambda: len(gce.list_nodes(ex_zone="all")) > 0)
    check("sizes", lambda: "e2-medium" in names(gce.list_sizes()))
    check("zones", lambda: "us-central1-a" in names(gce.ex_list_zones()))
    check("regions", lambda: "us-central1" in names(gce.ex_list_regions()))
    check("project", lambda: gce.ex_get_project().name == PROJECT)
    check("networks", lambda: "default" in names(gce.ex_list_networks()))
    check("address", lambda: gce.ex_create_address("lc", region="global"))
    check("regional address", lambda: gce.ex_create_address("lcr", region="us-central1"))
    check("addresses", lambda: {"lc", "lcr"} <= names(gce.ex_list_addresses("all")))
    check(
        "firewall",
        lambda: gce.ex_create_firewall(
            "lc", [{"IPProtocol": "tcp", "ports": ["80"]}], source_ranges=["10.0.0.0/8"]
        ),
    )
    check("firewalls", lambda: "lc" in names(gce.ex_list_firewalls()))
    check("http check", lambda: gce.ex_create_healthcheck("lc", path="/healthz"))
    check("http checks", lambda: "lc" in names(gce.ex_list_healthchecks()))
    check("instance group", lambda: gce.ex_create_instancegroup("lc", zone="us-central1-a"))
    check("instance groups", lambda: "lc" in names(gce.ex_list_instancegroups("us-central1-a")))
    check(
        "backend service",
        lambda: gce.ex_create_backendservice("lc", healthchecks=["lc"], backends=[]),
    )
    check("backend services", lambda: "lc" in names(gce.ex_list_backendservices()))
    check("url map", lambda: gce.ex_create_urlmap("lc", gce.ex_get_backendservice("lc")))
    check("url maps", lambda: "lc" in names(gce.ex_list_urlmaps()))
    check("proxy", lambda: gce.ex_create_targethttpproxy("lc", "lc"))
    check("proxies", lambda: "lc" in names(gce.ex_list_targethttpproxies()))
    check(
        "rule",
        lambda: gce.ex_create_forwarding_rule("lc", target="lc", global_rule=True, port_range="80"),
    )
    check("rules", lambda: "lc" in names(gce.ex_list_forwarding_rules(global_rules=True)))
    check("one rule", lambda: gce.ex_get_forwarding_rule("lc", global_rule=True).protocol == "TCP")
    check("in use", lambda: not _deleted(lambda: gce.ex_get_healthcheck("lc").destroy()))
    rule = lambda: gce.ex_get_forwarding_rule("lc", global_rule=True)  # noqa: E731
    for what, get in (("rule", rule), ("proxy", lambda: gce.ex_get_targethttpproxy("lc")),
                      ("url map", lambda: gce.ex_get_urlmap("lc")),
                      ("backend service", lambda: gce.ex_get_backendservice("lc")),
                      ("http check", lambda: gce.ex_get_healthcheck("lc")),
                      ("instance group", lambda: gce.ex_get_instancegroup("lc", "us-central1-a")),
                      ("firewall", lambda: gce.ex_get_firewall("lc")),
                      ("address", lambda: gce.ex_get_address("lc", "global"))):  # fmt: skip
        check(f"destroy {what}", lambda g=get: g().destroy())


def _deleted(work: Any) -> bool:
    try:
        return bool(work())
    except Exception:
        return False


dns()
compute()
