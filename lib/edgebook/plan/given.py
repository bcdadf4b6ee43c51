"""What was handed over as an approval: a hash, the plan behind it, signed statements, `auto`.

Read strictly: a hash is no pattern and no path, and a plan that was edited is none. Whether it
approves what would be done is decided by `approval` alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgebook.base.errors import UsageError
from edgebook.base.parsing import from_json
from edgebook.model.values import Plan
from edgebook.plan import kept
from edgebook.plan.approvers import statements

AUTO = "auto"


@dataclass(frozen=True)
class Given:
    """What was handed over as approval: a hash, the plan behind it if known, signed statements.

    `way_on` is what the plan's file says carries it out: the words behind `edgebook`, for people.
    """

    hash: str
    plan: Plan | None = None
    signed: tuple[Mapping[str, Any], ...] = ()
    way_on: tuple[str, ...] = ()


def read_given(texts: str | Sequence[str], *, instead: str = "") -> Given:
    """Parse approvals: `auto`, a hash of 8 digits or more, a plan's JSON, signed statements.

    Raises UsageError for anything else; `instead` says there how to get one. Files are read only
    here, for the command line; a notebook's `approve` is parsed by `parse_hash`.
    """
    found = [text.strip() for text in ([texts] if isinstance(texts, str) else texts)]
    given = [_read(text, instead) for text in found if text]
    signed = tuple(statement for one in given for statement in one.signed)
    hashes = sorted({one.hash for one in given}, key=len)
    if any(not hashes[-1].startswith(each) for each in hashes):
        why = f"they are for {', '.join(text[:12] for text in hashes)}"
        raise UsageError("Approvals of different plans", where="--approve", why=why, next=instead)
    plan = next((one.plan for one in given if one.plan), None)
    way_on = next((one.way_on for one in given if one.way_on), ())
    return Given(hashes[-1] if hashes else "", plan, signed, way_on)


def parse_hash(text: str, where: str = "approve", *, instead: str = "") -> str:
    """`auto`, "" or a hash in lower case; UsageError for anything else: no pattern, no path."""
    said = text.strip().lower()
    if said in ("", AUTO) or kept.HASH.fullmatch(said):
        return said
    why = f"{text[:80]!r}; a plan's hash has 8 to 64 hexadecimal digits"
    raise UsageError("Not a plan's hash", where=where, why=why, next=instead)


def _read(text: str, instead: str) -> Given:
    path = Path(text)
    if text == AUTO:
        return Given(AUTO)
    if path.suffix != ".json":
        hash_ = parse_hash(text, "--approve", instead=instead)
        return Given(hash_, kept.find(hash_))
    try:
        said = from_json(path.read_text(encoding="utf-8"))
        if isinstance(said, dict) and "approvals" in said:
            return _bundle(said)
        plan = Plan.from_json(said)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        why = f"{type(error).__name__}: {error}"
        raise UsageError("Not a plan", where=text, why=why, next=instead) from None
    if said.get("hash") not in (None, plan.hash):
        why = f"it says hash {str(said['hash'])[:12]}, its changes make {plan.hash[:12]}"
        raise UsageError("Not a plan: it was edited", where=text, why=why, next=instead)
    return Given(plan.hash, plan, way_on=_way_on(said))


def _bundle(said: Mapping[str, Any]) -> Given:
    """Signed statements, with the plan that they are for when it came along."""
    plan = Plan.from_json(said["plan"]) if said.get("plan") else None
    signed = statements(said)
    hash_ = plan.hash if plan else str(signed[0]["statement"]["approves"])
    return Given(parse_hash(hash_), plan or kept.find(hash_), signed, _way_on(said))


def _way_on(said: Mapping[str, Any]) -> tuple[str, ...]:
    """Words for a person to read; a file that has none, or something else there, says nothing."""
    words = said.get("way_on")
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        return ()
    return tuple(words) if words[:1] in (["run"], ["apply"], ["teardown"]) else ()


def bundle(given: Given, plan: Plan) -> dict[str, Any]:
    """What `read_given` reads back: the plan, and who signed for it."""
    return {"plan": plan.to_json(), "approvals": list(given.signed)}
