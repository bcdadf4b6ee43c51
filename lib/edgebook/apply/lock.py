"""One run at a time per front door, wherever it runs: a lease in labels, held for the whole run.

The lease stands in the labels of the front door's address, which are written by compare-and-set.
While there is no address of ours yet, a second address takes its place (`NAME-lock`): its creation
is atomic, and it is deleted with the lease. A lease belongs to a random name, is renewed, and ends
two minutes after its holder did, by the clock of the API that answers; no clock, host name or
process id of any machine counts. Before every write the holder makes sure that it still holds it
(`fence`). Decision record 0056 says why it never has two holders.
"""

import contextlib
import math
import random
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType

from edgebook.apply.leases import (
    IN_FLIGHT,
    RENEWED_EVERY,
    SECONDS,
    Holder,
    Lease,
    LeaseStore,
    boot_seconds,
)
from edgebook.base.errors import LockedError
from edgebook.base.interrupts import held_back
from edgebook.base.text import plain
from edgebook.cloud.wire import Wire
from edgebook.model.values import ResourceKey

FRESH = 5.0  # so long a look at the lease is believed
TRIES = 12
MOMENT = 0.8  # so long a signal waits for a lease that is let go
ASK_AGAIN = 5.0


class FrontDoorLock:
    """A context that holds the lease of one front door, or LockedError when another has it.

    `wait`: for so many seconds it is asked for again; `say` hears whom one waits for.
    """

    def __init__(
        self,
        wire: Wire,
        key: ResourceKey,
        *,
        ours: bool = True,
        wait: float = 0.0,
        holder: Holder | None = None,
        say: Callable[[str], None] = lambda text: None,
        elapsed: Callable[[], float] = boot_seconds,
    ) -> None:
        """`key` is the address; `ours` is False when it is adopted and never written to."""
        self.holder = holder or Holder.new()
        first = ResourceKey("address", key.scope, f"{key.name[:58]}-lock")
        self._wire = wire
        self._main = LeaseStore(wire, key, self.holder) if ours else None
        self._first = LeaseStore(wire, first, self.holder, made_here=True)
        self._wait = wait
        self._say = say
        self._elapsed = elapsed
        self._held: LeaseStore | None = None
        self._confirmed = 0.0
        self._lost: LockedError | None = None
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._pauses = random.Random(self.holder.id)

    def __enter__(self) -> "FrontDoorLock":
        try:
            self.take()
            self._wire.connection.before_write = self.fence
            threading.Thread(target=self._renew, name="edgebook-lease", daemon=True).start()
        except KeyboardInterrupt:
            self._leave([store for store in (self._main, self._first) if store], hurried=True)
            raise
        except BaseException:
            self.holder.drop()  # what was written of it on the way is a dead holder's
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        held = self._held
        late = self._elapsed() - self._confirmed >= SECONDS - IN_FLIGHT
        # An address that is deleted might be the next holder's by now; labels are compared.
        stores = [held] if held is not None and not (late and held is self._first) else []
        self._leave(stores, known=held is None)

    def _leave(
        self, stores: Sequence[LeaseStore], *, known: bool = False, hurried: bool = False
    ) -> None:
        """Let go, whatever signal comes meanwhile; the lease ends by itself where that fails.

        A signal waits for it, but only a moment: an API may not answer. `known`: nothing is held.
        """
        gone: list[bool] = []

        def work() -> None:
            for _ in range(TRIES):
                with contextlib.suppress(Exception), self._lock:
                    if all(store.release() for store in stores):
                        gone.append(True)
                        return

        self._stop.set()
        self._wire.connection.before_write = _nothing
        thread = threading.Thread(target=work, name="edgebook-let-go", daemon=True)
        with held_back() as came:
            ends = time.monotonic() + MOMENT if hurried else math.inf
            if stores:
                thread.start()
            while thread.is_alive() and time.monotonic() < ends:
                thread.join(0.05)
                ends = min(ends, time.monotonic() + MOMENT) if came else ends
            self._held = None
            # What could not be let go is a dead holder's: here nobody waits for its end.
            self.holder.leave() if gone or known else self.holder.drop()

    def take(self) -> None:
        """Take the lease; LockedError when another holds it and does not let go in time."""
        began, told = self._elapsed(), ""
        conflicts = 0
        while True:
            began_try = self._elapsed()
            other = self._try()
            if other is None and self._held is not None:
                self._confirmed = began_try
                return
            if other is None:
                conflicts += 1
                if conflicts == TRIES:
                    raise self._too_fast()
                self._wire.clock.wait(self._pauses.uniform(0.05, 0.4) * conflicts)
                continue
            if self._elapsed() - began >= self._wait:
                self.holder.leave()
                raise self._locked(other)
            if other.by != told:
                told = other.by
                self._say(f"waiting for {other.who}, which changes this front door")
            time.sleep(min(ASK_AGAIN, max(0.05, self._wait / 20)))

    def follow(self) -> bool:
        """Write under the lease of the run that started this process; False when it has none."""
        for store in filter(None, (self._main, self._first)):
            lease = store.read()
            if lease is not None and lease.by == self.holder.id:
                self._held, self._confirmed = store, self._elapsed()
                self._wire.connection.before_write = self.fence
                return True
        return False

    def unfollow(self) -> None:
        self._wire.connection.before_write = _nothing

    def fence(self) -> None:
        """Raise LockedError unless the lease is still ours for as long as a write may take."""
        if self._lost is None and self._elapsed() - self._confirmed < FRESH:
            return
        with self._lock:
            if self._lost is None and self._elapsed() - self._confirmed >= FRESH:
                self._confirm()
            if self._lost is not None:
                raise self._lost

    def _confirm(self) -> None:
        looked = self._elapsed()
        lease = self._held.read() if self._held else None
        if lease is None or lease.by != self.holder.id:
            now = f"now held by {lease.who}" if lease and lease.by else "it is not there any more"
            self._lost = self._gone(now)
            return None
        if lease.left is None or lease.left < SECONDS - 2 * RENEWED_EVERY:
            assert self._held is not None
            if not self._held.take(lease):
                return self._confirm()
        self._confirmed = looked
        return None

    def _renew(self) -> None:
        while not self._stop.wait(RENEWED_EVERY):
            with self._lock:
                if self._held is None or self._lost is not None:
                    return
                try:
                    looked, lease = self._elapsed(), self._held.read()
                    if lease is None or lease.by != self.holder.id:
                        self._confirm()
                    elif self._held.take(lease):
                        self._confirmed = looked
                except Exception:
                    continue

    def _try(self) -> Lease | None:
        """One attempt: the lease in the way, or None with `_held` set unless somebody wrote."""
        self._held = None
        main = self._main.read() if self._main else None
        if self._main is not None and main is not None:
            return self._try_main(self._main, main)
        first = self._first.read()
        if first is not None and self._blocks(first):
            return first
        taken = self._first.take(first) if first is not None else self._first.create()
        if not taken:
            return None
        # The address may have come, and been taken, since it was looked for: then both let go.
        main = self._main.read() if self._main else None
        if main is not None and self._blocks(main):
            self._first.release()
            return main
        self._held = self._first
        return None

    def _try_main(self, store: LeaseStore, main: Lease) -> Lease | None:
        if self._blocks(main):
            return main
        if not store.take(main):
            return None
        first = self._first.read()
        if first is not None:
            if self._blocks(first):
                store.release()
                return first
            if self._first.take(first):
                self._first.release()
        self._held = store
        return None

    def _blocks(self, lease: Lease) -> bool:
        return lease.alive and lease.by != self.holder.id and not Holder.is_dead(lease.by)

    def _locked(self, other: Lease) -> LockedError:
        return LockedError(
            "Another run changes this front door",
            where=f"lease in the labels of {other.name}",
            why=f"held by {plain(other.who)}, {other.ends}",
            next="wait for it with --wait-lock 10m; when it is certainly dead, and you cannot wait "
            f"two minutes: edgebook unlock --holder {plain(other.by)}",
        )

    def _gone(self, now: str) -> LockedError:
        return LockedError(
            "The lease of this front door is lost: nothing more was written",
            where=f"holder {self.holder.id}",
            why=plain(now),
            next="see what the other run does, then run it again: it goes on from what is there",
        )

    def _too_fast(self) -> LockedError:
        return LockedError(
            "The lease of this front door changes too fast to be taken",
            where=str(self._first.key if self._main is None else self._main.key),
            why=f"{TRIES} times somebody else wrote in between",
            next="find out who writes its labels, then run again",
        )


def sweep(wire: Wire, key: ResourceKey, *, ours: bool = True) -> None:
    """Take away what dead runs left; what lives is left alone."""
    holder = Holder.new()
    try:
        stores = [LeaseStore(wire, key, holder)] if ours else []
        first = ResourceKey("address", key.scope, f"{key.name[:58]}-lock")
        stores.append(LeaseStore(wire, first, holder, made_here=True))
        for store in stores:
            lease = store.read()
            if lease is not None and lease.by and (not lease.alive or Holder.is_dead(lease.by)):
                if store.take(lease):
                    store.release()
                Holder.forget(lease.by)
    finally:
        holder.leave()


def leases(wire: Wire, key: ResourceKey, *, ours: bool = True) -> list[Lease]:
    """The leases of a front door as they stand, at most two."""
    holder = Holder("", "")
    first = ResourceKey("address", key.scope, f"{key.name[:58]}-lock")
    stores = [LeaseStore(wire, key, holder)] if ours else []
    found = [store.read() for store in (*stores, LeaseStore(wire, first, holder))]
    return [lease for lease in found if lease is not None and lease.by]


def unlock(wire: Wire, key: ResourceKey, holder: str, *, ours: bool = True) -> bool:
    """Take the lease from `holder`; whoever comes next waits until its last write has ended.

    False when it holds none. Its run stops before its next write.
    """
    first = ResourceKey("address", key.scope, f"{key.name[:58]}-lock")
    for one, made_here in ((key, False), (first, True)):
        if one == key and not ours:
            continue
        store = LeaseStore(
            wire, one, Holder(f"unlocked-{holder}"[:40], "nobody"), made_here=made_here
        )
        for _ in range(TRIES):
            lease = store.read()
            if lease is None or lease.by != holder:
                break
            if store.take(lease, seconds=IN_FLIGHT + FRESH):
                return True
    return False


def _nothing() -> None:
    return None
