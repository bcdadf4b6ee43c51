"""A lease as it is written: labels of an address, changed only by who read them last.

`until` is in the API's own time: each answer says it (the header Date), so that no machine's clock
matters. On the machine of a dead holder its lease ends at once: the holder's file of that name is
locked by the kernel for as long as it lives.
"""

import contextlib
import getpass
import json
import os
import re
import socket
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgebook.base.errors import ApiError
from edgebook.base.ownership import LockedFile
from edgebook.base.parsing import from_json
from edgebook.base.state import private_folder, state_folder, state_place
from edgebook.base.text import plain
from edgebook.cloud import refusals
from edgebook.cloud.wire import Wire
from edgebook.model import kinds
from edgebook.model.values import ResourceKey

UNTIL, BY, WHO = "edgebook-lock", "edgebook-lock-by", "edgebook-lock-who"
SECONDS = 120
RENEWED_EVERY = 30.0
IN_FLIGHT = 35.0  # how long a write that was begun may still be under way
SLACK = 5  # clocks of two front ends of one API
LONGEST = 100  # what is said of a holder
HOLDER = re.compile(r"[a-z0-9-]{8,40}")


def boot_seconds() -> float:
    """Seconds that pass also while the machine sleeps; for durations on this machine only."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)


@dataclass
class Holder:
    """A run: a random name that is its identity, and words for people."""

    id: str
    who: str
    _own: LockedFile | None = field(default=None, repr=False)

    @classmethod
    def new(cls) -> "Holder":
        try:
            user = getpass.getuser()
        except (KeyError, OSError):
            user = "unknown"
        made = cls(uuid.uuid4().hex[:24], _label(f"{user}_on_{socket.gethostname()}"))
        made._live()
        return made

    @property
    def _path(self) -> Path:
        return state_place() / "leases" / f"{self.id}.lock"

    def _live(self) -> None:
        """Lock our own file: who can lock it later knows that we are gone."""
        _folder()
        self._own = LockedFile(self._path)
        self._own.take()

    def drop(self) -> None:
        """Let go as the kernel does for a process that is killed: the file stays."""
        if self._own is not None:
            self._own.drop()

    def leave(self) -> None:
        if self._own is not None:
            self._own.leave()

    @staticmethod
    def is_dead(holder: str) -> bool:
        """True only when that holder ran here, under this state folder, and is gone."""
        path = state_place() / "leases" / f"{holder}.lock"
        if not HOLDER.fullmatch(holder) or not path.is_file():
            return False
        lock = LockedFile(path)
        dead = lock.take()
        lock.drop()
        return dead

    @staticmethod
    def forget(holder: str) -> None:
        if HOLDER.fullmatch(holder) and Holder.is_dead(holder):
            (state_place() / "leases" / f"{holder}.lock").unlink(missing_ok=True)


@dataclass(frozen=True)
class Lease:
    """What was read: the resource, who holds it (or nobody), and how long still by the API."""

    name: str
    body: dict[str, Any]
    by: str
    who: str
    left: float | None  # None: it cannot be told

    @property
    def alive(self) -> bool:
        """Whether it must be respected; one whose end cannot be told is."""
        return bool(self.by) and (self.left is None or self.left > -SLACK)

    @property
    def ends(self) -> str:
        if self.left is None:
            return "until nobody knows when"
        return f"which ends in {max(0, self.left):.0f} s unless it is renewed"


class LeaseStore:
    """The labels of one address, for one holder. `made_here`: the address exists for the lease."""

    def __init__(
        self, wire: Wire, key: ResourceKey, holder: Holder, *, made_here: bool = False
    ) -> None:
        self.key = key
        self._wire = wire
        self._holder = holder
        self._made_here = made_here
        self._path = f"compute/v1/{kinds.path(key)}"
        self._api_time = 0.0
        self._told_at = 0.0

    def read(self) -> Lease | None:
        """The lease, with nobody as holder when it is free; None when there is no address."""
        body, at = self._wire.dated("compute", self._path)
        if at is not None:
            self._api_time, self._told_at = at, boot_seconds()
        if body is None:
            return None
        labels = body.get("labels") or {}
        by, who, until = (str(labels.get(name, "")) for name in (BY, WHO, UNTIL))
        if self._made_here and not by:
            by, who, until = _described(body)
        left = float(until) - at if at is not None and until.isdigit() else None
        return Lease(self.key.name, body, by, who or by, left)

    def create(self) -> bool:
        """Make the address with ourselves as holder; False when it exists or existed just now."""
        until = self._until(SECONDS)
        said = {"edgebook-lock": {"by": self._holder.id, "who": self._holder.who, "until": until}}
        where = self._path.rpartition("/")[0]
        body = {"name": self.key.name, "description": json.dumps(said)}
        params = {"requestId": str(uuid.uuid4())}
        try:
            operation = self._wire.request("compute", "POST", where, params=params, body=body)
            self._finish(operation)
        except ApiError as error:
            if refusals.already_there(error) or refusals.passing(error) is not refusals.NEVER:
                return False
            raise
        lease = self.read()
        return lease is not None and lease.by == self._holder.id and self.take(lease)

    def take(self, lease: Lease, seconds: float = SECONDS) -> bool:
        """Write ourselves over what was read; False when somebody wrote in between."""
        mine = {
            UNTIL: str(self._until(seconds)),
            BY: self._holder.id,
            WHO: self._holder.who[:63] or "nobody",
        }
        return self._label(lease, mine)

    def release(self) -> bool:
        """Let go of what is ours, the address too when it was made for this; whether that is so."""
        lease = self.read()
        if lease is None or lease.by != self._holder.id:
            return True
        if not self._made_here:
            return self._label(lease, {})
        try:
            params = {"requestId": str(uuid.uuid4())}
            self._finish(self._wire.request("compute", "DELETE", self._path, params=params))
        except ApiError as error:
            return refusals.not_there(error)
        return True

    def _label(self, lease: Lease, mine: dict[str, str]) -> bool:
        others = {
            name: value
            for name, value in (lease.body.get("labels") or {}).items()
            if name not in (UNTIL, BY, WHO)
        }
        body = {
            "labels": {**others, **mine},
            "labelFingerprint": lease.body.get("labelFingerprint", ""),
        }
        try:
            self._finish(
                self._wire.request("compute", "POST", f"{self._path}/setLabels", body=body)
            )
        except ApiError as error:
            if refusals.conflicted(error) or refusals.not_there(error):
                # It may be our own write whose answer was lost.
                now = self.read()
                return bool(mine) and now is not None and now.by == mine.get(BY)
            raise
        return True

    def _until(self, seconds: float) -> int:
        """In the API's time, from the last answer on."""
        now = self._api_time + boot_seconds() - self._told_at if self._told_at else time.time()
        return int(now + seconds)

    def _finish(self, operation: dict[str, Any]) -> None:
        """Wait for an operation, which is done at once for labels; ApiError when it failed."""
        ends = boot_seconds() + SECONDS
        where = f"compute/v1/{self.key.scope}/operations/{operation.get('name', '')}"
        while operation.get("status") != "DONE" and boot_seconds() < ends:
            operation = self._wire.request("compute", "POST", f"{where}/wait")
        if operation.get("error"):
            raise refusals.from_operation(operation, method="POST", path=self._path)


def _described(body: dict[str, Any]) -> tuple[str, str, str]:
    """The holder in the description, which is there from the first moment on."""
    try:
        said = from_json(str(body.get("description") or ""))["edgebook-lock"]
        return str(said["by"]), plain(said["who"])[:LONGEST], str(said["until"])
    except (ValueError, KeyError, TypeError):
        return "", "", ""


def _label(text: str) -> str:
    return re.sub(r"[^a-z0-9_-]", "-", text.lower())[:63] or "unknown"


def _folder() -> Path:
    folder = private_folder(state_folder() / "leases")
    day = time.time() - 86400
    for old in folder.glob("*.lock"):
        with contextlib.suppress(OSError):
            if old.stat().st_mtime < day and Holder.is_dead(old.stem):
                old.unlink()
    return folder


def holder_of(environ: Any = os.environ) -> Holder | None:
    """The holder whose lease this process writes under, when a run has started it."""
    named = str(environ.get("EDGEBOOK_LEASE", ""))
    return Holder(named, "the run that started this") if HOLDER.fullmatch(named) else None
