"""How the meter's checks fit the frontends that they are for."""

from collections.abc import Iterator

from edgebook.model.hostnames import covered
from edgebook.params.reader import known, nearest, shown
from edgebook.params.traffic_types import SAFE_METHODS, CheckSpec
from edgebook.params.types import FrontendProtocol, Spec

HTTPS_ONLY = ("path", "method", "body", "statuses", "websocket")


def check(spec: Spec) -> Iterator[tuple[str, str]]:
    """(path, text) of each problem."""
    frontends = {f.name: f for f in spec.frontends if known(f) and known(f.name)}
    for index, item in enumerate(spec.checks):
        path = f"checks[{index}]"
        if not known(item) or not known(item.frontend):
            continue
        frontend = frontends.get(item.frontend)
        if frontend is None:
            near = nearest(item.frontend, frontends)
            yield f"{path}.frontend", f"{shown(item.frontend)} is no frontend of this file{near}"
            continue
        yield from _names(spec, item, path)
        if known(frontend.protocol):
            yield from _fits(item, frontend.protocol, path)


def _names(spec: Spec, item: CheckSpec, path: str) -> Iterator[tuple[str, str]]:
    hostnames = [host for host in spec.hostnames if known(host)]
    if known(item.host) and item.host and not covered([item.host], hostnames):
        yield f"{path}.host", f"{shown(item.host)} is covered by none of hostnames"


def _fits(item: CheckSpec, protocol: FrontendProtocol, path: str) -> Iterator[tuple[str, str]]:
    plain = CheckSpec(frontend=item.frontend)
    if protocol is FrontendProtocol.HTTPS:
        if item.send:
            yield f"{path}.send", "only for SSL and TCP frontends; use body"
        if known(item.method) and item.method not in SAFE_METHODS and not item.unsafe:
            text = f"{item.method} may change something; `unsafe: true` says that it may be sent"
            yield f"{path}.method", text
        return
    for name in HTTPS_ONLY:
        if known(getattr(item, name)) and getattr(item, name) != getattr(plain, name):
            yield f"{path}.{name}", f"only for HTTPS frontends; {item.frontend} is {protocol}"
