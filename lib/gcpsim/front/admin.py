"""The stage door: /_sim/... reads and directs the simulator itself, and is no part of Google Cloud.

clock (read, scale, pause, advance), faults, calls, endpoints' own answers, state, stage directions.
Every answer is JSON; a wrong request gets an error that says what is allowed.
"""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import orjson

from gcpsim.core.clock import rfc3339
from gcpsim.core.edge import Answer
from gcpsim.core.errors import ApiError
from gcpsim.core.world import World

SETTLE_SECONDS = 2.0
START, MOST_MARKS = "start", 8
OF_DATAPLANE = ("endpoint-serve", "location-")  # directions that only it understands
Handler = Callable[[dict[str, str], dict[str, Any]], Any]


class Admin:
    """`METHOD path` -> function(query, body)."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ready: dict[str, Any] = {}
        self.token = ""  # what changes need; "" for none
        self._marks: dict[str, dict[str, dict[str, Any]]] = {}
        self.routes: dict[str, Handler] = {
            "GET ": self._index,
            "GET ready": lambda query, body: self._ready(),
            "GET failures": lambda query, body: {"failures": world.failures},
            "DELETE failures": self._forget_failures,
            "GET clock": lambda query, body: self._clock(),
            "POST clock": self._set_clock,
            "GET faults": lambda query, body: {"faults": world.faults.table()},
            "POST faults": lambda query, body: vars(world.faults.add(body)),
            "DELETE faults": self._clear_faults,
            "GET calls": self._calls,
            "DELETE calls": self._reset_calls,
            "GET reach": lambda query, body: self._reach(),
            "GET news": self._news,
            "GET traffic": lambda query, body: self._traffic(),
            "GET health": lambda query, body: self._settled("health_table"),
            "GET pods": lambda query, body: self._settled("pods_table"),
            "POST options": self._set_options,
            "GET marks": lambda query, body: {"marks": sorted(self._marks)},
            "POST mark": self._mark,
            "POST reset": self._reset,
            "GET stage": lambda query, body: {"verbs": sorted(world.stage)},
        }

    def handle(self, verb: str, path: str, query: dict[str, str], body: bytes) -> Answer:
        """One admin request, as a transaction."""
        path = path.strip("/")
        try:
            parsed = orjson.loads(body) if body.strip() else {}
        except orjson.JSONDecodeError as error:
            raise ApiError(400, f"not JSON: {error}", "parseError") from None
        if not isinstance(parsed, dict):
            raise ApiError(400, "the body must be a JSON object", "badRequest")
        handler = self.routes.get(f"{verb} {path}") or self._stage(verb, path)
        if handler is None:
            known = ", ".join(sorted(route.strip() for route in self.routes))
            raise ApiError(404, f"no {verb} /_sim/{path}; there are: {known}", "notFound")
        result = self.world.transact(lambda: handler(query, parsed))
        self.world.clock.settle()
        return result if isinstance(result, Answer) else Answer(body=result)

    def _stage(self, verb: str, path: str) -> Handler | None:
        if verb != "POST" or not path.startswith("stage/"):
            return None
        name = path.removeprefix("stage/")
        direction = self.world.stage.get(name)
        if direction is None and name.startswith(OF_DATAPLANE) and self.world.dataplane is None:
            why = "started with --no-dataplane, or without an Envoy for this platform"
            raise ApiError(400, f"{name}: this simulator carries no traffic: {why}", "invalid")
        if direction is None:
            there = ", ".join(sorted(self.world.stage))
            raise ApiError(404, f"no stage direction {name!r}; there: {there}", "notFound")
        return lambda query, body: direction(body) or {}

    def _reach(self) -> Answer:
        """Where addresses are served, once the front ends have taken what they know."""
        plane = self.world.dataplane
        if plane is None:
            return Answer(body=[])
        return Answer(body=plane.reach, waiter=asyncio.ensure_future(plane.settled(SETTLE_SECONDS)))

    def _news(self, query: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
        """What spreads to the locations: documents in their order, with the time that takes."""
        plane, since = self.world.dataplane, query.get("since", "0")
        if not since.isdigit():
            raise ApiError(400, f"news: since must be a number, not {since!r}", "invalid")
        return {"news": plane.news(int(since)) if plane is not None else []}

    def _settled(self, table: str) -> Answer:
        """A table of the data plane, once what was ordered has been done; [] without one."""
        plane = self.world.dataplane
        if plane is None:
            return Answer(body=[])
        return Answer(
            body=getattr(plane, table), waiter=asyncio.ensure_future(plane.settled(SETTLE_SECONDS))
        )

    def _traffic(self) -> Answer:
        """What flowed, and what is not served and why."""
        plane = self.world.dataplane
        if plane is None:
            return Answer(body={"traffic": [], "refused": []})
        return Answer(body=plane.flow, waiter=asyncio.ensure_future(plane.settled(SETTLE_SECONDS)))

    def _ready(self) -> dict[str, Any]:
        """The ready document without what is a secret."""
        env = {k: v for k, v in self.ready.get("env", {}).items() if k != "GCPSIM_TOKEN"}
        return {**self.ready, "env": env}

    def _forget_failures(self, query: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
        self.world.failures.clear()
        return {}

    def _index(self, query: dict[str, str], body: dict[str, Any]) -> Any:
        return {"routes": sorted(self.routes), "stage": sorted(self.world.stage)}

    def _clock(self) -> dict[str, Any]:
        clock = self.world.clock
        now = clock.now()
        return {"now": rfc3339(now), "seconds": now, "scale": clock.scale, "paused": clock.paused}

    def _set_clock(self, query: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
        clock = self.world.clock
        unknown = set(body) - {"scale", "paused", "advance"}
        if unknown:
            raise ApiError(
                400, f"clock: unknown {sorted(unknown)}; allowed: advance, paused, scale", "invalid"
            )
        scale, paused, advance = body.get("scale"), body.get("paused"), body.get("advance", 0)
        for name, value in (("scale", scale), ("advance", advance)):
            if value is not None and (
                isinstance(value, bool) or not isinstance(value, int | float) or value < 0
            ):
                raise ApiError(
                    400, f"clock: {name} must be a number >= 0, not {value!r}", "invalid"
                )
        if paused is not None and not isinstance(paused, bool):
            raise ApiError(400, f"clock: paused must be true or false, not {paused!r}", "invalid")
        clock.set(scale=scale, paused=paused)
        if advance:
            clock.advance(float(advance))
        return self._clock()

    def _clear_faults(self, query: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
        chosen = query.get("id")
        if chosen is not None and not chosen.isdigit():
            raise ApiError(400, f"faults: id must be a number, not {chosen!r}", "invalid")
        self.world.faults.clear(int(chosen) if chosen else None)
        return {"faults": self.world.faults.table()}

    def _calls(self, query: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
        since = query.get("since", "0")
        if not since.isdigit():
            raise ApiError(400, f"calls: since must be a number, not {since!r}", "invalid")
        calls = self.world.calls
        result: dict[str, Any] = {"counts": calls.table(), "total": sum(calls.counts.values())}
        if query.get("log") == "true":
            result["log"] = calls.entries(int(since))
        return result

    def _reset_calls(self, query: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
        self.world.calls.reset()
        return {}

    def remember_start(self) -> None:
        """The state that `reset` goes back to."""
        self._marks[START] = self.world.store.snapshot()

    def _mark(self, query: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
        """Keep the world as it is now under a name, for `reset` to go back to; in memory only."""
        name = body.get("name")
        if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9-]{0,39}", name):
            text = f"mark: name must be small letters, digits and dashes, not {name!r}"
            raise ApiError(400, text, "invalid")
        if name == START:
            raise ApiError(400, f"mark: {START} is the world as it began", "invalid")
        if name not in self._marks and len(self._marks) > MOST_MARKS:
            kept = ", ".join(sorted(self._marks))
            raise ApiError(400, f"mark: {MOST_MARKS} at most; there are: {kept}", "invalid")
        self._marks[name] = self.world.store.snapshot()
        return {"marks": sorted(self._marks)}

    def _reset(self, query: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
        """The world as it was when it became ready, or at a mark; simulated time goes on."""
        world, name = self.world, body.get("to", START)
        if name not in self._marks:
            known = ", ".join(sorted(self._marks))
            raise ApiError(400, f"reset: no mark {name!r}; there are: {known}", "invalid")
        world.clock.clear()
        world.store.restore(self._marks[name])
        world.faults.clear()
        world.calls.reset()
        world.resume()
        if world.dataplane is not None:
            world.dataplane.resync()
        return {}

    def _set_options(self, query: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
        options = self.world.options
        for name, value in body.items():
            if not hasattr(options, name) or type(getattr(options, name)) is not type(value):
                raise ApiError(
                    400, f"options: {name}={value!r}; options are {vars(options)}", "invalid"
                )
            setattr(options, name, value)
        if self.world.dataplane is not None:
            self.world.dataplane.resync()
        return vars(options)
