"""Response policies and their rules, as documents; the resolvers here do not read them.

A network may have one. A policy that networks use, or that has rules, can't be deleted.
"""

from __future__ import annotations

from typing import Any

from gcpsim.core.edge import Answer
from gcpsim.core.schema import BodyReader
from gcpsim.core.service import Request
from gcpsim.core.world import World
from gcpsim.dns import lists, refusals
from gcpsim.dns.holdings import Holdings
from gcpsim.dns.methods import Handler

Doc = dict[str, Any]
POLICY, RULE = "entity.responsePolicy", "entity.responsePolicyRule"


def _policies(world: World) -> Any:
    return world.store.table("dns/responsePolicies")


def _rules(world: World) -> Any:
    return world.store.table("dns/responsePolicyRules")


def _policy(dns: Holdings, request: Request) -> tuple[str, Doc]:
    """Key and document of the policy that the path names."""
    name = request.params["responsePolicy"]
    found = _policies(dns.world).get(f"{request.project}/{name}")
    if found is None:
        raise refusals.missing("parameters.responsePolicy", name)
    return f"{request.project}/{name}", found


def _rule(dns: Holdings, request: Request) -> tuple[str, Doc]:
    policy, _ = _policy(dns, request)
    name = request.params["responsePolicyRule"]
    found = _rules(dns.world).get(f"{policy}/{name}")
    if found is None:
        raise refusals.missing("parameters.responsePolicyRule", name)
    return f"{policy}/{name}", found


def _read(request: Request, schema: str) -> Doc:
    root = schema[0].lower() + schema[1:]
    body = BodyReader("dns", root=root).read(schema, request.call.json())
    return {key: value for key, value in body.items() if value is not None}


def _require_free(world: World, mine: str, body: Doc) -> None:
    wanted = {one.get("networkUrl") for one in body.get("networks") or ()}
    for key, other in _policies(world).items():
        shared = wanted & {one.get("networkUrl") for one in other.get("networks") or ()}
        if key != mine and shared:
            raise refusals.exists(f"{POLICY}.networks", str(sorted(map(str, shared))[0]))


def create(dns: Holdings, request: Request) -> Answer:
    body = _read(request, "ResponsePolicy")
    name = body.get("responsePolicyName")
    if not name:
        raise refusals.required(f"{POLICY}.responsePolicyName")
    key, table = f"{request.project}/{name}", _policies(dns.world)
    if key in table:
        raise refusals.exists(POLICY, name)
    _require_free(dns.world, key, body)
    number = dns.world.store.next_number("dns/responsePolicies")
    doc = {**body, "kind": "dns#responsePolicy", "id": str(2 * 10**18 + number)}
    table.put(key, doc)
    return Answer(body=doc)


def get(dns: Holdings, request: Request) -> Answer:
    return Answer(body=_policy(dns, request)[1])


def list_(dns: Holdings, request: Request) -> Answer:
    prefix = f"{request.project}/"
    mine = [doc for key, doc in _policies(dns.world).items() if key.startswith(prefix)]
    return _listed(request, mine, "responsePolicies", "responsePolicyName")


def _changed(request: Request, known: Doc, schema: str, *fixed: str) -> Doc:
    """A document as it is changed: PATCH merges, PUT forgets what is not sent."""
    before = {} if request.method.name == "update" else known
    return {**before, **_read(request, schema), **{name: known[name] for name in fixed}}


def change(dns: Holdings, request: Request) -> Answer:
    key, known = _policy(dns, request)
    doc = _changed(request, known, "ResponsePolicy", "id", "kind", "responsePolicyName")
    _require_free(dns.world, key, doc)
    _policies(dns.world).put(key, doc)
    return Answer(body={"responsePolicy": doc})


def delete(dns: Holdings, request: Request) -> Answer:
    key, known = _policy(dns, request)
    if known.get("networks") or any(rule.startswith(f"{key}/") for rule in _rules(dns.world)):
        raise refusals.precondition(POLICY)
    _policies(dns.world).delete(key)
    return Answer(204)


def rule_create(dns: Holdings, request: Request) -> Answer:
    policy, _ = _policy(dns, request)
    body = _read(request, "ResponsePolicyRule")
    for field in ("ruleName", "dnsName"):
        if not body.get(field):
            raise refusals.required(f"{RULE}.{field}")
    key = f"{policy}/{body['ruleName']}"
    if key in _rules(dns.world):
        raise refusals.exists(RULE, body["ruleName"])
    doc = {**body, "kind": "dns#responsePolicyRule"}
    _rules(dns.world).put(key, doc)
    return Answer(body=doc)


def rule_get(dns: Holdings, request: Request) -> Answer:
    return Answer(body=_rule(dns, request)[1])


def rule_list(dns: Holdings, request: Request) -> Answer:
    prefix = f"{_policy(dns, request)[0]}/"
    mine = [doc for key, doc in _rules(dns.world).items() if key.startswith(prefix)]
    return _listed(request, mine, "responsePolicyRules", "ruleName")


def rule_change(dns: Holdings, request: Request) -> Answer:
    key, known = _rule(dns, request)
    doc = _changed(request, known, "ResponsePolicyRule", "kind", "ruleName")
    _rules(dns.world).put(key, doc)
    return Answer(body={"responsePolicyRule": doc})


def rule_delete(dns: Holdings, request: Request) -> Answer:
    _rules(dns.world).delete(_rule(dns, request)[0])
    return Answer(204)


def _listed(request: Request, docs: list[Doc], field: str, name: str) -> Answer:
    """A page; these two lists have no kind in Google's document."""
    found, token = lists.page(docs, lambda doc: doc[name], request.query)
    body: Doc = {field: found} if found else {}
    return Answer(body={**body, "nextPageToken": token} if token else body)


IMPLEMENTED: dict[str, Handler] = {
    "dns.responsePolicies.create": create,
    "dns.responsePolicies.delete": delete,
    "dns.responsePolicies.get": get,
    "dns.responsePolicies.list": list_,
    "dns.responsePolicies.patch": change,
    "dns.responsePolicies.update": change,
    "dns.responsePolicyRules.create": rule_create,
    "dns.responsePolicyRules.delete": rule_delete,
    "dns.responsePolicyRules.get": rule_get,
    "dns.responsePolicyRules.list": rule_list,
    "dns.responsePolicyRules.patch": rule_change,
    "dns.responsePolicyRules.update": rule_change,
}
