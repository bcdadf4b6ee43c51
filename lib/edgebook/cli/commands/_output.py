"""What commands print: a table for people, the same as JSON for machines."""

import argparse
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from edgebook.base.errors import StepFailed
from edgebook.base.shapes import hide_in

FORMAT = 1  # of all that is printed with --json; docs/json/schema.json has its keys


def as_json(document: Mapping[str, Any]) -> str:
    """A document for machines, with its format; no secret hides behind its quotes."""
    return json.dumps({"format": FORMAT, **hide_in(document)})


def say(shown: Any, args: argparse.Namespace) -> None:
    """Print it as the command line wants it: --json, -v, the terminal's width and colour."""
    from edgebook.show import terminal

    if args.json:
        print(as_json(shown.to_json()))
    else:
        terminal.show(shown, verbose=getattr(args, "verbose", False))


@contextmanager
def failing_table(args: argparse.Namespace) -> Iterator[None]:
    """Of what fails, first the table, the failed rows on top; the words follow on stderr."""
    from edgebook.show import display, terminal

    try:
        yield
    except StepFailed as error:
        if error.outcome is not None and not args.json:
            terminal.show(display.shown(error.outcome), verbose=getattr(args, "verbose", False))
        raise
