"""Options that commands which change a front door have in common."""

import argparse

from edgebook.cli.commands._lock import add_wait
from edgebook.model.values import Step


def add_changing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--params", required=True, metavar="FILE", help="params of the front door")
    parser.add_argument(
        "--step",
        action="append",
        default=[],
        choices=[step.value for step in Step],
        metavar="STEP",
        help="only this step, may be repeated: " + ", ".join(Step),
    )
    add_wait(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.add_argument("-v", "--verbose", action="store_true", help="each field, before and after")
