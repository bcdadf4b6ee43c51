"""`edgebook teardown`: take a front door down; without --approve, say what would go."""

import argparse
import json

from edgebook.errors import EXIT_OK
from edgebook.model.values import Step

HELP = "take a front door down, in reverse order"
EPILOG = """Without --approve it only shows the plan and its hash, and writes nothing.
exit codes: 0 done, 1 something failed, 2 wrong params or command line, 3 refused, 130 stopped."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--params", required=True, metavar="FILE", help="params of the front door")
    parser.add_argument("--approve", action="append", default=[], metavar="HASH",
                        help="hash of the teardown's plan; signed approvals as well")  # fmt: skip
    parser.add_argument(
        "--step",
        action="append",
        default=[],
        choices=[step.value for step in Step],
        metavar="STEP",
        help="only this step, may be repeated: " + ", ".join(Step),
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.add_argument("--json", action="store_true", help="for machines")


def run(args: argparse.Namespace) -> int:
    import edgebook
    from edgebook.plan.approval import read_given

    teardown = edgebook.open(args.params).teardown(*args.step)
    if not args.approve:
        table = teardown.plan()
        print(json.dumps(table.to_json()) if args.json else table)
        return EXIT_OK
    given = read_given(args.approve)
    applied = teardown.apply("apply", given, show_progress=not (args.quiet or args.json))
    print(json.dumps(applied.to_json()) if args.json else applied)
    return EXIT_OK
