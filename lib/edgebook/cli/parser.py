"""What the command line understands: one module of `edgebook.cli.commands` for each command.

A command's module has HELP, `arguments(parser)` and `run(args) -> exit code`. Only the one that was
asked for is imported.
"""

import argparse
import importlib
import pkgutil
from collections.abc import Sequence
from types import ModuleType

from edgebook.cli import commands

EPILOG = """exit codes:
  0    done
  1    something failed
  2    the command line or the params are wrong
  3    refused: not approved, not the approved plan, over a safety limit, not ours
  4    there are changes (only `plan --detailed-exitcode`)
  5    locked: another run changes this front door (--wait-lock waits for it)
  6    not healthy (only `status`)
  130  stopped by hand
"""


def command_names() -> list[str]:
    """All commands, sorted."""
    found = pkgutil.iter_modules(commands.__path__)
    return sorted(module.name for module in found if not module.name.startswith("_"))


def load(name: str) -> ModuleType:
    return importlib.import_module(f"edgebook.cli.commands.{name}")


def build_parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """A parser that knows the asked command in full, and the others only when help is wanted."""
    parser = argparse.ArgumentParser(
        prog="edgebook",
        description="Puts a global front door before GKE clusters on Google Cloud.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="say which version this is")
    children = parser.add_subparsers(dest="command", metavar="COMMAND")
    asked = next((word for word in arguments if not word.startswith("-")), "")
    names = command_names()
    for name in names:
        if asked in names and name != asked:
            children.add_parser(name)
            continue
        module = load(name)
        child = children.add_parser(name, help=module.HELP, description=f"{module.HELP}.")
        if name == asked:
            module.arguments(child)
    return parser


def full_parser() -> argparse.ArgumentParser:
    """A parser that knows every command in full: for completion and for tests."""
    parser = build_parser([])
    children = next(
        action for action in parser._actions if isinstance(action, argparse._SubParsersAction)
    )
    for name, child in children.choices.items():
        load(name).arguments(child)
    return parser
