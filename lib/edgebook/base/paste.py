"""Command lines that work when they are pasted: program, params and all.

Messages all over the library name commands in short (`edgebook status`); where they are shown they
are completed here, so that what people paste runs where they are. Nothing here runs anything.
"""

import itertools
import os
import re
import shlex
import shutil
import sys
from pathlib import Path

# Commands that need --params, unless they have it or go on with a recorded run.
WITH_PARAMS = ("apply", "export", "plan", "run", "status", "teardown", "unlock", "watch")
# Flags without a value: the word behind them is prose.
BARE = (
    "break-lock",
    "json",
    "leaks",
    "endpoints",
    "verbose",
    "detailed-exitcode",
    "quiet",
    "traffic",
)
_GOOGLE = re.compile(r"`(?P<command>gcloud (?:compute|container|dns|services) [^`]+)`")
COMMANDS = Path(__file__).resolve().parents[1] / "cli" / "commands"
_COMMAND = re.compile(
    r"(?<![\w./-])edgebook (?P<name>[a-z]+)(?P<rest>(?: (?:"
    rf"--(?:{'|'.join(BARE)})\b|-v\b|-p [a-z_]+ (?:'[^']*'|[\w@%+=:,./-]*\w)|"
    r"--?[a-z][\w-]* '[^']*'|"
    r"--?[a-z][\w-]* [\w./:@=-]*[\w/]|"
    r"(?:list|show|verify|diff|index)\b|[a-z]+/[a-z_]+|\d\d_[a-z_]+|[A-Z]+-[\w-]+"
    r"))*)"
)


# One in backticks ends where they do, whatever stands in it.
_QUOTED = re.compile(r"(?<=`)edgebook (?P<name>[a-z]+)(?P<rest>[^`\n]*)(?=`)")


def program() -> str:
    """How `edgebook` is called here: by its name when that finds this one, else by its path."""
    ours = Path(sys.executable).with_name("edgebook")
    found = shutil.which("edgebook")
    if not ours.exists() or (found and Path(found).samefile(ours)):
        return "edgebook"
    near = os.path.relpath(ours)
    return shlex.quote(near if not near.startswith("..") else str(ours))


def line(command: str, *words: str) -> str:
    """A whole command line, quoted."""
    return " ".join([program(), command, *(shlex.quote(word) for word in words)])


def complete(text: str, params: str = "") -> str:
    """The same text with its `edgebook` commands made whole; sentences about edgebook stay."""

    def whole(found: re.Match[str]) -> str:
        name, rest = found["name"], found["rest"]
        if name not in _names():
            return found[0]
        given = rest.split()
        if params:
            rest = rest.replace("--params FILE", f"--params {shlex.quote(params)}")
            if name in WITH_PARAMS and not {"--params", "--resume"} & set(given):
                rest += f" --params {shlex.quote(params)}"
        return f"{program()} {name}{rest}"

    parts = re.split(r"(`[^`\n]*`)", text)
    quoted = [_QUOTED.sub(whole, part) for part in parts[1::2]]
    prose = [_COMMAND.sub(whole, part) for part in parts[0::2]]
    return "".join(itertools.chain(*itertools.zip_longest(prose, quoted, fillvalue="")))


def of_project(text: str, project: str) -> str:
    """The same text with the gcloud commands in it, which stand in backticks, for one project."""

    def whole(found: re.Match[str]) -> str:
        command = found["command"]
        return found[0] if " --project " in command else f"`{command} --project {project}`"

    return _GOOGLE.sub(whole, text)


def _names() -> frozenset[str]:
    return frozenset(path.stem for path in COMMANDS.glob("[a-z]*.py"))


def path(file: str) -> str:
    """A file as a pasted line names it: relative below the working folder, else absolute."""
    if "://" in file:
        return file
    near = os.path.relpath(file)
    return near if not near.startswith("..") else str(Path(file).resolve())
