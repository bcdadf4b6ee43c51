"""Projects: any id works, and each has a number that follows from its id.

Google's APIs take either in a path and answer with one of them, each in its own way.
"""

import hashlib

from gcpsim.core.store import Store


def number(project: str) -> str:
    """The project number, 12 digits; a number stays what it is."""
    if project.isdigit():
        return project
    digest = int.from_bytes(hashlib.sha256(project.encode()).digest()[:8], "big")
    return str(100_000_000_000 + digest % 899_999_999_999)


def remember(store: Store, project: str) -> None:
    """Note that a project is in use, so that its number leads back to it."""
    table = store.table("projects")
    if not project.isdigit() and number(project) not in table:
        table.put(number(project), {"projectId": project})


def project_id(store: Store, project: str) -> str:
    """The id behind an id or a number; an unknown number stands for itself."""
    if not project.isdigit():
        return project
    known = store.table("projects").get(project)
    return project if known is None else str(known["projectId"])
