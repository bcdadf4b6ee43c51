"""What a run was asked for, checked before anything runs: params, notebooks, archive, approval.

`prepare` raises for everything that can be known beforehand. A resumed run takes what is missing
from the record of the run that it goes on with, sealed or left open by a kill.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from edgebook import params
from edgebook.base.errors import RefusedError, UsageError
from edgebook.plan import lines
from edgebook.plan.approval import refuse_auto
from edgebook.plan.given import AUTO, Given, read_given
from edgebook.records import Archive, Redactor, environment_secrets, marked_secrets, open_archive
from edgebook.records.leftovers import seal_leftovers
from edgebook.records.record import Record, load_record
from edgebook.runbook.resume import Before, find_key, identity, load_before, parse_key
from edgebook.runbook.sequence import COMMON, Runbook, assign, front_door, load, planned_by

HERE = "records"  # where commands look that are told no place
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
    key: str = ""
    wait_lock: float = 0.0
    records: str = ""
    notebook_seconds: float = NOTEBOOK_SECONDS
    total_seconds: float = TOTAL_SECONDS
    title: str = ""


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
    already: Record | None = None  # what this request has come to before

    @property
    def door(self) -> str:
        return self.spec.address.name

    @property
    def place(self) -> str:
        """Where its records go, for who has to say so; "" where commands look by themselves."""
        location = self.archive.location
        return self.request.records or ("" if location == HERE else location)

    @property
    def environment(self) -> str:
        return self.spec.environment.value

    @property
    def common(self) -> dict[str, Any]:
        return {"params_file": self.request.params_file, "mode": self.request.mode}


def prepare(request: Request) -> Prepared:
    """Check everything that can be checked before anything runs."""
    before = already = None
    parse_key(request.key)
    if request.resume or request.key:
        known = params.load_file(request.params_file) if request.params_file else None
        archive = _archive(request, known)
        seal_leftovers(archive)
        found = find_key(archive, request.key, known) if request.key else ""
        if found and not request.resume:
            before = load_before(archive, found, known)
            _same_request(before, request)
            already, before, request = _by_key(archive, before, request)
        elif request.resume:
            before = load_before(archive, request.resume, known)
            if before.data.get("status") == "succeeded":
                raise UsageError(f"{before.change_id} succeeded: there is nothing to resume")
        if before is not None:
            request = _resumed(request, before)
    if not request.params_file:
        raise UsageError("No params file", next="give one with --params FILE")
    spec = params.load_file(request.params_file)
    if before is not None:
        _same_door(before, spec, request.params_file)
    _refuse_common(request.given)
    text = Path(request.params_file).read_text(encoding="utf-8")
    values = yaml.safe_load(text)
    runbooks = load(request.notebooks or front_door())
    common = {"params_file": request.params_file, "mode": request.mode}
    assigned = assign(runbooks, common, request.given)
    instead = lines.read(_first(runbooks, assigned, request), "--approve", "HASH")
    given = read_given(request.approve, instead=instead)
    refuse_auto(given, spec.environment.value, instead)
    archive = _archive(request, spec)
    archive.check_writable()
    seal_leftovers(archive)
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
        already=already,
    )


def _first(
    runbooks: Sequence[Runbook], values: Mapping[str, Mapping[str, Any]], request: Request
) -> lines.Words:
    """The command that shows what will be approved first."""
    changing = next((runbook for runbook in runbooks if runbook.applies), None)
    if changing is None:
        return lines.of_plan(request.params_file)
    return planned_by(changing, values[changing.name], request.given, request.params_file)


def _by_key(
    archive: Archive, before: Before, request: Request
) -> tuple[Record | None, Before | None, Request]:
    """What an identical request is to do now: nothing, go on, or start."""
    status = before.data.get("status")
    if status == "succeeded":
        return load_record(archive, before.change_id), None, request
    if status == "refused":
        return None, None, request
    return None, before, replace(request, resume=before.change_id)


def _same_request(before: Before, request: Request) -> None:
    """Raises UsageError for another request under the same key: it would count as done already."""
    asked = before.data.get("request") or {}
    ran = [Path(path).stem for path in asked.get("notebooks", ())]
    wanted = [path.stem for path in request.notebooks or front_door()]
    # What is gone on with runs what is left, so a part of the request is the same request.
    others = [name for name in ran if name not in wanted]
    given = {name: str(value) for name, value in request.given.items()}
    was = {name: str(value) for name, value in (asked.get("given") or {}).items()}
    wrong = []
    if asked.get("mode") != request.mode:
        wrong.append(f"mode {asked.get('mode')}, now {request.mode}")
    if others:
        wrong.append(f"{', '.join(others)}, now {', '.join(wanted)}")
    if given != was:
        wrong.append(f"parameters {_pairs(was)}, now {_pairs(given)}")
    if before.data.get("status") == "succeeded" and (approved := _other_approval(before, request)):
        wrong.append(approved)
    if wrong:
        raise UsageError(
            "A key is for one request",
            where=f"--key {request.key}",
            why="\n".join(f"{before.change_id} was run with {one}" for one in wrong),
            next="give this request a key of its own",
        )


def _other_approval(before: Before, request: Request) -> str:
    """The plan that somebody approved then, when it is not the one that is approved now."""
    now, then = read_given(request.approve).hash, before.approval
    if now in ("", AUTO) or not then.approvers or then.hash == "" or _same(now, then.hash):
        return ""
    return f"plan {then.hash[:8]}, now {now[:8]}"


def _same(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _pairs(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(values.items())) or "none"


def _archive(request: Request, spec: params.Spec | None) -> Archive:
    if request.records or spec is None:
        return open_archive(request.records or HERE)
    return open_archive(spec.records.archive)


def _resumed(request: Request, before: Before) -> Request:
    """The same request, from the failed notebook on."""
    asked = before.data["request"]
    done = {step["name"] for step in before.data.get("steps", []) if step["status"] == "ok"}
    paths = request.notebooks if request.key else ()
    every = paths or tuple(Path(path) for path in asked["notebooks"])
    left = tuple(path for path in every if path.stem not in done)
    return replace(
        request,
        params_file=request.params_file or before.data["params"]["file"],
        notebooks=left if request.key else request.notebooks or left,
        mode=asked["mode"],
        given={**asked["given"], **request.given},
    )


def _same_door(before: Before, spec: params.Spec, file: str) -> None:
    """A params file of another environment, project or front door resumes nothing."""
    was = {name: before.data.get(name) for name in ("environment", "project", "front_door")}
    now = identity(spec)
    wrong = [f"{name} is {now[name]}, was {was[name]}" for name in was if was[name] != now[name]]
    if wrong:
        title = f"These params are not those of {before.change_id}"
        raise RefusedError(title, where=file, why="\n".join(wrong))


def _refuse_common(given: Mapping[str, Any]) -> None:
    taken = sorted(set(given) & set(COMMON))
    if taken:
        why = f"{', '.join(taken)}: use --params, --mode, --approve, --change-id"
        raise UsageError("Parameters that the run sets itself", where="-p", why=why)
