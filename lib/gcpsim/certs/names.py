"""Names of resources: `projects/P/locations/L/certificates/C`, in the forms that clients send.

Inside, names carry the project id. Certificate Manager answers references inside certificates and
entries with the project number instead (recorded), so both lead to the same resource.
"""

import re

from gcpsim.certs import refusals
from gcpsim.compute.engine.catalog import REGIONS
from gcpsim.core import paths, projects
from gcpsim.core.store import Store

LOCATIONS = ["global", *REGIONS]
RESOURCE_ID = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]{0,62}")
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_LABEL_KEY = re.compile(r"[\w-]{1,63}")
_PREFIX = re.compile(r"(?://certificatemanager\.googleapis\.com/|https?://[^/]+/v1/)")


def reference(store: Store, field: str, text: str, collection: str) -> str:
    """The name that a reference means, with the project id; ApiError 400 `invalid name`."""
    bare = _PREFIX.sub("", text, count=1)
    pattern = rf"projects/([^/]+)/locations/([^/]+)/{collection}/([^/]+)"
    found = re.fullmatch(pattern, bare)
    if found is None:
        raise refusals.invalid(field, "invalid name")
    project = projects.project_id(store, found.group(1))
    return f"projects/{project}/locations/{found.group(2)}/{collection}/{found.group(3)}"


def by_number(name: str) -> str:
    """The same name with the project number."""
    return paths.with_project(name, projects.number(paths.project_of(name)))


def by_id(store: Store, name: str) -> str:
    """The same name with the project id."""
    return paths.with_project(name, projects.project_id(store, paths.project_of(name)))


def check_location(project: str, location: str) -> None:
    if location not in LOCATIONS:
        raise refusals.location(project, location)


def check_domain(field: str, domain: str, *, wildcard: bool, longest: int = 253) -> str:
    """The domain in lower case; ApiError 400 for what is none."""
    text = domain.lower()
    rest = text.removeprefix("*.") if wildcard else text
    labels = rest.split(".")
    if len(text) > longest or len(labels) < 2 or not all(_LABEL.fullmatch(one) for one in labels):
        raise refusals.invalid(field, f"invalid domain name: {domain!r}")
    return text


def check_labels(labels: dict[str, str]) -> None:
    """Google's rules for labels of newer services."""
    if len(labels) > 64:
        raise refusals.invalid("labels", "at most 64 labels are allowed")
    for key, value in labels.items():
        good = _LABEL_KEY.fullmatch(key) and key == key.lower() and key[0].isalpha()
        if (
            not good
            or len(value) > 63
            or not re.fullmatch(r"[\w-]*", value)
            or value.lower() != value
        ):
            raise refusals.invalid("labels", f"invalid label {key}={value}")
