"""Changes of a zone: checked in Google's order, then applied whole or not at all.

Source of the order: Google's LocalDnsHelper; of the rules about a zone's shape: the error-messages
page. Works on a mapping of record sets by key, so that it can be tried without a zone.
"""

from collections.abc import Callable, Mapping
from typing import Any

from gcpsim.dns import records, refusals
from gcpsim.dns.quota import QUOTA

Doc = dict[str, Any]
CHANGE = "entity.change"


def read_change(
    body: Doc, zone_name: str, current: Mapping[str, Doc]
) -> tuple[list[Doc], list[Doc]]:
    """(additions, deletions) in stored form, or the ApiError of the first check that fails."""
    added, deleted = body.get("additions") or [], body.get("deletions") or []
    if not added and not deleted:
        raise refusals.required(CHANGE)
    _check_quota(added, deleted)
    additions = [
        records.read(rrset, f"{CHANGE}.additions[{index}]", zone_name)
        for index, rrset in enumerate(added)
    ]
    deletions = []
    for index, rrset in enumerate(deleted):
        where = f"{CHANGE}.deletions[{index}]"
        wanted = records.read(rrset, where, zone_name)
        found = current.get(records.key_of(wanted))
        if found is None:
            raise refusals.missing(where, records.label(wanted))
        if not records.same(found, wanted):
            raise refusals.precondition(where)
        deletions.append(found)
    check_together(
        additions,
        deletions,
        zone_name,
        current,
        lambda kind, index: f"{CHANGE}.{kind}[{index}]",
    )
    return additions, deletions


def check_together(
    additions: list[Doc],
    deletions: list[Doc],
    zone_name: str,
    current: Mapping[str, Doc],
    where: Callable[[str, int], str],
) -> None:
    """The rules that concern more than one record set: duplicates, apex, counts, CNAMEs, size."""
    gone = {records.key_of(rrset) for rrset in deletions}
    seen: set[str] = set()
    for index, rrset in enumerate(additions):
        key = records.key_of(rrset)
        if key in seen or (key in current and key not in gone):
            raise refusals.exists(where("additions", index), records.label(rrset))
        seen.add(key)
    _check_apex(additions, deletions, zone_name, where)
    for index, rrset in enumerate(additions):
        _check_alone(rrset, zone_name, where("additions", index))
    after = {key for key in current if key not in gone} | seen
    _check_cnames(additions, after, where)
    limit = QUOTA["rrsetsPerManagedZone"]
    if len(after) > limit:
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
    additions: list[Doc], deletions: list[Doc], zone_name: str, where: Callable[[str, int], str]
) -> None:
    new = {records.key_of(rrset) for rrset in additions}
    for index, rrset in enumerate(deletions):
        required = rrset["name"] == zone_name and rrset["type"] in ("NS", "SOA")
        if required and records.key_of(rrset) not in new:
            raise refusals.apex(where("deletions", index), rrset["type"])
    for index, rrset in enumerate(additions):
        if rrset["type"] == "SOA" and rrset["name"] != zone_name:
            raise refusals.apex(where("additions", index), "SOA")


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


def _check_cnames(additions: list[Doc], after: set[str], where: Callable[[str, int], str]) -> None:
    types: dict[str, set[str]] = {}
    for key in after:
        name, _, type_ = key.partition(" ")
        types.setdefault(name, set()).add(type_)
    for index, rrset in enumerate(additions):
        beside = types[rrset["name"]]
        if "CNAME" in beside and len(beside) > 1:
            raise refusals.cname_conflict(where("additions", index), rrset["name"])
