"""Public images, which machines are started from: read only, the newest of each family.

Families, projects and disk sizes are Google's public ones; the dates in names are one date. Nobody
makes an image here, so that a project of one's own has none.
"""

import re

from gcpsim.compute.engine import documents, links
from gcpsim.compute.engine.derived import Rows, number_of
from gcpsim.compute.engine.resources import Doc, Kind
from gcpsim.compute.engine.service import Compute
from gcpsim.core.edge import Answer, Call
from gcpsim.core.errors import invalid, not_found
from gcpsim.core.paths import words_of

BUILT = "20261110"
ARM = ("-arm64",)
_URL = re.compile(r"https?://[^/]+/(?:compute/)?(?:v1|beta|alpha)/(.+)")
# project -> family -> (name of the newest without its date, size in GB)
FAMILIES: dict[str, dict[str, tuple[str, int]]] = {
    "centos-cloud": {
        "centos-stream-9": ("centos-stream-9", 20),
        "centos-stream-10": ("centos-stream-10", 20),
    },
    "cos-cloud": {
        "cos-113-lts": ("cos-113-18244-521-60", 10),
        "cos-117-lts": ("cos-117-18613-439-50", 10),
        "cos-121-lts": ("cos-121-18867-294-25", 10),
        "cos-stable": ("cos-stable-125-19216-104-25", 10),
    },
    "debian-cloud": {
        "debian-11": ("debian-11-bullseye", 10),
        "debian-12": ("debian-12-bookworm", 10),
        "debian-12-arm64": ("debian-12-bookworm-arm64", 10),
        "debian-13": ("debian-13-trixie", 10),
        "debian-13-arm64": ("debian-13-trixie-arm64", 10),
    },
    "fedora-coreos-cloud": {"fedora-coreos-stable": ("fedora-coreos-43-gcp-x86-64", 10)},
    "rhel-cloud": {"rhel-8": ("rhel-8", 20), "rhel-9": ("rhel-9", 20), "rhel-10": ("rhel-10", 20)},
    "rocky-linux-cloud": {
        "rocky-linux-8": ("rocky-linux-8", 20),
        "rocky-linux-8-optimized-gcp": ("rocky-linux-8-optimized-gcp", 20),
        "rocky-linux-9": ("rocky-linux-9", 20),
        "rocky-linux-9-optimized-gcp": ("rocky-linux-9-optimized-gcp", 20),
    },
    "suse-cloud": {"sles-12": ("sles-12-sp5-x86-64", 10), "sles-15": ("sles-15-sp7-x86-64", 10)},
    "ubuntu-os-cloud": {
        "ubuntu-2204-lts": ("ubuntu-2204-jammy", 10),
        "ubuntu-2404-lts-amd64": ("ubuntu-2404-noble-amd64", 10),
        "ubuntu-2404-lts-arm64": ("ubuntu-2404-noble-arm64", 10),
        "ubuntu-minimal-2204-lts": ("ubuntu-minimal-2204-jammy", 10),
        "ubuntu-minimal-2404-lts-amd64": ("ubuntu-minimal-2404-noble-amd64", 10),
    },
    "windows-cloud": {
        "windows-2019": ("windows-server-2019-dc", 50),
        "windows-2022": ("windows-server-2022-dc", 50),
        "windows-2025": ("windows-server-2025-dc", 50),
    },
}
FEATURES = ("GVNIC", "SEV_CAPABLE", "UEFI_COMPATIBLE", "VIRTIO_SCSI_MULTIQUEUE")


def rows(project: str, scope: str) -> Rows:
    """The images of a public project."""
    if scope not in ("", "global"):
        return []
    return [
        (f"projects/{project}/global/images/{stem}-v{BUILT}", _document(project, family, stem, gb))
        for family, (stem, gb) in FAMILIES.get(project, {}).items()
    ]


def _document(project: str, family: str, stem: str, size: int) -> Doc:
    name = f"{stem}-v{BUILT}"
    path = f"projects/{project}/global/images/{name}"
    return {
        "kind": "compute#image",
        "id": number_of(path),
        "creationTimestamp": f"{BUILT[:4]}-{BUILT[4:6]}-{BUILT[6:]}T08:26:29.316-08:00",
        "name": name,
        "sourceType": "RAW",
        "rawDisk": {"source": "", "containerType": "TAR"},
        "status": "READY",
        "archiveSizeBytes": str(size * 120_000_000),
        "diskSizeGb": str(size),
        "licenses": [links.link(f"projects/{project}/global/licenses/{family}")],
        "family": family,
        "selfLink": links.link(path),
        "labelFingerprint": documents.NO_LABELS,
        "guestOsFeatures": [{"type": feature} for feature in FEATURES],
        "storageLocations": ["asia", "eu", "us"],
        "architecture": "ARM64" if stem.endswith(ARM) else "X86_64",
        "enableConfidentialCompute": False,
    }


def of_family(compute: Compute, kind: Kind, call: Call, path: str, doc: Doc, body: Doc) -> Answer:
    """The newest image of a family; 404 for one that no image is of."""
    project, family = links.split(path)[0], words_of(call.path)[-1]
    for _, image in rows(project, "global"):
        if image["family"] == family:
            return Answer(body=image)
    raise not_found(f"projects/{project}/global/images/family/{family}")


def canonical(field: str, given: str, project: str) -> str:
    """The link of an image, or of a family's newest (`global/images/family/F`, or the view that a
    zone has of it), that a disk is made from; ApiError 400 when there is none."""
    url = _URL.fullmatch(given)
    words = words_of(url.group(1) if url else given)
    if words[:1] == ["global"]:
        words = ["projects", project, *words]
    known: set[str] = set()
    if len(words) > 2:
        known = {doc["family"] for _, doc in rows(words[1], "")}
        names = {doc["name"] for _, doc in rows(words[1], "")}
        match words[2:]:
            case ["global", "images", "family", family] if family in known:
                return links.link("/".join(words))
            case ["zones", _, "imageFamilyViews", family] if family in known:
                return links.link("/".join(words))
            case ["global", "images", name] if name in names:
                return links.link("/".join(words))
    raise invalid(field, given, "The referenced image resource cannot be found.")


IMAGES = Kind(
    "images",
    "Image",
    "image",
    aggregated=False,
    readonly=True,
    verbs={"getFromFamily": of_family},
    on_absent=("getFromFamily",),
)
