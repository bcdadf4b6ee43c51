"""The notebooks and params that come with edgebook: this folder's, the package's, the checkout's.

A checkout in the working folder goes first, so that what one edits is what runs; an installed
package carries its own copies. Nothing here reads what is in them.
"""

from pathlib import Path

from edgebook.base.errors import UsageError

_PACKAGE = Path(__file__).resolve().parents[1]
MARKS = {"notebooks": "00_preflight.ipynb", "params": "rehearsal.yaml"}


def folder(name: str) -> Path:
    """`notebooks` or `params`; UsageError when they are nowhere."""
    places = (Path(name), _PACKAGE / "shipped_files" / name, _PACKAGE.parents[1] / name)
    for place in places:
        if (place / MARKS[name]).exists():
            return place
    where = str(Path(name).resolve())
    raise UsageError(f"No {name} here", where=where, next="cd to the checkout, or install again")


def params_file(given: str) -> str:
    """A params file as it was given; one of ours when there is none of that name here."""
    path = Path(given)
    if "://" in given or path.exists() or path.parent.name != "params":
        return given
    ours = folder("params") / path.name
    return str(ours) if ours.exists() else given
