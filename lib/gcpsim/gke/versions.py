"""GKE versions: what aliases mean, and which version may follow which. Pure.

Sources: the aliases are from the API's document; the texts are the ones gcloud users report.
"""

import re

from gcpsim.core.errors import ApiError
from gcpsim.gke.documents import DEFAULT_VERSION, VERSIONS

TRAILS_AT_MOST = 2  # minor versions of nodes behind their control plane


def for_master(asked: str, current: str) -> str:
    """The version that a control plane is to have."""
    version = _resolved(asked, DEFAULT_VERSION, current)
    if version is None:
        raise _refused(f'Master version "{asked}" is unsupported.')
    if order(version) < order(current):
        raise _refused(
            f'Master cannot be upgraded to "{version}": specified version is not newer than the '
            "current version."
        )
    if minor(version) > minor(current) + 1:
        raise _refused(
            f'Master cannot be upgraded to "{version}": cannot upgrade the control plane more '
            "than a minor version at a time."
        )
    return version


def for_nodes(asked: str, master: str, current: str) -> str:
    """The version that nodes of a cluster are to have; "-" and "" mean the control plane's."""
    version = master if asked in ("", "-") else _resolved(asked, master, current)
    if version is None and asked == master:
        version = master
    if version is None:
        raise _refused(f'Node version "{asked}" is unsupported.')
    if order(version) > order(master):
        raise _refused(
            f'Node version "{version}" must not have a higher version than the master version '
            f'"{master}".'
        )
    if minor(version) < minor(master) - TRAILS_AT_MOST:
        raise _refused(
            f'Node version "{version}" must be within two minor versions of the master version '
            f'"{master}".'
        )
    return version


def for_cluster(asked: str) -> str:
    """The version of a new cluster."""
    version = _resolved(asked, DEFAULT_VERSION, "")
    if version is None:
        known = ", ".join(VERSIONS)
        raise _refused(f'Master version "{asked}" is unsupported. Valid versions: {known}.')
    return version


def order(version: str) -> tuple[int, ...]:
    """What versions are compared by."""
    return tuple(int(number) for number in re.findall(r"[0-9]+", version))


def minor(version: str) -> int:
    return (*order(version), 0, 0)[1]


def _resolved(asked: str, default: str, current: str) -> str | None:
    if asked in ("", "-"):
        return default
    if asked == "latest":
        return VERSIONS[0]
    if asked == current or asked in VERSIONS:
        return asked
    if re.fullmatch(r"[0-9]+\.[0-9]+(\.[0-9]+)?", asked):
        found = [one for one in VERSIONS if one.startswith((f"{asked}.", f"{asked}-"))]
        return max(found, key=order) if found else None
    return None


def _refused(why: str) -> ApiError:
    return ApiError(400, why, "badRequest")
