"""`edgebook doctor`: is everything here that a change needs, and if not, what to do."""

import argparse

from edgebook.base.errors import EXIT_FAILED, EXIT_OK
from edgebook.cli.commands._output import as_json

HELP = "look at this machine: programs, credentials, clock, network, simulators"
EPILOG = "exit codes: 0 nothing is missing that is needed, 1 something is."


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("--offline", action="store_true", help="ask nobody outside this machine")
    parser.add_argument("--json", action="store_true", help="for machines")


def run(args: argparse.Namespace) -> int:
    from edgebook.cloud import doctor
    from edgebook.model.values import CheckState
    from edgebook.show import tables, terminal

    results = doctor.examine(offline=args.offline)
    table = tables.checks_table("this machine", results)
    if args.json:
        print(as_json(table.to_json()))
    else:
        terminal.show(table)
    failed = any(result.state is CheckState.FAILED for result in results)
    return EXIT_FAILED if failed else EXIT_OK
