"""The command line: `edgebook COMMAND`, one module of `edgebook.commands` each.

A command's module has HELP, `arguments(parser)` and `run(args) -> exit code`. Only the one that was
asked for is imported. Errors go to stderr in words, or with --json to stdout as JSON.
"""

import argparse
import contextlib
import importlib
import json
import os
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TextIO, cast

from edgebook import commands
from edgebook.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, EdgebookError
from edgebook.interrupts import as_interrupts
from edgebook.shapes import hide
from edgebook.text import Hiding

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
    return importlib.import_module(f"edgebook.commands.{name}")


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


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code says how it went."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if sys.stdout is None:  # closed by whoever started us
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
    out, err = cast(TextIO, Hiding(sys.stdout)), cast(TextIO, Hiding(sys.stderr))
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            return _command(arguments)
    except BrokenPipeError:
        # The reader of our output is gone: say no more, also not while Python shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED


def _command(arguments: list[str]) -> int:
    parser = build_parser(arguments)
    args = parser.parse_args(arguments)
    if args.version:
        from importlib.metadata import version

        print(f"edgebook {version('edgebook')}")
        return EXIT_OK
    if not args.command:
        parser.print_help(sys.stderr)
        return EXIT_USAGE
    as_json = bool(getattr(args, "json", False))
    try:
        with as_interrupts():
            code: int = load(args.command).run(args)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except EdgebookError as error:
        _show(error, as_json=as_json, params=_params(args))
        return error.exit_code
    except (OSError, RecursionError) as error:
        _show(_in_words(error), as_json=as_json, params=_params(args))
        return EXIT_FAILED
    except KeyboardInterrupt:
        print("Stopped by hand.", file=sys.stderr)
        return EXIT_INTERRUPTED
    except Exception as error:
        _show(_unexpected(error), as_json=as_json, params=_params(args))
        return EXIT_FAILED
    return code


def _in_words(error: OSError | RecursionError) -> EdgebookError:
    """What the machine or a file did to us; neither is a fault of edgebook's."""
    if isinstance(error, RecursionError):
        return EdgebookError("A file is nested too deeply to be read", why="thousands of levels")
    names = [str(name) for name in (error.filename, error.filename2) if name]
    return EdgebookError(
        "The machine said no",
        where=", ".join(names),
        why=error.strerror or str(error),
        next="edgebook doctor looks at this machine",
    )


def _params(args: argparse.Namespace) -> str:
    return str(getattr(args, "params", "") or "")


def _unexpected(error: Exception) -> EdgebookError:
    """A fault of ours: in words here, its frames in a file for whoever mends it."""
    import traceback

    from edgebook.state import state_folder, write_private

    where = f"{type(error).__name__}"
    with contextlib.suppress(EdgebookError):
        path = state_folder() / "crash.txt"
        write_private(path, hide("".join(traceback.format_exception(error))))
        where = str(path)
    return EdgebookError(
        "Something went wrong that edgebook does not know",
        where=where,
        why=f"{type(error).__name__}: {error}",
        next="run it again; if it stays, that file says where",
    )


def _show(error: EdgebookError, *, as_json: bool, params: str) -> None:
    """The error in words, the commands in it ready to be pasted."""
    from edgebook import paste

    error.next = paste.complete(error.next, params)
    if as_json:
        print(json.dumps(error.to_json(), indent=1))
    print(paste.complete(str(error), params), file=sys.stderr)
