"""Which backend services are looked at when all is made."""

from edgebook.apply.proofs import touched
from edgebook.model.links import link
from edgebook.model.values import Action, Change, EachNeg, LiveResource, ResourceKey, Step

P = "projects/p/global"
SERVICE, CHECK = ResourceKey("backendService", P, "shop-web"), ResourceKey("healthCheck", P, "h")
RULE, ENTRIES = ResourceKey("firewall", P, "f"), ResourceKey("backends", P, "shop-web")
LIVE = {
    SERVICE: LiveResource(SERVICE, {"healthChecks": [link(CHECK)]}),
    CHECK: LiveResource(CHECK, {}),
}
OWN = {"shop-web": frozenset({"shop-web"})}


def change(action: Action, key: ResourceKey, **after: object) -> Change:
    return Change(action, key, Step.BACKENDS, "", after=after)


def test_whatever_moves_probes_or_traffic_is_proven() -> None:
    neg = EachNeg("blue", "n", "web", 80, "shop-web")
    for one in (
        change(Action.UPDATE, SERVICE),
        change(Action.UPDATE, CHECK),
        change(Action.UPDATE, RULE),
        change(Action.UPDATE, ResourceKey("closing", P, "f")),
        change(Action.CREATE, ENTRIES, backends=[neg]),
    ):
        assert touched([one], LIVE, OWN) == {SERVICE: one}, one


def test_what_reaches_no_pod_is_not_waited_for() -> None:
    others = {"other": frozenset({"x"})}
    for one, own in (
        (change(Action.CREATE, SERVICE), OWN),
        (change(Action.DELETE, CHECK), OWN),
        (change(Action.UPDATE, ResourceKey("urlMap", P, "m")), OWN),
        (change(Action.CREATE, ENTRIES, backends=[]), OWN),
        (change(Action.UPDATE, CHECK), others),
    ):
        assert touched([one], LIVE, own) == {}, one
