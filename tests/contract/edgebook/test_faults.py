"""What goes wrong on the way: it converges, or it stops with the right explanation."""

import json
import random
import signal
import threading

import pytest
from edgebook.base.errors import (
    AccessError,
    ApiError,
    ApprovalError,
    ConnectError,
    InterruptedRun,
    LockedError,
    StepFailed,
)
from edgebook.book import open as open_book

SCOPE = "projects/shop-rehearsal/global"


def applied(shop, **changes):
    book = shop.book(**changes)
    book.apply("apply", "auto", show_progress=False)
    return book


@pytest.mark.parametrize(
    ("code", "reason"),
    [(503, "backendError"), (429, "rateLimitExceeded"), (403, "rateLimitExceeded"),
     (400, "resourceNotReady"), (500, "internalError")],
)  # fmt: skip
def test_errors_that_pass_are_waited_for(shop, code, reason):
    shop.fault(service="compute", method="POST", collection="backendServices", code=code,
               reason=reason, times=3)  # fmt: skip
    shop.fault(service="compute", verb="GET", collection="urlMaps", code=code, reason=reason)
    assert applied(shop).plan().empty


def test_a_missing_permission_is_never_retried(shop):
    shop.fault(service="compute", method="POST", collection="backendServices", code=403,
               reason="forbidden", times=0,
               message="Required 'compute.backendServices.create' permission")  # fmt: skip
    book = shop.book()
    with pytest.raises(StepFailed) as failed:
        book.apply("apply", "auto", show_progress=False)
    assert isinstance(failed.value.__cause__, AccessError)
    assert "compute.backendServices.create" in failed.value.why
    refused = [e for e in shop.log() if e["collection"] == "backendServices" and e["status"] == 403]
    assert len(refused) <= 4  # once for each of the four that were under way
    shop.calm()
    assert applied(shop).plan().empty


def test_a_quota_that_is_used_up_is_explained(shop):
    message = "Quota 'URL_MAPS' exceeded.  Limit: 5.0 globally."
    shop.fault(service="compute", method="POST", collection="urlMaps", code=403, times=0,
               reason="quotaExceeded", message=message)  # fmt: skip
    with pytest.raises(StepFailed) as failed:
        applied(shop)
    assert "Quotas" in failed.value.next and "URL_MAPS" in str(failed.value)


def test_a_dropped_answer_makes_nothing_twice(shop):
    for collection in ("globalAddresses", "healthChecks", "firewalls", "globalForwardingRules",
                       "certificates", "dnsAuthorizations", "changes"):  # fmt: skip
        shop.fault(method="POST", collection=collection, effect="drop_after")
        shop.fault(method="POST", collection=collection, effect="drop_before", nth=2)
    book = applied(shop)
    shop.calm()
    assert book.plan().empty
    assert book.verify().data["counts"]["failed"] == 0


def test_an_operation_that_fails_for_a_moment_is_started_again(shop):
    shop.fault(service="compute", method="POST", collection="healthChecks", effect="operation",
               error="RESOURCE_OPERATION_RATE_EXCEEDED", code=503,
               message="Rate exceeded")  # fmt: skip
    assert applied(shop).plan().empty


def test_an_operation_that_fails_for_good_is_explained(shop):
    shop.fault(service="compute", method="POST", collection="backendServices", effect="operation",
               error="QUOTA_EXCEEDED", code=403, times=0,
               message="Quota 'BACKEND_SERVICES' exceeded.  Limit: 5.0 globally.")  # fmt: skip
    with pytest.raises(StepFailed) as failed:
        applied(shop)
    assert "BACKEND_SERVICES" in str(failed.value)
    assert "changes are done and journaled" in failed.value.state
    shop.calm()
    assert applied(shop).plan().empty


def test_412_is_read_again_and_merged(shop):
    shop.stand()
    shop.fault(service="compute", verb="PATCH", collection="backendServices", code=412,
               reason="conditionNotMet", message="Invalid fingerprint.", times=3)  # fmt: skip
    params = shop.params()
    params["backends"]["web"] |= {"draining": "90s"}
    params["backends"]["web"]["balancing"]["max_rate_per_endpoint"] = 50
    assert applied(shop, backends=params["backends"]).plan().empty


def test_somebody_else_changed_the_same_field_meanwhile(shop):
    """The plan says 60 -> 90; another writer makes it 120 before our write: that is for people."""
    book = shop.stand()
    params = shop.params()
    params["backends"]["web"] |= {"draining": "90s"}
    changed = shop.book(backends=params["backends"])
    moment = changed.door.read()
    path = f"compute/v1/{SCOPE}/backendServices/shop-web"
    shop.fault(service="compute", verb="PATCH", collection="backendServices", code=412,
               reason="conditionNotMet", message="Invalid fingerprint.", nth=2)  # fmt: skip
    live = book.door.wire.get("compute", path)
    drain = {"connectionDraining": {"drainingTimeoutSec": 120}, "fingerprint": live["fingerprint"]}
    book.door.wire.request("compute", "PATCH", path, body=drain)

    from edgebook.apply.flow import apply_plan
    from edgebook.plan.lines import of_plan

    with pytest.raises(StepFailed) as failed:
        apply_plan(
            changed.door,
            moment,
            moment.plan,
            "auto",
            made=of_plan("shop.yaml"),
            show_progress=False,
        )
    assert isinstance(failed.value.__cause__, ApprovalError)
    assert failed.value.exit_code == 3
    now = book.door.wire.get("compute", path)
    assert now["connectionDraining"]["drainingTimeoutSec"] == 120


@pytest.mark.parametrize("seed", range(4))
def test_random_faults_converge_or_are_explained(shop, seed):
    chance = random.Random(seed)
    kinds = [
        {"code": 503, "reason": "backendError"},
        {"code": 429, "reason": "rateLimitExceeded"},
        {"code": 412, "reason": "conditionNotMet", "message": "Invalid fingerprint.",
         "verb": "PATCH"},
        {"effect": "drop_after"},
        {"effect": "drop_before"},
        {"effect": "operation", "error": "INTERNAL_ERROR", "code": 500, "message": "Internal error",
         "service": "compute"},
    ]  # fmt: skip
    for fault in chance.sample(kinds, 4):
        shop.fault(**fault, times=4, nth=chance.randint(1, 20), probability=0.15)
    for _ in range(6):
        try:
            book = applied(shop)
            break
        except (StepFailed, ApiError) as error:
            assert error.where and error.why and str(error)
    else:
        shop.calm()
        book = applied(shop)
    shop.calm()
    assert book.plan().empty
    assert book.verify().data["counts"]["failed"] == 0


def test_two_applies_at_once_lose_nothing(shop):
    params = shop.params()
    params["backends"]["web"] |= {"draining": "90s"}
    files = [shop.file("one.yaml"), shop.file("two.yaml", backends=params["backends"])]
    ends = []

    def go(file):
        try:
            open_book(file).apply("apply", "auto", show_progress=False)
            ends.append("done")
        except (LockedError, StepFailed, ApiError) as error:
            ends.append(type(error).__name__)

    threads = [threading.Thread(target=go, args=(file,)) for file in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "done" in ends or set(ends) <= {"LockedError", "StepFailed"}
    book = open_book(files[1])
    book.apply("apply", "auto", show_progress=False)
    assert book.plan().empty
    assert book.verify().data["counts"]["failed"] == 0


def test_another_writer_of_the_same_backend_service_loses_nothing(shop):
    """As autoneg would: it reads, adds its entry, and writes back with the fingerprint."""
    book = shop.stand()
    wire, path = book.door.wire, f"compute/v1/{SCOPE}/backendServices/shop-web"
    zone = "projects/shop-rehearsal/zones/us-central1-b/networkEndpointGroups"
    links = []
    for number in range(5):
        body = {"name": f"theirs-{number}", "networkEndpointType": "GCE_VM_IP_PORT",
                "network": f"{SCOPE}/networks/default"}  # fmt: skip
        wire.request("compute", "POST", f"compute/v1/{zone}", body=body)
        links.append(f"{zone}/theirs-{number}")

    def add(link):
        while True:
            live = wire.get("compute", path)
            entry = {"group": link, "balancingMode": "RATE", "maxRatePerEndpoint": 1}
            patch = {"backends": [*live["backends"], entry], "fingerprint": live["fingerprint"]}
            try:
                wire.request("compute", "PATCH", path, body=patch)
                return
            except ApiError as error:
                assert error.code == 412

    writer = threading.Thread(target=lambda: [add(link) for link in links])
    writer.start()
    for rate in (110, 120, 130):
        params = shop.params()
        params["backends"]["web"]["balancing"]["max_rate_per_endpoint"] = rate
        changed = applied(shop, backends=params["backends"])
    writer.join()
    entries = {e["group"].rsplit("/", 1)[-1]: e for e in wire.get("compute", path)["backends"]}
    assert {f"theirs-{number}" for number in range(5)} <= set(entries)
    assert entries["shop-web"]["maxRatePerEndpoint"] == 130
    assert changed.plan().empty


def test_an_unreachable_cluster_is_named_and_blocks_what_needs_it(shop):
    shop.sim.admin("POST", "stage/cluster-down", {"cluster": "green"})
    book = shop.book()
    plan = book.plan()
    said = [c.sentence for c in plan.plan.reports if "green was not read" in c.sentence]
    assert len(said) == 1 and "Cluster green" in said[0] and "operate/failover" in said[0]
    checks = {(c["check"], c["subject"]): c for c in book.preflight().data["checks"]}
    assert checks[("cluster answers", "green")]["state"] == "uncertain"
    book.apply("apply", "auto", show_progress=False)
    shop.sim.admin("POST", "stage/cluster-up", {"cluster": "green"})
    assert not book.plan().empty  # its firewall rule
    assert applied(shop).plan().empty
    shop.sim.admin("POST", "stage/cluster-down", {"cluster": "blue"})
    with pytest.raises(StepFailed, match="preflight"):
        shop.book().preflight()


def test_preflight_names_permissions_apis_and_dns(shop):
    shop.sim.admin("POST", "stage/permissions",
                   {"project": "shop-rehearsal", "deny": ["compute.firewalls.create"]})  # fmt: skip
    dns = {**shop.params()["dns"], "zone": "no-such-zone"}
    with pytest.raises(StepFailed) as failed:
        shop.book(dns=dns).preflight()
    seen = str(failed.value.outcome)  # the table that is shown before the error
    assert "compute.firewalls.create" in seen and "roles/compute.securityAdmin" in seen
    assert "no-such-zone" in seen


def test_preflight_counts_quotas_and_asks_what_decides_before_our_rules(shop):
    checks = {c["check"]: c for c in shop.book().preflight().data["checks"]}
    assert checks["firewall policies let Google in"]["state"] == "ok"
    quotas = checks["quotas suffice"]
    assert quotas["state"] == "ok" and quotas["reason"].endswith("quotas looked at")
    shop.sim.admin("POST", "stage/quota",
                   {"project": "shop-rehearsal", "metric": "URL_MAPS", "limit": 1})  # fmt: skip
    with pytest.raises(StepFailed) as failed:
        shop.book().preflight()
    assert "URL_MAPS: 0 of 1 used, 2 more wanted" in str(failed.value.outcome)


def test_a_disabled_api_is_named(shop):
    shop.sim.admin("POST", "stage/services",
                   {"project": "shop-rehearsal", "disable": ["dns.googleapis.com"]})  # fmt: skip
    with pytest.raises((AccessError, StepFailed)) as failed:
        shop.book().preflight()
    assert "dns.googleapis.com" in str(failed.value)


def test_no_simulator_answers(shop, monkeypatch):
    monkeypatch.setenv("GCPSIM_URL", "http://127.0.0.1:9")
    with pytest.raises(ConnectError, match="No simulator answers"):
        shop.book().plan()


def test_ctrl_c_leaves_a_journal_and_a_clear_state(shop, monkeypatch):
    path = shop.folder / "journal.jsonl"
    monkeypatch.setenv("EDGEBOOK_JOURNAL", str(path))
    book = shop.book()
    first = threading.Lock()

    def interrupt(error, seconds):
        if first.acquire(blocking=False):
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        for _ in range(3000):  # until the main thread has taken the signal: Cancelled ends it
            book.door.connection.clock.wait(0.01)

    book.door.connection.on_retry = interrupt
    shop.fault(service="compute", method="POST", collection="healthChecks", code=503, times=0)
    with pytest.raises(InterruptedRun) as stopped:
        book.apply("apply", "auto", show_progress=False)
    assert stopped.value.exit_code == 130
    assert "changes are done" in stopped.value.what
    events = [json.loads(line) for line in path.read_text().splitlines()]
    assert events[-1]["event"] == "error"
    shop.calm()
    monkeypatch.delenv("EDGEBOOK_JOURNAL")
    assert applied(shop).plan().empty
