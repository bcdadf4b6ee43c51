"""Which change waits for which."""

from edgebook.model.values import Action, Change, LiveResource, Plan, Ref, ResourceKey, Step, Wait
from edgebook.plan import order


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


def planned(action, kind, **more):
    steps = {"address": Step.ADDRESS_AND_DNS, "firewall": Step.FIREWALL}
    return Change(action, key(kind), steps.get(kind, Step.FRONTENDS), "", **more)


def told(changes):
    return [(c.action.value, c.key.kind) for c in changes]


def test_changes_stand_as_one_apply_carries_them_out():
    """What goes comes after what is made, whatever its step; reports come last."""
    ref = Ref("healthCheck", "n", "projects/p/global")
    changes = [
        planned(Action.REPORT, "address"),
        planned(Action.CREATE, "backendService", after={"healthChecks": [ref]}),
        planned(Action.CREATE, "healthCheck"),
        planned(Action.DELETE, "urlMap"),
        planned(Action.UPDATE, "firewall"),
    ]
    check, service = ("create", "healthCheck"), ("create", "backendService")
    gone, rule = ("delete", "urlMap"), ("update", "firewall")
    told_of = ("report", "address")
    assert told(order.in_order(changes, {})) == [check, rule, service, gone, told_of]
    assert told(order.by_steps(changes, {})) == [told_of, check, service, gone, rule]
    by_step = Plan(tuple(order.by_steps(changes, {})))
    whole = order.at_once(by_step, {})
    assert told(whole.changes) == [check, rule, service, gone, told_of]
    assert whole.hash == by_step.hash, "an approval is for changes, not for how they are listed"


def test_a_teardown_stands_from_its_outside_inwards():
    address, rule = key("address"), key("forwardingRule")
    down = [
        planned(Action.DELETE, "address", depends=(rule,)),
        planned(Action.DELETE, "forwardingRule"),
        planned(Action.DELETE, "firewall"),
    ]
    found = [change.key for change in order.in_order(down, {})]
    assert found == [key("firewall"), rule, address]


def test_kinds_that_come_first_still_wait_for_what_they_need():
    ref = Ref("backendService", "n", "projects/p/global")
    changes = [
        planned(Action.CREATE, "firewall"),
        planned(Action.CREATE, "backendService"),
        planned(Action.UPDATE, "urlMap", after={"defaultService": ref}),
        planned(Action.UPDATE, "dnsRecordSet"),
    ]
    found = order.in_order(changes, {}, first=("dnsRecordSet", "urlMap"))
    assert [c.key.kind for c in found] == ["dnsRecordSet", "backendService", "urlMap", "firewall"]


def test_what_one_thing_becomes_in_several_changes_is_all_shown():
    stages = [change(Action.UPDATE, "urlMap", after={"w": 5}), change(Action.UPDATE, "backends"),
              change(Action.UPDATE, "urlMap", after={"w": 100})]  # fmt: skip
    assert order.in_order(stages, {}) == [stages[1], stages[0], stages[2]]


def test_changes_that_wait_for_each_other_are_shown_all_the_same():
    one, other = key("urlMap"), key("backendService")
    for action in (Action.DELETE, Action.CREATE):
        circle = [
            change(action, "urlMap", depends=(other,)),
            change(action, "backendService", depends=(one,)),
        ]
        assert sorted(order.in_order(circle, {}), key=lambda c: c.key) == circle[::-1]


def test_deletes_wait_for_who_holds_them():
    link = "https://www.googleapis.com/compute/v1/projects/p/global/healthChecks/n"
    holder = key("backendService")
    live = {holder: LiveResource(holder, {"healthChecks": [link], "usedBy": []})}
    made = [change(Action.DELETE, "healthCheck"), change(Action.DELETE, "backendService")]
    assert order.before(made, live)[key("healthCheck")] == {holder}


def test_what_goes_waits_for_everything_that_is_made_and_comes_last():
    """The certificate in use goes after its entries have the new one, whatever else is planned."""
    scope, entries = "projects/p/locations/global", "projects/p/locations/global/certificateMaps/m"
    old, new = (ResourceKey("certificate", scope, name) for name in ("old", "new"))
    entry = ResourceKey("certificateMapEntry", entries, "e")
    record = ResourceKey("dnsRecordSet", "projects/p/managedZones/z", "new./A")
    link = {"certificates": ["projects/1/locations/global/certificates/old"]}
    live = {old: LiveResource(old, {}), entry: LiveResource(entry, link)}
    after = {"certificates": [Ref("certificate", "new", scope)]}
    changes = [
        Change(Action.DELETE, old, Step.CERTIFICATE, ""),
        Change(Action.CREATE, new, Step.CERTIFICATE, ""),
        Change(Action.UPDATE, entry, Step.CERTIFICATE, "", after=after),
        Change(Action.CREATE, record, Step.ADDRESS_AND_DNS, ""),
    ]
    waits = order.before(changes, live)
    assert waits[old] == {new, entry, record}
    assert waits[entry] == {new} and waits[new] == set()
    assert order.last(changes, waits) == {old}


def test_a_rule_waits_for_the_one_that_has_its_address_and_port():
    scope = "projects/p/global"
    old, new = (ResourceKey("forwardingRule", scope, name) for name in ("old", "new"))
    address = ResourceKey("address", scope, "a")
    live = {
        address: LiveResource(address, {"address": "203.0.113.1"}),
        old: LiveResource(old, {"IPAddress": "203.0.113.1", "portRange": "443-443"}),
    }
    after = {"IPAddress": Ref("address", "a", scope, "address"), "portRange": "443-443"}
    changes = [
        Change(Action.DELETE, old, Step.FRONTENDS, ""),
        Change(Action.CREATE, new, Step.FRONTENDS, "", after=after),
    ]
    assert order.before(changes, live) == {old: set(), new: {old}}
    other = {**after, "portRange": "80-80"}
    changes[1] = Change(Action.CREATE, new, Step.FRONTENDS, "", after=other)
    assert order.before(changes, live) == {old: {new}, new: set()}


def test_a_change_waits_for_what_its_gates_are_about():
    certificate = key("certificate", scope="projects/p/locations/global")
    gate = Wait(certificate, "ACTIVE")
    made = [
        change(Action.CREATE, "targetHttpsProxy", waits=(gate,)),
        Change(Action.CREATE, certificate, Step.CERTIFICATE, ""),
    ]
    assert order.before(made, {})[key("targetHttpsProxy")] == {certificate}


def test_a_delete_never_waits_for_itself_and_keeps_its_other_reasons():
    one, other = key("healthCheck", "one"), key("healthCheck", "other")
    made = [
        change(Action.DELETE, "healthCheck", "one", depends=(one, other)),
        change(Action.DELETE, "healthCheck", "other"),
    ]
    assert order.before(made, {}) == {one: {other}, other: set()}


def test_a_delete_does_not_wait_for_what_waits_for_it_at_second_hand():
    """The new rule takes the place of the old one, and a third waits for the new one."""
    body = {"portRange": "443-443", "IPAddress": "203.0.113.1"}
    old, new, third = key("forwardingRule", "old"), key("forwardingRule", "new"), key("urlMap")
    made = [
        change(Action.DELETE, "forwardingRule", "old"),
        change(Action.CREATE, "forwardingRule", "new", after=body),
        change(Action.CREATE, "urlMap", depends=(new,)),
        change(Action.CREATE, "address", "else"),
    ]
    waits = order.before(made, {old: LiveResource(old, body)})
    assert waits == {
        old: {key("address", "else")},
        new: {old},
        third: {new},
        key("address", "else"): set(),
    }


def test_an_address_goes_when_everything_else_is_done():
    """Its labels carry the lease: what is written after it is gone would be written without one."""
    names = ("address", "forwardingRule", "sslPolicy", "urlMap", "dnsRecordSet")
    work = [change(Action.DELETE, kind) for kind in names]
    work += [change(Action.DELETE, "address", "six"), change(Action.UPDATE, "firewall")]
    waits = order.before(work, {})
    rest = {c.key for c in work if c.key.kind != "address"}
    assert waits[key("address")] == waits[key("address", "six")] == rest
