"""The command line: runs the command that was asked for, and says in words what went wrong.

Errors go to stderr in words, or with --json to stdout as JSON.
"""

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import TextIO, cast

from edgebook.base import shipped
from edgebook.base.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, EdgebookError
from edgebook.base.interrupts import as_interrupts
from edgebook.base.shapes import hide
from edgebook.base.text import Hiding, Unbroken
from edgebook.cli.parser import build_parser, load


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code says how it went."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115
    out = cast(TextIO, Hiding(sys.stdout))
    err = cast(TextIO, Hiding(cast(TextIO, Unbroken(sys.stderr))))
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
    command = load(args.command)
    with _whoever_reads(command):
        code = _run(command, args)
        sys.stdout.flush()
        return code


def _run(command: ModuleType, args: argparse.Namespace) -> int:
    as_json = bool(getattr(args, "json", False))
    try:
        with as_interrupts():
            _ours(args)
            code: int = command.run(args)
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


@contextlib.contextmanager
def _whoever_reads(command: ModuleType) -> Iterator[None]:
    """What a command does, and its exit code, do not depend on who still reads what it says."""
    if getattr(command, "FOR_ITS_READER", False):
        yield
        return
    with contextlib.redirect_stdout(cast(TextIO, Unbroken(sys.stdout))):
        yield


def _ours(args: argparse.Namespace) -> None:
    """Params that come with edgebook are found from any folder, and that it is they is said."""
    given = getattr(args, "params", None)
    if not isinstance(given, str) or args.command == "init":
        return
    args.params = shipped.params_file(given)
    if args.params != given and not getattr(args, "json", False):
        print(f"{given} is not here: taken is the one of edgebook, {args.params}", file=sys.stderr)


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

    from edgebook.base.state import state_folder, write_private

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
    from edgebook.base import paste

    error.next = paste.complete(error.next, params)
    if as_json:
        print(json.dumps(error.to_json(), indent=1))
    print(paste.complete(str(error), params), file=sys.stderr)
