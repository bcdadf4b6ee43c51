"""`edgebook apply`: carry out an approved plan, all steps or some; safe to run again."""

import argparse

from edgebook.base.errors import EXIT_OK
from edgebook.cli.commands._options import add_changing
from edgebook.cli.commands._output import failing_table, say
from edgebook.model.values import Step

HELP = "carry out an approved plan"
EPILOG = """exit codes: 0 done or nothing to do, 1 a change failed, 2 wrong params or command line,
3 refused (not approved, a safety limit, not ours), 5 locked by another run, 130 stopped by hand.
After 1 and 130 run it again: it reads what is there and goes on."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add_changing(parser)
    parser.add_argument(
        "--approve",
        required=True,
        action="append",
        metavar="HASH",
        help="hash that `edgebook plan` showed, or the file that it wrote with --out; "
        "signed approvals as well; auto: only with the simulator",
    )
    parser.add_argument("--json", action="store_true", help="what was done, for machines")


def run(args: argparse.Namespace) -> int:
    import edgebook
    from edgebook.plan import lines
    from edgebook.plan.given import read_given

    book = edgebook.open(args.params)
    instead = lines.read(lines.of_plan(args.params, args.step), "--approve", "HASH")
    given = read_given(args.approve, instead=instead)
    steps = tuple(Step(name) for name in args.step) or tuple(Step)
    with failing_table(args):
        applied = book.apply(
            "apply",
            given,
            steps=steps,
            wait_lock=args.wait_lock,
            show_progress=not (args.quiet or args.json),
        )
    say(applied, args)
    return EXIT_OK
