"""`edgebook completion`: what a shell reads to complete commands, options, notebooks and files."""

import argparse
import re
from collections.abc import Iterator

from edgebook.base.errors import EXIT_OK

HELP = "print completion for a shell: bash, zsh, fish or tcsh"
EPILOG = """bash:  mkdir -p ~/.local/share/bash-completion/completions
       edgebook completion bash > ~/.local/share/bash-completion/completions/edgebook
       (or, without the package bash-completion: eval "$(edgebook completion bash)" in ~/.bashrc)
zsh:   edgebook completion zsh > a folder of $fpath, as _edgebook
fish:  edgebook completion fish > ~/.config/fish/completions/edgebook.fish
tcsh:  edgebook completion tcsh > ~/.edgebook.completion.csh, and source it"""
SHELLS = ("bash", "fish", "tcsh", "zsh")
# Runbooks of other names are run, and not offered: a shell would act on what is in them.
NAME = re.compile(r"\w[\w-]*(?:/\w[\w-]*)*\.ipynb", re.ASCII)
# By what help calls a value: what a shell offers for it.
FILES = ("FILE", "YAML", "PLACE")
FOLDERS = ("FOLDER",)
NOTEBOOK = "NOTEBOOK"
# What the scripts of a shell call for a notebook.
DEFINED = {
    "bash": """
_edgebook_notebook_files() {
  compgen -W "%s" -- "$1"
  compgen -f -X "!*.ipynb" -- "$1"
  compgen -d -- "$1"
}""",
    "zsh": """
_edgebook_notebook_files() {
  compadd -- %s
  _files -g "*.ipynb"
}""",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("shell", choices=SHELLS)


def run(args: argparse.Namespace) -> int:
    import shtab

    from edgebook.cli.parser import full_parser

    parser, names = full_parser(), " ".join(_notebooks())
    offered = {
        **dict.fromkeys(FILES, shtab.FILE),
        **dict.fromkeys(FOLDERS, shtab.DIRECTORY),
        NOTEBOOK: {
            "bash": "_edgebook_notebook_files",
            "zsh": "_edgebook_notebook_files",
            "fish": f"{names} (__fish_complete_suffix .ipynb)",
            "tcsh": f"({' '.join(name for name in names.split() if '/' not in name)})",
        },
    }
    for action in _values(parser):
        if isinstance(action.metavar, str) and action.metavar in offered and not action.choices:
            action.complete = offered[action.metavar]  # type: ignore[attr-defined]
    defined = DEFINED.get(args.shell, "")
    print(shtab.complete(parser, shell=args.shell, preamble=defined and defined % names))
    return EXIT_OK


def _values(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Everything that takes a value, of all commands."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from _values(child)
        elif action.nargs != 0:
            yield action


def _notebooks() -> list[str]:
    """The names of the runbooks, as commands take them."""
    from edgebook.runbook.sequence import notebooks_folder

    folder = notebooks_folder()
    paths = (path.relative_to(folder) for path in folder.rglob("*.ipynb"))
    return sorted(
        path.with_suffix("").as_posix()
        for path in paths
        if NAME.fullmatch(path.as_posix()) and path.name[0] != "_"
    )
