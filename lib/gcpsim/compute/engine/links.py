"""References between resources: every form that clients send, one canonical form inside.

Inside, a resource is its path: `projects/P/global/backendServices/B`. Outside it is the self link
`https://www.googleapis.com/compute/v1/<path>`, whatever host was asked (real answers do the same).
"""

import re

from gcpsim.core import projects
from gcpsim.core.errors import ApiError, invalid
from gcpsim.core.paths import collection_of

ROOT = "https://www.googleapis.com/compute/v1/"
CERTIFICATE_ROOT = "//certificatemanager.googleapis.com/"
_URL = re.compile(r"https?://[^/]+/(?:compute/)?(?:v1|beta|alpha)/(projects/.+)")
_SCOPED = re.compile(r"(global|regions/[^/]+|zones/[^/]+)/([A-Za-z]+)/([^/]+)")
_PATH = re.compile(r"projects/([^/]+)/(global|regions/[^/]+|zones/[^/]+)/([A-Za-z]+)/([^/]+)")
_CATALOG = re.compile(r"projects/([^/]+)/(zones|regions)/([^/]+)")
_CERTIFICATE_PATH = re.compile(r"projects/[^/]+/locations/[^/]+/certificates/[^/]+")
_MAP_PATH = re.compile(r"projects/[^/]+/locations/[^/]+/certificateMaps/[^/]+")


def link(path: str) -> str:
    """The canonical self link of a path."""
    return ROOT + path


def path_of(reference: str) -> str:
    """The path of a canonical self link."""
    return reference.removeprefix(ROOT)


def parse(reference: str, project: str) -> str | None:
    """The path that a reference means, or None when it is malformed.

    Takes full URLs of any host and version, `//compute.googleapis.com/projects/...`,
    `projects/...`, and `global/...`, `regions/R/...`, `zones/Z/...` of `project`.
    """
    text = reference.removeprefix("//compute.googleapis.com/")
    url = _URL.fullmatch(text)
    if url:
        text = url.group(1)
    if _SCOPED.fullmatch(text):
        text = f"projects/{project}/{text}"
    return text if _PATH.fullmatch(text) or _CATALOG.fullmatch(text) else None


def split(path: str) -> tuple[str, str, str, str]:
    """(project, scope, collection, name) of a resource path."""
    found = _PATH.fullmatch(path)
    if found is None:
        raise ValueError(f"not a resource path: {path}")
    return found.group(1), found.group(2), found.group(3), found.group(4)


def reference(field: str, value: str, project: str, collections: tuple[str, ...]) -> str:
    """The path of a reference that must be of one of `collections`; ApiError 400 otherwise."""
    path = parse(value, project)
    if path is None:
        raise invalid(field, value, "The URL is malformed.")
    collection = collection_of(path)
    if collections and collection not in collections:
        wanted = " or ".join(collections)
        raise invalid(
            field, value, f"Unexpected resource collection '{collection}', expected {wanted}."
        )
    return path


def certificate_map(field: str, value: str) -> str:
    """The canonical form of a certificate map; only `//certificatemanager...` is accepted.

    gcloud with an endpoint override sends the URL of that endpoint instead, so that form is too.
    """
    if value.startswith(CERTIFICATE_ROOT):
        path = value.removeprefix(CERTIFICATE_ROOT)
    else:
        url = re.fullmatch(r"https?://[^/]+/v1/(.+)", value)
        path = url.group(1) if url else ""
    if not _MAP_PATH.fullmatch(path):
        raise invalid(
            field,
            value,
            f"'{value}' is not a valid reference. It should have the format "
            "//certificatemanager.googleapis.com/projects/{project}/locations/{location}/"
            "certificateMaps/{resourceName}.",
        )
    return CERTIFICATE_ROOT + path


def managed_certificate(value: str) -> str | None:
    """The canonical form of a Certificate Manager certificate; None when it names none."""
    path = value.removeprefix(CERTIFICATE_ROOT)
    url = re.fullmatch(r"https?://[^/]+/v1/(projects/.+)", value)
    path = url.group(1) if url else path
    return CERTIFICATE_ROOT + path if _CERTIFICATE_PATH.fullmatch(path) else None


def malformed_name(field: str, value: str, pattern: str) -> ApiError:
    return invalid(field, value, f"Must be a match of regex '{pattern}'")


def number_form(path: str) -> str:
    """GLOBAL:global/PROJECT:<number>/HEALTH_CHECK:<name>, as some refusals print resources."""
    project, scope, collection, name = split(path)
    noun = re.sub(r"(?<=[a-z])([A-Z])", r"_\1", collection.removesuffix("s")).upper()
    place = (
        "GLOBAL:global" if scope == "global" else scope.upper().replace("S/", ":").replace("/", ":")
    )
    return f"{place}/PROJECT:{projects.number(project)}/{noun}:{name}"
