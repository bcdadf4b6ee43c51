"""`edgebook completion`: what a shell reads to complete commands and options."""

import argparse

from edgebook.base.errors import EXIT_OK

HELP = "print completion for a shell: bash, zsh or tcsh"
EPILOG = """bash:  edgebook completion bash > ~/.local/share/bash-completion/completions/edgebook
zsh:   edgebook completion zsh > a folder of $fpath, as _edgebook
tcsh:  edgebook completion tcsh > ~/.edgebook.completion.csh, and source it"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("shell", choices=("bash", "tcsh", "zsh"))


def run(args: argparse.Namespace) -> int:
    import shtab

    from edgebook.cli.parser import full_parser

    print(shtab.complete(full_parser(), shell=args.shell))
    return EXIT_OK
