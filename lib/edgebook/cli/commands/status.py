"""`edgebook status`: frontends, certificates, names and endpoint health of a front door."""

import argparse
from typing import Any

from edgebook.base.errors import EXIT_FAILED, EXIT_OK, EXIT_UNHEALTHY
from edgebook.cli.commands._output import say

HELP = "show frontends, certificates, names and endpoint health"
EPILOG = """exit codes: 0 healthy, 6 not healthy (or not there), 1 it cannot be told,
2 wrong params or command line."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--params", required=True, metavar="FILE", help="params of the front door")
    parser.add_argument("--endpoints", action="store_true", help="every single endpoint")
    parser.add_argument("--leaks", action="store_true", help="what a teardown left over")
    parser.add_argument("--json", action="store_true", help="for machines")


def run(args: argparse.Namespace) -> int:
    import edgebook

    book = edgebook.open(args.params)
    shown: Any
    if args.leaks:
        shown = book.leaks()
    elif args.endpoints:
        shown = book.endpoints()
    else:
        shown = book.status()
    say(shown, args)
    if args.leaks or shown.data.get("healthy", True):
        return EXIT_OK
    return EXIT_FAILED if shown.data.get("unsure") else EXIT_UNHEALTHY
