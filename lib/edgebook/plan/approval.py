"""Whether what would be done is what was approved, and if not, what differs.

A whole run is approved by the hash of its plan, or by the plan's JSON. A resumed run may do what is
left of the approved plan and nothing else. `auto` is for the simulator only.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgebook.errors import ApprovalError, UsageError
from edgebook.model.values import Change, Plan
from edgebook.plan import make as plans
from edgebook.state import state_folder

AUTO = "auto"
SHORTEST = 8
SHOWN = 12


@dataclass(frozen=True)
class Approval:
    """Which plan was approved, by whom and how: goes into the record."""

    hash: str
    by: str
    how: str

    def to_json(self) -> dict[str, str]:
        return {"hash": self.hash, "by": self.by, "how": self.how}


@dataclass(frozen=True)
class Given:
    """What --approve was: a hash, and the plan behind it when it is known."""

    hash: str
    plan: Plan | None = None


def read_given(text: str) -> Given:
    """`auto`, a hash of at least 8 digits, or a file with the JSON of `edgebook plan --json`."""
    if text in ("", AUTO):
        return Given(text)
    path = Path(text)
    if path.suffix == ".json" or path.is_file():
        try:
            plan = Plan.from_json(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError) as error:
            why = f"{type(error).__name__}: {error}"
            raise UsageError("Not a plan", where=text, why=why, next=_make_plan()) from None
        return Given(plan.hash, plan)
    if len(text) < SHORTEST or not all(c in "0123456789abcdef" for c in text):
        why = f"{text!r}; a plan's hash has at least {SHORTEST} hexadecimal digits"
        raise UsageError("Not a plan's hash", where="--approve", why=why, next=_make_plan())
    return Given(text, kept_plan(text))


def refuse_auto(given: Given, environment: str) -> None:
    """Raises ApprovalError for `auto` where something real would be changed."""
    if given.hash == AUTO and environment != "simulator":
        why = f"environment is {environment}; auto is for the simulator"
        raise ApprovalError("Not approved", where="--approve auto", why=why, next=_make_plan())


def decide(given: Given, plan: Plan, *, environment: str, by: str) -> Approval:
    """Raises ApprovalError unless `given` approves exactly this plan."""
    refuse_auto(given, environment)
    if given.hash == AUTO:
        return Approval(plan.hash, by, "automatic: rehearsal")
    if not given.hash and plan.empty:
        return Approval(plan.hash, by, "nothing to change")
    if not given.hash:
        why = f"{len(plan.to_do)} changes, plan {plan.short_hash}, and no --approve"
        raise ApprovalError("Not approved", why=why, next=_make_plan())
    if plan.hash.startswith(given.hash):
        return Approval(plan.hash, by, "--approve")
    if given.plan is None:
        why = f"approved {given.hash[:8]}, but the plan is now {plan.short_hash}"
        seen = _lines("would do", plan.to_do)
        text = "\n".join([why, "the approved plan is not kept here, so all that would be done is:"])
        raise ApprovalError("Not approved", why="\n".join([text, *seen]), next=_make_plan())
    why = f"approved {given.hash[:8]}, but the plan is now {plan.short_hash}:"
    raise ApprovalError(
        "Plan has changed since it was approved",
        why="\n".join([why, *differences(given.plan, plan)]),
        next=_make_plan(),
    )


def decide_rest(approved: Plan, rest: Plan, before: Mapping[str, Any], *, run: str) -> Approval:
    """Approve the rest of an approved plan; raises ApprovalError when it does anything else."""
    beyond = plans.covers(approved, rest)
    if beyond:
        raise ApprovalError(
            f"More than what was approved for {run}",
            why="\n".join(f"also: {difference}" for difference in beyond),
            next="plan and approve anew: edgebook plan, then edgebook run --approve HASH",
        )
    by = str(before.get("by", ""))
    return Approval(approved.hash, by, f"the rest of {run}, approved before")


def differences(approved: Plan, now: Plan) -> list[str]:
    """What each of the two would do that the other would not."""
    old = {change.digest: change for change in approved.to_do}
    new = {change.digest: change for change in now.to_do}
    gone = [change for digest, change in old.items() if digest not in new]
    come = [change for digest, change in new.items() if digest not in old]
    return [*_lines("approved, not now", gone), *_lines("now, not approved", come)]


def keep_plan(plan: Plan) -> None:
    """Keep a shown plan, so that a later refusal can say what differs."""
    folder = state_folder() / "plans"
    folder.mkdir(exist_ok=True)
    (folder / f"{plan.hash}.json").write_text(json.dumps(plan.to_json()), encoding="utf-8")
    for old in sorted(folder.glob("*.json"), key=lambda p: p.stat().st_mtime)[:-200]:
        old.unlink(missing_ok=True)


def kept_plan(start: str) -> Plan | None:
    """A plan that was shown on this machine, by the start of its hash."""
    found = sorted((state_folder() / "plans").glob(f"{start}*.json"))
    if len(found) != 1:
        return None
    try:
        return Plan.from_json(json.loads(found[0].read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError):
        return None


def _lines(label: str, changes: Sequence[Change]) -> list[str]:
    lines = [
        f"{label}: {change.action.value} {change.key.kind} {change.key.name}"
        + (f" ({', '.join(change.fields)})" if change.fields else "")
        for change in changes[:SHOWN]
    ]
    more = len(changes) - SHOWN
    return [*lines, f"{label}: {more} more"] if more > 0 else lines


def _make_plan() -> str:
    return "read `edgebook plan --params FILE`, then give its hash with --approve"
