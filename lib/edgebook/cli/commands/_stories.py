"""What `edgebook rehearse` plays: chapters, each one run with one record, on one simulator.

The first chapter always builds the front door, unless it is built already. Which parameters make a
move short enough for a rehearsal stands here, and nowhere else.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

QUICK = {"soak": "15s", "patience": "2m", "steps": [50.0, 100.0], "ttl": "30s", "quiet": "5m"}


@dataclass(frozen=True)
class Chapter:
    """Notebooks of one run with their own parameters; mode `back` undoes a move.

    `params` are top-level keys of the params file that are other ones in this chapter.
    """

    title: str
    notebooks: tuple[Path, ...]
    given: Mapping[str, Any] = field(default_factory=dict)
    mode: str = "apply"
    params: Mapping[str, Any] = field(default_factory=dict)


def stories() -> dict[str, Callable[[], list[Chapter]]]:
    """By name; the empty one is the whole move of a site, from its first day to its last."""
    return {
        "": _whole,
        "build": lambda: [_built("operate/status")],
        "upgrade": _upgrade,
        "failover": _failover,
        "certificates": _certificates,
    }


def built_already(chapters: list[Chapter]) -> list[Chapter]:
    """The same chapters without the notebooks that build the front door."""
    from edgebook.runbook.sequence import front_door

    building = front_door()
    left = (tuple(path for path in c.notebooks if path not in building) for c in chapters)
    return [replace(c, notebooks=n) for c, n in zip(chapters, left, strict=True) if n]


def _named(*names: str) -> tuple[Path, ...]:
    from edgebook.runbook.sequence import notebooks_folder

    return tuple(notebooks_folder() / f"{name}.ipynb" for name in names)


def _built(*more: str, **given: Any) -> Chapter:
    from edgebook.runbook.sequence import front_door

    return Chapter("Rehearsal on the simulator", (*front_door(), *_named(*more)), given)


def _whole() -> list[Chapter]:
    moves = ("80_cut_over", "operate/swap", "90_retire", "operate/status")
    return [_built(*moves, **QUICK, to="green")]


def _certificates() -> list[Chapter]:
    """A name comes, before anybody is asked for it; it goes; the certificate is exchanged."""
    runbook = _named("operate/certificates")
    names = ["shop.example.com", "*.shop.example.com"]
    more = {"hostnames": [*names, "pay.example.com"]}
    other = {"certificate": {"name": "shop-2"}}
    return [
        _built(),
        Chapter("certificates: pay.example.com comes", runbook, params=more),
        Chapter("certificates: pay.example.com goes", runbook),
        Chapter("certificates: another certificate for the same names", runbook, params=other),
    ]


def _failover() -> list[Chapter]:
    drill = {"leave": "blue", "drill": True, "soak": "15s"}
    zone = {**drill, "leave": "us-central1-a"}
    runbook = _named("operate/failover")
    return [
        _built(),
        Chapter("failover drill: one zone of blue is left", runbook, zone),
        Chapter("failover drill: and comes back", runbook, zone, mode="back"),
        Chapter("failover drill: blue is left", runbook, drill),
        Chapter("failover drill: and back", runbook, drill, mode="back"),
    ]


def _upgrade() -> list[Chapter]:
    """After the cut-over: nodes end the connections of whoever still uses the old way in."""
    given = {"to": "green", **{name: QUICK[name] for name in ("soak", "patience", "steps")}}
    first = {name: QUICK[name] for name in ("soak", "steps", "ttl")}
    version = {"cluster": "blue", "version": "newest", "allow_loss": True, "soak": "15s"}
    return [
        _built("80_cut_over", **first),
        Chapter("swap away from blue", _named("operate/swap"), given),
        Chapter("upgrade blue", _named("operate/upgrade"), version),
    ]
