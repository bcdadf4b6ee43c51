"""`edgebook approve`: sign a plan that was read, as one of the people that the params ask for."""

import argparse
import itertools
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from edgebook.base.errors import EXIT_OK, UsageError

if TYPE_CHECKING:
    from edgebook.plan.approvers import Rules

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
    from edgebook.model import signatures
    from edgebook.plan.approvers import listed, statement
    from edgebook.plan.given import read_given

    written = (
        "`edgebook plan --params FILE --out plan.json` writes one, after a NOTEBOOK its ladder"
    )
    given = read_given(args.plan, instead=written)
    if given.plan is None:
        why = "a signature is for a plan that was read: its file is needed"
        raise UsageError("No plan to sign", where=args.plan, why=why, next=written)
    key = signatures.read_key(args.key)
    rules = _rules(given.way_on)
    if rules is not None:
        listed(rules, args.name, signatures.public_name(key))
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
        names = {str(item["statement"].get("by")) for item in signed}
        for line in _next(names, rules, args.out, way_on, given.plan.environment):
            print(line)
    return EXIT_OK


def _rules(way_on: Sequence[str]) -> "Rules | None":
    """What the plan's params ask for; None where they are not here: then it is seen later."""
    from edgebook.params import load
    from edgebook.plan.approvers import Rules

    file = dict(itertools.pairwise(way_on)).get("--params", "")
    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
    return Rules.of(load(text, file).safety)


def _next(
    names: set[str], rules: "Rules | None", out: Path, way_on: Sequence[str], environment: str
) -> Iterator[str]:
    """Who signs next, or what carries it out."""
    from edgebook.base import paste

    file = paste.path(str(out))
    lacking = rules.approvals - len(names) if rules else 0
    if rules and lacking > 0:
        yield f"{len(names)} of {rules.approvals} people; who carries it out is one more where " \
              "credentials prove who that is, which the simulator's do not"  # fmt: skip
        left = ", ".join(sorted(set(rules.approvers) - names)) or "nobody else is listed"
        yield f"To sign as well ({left}): " + paste.line(
            "approve", file, "--as", "NAME", "--key", "KEY.pem", "--out", file
        )
    if lacking <= 0 or (lacking == 1 and environment != "simulator"):
        if way_on:
            yield f"Next: {paste.line(*way_on, '--approve', file)}"
        else:
            yield "Next: give that file with --approve to the command that carries the plan out"
