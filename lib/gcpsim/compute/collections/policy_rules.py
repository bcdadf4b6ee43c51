"""Rules of a policy (Cloud Armor, network firewall): each has a priority of its own.

Read, added, changed and removed one by one; `priority` of the query names one. What a rule must be
is the collection's business.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from gcpsim.compute.engine.resources import Doc, Kind
from gcpsim.core.edge import Answer, Call
from gcpsim.core.errors import invalid


class Keeper(Protocol):
    """Who keeps policies: all of Compute Engine, or what keeps those of organizations."""

    def set_fields(
        self, kind: Kind, call: Call, path: str, old: Doc, changes: Doc, verb: str
    ) -> Answer: ...


@dataclass(frozen=True)
class PolicyRules:
    """`check(where, rule)` refuses or completes a rule; `fixed` and `kept` say why one cannot be
    changed or removed, "" when it can."""

    noun: str
    check: Callable[[str, Doc], None]
    fixed: Callable[[Doc], str]
    kept: Callable[[Doc], str]

    @property
    def verbs(self) -> dict[str, Callable[..., Any]]:
        return {
            "addRule": self._add,
            "getRule": self._get,
            "patchRule": self._patch,
            "removeRule": self._remove,
        }

    def _find(self, doc: Doc, call: Call) -> Doc:
        wanted = call.query.get("priority", "0")
        for rule in doc["rules"]:
            if str(rule["priority"]) == wanted:
                return dict(rule)
        text = f"The rule at the priority does not exist in the {self.noun}."
        raise invalid("priority", wanted, text)

    def _get(
        self, compute: Keeper, kind: Kind, call: Call, path: str, doc: Doc, body: Doc
    ) -> Answer:
        return Answer(body=self._find(doc, call))

    def _add(
        self, compute: Keeper, kind: Kind, call: Call, path: str, doc: Doc, body: Doc
    ) -> Answer:
        self.check("resource", body)
        if any(rule["priority"] == body["priority"] for rule in doc["rules"]):
            text = "Cannot have rules with the same priorities."
            raise invalid("resource.priority", body["priority"], text)
        rules = [*doc["rules"], body]
        return compute.set_fields(kind, call, path, doc, {"rules": rules}, "addRule")

    def _patch(
        self, compute: Keeper, kind: Kind, call: Call, path: str, doc: Doc, body: Doc
    ) -> Answer:
        chosen = self._find(doc, call)
        if why := self.fixed(chosen):
            raise invalid("priority", chosen["priority"], why)
        patched = {**chosen, **body}
        self.check("resource", patched)
        rules = [patched if r["priority"] == chosen["priority"] else r for r in doc["rules"]]
        return compute.set_fields(kind, call, path, doc, {"rules": rules}, "patchRule")

    def _remove(
        self, compute: Keeper, kind: Kind, call: Call, path: str, doc: Doc, body: Doc
    ) -> Answer:
        chosen = self._find(doc, call)
        if why := self.kept(chosen):
            raise invalid("priority", chosen["priority"], why)
        rules = [rule for rule in doc["rules"] if rule["priority"] != chosen["priority"]]
        return compute.set_fields(kind, call, path, doc, {"rules": rules}, "removeRule")
