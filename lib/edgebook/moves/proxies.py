"""Proxies that leave their classic certificates, as the runbook asks for it: what is read, refused.

They are named, since a load balancer that has classic certificates need not be the front door.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from edgebook.base.errors import RefusedError, UsageError
from edgebook.front_door import FrontDoor, Moment
from edgebook.model.links import canonical
from edgebook.model.paths import compute_scope, name_of
from edgebook.model.values import Body, CheckResult, CheckState, Live, ResourceKey, Step
from edgebook.moves import classic_certificates
from edgebook.moves import wish as wishes
from edgebook.moves.classic_certificates import LISTED, Proxy
from edgebook.moves.stages import Ladder
from edgebook.params.names import Names
from edgebook.params.types import Spec

TAKES = ("proxies", "classic", "soak")
KINDS = ("targetHttpsProxy", "targetSslProxy")
MAP_FIRST = "run 20_certificate, which issues and fills the map; nothing was changed"


class LeavingOf:
    """Some target proxies; `classic` are names for a way back when none is attached any more."""

    def __init__(self, door: FrontDoor, options: Mapping[str, Any]) -> None:
        self._door = door
        self._names = words(options.get("proxies"))
        self._classic = words(options.get("classic"))
        self._soak = wishes.seconds(options.get("soak") or wishes.SOAK, "soak")
        if not self._names:
            raise UsageError(
                "No proxy to give classic certificates back to",
                where="proxies",
                why=f"classic names {', '.join(self._classic)}",
                next="give the names of target HTTPS or SSL proxies: -p proxies NAME",
            )
        if door.spec.certificate is None:
            raise UsageError(
                "No certificate map in the params",
                where="certificate",
                why="classic certificates are left for the map of the params",
                next="add hostnames and a certificate, then run 20_certificate",
            )

    def ladder(self, moment: Moment) -> Ladder:
        """Raises RefusedError for proxies that are not there, or have another map."""
        found = proxies(self._door.spec, moment.live, self._names, self._classic)
        return classic_certificates.ladder(self._door.spec, moment.desired, found, self._soak)

    def require(self, moment: Moment, ladder: Ladder) -> None:
        """Raises RefusedError for every name that would be served wrongly by the map."""
        spec = self._door.spec
        found = proxies(spec, moment.live, self._names, self._classic)
        listed = moment.reader.aggregated("sslCertificates", "sslCertificates").result()
        classic = {canonical(str(body.get("selfLink"))): body for body in listed}
        now = self._door.connection.clock.utc()
        refuse(spec, found, classic_certificates.problems(spec, moment.live, found, classic, now))

    def checks(self, moment: Moment) -> list[CheckResult]:
        """What each proxy serves with now."""
        found = (
            moment.live[key]
            for key in sorted(moment.live)
            if key.kind in KINDS and key.name in self._names
        )
        return [self._check(item.key, item.body) for item in found]

    def _check(self, key: ResourceKey, body: Body) -> CheckResult:
        has, wanted = name_of(str(body.get("certificateMap") or "")), map_name(self._door.spec)
        left = ", ".join(name_of(str(link)) for link in body.get("sslCertificates") or ())
        said = f"map {has or 'none'}" + (f", classic {left}" if left else "")
        state = CheckState.OK if has == wanted else CheckState.FAILED
        remedy = "" if has == wanted else "run operate/certificates for this proxy again"
        return CheckResult(state, "map attached", key.name, said, remedy, Step.CERTIFICATE_MAP)


def words(value: Any) -> tuple[str, ...]:
    """`a,b`, or a list of them, without repeats, in their order."""
    parts = value.split(",") if isinstance(value, str) else list(value or ())
    return tuple(dict.fromkeys(str(part).strip() for part in parts if str(part).strip()))


def map_name(spec: Spec) -> str:
    return Names(spec).certificate_map()


def proxies(
    spec: Spec, live: Live, wanted: Iterable[str], classic: Iterable[str] = ()
) -> tuple[Proxy, ...]:
    """Those that have classic certificates, or are to have `classic` back; RefusedError."""
    scope = compute_scope(spec.project)
    given = tuple(f"{LISTED}{scope}/sslCertificates/{name}" for name in classic)
    keys = {name: [ResourceKey(kind, scope, name) for kind in KINDS] for name in sorted(wanted)}
    found = [key for ks in keys.values() for key in ks if key in live]
    problems = [
        f"no global target HTTPS or SSL proxy {name}"
        for name, ks in keys.items()
        if not any(key in live for key in ks)
    ]
    problems += [text for key in found for text in _other_map(spec, key, live[key].body)]
    if problems:
        raise RefusedError(
            "Their classic certificates cannot be left",
            where="proxies",
            why="\n".join(problems),
            next="name proxies that have classic certificates; nothing was changed",
        )
    lists = {key: tuple(live[key].body.get("sslCertificates") or ()) for key in found}
    made = [
        Proxy(key, tuple(f"{LISTED}{canonical(str(link))}" for link in listed) or given)
        for key, listed in lists.items()
    ]
    return tuple(proxy for proxy in made if proxy.classic)


def _other_map(spec: Spec, key: ResourceKey, body: Body) -> Iterator[str]:
    has = name_of(str(body.get("certificateMap") or ""))
    if has and has != map_name(spec):
        yield f"{key.name} serves by map {has} already, the params have map {map_name(spec)}"


def refuse(spec: Spec, found: tuple[Proxy, ...], problems: Iterable[str]) -> None:
    """Raises RefusedError when there is any problem."""
    listed = list(dict.fromkeys(problems))
    if listed:
        raise RefusedError(
            f"Map {map_name(spec)} cannot take over: {len(listed)} "
            f"problem{'s' if len(listed) > 1 else ''}",
            where=", ".join(proxy.key.name for proxy in found),
            why="\n".join(listed),
            next=f"mend them; {MAP_FIRST}",
        )
