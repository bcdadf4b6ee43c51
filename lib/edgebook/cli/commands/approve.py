"""`edgebook approve`: sign a plan that was read, as one of the people that the params ask for."""

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path

from edgebook.base.errors import EXIT_OK, UsageError

HELP = "sign a plan, where the params ask for more than one approval"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("plan", metavar="FILE", help="what `edgebook plan --out plan.json` wrote")
    parser.add_argument(
        "--as", dest="name", required=True, metavar="NAME", help="as under safety.approvers"
    )
    parser.add_argument("--key", required=True, type=Path, metavar="FILE", help="your private key")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="the approval")
    parser.add_argument("--json", action="store_true", help="for machines")


def run(args: argparse.Namespace) -> int:
    from edgebook.base import paste
    from edgebook.model import signatures
    from edgebook.plan.approval import read_given
    from edgebook.plan.approvers import statement

    given = read_given(args.plan)
    if given.plan is None:
        why = "a signature is for a plan that was read: its file is needed"
        raise UsageError("No plan to sign", where=args.plan, why=why)
    key = signatures.read_key(args.key)
    at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    said = statement(given.plan.hash, given.plan, by=args.name, at=at)
    signed = [*given.signed, {"statement": said, **signatures.sign(key, said)}]
    way_on = list(given.way_on)
    document = {"plan": given.plan.to_json(), "approvals": signed, "way_on": way_on}
    try:
        args.out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError("Not written", where=str(args.out), why=str(error)) from error
    if args.json:
        print(json.dumps(signed[-1]))
    else:
        print(f"{args.name} approved plan {given.plan.short_hash}: {args.out}")
        if way_on:
            print(f"Next: {paste.line(*way_on, '--approve', paste.path(str(args.out)))}")
        else:
            print("Next: give that file with --approve to the command that carries the plan out")
    return EXIT_OK
