"""Kubernetes manifests of any folder, made ready to be applied beside each other.

Each file gets namespaces of its own, so that files can't meet there; cluster-wide objects keep
their names. Lists are taken apart. What is no manifest, or a template, is left out and counted.
"""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Doc = dict[str, Any]
Run = Callable[..., subprocess.CompletedProcess[str]]

BUILT_IN, GOOGLES, BROUGHT, UNSERVED = "built-in", "GKE's CRDs", "own CRDs", "not served"
FIRST = {"Namespace": 0, "CustomResourceDefinition": 0}
LONGEST = 50  # characters of a namespace's name that are made here
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass
class Thing:
    """One object of one file; `failed` has what each verb that did not pass said."""

    file: str
    doc: Doc
    group: str = UNSERVED
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        return f"{self.doc['apiVersion']} {self.doc['kind']}"

    @property
    def name(self) -> str:
        meta = self.doc.get("metadata") or {}
        return f"{self.doc['kind']}/{meta.get('name') or meta.get('generateName', '')}"


@dataclass(frozen=True)
class Served:
    """What a fresh cluster serves: (apiVersion, kind) to whether it lies in namespaces."""

    kinds: dict[tuple[str, str], bool]
    custom: frozenset[tuple[str, str]]  # (API group, kind) of its CRDs

    def of(self, thing: Thing) -> str:
        version, kind = thing.doc["apiVersion"], thing.doc["kind"]
        if (version, kind) not in self.kinds:
            return UNSERVED
        return GOOGLES if (version.rpartition("/")[0], kind) in self.custom else BUILT_IN


def served(kubectl: Run) -> Served:
    """Asks the cluster for its resources, in all their versions."""
    kinds: dict[tuple[str, str], bool] = {}
    roots = [("v1", "/api/v1")]
    for group in json.loads(kubectl("get", "--raw", "/apis").stdout)["groups"]:
        for version in group["versions"]:
            roots.append((version["groupVersion"], f"/apis/{version['groupVersion']}"))
    for version, path in roots:
        for resource in json.loads(kubectl("get", "--raw", path).stdout)["resources"]:
            if "/" not in resource["name"]:
                kinds[version, resource["kind"]] = resource["namespaced"]
    crds = json.loads(kubectl("get", "crd", "-o", "json").stdout)["items"]
    custom = {(c["spec"]["group"], c["spec"]["names"]["kind"]) for c in crds}
    return Served(kinds, frozenset(custom))


def files(folder: Path) -> Iterator[tuple[Path, list[Doc] | None]]:
    """The YAML files below a folder with their objects; None where a file is no manifest."""
    for path in sorted(p for p in folder.rglob("*") if p.suffix in (".yaml", ".yml")):
        try:
            found = list(yaml.load_all(path.read_text(encoding="utf-8"), Loader))
        except (yaml.YAMLError, UnicodeDecodeError):
            yield path, None
            continue
        objects = [one for doc in found if doc is not None for one in _taken_apart(doc)]
        whole = all(isinstance(o, dict) and o.get("apiVersion") and o.get("kind") for o in objects)
        yield path, objects if objects and whole else None


def _taken_apart(doc: Any) -> list[Any]:
    if isinstance(doc, dict) and str(doc.get("kind")).endswith("List") and "items" in doc:
        return [one for item in doc["items"] or () for one in _taken_apart(item)]
    return [doc]


def placed(number: int, file: str, objects: list[Doc], served: Served) -> list[Thing]:
    """A file's objects in namespaces of its own, CRDs and namespaces first."""
    brought = {
        (o["spec"]["group"], o["spec"]["names"]["kind"]): o["spec"].get("scope") == "Namespaced"
        for o in objects
        if o["kind"] == "CustomResourceDefinition" and "names" in (o.get("spec") or {})
    }
    things = []
    for doc in objects:
        thing = Thing(file, doc)
        thing.group = served.of(thing)
        own = (doc["apiVersion"].rpartition("/")[0], doc["kind"])
        if thing.group == UNSERVED and own in brought:
            thing.group = BROUGHT
        namespaced = served.kinds.get((doc["apiVersion"], doc["kind"]), brought.get(own, False))
        meta = doc.setdefault("metadata", {}) if doc.get("metadata") is not None else {}
        if namespaced:
            meta["namespace"] = _namespace(number, meta.get("namespace"))
        doc["metadata"] = meta
        things.append(thing)
    return sorted(things, key=lambda t: FIRST.get(t.doc["kind"], 1))


def _namespace(number: int, said: str | None) -> str:
    plain = re.sub(r"[^a-z0-9-]+", "-", str(said or "").lower()).strip("-")
    return f"f{number}-{plain}"[:LONGEST].rstrip("-")


def batches(every: list[list[Thing]], largest: int) -> Iterator[list[Thing]]:
    """Files put together for one kubectl, as long as no object would be there twice."""
    batch: list[Thing] = []
    seen: set[tuple[Any, ...]] = set()
    for things in every:
        keys = [_key(t.doc) for t in things]
        twice = len(set(keys)) < len(keys)
        if batch and (twice or seen & set(keys) or len(batch) + len(things) > largest):
            yield batch
            batch, seen = [], set()
        batch, seen = [*batch, *things], seen | set(keys)
        if twice:
            yield batch
            batch, seen = [], set()
    if batch:
        yield batch


def _key(doc: Doc) -> tuple[Any, ...]:
    meta = doc["metadata"]
    return doc["kind"], meta.get("namespace"), meta.get("name")
