"""`edgebook teardown`: take a front door down; without --approve, say what would go."""

import argparse

from edgebook.base.errors import EXIT_OK
from edgebook.cli.commands._options import add_changing
from edgebook.cli.commands._output import failing_table, say

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
    parser.add_argument("--json", action="store_true", help="for machines")


def run(args: argparse.Namespace) -> int:
    import edgebook
    from edgebook.base import paste
    from edgebook.plan.approval import read_given
    from edgebook.show.tables import with_next

    teardown = edgebook.open(args.params).teardown(*args.step)
    if not args.approve:
        table = teardown.plan()
        if table.plan.to_do and not table.notes:
            steps = [word for name in args.step for word in ("--step", name)]
            words = ("--params", args.params, *steps, "--approve", table.plan.short_hash)
            table = with_next(table, "to take it down", paste.line("teardown", *words))
        say(table, args)
        return EXIT_OK
    given = read_given(args.approve)
    with failing_table(args):
        applied = teardown.apply(
            "apply", given, wait_lock=args.wait_lock, show_progress=not (args.quiet or args.json)
        )
    say(applied, args)
    return EXIT_OK
