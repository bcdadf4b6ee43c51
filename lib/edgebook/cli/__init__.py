"""The command line: `edgebook COMMAND`."""

from edgebook.cli.line import main
from edgebook.cli.parser import build_parser, command_names, full_parser, load

__all__ = ["build_parser", "command_names", "full_parser", "load", "main"]
