"""The line at the top of a notebook: which world it is on, in words and colour.

Google Cloud is red, a simulated one blue: nobody should have to read a params file to know whether
a cell can touch something real. A notebook that is on neither says so in red, too.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from edgebook.base.errors import WrongWorld
from edgebook.base.text import escaped, plain
from edgebook.cloud.worlds import World

REAL = ("#b3261e", "rgba(220,38,38,.10)", "GOOGLE CLOUD", "real: what is applied here is applied")
WRONG = (REAL[0], REAL[1], "WRONG WORLD", "nothing was read and nothing was changed")
SIMULATED = ("#0b57d0", "rgba(11,87,208,.10)", "SIMULATED", "nothing real is touched")


def banner(world: World, front_door: str, hostnames: Iterable[str]) -> str:
    """The world of a front door as HTML."""
    names = ", ".join(hostnames)
    door = f"Front door <b>{escaped(front_door)}</b> ({escaped(names)})"
    where = f"{world.name}, project {world.project}, at {world.endpoint} ({world.how})"
    return _box(REAL if world.real else SIMULATED, door, escaped(where))


@dataclass(frozen=True)
class WrongBanner:
    """What a notebook shows before it fails: that it is not on the world of its params."""

    error: WrongWorld

    def __repr__(self) -> str:
        return f"{WRONG[2]}: {WRONG[3]}\n{plain(self.error.what)}"

    def _repr_html_(self) -> str:
        way_on = f"Next: <code>{escaped(self.error.next)}</code>"
        return _box(WRONG, escaped(self.error.what), way_on)


def _box(look: tuple[str, str, str, str], *lines: str) -> str:
    """Lines are HTML already."""
    colour, ground, word, meaning = look
    badge = (
        f"background:{colour};color:#fff;font-weight:600;padding:1px 8px;border-radius:4px;"
        "margin-right:8px"
    )
    return (
        f'<div role="status" style="border-left:4px solid {colour};background:{ground};'
        'padding:6px 12px;font-size:13px">'
        f'<span style="{badge}">{word}</span>{meaning}'
        + "".join(f"<div>{line}</div>" for line in lines)
        + "</div>"
    )
