"""How resources refer to each other: Google's URLs in every form in which they come back.

A link may arrive with any host, any API version, as a partial path, with the project's number
instead of its id, or in Certificate Manager's `//service/...` form. `canonical` makes one form of
all of them, for comparing; `link` makes the form that the API wants to be given.
"""

import ipaddress
import re
from collections.abc import Mapping
from typing import Any

from edgebook.model.kinds import Api, kind_of, path
from edgebook.model.values import ResourceKey

COMPUTE_PREFIX = "https://www.googleapis.com/compute/v1/"
CERTIFICATE_PREFIX = "//certificatemanager.googleapis.com/"

_URL = re.compile(
    r"^(?:https?:)?//[^/]+/(?:compute/)?(?:[a-z]+\d*(?:beta|alpha)?\d*/)?(projects/.+)$"
)
_PROJECT = re.compile(r"^projects/([^/]+)/(.+)$")


def link(key: ResourceKey) -> str:
    """How another resource refers to this one."""
    kind = kind_of(key)
    if kind.api is Api.COMPUTE:
        return COMPUTE_PREFIX + path(key)
    # A proxy takes a certificate map in this form only; any other answers 400 (recorded).
    if kind.name == "certificateMap":
        return CERTIFICATE_PREFIX + path(key)
    return path(key)


def canonical(value: str, numbers: Mapping[str, str] | None = None) -> str:
    """`projects/P/global/...` of any form of a link; text that is no link comes back unchanged."""
    found = _URL.match(value)
    text = found.group(1) if found else value
    project = _PROJECT.match(text)
    if project and numbers and project.group(1) in numbers:
        return f"projects/{numbers[project.group(1)]}/{project.group(2)}"
    return text


def same_link(one: str, other: str, numbers: Mapping[str, str] | None = None) -> bool:
    """Equal links; a project number that nobody can translate equals any project id."""
    one, other = canonical(one, numbers), canonical(other, numbers)
    if one == other:
        return True
    first, second = _PROJECT.match(one), _PROJECT.match(other)
    if not first or not second or first.group(2) != second.group(2):
        return False
    return first.group(1).isdigit() != second.group(1).isdigit()


def same_text(one: str, other: str, numbers: Mapping[str, str] | None = None) -> bool:
    """Equal text, links or IP addresses (`::1` in any spelling), or a port and its range."""
    if one == other or same_link(one, other, numbers):
        return True
    if f"{one}-{one}" == other or f"{other}-{other}" == one:
        return True
    try:
        return ipaddress.ip_address(one) == ipaddress.ip_address(other)
    except ValueError:
        return False


def plain(value: Any, numbers: Mapping[str, str] | None = None) -> Any:
    """A body with every link in canonical form."""
    if isinstance(value, str):
        return canonical(value, numbers)
    if isinstance(value, Mapping):
        return {key: plain(item, numbers) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, numbers) for item in value]
    return value
