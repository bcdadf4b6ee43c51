"""The hash chain over sealed records, and the check that finds any later edit.

Each record names the hash of the one before it, and `chain.jsonl` lists all of them in order. So an
edited, added, missing or reordered file or record shows. Who rewrites everything from some record
on, cuts the end off or appends shows by signatures (`signers`) and by anchors kept elsewhere.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from edgebook.base.ownership import FILE as OWNER
from edgebook.base.text import counted, plain
from edgebook.records import keyless
from edgebook.records.anchors import Anchor, missing
from edgebook.records.archive import CHAIN, INDEX, LOCK, PROBE, RECORD, Archive
from edgebook.records.buckets import CLAIM, PLACES
from edgebook.records.index import differs
from edgebook.records.keyless import BUNDLE
from edgebook.records.record import Record, load_records, parse_record, read_chain, sha256
from edgebook.records.signing import SIGNATURE, signer


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is not as it was sealed. A `warning` does not break the chain."""

    place: str
    text: str
    warning: bool = False

    def __str__(self) -> str:
        return plain(f"{self.place}: {self.text}")


@dataclass(frozen=True)
class Verdict:
    """How many records were checked, by what and by what not, the head, and what is wrong."""

    records: int
    head: str
    problems: tuple[Problem, ...]
    checked: tuple[str, ...] = ("hash chain",)
    unchecked: tuple[str, ...] = ()

    @property
    def intact(self) -> bool:
        return not any(not problem.warning for problem in self.problems)

    def __str__(self) -> str:
        lines = [str(problem) for problem in self.problems]
        plural = "" if self.records == 1 else "s"
        verdict = "intact" if self.intact else "BROKEN"
        return "\n".join([*lines, f"chain of {self.records} record{plural} {verdict}"])


def verify_archive(
    archive: Archive,
    *,
    head: str = "",
    files: bool = True,
    only: str = "",
    signers: Mapping[str, str] | None = None,
    anchored: Iterable[Anchor] = (),
    sealed_by: tuple[str, str] | None = None,
) -> Verdict:
    """Check every record, with all its `files`, or the files of `only` one.

    `head` is a record hash that must be there. With `signers` (name -> public key) every record
    must carry a signature of one of them; `anchored` must all be in the chain. `sealed_by` is the
    identity of a pipeline and its issuer, which must have sealed every record (keyless);
    UsageError when one of both is empty.
    """
    expected = keyless.Expected(*sealed_by) if sealed_by else None
    problems: list[Problem] = []
    sealed = _read_sealed(archive, problems)
    records = sorted(sealed.values(), key=lambda record: record.sequence)
    if not records:
        problems.append(Problem(archive.location, "holds no record: nothing is proven"))
    _check_links(records, problems)
    _check_chain_file(archive, sealed, problems)
    for record in records if files else []:
        if not only or record.change_id == only:
            _check_files(archive, record, problems)
    _check_root(archive, problems)
    checked = ["hash chain"]
    signed = [record for record in records if files and only in ("", record.change_id)]
    by = _check_signatures(archive, signed, signers, problems)
    checked += [f"signatures: {by}"] if by else []
    checked += [_check_keyless(archive, signed, expected, problems)] if expected else []
    anchors = tuple(anchored)
    if anchors:
        checked.append(counted(len(anchors), "anchor"))
        problems += [Problem(*found) for found in missing(anchors, records)]
    hashes = [record.sha256 for record in records]
    if head and not any(found.startswith(head) for found in hashes):
        problems.append(Problem(archive.location, f"no record has the hash {head}"))
    last = hashes[-1] if hashes else ""
    unchecked = [] if signers else ["whose keys may sign (--signer KEY, --params FILE)"]
    unchecked += [] if expected else _bundles(archive, signed)
    unchecked += [] if anchors else ["anchors (--anchor PLACE)"]
    found = tuple(sorted(set(problems)))
    return Verdict(len(records), last, found, tuple(checked), tuple(unchecked))


def _check_signatures(
    archive: Archive,
    records: list[Record],
    signers: Mapping[str, str] | None,
    problems: list[Problem],
) -> str:
    """Who signed how many; a problem for each signature that is not true or not trusted."""
    names = {public: name for name, public in (signers or {}).items()}
    seen: Counter[str] = Counter()
    for record in records:
        place = f"{record.change_id}/{SIGNATURE}"
        there = archive.read(place) is not None
        key = (
            signer(archive, record.change_id, archive.read(f"{record.change_id}/{RECORD}") or "")
            if there
            else ""
        )
        if there and not key:
            problems.append(Problem(place, "is no true signature of this record"))
        elif key and signers and key not in names:
            problems.append(Problem(place, f"is of a key that is not trusted: {key}"))
        elif signers and not there:
            problems.append(Problem(record.change_id, "is not signed"))
        if key:
            seen[names.get(key, key)] += 1
    return ", ".join(f"{count} by {name}" for name, count in sorted(seen.items()))


def _check_keyless(
    archive: Archive,
    records: list[Record],
    expected: keyless.Expected,
    problems: list[Problem],
) -> str:
    """How many are proven to be of whom, and by whose word; a problem for each that is not."""
    proven = 0
    for record in records:
        text = archive.read(f"{record.change_id}/{RECORD}") or ""
        if why := expected.trouble(archive, record.change_id, text):
            problems.append(Problem(record.change_id, why))
        else:
            proven += 1
    if expected.missing:
        problems.append(Problem(keyless.instance(), expected.missing))
    who = f"{proven} of {counted(len(records), 'record')} by {expected.identity}"
    return f"keyless: {who}, as {expected.issuer} says, by the keys of {keyless.instance()}"


def _bundles(archive: Archive, records: list[Record]) -> list[str]:
    """What nobody looked at, as nobody said whom they expect."""
    found = [one for one in records if archive.read(f"{one.change_id}/{BUNDLE}") is not None]
    said = f"{counted(len(found), 'keyless signature')} (--identity WHO --issuer URL)"
    return [said] if found else []


def _read_sealed(archive: Archive, problems: list[Problem]) -> dict[str, Record]:
    sealed = {}
    for change_id in archive.change_ids():
        text = archive.read(f"{change_id}/{RECORD}")
        if text is None:
            note = "is not sealed: still running, or killed; it proves nothing"
            problems.append(Problem(change_id, note, warning=True))
            continue
        try:
            sealed[change_id] = parse_record(text)
            if sealed[change_id].change_id != change_id:
                problems.append(
                    Problem(change_id, f"holds the record of {sealed[change_id].change_id}")
                )
            if sealed[change_id].sequence < 1:
                raise ValueError("its sequence is no number")
        except (ValueError, KeyError, TypeError) as error:
            sealed.pop(change_id, None)
            problems.append(Problem(f"{change_id}/{RECORD}", f"cannot be read: {error}"))
    return sealed


def _check_links(records: list[Record], problems: list[Problem]) -> None:
    before: Record | None = None
    for number, record in enumerate(records, 1):
        if record.sequence != number:
            text = f"is number {record.sequence} of the chain, but {number - 1} stand before it"
            problems.append(Problem(record.change_id, text))
        named = record.previous
        if before is None:
            if named is not None:
                problems.append(Problem(record.change_id, f"{named['change_id']} is missing"))
        elif named is None:
            problems.append(Problem(record.change_id, f"does not name {before.change_id}"))
        elif named["change_id"] != before.change_id:
            text = f"was sealed after {named['change_id']}, not after {before.change_id}"
            problems.append(Problem(record.change_id, text))
        elif named["sha256"] != before.sha256:
            text = f"was edited after {record.change_id} was sealed"
            problems.append(Problem(f"{before.change_id}/{RECORD}", text))
        before = record


def _check_chain_file(archive: Archive, sealed: dict[str, Record], problems: list[Problem]) -> None:
    try:
        links = read_chain(archive)
    except ValueError as error:
        problems.append(Problem(CHAIN, f"cannot be read: {error}"))
        return
    if (archive.read(CHAIN) or "") != "".join(json.dumps(x, sort_keys=True) + "\n" for x in links):
        problems.append(Problem(CHAIN, "is not written as it was: spaces, line ends or fields"))
    if archive.claims and archive.places(whole=True) != links:
        problems.append(Problem(CHAIN, "is not what the places of the chain say"))
    for number, link in enumerate(links, 1):
        name = str(link["change_id"])
        record = sealed.get(name)
        if link["sequence"] != number:
            problems.append(Problem(CHAIN, f"line {number} says {link['sequence']}"))
        if record is None:
            problems.append(Problem(name, "is missing: the chain lists it"))
        elif record.sha256 != link["sha256"]:
            problems.append(Problem(f"{name}/{RECORD}", "was edited: the chain has another hash"))
        elif record.sequence != link["sequence"]:
            problems.append(Problem(name, f"stands at {link['sequence']} in the chain"))
    for name in sealed.keys() - {str(link["change_id"]) for link in links}:
        problems.append(Problem(name, "is not in the chain"))


def _check_files(archive: Archive, record: Record, problems: list[Problem]) -> None:
    present = {name for name in archive.names(record.change_id) if name != RECORD}
    for name in sorted({*present, RECORD}):
        if odd := archive.odd(f"{record.change_id}/{name}"):
            problems.append(Problem(f"{record.change_id}/{name}", odd))
    for name, expected in record.files.items():
        place = f"{record.change_id}/{name}"
        text = archive.read(place) if name in present else None
        if text is None:
            problems.append(Problem(place, "is missing"))
        elif sha256(text) != expected:
            problems.append(Problem(place, "was edited after it was sealed"))
    for name in present - record.files.keys() - {SIGNATURE, BUNDLE}:
        if name == CLAIM and archive.claims:
            continue
        if name != OWNER or archive.read(f"{record.change_id}/{name}"):
            problems.append(Problem(f"{record.change_id}/{name}", "is an extra file"))


def _check_root(archive: Archive, problems: list[Problem]) -> None:
    ids = set(archive.change_ids())
    for name in archive.names():
        if odd := archive.odd(name):
            problems.append(Problem(name, odd))
        allowed = name.rstrip("/") in ids or name in (INDEX, CHAIN)
        allowed = allowed or (archive.claims and name == f"{PLACES}/")
        empty = name in (LOCK, PROBE) and archive.read(name) in ("", "{}")
        if not allowed and not empty:
            problems.append(Problem(name, "is an extra file: no record made it"))
    page = archive.read(INDEX)
    text, harmless = differs(page, load_records(archive)) if page is not None else ("", True)
    if text:
        way_on = "`edgebook records index` makes it anew"
        problems.append(Problem(INDEX, f"{text}; {way_on}", warning=harmless))
