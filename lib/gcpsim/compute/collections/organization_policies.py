"""Hierarchical firewall policies: of an organization or a folder, above all networks below it.

They are at `locations/global`, outside of every project, named by number. An organization or folder
has at most one. Their operations are done when they are answered.
Source: Google documentation page "Hierarchical firewall policies".
"""

import functools
import uuid
from collections.abc import Callable

from gcpsim.compute.collections import firewall_policies as network
from gcpsim.compute.engine import documents, links
from gcpsim.compute.engine.resources import Doc, Kind, Resources
from gcpsim.core import ancestry
from gcpsim.core.clock import rfc3339
from gcpsim.core.discovery import Method
from gcpsim.core.edge import Answer, Call
from gcpsim.core.errors import ApiError, in_use, invalid, not_found, required, stale_fingerprint
from gcpsim.core.paths import name_of, parent_of, part_of, project_of

Handler = Callable[[Call, Method, str], Answer]
TABLE, OPERATIONS = "compute/organizationPolicies", "compute/organizationOperations"
PLACE = "locations/global/firewallPolicies"
OF_USERS = ("description", "displayName", "rules")  # what a PATCH may change


def above(compute: Resources, network_link: str) -> list[Doc]:
    """The policies above a network as they are asked: the organization's first."""
    project = project_of(links.path_of(network_link))
    docs = list(compute.world.store.table(TABLE).values())
    return [
        doc
        for node in reversed(ancestry.of(compute.world.store, project))
        for doc in docs
        if any(one["attachmentTarget"] == node for one in doc["associations"])
    ]


class OrganizationPolicies:
    """The methods of firewallPolicies and of the operations of organizations."""

    def __init__(self, compute: Resources) -> None:
        self.compute = compute
        self.docs = compute.world.store.table(TABLE)
        self.operations = compute.world.store.table(OPERATIONS)

    def handlers(self) -> dict[str, Handler]:
        """Method id -> handler."""
        own: dict[str, Handler] = {
            "insert": self.insert, "list": self.list, "get": self.get, "patch": self.patch,
            "delete": self.delete, "move": self.move, "cloneRules": self.clone_rules,
            "addAssociation": self.add_association, "getAssociation": self.get_association,
            "removeAssociation": self.remove_association,
            "listAssociations": self.list_associations,
        }  # fmt: skip
        found: dict[str, Handler] = {
            f"compute.firewallPolicies.{name}": handler for name, handler in own.items()
        }
        for verb in network.RULES.verbs:
            found[f"compute.firewallPolicies.{verb}"] = functools.partial(self._rule, verb)
        found["compute.globalOrganizationOperations.get"] = self.operation
        found["compute.globalOrganizationOperations.list"] = self.list_operations
        return found

    # Policies

    def insert(self, call: Call, method: Method, _: str) -> Answer:
        parent = _node("parentId", call.query.get("parentId", ""))
        body = documents.shown(self._body(call))
        short = body.get("shortName") or body.get("displayName")
        if not short:
            raise required("resource.shortName")
        if any(doc["parent"] == parent and doc["shortName"] == short for doc in self.docs.values()):
            raise ApiError(409, f"The resource '{PLACE}/{short}' already exists", "alreadyExists")
        doc = {field: body[field] for field in OF_USERS if field in body}
        number = self.compute.new_id()
        doc |= {
            "kind": "compute#firewallPolicy", "id": number, "name": number, "shortName": short,
            "displayName": short, "parent": parent, "associations": [],
            "creationTimestamp": rfc3339(self.compute.world.clock.now(), offset=True),
            "selfLink": links.link(f"{PLACE}/{number}"),
            "selfLinkWithId": links.link(f"{PLACE}/{number}"),
        }  # fmt: skip
        network.complete_rules(doc, body.get("rules") or ())
        return self._keep(call, doc, "insert")

    def list(self, call: Call, method: Method, _: str) -> Answer:
        parent = call.query.get("parentId", "")
        found = [doc for doc in self.docs.values() if not parent or doc["parent"] == parent]
        body: Doc = {"kind": "compute#firewallPolicyList", "id": PLACE}
        return Answer(body=body | ({"items": found} if found else {}))

    def get(self, call: Call, method: Method, _: str) -> Answer:
        return Answer(body=self._find(call))

    def patch(self, call: Call, method: Method, _: str) -> Answer:
        doc, body = self._find(call), self._body(call)
        given = body.get("fingerprint")
        if given and given != doc["fingerprint"]:
            raise stale_fingerprint()
        changes = {field: body[field] for field in OF_USERS if field in body}
        return self.set_fields(network.FIREWALL_POLICIES, call, doc["id"], doc, changes, "patch")

    def delete(self, call: Call, method: Method, _: str) -> Answer:
        doc = self._find(call)
        if doc["associations"]:
            target = doc["associations"][0]["attachmentTarget"]
            raise in_use("firewall_policy", f"{PLACE}/{doc['id']}", target)
        self.docs.delete(doc["id"])
        return self._operation(call, doc, "delete")

    def move(self, call: Call, method: Method, _: str) -> Answer:
        parent = _node("parentId", call.query.get("parentId", ""))
        return self._keep(call, {**self._find(call), "parent": parent}, "move")

    # Rules

    def _rule(self, verb: str, call: Call, method: Method, _: str) -> Answer:
        doc, body = self._find(call), call.json()
        if method.request is not None:
            body = documents.shown(self.compute.reader.read(method.request, body))
        kind = network.FIREWALL_POLICIES
        answer: Answer = network.RULES.verbs[verb](self, kind, call, doc["id"], doc, body)
        return answer

    def clone_rules(self, call: Call, method: Method, _: str) -> Answer:
        text = call.query.get("sourceFirewallPolicy", "")
        source = self.docs.get(name_of(text))
        if source is None:
            raise invalid("sourceFirewallPolicy", text, "The policy does not exist.")
        doc = self._find(call)
        changes = {"rules": source["rules"]}
        kind = network.FIREWALL_POLICIES
        return self.set_fields(kind, call, doc["id"], doc, changes, "cloneRules")

    def set_fields(
        self, kind: Kind, call: Call, path: str, old: Doc, changes: Doc, verb: str
    ) -> Answer:
        """Change some fields; rules are completed and sorted."""
        doc = {**old, **{name: value for name, value in changes.items() if name != "rules"}}
        network.complete_rules(doc, changes.get("rules") or old["rules"])
        return self._keep(call, doc, verb)

    # Associations

    def add_association(self, call: Call, method: Method, _: str) -> Answer:
        doc, body = self._find(call), call.json()
        target = _node("resource.attachmentTarget", body.get("attachmentTarget") or "")
        name = body.get("name") or f"{parent_of(target)}-{name_of(target)}"
        replaces = call.query.get("replaceExistingAssociation") == "true"
        for other in list(self.docs.values()):
            kept = [one for one in other["associations"] if one["attachmentTarget"] != target]
            if len(kept) == len(other["associations"]):
                continue
            if not replaces:
                why = f"{target} is already associated with a firewall policy: {other['name']}."
                raise ApiError(400, why, "invalid")
            self.docs.put(other["id"], {**other, "associations": kept})
        doc = self._find(call)
        made = {"name": name, "attachmentTarget": target, "firewallPolicyId": doc["id"],
                "displayName": doc["shortName"], "shortName": doc["shortName"]}  # fmt: skip
        return self._keep(
            call, {**doc, "associations": [*doc["associations"], made]}, "addAssociation"
        )

    def get_association(self, call: Call, method: Method, _: str) -> Answer:
        return Answer(body=network.association(self._find(call), call))

    def remove_association(self, call: Call, method: Method, _: str) -> Answer:
        doc = self._find(call)
        gone = network.association(doc, call)
        kept = [one for one in doc["associations"] if one["name"] != gone["name"]]
        return self._keep(call, {**doc, "associations": kept}, "removeAssociation")

    def list_associations(self, call: Call, method: Method, _: str) -> Answer:
        target = _node("targetResource", call.query.get("targetResource", ""))
        found = [
            one for doc in self.docs.values() for one in doc["associations"]
            if one["attachmentTarget"] == target
        ]  # fmt: skip
        body: Doc = {"kind": "compute#firewallPoliciesListAssociationsResponse"}
        return Answer(body=body | ({"associations": found} if found else {}))

    # Operations

    def operation(self, call: Call, method: Method, _: str) -> Answer:
        found = self.operations.get(name_of(call.path))
        if found is None:
            raise not_found(call.path)
        return Answer(body=found)

    def list_operations(self, call: Call, method: Method, _: str) -> Answer:
        found = list(self.operations.values())
        body: Doc = {"kind": "compute#operationList", "id": "locations/global/operations"}
        return Answer(body=body | ({"items": found} if found else {}))

    def _operation(self, call: Call, doc: Doc, verb: str) -> Answer:
        now = rfc3339(self.compute.world.clock.now(), offset=True)
        number = self.compute.new_id()
        name = f"operation-{number}-{uuid.uuid5(uuid.NAMESPACE_OID, number).hex[:13]}"
        op = {
            "kind": "compute#operation", "id": number, "name": name, "operationType": verb,
            "targetLink": doc["selfLink"], "targetId": doc["id"], "status": "DONE",
            "progress": 100, "user": call.user, "insertTime": now, "startTime": now,
            "endTime": now, "selfLink": links.link(f"locations/global/operations/{name}"),
        }  # fmt: skip
        self.operations.put(name, op)
        self.compute.look_again(())
        return Answer(body=op)

    def _keep(self, call: Call, doc: Doc, verb: str) -> Answer:
        doc["fingerprint"] = documents.fingerprint(doc, salt=self.compute.new_id())
        self.docs.put(doc["id"], doc)
        return self._operation(call, doc, verb)

    def _find(self, call: Call) -> Doc:
        name = part_of(call.path, "firewallPolicies")
        found = self.docs.get(name)
        if found is None:
            raise not_found(f"{PLACE}/{name}")
        return dict(found)

    def _body(self, call: Call) -> Doc:
        return self.compute.reader.read("FirewallPolicy", call.json())


def _node(field: str, text: str) -> str:
    if not text:
        raise required(field)
    if not ancestry.NODE.fullmatch(text):
        raise invalid(field, text, "Must be organizations/NUMBER or folders/NUMBER.")
    return text
