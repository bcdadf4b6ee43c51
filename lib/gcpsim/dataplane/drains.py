"""What the load balancer does to the connections of endpoints that it offers no more: it ends them.

Detaching an endpoint from its NEG drains: its operation lasts as long as the drain, and when it is
over the connections are cut. Removing a NEG from a backend service cuts at once, since Google's
pages disagree about whether that drains; the option `drains_on_removal` has it drain. They disagree
too on what ends a TCP stream: with the option `streams_outlive_drain` those of SSL and TCP proxies
stay until they are idle for the service's timeout, or their pod ends. Connections that did not come
from a front end are left alone, and so are those of another backend service.
"""

import asyncio
from collections import defaultdict

from gcpsim.compute.collections import neg_endpoints
from gcpsim.compute.engine import links
from gcpsim.compute.engine.service import Compute
from gcpsim.core.paths import collection_of
from gcpsim.dataplane.link import FarmLink
from gcpsim.dataplane.pods import Pods

Endpoint = tuple[str, int]
STREAMS = ("SSL", "TCP")


class Drains:
    """Which endpoints are offered, and the end of those that are no more."""

    def __init__(self, compute: Compute, pods: Pods, link: FarmLink) -> None:
        self.compute, self.pods, self.link = compute, pods, link
        self.world = compute.world
        self._groups: dict[str, set[Endpoint]] = {}
        self._timeouts: dict[str, float] = {}
        self._streams: set[str] = set()
        self._dirty: set[str] = set()

    def begin(self) -> None:
        for group in neg_endpoints.groups(self.compute):
            self._groups[group] = self._offered(group)
        self.compute.observers.append(self._changed)

    def resume(self) -> None:
        """Documents may be others than those that were told."""
        self._mark(set(self._groups) | set(neg_endpoints.groups(self.compute)))

    def _changed(self, path: str, doc: dict[str, object] | None) -> None:
        collection = collection_of(path)
        if collection == "networkEndpointGroups":
            self._mark({path})
        elif collection == "backendServices":
            self.resume()

    def _mark(self, groups: set[str]) -> None:
        if not self._dirty and groups:
            asyncio.get_running_loop().call_soon(self.flush)
        self._dirty |= groups

    def flush(self) -> None:
        """End what was offered by the groups that changed, and is offered by none now."""
        dirty, self._dirty = self._dirty, set()
        gone: defaultdict[float, set[Endpoint]] = defaultdict(set)
        for group in sorted(dirty):
            before, now = self._groups.get(group, set()), self._offered(group)
            self._groups[group] = now
            if group in self._streams and self.world.options.streams_outlive_drain:
                continue
            still = set(self._attached(group))
            for endpoint in before - now:
                removed = endpoint in still  # from a backend service, not from its NEG
                wait = self._timeouts.get(group, 0.0) if removed else 0.0
                gone[wait].add(endpoint)
        offered = {endpoint for group in self._groups.values() for endpoint in group}
        for wait, endpoints in gone.items():
            self._end(endpoints - offered, wait if self.world.options.drains_on_removal else 0.0)

    def _attached(self, group: str) -> list[Endpoint]:
        return [
            (item["ipAddress"], int(item["port"]))
            for item in neg_endpoints.endpoints(self.compute, group)
            if item.get("ipAddress") and item.get("port")
        ]

    def _offered(self, group: str) -> set[Endpoint]:
        """The endpoints of a group that some backend service uses; draining ones included."""
        self._remember(group)
        return set(self._attached(group)) if self._services(group) else set()

    def _services(self, group: str) -> list[str]:
        found = []
        for user in self.compute.users(group):
            service = self.compute.get(user) if "/backendServices/" in user else None
            backends = (service or {}).get("backends") or ()
            if any(links.path_of(one["group"]) == group for one in backends):
                found.append(user)
        return found

    def _remember(self, group: str) -> None:
        """The longest drain of the services that use a group, and whether they carry streams; kept
        when none does any more."""
        services = [self.compute.get(path) or {} for path in self._services(group)]
        if services:
            drains = [one.get("connectionDraining") or {} for one in services]
            self._timeouts[group] = float(max(d.get("drainingTimeoutSec", 0) for d in drains))
            carry = all(one.get("protocol") in STREAMS for one in services)
            (self._streams.add if carry else self._streams.discard)(group)

    def _end(self, endpoints: set[Endpoint], wait: float) -> None:
        if not endpoints:
            return

        def cut() -> None:
            for ip, port in sorted(endpoints):
                key = self.pods.key_of_ip(ip)
                if key:
                    self.link.send({"op": "cut", "key": key, "port": port})

        if wait:
            self.world.clock.after(wait, cut)
        else:
            cut()
