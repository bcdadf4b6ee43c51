"""Plans carried out against the simulator over the wire; each ends with an empty second plan."""

import json
from pathlib import Path

import pytest
from edgebook.base.errors import ApprovalError, OwnershipError, SafetyError, StepFailed, UsageError
from edgebook.book import Book, plan_change
from edgebook.model.values import Action, Step
from edgebook.records import journal


def settled(book: Book) -> None:
    """A second plan that is empty."""
    again = book.plan()
    assert again.empty, str(again)


def test_everything_at_once(shop):
    book = shop.book()
    first = book.plan()
    applied = book.apply("apply", first.hash, show_progress=False)
    assert {done.status for done in applied.results} == {"done"}
    assert len(applied.results) == len(first.plan.to_do)
    settled(book)
    checked = book.verify()
    assert checked.data["counts"]["failed"] == 0


def test_step_by_step_with_the_hashes_known_beforehand(shop):
    before = plan_change(shop.file())["steps"]
    book = shop.book()
    for step in Step:
        assert book.step(step).plan().hash == before[step]["hash"], step
        book.step(step).apply("apply", before[step]["hash"][:8], show_progress=False)
        assert book.step(step).plan().empty
        assert book.step(step).verify().data["counts"]["failed"] == 0
    settled(book)


def test_apply_twice_does_nothing_the_second_time(shop):
    book = shop.stand()
    count = len(shop.log())
    again = book.apply("apply", "whatever", show_progress=False)
    assert again.results == ()
    assert all(entry["verb"] == "GET" for entry in shop.log()[count:])


def test_mode_plan_writes_nothing(shop):
    book = shop.book()
    shown = book.apply("plan")
    assert "Nothing was changed" in str(shown)
    for step in Step:
        book.step(step).apply("plan")
        book.step(step).verify()
    reads = {"getHealth", "testIamPermissions"}
    writes = [e for e in shop.log() if e["verb"] != "GET" and e["method"] not in reads]
    assert writes == []
    left = [path for path in (shop.folder / "state").rglob("*") if path.is_file()]
    assert {path.parent.name for path in left} <= {"plans"}, (
        "what was shown, to tell what came since"
    )


def test_only_the_approved_plan_is_applied(shop):
    book = shop.book()
    with pytest.raises(ApprovalError, match="is not approved"):
        book.apply("apply", "")
    with pytest.raises(ApprovalError, match="not the approved one"):
        book.apply("apply", "0123456789abcdef")
    with pytest.raises(UsageError, match="No mode"):
        book.apply("now", "auto")


def test_a_plan_that_changed_after_its_approval_is_refused_with_the_difference(shop):
    book = shop.book()
    approved = book.plan()
    book.apply("apply", approved.hash, show_progress=False)
    wider = shop.params()
    wider["backends"]["web"]["draining"] = "90s"
    other = shop.book(backends=wider["backends"])
    with pytest.raises(ApprovalError) as refused:
        other.apply("apply", approved.hash)
    assert "shop-web" in refused.value.why
    other.apply("apply", other.plan().hash, show_progress=False)
    settled(other)


def test_an_update_is_a_patch_of_what_differs(shop):
    shop.stand()
    params = shop.params()
    params["backends"]["web"] |= {"draining": "90s", "timeout": "45s"}
    params["backends"]["mqtt"]["balancing"]["max_connections_per_endpoint"] = 600
    params["frontends"][1]["proxy_header"] = "PROXY_V1"
    params["backends"]["mqtt"]["health_check"]["proxy_header"] = "PROXY_V1"
    book = shop.book(
        backends=params["backends"], frontends=params["frontends"], labels={"team": "a"}
    )
    plan = book.plan()
    assert {c.action for c in plan.plan.to_do} == {Action.UPDATE}
    book.apply("apply", plan.hash, show_progress=False)
    settled(book)
    live = book.door.read().live
    names = {key.name: item.body for key, item in live.items() if key.kind == "backendService"}
    assert names["shop-web"]["connectionDraining"]["drainingTimeoutSec"] == 90
    assert names["shop-web"]["timeoutSec"] == 45
    assert {b["maxConnectionsPerEndpoint"] for b in names["shop-mqtt"]["backends"]} == {600}
    assert len(names["shop-web"]["backends"]) == 3


def test_foreign_backends_and_annotation_content_stay(shop):
    book = shop.stand()
    cloud = book.door.cloud
    scope = "projects/shop-rehearsal/global"
    zone = "projects/shop-rehearsal/zones/us-central1-a"
    body = {"name": "by-hand", "networkEndpointType": "GCE_VM_IP_PORT",
            "network": f"{scope}/networks/default"}  # fmt: skip
    made = cloud.compute.start("networkEndpointGroup", "insert", "by-hand", scope=zone, body=body)
    cloud.compute.finish(made, method="POST", path="neg")
    path = f"compute/v1/{scope}/backendServices/shop-web"
    live = cloud.wire.get("compute", path)
    foreign = {"group": f"{zone}/networkEndpointGroups/by-hand", "balancingMode": "RATE",
               "maxRatePerEndpoint": 1}  # fmt: skip
    patch = {"backends": [*live["backends"], foreign], "fingerprint": live["fingerprint"]}
    cloud.wire.request("compute", "PATCH", path, body=patch)

    kube = book.door.reader.cluster("blue")
    where = "api/v1/namespaces/ingress-nginx/services/ingress-nginx-controller"
    text = kube.find(where)["metadata"]["annotations"]["cloud.google.com/neg"]
    content = json.loads(text)
    content["exposed_ports"]["80"] = {"name": "theirs"}
    annotation = {"cloud.google.com/neg": json.dumps(content)}
    kube.patch(where, {"metadata": {"annotations": annotation}})

    params = shop.params()
    params["backends"]["web"]["balancing"]["max_rate_per_endpoint"] = 150
    book = shop.book(backends=params["backends"])
    reports = [c.sentence for c in book.plan().plan.reports]
    assert any("by-hand" in text and "left alone" in text for text in reports)
    attached = {entry["group"] for entry in cloud.wire.get("compute", path)["backends"]}
    applied = book.apply("apply", "auto", show_progress=False)
    (told,) = (c for c in applied.to_json()["changes"] if c["name"] == "shop-web")
    assert len(attached) == 4 and {e["group"] for e in told["before"]["backends"]} == attached
    settled(book)
    groups = {
        entry["group"].rsplit("/", 1)[-1]: entry
        for entry in cloud.wire.get("compute", path)["backends"]
    }
    assert groups["by-hand"]["maxRatePerEndpoint"] == 1
    assert groups["shop-web"]["maxRatePerEndpoint"] == 150
    book.teardown().apply("apply", "auto", show_progress=False)
    left = json.loads(kube.find(where)["metadata"]["annotations"]["cloud.google.com/neg"])
    assert left["exposed_ports"] == {"80": {"name": "theirs"}}


def test_a_resource_of_others_with_our_name_stands_in_the_way(shop):
    book = shop.book()
    scope = "projects/shop-rehearsal/global"
    body = {"name": "shop-web-https", "type": "TCP", "tcpHealthCheck": {"port": 1}}
    made = book.door.cloud.compute.start(
        "healthCheck", "insert", "shop-web-https", scope=scope, body=body
    )
    book.door.cloud.compute.finish(made, method="POST", path="healthCheck")
    with pytest.raises(OwnershipError, match="in the way"):
        book.apply("apply", "auto")
    writes = [e for e in shop.log() if e["verb"] != "GET"]
    assert len(writes) == 1


def test_more_deletes_than_allowed_are_refused(shop):
    shop.stand()
    params = shop.params()
    fewer = {
        "frontends": params["frontends"][:1],
        "checks": [],
        "backends": {name: params["backends"][name] for name in ("web", "api")},
    }
    book = shop.book(**fewer)
    with pytest.raises(SafetyError, match="delete something"):
        book.apply("apply", "auto")
    allowed = shop.book(**fewer, safety={"max_deletes": 10})
    assert allowed.plan().plan.count(Action.DELETE) > 2
    allowed.apply("apply", "auto", show_progress=False)
    settled(allowed)


def test_teardown_leaves_the_world_as_it_was(shop):
    before = shop.state()
    book = shop.stand()
    down = book.teardown()
    assert not down.plan().empty
    shop.sim.admin("DELETE", "calls")
    applied = down.apply("apply", down.plan().hash, show_progress=False)
    assert str(applied.leaks or "") == ""
    deleted = [call["path"] for call in shop.log() if call["verb"] == "DELETE"]
    assert deleted[-1].endswith("addresses/shop-edge"), "the lease is in its labels"
    assert down.plan().empty
    after = shop.state()
    for changed in ("serviceAnnotation",):
        before = {k: v for k, v in before.items() if not k.startswith(changed)}
        after = {k: v for k, v in after.items() if not k.startswith(changed)}
    assert after == before


def test_teardown_of_one_step_says_what_holds_it(shop):
    book = shop.stand()
    shown = str(book.teardown("certificate").plan())
    assert "held by" in shown and "tear that down first" in shown
    book.teardown("backends").apply("apply", "auto", show_progress=False)
    moment = book.door.read()
    for key, item in moment.live.items():
        if key.kind == "backends" and key.name.startswith("shop-"):
            assert item.body["backends"] == []


def test_a_certificate_that_caa_forbids_fails_with_its_remedy(shop):
    book = shop.book()
    caa = {"name": "example.com.", "type": "CAA", "ttl": 300, "rrdatas": ['0 issue "other.org"']}
    zone = "dns/v1/projects/shop-rehearsal/managedZones/shop-example"
    book.door.wire.request("dns", "POST", f"{zone}/rrsets", body=caa)
    with pytest.raises(StepFailed) as failed:
        book.apply("apply", "auto", show_progress=False)
    assert "pki.goog" in failed.value.next


def test_the_journal_tells_what_happened(shop, monkeypatch):
    path = shop.folder / "journal.jsonl"
    monkeypatch.setenv("EDGEBOOK_JOURNAL", str(path))
    book = shop.book()
    book.step("address-and-dns").apply("apply", "auto")
    events = journal.read(path)
    kinds = [event["event"] for event in events]
    assert kinds[:2] == ["world", "planned"] and kinds[-1] == "applied"
    done = [event for event in events if event["event"] == "change"]
    assert {event["status"] for event in done} == {"done"}
    assert kinds.count("intent") == len(done)
    assert journal.read_unfinished(Path(path)) is None
