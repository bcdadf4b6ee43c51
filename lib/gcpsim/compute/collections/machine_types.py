"""Machine types: a choice of Google's, the same in every zone, and read only.

Names and sizes are Google's public ones; GKE's nodes are of these types.
"""

from gcpsim.compute.engine import links
from gcpsim.compute.engine.catalog import ZONES
from gcpsim.compute.engine.derived import Rows
from gcpsim.compute.engine.resources import Doc, Kind

# family -> (memory of a CPU in GB, numbers of CPUs)
FAMILIES: dict[str, tuple[float, tuple[int, ...]]] = {
    "c2-standard": (4, (4, 8, 16, 30, 60)),
    "c3-standard": (4, (4, 8, 22, 44, 88)),
    "e2-highcpu": (1, (2, 4, 8, 16, 32)),
    "e2-highmem": (8, (2, 4, 8, 16)),
    "e2-standard": (4, (2, 4, 8, 16, 32)),
    "n1-standard": (3.75, (1, 2, 4, 8, 16)),
    "n2-highcpu": (1, (2, 4, 8, 16)),
    "n2-highmem": (8, (2, 4, 8, 16)),
    "n2-standard": (4, (2, 4, 8, 16, 32)),
    "n2d-standard": (4, (2, 4, 8, 16)),
    "t2d-standard": (4, (1, 2, 4, 8)),
}
SHARED = {"e2-micro": (2, 1.0), "e2-small": (2, 2.0), "e2-medium": (2, 4.0),
          "f1-micro": (1, 0.6), "g1-small": (1, 1.7)}  # fmt: skip
EPOCH = "1969-12-31T16:00:00.000-08:00"


def _sizes() -> dict[str, tuple[int, float]]:
    found = dict(SHARED)
    for family, (memory, counts) in FAMILIES.items():
        found |= {f"{family}-{count}": (count, count * memory) for count in counts}
    return dict(sorted(found.items()))


SIZES = _sizes()  # name -> (CPUs, memory in GB)
NUMBERS = {name: str(3000 + 2 * place) for place, name in enumerate(SIZES)}


def rows(project: str, scope: str) -> Rows:
    """The machine types of a zone, or of all."""
    zones = [scope.removeprefix("zones/")] if scope else ZONES
    place = f"projects/{project}/zones"
    return [
        (f"{place}/{zone}/machineTypes/{name}", _document(place, zone, name))
        for zone in zones
        for name in SIZES
    ]


def _document(place: str, zone: str, name: str) -> Doc:
    count, memory = SIZES[name]
    efficient = "Efficient Instance, " if name.startswith("e2-") else ""
    text = f"{efficient}{count} vCPU{'s' if count > 1 else ''}, {memory:g} GB RAM"
    return {
        "kind": "compute#machineType",
        "id": NUMBERS[name],
        "creationTimestamp": EPOCH,
        "name": name,
        "description": text,
        "guestCpus": count,
        "memoryMb": int(memory * 1024),
        "imageSpaceGb": 0,
        "maximumPersistentDisks": 16 if name in SHARED else 128,
        "maximumPersistentDisksSizeGb": "3072" if name in SHARED else "263168",
        "zone": zone,
        "selfLink": links.link(f"{place}/{zone}/machineTypes/{name}"),
        "isSharedCpu": name in SHARED,
        "architecture": "X86_64",
    }


MACHINE_TYPES = Kind(
    "machineTypes", "MachineType", "machine_type", scopes=("zones",), readonly=True
)
