"""URL maps for the services `a`, `b` and `c` of the fixture `routed`."""

from typing import Any


def put(door: Any, **body: Any) -> None:
    old = door.get("global/urlMaps/um")
    full = {"name": "um", "fingerprint": old["fingerprint"], "defaultService": bs(door, "a")}
    door.do("PUT", "global/urlMaps/um", {**full, **body})


def bs(door: Any, name: str) -> str:
    return str(door.link(f"global/backendServices/{name}"))


def matcher(door: Any, *hosts: str, **body: Any) -> dict[str, Any]:
    default = {} if "defaultUrlRedirect" in body else {"defaultService": bs(door, "a")}
    return {
        "hostRules": [{"hosts": list(hosts), "pathMatcher": "m"}],
        "pathMatchers": [{"name": "m", **default, **body}],
    }
