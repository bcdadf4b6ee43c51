"""`gcpsim conformance record|compare`: what users can check for themselves against Google Cloud."""

import argparse
import contextlib
import json
import signal
import sys
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any


def add_commands(commands: Any) -> None:
    """Add `conformance` with its two verbs to the parser."""
    parser = commands.add_parser("conformance", help="record Google Cloud's answers, compare them")
    actions = parser.add_subparsers(required=True, metavar="VERB")
    record = actions.add_parser(
        "record", help="run a fixed script of calls in a throw-away project"
    )
    record.add_argument(
        "--project", required=True, help="a project made for this, to be thrown away"
    )
    record.add_argument("--project-number", default="", help="so that it is redacted as well")
    record.add_argument("--simulator", default="", metavar="URL", help="a simulator instead")
    record.add_argument("--out", type=Path, default=Path("conformance.json"))
    record.add_argument("--yes", action="store_true", help="cost, time and clean-up are understood")
    record.set_defaults(run=_record)
    compare = actions.add_parser("compare", help="replay a recording here, tell the differences")
    compare.add_argument("file", type=Path)
    compare.set_defaults(run=_compare)


def _record(arguments: argparse.Namespace) -> int:
    from gcpsim.front.conformance import recorder, script

    where = arguments.simulator or f"Google Cloud, project {arguments.project}"
    print(f"{len(script.STEPS)} calls against {where}: {script.MINUTES}, {script.COST}.")
    print(f"Everything it makes is called {script.PREFIX}-... and is deleted at the end.")
    if not arguments.yes:
        print("Run it again with --yes if that is fine. Nothing was done.", file=sys.stderr)
        return 2
    target = (
        recorder.simulator(arguments.simulator) if arguments.simulator else recorder.google_cloud()
    )
    number = arguments.project_number
    try:
        with _interruptible():
            recording = recorder.record(target, arguments.project, number=number)
    except (OSError, HTTPException, KeyboardInterrupt) as error:
        why = str(error) or "interrupted"
        print(f"gcpsim: it broke off ({why}). Nothing is recorded.", file=sys.stderr)
        return 1
    arguments.out.write_text(json.dumps(recording, indent=1, sort_keys=True) + "\n")
    print(f"recorded in {arguments.out}; compare it: gcpsim conformance compare {arguments.out}")
    return 1 if recording["left"] else 0


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Let the first signal break the script off; those that follow don't stop the clean-up."""
    seen: list[int] = []

    def stop(number: int, frame: object) -> None:
        seen.append(number)
        if len(seen) == 1:
            raise KeyboardInterrupt(signal.Signals(number).name)
        print("gcpsim: it is cleaning up; wait for that", file=sys.stderr)

    closed = getattr(signal, "SIGHUP", None)  # Windows has none
    numbers = [number for number in (signal.SIGINT, signal.SIGTERM, closed) if number is not None]
    before = [signal.signal(number, stop) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _compare(arguments: argparse.Namespace) -> int:
    from gcpsim.front.conformance import compare

    try:
        recording = json.loads(arguments.file.read_text())
        return 1 if compare.report(recording) else 0
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"gcpsim: {arguments.file}: {error}", file=sys.stderr)
        return 2
