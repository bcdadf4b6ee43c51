"""`edgebook teardown`: take a front door down; without --approve, say what would go."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from edgebook.base.errors import EXIT_OK
from edgebook.cli.commands._options import add_changing
from edgebook.cli.commands._output import as_json, failing_table, say

if TYPE_CHECKING:
    from edgebook.params.types import SafetySpec
    from edgebook.show.tables import PlanTable

HELP = "take a front door down, in reverse order"
EPILOG = """Without --approve it only shows the plan and its hash, and writes nothing.
exit codes: 0 done, 1 something failed, 2 wrong params or command line, 3 refused, 5 locked by
another run, 130 stopped."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add_changing(parser)
    parser.add_argument("--approve", action="append", default=[], metavar="HASH",
                        help="hash of the teardown's plan; signed approvals as well")  # fmt: skip
    parser.add_argument("--out", metavar="FILE", help="keep the plan as JSON, to be signed")
    parser.add_argument("--json", action="store_true", help="for machines")


def run(args: argparse.Namespace) -> int:
    import edgebook
    from edgebook.plan import lines
    from edgebook.plan.given import read_given

    book = edgebook.open(args.params)
    teardown = book.teardown(*args.step)
    if not args.approve:
        _plan(args, teardown.plan(), book.spec.safety)
        return EXIT_OK
    instead = lines.read(lines.of_teardown(args.params, args.step), "--approve", "HASH")
    given = read_given(args.approve, instead=instead)
    with failing_table(args):
        applied = teardown.apply(
            "apply", given, wait_lock=args.wait_lock, show_progress=not (args.quiet or args.json)
        )
    say(applied, args)
    return EXIT_OK


def _plan(args: argparse.Namespace, table: "PlanTable", safety: "SafetySpec") -> None:
    """Show what would go, and how to go on; kept as a file where one is asked for."""
    from edgebook.base import paste
    from edgebook.plan import lines
    from edgebook.plan.approvers import handed_over, how_signed
    from edgebook.show.tables import with_next, with_note

    way_on = list(lines.of_teardown(args.params, args.step))
    goes = bool(table.plan.to_do and not table.notes)
    if args.out:
        document = {**table.plan.to_json(), "way_on": way_on if goes else []}
        Path(args.out).write_text(f"{as_json(document)}\n", encoding="utf-8")
    if goes:
        if signing := how_signed(safety, *way_on):
            table = with_note(table, signing)
        approve = handed_over(safety, table.plan.short_hash)
        table = with_next(table, "to take it down", paste.line(*way_on, "--approve", approve))
    say(table, args)
