"""One run at a time per front door: a lease in the labels of its address.

The address is the front door's identity, exists as long as it does, and its labels are written with
a fingerprint: whoever reads first and writes second gets 412. (With an adopted address, which is
not ours to write, a forwarding rule takes its place.) A lease ends by itself after its time, and at
once when its holder was a process of this machine that is gone. Before the resource exists nothing
serves yet: then there is nothing to lease, and every create is safe to repeat.
"""

import getpass
import os
import re
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import psutil

from edgebook.cloud import refusals
from edgebook.cloud.compute import ComputeWriter
from edgebook.errors import ApiError, LockedError
from edgebook.model import kinds
from edgebook.model.values import ResourceKey

LABEL, BY = "edgebook-lock", "edgebook-lock-by"
SECONDS = 900
TRIES = 5


@dataclass(frozen=True)
class Holder:
    """Who runs: as it fits into a label value (63 of [a-z0-9_-])."""

    host: str
    pid: int
    user: str
    started: int

    @classmethod
    def me(cls) -> "Holder":
        pid = os.getpid()
        started = int(psutil.Process(pid).create_time())
        try:
            user = getpass.getuser()
        except (KeyError, OSError):
            user = "unknown"
        return cls(_plain(socket.gethostname())[:24], pid, _plain(user)[:12], started)

    def text(self) -> str:
        return f"{self.user}_{self.host}_{self.pid}_{self.started}"

    @classmethod
    def parse(cls, text: str) -> "Holder | None":
        found = re.fullmatch(r"([a-z0-9-]*)_([a-z0-9-]*)_(\d+)_(\d+)", text)
        if not found:
            return None
        return cls(found[2], int(found[3]), found[1], int(found[4]))

    def gone(self, me: "Holder") -> bool:
        """True when it was a process of this machine and is no more."""
        if self.host != me.host:
            return False
        try:
            return abs(int(psutil.Process(self.pid).create_time()) - self.started) > 1
        except psutil.NoSuchProcess:
            return True

    def __str__(self) -> str:
        return f"{self.user} on {self.host}, process {self.pid}"


class FrontDoorLock:
    """A context: taken on entry when the address exists, or by `take` once it was created."""

    def __init__(self, writer: ComputeWriter, key: ResourceKey, *, break_it: bool = False):
        self._writer = writer
        self._key = key
        self._break = break_it
        self._me = Holder.me()
        self._held = False
        self._stop = threading.Event()
        self._lock = threading.Lock()

    def __enter__(self) -> "FrontDoorLock":
        self.take()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        if self._held:
            self._held = False
            try:
                self._write(None)
            except Exception:
                # The lease ends by itself; the run's own outcome matters more than this.
                return

    def take(self) -> bool:
        """Take the lease; False when there is no address yet, LockedError when another holds it."""
        with self._lock:
            if self._held:
                return True
            self._held = self._write(self._expiry())
        if self._held:
            threading.Thread(target=self._renew, name="edgebook-lease", daemon=True).start()
        return self._held

    def sweep(self, labels: Mapping[str, str]) -> None:
        """Take away what a dead run left in the labels that were just read."""
        holder = Holder.parse(str(labels.get(BY, "")))
        if holder is not None and holder.gone(self._me):
            self._write(None)

    def _renew(self) -> None:
        while not self._stop.wait(SECONDS / 3):
            try:
                self._write(self._expiry())
            except Exception:
                continue

    def _expiry(self) -> int:
        return int(self._writer.wire.clock.utc().timestamp()) + SECONDS

    def _write(self, expiry: int | None) -> bool:
        """Set (or with None remove) our lease, by compare-and-set."""
        path = f"compute/v1/{kinds.path(self._key)}"
        for _ in range(TRIES):
            live = self._writer.wire.find("compute", path)
            if live is None:
                return False
            labels = dict(live.get("labels") or {})
            self._refuse_other(labels)
            if expiry is None and BY not in labels:
                return False
            for name in (LABEL, BY):
                labels.pop(name, None)
            if expiry is not None:
                labels |= {LABEL: str(expiry), BY: self._me.text()}
            body = {"labels": labels, "labelFingerprint": live.get("labelFingerprint", "")}
            try:
                operation = self._writer.start(
                    self._key.kind,
                    "set_labels",
                    self._key.name,
                    scope=self._key.scope,
                    body=body,
                )
                self._writer.finish(operation, method="POST", path=f"{path}/setLabels")
                return True
            except ApiError as error:
                if refusals.not_there(error):
                    return False
                if not refusals.conflicted(error):
                    raise
        raise LockedError(
            f"{self._key} changes too fast to be locked",
            where=path,
            why=f"{TRIES} times its labels were changed by somebody else in between",
            next="find out who writes its labels, then run again",
        )

    def _refuse_other(self, labels: dict[str, Any]) -> None:
        other = Holder.parse(str(labels.get(BY, "")))
        if other is None or other == self._me or self._break or other.gone(self._me):
            return
        left = int(labels.get(LABEL, 0)) - int(self._writer.wire.clock.utc().timestamp())
        if left <= 0:
            return
        raise LockedError(
            "Another run changes this front door",
            where=f"label {BY} of {self._key}",
            why=f"held by {other}; its lease ends in {left // 60 + 1} min unless renewed",
            next="wait for it, or, when it is certainly dead: "
            "edgebook apply --approve HASH --break-lock",
        )


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9-]", "-", text.lower()) or "unknown"
