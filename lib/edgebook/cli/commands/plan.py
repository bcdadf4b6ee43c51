"""`edgebook plan`: what would change, and the hash to approve. Writes nothing anywhere."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from edgebook.base.errors import EXIT_CHANGES, EXIT_OK, EXIT_REFUSED, EdgebookError, UsageError
from edgebook.cli.commands._output import as_json
from edgebook.model.values import Plan, Step

if TYPE_CHECKING:
    from edgebook.book import Book

HELP = "show what would change, and the hash to approve"
EPILOG = """with --detailed-exitcode: 0 no changes, 4 there are changes,
3 the plan could not be applied whoever approves it (a safety limit, or something not ours)"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("notebook", nargs="?", type=Path, metavar="NOTEBOOK",
                        help="a runbook that moves traffic, such as operate/swap")  # fmt: skip
    parser.add_argument("-p", "--parameter", nargs=2, action="append", default=[],
                        metavar=("NAME", "VALUE"), help="the runbook's own parameter")  # fmt: skip
    parser.add_argument("--params", required=True, metavar="FILE", help="file or URL of the params")
    parser.add_argument(
        "--step",
        action="append",
        default=[],
        choices=[step.value for step in Step],
        metavar="STEP",
        help="only this step, may be repeated: " + ", ".join(Step),
    )
    parser.add_argument("--out", metavar="FILE", help="keep the plan as JSON, for --approve FILE")
    parser.add_argument("--detailed-exitcode", action="store_true", help="end with 4 on changes")
    parser.add_argument("-v", "--verbose", action="store_true", help="each field, before and after")
    parser.add_argument("--json", action="store_true", help="for machines")


def run(args: argparse.Namespace) -> int:
    import edgebook
    from edgebook.base import paste
    from edgebook.plan import kept, lines
    from edgebook.plan.approvers import handed_over, how_signed
    from edgebook.plan.details import with_details
    from edgebook.plan.make import refusal
    from edgebook.show import tables as show
    from edgebook.show import terminal

    book = edgebook.open(args.params)
    if args.notebook:
        return _move(book, args)
    plan = book.plan().plan.only([Step(name) for name in args.step] or tuple(Step))
    kept.show(plan, book.door.connection.place)
    made = lines.of_plan(args.params, args.step)
    way_on = lines.carrying_out(made)
    refused = refusal(plan, book.spec.safety, args.params, made=made)
    document = {
        **plan.to_json(),
        "refused": refused.to_json() if refused else None,
        "way_on": list(way_on) if plan.to_do and not refused else [],
    }
    said = as_json(with_details(document))
    if args.out:
        Path(args.out).write_text(f"{said}\n", encoding="utf-8")
    if args.json:
        print(said)
    else:
        safety = book.spec.safety
        notes = [paste.complete(str(refused), paste.path(args.params))] if refused else []
        if plan.to_do and not refused and (signing := how_signed(safety, *made)):
            notes.append(signing)
        table = show.plan_table(", ".join(args.step) or "plan", plan, notes=notes)
        if plan.to_do and not refused:
            approve = handed_over(safety, plan.short_hash)
            line = paste.line(*way_on, "--approve", approve)
            table = show.with_next(table, "to carry it out", line)
        terminal.show(table, verbose=args.verbose)
    return _exit_code(plan, refused, detailed=args.detailed_exitcode)


def _move(book: "Book", args: argparse.Namespace) -> int:
    """The ladder of a runbook that moves traffic."""
    from edgebook.plan import lines
    from edgebook.runbook.sequence import COMMON, assign, load
    from edgebook.show import terminal

    (runbook,) = load([args.notebook])
    if not runbook.moves:
        why = "it moves no traffic, so it has no plan of its own"
        raise UsageError(f"No plan of {runbook.name}", why=why, next="edgebook plan --params FILE")
    common = {"params_file": args.params, "mode": "plan"}
    values = assign([runbook], common, dict(args.parameter))[runbook.name]
    pages = book.move(
        runbook.step, **{name: value for name, value in values.items() if name not in COMMON}
    ).plan()
    document = pages.to_json()
    made = lines.of_move(str(args.notebook), dict(args.parameter), args.params)
    way_on = list(lines.carrying_out(made)) if document["left"] else []
    said = as_json({**document, "way_on": way_on})
    if args.out:
        Path(args.out).write_text(f"{said}\n", encoding="utf-8")
    if args.json:
        print(said)
    else:
        terminal.show(pages, verbose=args.verbose)
    return EXIT_CHANGES if args.detailed_exitcode and document["left"] else EXIT_OK


def _exit_code(plan: Plan, refused: EdgebookError | None, *, detailed: bool) -> int:
    if not detailed:
        return EXIT_OK
    if refused:
        return EXIT_REFUSED
    return EXIT_OK if plan.empty else EXIT_CHANGES
