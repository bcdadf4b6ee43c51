"""Which change waits for which."""

from edgebook.apply import order
from edgebook.model.values import Action, Change, LiveResource, Ref, ResourceKey, Step


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
