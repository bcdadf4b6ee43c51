"""The pure parts of edges and flow: evaluation, order, recognition, merging, time."""

import json
import random
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from edgebook.apply import order
from edgebook.apply.gates import svcneg_state
from edgebook.apply.lock import Holder
from edgebook.apply.writers import annotation_without, merged_annotation, merged_backends
from edgebook.clock import Budget, Cancelled, Clock, SteppedClock, backoff
from edgebook.cloud import refusals
from edgebook.cloud.refusals import Passing
from edgebook.errors import AccessError, ApiError, ConnectError
from edgebook.live.clusters import negs_by_port, tags_of_nodes, target_ports, zones_of_nodes
from edgebook.model.observed import Neg, Observed, ObservedCluster, ObservedService
from edgebook.model.values import Action, Change, EachNeg, LiveResource, Ref, ResourceKey, Step
from edgebook.records.journal import Journal, read, read_unfinished
from edgebook.verify import failures
from edgebook.verify.dns_checks import allows
from edgebook.verify.firewall_rules import Verdict, evaluate, speaks_of

SOURCE, PORT, TAGS = "35.191.0.0/16", 8443, ["gke-blue-1-node"]


def rule(name, **more):
    body = {"name": name, "network": "global/networks/default", "priority": 1000}
    return {**body, "allowed": [{"IPProtocol": "tcp", "ports": ["8443"]}], **more}


def verdict(*rules):
    found = evaluate(rules, network="default", source=SOURCE, port=PORT, tags=TAGS)
    return found.verdict, found.rules


def test_firewall_without_a_rule_denies():
    assert verdict() == (Verdict.MISSING, ())


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"sourceRanges": [SOURCE]}, Verdict.ALLOWED),
        ({"sourceRanges": ["35.191.0.0/17"]}, Verdict.MISSING),
        ({"sourceRanges": ["35.191.0.0/17", "35.191.128.0/17"]}, Verdict.ALLOWED),
        ({"sourceRanges": ["0.0.0.0/0"]}, Verdict.ALLOWED),
        ({"sourceRanges": [SOURCE], "targetTags": ["gke-blue-1-node"]}, Verdict.ALLOWED),
        ({"sourceRanges": [SOURCE], "targetTags": ["other"]}, Verdict.MISSING),
        ({"sourceRanges": [SOURCE], "disabled": True}, Verdict.MISSING),
        ({"sourceRanges": [SOURCE], "direction": "EGRESS"}, Verdict.MISSING),
        ({"sourceRanges": [SOURCE], "network": "global/networks/other"}, Verdict.MISSING),
        ({"sourceTags": ["bastion"]}, Verdict.MISSING),
        ({"sourceRanges": [SOURCE], "targetServiceAccounts": ["a@b"]}, Verdict.UNSURE),
    ],
)
def test_firewall_of_one_rule(more, expected):
    assert verdict(rule("one", **more))[0] is expected


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        ([{"IPProtocol": "tcp"}], Verdict.ALLOWED),
        ([{"IPProtocol": "all"}], Verdict.ALLOWED),
        ([{"IPProtocol": "6", "ports": ["8000-9000"]}], Verdict.ALLOWED),
        ([{"IPProtocol": "tcp", "ports": ["443"]}], Verdict.MISSING),
        ([{"IPProtocol": "udp"}], Verdict.MISSING),
    ],
)
def test_firewall_ports_and_protocols(allowed, expected):
    assert verdict(rule("one", sourceRanges=[SOURCE], allowed=allowed))[0] is expected


def test_firewall_denies_by_priority():
    allow = rule("allow", sourceRanges=[SOURCE])
    deny = {k: v for k, v in rule("deny", sourceRanges=["35.191.7.0/24"]).items() if k != "allowed"}
    deny["denied"] = [{"IPProtocol": "all"}]
    assert verdict(allow, {**deny, "priority": 999}) == (Verdict.DENIED, ("deny",))
    assert verdict(allow, {**deny, "priority": 1000}) == (Verdict.DENIED, ("deny",))
    assert verdict(allow, {**deny, "priority": 1001}) == (Verdict.ALLOWED, ("allow",))


def test_firewall_names_what_speaks_of_the_source():
    near = rule("near", sourceRanges=[SOURCE], allowed=[{"IPProtocol": "tcp", "ports": ["443"]}])
    assert speaks_of([near], SOURCE, TAGS) == ["near tcp:443"]


def test_firewall_ipv6():
    six = rule("six", sourceRanges=["2600:2d00:1:1::/64"])
    found = evaluate([six], network="default", source="2600:2d00:1:1::/64", port=8443, tags=TAGS)
    assert found.verdict is Verdict.ALLOWED


def error(code, reason="", status="", operation="", message=""):
    return ApiError(
        "x", code=code, reason=reason, status=status, operation=operation, message=message
    )


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (error(403, "rateLimitExceeded"), Passing.AFTER_THE_MINUTE),
        (error(429, status="RESOURCE_EXHAUSTED"), Passing.AFTER_THE_MINUTE),
        (error(400, "resourceNotReady"), Passing.SOON),
        (error(503, "backendError"), Passing.SOON),
        (error(0, "connection"), Passing.SOON),
        (error(0, "RESOURCE_NOT_READY", operation="op"), Passing.SOON),
        (error(412, "conditionNotMet"), Passing.NEVER),
        (error(403, "quotaExceeded"), Passing.NEVER),
        (error(404, "notFound"), Passing.NEVER),
        (error(400, "invalid"), Passing.NEVER),
        (ValueError("x"), Passing.NEVER),
    ],
)
def test_which_errors_pass(raised, expected):
    assert refusals.passing(raised) is expected


def body(code, message, reason="", **more):
    errors = [{"message": message, "domain": "global", "reason": reason}] if reason else []
    return json.dumps({"error": {"code": code, "message": message, "errors": errors, **more}})


@pytest.mark.parametrize(
    ("code", "content", "kind"),
    [
        (401, body(401, "no credentials", "required"), ConnectError),
        (403, body(403, "Required 'compute.x' permission", "forbidden"), AccessError),
        (403, body(403, "API off", "accessNotConfigured"), AccessError),
        (403, body(403, "Quota exceeded for quota metric", "rateLimitExceeded"), ApiError),
        (403, body(403, "Quota 'X' exceeded", "quotaExceeded"), ApiError),
        (404, body(404, "not found", "notFound"), ApiError),
        (502, "<html>Bad Gateway</html>", ApiError),
        (403, body(403, "off", details=[{"@type": "t/google.rpc.ErrorInfo",
                                         "reason": "SERVICE_DISABLED"}]), AccessError),
    ],
)  # fmt: skip
def test_errors_by_reason_not_by_code(code, content, kind):
    found = refusals.from_body(code, content, method="GET", path="compute/v1/x")
    assert type(found) is kind
    assert str(found)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("The network_endpoint_group resource 'n' is already being used by 'b'", 13),
        ("error processing service: NEG annotation is invalid.", 8),
        ('port 443 specified in "cloud.google.com/neg" doesn\'t exist in the service', 9),
        ("custom neg name cannot be used with ingress enabled", 10),
        ("found conflicting description in neg shop-web", 11),
        ("found a custom named neg x with an empty description", 11),
        ("Specified IP address 10.0.0.1 doesn't belong to the (sub)network default", 15),
        ("CONNECTION balancing mode is not supported for protocol HTTP", 16),
        ("Invalid fingerprint.", 18),
        ("The resource 'projects/p/global/backendServices/b' is not ready", 19),
        ("Specified IP address is in-use and would result in a conflict.", 20),
        ("the DNS name 'x.' may have either one CNAME resource record set or resource record sets "
         "of other types, but not both.", 24),
        ("Precondition not met for 'entity.change.deletions[0]'", 30),
        ("The 'entity.change.additions[0]' resource named 'a.' already exists.", 30),
        ("Quota exceeded for quota metric 'Queries'", 0),
    ],
)  # fmt: skip
def test_known_failures_are_recognised(text, number):
    found = failures.of_text(text)
    assert found is not None and found.number == number
    assert found.cause and found.remedy


def test_all_thirty_failures_are_in_the_catalogue():
    assert {failure.number for failure in failures.CATALOGUE} >= set(range(1, 31))


def attempt(reason, **more):
    return {"domain": "shop.example.com", "state": "FAILED", "failureReason": reason, **more}


@pytest.mark.parametrize(
    ("managed", "number", "final"),
    [
        ({"state": "PROVISIONING", "authorizationAttemptInfo": [attempt("CAA")]}, 25, True),
        ({"state": "PROVISIONING", "authorizationAttemptInfo": [attempt("CONFIG")]}, 23, False),
        ({"state": "FAILED", "authorizationAttemptInfo": [attempt("CONFIG")]}, 23, True),
        (
            {"state": "PROVISIONING", "authorizationAttemptInfo": [attempt("RATE_LIMITED")]},
            26,
            True,
        ),
        ({"state": "PROVISIONING", "provisioningIssue": {"reason": "RATE_LIMITED"}}, 26, True),
    ],
)
def test_why_a_certificate_is_not_issued(managed, number, final):
    found = failures.of_certificate({"managed": managed})
    assert found is not None and (found.number, found.final) == (number, final)


def test_a_certificate_on_its_way_has_no_failure():
    assert failures.of_certificate({"managed": {"state": "PROVISIONING"}}) is None


@pytest.mark.parametrize(
    ("records", "wildcard", "expected"),
    [
        (('0 issue "pki.goog"',), False, True),
        (('0 issue "letsencrypt.org"',), False, False),
        (('0 issue "letsencrypt.org"', '0 issue "pki.goog"'), False, True),
        (('0 issue "pki.goog"', '0 issuewild ";"'), True, False),
        (('0 issue ";"', '0 issuewild "pki.goog"'), True, True),
        (('0 issue "pki.goog; cansignhttpexchanges=yes"',), False, True),
        (('0 iodef "mailto:a@b.c"',), False, True),
    ],
)
def test_caa(records, wildcard, expected):
    assert allows(records, wildcard=wildcard) is expected


def test_annotation_is_merged_and_taken_out_again():
    live = {"ingress": True, "exposed_ports": {"80": {"name": "theirs"}}, "zones": ["*"]}
    ours = {"exposed_ports": {"443": {"name": "shop-web"}}}
    merged = merged_annotation(live, ours)
    assert merged == {
        "exposed_ports": {"80": {"name": "theirs"}, "443": {"name": "shop-web"}},
        "zones": ["*"],
    }
    assert annotation_without(merged, ours) == {
        "exposed_ports": {"80": {"name": "theirs"}},
        "zones": ["*"],
    }
    assert annotation_without({"exposed_ports": {"443": {"name": "other"}}}, ours) == {
        "exposed_ports": {"443": {"name": "other"}}
    }


LINK = "https://www.googleapis.com/compute/v1/projects/p/zones/{}/networkEndpointGroups/{}"


def entry(zone, name="shop-web", **more):
    return {"group": LINK.format(zone, name), **more}


def test_backends_are_merged_zone_by_zone():
    each = EachNeg("blue", "ns", "svc", 443, "shop-web", {"balancingMode": "RATE", "maxRate": 5})
    states = {"a": "ACTIVE", "b": "ACTIVE", "c": "INACTIVE", "d": "TO_BE_DELETED"}
    negs = tuple(
        Neg("shop-web", zone, LINK.format(zone, "shop-web"), s) for zone, s in states.items()
    )
    service = ObservedService("ns", "svc", negs=negs)
    observed = Observed({"blue": ObservedCluster("blue", services=(service,))})
    live = [
        entry("b", balancingMode="RATE", maxRate=1, capacityScaler=0.0),
        entry("a", name="by-hand", balancingMode="RATE"),
        entry("c", balancingMode="RATE", maxRate=5),
        entry("d", balancingMode="RATE", maxRate=5),
    ]
    merged = merged_backends(live, (each,), frozenset({"shop-web"}), observed)
    assert merged == [
        entry("b", balancingMode="RATE", maxRate=5, capacityScaler=0.0),
        entry("a", name="by-hand", balancingMode="RATE"),
        entry("c", balancingMode="RATE", maxRate=5),
        entry("a", balancingMode="RATE", maxRate=5),
    ]


def key(kind, name="n", scope="projects/p/global"):
    return ResourceKey(kind, scope, name)


def change(action, kind, name="n", **more):
    return Change(action, key(kind, name), Step.FRONTENDS, "", **more)


def test_creates_wait_for_what_they_refer_to():
    ref = Ref("healthCheck", "n", "projects/p/global")
    made = [
        change(Action.CREATE, "backendService", after={"healthChecks": [ref]}),
        change(Action.CREATE, "healthCheck"),
        change(Action.CREATE, "backends"),
        change(Action.REPORT, "address"),
    ]
    waits = order.before(made, {})
    assert waits == {
        key("backendService"): {key("healthCheck")},
        key("healthCheck"): set(),
        key("backends"): {key("backendService")},
    }


def test_deletes_wait_for_who_holds_them():
    link = "https://www.googleapis.com/compute/v1/projects/p/global/healthChecks/n"
    holder = key("backendService")
    live = {holder: LiveResource(holder, {"healthChecks": [link], "usedBy": []})}
    made = [change(Action.DELETE, "healthCheck"), change(Action.DELETE, "backendService")]
    assert order.before(made, live)[key("healthCheck")] == {holder}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (None, "waiting"),
        ({}, "waiting"),
        ({"conditions": [{"type": "Initialized", "status": "False", "message": "m"}]}, "failed"),
        ({"conditions": [{"type": "Initialized", "status": "True"},
                         {"type": "Synced", "status": "True"}]}, "waiting"),
        ({"conditions": [{"type": "Initialized", "status": "True"},
                         {"type": "Synced", "status": "True"}],
          "networkEndpointGroups": [{"state": "INACTIVE"}]}, "waiting"),
        ({"conditions": [{"type": "Initialized", "status": "True"},
                         {"type": "Synced", "status": "True"}],
          "networkEndpointGroups": [{"selfLink": "x"}]}, "ready"),
    ],
)  # fmt: skip
def test_when_a_svcneg_is_ready(status, expected):
    found = None if status is None else {"status": status}
    assert svcneg_state(found)[0] == expected


def test_negs_by_service_port_with_their_state():
    labels = {"networking.gke.io/service-name": "svc", "networking.gke.io/service-port": "443"}
    refs = [{"selfLink": LINK.format("b", "n")},
            {"selfLink": LINK.format("a", "n"), "state": "INACTIVE"}]  # fmt: skip
    item = {
        "metadata": {"name": "n", "namespace": "ns", "labels": labels},
        "status": {"networkEndpointGroups": refs},
    }
    found = negs_by_port([item])
    assert [(neg.zone, neg.state) for neg in found[(("ns", "svc"), 443)]] == [
        ("a", "INACTIVE"),
        ("b", "ACTIVE"),
    ]


def test_target_ports_are_those_of_the_pods():
    service = {"spec": {"ports": [{"name": "https", "port": 443, "targetPort": "tls"},
                                  {"name": "http", "port": 80, "targetPort": 8080}]}}  # fmt: skip
    slices = [{"endpoints": [{}], "ports": [{"name": "https", "port": 8443}]},
              {"endpoints": [{}], "ports": [{"name": "https", "port": 9443}]},
              {"endpoints": [], "ports": [{"name": "https", "port": 1}]}]  # fmt: skip
    assert target_ports(service, slices) == {443: (8443, 9443), 80: (8080,)}


def node(name, zone, ready="True", **labels):
    return {
        "metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": zone, **labels}},
        "spec": {},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


def test_zones_are_those_of_nodes_that_may_serve():
    excluded = {"node.kubernetes.io/exclude-from-external-load-balancers": "true"}
    nodes = [node("1", "a"), node("2", "b", ready="False"), node("3", "c", **excluded)]
    assert zones_of_nodes(nodes) == ("a",)


def test_node_tags_of_the_right_cluster():
    rules = [{"targetTags": ["gke-blue-1a2b-node"]}, {"targetTags": ["gke-blue-eu-3c4d-node"]},
             {"targetTags": ["web"]}]  # fmt: skip
    assert tags_of_nodes([node("gke-blue-pool-1", "a")], rules) == ("gke-blue-1a2b-node",)
    assert tags_of_nodes([node("gke-blue-eu-pool-1", "a")], rules) == ("gke-blue-eu-3c4d-node",)


def test_a_journal_explains_a_killed_run(tmp_path):
    path = tmp_path / "journal.jsonl"
    journal = Journal(path, SteppedClock(datetime(2026, 11, 23, tzinfo=UTC)))
    first, second = change(Action.CREATE, "healthCheck"), change(Action.CREATE, "backendService")
    journal.write("applying", step="frontends", total=2)
    journal.intent(first, "1")
    journal.outcome(first, seconds=1.0)
    journal.intent(second, "2")
    with path.open("a") as file:
        file.write('{"event": "chan')  # cut off in the middle of a write
    found = read_unfinished(path)
    assert found is not None
    text = "an earlier run stopped after 1 of 2 changes; under way were: create backendService n"
    assert str(found) == text
    assert read(path)[0]["at"] == "2026-11-23T00:00:00.000Z"
    journal.outcome(second, seconds=1.0)
    journal.write("applied", step="frontends")
    assert read_unfinished(path) is None


def test_holders_of_a_lease_fit_into_a_label():
    me = Holder.me()
    assert Holder.parse(me.text()) == me
    assert len(me.text()) <= 63
    assert not me.gone(me)
    assert Holder(me.host, 4194304, "x", 1).gone(me)
    assert not Holder("elsewhere", 4194304, "x", 1).gone(me)
    assert Holder.parse("nonsense") is None


def test_a_budget_ends_also_where_time_stands_still():
    budget = Budget(Clock(rate=0), 5)
    count = 0
    while budget.pause(least=1, most=1):
        count += 1
    assert count == 5


def test_waiting_ends_when_the_run_is_cancelled():
    clock = Clock()
    clock.cancel()
    with pytest.raises(Cancelled):
        clock.wait(1000)
    clock.resume()
    clock.wait(0)


def test_backoff_grows_with_jitter_up_to_its_limit():
    random.seed(1)
    for attempt_number in range(10):
        ceiling = min(60.0, 2.0**attempt_number)
        assert ceiling / 2 <= backoff(attempt_number) <= ceiling


def test_light_import_is_the_ordinary_client_in_the_end():
    code = """
from edgebook.cloud import lightimport
import sys
client = lightimport.compute_service("backend_services", "BackendServicesClient")
light = len([name for name in sys.modules if "compute_v1.services" in name])
assert light < 20, light
from google.cloud import compute_v1
assert compute_v1.NetworksClient
assert compute_v1.BackendServicesClient is client
assert compute_v1.Address(name="a").name == "a"
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=120)


def test_light_import_falls_back_to_the_ordinary_one():
    code = """
from edgebook.cloud import lightimport
def broken():
    raise ImportError("as if Google had moved things")
lightimport._place_package = broken
client = lightimport.compute_service("firewalls", "FirewallsClient")
from google.cloud import compute_v1
assert compute_v1.FirewallsClient is client
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=120)
