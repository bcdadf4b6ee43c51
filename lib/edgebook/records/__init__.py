"""Change records: what was run, approved, changed and verified, in a chain of hashes.

`records/<change id>/` holds executed notebooks, their HTML and `record.json`, which carries the
SHA-256 of every file and of the record before it. A `Draft` collects a running change and seals it;
an `Archive` is the folder or bucket of all of them. Nothing here knows Google Cloud.
"""

from edgebook.records.archive import Archive, FolderArchive
from edgebook.records.buckets import BucketArchive
from edgebook.records.chain import Problem, verify_archive
from edgebook.records.compare import compare
from edgebook.records.draft import Draft
from edgebook.records.places import open_archive
from edgebook.records.record import Record, load_record, load_records
from edgebook.records.redact import Finding, Redactor, environment_secrets, marked_secrets

__all__ = [
    "Archive",
    "BucketArchive",
    "Draft",
    "Finding",
    "FolderArchive",
    "Problem",
    "Record",
    "Redactor",
    "compare",
    "environment_secrets",
    "load_record",
    "load_records",
    "marked_secrets",
    "open_archive",
    "verify_archive",
]
