"""The shape of a record: who reads one need not ask whether it is what it says.

Only what is read is looked at, so that records of other versions are records too: a field may be
missing or null unless its name ends with `!`, and may have more in it.
"""

from collections.abc import Mapping
from typing import Any

TEXT, NUMBER = "text", "number"
CHANGE = {"action!": TEXT, "kind!": TEXT, "name!": TEXT, "sentence": TEXT, "status": TEXT,
          "disrupts": TEXT, "error": TEXT, "began": TEXT, "at": TEXT, "real": {}}  # fmt: skip
CHECK = {"state!": TEXT, "check!": TEXT, "subject": TEXT, "reason": TEXT, "remedy": TEXT}
TABLE = {"title!": TEXT, "columns": [TEXT], "rows": [{}]}
STAGE = {"event": TEXT, "name": TEXT, "status": TEXT, "share": NUMBER, "seen": {"text": TEXT}}
APPROVAL = {"hash!": TEXT, "by!": TEXT, "how!": TEXT,
            "approvers": [{"name!": TEXT, "proof!": TEXT}]}  # fmt: skip
STEP = {"title!": TEXT, "status!": TEXT, "name": TEXT, "step": TEXT, "seconds": NUMBER,
        "headline": TEXT, "changes": [CHANGE], "checks": [CHECK], "tables": {"*": TABLE},
        "stages": [STAGE], "ladder": {"title": TEXT, "hash": TEXT, "approval": APPROVAL},
        "planned": {"hash": TEXT, "changes": [{}]}, "error": {"*": TEXT}}  # fmt: skip
FRONTEND = {"name!": TEXT, "compared": {"state": TEXT, "why": TEXT}, "by_class": {}, "failures": {}}
USERS = {"frontends": [FRONTEND], "failures": [{}], "blind": [TEXT], "passthrough_packets": {}}
TRAFFIC = {
    "sent": NUMBER, "failed": NUMBER, "sentence": TEXT, "by": [{}],
    "failures": [{"at": TEXT, "during": TEXT}], "waiting": [{}], "users": USERS,
    "verdict": {"state": TEXT, "reasons": [TEXT]},
}  # fmt: skip
RECORD = {
    "change_id!": TEXT, "sequence!": NUMBER, "status!": TEXT, "title": TEXT, "started": TEXT,
    "finished": TEXT, "seconds": NUMBER, "environment": TEXT, "project": TEXT, "front_door": TEXT,
    "resumes": TEXT, "previous": {"change_id!": TEXT, "sha256!": TEXT}, "files": {"*": TEXT},
    "who": {"user": TEXT, "host": TEXT, "pipeline": TEXT}, "approval": APPROVAL,
    "params": {"file": TEXT, "sha256": TEXT, "values": {}},
    "plan": {"hash": TEXT, "changes": [CHANGE]},
    "request": {"mode": TEXT, "key": TEXT}, "steps": [STEP], "traffic": TRAFFIC, "git": {},
    "world": {}, "tool": {},
}  # fmt: skip


def check(data: Any) -> None:
    """Raises ValueError that says where a record is none."""
    _check(data, RECORD, "")


def _check(value: Any, shape: Any, path: str) -> None:
    if shape == TEXT:
        _require(isinstance(value, str), path, TEXT)
    elif shape == NUMBER:
        _require(isinstance(value, int | float) and not isinstance(value, bool), path, NUMBER)
    elif isinstance(shape, list):
        _require(isinstance(value, list), path, "list")
        for number, item in enumerate(value):
            _check(item, shape[0], f"{path}[{number}]")
    else:
        _require(isinstance(value, Mapping), path, "object")
        for name, inner in _fields(value, shape):
            bare = name.removesuffix("!")
            if value.get(bare) is not None or name != bare:
                _check(value.get(bare), inner, f"{path}.{bare}".lstrip("."))


def _fields(value: Mapping[str, Any], shape: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The fields to look at: those of the shape, or all where it says that of all."""
    return [(name, shape["*"]) for name in value] if "*" in shape else list(shape.items())


def _require(right: bool, path: str, what: str) -> None:
    if not right:
        raise ValueError(f"{path or 'it'} is no {what}")
