"""The ladder from classic sslCertificates of target proxies to a certificate map, and back. Pure.

A map beats the list of a proxy: once it is set, the list is ignored, and taken off again it serves
at once. So the map is complete first, then set, judged and soaked, and the list goes last. A name
that the list serves and the map does not would get the certificate of another name.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from edgebook.base.clock import moment
from edgebook.desired import Desired
from edgebook.desired.certificate import PRIMARY
from edgebook.model.hostnames import covered
from edgebook.model.links import canonical
from edgebook.model.paths import certificate_scope, name_of
from edgebook.model.values import Body, Live, Ownership, Ref, Resource, ResourceKey, Step
from edgebook.moves.stages import START, Gate, Ladder, Stage
from edgebook.moves.wish import SPREAD
from edgebook.params.names import Names
from edgebook.params.types import Spec

MAP, LET_GO = "map", "let go"
LISTED = "https://www.googleapis.com/compute/v1/"  # as a proxy's list spells its certificates


@dataclass(frozen=True)
class Proxy:
    """A target HTTPS or SSL proxy; `classic` are links of its sslCertificates, in their order."""

    key: ResourceKey
    classic: tuple[str, ...]

    @property
    def names(self) -> str:
        return ", ".join(name_of(link) for link in self.classic)


def ladder(spec: Spec, base: Desired, found: tuple[Proxy, ...], soak_s: int) -> Ladder:
    """`found`: the proxies that have classic certificates, or shall have them back. Sorted."""
    maker, map_name = _Maker(spec, base, found), Names(spec).certificate_map()
    proxies = ", ".join(proxy.key.name for proxy in found)
    stages = [maker.stage(START, "as it was", Gate(spread_s=SPREAD), mapped=False)]
    if found:
        gate = Gate(spread_s=SPREAD, judged=True)
        text = f"{proxies} by map {map_name}; the classic ones stay attached, and are not asked"
        stages.append(maker.stage(MAP, text, gate, back=START, soak_s=soak_s))
        listed = sorted({name_of(link) for proxy in found for link in proxy.classic})
        text = f"{', '.join(listed)} detached from {proxies}"
        stages.append(maker.stage(LET_GO, text, gate, back=MAP, listed=False))
    title = f"{proxies} from classic certificates to map {map_name}"
    return Ladder(
        "certificates",
        title if found else "no classic certificates: nothing to do",
        tuple(stages),
        tuple(_notes(found)),
        front_door=base.front_door,
        environment=spec.environment.value,
    )


def _notes(found: tuple[Proxy, ...]) -> Iterator[str]:
    for proxy in found:
        names = ",".join(name_of(link) for link in proxy.classic)
        yield (
            f"the way back of {proxy.key.name}, also after the last stage: --mode back "
            f"-p proxies {proxy.key.name} -p classic {names}"
        )
    if found:
        yield (
            "the classic certificates themselves stay; delete them when nobody wants to go back: "
            "those that Google manages are renewed only while they are attached"
        )


class _Maker:
    def __init__(self, spec: Spec, base: Desired, found: tuple[Proxy, ...]) -> None:
        self._base, self._found = base, found
        scope, name = certificate_scope(spec.project), Names(spec).certificate_map()
        self._map = Ref("certificateMap", name, scope)

    def stage(
        self,
        name: str,
        what: str,
        gate: Gate,
        *,
        mapped: bool = True,
        listed: bool = True,
        back: str = "",
        soak_s: int = 0,
    ) -> Stage:
        made = []
        for proxy in self._found:
            words = ([f"map {self._map.name}"] if mapped else []) + (
                [proxy.names] if listed else []
            )
            body = {
                "certificateMap": self._map if mapped else None,
                "sslCertificates": list(proxy.classic) if listed else None,
            }
            made.append(
                Resource(proxy.key.kind, proxy.key.name, proxy.key.scope, body,
                         Step.CERTIFICATE_MAP, ownership=Ownership.ADOPTED,
                         what=f"serves with {' and '.join(words)}")
            )  # fmt: skip
        desired = replace(self._base, resources=tuple(made), reports=())
        return Stage(name, what, desired, gate=gate, back=back, soak_s=soak_s)


# What must be true before a map takes over


def problems(
    spec: Spec, live: Live, found: tuple[Proxy, ...], classic: Mapping[str, Body], now: datetime
) -> Iterator[str]:
    """What some client would miss. `classic`: canonical link -> SslCertificate; `now` is UTC."""
    map_name = Names(spec).certificate_map()
    scope = certificate_scope(spec.project)
    if ResourceKey("certificateMap", scope, map_name) not in live:
        yield f"certificate map {map_name} does not exist: run 20_certificate"
        return
    entries = _entries(live, f"{scope}/certificateMaps/{map_name}")
    if PRIMARY not in entries:
        yield f"map {map_name} has no entry {PRIMARY}: clients without SNI would be refused"
    for hostname, body in sorted(entries.items()):
        yield from _served(live, hostname, body, now)
    for name, of in sorted(names(found, classic).items()):
        # A wildcard of the list needs the same wildcard: an exact entry is one name of many.
        if not covered([name], entries):
            yield f"{name} of {of}: no entry of map {map_name}; add it to hostnames, then run 20"
    for proxy in found:
        for link in proxy.classic:
            if not list(_names(classic.get(canonical(link), {}))):
                yield f"{name_of(link)} of {proxy.key.name}: nobody knows its names"


def names(found: tuple[Proxy, ...], classic: Mapping[str, Body]) -> dict[str, str]:
    """Every name of the old certificates -> the certificate that has it."""
    return {
        name: name_of(link)
        for proxy in found
        for link in proxy.classic
        for name in _names(classic.get(canonical(link), {}))
    }


def _names(body: Body) -> Iterator[str]:
    managed: Any = body.get("managed") or {}
    yield from body.get("subjectAlternativeNames") or managed.get("domains") or ()


def _entries(live: Live, scope: str) -> dict[str, Body]:
    """Hostname, or `primary`, -> entry."""
    return {
        str(item.body.get("hostname") or PRIMARY): item.body
        for key, item in live.items()
        if key.kind == "certificateMapEntry" and key.scope == scope
    }


def _served(live: Live, hostname: str, entry: Body, now: datetime) -> Iterator[str]:
    """Whether an entry can answer a handshake now."""
    called = f"map entry {hostname}"
    if entry.get("state") != "ACTIVE":
        yield f"{called} is {entry.get('state') or 'not served yet'}"
    for link in entry.get("certificates") or ():
        name = name_of(str(link))
        body = next((i.body for k, i in live.items() if k.kind == "certificate" and k.name == name),
                    None)  # fmt: skip
        managed: Any = (body or {}).get("managed") or {}
        if body is None:
            yield f"{called}: certificate {name} does not exist"
        elif managed and managed.get("state") != "ACTIVE":
            yield f"{called}: certificate {name} is {managed.get('state') or 'not issued'}"
        elif not managed and (until := _time(body)) and until <= now:
            yield f"{called}: certificate {name} expired on {until:%Y-%m-%d}"
        elif hostname != PRIMARY and not covered([hostname], _held(body)):
            yield f"{called}: certificate {name} does not cover it"


def _held(body: Body) -> list[str]:
    managed: Any = body.get("managed") or {}
    return list(body.get("sanDnsnames") or managed.get("domains") or ())


def _time(body: Body) -> datetime | None:
    return moment(body.get("expireTime"))
