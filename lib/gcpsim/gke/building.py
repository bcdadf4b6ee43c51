"""Load balancers built part by part: one operation at a time, in order, and backwards to remove.

What ingress controllers of Google have in common; which parts there are is theirs to say.
"""

from collections.abc import Callable

from gcpsim.core.errors import ApiError
from gcpsim.gke.neg.syncer import error_of, google_api_error
from gcpsim.gke.parts import Part
from gcpsim.k8s.controllers.plane import Plane

Done = Callable[[str], None]


class Builder:
    """Works on one key at a time; `again` has a key looked at when an operation is over, and
    `failed` is told what went wrong."""

    def __init__(self, plane: Plane, again: Done, failed: Callable[[str, str], None]) -> None:
        self.compute = plane.world.compute
        self._again = again
        self._failed = failed
        self._busy: set[str] = set()

    def built(self, key: str, parts: list[Part]) -> bool:
        """Take the next step; True when all is there and up to date."""
        if key in self._busy:
            return False
        for part in parts:
            found = self.compute.get(part.path)
            if found is None:
                self._run(key, "POST", part.collection, part.body)
                return False
            stale = part.stale(found)
            if stale:
                mark = {"fingerprint": found["fingerprint"]} if "fingerprint" in found else {}
                self._run(key, "PATCH", part.path, {**stale, **mark})
                return False
        return True

    def removed(self, key: str, paths: list[str]) -> bool:
        """Delete the next of what is there; True when nothing is."""
        if key in self._busy:
            return False
        for path in paths:
            if self.compute.get(path) is not None:
                self._run(key, "DELETE", path, None)
                return False
        return True

    def _run(self, key: str, verb: str, path: str, body: dict[str, object] | None) -> None:
        try:
            operation = self.compute.call(verb, path, body)
        except ApiError as error:
            self._failed(key, google_api_error(error))
            return
        self._busy.add(key)

        def done(finished: dict[str, object]) -> None:
            self._busy.discard(key)
            problem = error_of(finished)
            if problem:
                self._failed(key, problem)
            else:
                self._again(key)

        self.compute.when_done(operation, done)
