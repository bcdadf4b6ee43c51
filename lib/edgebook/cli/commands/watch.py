"""`edgebook watch`: what users of a front door see, counted by clients of our own."""

import argparse
import contextlib
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edgebook.base.errors import EXIT_FAILED, EXIT_OK, EdgebookError, UsageError
from edgebook.base.text import canvas
from edgebook.cli.commands._output import as_json

if TYPE_CHECKING:
    from edgebook.book import Book

HELP = "watch a front door as its users see it, and count what fails"
FOR_ITS_READER = True  # it ends when nobody reads it any more
EPILOG = """It asks politely (5 requests a second and frontend on Google Cloud; `checks:` in the
params say more), changes nothing and needs no right but to reach the site.
exit codes: 0 within safety.traffic of the params, 1 not, or nothing could be watched."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--params", required=True, metavar="FILE", help="params of the front door")
    parser.add_argument("--for", dest="seconds", default="", metavar="TIME",
                        help="how long, such as 60s or 5m; default: until Ctrl-C")  # fmt: skip
    parser.add_argument("--rate", type=float, metavar="N",
                        help="requests a second for each frontend")  # fmt: skip
    parser.add_argument("--samples", type=Path, metavar="FILE",
                        help="keep every sample, as change records do")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="the numbers for machines")


def run(args: argparse.Namespace) -> int:
    import edgebook
    from edgebook.show import watched
    from edgebook.traffic import archive, judge
    from edgebook.traffic.statistics import Statistics
    from edgebook.traffic.targets import limits

    if args.rate is not None and args.rate <= 0:
        raise UsageError("A rate is more than 0", where="--rate", why=f"{args.rate:g} is not")
    seconds = duration(args.seconds) if args.seconds else None
    book = edgebook.open(args.params)
    watch = book.watch(rate=args.rate)
    with contextlib.suppress(KeyboardInterrupt), watch:  # what was seen until then is told
        _live(watch, seconds, quiet=args.json)
    report = watch.stop()
    if args.samples is not None:
        args.samples.write_text(archive.write(report.log), encoding="utf-8")
    seen = watched.of_report(report)
    print(as_json(seen.to_json()) if args.json else seen)
    if not report.statistics.sent:
        print(f"Nothing was watched: {_why(book)}", file=sys.stderr)
    verdict = judge(Statistics(), report.statistics, limits(book.spec.safety.traffic))
    return EXIT_OK if verdict.ok else EXIT_FAILED


def _why(book: "Book") -> str:
    try:
        why = book.door.connection.no_data_plane
    except EdgebookError as error:
        return error.what
    return why or "no address and name of this front door leads anywhere that is reached from here"


def duration(text: str) -> float:
    """60, 60s, 5m or 1h in seconds."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|h)?", text.strip())
    if not found or float(found[1]) <= 0:
        raise UsageError(f"Not a time: {text!r}", where="--for", why="such as 60s, 5m or 1h")
    return float(found[1]) * {None: 1, "s": 1, "m": 60, "h": 3600}[found[2]]


def _live(watch: object, seconds: float | None, *, quiet: bool) -> None:
    from typing import cast

    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from edgebook.show import watched
    from edgebook.traffic import Watch

    console = Console(file=canvas(sys.stderr if quiet else sys.stdout), highlight=False)
    running = cast(Watch, watch)
    if quiet or not console.is_terminal:
        watched.follow(running, seconds, lambda seen: None)
        return
    with Live(console=console, refresh_per_second=2, transient=True) as live:
        watched.follow(running, seconds, lambda seen: live.update(Text(str(seen))))
