"""Plans that were shown or approved on this machine, and which of their changes were made already.

A kept plan lets a refusal say what differs, and lets the rest of an approved plan be recognised. A
change that was made under an approval is spent: it is not covered a second time until its plan is
shown anew. Plans are found by hashes that were parsed, never by a pattern or a path.
"""

import contextlib
import json
import re
from pathlib import Path

from edgebook.base.errors import EdgebookError
from edgebook.base.parsing import from_json
from edgebook.base.state import private_folder, state_folder, state_place, write_private
from edgebook.model.values import Plan, ResourceKey

HASH = re.compile(r"[0-9a-f]{8,64}")
KEPT = 200


def keep(plan: Plan) -> None:
    """Keep a plan under its hash."""
    folder = _folder()
    path = folder / f"{plan.hash}.json"
    if not path.exists():
        write_private(path, json.dumps(plan.to_json()))
    for old in sorted(folder.glob("*.json"), key=lambda p: p.stat().st_mtime)[:-KEPT]:
        old.unlink(missing_ok=True)


def show(plan: Plan, world: str) -> None:
    """Somebody sees this plan now: keep it, and let it be approved from its beginning.

    Where nothing can be kept, a refusal says less later; that is no reason to show nothing now.
    """
    with contextlib.suppress(EdgebookError, OSError):
        if not plan.empty:
            keep(plan)
        (_root() / _spent_name(plan.hash, world)).unlink(missing_ok=True)


def find(start: str) -> Plan | None:
    """The one kept plan whose hash begins so; None for what is no hash, for none and for several.

    A file whose content has another hash than its name was tampered with, and counts as none.
    """
    if not HASH.fullmatch(start) or not _root().is_dir():
        return None
    names = [path for path in _root().iterdir() if path.suffix == ".json"]
    found = sorted(path for path in names if path.stem.startswith(start))
    if len(found) != 1:
        return None
    try:
        plan = Plan.from_json(from_json(found[0].read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return plan if plan.hash == found[0].stem else None


def note_done(approved: str, world: str, key: ResourceKey) -> None:
    """A change of the plan with this hash was made; written at once, whatever ends the run."""
    with (_folder() / _spent_name(approved, world)).open("a", encoding="utf-8") as file:
        file.write(f"{key.id}\n")


def spent(approved: str, world: str) -> frozenset[str]:
    """Ids of the resources whose change was made under the plan with this hash."""
    try:
        text = (_root() / _spent_name(approved, world)).read_text(encoding="utf-8")
    except OSError:
        return frozenset()
    return frozenset(text.splitlines())


def _spent_name(approved: str, world: str) -> str:
    if not HASH.fullmatch(approved):
        raise ValueError(f"not a plan's hash: {approved!r}")
    place = re.sub(r"[^a-z0-9]+", "-", world.lower()).strip("-")[:80]
    return f"{approved}.{place}.done"


def _root() -> Path:
    """Where plans lie, whether the folder exists or not."""
    return state_place() / "plans"


def _folder() -> Path:
    return private_folder(state_folder() / "plans")
