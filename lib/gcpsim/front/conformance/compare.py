"""Replays a recording's script here and tells where this simulator answers otherwise."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from gcpsim.core import projects
from gcpsim.core.edge import Call
from gcpsim.core.errors import ApiError
from gcpsim.front.build import Cloud, Config, build
from gcpsim.front.conformance import redact
from gcpsim.front.conformance.recorder import FORMAT
from gcpsim.front.conformance.script import STEPS, Step
from gcpsim.front.http import LEGACY

PROJECT = "replayed-here"
UNDER_WAY = {"response", "done", "metadata"}  # what an operation shows is chance


class NotARecording(ValueError):
    """A file that no `gcpsim conformance record` wrote, or one of another script."""


Answers = dict[str, tuple[int, Any, Any]]


def replay() -> Answers:
    """How this simulator answers the script: step -> status, answer, end of its operation."""
    cloud = build(Config(time_scale=0))
    return {step.name: _replayed(cloud, step) for step in STEPS}


def differences(recording: Any, here: Answers | None = None) -> dict[str, list[str]]:
    """Step -> what differs, for the steps that do; `here` is a replay that was made before."""
    if not isinstance(recording, dict) or recording.get("format") != FORMAT:
        raise NotARecording(f"it is no recording of format {FORMAT}")
    recorded = {step["name"]: step for step in recording["steps"]}
    unknown = sorted({step.name for step in STEPS} ^ recorded.keys())
    if unknown:
        raise NotARecording(f"its script is another one: {', '.join(unknown)}; record it anew")
    here = replay() if here is None else here
    found = {}
    for step in STEPS:
        status, answer, end = here[step.name]
        there = recorded[step.name]
        told = [] if status == there["status"] else [f"status: {there['status']}, here {status}"]
        told += _compared("answer", there["answer"], answer)
        told += _compared("end", there["end"], end)
        if told:
            found[step.name] = told
    return found


def _replayed(cloud: Cloud, step: Step) -> tuple[int, Any, Any]:
    path = step.path.replace("{p}", PROJECT)
    path, _, query = path.partition("?")
    pairs = dict(item.split("=", 1) for item in query.split("&") if "=" in item)
    raw = b"" if step.body is None else json.dumps(step.body).replace("{p}", PROJECT).encode()
    call = Call(step.service, step.verb, path, pairs, {}, raw)
    service = cloud.world.services[step.service]
    end: Any = None
    try:
        answer = cloud.world.transact(lambda: service.handle(call))
        cloud.world.clock.settle()
        status = answer.status
        body = answer.body() if callable(answer.body) else answer.body
        if isinstance(body, dict) and (body.get("kind") == "compute#operation" or "done" in body):
            end = {key: body[key] for key in ("error", "httpErrorMessage") if key in body}
    except ApiError as error:
        status = error.code
        body = error.legacy_body() if step.service in LEGACY else error.rpc_body()
    number = projects.number(PROJECT)
    return status, redact.clean(body, PROJECT, number), redact.clean(end, PROJECT, number)


def _compared(where: str, there: Any, here: Any) -> Iterator[str]:
    """Lines for what differs; what an operation shows while it runs is not compared."""
    if isinstance(there, dict) and isinstance(here, dict):
        for key in sorted(there.keys() | here.keys()):
            if key in UNDER_WAY:
                continue
            if key not in here:
                yield f"{where}.{key}: {_short(there[key])}, missing here"
            elif key not in there:
                yield f"{where}.{key}: not there, here {_short(here[key])}"
            else:
                yield from _compared(f"{where}.{key}", there[key], here[key])
    elif isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        for index, (one, other) in enumerate(zip(there, here, strict=True)):
            yield from _compared(f"{where}[{index}]", one, other)
    elif there != here:
        yield f"{where}: {_short(there)}, here {_short(here)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 90 else text[:87] + "..."


def report(recording: Any, say: Callable[[str], None] = print) -> int:
    """Print the table; the number of steps that differ."""
    found = differences(recording)
    for name, lines in found.items():
        say(name)
        for line in lines:
            say(f"  {line}")
    say(f"{len(STEPS) - len(found)} of {len(STEPS)} steps are answered as recorded")
    return len(found)
