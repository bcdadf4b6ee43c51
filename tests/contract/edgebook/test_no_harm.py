"""A live front door is edited, and what is around it changes: nothing is cut or misjudged."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from edgebook import cli
from edgebook.base.errors import OwnershipError, SafetyError, StepFailed
from edgebook.model.values import Action

from bench.edits import BLIND, edits, simulator
from tests.contract.edgebook.conftest import Shop

ZONE = "/dns/v1/projects/shop-rehearsal/managedZones/shop-example"
COMPUTE = "/compute/v1/projects/shop-rehearsal/global"
API = "apis/apps/v1/namespaces/shop/deployments/api"
SERVICE = "api/v1/namespaces/shop/services/api"


def built(shop: Shop, **changes: Any) -> Any:
    book = shop.book(**changes)
    book.apply("apply", "auto", show_progress=False)
    return book


def writes(shop: Shop) -> list[tuple[str, str]]:
    """(verb, path after the project) of everything that was written, in its order."""
    return [
        (str(call["verb"]), str(call.get("path", "")))
        for call in shop.log()
        if call["verb"] in ("POST", "PATCH", "DELETE", "PUT")
        and not str(call.get("method", "")).endswith(("getHealth", "testIamPermissions", "wait"))
    ]


def place(found: list[tuple[str, str]], verb: str, part: str) -> int:
    return next(i for i, (one, path) in enumerate(found) if one == verb and part in path)


def test_a_hostname_is_added_in_one_run_and_the_certificate_in_use_goes_last(shop: Shop) -> None:
    shop.stand()
    names = ["shop.example.com", "*.shop.example.com", "new.example.com"]
    book = shop.book(hostnames=names)
    plan = book.door.read().plan
    deleted = [change.key.kind for change in plan.to_do if change.action is Action.DELETE]
    assert deleted == ["certificate"]
    shop.sim.admin("DELETE", "calls")
    book.apply("apply", plan.hash, show_progress=False)
    made = writes(shop)
    gone = place(made, "DELETE", "certificates/shop")
    assert gone > place(made, "PATCH", "certificateMapEntries/shop-example-com")
    assert gone > place(made, "PATCH", "certificateMapEntries/primary")
    assert book.door.read().plan.empty


def test_probes_move_when_the_firewall_lets_them_in_and_are_looked_at(shop: Shop) -> None:
    """Of a TCP or SSL proxy, whose checks no URL map can prove: it is announced."""
    shop.stand()
    backends = shop.params()["backends"]
    backends["mqtt"]["health_check"] = {"type": "TCP", "port": 9999}
    book = shop.book(backends=backends)
    (change,) = (c for c in book.door.read().plan.to_do if c.key.kind == "backendService")
    assert change.disrupts == "endpoints count as unhealthy until the new check has passed"
    shop.sim.admin("DELETE", "calls")
    with pytest.raises(StepFailed) as failed:
        book.apply("apply", "auto", show_progress=False)
    made = writes(shop)
    service = place(made, "PATCH", "backendServices/shop-mqtt")
    assert place(made, "PATCH", "firewalls/shop-allow-lb-blue") < service
    assert "endpoints HEALTHY" in failed.value.what
    assert "probes go to port 9999" in failed.value.seen
    assert "health_check.path" not in failed.value.next
    built(shop)


def test_a_swap_and_a_cut_over_belong_to_their_runbooks(shop: Shop) -> None:
    shop.stand()
    backends = shop.params()["backends"]
    backends["web"]["active"] = ["green"]
    book = shop.book(backends=backends)
    shop.sim.admin("DELETE", "calls")
    with pytest.raises(SafetyError) as refused:
        book.apply("apply", "auto", show_progress=False)
    assert "edgebook plan operate/swap -p to green --params" in refused.value.next
    dns = {**shop.params()["dns"], "take_over": ["shop.example.com"]}
    with pytest.raises(SafetyError) as refused:
        shop.book(dns=dns).apply("apply", "auto", show_progress=False)
    assert "edgebook plan 80_cut_over --params" in refused.value.next
    assert writes(shop) == []


def test_a_neg_that_another_load_balancer_serves_from_is_not_renamed(shop: Shop) -> None:
    book = shop.book()
    kube = book.door.reader.cluster("blue")
    text = json.dumps({"exposed_ports": {"8080": {}}})
    patch = {"metadata": {"annotations": {"cloud.google.com/neg": text}}}
    kube.patch(SERVICE, patch)
    shop.sim.advance(60)
    found = kube.list("apis/networking.k8s.io/v1beta1/x", missing_ok=True)
    assert list(found) == []
    svcneg = next(
        item["metadata"]["name"]
        for item in kube.list("apis/networking.gke.io/v1beta1/servicenetworkendpointgroups")
        if item["metadata"]["labels"]["networking.gke.io/service-name"] == "api"
    )
    check = {"name": "other", "type": "HTTP", "httpHealthCheck": {"port": 80}}
    shop.sim.http("POST", f"{COMPUTE}/healthChecks", check)
    group = f"projects/shop-rehearsal/zones/us-central1-a/networkEndpointGroups/{svcneg}"
    body = {
        "name": "other",
        "protocol": "HTTP",
        "loadBalancingScheme": "EXTERNAL_MANAGED",
        "healthChecks": ["projects/shop-rehearsal/global/healthChecks/other"],
        "backends": [{"group": group, "balancingMode": "RATE", "maxRatePerEndpoint": 1}],
    }
    status, _ = shop.sim.http("POST", f"{COMPUTE}/backendServices", body)
    assert status == 200
    with pytest.raises(OwnershipError) as refused:
        shop.book().apply("apply", "auto", show_progress=False)
    assert f"port 8080 is exposed as {svcneg} already" in refused.value.why
    assert "backend service other serves from it" in refused.value.why
    adopted = shop.book(adopt=["serviceAnnotation/api"]).door.read().plan
    assert not adopted.blockers


def test_what_a_wildcard_answers_keeps_its_answer(shop: Shop) -> None:
    records = shop.sim.http("GET", f"{ZONE}/rrsets")[1]["rrsets"]
    # Names below it make it exist, and then no wildcard answers it.
    old = [r for r in records if r["name"].endswith("shop.example.com.") and r["type"] == "A"]
    legacy = next(r for r in old if r["name"] == "shop.example.com.")
    star = {**legacy, "name": "*.example.com."}
    change = {"additions": [star], "deletions": old}
    assert shop.sim.http("POST", f"{ZONE}/changes", change)[0] == 200
    book = built(shop)
    rows = {
        (r["name"], r["type"]): r["rrdatas"]
        for r in shop.sim.http("GET", f"{ZONE}/rrsets")[1]["rrsets"]
    }
    assert rows["shop.example.com.", "A"] == legacy["rrdatas"]
    assert rows["*.shop.example.com.", "A"] == legacy["rrdatas"]
    assert book.door.read().plan.empty


def test_an_application_that_is_gone_is_seen(shop: Shop) -> None:
    book = shop.stand()
    kube = book.door.reader.cluster("blue")
    kube.request("DELETE", SERVICE)
    shop.sim.advance(600)
    with pytest.raises(StepFailed) as failed:
        book.verify()
    said = str(failed.value)
    assert "Service shop/api does not exist in active cluster blue" in said
    assert "backend service shop-api still holds its NEG shop-api" in said
    entries = shop.sim.http("GET", f"{COMPUTE}/backendServices/shop-api")[1]["backends"]
    assert len(entries) == 3


def exposed(shop: Shop, ports: dict[str, Any]) -> None:
    text = json.dumps({"exposed_ports": ports})
    shop.book().door.reader.cluster("blue").patch(
        SERVICE, {"metadata": {"annotations": {"cloud.google.com/neg": text}}}
    )
    shop.sim.advance(300)


def test_an_annotation_that_was_rewritten_and_put_back_is_told_and_harms_nobody(
    shop: Shop,
) -> None:
    book = shop.stand()
    exposed(shop, {"8080": {}})
    book.apply("apply", "auto", show_progress=False)  # puts it back
    shop.sim.advance(300)
    found = {row.cells["check"]: row.cells for row in book.verify().rows
             if "shop-api" in str(row.cells["subject"])}  # fmt: skip
    follows = found["NEGs follow the pods"]
    assert follows["state"] == "uncertain"
    assert "svcneg shop-api is marked for deletion" in follows["reason"]
    assert "6 endpoints, 6 pods" in follows["reason"]
    status = book.status()
    assert status.data["healthy"] is True
    assert "healthy now, but in doubt: shop-api blue: svcneg shop-api is marked" in status.title
    assert any("marked for deletion" in note for table in status.tables for note in table.notes)


def test_a_neg_that_nobody_updates_is_not_healthy_though_its_endpoints_look_so(shop: Shop) -> None:
    book = shop.stand()
    exposed(shop, {"8080": {"name": "of-another-tool"}})
    status = book.status()
    assert status.data["healthy"] is False
    assert any("does not name ours" in problem for problem in status.data["problems"])


def test_a_front_door_whose_cluster_is_silent_is_not_called_healthy(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.stand()
    shop.sim.admin("POST", "stage/cluster-down", {"cluster": "blue"})
    try:
        code = cli.main(["status", "--params", shop.file(), "--json"])
    finally:
        shop.sim.admin("POST", "stage/cluster-up", {"cluster": "blue"})
    said = json.loads(capsys.readouterr().out)
    assert (code, said["healthy"], said["problems"]) == (1, False, [])
    assert said["unsure"] == ["cluster blue cannot be read"]


def test_pods_that_rest_for_a_while_keep_their_port_open(shop: Shop) -> None:
    book = shop.stand()
    kube = book.door.reader.cluster("blue")
    kube.patch(f"{API}/scale", {"spec": {"replicas": 0}})
    shop.sim.advance(60)
    changes = book.door.read().plan.to_do
    assert [c for c in changes if c.key.kind in ("firewall", "closing")] == []
    with pytest.raises(StepFailed) as failed:
        book.step("backends").verify()
    assert "no pod is behind the Service" in str(failed.value)


def test_a_front_door_that_serves_has_no_leaks(shop: Shop) -> None:
    assert shop.stand().leaks().rows == ()


def test_what_expires_expires_by_the_clock_of_its_world(shop: Shop) -> None:
    """A simulated day later certificates have a day less, whatever this machine's clock says."""

    def days(book: Any) -> set[int]:
        cells = [str(row.cells["expires"]) for row in book.certificates().rows]
        return {int(text.removesuffix(" days")) for text in cells if text}

    book = shop.stand()
    (before,) = days(book)
    for _ in range(25):
        shop.sim.advance(3600)
    assert days(shop.book()) == {before - 1}


def test_random_edits_end_in_one_run_and_harm_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small sample of `make bench ONLY=edits`, with requests and imaginary locations."""
    monkeypatch.delenv("EDGEBOOK_JOURNAL", raising=False)
    with simulator(tmp_path, 300):
        tally = edits(tmp_path, 5, random.Random(187))
    # A machine that is busy leaves the meter no time to look, which says nothing of the edits.
    assert [text for text in tally.troubles if not text.startswith(BLIND)] == []
    assert sum(tally.counts[name] for name in ("run", "stopped", BLIND)) >= 4
    assert tally.counts["stopped"] + tally.counts[BLIND] >= 1, "a check that no pod passes"
    assert tally.counts["locations"] >= 300
    assert tally.counts["sent"] > 100
