"""Manifests and gcloud lines of a folder of yours, driven through the real kubectl and gcloud.

`CORPUS=folder make bench ONLY=corpus`. YAML files below it are manifests: each object is applied,
applied again, compared, applied by the server, shown, described and deleted. Files that end in
`.gcloud` are lines of gcloud and kubectl (and NAME=value) that are run in their order, a project
for each file. `refused.txt` beside them says what a real cluster or Google refuses too: lines
`FILE WHAT`, where WHAT is Kind/name or the number of a line; such an object must be refused.
KINDS=a,b restricts the manifests to files with such kinds, FILES=text to paths that contain it.
"""

import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from bench import _lines, _manifests
from bench._manifests import BROUGHT, BUILT_IN, GOOGLES, UNSERVED, Thing
from bench.gke import Bench

LIMIT = ">= 98"
AGAIN = (" unchanged", " configured")  # kubectl says so of quantities that it writes otherwise
LARGEST = 40  # objects for one kubectl
FILES = os.environ.get("FILES", "")
PATIENCE = 180  # seconds for one command
KEPT = ("default", "kube-system", "kube-public", "kube-node-lease")
VERBS: dict[str, tuple[str, ...]] = {
    "apply": ("apply", "-f"),
    "re-apply": ("apply", "-f"),
    "diff": ("diff", "-f"),
    "server-side": ("apply", "--server-side", "--force-conflicts", "-f"),
    "get -o wide": ("get", "-o", "wide", "-f"),
    "describe": ("describe", "-f"),
    "delete": ("delete", "--timeout=20s", "-f"),
}


class Cluster:
    """kubectl on a simulator's cluster."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        config = bench.ready["clusters"]["blue"]["kubeconfig"]
        cache = str(folder / "cache")
        self._command = ["kubectl", "--kubeconfig", config, "--cache-dir", cache]
        self._folder = folder
        self.calls = 0

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        self.calls += 1
        return subprocess.run(
            [*self._command, *arguments],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def verb(self, name: str, things: list[Thing]) -> str | None:
        """What went wrong with these objects as one file; None when nothing did."""
        done = self._done(name, things)
        lines = done.stdout.splitlines()
        if done.returncode:
            return (done.stderr if name != "diff" else done.stderr + done.stdout).strip()
        if name == "re-apply" and lines != (again := [w for w in lines if w.endswith(AGAIN)]):
            return "\n".join(set(lines) - set(again))
        if name in ("delete", "diff") or len(lines) >= len(things):
            return None
        return f"only {len(lines)} lines for {len(things)} objects"

    def suspects(self, name: str, things: list[Thing]) -> list[Thing]:
        """Those of a batch that did not pass for sure, as far as kubectl's output tells."""
        done = self._done(name, things)
        if name == "diff" and done.returncode in (0, 1):
            return [t for t in things if _compared(t.doc) in done.stdout]
        if "apply" in VERBS[name]:
            ends = AGAIN if name == "re-apply" else ("ed",)
            passed = Counter(w.split()[0] for w in done.stdout.splitlines() if w.endswith(ends))
            every = Counter(_printed(t.doc) for t in things)
            return [t for t in things if passed[_printed(t.doc)] < every[_printed(t.doc)]]
        return things if done.returncode else []

    def _done(self, name: str, things: list[Thing]) -> subprocess.CompletedProcess[str]:
        path = self._folder / "objects.yaml"
        path.write_text(yaml.safe_dump_all((t.doc for t in things), sort_keys=False))
        return self(*VERBS[name], str(path))


def _printed(doc: dict[str, Any]) -> str:
    group, _, _ = doc["apiVersion"].rpartition("/")
    kind = doc["kind"].lower() + (f".{group}" if group else "")
    return f"{kind}/{doc['metadata'].get('name')}"


def _compared(doc: dict[str, Any]) -> str:
    """How kubectl diff names an object's file."""
    version, meta = doc["apiVersion"].replace("/", "."), doc["metadata"]
    return f"{version}.{doc['kind']}.{meta.get('namespace', '')}.{meta.get('name')}"


def passes(cluster: Cluster, things: list[Thing]) -> None:
    """All verbs over some objects; where many fail together, each is asked by itself."""
    for name in VERBS:
        live = [t for t in things if not t.failed or name != "re-apply"]
        live = [t for t in live if not t.failed.keys() & {"apply", "server-side"}]
        if name == "delete":
            live = [t for t in things if not (t.doc["kind"] == "Namespace" and _kept(t))]
            live = [t for t in live if "apply" not in t.failed]
        _narrowed(cluster, name, live)


def _kept(thing: Thing) -> bool:
    return thing.doc["metadata"].get("name") in KEPT


def _narrowed(cluster: Cluster, name: str, things: list[Thing]) -> None:
    if len(things) == 1:
        if wrong := cluster.verb(name, things):
            things[0].failed[name] = wrong
        return
    left = cluster.suspects(name, things) if things else []
    if not left:
        return
    if name == "delete":  # those that are gone are no failure
        left = [t for t in left if cluster.verb("get -o wide", [t]) is None]
    if len(left) == len(things):
        half = len(left) // 2
        _narrowed(cluster, name, left[:half])
        _narrowed(cluster, name, left[half:])
        return
    for thing in left:
        _narrowed(cluster, name, [thing])


def run() -> list[dict[str, Any]]:
    """Rows for kinds that a cluster has by itself, for GKE's, and for lines of gcloud."""
    if not (given := os.environ.get("CORPUS")):
        print("corpus: CORPUS=FOLDER says where manifests and .gcloud files are", file=sys.stderr)
        return []
    folder, rows = Path(given).resolve(), []
    refused = _lines.refused(folder)
    bench = Bench("--time-scale", "0")
    try:
        with tempfile.TemporaryDirectory() as place:
            things = _things(folder, Cluster(bench, Path(place)))
            rows += _table(things, refused)
            rows += _lines.run(folder, bench.ready["env"], refused)
    finally:
        bench.close()
    return rows


def _things(folder: Path, cluster: Cluster) -> list[Thing]:
    served = _manifests.served(cluster)
    every, left_out = [], 0
    kinds = set(filter(None, os.environ.get("KINDS", "").split(",")))
    for number, (path, objects) in enumerate(_manifests.files(folder)):
        file = str(path.relative_to(folder))
        if objects is None:
            left_out += 1
        elif FILES in file and (not kinds or kinds & {o["kind"] for o in objects}):
            every.append(_manifests.placed(number, file, objects, served))
    asked = [[t for t in things if t.group != UNSERVED] for things in every]
    spaces = sorted({t.doc["metadata"].get("namespace") for p in asked for t in p} - {None})
    if spaces:
        made = {"apiVersion": "v1", "kind": "Namespace"}
        docs = [{**made, "metadata": {"name": name}} for name in spaces]
        cluster.verb("apply", [Thing("", doc) for doc in docs])
    for batch in _manifests.batches([things for things in asked if things], LARGEST):
        own = [t for t in batch if t.doc["kind"] == "CustomResourceDefinition"]
        if own:
            cluster.verb("apply", own)
        passes(cluster, [t for t in batch if t not in own])
        passes(cluster, own)
        print(".", end="", file=sys.stderr, flush=True)
    print(f"\n{len(every)} files, {left_out} no manifests, {cluster.calls} kubectl")
    return [t for things in every for t in things]


def _table(things: list[Thing], refused: set[tuple[str, str]]) -> list[dict[str, Any]]:
    """Prints what was seen; the rows are shares of objects that passed all verbs."""
    rows = []
    for group in (BUILT_IN, GOOGLES, BROUGHT):
        mine = [t for t in things if t.group == group]
        right = [t for t in mine if bool(t.failed) is ((t.file, t.name) in refused)]
        by_verb = {name: sum(name not in t.failed for t in mine) for name in VERBS}
        told = ", ".join(f"{name} {count}" for name, count in by_verb.items())
        print(f"{group}: {len(mine)} objects, {len(right)} as a real cluster does; {told}")
        if mine:
            share, what = 100 * len(right) / len(mine), f"{len(mine)} objects of {group} kinds"
            rows.append({"what": what, "measured": share, "unit": "%", "limit": LIMIT})
    for thing in things:
        if thing.failed and (thing.file, thing.name) not in refused:
            for verb, said in thing.failed.items():
                print(f"  {thing.file} {thing.name} {verb}: {said[:600]}")
        if not thing.failed and (thing.file, thing.name) in refused:
            print(f"  {thing.file} {thing.name}: a real cluster refuses it")
    unserved = Counter(t.kind for t in things if t.group == UNSERVED)
    print(f"not served: {sum(unserved.values())} objects")
    for kind, count in unserved.most_common():
        print(f"  {count:4} {kind}")
    return rows
