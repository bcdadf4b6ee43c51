"""Machine types: a choice of Google's, the same in every zone, and read only.

Names and sizes are Google's public ones; GKE's nodes are of these types.
"""

from gcpsim.compute.engine import links
from gcpsim.compute.engine.catalog import SHARED, SIZES, ZONES
from gcpsim.compute.engine.derived import Rows
from gcpsim.compute.engine.resources import Doc, Kind

EPOCH = "1969-12-31T16:00:00.000-08:00"


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
