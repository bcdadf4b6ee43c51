"""Stage directions for locations: they learn later than others, go away, come back, or serve a
certificate that nobody trusts.

Google's network is anycast: clients of a location that is down are led to another one, which
`gcpsim reach` says; who is connected when it goes down is cut off.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from gcpsim.core.behaviour import seconds
from gcpsim.core.errors import ApiError
from gcpsim.core.world import World
from gcpsim.dataplane.envoy.process import Envoy
from gcpsim.dataplane.spread import Location
from gcpsim.dataplane.stranger import Pair, stranger

Args = dict[str, Any]
CERTIFICATES = ("right", "wrong")


class Locations:
    """The locations of a data plane, as stage directions see them."""

    def __init__(
        self, world: World, known: dict[str, Location], envoys: dict[str, Envoy],
        changed: Callable[[], None], exchange: Callable[[str, Pair | None], None],
    ) -> None:  # fmt: skip
        self.known, self.envoys, self.changed = known, envoys, changed
        self._exchange = exchange
        self._tasks: set[asyncio.Task[None]] = set()
        world.stage |= {
            "location-certificate": self.certificate,
            "location-delay": self.delay,
            "location-down": self.down,
            "location-up": self.up,
        }

    def delay(self, args: Args) -> Args:
        """{"location", "by"}: it learns changes so much later than it would ("0" ends that)."""
        location = self._named("location-delay", args, "by")
        try:
            location.extra = seconds(str(args.get("by", "")))
        except ValueError as error:
            raise ApiError(400, f"location-delay: {error}", "invalid") from None
        return {"location": location.name, "later by": f"{location.extra:g} s"}

    def down(self, args: Args) -> Args:
        """{"location"}: its front end is gone, and the connections to it."""
        location = self._named("location-down", args)
        if not location.down:
            location.down = True
            self._do(self.envoys[location.name].stop())
        return {"location": location.name, "state": "down"}

    def up(self, args: Args) -> Args:
        """{"location"}: its front end serves again what the location knows by now."""
        location = self._named("location-up", args)
        if location.down:
            location.down = False
            self._do(self.envoys[location.name].start())
        return {"location": location.name, "state": "up"}

    def certificate(self, args: Args) -> Args:
        """{"location", "certificate": "wrong"}: new handshakes there get one that nobody trusts."""
        location = self._named("location-certificate", args, "certificate")
        wanted = str(args.get("certificate", ""))
        if wanted not in CERTIFICATES:
            text = f"location-certificate: {wanted!r} is not one of {', '.join(CERTIFICATES)}"
            raise ApiError(400, text, "invalid")
        self._exchange(location.name, stranger() if wanted == "wrong" else None)
        return {"location": location.name, "certificate": wanted}

    def instead_of(self, location: str) -> str:
        """The location that serves the clients of one: itself, another when it is down, or ""."""
        up = [name for name, one in self.known.items() if not one.down]
        return location if location in up else next(iter(sorted(up)), "")

    def _named(self, verb: str, args: Args, *more: str) -> Location:
        allowed = {"location", *more}
        unknown = sorted(set(args) - allowed)
        if unknown:
            what = f"unknown {unknown}; it takes {sorted(allowed)}"
            raise ApiError(400, f"{verb}: {what}", "invalid")
        found = self.known.get(str(args.get("location", "")))
        if found is None:
            there = ", ".join(sorted(self.known))
            raise ApiError(404, f"no location {args.get('location')!r}; there: {there}", "notFound")
        return found

    def _do(self, work: Any) -> None:
        async def carried_out() -> None:
            await work
            self.changed()

        task = asyncio.get_running_loop().create_task(carried_out())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
