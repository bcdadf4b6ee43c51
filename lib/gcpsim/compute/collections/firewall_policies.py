"""Network firewall policies, global and regional: rules, the networks they belong to, their word.

A policy is asked before or after the network's own firewall rules, as the network's
networkFirewallPolicyEnforcementOrder says; a region's after the global one. Rules whose targets or
sources are service accounts, secure tags, address groups, names or regions speak of no node and of
no probe here.
Source: Google documentation page "Global network firewall policies".
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator

from gcpsim.compute.collections.policy_rules import PolicyRules
from gcpsim.compute.engine import links
from gcpsim.compute.engine.resources import Doc, Draft, Kind, Resources
from gcpsim.compute.engine.service import Compute
from gcpsim.core.edge import Answer, Call
from gcpsim.core.errors import ApiError, in_use, invalid, required
from gcpsim.core.paths import name_of, parent_of

ACTIONS = ("allow", "deny", "goto_next", "apply_security_profile_group")
HIGHEST, LOWEST = 0, 2147483547  # priorities that rules of users may have
# The rules that every policy ends with: priority, direction, addresses.
PREDEFINED = (
    (2147483644, "EGRESS", "::/0"),
    (2147483645, "INGRESS", "::/0"),
    (2147483646, "EGRESS", "0.0.0.0/0"),
    (2147483647, "INGRESS", "0.0.0.0/0"),
)
SOURCES = (
    "srcAddressGroups", "srcFqdns", "srcIpRanges", "srcNetworks", "srcRegionCodes",
    "srcSecureTags", "srcThreatIntelligences",
)  # fmt: skip


def prepare(draft: Draft) -> None:
    body = draft.body
    complete_rules(body, body.get("rules") or (draft.old or {}).get("rules") or ())
    body["associations"] = [dict(one) for one in body.get("associations") or ()]
    for index, one in enumerate(body["associations"]):
        where, target = (
            f"resource.associations[{index}].attachmentTarget",
            one.get("attachmentTarget"),
        )
        if not target:
            raise required(where)
        there = draft.compute.resolve(where, target, draft.project, ("networks",))
        one["attachmentTarget"] = links.link(links.path_of(there["selfLink"]))
        one["name"] = one.get("name") or name_of(there["selfLink"])
        one["shortName"] = body.get("name") or (draft.old or {}).get("name", "")


def complete_rules(body: Doc, given: Iterable[Doc]) -> None:
    """The rules of a policy, checked and by priority, with those that every policy ends with."""
    rules = [dict(rule) for rule in given]
    own = [rule for rule in rules if rule.get("priority", 0) <= LOWEST]
    for index, rule in enumerate(own):
        _check(f"resource.rules[{index}]", rule)
    priorities = [rule["priority"] for rule in own]
    if len(set(priorities)) != len(priorities):
        raise invalid("resource.rules", "", "Rule priorities must be unique.")
    body["rules"] = sorted([*own, *_predefined()], key=lambda rule: rule["priority"])
    body["ruleTupleCount"] = sum(rule["ruleTupleCount"] for rule in body["rules"])


def _predefined() -> Iterator[Doc]:
    for priority, direction, everyone in PREDEFINED:
        side = "srcIpRanges" if direction == "INGRESS" else "destIpRanges"
        match = {side: [everyone], "layer4Configs": [{"ipProtocol": "all"}]}
        yield {
            "kind": "compute#firewallPolicyRule", "action": "goto_next", "direction": direction,
            "match": match, "priority": priority, "enableLogging": False, "disabled": False,
            "ruleTupleCount": 2, "description": f"default {direction.lower()} rule",
        }  # fmt: skip


def _check(where: str, rule: Doc) -> None:
    rule.setdefault("priority", 0)
    if not HIGHEST <= rule["priority"] <= LOWEST:
        raise invalid(
            f"{where}.priority", rule["priority"], f"Must be between {HIGHEST} and {LOWEST}."
        )
    if not rule.get("action"):
        raise required(f"{where}.action")
    if rule["action"] not in ACTIONS:
        raise invalid(f"{where}.action", rule["action"], f"Must be one of {', '.join(ACTIONS)}.")
    if not rule.get("direction"):
        raise required(f"{where}.direction")
    match = rule.get("match") or {}
    if not match.get("layer4Configs"):
        raise required(f"{where}.match.layer4Configs")
    for index, config in enumerate(match["layer4Configs"]):
        place = f"{where}.match.layer4Configs[{index}]"
        if not config.get("ipProtocol"):
            raise required(f"{place}.ipProtocol")
        for text in config.get("ports") or ():
            if not re.fullmatch(r"\d{1,5}(-\d{1,5})?", text):
                raise invalid(f"{place}.ports", text, "Must be a port or a range of ports.")
    for field in ("srcIpRanges", "destIpRanges"):
        for index, text in enumerate(match.get(field) or ()):
            try:
                ipaddress.ip_network(text)
            except ValueError:
                place = f"{where}.match.{field}[{index}]"
                raise invalid(place, text, "Must be a valid CIDR address range.") from None
    if rule["direction"] == "INGRESS" and not any(match.get(field) for field in SOURCES):
        raise required(f"{where}.match.srcIpRanges")
    rule.setdefault("kind", "compute#firewallPolicyRule")
    rule.setdefault("enableLogging", False)
    rule.setdefault("disabled", False)
    addresses = len(match.get("srcIpRanges") or match.get("destIpRanges") or ()) or 1
    rule["ruleTupleCount"] = addresses + len(match["layer4Configs"])


def _predefined_rule(rule: Doc) -> str:
    return "Predefined rules cannot be changed." if rule["priority"] > LOWEST else ""


RULES = PolicyRules("firewall policy", _check, fixed=_predefined_rule, kept=_predefined_rule)


def clone_rules(compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc) -> Answer:
    text = call.query.get("sourceFirewallPolicy", "")
    if not text:
        raise required("sourceFirewallPolicy")
    project = links.split(path)[0]
    source = compute.resolve("sourceFirewallPolicy", text, project, (kind.collection,))
    return compute.set_fields(kind, call, path, doc, {"rules": source["rules"]}, "cloneRules")


def get_association(
    compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc
) -> Answer:
    return Answer(body=association(doc, call))


def add_association(
    compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc
) -> Answer:
    """Associate it with a network, which has at most one such policy, and one in each region."""
    target = body.get("attachmentTarget")
    if not target:
        raise required("resource.attachmentTarget")
    project, scope, *_ = links.split(path)
    there = compute.resolve("resource.attachmentTarget", target, project, ("networks",))
    network = links.path_of(there["selfLink"])
    name = body.get("name") or name_of(network)
    if any(one["name"] == name for one in doc.get("associations", ())):
        raise invalid("resource.name", name, "An association with that name already exists.")
    replaces = call.query.get("replaceExistingAssociation") == "true"
    for other in compute.list(project, kind.collection, scope):
        for one in other.get("associations", ()):
            if links.path_of(one["attachmentTarget"]) != network or replaces:
                continue
            raise ApiError(
                400,
                f"Network {target} is already associated with a firewall policy: {other['name']}.",
                "invalid",
            )
    if replaces:
        _leave(compute, kind, network, but=path)
    kept = [
        a for a in doc.get("associations", ()) if links.path_of(a["attachmentTarget"]) != network
    ]
    made = {"name": name, "attachmentTarget": links.link(network)}
    changes = {"associations": [*kept, made]}
    return compute.set_fields(kind, call, path, doc, changes, "addAssociation")


def _leave(compute: Compute, kind: Kind, network: str, *, but: str) -> None:
    """Take the network off every other policy of that scope."""
    project, scope, *_ = links.split(but)
    for other in compute.list(project, kind.collection, scope):
        path = links.path_of(other["selfLink"])
        kept = [
            one for one in other.get("associations", ())
            if links.path_of(one["attachmentTarget"]) != network
        ]  # fmt: skip
        if path != but and len(kept) != len(other.get("associations", ())):
            compute.put(path, {**other, "associations": kept})


def remove_association(
    compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc
) -> Answer:
    gone = association(doc, call)
    kept = [one for one in doc.get("associations", ()) if one["name"] != gone["name"]]
    return compute.set_fields(kind, call, path, doc, {"associations": kept}, "removeAssociation")


def association(doc: Doc, call: Call) -> Doc:
    wanted = call.query.get("name", "")
    for one in doc.get("associations", ()):
        if one["name"] == wanted:
            return dict(one)
    raise invalid("name", wanted, "The association does not exist in the firewall policy.")


def remove(compute: Resources, path: str, doc: Doc) -> None:
    """A policy that a network is associated with stays."""
    if doc.get("associations"):
        target = links.path_of(doc["associations"][0]["attachmentTarget"])
        raise in_use("firewall_policy", path, target)


def view(compute: Resources, path: str, doc: Doc) -> None:
    doc["selfLinkWithId"] = links.link(f"{parent_of(path)}/{doc['id']}")


def of_network(compute: Resources, network: str, region: str = "") -> list[Doc]:
    """The policies that are associated with a network (its link), as they are asked.

    With a region those of that region, which are asked after the global ones.
    """
    project, path = links.split(links.path_of(network))[0], network
    return [
        doc
        for doc in compute.list(
            project, "firewallPolicies", f"regions/{region}" if region else "global"
        )
        if any(one["attachmentTarget"] == path for one in doc.get("associations", ()))
    ]


FIREWALL_POLICIES = Kind(
    "firewallPolicies",
    "FirewallPolicy",
    "firewall_policy",
    scopes=("global", "regions"),
    fingerprint="lenient",
    patch=True,
    refs=(("associations[].attachmentTarget", ("networks",)),),
    prepare=prepare,
    remove=remove,
    view=view,
    verbs={
        **RULES.verbs,
        "addAssociation": add_association,
        "cloneRules": clone_rules,
        "getAssociation": get_association,
        "removeAssociation": remove_association,
    },
)
