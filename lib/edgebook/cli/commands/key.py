"""`edgebook key`: a private key of your own, for signing approvals and records."""

import argparse
import json
from pathlib import Path

from edgebook.base.errors import EXIT_OK

HELP = "make a signing key, or show the public half of one"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="the private key; made if absent")
    parser.add_argument("--json", action="store_true", help="for machines")


def run(args: argparse.Namespace) -> int:
    from edgebook.model import signatures

    there = args.file.exists()
    key = signatures.read_key(args.file) if there else signatures.make_key(args.file)
    public = signatures.public_name(key)
    print(json.dumps({"public": public, "file": str(args.file)}) if args.json else public)
    return EXIT_OK
