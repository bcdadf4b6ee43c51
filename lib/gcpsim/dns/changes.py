"""Changes of a zone: checked in Google's order, then applied whole or not at all.

Source of the order: Google's LocalDnsHelper; of the rules about a zone's shape: the error-messages
page. Works on a table of record sets by key, and costs the same in a small zone and in a large one.
"""

from collections.abc import Callable
from typing import Any, Protocol

from gcpsim.dns import records, refusals
from gcpsim.dns.quota import QUOTA

Doc = dict[str, Any]
CHANGE = "entity.change"


class Held(Protocol):
    """The record sets that a zone holds, by key; a dict or a table."""

    def get(self, key: str) -> Doc | None: ...

    def __contains__(self, key: object) -> bool: ...

    def __len__(self) -> int: ...


def read_change(body: Doc, zone_name: str, current: Held) -> tuple[list[Doc], list[Doc]]:
    """(additions, deletions) in stored form, or the ApiError of the first check that fails."""
    added, deleted = body.get("additions") or [], body.get("deletions") or []
    if not added and not deleted:
        raise refusals.required(CHANGE)
    _check_quota(added, deleted)
    with refusals.Gathered() as refused:
        additions = _read(added, "additions", zone_name, refused)
        wanted = _read(deleted, "deletions", zone_name, refused)
    deletions: dict[str, Doc] = {}
    with refusals.Gathered() as refused:
        for index, rrset in enumerate(wanted):
            where, key = f"{CHANGE}.deletions[{index}]", records.key_of(rrset)
            found = current.get(key)
            if found is None or key in deletions:  # the second time it is not there any more
                refused.note(refusals.missing(where, records.label(rrset)))
            elif not records.same(found, rrset):
                refused.note(refusals.precondition(where))
            else:
                deletions[key] = found
    gone = list(deletions.values())
    check_together(
        additions,
        gone,
        zone_name,
        current,
        lambda kind, index: f"{CHANGE}.{kind}[{index}]",
    )
    return additions, gone


def _read(given: list[Doc], kind: str, zone: str, refused: refusals.Gathered) -> list[Doc]:
    """Record sets in stored form, without those that are refused."""
    wheres = [f"{CHANGE}.{kind}[{index}]" for index in range(len(given))]
    read = [
        refused.run(records.read, rrset, where, zone)
        for rrset, where in zip(given, wheres, strict=True)
    ]
    return [rrset for rrset in read if rrset is not None]


def check_together(
    additions: list[Doc],
    deletions: list[Doc],
    zone_name: str,
    current: Held,
    where: Callable[[str, int], str],
) -> None:
    """The rules that concern more than one record set: duplicates, apex, counts, CNAMEs, size."""
    gone = {records.key_of(rrset) for rrset in deletions}
    seen: set[str] = set()
    with refusals.Gathered() as refused:
        for index, rrset in enumerate(additions):
            key = records.key_of(rrset)
            if key in seen or (key in current and key not in gone):
                refused.note(refusals.exists(where("additions", index), records.label(rrset)))
            seen.add(key)
    with refusals.Gathered() as refused:
        _check_apex(additions, deletions, zone_name, where, refused)
    with refusals.Gathered() as refused:
        for index, rrset in enumerate(additions):
            refused.run(_check_alone, rrset, zone_name, where("additions", index))
    with refusals.Gathered() as refused:
        for index, rrset in enumerate(additions):
            beside = {
                type_
                for type_ in records.TYPES
                if (key := f"{rrset['name']} {type_}") in seen
                or (key in current and key not in gone)
            }
            if "CNAME" in beside and len(beside) > 1:
                refused.note(refusals.cname_conflict(where("additions", index), rrset["name"]))
    limit = QUOTA["rrsetsPerManagedZone"]
    if len(current) - len(gone) + len(seen) > limit:
        raise refusals.quota(CHANGE, "rrsetsPerManagedZone", limit)


def _check_quota(added: list[Doc], deleted: list[Doc]) -> None:
    counts = (
        ("additions", len(added), "rrsetAdditionsPerChange"),
        ("deletions", len(deleted), "rrsetDeletionsPerChange"),
    )
    for kind, count, metric in counts:
        if count > QUOTA[metric]:
            raise refusals.quota(f"{CHANGE}.{kind}", metric, QUOTA[metric])
    size = sum(records.data_size(rrset) for rrset in [*added, *deleted])
    if size > QUOTA["totalRrdataSizePerChange"]:
        metric = "totalRrdataSizePerChange"
        raise refusals.quota(CHANGE, metric, QUOTA[metric])


def _check_apex(
    additions: list[Doc],
    deletions: list[Doc],
    zone_name: str,
    where: Callable[[str, int], str],
    refused: refusals.Gathered,
) -> None:
    new = {records.key_of(rrset) for rrset in additions}
    for index, rrset in enumerate(deletions):
        required = rrset["name"] == zone_name and rrset["type"] in ("NS", "SOA")
        if required and records.key_of(rrset) not in new:
            refused.note(refusals.apex(where("deletions", index), rrset["type"]))
    for index, rrset in enumerate(additions):
        if rrset["type"] == "SOA" and rrset["name"] != zone_name:
            refused.note(refusals.apex(where("additions", index), "SOA"))


def _check_alone(rrset: Doc, zone_name: str, where: str) -> None:
    type_, name = rrset["type"], rrset["name"]
    if type_ in records.SINGLE and len(rrset.get("rrdatas") or [""]) > 1:
        raise refusals.one_record(where, type_)
    if type_ == "CNAME" and name == zone_name:
        raise refusals.cname_at_apex(where)
    if type_ == "ALIAS" and name != zone_name:
        raise refusals.invalid(f"{where}.type", type_)
    if type_ == "NS" and name.startswith("*."):
        raise refusals.wildcard(where, type_)
