"""Google's discovery documents: routes, parameters and schemas of the APIs that gcpsim plays.

The documents come with the package google-api-python-client and are read as data; that package is
not imported. An Api knows which methods exist and which one a request asks for. It must not know
which of them gcpsim implements, nor how.
"""

import functools
import importlib.util
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

DOCUMENTS = {
    "compute": "compute.v1.json",
    "dns": "dns.v1.json",
    "certificatemanager": "certificatemanager.v1.json",
    "container": "container.v1.json",
    "serviceusage": "serviceusage.v1.json",
    "cloudresourcemanager": "cloudresourcemanager.v3.json",
    "iam": "iam.v1.json",
    "logging": "logging.v2.json",
    "monitoring": "monitoring.v3.json",
    "networkservices": "networkservices.v1.json",
}
MATCHES_KEPT = 2048  # of the latest requests: each is matched by the edge and by its service
PLACEHOLDER = re.compile(r"\{\+?([A-Za-z0-9_]+)\}")


@dataclass(frozen=True)
class Method:
    """One method of an API: `compute.backendServices.insert` and what it takes and gives."""

    id: str
    verb: str
    path: str
    parameters: dict[str, dict[str, Any]]
    request: str | None
    response: str | None

    @functools.cached_property
    def collection(self) -> str:
        return self.id.split(".")[-2]

    @functools.cached_property
    def name(self) -> str:
        return self.id.split(".")[-1]


@dataclass
class _Node:
    """A step in the tree of path segments."""

    literal: dict[str, "_Node"] = field(default_factory=dict)
    variable: list[tuple[str, str, "_Node"]] = field(default_factory=list)
    methods: dict[str, Method] = field(default_factory=dict)


class Api:
    """One discovery document, with its routes compiled."""

    def __init__(self, name: str, document: dict[str, Any]) -> None:
        self.name = name
        self.document = document
        self.schemas: dict[str, dict[str, Any]] = document["schemas"]
        self.methods: dict[str, Method] = {}
        self._root = _Node()
        self._matches: dict[tuple[str, str], tuple[Method, dict[str, str]] | None] = {}
        self._collect(document["resources"])

    def match(self, verb: str, path: str) -> tuple[Method, dict[str, str]] | None:
        """The method that `verb` and `path` ask for, with its path parameters (not to be changed).

        `path` follows the service path (`compute/v1/`), without a leading slash.
        """
        key = (verb, path)
        if key not in self._matches:
            if len(self._matches) >= MATCHES_KEPT:
                self._matches.clear()
            self._matches[key] = _walk(self._root, path.split("/"), 0, verb)
        return self._matches[key]

    def verbs(self, path: str) -> list[str]:
        """The HTTP methods that exist for a path."""
        return [
            verb for verb in ("GET", "POST", "PUT", "PATCH", "DELETE") if self.match(verb, path)
        ]

    def _collect(self, resources: dict[str, Any]) -> None:
        for resource in resources.values():
            for raw in resource.get("methods", {}).values():
                method = Method(
                    raw["id"],
                    raw["httpMethod"],
                    raw.get("flatPath", raw["path"]),
                    raw.get("parameters", {}),
                    raw.get("request", {}).get("$ref"),
                    raw.get("response", {}).get("$ref"),
                )
                self.methods[method.id] = method
                self._add(method)
            self._collect(resource.get("resources", {}))

    def _add(self, method: Method) -> None:
        node = self._root
        for segment in method.path.split("/"):
            variable = PLACEHOLDER.match(segment)
            if variable is None:
                node = node.literal.setdefault(segment, _Node())
                continue
            name, suffix = variable.group(1), segment[variable.end() :]
            for known_suffix, known_name, child in node.variable:
                if known_suffix == suffix and known_name == name:
                    node = child
                    break
            else:
                child = _Node()
                node.variable.append((suffix, name, child))
                node.variable.sort(key=lambda item: -len(item[0]))
                node = child
        node.methods[method.verb] = method


def _walk(
    node: _Node, segments: list[str], at: int, verb: str
) -> tuple[Method, dict[str, str]] | None:
    if at == len(segments):
        method = node.methods.get(verb)
        return None if method is None else (method, {})
    segment = segments[at]
    literal = node.literal.get(segment)
    if literal is not None:
        found = _walk(literal, segments, at + 1, verb)
        if found is not None:
            return found
    for suffix, name, child in node.variable:
        if segment and segment.endswith(suffix) and len(segment) > len(suffix):
            found = _walk(child, segments, at + 1, verb)
            if found is not None:
                found[1][name] = segment[: len(segment) - len(suffix)]
                return found
    return None


@functools.cache
def api(name: str) -> Api:
    """The API of one service: compute, dns, certificatemanager, container, ..."""
    return Api(name, orjson.loads((_folder() / DOCUMENTS[name]).read_bytes()))


@functools.cache
def _folder() -> Path:
    spec = importlib.util.find_spec("googleapiclient")
    if spec is None or spec.origin is None:
        raise RuntimeError(
            "the package google-api-python-client is not installed; run `make setup`"
        )
    return Path(spec.origin).parent / "discovery_cache" / "documents"
