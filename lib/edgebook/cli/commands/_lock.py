"""`--wait-lock`, for every command that can meet another run."""

import argparse
import re

UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


def add_wait(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--wait-lock",
        type=seconds,
        default=0.0,
        metavar="TIME",
        help="wait so long (600, 10m) for another run of this front door to end; else exit code 5",
    )


def seconds(text: str) -> float:
    """90, 90s, 10m or 1h in seconds."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 600, 90s, 10m")
    return float(found[1]) * UNITS[found[2]]
