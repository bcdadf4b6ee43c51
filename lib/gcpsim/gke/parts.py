"""What load balancers of Services consist of, whichever form they have."""

from dataclasses import dataclass
from typing import Any

from gcpsim.core.paths import parent_of
from gcpsim.k8s.controllers.objects import Obj

KUBE_PROXY_PORT = 10256


@dataclass(frozen=True)
class Part:
    """One Compute Engine resource of a load balancer.

    Fields of `follow` are kept up to date, as are the `members` of a group: instances by name.
    """

    path: str
    body: Obj
    follow: tuple[str, ...] = ()
    shared: bool = False
    members: tuple[str, ...] | None = None

    @property
    def collection(self) -> str:
        return parent_of(self.path)

    def stale(self, found: Obj) -> Obj:
        """The fields that differ from what they should be, with their new values."""
        return {
            f: self.body[f]
            for f in self.follow
            if not _covers(_seen(f, found), _seen(f, self.body))
        }


def _covers(found: Any, wanted: Any) -> bool:
    """Whether a field is as it should be; what only the server knows does not count."""
    if isinstance(wanted, dict):
        known = found if isinstance(found, dict) else {}
        return all(_covers(known.get(name), value) for name, value in wanted.items())
    if isinstance(wanted, list):
        there = found if isinstance(found, list) else []
        return len(there) == len(wanted) and all(map(_covers, there, wanted))
    return bool(found == wanted) or (not wanted and not found)


def _seen(field: str, doc: Obj) -> object:
    """A field as it is compared: of backends only which groups they are."""
    value = doc.get(field)
    if field == "backends":
        return sorted(backend["group"] for backend in value or ())
    return value
