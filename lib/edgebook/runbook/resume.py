"""The run that another one goes on with: found by its id or its key, and proven before it is used.

Whoever can write to the archive can write a record. So its place in the chain, its plan's hash and
its owner are checked, and its approval only counts when this machine wrote it or a key that the
params trust has signed it. Ids and keys are parsed, and never paths or patterns.
"""

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgebook import params
from edgebook.base.errors import LockedError, RefusedError, UsageError
from edgebook.base.ownership import is_owned
from edgebook.base.parsing import from_json, json_lines
from edgebook.model.people import Person
from edgebook.model.values import Plan, ResourceKey
from edgebook.plan.approval import Approval
from edgebook.records import Archive, FolderArchive, proof, verify_archive
from edgebook.records.archive import CHAIN, CHANGE_ID, RECORD
from edgebook.records.draft import JOURNAL, RUNNING
from edgebook.records.record import read_chain
from edgebook.records.signing import signed_by

KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+=-]{0,199}")


@dataclass(frozen=True)
class Before:
    """The run that is resumed: its plan as approved, and where it stopped.

    `proven`: this machine wrote it, or a key that the params trust has signed it; only then its
    approval counts.
    """

    change_id: str
    data: Mapping[str, Any]
    proven: bool
    sealed: bool = True

    @property
    def plan(self) -> Plan | None:
        return Plan.from_json(self.data["plan"]) if self.data.get("plan") else None

    @property
    def approval(self) -> Approval:
        """As that run was approved, and that this one goes on with it."""
        said = self.data.get("approval") or {}
        people = tuple(Person(**person) for person in said.get("approvers", ()))
        how = f"the rest of {self.change_id}, approved before"
        return Approval(str(said.get("hash", "")), str(said.get("by", "")), how, people)

    @property
    def done(self) -> frozenset[str]:
        """The ids of the resources that it changed."""
        changes = [c for step in self.data.get("steps", ()) for c in step.get("changes", ())]
        return frozenset(
            ResourceKey(c["kind"], c.get("scope", ""), c["name"]).id
            for c in changes
            if c.get("status", "done") == "done"
        )


def parse_key(text: str) -> str:
    if text and not KEY.fullmatch(text):
        why = f"{text[:80]!r}; letters, digits and ._:/@+=-, at most 200"
        raise UsageError("Not a key", where="--key", why=why)
    return text


def identity(spec: params.Spec) -> dict[str, str]:
    """Which front door params are for, as records say it."""
    return {
        "environment": spec.environment.value,
        "project": spec.project,
        "front_door": spec.address.name,
    }


def find_key(archive: Archive, key: str, spec: params.Spec | None = None) -> str:
    """The newest change that was run with this key; "" when there is none.

    Engines give all doors of one fleet run the same id: with `spec`, only its front door counts.
    """
    door = identity(spec) if spec else {}
    links = read_chain(archive)
    sealed = {str(link["change_id"]) for link in links}
    for change_id in reversed(archive.change_ids()):
        if change_id in sealed:
            continue
        said = _document(archive, f"{change_id}/{RUNNING}")
        request = said.get("request")
        if isinstance(request, dict) and request.get("key") == key and _of(said, door):
            return change_id
    for link in reversed(links):
        if link.get("key") == key:
            change_id = str(link["change_id"])
            said = _document(archive, f"{change_id}/{RECORD}")
            # One that cannot be read any more is found here, and refused by who loads it.
            if not said or _of(said, door):
                return change_id
    return ""


def _of(said: Mapping[str, Any], door: Mapping[str, str]) -> bool:
    return all(said.get(name) == value for name, value in door.items())


def _document(archive: Archive, name: str) -> Mapping[str, Any]:
    """What a state or record says; empty when it is missing or damaged."""
    try:
        said = from_json(archive.read(name) or "{}")
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def load_before(archive: Archive, change_id: str, spec: params.Spec | None) -> Before:
    """The run of that id, proven; raises when there is none, it lives, or was tampered with."""
    if not CHANGE_ID.fullmatch(change_id):
        why = f"{change_id[:80]!r}; a change id is CHG-YYYY-MM-DD-NNN"
        raise UsageError("Not a change id", where="--resume", why=why)
    text = archive.read(f"{change_id}/{RECORD}")
    sealed = text is not None
    if text is None:
        if isinstance(archive, FolderArchive) and is_owned(archive.folder / change_id):
            raise LockedError(
                f"{change_id} still runs",
                where=archive.where(change_id),
                why="its process lives and owns it",
                next="wait for it to end, or stop it with Ctrl-C; then resume it",
            )
        text = archive.read(f"{change_id}/{RUNNING}")
    if text is None:
        known = ", ".join(archive.change_ids()[-5:]) or "none"
        why = f"records here: {known}"
        raise UsageError(f"No run {change_id} to resume", where=archive.location, why=why)
    if sealed:
        _refuse_broken(archive, change_id)
    data = _parse(text, archive.where(change_id))
    if not sealed:
        data = {**data, "steps": [*data["steps"], *_since(archive, change_id)]}
    ours = proof.holds(from_json(text)) and not data.get("unproven")
    trusted = spec.records.signers if spec else {}
    proven = ours or (sealed and bool(signed_by(archive, change_id, text, trusted)))
    return Before(change_id, data, proven, sealed)


def _parse(text: str, where: str) -> Mapping[str, Any]:
    """The record's content, when its plan is the one that its hash says."""
    try:
        data = from_json(text)
        plan = Plan.from_json(data["plan"]) if data.get("plan") else None
        said = str((data.get("plan") or {}).get("hash", ""))
        _ = data["request"]["notebooks"], data["steps"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        why = f"{type(error).__name__}: {error}"
        raise RefusedError("That run cannot be gone on with", where=where, why=why) from None
    if plan is not None and plan.hash != said:
        why = f"its plan says hash {said[:12]}, its changes make {plan.hash[:12]}"
        raise RefusedError("That run's plan was edited", where=where, why=why)
    return data  # type: ignore[no-any-return]


def _since(archive: Archive, change_id: str) -> list[dict[str, Any]]:
    """What a killed run did after it last wrote its state, from its journal."""
    changes = []
    for line in json_lines(archive.read(f"{change_id}/{JOURNAL}") or ""):
        with contextlib.suppress(ValueError):
            event = from_json(line)
            is_change = isinstance(event, dict) and event.get("event") == "change"
            changes += [event] if is_change else []
    return [{"name": "", "step": "", "status": "interrupted", "changes": changes}]


def _refuse_broken(archive: Archive, change_id: str) -> None:
    verdict = verify_archive(archive, only=change_id)
    bad = [
        problem
        for problem in verdict.problems
        if not problem.warning and problem.place.split("/")[0] in (change_id, CHAIN)
    ]
    if bad:
        raise RefusedError(
            f"{change_id} is not as it was sealed, and is not gone on with",
            where=archive.where(change_id),
            why="\n".join(map(str, bad[:8])),
            next="edgebook records verify; then plan and approve anew",
        )
