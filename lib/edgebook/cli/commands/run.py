"""`edgebook run`: notebooks as one change, with one approval and one record."""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebook.base.errors import EXIT_OK, UsageError
from edgebook.base.text import canvas
from edgebook.cli.commands._lock import add_wait
from edgebook.cli.commands._output import FORMAT

if TYPE_CHECKING:
    from rich.console import Console

    from edgebook.records import Archive, Record
    from edgebook.runbook.display import Display
    from edgebook.runbook.kernels import WarmProcess
    from edgebook.runbook.request import Prepared
    from edgebook.runbook.run import Outcome, Run

HELP = "run notebooks in order as one change, and seal its record"
EPILOG = """exit codes: 0 all is well, 1 a step failed, 2 wrong params or command line,
3 refused (not approved), 5 locked by another run, 130 interrupted.
A record is written of every run that has begun: not of a wrong command line or wrong params."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="NOTEBOOK",
                        help="files or names (operate/swap); default: the sequence")  # fmt: skip
    parser.add_argument("--params", default="", metavar="FILE", help="params of the front door")
    parser.add_argument("--mode", choices=("plan", "apply", "back"), default="apply",
                        help="back: a move goes back to its start (default apply)")  # fmt: skip
    parser.add_argument("--approve", action="append", default=[], metavar="HASH",
                        help="hash of the approved plan, or a file with its JSON; signed "
                        "approvals as well; auto: only with the simulator")  # fmt: skip
    parser.add_argument("--key", default="", metavar="RUN_ID",
                        help="the same command with the same key starts, goes on, or says that "
                        "it is done already, with the same record")  # fmt: skip
    add_wait(parser)
    parser.add_argument("--resume", default="", metavar="CHG", help="go on where that run failed")
    parser.add_argument("--change-id", default="", metavar="CHG", help="default: the next free one")
    parser.add_argument("-p", "--parameter", nargs=2, action="append", default=[],
                        metavar=("NAME", "VALUE"), help="a notebook's own parameter")  # fmt: skip
    parser.add_argument("-f", "--parameters-file", type=Path, metavar="YAML")
    parser.add_argument("--records", default="", metavar="PLACE",
                        help="folder or URL; default: what the params say")  # fmt: skip
    parser.add_argument("--timeout", type=float, default=3600, metavar="SECONDS",
                        help="for each notebook (default 3600)")  # fmt: skip
    parser.add_argument("--total-timeout", type=float, default=4 * 3600, metavar="SECONDS",
                        help="for all of them (default 14400)")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="the summary for machines")


def run(args: argparse.Namespace) -> int:
    from edgebook.runbook.parameters import from_file
    from edgebook.runbook.request import Request, prepare

    if not args.params and not args.resume:
        raise UsageError("No params file", next="give one with --params FILE")
    given = from_file(args.parameters_file) if args.parameters_file else {}
    request = Request(
        params_file=args.params,
        notebooks=tuple(args.notebooks),
        mode=args.mode,
        approve=tuple(args.approve),
        given={**given, **dict(args.parameter)},
        change_id=args.change_id,
        resume=args.resume,
        records=args.records,
        key=args.key,
        wait_lock=args.wait_lock,
        notebook_seconds=args.timeout,
        total_seconds=args.total_timeout,
    )
    prepared = prepare(request)
    if prepared.already is not None:
        return _already(prepared, json_wanted=args.json)
    with running(lambda: settled(prepared), json_wanted=args.json) as (change, display):
        outcome = change.go()
    report(outcome, change.prepared.archive, display, json_wanted=args.json)
    verdict(outcome.record, display)
    return outcome.exit_code


def _already(prepared: "Prepared", *, json_wanted: bool) -> int:
    """An identical request that has succeeded: the same record, and nothing is run."""
    from edgebook.runbook.display import Display
    from edgebook.runbook.run import Outcome

    assert prepared.already is not None
    display = Display(_console(aside=json_wanted))
    display.say(f"Already done by {prepared.already.change_id} ({prepared.request.key}).")
    report(Outcome(prepared.already, EXIT_OK), prepared.archive, display, json_wanted=json_wanted)
    verdict(prepared.already, display)
    return EXIT_OK


def settled(prepared: "Prepared") -> "Prepared":
    """The same; all its kernels are on one world from now on, which is announced."""
    from edgebook.cloud import worlds

    spec = prepared.spec
    simulator = spec.simulator
    world = worlds.settle(
        spec.environment.value,
        spec.project,
        scenario=simulator.scenario,
        time_scale=simulator.time_scale,
    )
    worlds.tell(world)
    return prepared


@contextmanager
def running(
    prepared: Any, *, json_wanted: bool, title: Any = None, warm: "WarmProcess | None" = None
) -> Iterator[tuple["Run", "Display"]]:
    """A run that can go: warm process starting (or the given one, which stays), checks made."""
    from edgebook.runbook.display import Display
    from edgebook.runbook.kernels import WarmProcess
    from edgebook.runbook.run import Run
    from edgebook.runbook.watch import Signals

    display = Display(_console(aside=json_wanted))
    used = warm or WarmProcess()
    try:
        with Signals(lambda: display.say("Stopping.", "yellow")) as signals:
            ready = prepared()
            if title is not None:
                display.say(title())
            yield Run(ready, used, display, signals), display
    finally:
        if warm is None:
            used.close()


def _console(*, aside: bool) -> "Console":
    """Where a run is shown; `aside` when standard output is for machines."""
    from rich.console import Console

    return Console(file=canvas(sys.stderr if aside else sys.stdout), highlight=False)


def report(
    outcome: "Outcome", archive: "Archive", display: "Display", *, json_wanted: bool
) -> None:
    """Where the record is, and whether the chain it is in is intact."""
    from edgebook.records import FolderArchive, verify_archive

    record = outcome.record
    page = archive.where(f"{record.change_id}/index.html")
    chain = f"number {record.sequence} of the chain"
    if isinstance(archive, FolderArchive):
        chain = str(verify_archive(archive, files=False)).splitlines()[-1]
    display.say(f"Record {record.change_id}: {page}   (sealed, {chain})")
    if json_wanted:
        steps = [
            {name: step.get(name) for name in ("name", "status", "seconds", "headline", "error")}
            | {"changes": len(step["changes"]), "checks": len(step["checks"])}
            for step in record.steps
        ]
        said = {
            "format": FORMAT,
            "change_id": record.change_id,
            "status": record.status,
            "exit_code": outcome.exit_code,
            "plan": (record.data.get("plan") or {}).get("hash", ""),
            "record": page,
            "sha256": record.sha256,
            "steps": steps,
            "traffic": record.data.get("traffic"),
        }
        json.dump(said, sys.stdout, indent=1)
        sys.stdout.write("\n")


def verdict(record: "Record", display: "Display") -> None:
    """What users saw of it, the last line of every run."""
    from edgebook.records import traffic

    sentence, tone = traffic.verdict(record.data)
    if sentence:
        style = {"failed": "red", "uncertain": "yellow"}.get(tone, "")
        display.say(f"  {sentence:<88} timeline in the record", style)
