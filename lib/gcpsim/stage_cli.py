"""Stage directions on the command line: what happens to clusters, zones, nodes and pods.

Each verb posts to /_sim/stage/<verb>; the simulator says what it did as JSON or as lines.
"""

import argparse
import json
from collections.abc import Callable
from typing import Any

# command -> verb -> (stage verb, positional arguments, help)
VERBS: dict[str, dict[str, tuple[str, tuple[str, ...], str]]] = {}


def add_commands(commands: Any, ask: Callable[..., Any]) -> None:
    """Add `cluster`, `zone`, `node` and their like to the parser."""
    for noun, verbs in VERBS.items():
        parser = commands.add_parser(noun, help=", ".join(verbs))
        actions = parser.add_subparsers(required=True, metavar="VERB")
        for name, (stage, positional, about) in verbs.items():
            action = actions.add_parser(name, help=about, description=about)
            action.add_argument("--url", default="", help="the simulator")
            action.add_argument("--json", action="store_true")
            for argument in positional:
                action.add_argument(argument)
            action.set_defaults(run=_runner(ask, stage, positional))


def _runner(
    ask: Callable[..., Any], stage: str, positional: tuple[str, ...]
) -> Callable[[argparse.Namespace], int]:
    def run(arguments: argparse.Namespace) -> int:
        body = {name: getattr(arguments, name) for name in positional}
        print(json.dumps(ask(arguments.url, "POST", f"stage/{stage}", body), indent=2))
        return 0

    return run
