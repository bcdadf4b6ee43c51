"""`edgebook status`: frontends, certificates, names and endpoint health of a front door."""

import argparse
import json
from typing import Any

from edgebook.errors import EXIT_OK

HELP = "show frontends, certificates, names and endpoint health"


def arguments(parser: argparse.ArgumentParser) -> None:
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
    print(json.dumps(shown.to_json()) if args.json else shown)
    return EXIT_OK
