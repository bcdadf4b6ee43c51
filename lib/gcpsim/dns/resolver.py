"""Recursive resolvers with caches, as users meet them at a cut-over: honest ones and others.

Each is a habit: how long an answer is kept beyond what its TTL says. Time is the simulator's, so a
TTL of 300 s is over when simulated time says so. Resolvers read what is served and change nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype

from gcpsim.core.errors import ApiError
from gcpsim.dns.lookup import Resolution, Status
from gcpsim.dns.server import PAYLOAD, RCODE, add_records, limit, printed, wants_signatures
from gcpsim.dns.service import Dns

CACHE_SIZE = 10_000
HOLDS = (Status.NOERROR, Status.NXDOMAIN)


@dataclass(frozen=True)
class Habit:
    """How a resolver treats TTLs, in simulated seconds.

    `minimum_ttl` lengthens short TTLs, negative ones too; `keeps` is how long an answer is given
    whatever its TTL said (a JVM with networkaddress.cache.ttl, a proxy that resolves once).
    """

    minimum_ttl: float = 0.0
    keeps: float = 0.0

    def lifetime(self, ttl: float) -> float:
        return max(ttl, self.minimum_ttl, self.keeps)


HABITS = {
    "honest": Habit(),
    "minimum": Habit(minimum_ttl=300.0),
    "stubborn": Habit(keeps=86_400.0),
}


@dataclass(frozen=True)
class _Kept:
    found: Resolution
    since: float
    until: float


class Resolver:
    """Answers queries as wire from its cache, else from what the simulated zones serve now."""

    def __init__(self, service: Dns, habit: Habit) -> None:
        self.clock = service.world.clock
        self.lookup = service.lookup
        self.signer = service.signer
        self.habit = habit
        self._cache: dict[tuple[str, str], _Kept] = {}

    def flush(self) -> int:
        """Forget everything; gives how many answers that were."""
        number = len(self._cache)
        self._cache.clear()
        return number

    def __len__(self) -> int:
        return len(self._cache)

    def answer(self, wire: bytes, *, tcp: bool = False) -> bytes | None:
        """The answer, or None for what deserves none."""
        if len(wire) < 12 or wire[2] & 0x80:
            return None
        try:
            query = dns.message.from_wire(wire, ignore_trailing=True)
        except (dns.exception.DNSException, ValueError):
            return None
        response = dns.message.make_response(query, recursion_available=True, our_payload=PAYLOAD)
        if len(query.question) != 1:
            response.set_rcode(dns.rcode.FORMERR)
        else:
            self._fill(response, query)
        return printed(response, 65535 if tcp else limit(response))

    def _fill(self, response: dns.message.Message, query: dns.message.Message) -> None:
        asked = query.question[0]
        kept = self._ask(asked.name.to_text().lower(), dns.rdatatype.to_text(asked.rdtype))
        age = self.clock.now() - kept.since
        left = max(0, round(kept.until - kept.since - age))
        found = kept.found
        if found.status not in HOLDS:
            # A resolver has no name servers of its own to refer to: it fails where they refuse.
            response.set_rcode(dns.rcode.SERVFAIL)
            authority = None
        else:
            response.set_rcode(RCODE[found.status])
            authority = found.authority and replace(found.authority, ttl=left)
        shown = replace(
            found,
            answers=tuple(replace(records, ttl=left) for records in found.answers),
            authority=authority,
        )
        add_records(response, shown, asked.name, self.signer if wants_signatures(query) else None)

    def _ask(self, name: str, type_: str) -> _Kept:
        now = self.clock.now()
        kept = self._cache.get((name, type_))
        if kept is not None and now < kept.until:
            return kept
        found = self.lookup.resolve(name, type_)
        ttls: list[int] = [records.ttl for records in found.answers]
        if found.authority is not None:
            ttls.append(found.authority.ttl)
        lifetime = self.habit.lifetime(min(ttls)) if ttls and found.status in HOLDS else 0.0
        fresh = _Kept(found, now, now + lifetime)
        if lifetime:
            while len(self._cache) >= CACHE_SIZE:
                self._cache.pop(next(iter(self._cache)))
            self._cache[name, type_] = fresh
        return fresh


class Resolvers:
    """The resolvers of one world by name, and the stage directions that change them."""

    def __init__(self, service: Dns) -> None:
        self.by_name = {name: Resolver(service, habit) for name, habit in HABITS.items()}
        self.addresses: dict[str, str] = {}
        service.world.stage |= {
            "resolver-list": lambda args: self.table(self.by_name),
            "resolver-set": self.set,
            "resolver-flush": self.flush,
        }

    def table(self, names: Iterable[str]) -> dict[str, Any]:
        """What each is like and where it answers."""
        return {
            name: {
                "address": self.addresses.get(name, ""),
                "minimum_ttl": self.by_name[name].habit.minimum_ttl,
                "keeps": self.by_name[name].habit.keeps,
                "answers_kept": len(self.by_name[name]),
            }
            for name in sorted(names)
        }

    def set(self, args: dict[str, Any]) -> dict[str, Any]:
        """{"resolver": NAME, "minimum_ttl": S, "keeps": S}: new habits, and an empty cache."""
        resolver = self._named(args)
        wanted = {
            name: _seconds(name, args[name]) for name in ("minimum_ttl", "keeps") if name in args
        }
        resolver.habit = replace(resolver.habit, **wanted)
        resolver.flush()
        return self.table([args["resolver"]])

    def flush(self, args: dict[str, Any]) -> dict[str, Any]:
        """{"resolver": NAME}: forget all answers."""
        return {"forgotten": self._named(args).flush()}

    def _named(self, args: dict[str, Any]) -> Resolver:
        name = args.get("resolver")
        if not isinstance(name, str) or name not in self.by_name:
            known = ", ".join(sorted(self.by_name))
            raise ApiError(400, f"resolver: {name!r}; there are: {known}", "invalid")
        unknown = sorted(set(args) - {"resolver", "minimum_ttl", "keeps"})
        if unknown:
            raise ApiError(400, f"resolver: unknown {', '.join(unknown)}", "invalid")
        return self.by_name[name]


def _seconds(name: str, value: Any) -> float:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = -1.0
    if not 0 <= seconds <= 10 * 86_400 * 365:
        raise ApiError(400, f"resolver: {name} must be seconds, not {value!r}", "invalid")
    return seconds
