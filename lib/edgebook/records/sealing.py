"""Seal a run that came to its end; one that cannot be sealed now is kept for the next command.

A disk may be full by then, or a bucket gone. What was done stays done, so it is said, and the state
stays with the draft as it ended: `leftovers` seals it when the archive can be written again.
"""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgebook.base.errors import EdgebookError
from edgebook.base.text import counted
from edgebook.records import proof
from edgebook.records.draft import RUNNING, Draft, SecretsFound
from edgebook.records.events import read_events
from edgebook.records.record import Record


def seal_or_keep(draft: Draft, facts: Mapping[str, Any]) -> Record:
    """The sealed record; raises EdgebookError that says what was done and where it is kept."""
    with contextlib.suppress(EdgebookError):  # what the run last wrote of itself stays, then
        draft.write_json(RUNNING, proof.prove(draft.redactor.document(dict(facts))))
    try:
        return draft.seal(facts)
    except SecretsFound:
        raise
    except EdgebookError as error:
        draft.leave()
        error.what = f"Record {draft.change_id} is not sealed yet"
        error.why += f"\n{done(draft.journal)}; the record waits in {draft.folder}"
        error.next = "mend that: the next command with this archive seals it"
        raise


def done(journal: Path) -> str:
    """How much a journal says was changed: "9 changes are done and journaled"."""
    events, _ = read_events(journal)
    made = [e for e in events if e.get("event") == "change" and e.get("status") != "failed"]
    if not made:
        return "nothing was changed"
    return f"{counted(len(made), 'change')} {'is' if len(made) == 1 else 'are'} done and journaled"
