"""Scenario files: found by name or path, read, and checked with the manifests they name.

Nothing is applied here. A ScenarioError lists all problems of a file with line and key.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from gcpsim.compute.engine.catalog import REGION_ZONES, ZONES
from gcpsim.gke.documents import DEFAULT_VERSION, ClusterSpec, PoolSpec
from gcpsim.gke.fleet import MACHINES
from gcpsim.scenarios.form import ListOf, Mapping, Number, Problems, Text, read

FOLDER = Path(__file__).parent
# libyaml where it is there, ten times faster: for what was composed before, or came with gcpsim.
FAST: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DEFAULT = "empty"
NAME = Text("[a-z]([-a-z0-9]{0,38}[a-z0-9])?", "lower-case letters, digits and dashes, at most 40")
ZONE = Text("|".join(ZONES), "a zone of Google Cloud, such as us-central1-a")
REGION = Text("|".join(sorted(REGION_ZONES)), "a region of Google Cloud, such as us-central1")
VARIABLE = re.compile(r"\$\{address\.([-a-z0-9]+)\}")

POOL = Mapping(
    {
        "name": NAME,
        "machine_type": Text("|".join(MACHINES), ", ".join(MACHINES)),
        "nodes_per_zone": Number(0, 100),
    }
)
CLUSTER = Mapping(
    {
        "name": NAME,
        "location": Text("|".join([*sorted(REGION_ZONES), *ZONES]), "a region or zone"),
        "zones": ListOf(ZONE, 1),
        "project": Text("[a-z][-a-z0-9]{4,28}[a-z0-9]", "a project id"),
        "version": Text(r"1\.\d+\.\d+-gke\.\d+", "a GKE version such as 1.33.5-gke.1308000"),
        "vpc_native": Text("true|false", "true or false"),
        "node_pools": ListOf(POOL, 1),
    },
    ("name", "location"),
)
RECORD = Mapping(
    {
        "name": Text(r"[^\s]+\.", "a full domain name that ends with a dot"),
        "type": Text("[A-Z0-9]+", "a record type such as A"),
        "ttl": Number(0, 2**31 - 1),
        "rrdatas": ListOf(Text("(?s).+", "record data"), 1),
    },
    ("name", "type", "rrdatas"),
)
DNS_ZONE = Mapping(
    {
        "zone": NAME,
        "dns_name": Text(r"[^\s]+\.", "a full domain name that ends with a dot"),
        "records": ListOf(RECORD),
    },
    ("zone", "dns_name"),
)
WORKLOAD = Mapping(
    {"clusters": ListOf(NAME, 1), "manifests": ListOf(Text(".+", "a file"), 1)},
    ("clusters", "manifests"),
)
SCENARIO = Mapping(
    {
        "description": Text("(?s).*"),
        "project": Text("[a-z][-a-z0-9]{4,28}[a-z0-9]", "a project id"),
        "network": NAME,
        "clusters": ListOf(CLUSTER),
        "addresses": ListOf(Mapping({"name": NAME, "region": REGION}, ("name", "region"))),
        "workloads": ListOf(WORKLOAD),
        "dns": ListOf(DNS_ZONE),
        "certificate_age_days": Number(0, 89),
    },
    ("project",),
)


class ScenarioError(Exception):
    """A scenario that can't be played; the text names file, line and key."""


@dataclass(frozen=True)
class Manifest:
    """One Kubernetes object as text-with-variables, and where it stands."""

    source: str
    line: int
    text: str


@dataclass(frozen=True)
class Scenario:
    """What a world starts with. Records and manifests may hold `${address.<name>}`."""

    source: str
    description: str
    project: str
    network: str
    clusters: tuple[ClusterSpec, ...] = ()
    addresses: tuple[tuple[str, str], ...] = ()
    workloads: tuple[tuple[tuple[str, ...], tuple[Manifest, ...]], ...] = ()
    dns: tuple[dict[str, Any], ...] = ()
    certificate_age_days: int = 0
    lines: dict[str, int] = field(default_factory=dict, compare=False)


def names() -> list[str]:
    """The scenarios that come with gcpsim."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load(name: str = DEFAULT) -> Scenario:
    """A scenario by name, or by the path of a file; ScenarioError when it is wrong."""
    path = FOLDER / f"{name}.yaml" if name in names() else Path(name)
    if not path.is_file():
        known = ", ".join(names())
        raise ScenarioError(f"no scenario {name!r}: it is no file, and the ones here are {known}")
    source = path.name if path.parent == FOLDER else str(path)
    root = _compose(path, source)
    problems = Problems(source)
    values = read(root, SCENARIO, "", problems)
    if not problems.found:
        _check(root, values, path, problems)
    if problems.found:
        raise ScenarioError(str(problems))
    return _scenario(source, path, values)


def parsed(text: str) -> Any:
    """The one document of a text that was checked before."""
    return yaml.load(text, FAST)


def _loader(path: Path) -> Any:
    """Mistakes in files of others are worded by the Python parser, which also bears any depth."""
    return FAST if FOLDER in path.parents else yaml.SafeLoader


def _compose(path: Path, source: str) -> yaml.Node:
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), _loader(path))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ScenarioError(
            f"{source}: 1 problem\n  line {line}  (YAML)   {error.problem}"
        ) from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ScenarioError(f"{source}: not a YAML file: {error}") from None
    if node is None:
        raise ScenarioError(f"{source}: 1 problem\n  line 1  project   missing")
    return node


def node_at(root: yaml.Node, key: str) -> yaml.Node:
    """The node at `a.b[0].c`; the nearest one above it when it is missing."""
    node = root
    for name, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", key):
        if index and isinstance(node, yaml.SequenceNode):
            node = node.value[int(index)]
        elif isinstance(node, yaml.MappingNode):
            found = [value for at, value in node.value if at.value == name]
            node = found[0] if found else node
    return node


def _check(root: yaml.Node, values: dict[str, Any], path: Path, problems: Problems) -> None:
    """What a form cannot say: references between parts, and the manifests."""
    clusters = [cluster["name"] for cluster in values.get("clusters") or ()]
    addresses = {address["name"] for address in values.get("addresses") or ()}

    def complain(key: str, text: str) -> None:
        problems.add(node_at(root, key), key, text)

    for at, cluster in enumerate(values.get("clusters") or ()):
        key = f"clusters[{at}]"
        if cluster["name"] in clusters[:at]:
            complain(f"{key}.name", f'"{cluster["name"]}" is there twice; names must differ')
        region = "-".join(cluster["location"].split("-")[:2])
        for number, zone in enumerate(cluster.get("zones") or ()):
            if zone.rpartition("-")[0] != region:
                complain(f"{key}.zones[{number}]", f'"{zone}" is not in {region}')
    for at, workload in enumerate(values.get("workloads") or ()):
        key = f"workloads[{at}]"
        for number, name in enumerate(workload["clusters"]):
            if name not in clusters:
                known = ", ".join(clusters) or "none"
                complain(f"{key}.clusters[{number}]", f'"{name}"; clusters here: {known}')
        for number, name in enumerate(workload["manifests"]):
            for text in _manifest_problems(path.parent / name, addresses):
                complain(f"{key}.manifests[{number}]", text)
    for at, zone in enumerate(values.get("dns") or ()):
        for number, record in enumerate(zone.get("records") or ()):
            for place, data in enumerate(record["rrdatas"]):
                for name in VARIABLE.findall(data):
                    if name not in addresses:
                        key = f"dns[{at}].records[{number}].rrdatas[{place}]"
                        complain(key, f'no address "{name}" under addresses')


def _manifest_problems(path: Path, addresses: set[str]) -> list[str]:
    if not path.is_file():
        return [f"no file {path}"]
    text = path.read_text(encoding="utf-8")
    unknown = sorted({name for name in VARIABLE.findall(text) if name not in addresses})
    found = [
        f"{path.name} uses ${{address.{name}}}, which is not under addresses" for name in unknown
    ]
    try:
        for node in yaml.compose_all(text, _loader(path)):
            if node is None:
                continue
            line = node.start_mark.line + 1
            keys = (
                {at.value for at, _ in node.value} if isinstance(node, yaml.MappingNode) else set()
            )
            for needed in ("apiVersion", "kind", "metadata"):
                if needed not in keys:
                    found.append(f"{path.name} line {line}: {needed} missing")
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        found.append(f"{path.name} line {line}: {error.problem}")
    return found


def _scenario(source: str, path: Path, values: dict[str, Any]) -> Scenario:
    network = values.get("network", "default")
    clusters = tuple(
        _cluster(one, values["project"], network) for one in values.get("clusters") or ()
    )
    workloads = tuple(
        (
            tuple(one["clusters"]),
            tuple(m for name in one["manifests"] for m in _manifests(path.parent / name)),
        )
        for one in values.get("workloads") or ()
    )
    return Scenario(
        source=source,
        description=values.get("description", ""),
        project=values["project"],
        network=network,
        clusters=clusters,
        addresses=tuple((one["name"], one["region"]) for one in values.get("addresses") or ()),
        workloads=workloads,
        dns=tuple(values.get("dns") or ()),
        certificate_age_days=values.get("certificate_age_days", 0),
    )


def _cluster(given: dict[str, Any], project: str, network: str) -> ClusterSpec:
    location = given["location"]
    zones = given.get("zones")
    if not zones:
        letters = REGION_ZONES.get(location, "")[:3]
        zones = [f"{location}-{letter}" for letter in letters] or [location]
    wanted: list[dict[str, Any]] = given.get("node_pools") or [{}]
    pools = tuple(
        PoolSpec(
            one.get("name", "default-pool"),
            one.get("machine_type", "e2-standard-4"),
            one.get("nodes_per_zone", 1),
        )
        for one in wanted
    )
    return ClusterSpec(
        name=given["name"],
        location=location,
        zones=tuple(zones),
        project=given.get("project", project),
        network=network,
        subnetwork=network,
        version=given.get("version", DEFAULT_VERSION),
        vpc_native=given.get("vpc_native", "true") == "true",
        pools=pools,
    )


def _manifests(path: Path) -> list[Manifest]:
    """The documents of a manifest file."""
    text = path.read_text(encoding="utf-8")
    found, line = [], 1
    for part in re.split(r"(?m)^---.*\n", text):
        if parsed(VARIABLE.sub("0.0.0.0", part)) is not None:
            start = line + len(part) - len(part.lstrip("\n"))
            found.append(Manifest(path.name, start, part))
        line += part.count("\n") + 1
    return found
