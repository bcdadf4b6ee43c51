"""The line at the top of a notebook: which world it is on, in words and colour.

Google Cloud is red, a simulated one blue: nobody should have to read a params file to know whether
a cell can touch something real.
"""

import html
from collections.abc import Iterable

from edgebook.cloud.worlds import World

REAL = ("#b3261e", "rgba(220,38,38,.10)", "GOOGLE CLOUD", "real: what is applied here is applied")
SIMULATED = ("#0b57d0", "rgba(11,87,208,.10)", "SIMULATED", "nothing real is touched")


def banner(world: World, front_door: str, hostnames: Iterable[str]) -> str:
    """The world of a front door as HTML."""
    colour, ground, word, meaning = REAL if world.real else SIMULATED
    badge = (
        f"background:{colour};color:#fff;font-weight:600;padding:1px 8px;border-radius:4px;"
        "margin-right:8px"
    )
    names = ", ".join(hostnames)
    door = f"Front door <b>{html.escape(front_door)}</b> ({html.escape(names)})"
    where = f"{world.name}, project {world.project}, at {world.endpoint} ({world.how})"
    return (
        f'<div role="status" style="border-left:4px solid {colour};background:{ground};'
        'padding:6px 12px;font-size:13px">'
        f'<span style="{badge}">{word}</span>{meaning}'
        f"<div>{door}</div><div>{html.escape(where)}</div></div>"
    )
