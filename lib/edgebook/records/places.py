"""Where archives are: a folder, or a bucket by its URL."""

from pathlib import Path

from edgebook.base.errors import UsageError
from edgebook.records.archive import Archive, FolderArchive
from edgebook.records.buckets import BucketArchive


def open_archive(location: str | Path) -> Archive:
    """The archive at a folder or URL. Raises UsageError for a URL without a handler."""
    text = str(location)
    if "://" not in text:
        return FolderArchive(Path(text).expanduser())
    from papermill.iorw import papermill_io

    schemes = sorted(scheme for scheme, _ in papermill_io._handlers if scheme.endswith("://"))
    if not any(text.startswith(scheme) for scheme in schemes):
        why = f"papermill has handlers for: {', '.join(schemes)}"
        raise UsageError("No way to write records there", where=text, why=why)
    return BucketArchive(text)
