"""`gcpsim reach` and `gcpsim traffic`: where addresses are served, and what flows."""

import argparse
import json
from collections.abc import Callable
from typing import Any

Ask = Callable[..., Any]
Show = Callable[..., None]


def add_commands(commands: Any, ask: Ask, show: Show) -> None:
    """Add both commands to the parser."""
    for name, run, about in (
        ("reach", _reach, "where each address, port and location is served on this machine"),
        ("traffic", _traffic, "what flowed, per rule, location and backend; what is refused"),
    ):
        command = commands.add_parser(name, help=about, description=about)
        command.add_argument("--url", default="", help="the simulator")
        command.add_argument("--json", action="store_true", help="machine-readable output")
        command.set_defaults(run=_runner(run, ask, show))


def _runner(
    run: Callable[[argparse.Namespace, Ask, Show], int], ask: Ask, show: Show
) -> Callable[[argparse.Namespace], int]:
    return lambda arguments: run(arguments, ask, show)


def _reach(arguments: argparse.Namespace, ask: Ask, show: Show) -> int:
    rows = ask(arguments.url, "GET", "reach")
    if arguments.json:
        print(json.dumps(rows))
    elif rows:
        show(rows, ("ip", "port", "protocol", "location", "connect", "rule"))
    else:
        print("no forwarding rule is served")
    return 0


def _traffic(arguments: argparse.Namespace, ask: Ask, show: Show) -> int:
    found = ask(arguments.url, "GET", "traffic")
    if arguments.json:
        print(json.dumps(found))
        return 0
    if found["traffic"]:
        show(
            found["traffic"],
            ("rule", "location", "service", "backend", "outcome", "count", "project"),
        )
    else:
        print("nothing flowed yet")
    for one in found["refused"]:
        print(f"not served at {one['location']}: {one['why']}")
    return 0
