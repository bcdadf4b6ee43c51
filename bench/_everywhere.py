"""What clients met at locations that learned an edit in another order: drawn, not waited for.

A simulator has a handful of locations, each with delays of its own for each change, and so shows
one order of hundreds. `Everywhere` reads what began to spread, lets imaginary locations learn it
with delays of their own, and looks after each piece of news at what such a location would serve.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any

from gcpsim.core.paths import name_of
from gcpsim.dataplane.routes import listeners, tls
from gcpsim.dataplane.routes.documents import Doc, Documents, path_of

Ask = Callable[[int], list[dict[str, Any]]]
ENDPOINTS = "compute/endpoints"


class Everywhere:
    """`ask(number)` answers what began to spread after that number (`GET /_sim/news`).

    `projects` are ids by number.
    """

    def __init__(self, ask: Ask, projects: Mapping[str, str]) -> None:
        self._ask = ask
        self._known = Documents(projects=dict(projects))
        self._number = 0
        self.catch_up()

    def catch_up(self) -> list[dict[str, Any]]:
        """Everything that began to spread since is known by now."""
        news = self._ask(self._number)
        for one in news:
            learn(self._known, one)
            self._number = one["number"]
        return news

    def edited(self, rng: random.Random, locations: int) -> Counter[str]:
        """What was served before and after the last edit, and missing in between somewhere.

        Counted per imaginary location; nothing where all of them served all the time.
        """
        before = copied(self._known)
        news = self.catch_up()
        asked = requests(before) | requests(self._known)
        then, now = served(before, asked), served(self._known, asked)
        lasting = {what for what, well in then.items() if well and now.get(what)}
        lost: Counter[str] = Counter()
        for _ in range(locations if news else 0):
            lost.update(self._one(copied(before), news, asked, lasting, rng))
        return lost

    def _one(
        self,
        location: Documents,
        news: list[dict[str, Any]],
        asked: set[tuple[str, str]],
        wanted: set[str],
        rng: random.Random,
    ) -> set[str]:
        lost: set[str] = set()
        for one in arrivals(news, rng):
            learn(location, one)
            found = served(location, asked)
            lost |= {what for what in wanted if not found.get(what)}
        return lost


def arrivals(news: list[dict[str, Any]], rng: random.Random) -> Iterator[dict[str, Any]]:
    """The news in an order in which a location may learn them; those of one thing stay in order."""
    due: dict[tuple[str, str], float] = {}
    found = []
    for one in news:
        key = (one["table"], one["key"])
        at = max(due.get(key, 0.0), one["at"] + rng.uniform(one["least"], one["most"]))
        due[key] = at
        found.append((at, one["number"], one))
    for _, _, one in sorted(found, key=lambda item: item[:2]):
        yield one


def learn(known: Documents, one: Mapping[str, Any]) -> None:
    """As a location of the simulator does it."""
    table, key, doc = known.tables.setdefault(one["table"], {}), one["key"], one["doc"]
    if doc is None:
        table.pop(key, None)
        known.pairs.pop(key, None)
    elif not (doc.get("state") == "PENDING" and (table.get(key) or {}).get("state") == "ACTIVE"):
        table[key] = doc
        if one["serves"]:
            known.pairs[key] = ("chain", "key")


def copied(known: Documents) -> Documents:
    tables = {name: dict(table) for name, table in known.tables.items()}
    return Documents(tables, dict(known.pairs), deepcopy(known.projects))


def requests(known: Documents) -> set[tuple[str, str]]:
    """The hosts and paths that URL maps tell apart; "" is any other host."""
    found = {("", "/")}
    for _, url_map in known.all("urlMaps"):
        matchers = {one["name"]: one for one in url_map.get("pathMatchers") or ()}
        for rule in url_map.get("hostRules") or ():
            paths = {"/"}
            for item in matchers.get(rule["pathMatcher"], {}).get("pathRules") or ():
                paths |= {path.replace("*", "x") for path in item["paths"]}
            # A host of an introduction leads nobody.
            hosts = [host for host in rule["hosts"] if not host.endswith(".invalid")]
            found |= {(host, path) for host in hosts for path in paths}
    return found


def served(known: Documents, asked: set[tuple[str, str]]) -> dict[str, bool]:
    """Whether a location serves each frontend, each certificate and each request, by its name."""
    found: dict[str, bool] = {}
    for front in listeners.fronts(known):
        place = f"{front.rule['IPAddress']}:{front.rule.get('portRange')}"
        found[place] = True
        if front.kind in listeners.TLS_PROXIES:
            names = tls.chains(known, front.proxy_path, front.proxy)[0]
            found |= {f"{place} certificate of {chain.match}": True for chain in names}
            found[place] = bool(names)
        if front.kind not in listeners.HTTP_PROXIES:
            found[f"{place} backend"] = _serves(known, str(front.proxy.get("service") or ""))
            continue
        url_map = known.get(str(front.proxy.get("urlMap") or "")) or {}
        for host, path in asked:
            service = _service(url_map, host, path)
            found[f"{place} {host or 'any host'}{path}"] = not service or _serves(known, service)
    return found


def _service(url_map: Doc, host: str, path: str) -> str:
    """The backend service of a request; "" where it is answered without one."""
    part: Doc = url_map
    matchers = {one["name"]: one for one in url_map.get("pathMatchers") or ()}
    for rule in url_map.get("hostRules") or ():
        if host in rule["hosts"]:
            part = matchers.get(rule["pathMatcher"], {})
    best = ""
    for item in part.get("pathRules") or ():
        for pattern in item["paths"]:
            prefix = pattern.removesuffix("*")
            fits = path == pattern or (prefix != pattern and path.startswith(prefix))
            if fits and len(pattern) > len(best):
                best, part = pattern, item
    weighted = (part.get("routeAction") or part.get("defaultRouteAction") or {}).get(
        "weightedBackendServices"
    )
    if weighted:
        return str(weighted[0]["backendService"])
    return str(part.get("service" if best else "defaultService") or "")


def _serves(known: Documents, service: str) -> bool:
    """Whether requests to it find an endpoint, as far as documents tell."""
    backends = (known.get(service) or {}).get("backends") or ()
    return any(
        known.endpoints(path_of(one["group"])) and float(one.get("capacityScaler", 1)) > 0
        for one in backends
        if name_of(one["group"])
    )
