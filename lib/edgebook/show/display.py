"""Showing something at once, in the middle of a cell: what failed, before the error goes up.

In a notebook it becomes an output of the cell, also in a recorded one. Elsewhere nothing is shown:
a command says for itself what it prints, and machines get JSON.
"""

import sys
from typing import Any

from edgebook.apply.flow import Outcome
from edgebook.show.applied import Applied


def shown(outcome: Any) -> Any:
    """An outcome with the looks of a table."""
    return Applied(outcome) if isinstance(outcome, Outcome) else outcome


def show_now(outcome: Any) -> None:
    """An output of the running cell."""
    if in_notebook():
        from IPython.display import display

        display(shown(outcome))


def in_notebook() -> bool:
    """Whether this process is a notebook's kernel."""
    module = sys.modules.get("IPython")
    running = module.get_ipython() if module else None
    return type(running).__name__ == "ZMQInteractiveShell"
