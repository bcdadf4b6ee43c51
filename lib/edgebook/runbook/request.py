"""What a run was asked for, checked before anything runs: params, notebooks, archive, approval.

`prepare` raises for everything that can be known beforehand. A resumed run takes what is missing
from the record of the run that it goes on with, sealed or left open by a kill.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from edgebook import params
from edgebook.errors import RefusedError, UsageError
from edgebook.model.people import Person
from edgebook.model.values import Plan, ResourceKey
from edgebook.plan.approval import Approval, Given, read_given, refuse_auto
from edgebook.records import Archive, Redactor, environment_secrets, marked_secrets, open_archive
from edgebook.records.archive import RECORD
from edgebook.runbook.sequence import COMMON, Runbook, assign, front_door, load

RUNNING = "run.json"
NOTEBOOK_SECONDS = 3600.0
TOTAL_SECONDS = 4 * 3600.0


@dataclass(frozen=True)
class Request:
    """The command line of a run, as values. Empty means: not given."""

    params_file: str = ""
    notebooks: tuple[Path, ...] = ()
    mode: str = "apply"
    approve: str | tuple[str, ...] = ""
    given: Mapping[str, Any] = field(default_factory=dict)
    change_id: str = ""
    resume: str = ""
    records: str = ""
    notebook_seconds: float = NOTEBOOK_SECONDS
    total_seconds: float = TOTAL_SECONDS
    title: str = ""


@dataclass(frozen=True)
class Before:
    """The run that is resumed: its plan as approved, and where it stopped."""

    change_id: str
    data: Mapping[str, Any]
    sealed: bool

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


@dataclass(frozen=True)
class Prepared:
    """A run that can start."""

    request: Request
    spec: params.Spec
    params: Mapping[str, Any]
    runbooks: tuple[Runbook, ...]
    values: Mapping[str, Mapping[str, Any]]
    archive: Archive
    redactor: Redactor
    given: Given
    before: Before | None = None

    @property
    def door(self) -> str:
        return self.spec.address.name

    @property
    def environment(self) -> str:
        return self.spec.environment.value

    @property
    def common(self) -> dict[str, Any]:
        return {"params_file": self.request.params_file, "mode": self.request.mode}


def prepare(request: Request) -> Prepared:
    """Check everything that can be checked before anything runs."""
    before = None
    if request.resume:
        known = params.load_file(request.params_file) if request.params_file else None
        before = _before(_archive(request, known), request.resume)
        request = _resumed(request, before)
    if not request.params_file:
        raise UsageError("No params file", next="give one with --params FILE")
    spec = params.load_file(request.params_file)
    if before is not None:
        _same_door(before, spec, request.params_file)
    _refuse_common(request.given)
    given = read_given(request.approve)
    refuse_auto(given, spec.environment.value)
    text = Path(request.params_file).read_text(encoding="utf-8")
    values = yaml.safe_load(text)
    runbooks = load(request.notebooks or front_door())
    common = {"params_file": request.params_file, "mode": request.mode}
    assigned = assign(runbooks, common, request.given)
    archive = _archive(request, spec)
    archive.check_writable()
    secrets = {**environment_secrets(), **marked_secrets(values)}
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Prepared(
        request=request,
        spec=spec,
        params={"file": request.params_file, "sha256": digest, "values": values},
        runbooks=tuple(runbooks),
        values=assigned,
        archive=archive,
        redactor=Redactor(secrets),
        given=given,
        before=before,
    )


def _archive(request: Request, spec: params.Spec | None) -> Archive:
    if request.records or spec is None:
        return open_archive(request.records or "records")
    return open_archive(spec.records.archive)


def _before(archive: Archive, change_id: str) -> Before:
    text = archive.read(f"{change_id}/{RECORD}")
    sealed = text is not None
    text = text or archive.read(f"{change_id}/{RUNNING}")
    if text is None:
        known = ", ".join(archive.change_ids()[-5:]) or "none"
        why = f"records here: {known}"
        raise UsageError(f"No run {change_id} to resume", where=archive.location, why=why)
    data = json.loads(text)
    if data.get("status") == "succeeded":
        raise UsageError(f"{change_id} succeeded: there is nothing to resume")
    return Before(change_id, data, sealed)


def _resumed(request: Request, before: Before) -> Request:
    """The same request, from the failed notebook on."""
    asked = before.data["request"]
    done = {step["name"] for step in before.data.get("steps", []) if step["status"] == "ok"}
    left = [Path(path) for path in asked["notebooks"] if Path(path).stem not in done]
    return replace(
        request,
        params_file=request.params_file or before.data["params"]["file"],
        notebooks=request.notebooks or tuple(left),
        mode=asked["mode"],
        given={**asked["given"], **request.given},
    )


def _same_door(before: Before, spec: params.Spec, file: str) -> None:
    """A params file of another environment, project or front door resumes nothing."""
    was = {name: before.data.get(name) for name in ("environment", "project", "front_door")}
    now = {
        "environment": spec.environment.value,
        "project": spec.project,
        "front_door": spec.address.name,
    }
    wrong = [f"{name} is {now[name]}, was {was[name]}" for name in was if was[name] != now[name]]
    if wrong:
        title = f"These params are not those of {before.change_id}"
        raise RefusedError(title, where=file, why="\n".join(wrong))


def _refuse_common(given: Mapping[str, Any]) -> None:
    taken = sorted(set(given) & set(COMMON))
    if taken:
        why = f"{', '.join(taken)}: use --params, --mode, --approve, --change-id"
        raise UsageError("Parameters that the run sets itself", where="-p", why=why)
