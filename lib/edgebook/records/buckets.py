"""Change records in a bucket: gs:// by Google's own client, s3:// by boto3, others by papermill's.

Objects are read and written whole. What two machines may both want is created, never overwritten: a
change id by its first object, a place in the chain by an object of its number. `chain.jsonl` is
written from those, and written again until it holds them all. It must not know what is inside.
A bucket that does not answer is given up after `PATIENCE`; once a signal came, after `HURRIED`, and
when it comes during a call, at once: the record then waits on this machine.
"""

import contextlib
import json
import uuid
from collections.abc import Iterator
from typing import Any, Protocol

from edgebook.base.clock import Cancelled
from edgebook.base.errors import EdgebookError, UsageError
from edgebook.base.interrupts import noted
from edgebook.base.parsing import from_json, json_lines
from edgebook.cloud.calls import TooLong, bounded
from edgebook.records.archive import CHAIN, CHANGE_ID, PROBE, Archive, unwritable

EXTENSIONS = [".ipynb", ".json", ".jsonl", ".html"]
PLACES = "chain"
CLAIM = ".claim.json"
SECONDS = 30  # one try
PATIENCE = 60.0  # all tries of one call
HURRIED = 5.0  # the same where somebody wants to go already


class _Going:
    """Whether a signal came since this call began."""

    def __init__(self) -> None:
        self._before = noted.count

    @property
    def cancelled(self) -> bool:
        return noted.count > self._before


class Store(Protocol):
    """One bucket under a prefix. Names are relative; a missing object is None."""

    def read(self, name: str) -> bytes | None: ...
    def write(self, name: str, data: bytes) -> None: ...
    def create(self, name: str, data: bytes) -> bool: ...
    def delete(self, name: str) -> None: ...
    def names(self, folder: str) -> list[str]: ...


class GcsStore:
    """gs://bucket/prefix; STORAGE_EMULATOR_HOST leads it elsewhere, as it does Google's tools."""

    def __init__(self, bucket: str, prefix: str) -> None:
        from google.cloud import storage

        self._bucket = storage.Client().bucket(bucket)
        self._prefix = prefix

    def read(self, name: str) -> bytes | None:
        from google.api_core.exceptions import NotFound

        try:
            data: bytes = self._blob(name).download_as_bytes(timeout=SECONDS)
        except NotFound:
            return None
        return data

    def write(self, name: str, data: bytes) -> None:
        self._blob(name).upload_from_string(data, _type(name), timeout=SECONDS)

    def create(self, name: str, data: bytes) -> bool:
        from google.api_core.exceptions import PreconditionFailed

        try:
            self._blob(name).upload_from_string(
                data, _type(name), timeout=SECONDS, if_generation_match=0
            )
        except PreconditionFailed:
            return self.read(name) == data  # our own, whose answer was lost
        return True

    def delete(self, name: str) -> None:
        from google.api_core.exceptions import NotFound

        with contextlib.suppress(NotFound):
            self._blob(name).delete(timeout=SECONDS)

    def names(self, folder: str) -> list[str]:
        prefix = self._prefix + (f"{folder}/" if folder else "")
        found = self._bucket.client.list_blobs(
            self._bucket, prefix=prefix, delimiter="/", timeout=SECONDS
        )
        files = [blob.name.removeprefix(prefix) for blob in found]
        return files + [name.removeprefix(prefix) for name in found.prefixes]

    def _blob(self, name: str) -> Any:
        return self._bucket.blob(self._prefix + name)


class S3Store:
    """s3://bucket/prefix; AWS_ENDPOINT_URL_S3 leads it elsewhere, as it does AWS's tools."""

    def __init__(self, bucket: str, prefix: str) -> None:
        import boto3
        from botocore.config import Config

        limits = Config(connect_timeout=5, read_timeout=SECONDS, retries={"max_attempts": 4})
        self._client = boto3.client("s3", config=limits)
        self._bucket = bucket
        self._prefix = prefix

    def read(self, name: str) -> bytes | None:
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)
        except self._client.exceptions.NoSuchKey:
            return None
        data: bytes = answer["Body"].read()
        return data

    def write(self, name: str, data: bytes) -> None:
        self._put(name, data)

    def create(self, name: str, data: bytes) -> bool:
        from botocore.exceptions import ClientError

        try:
            self._put(name, data, IfNoneMatch="*")
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "PreconditionFailed":
                raise
            return self.read(name) == data
        return True

    def delete(self, name: str) -> None:
        self._client.delete_object(Bucket=self._bucket, Key=self._prefix + name)

    def names(self, folder: str) -> list[str]:
        prefix = self._prefix + (f"{folder}/" if folder else "")
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix, Delimiter="/"
        )
        found: list[str] = []
        for page in pages:
            found += [item["Key"].removeprefix(prefix) for item in page.get("Contents", ())]
            found += [
                item["Prefix"].removeprefix(prefix) for item in page.get("CommonPrefixes", ())
            ]
        return found

    def _put(self, name: str, data: bytes, **more: Any) -> None:
        self._client.put_object(
            Bucket=self._bucket,
            Key=self._prefix + name,
            Body=data,
            ContentType=_type(name),
            **more,
        )


class PapermillStore:
    """Any other URL that papermill has a handler for; it cannot create without overwriting."""

    def __init__(self, url: str) -> None:
        from papermill.iorw import papermill_io

        self._url = url
        self._io: Any = papermill_io

    def read(self, name: str) -> bytes | None:
        if name.rsplit("/", 1)[-1] not in self.names(name.rpartition("/")[0]):
            return None
        return str(self._io.read(f"{self._url}/{name}", EXTENSIONS)).encode()

    def write(self, name: str, data: bytes) -> None:
        self._io.write(data.decode(), f"{self._url}/{name}", EXTENSIONS)

    def create(self, name: str, data: bytes) -> bool:
        if self.read(name) is not None:
            return self.read(name) == data
        self.write(name, data)
        return True

    def delete(self, name: str) -> None:
        return None

    def names(self, folder: str) -> list[str]:
        prefix = f"{self._url}/{folder}".rstrip("/") + "/"
        try:
            listed = self._io.listdir(prefix)
        except FileNotFoundError:
            return []
        tail = prefix.split("://", 1)[-1]
        paths = {str(path).split("://", 1)[-1].removeprefix(tail) for path in listed}
        parts = {path.partition("/") for path in paths if path}
        return [first + slash for first, slash, _ in parts]


class BucketArchive(Archive):
    """Records under a URL."""

    claims = True

    def __init__(self, url: str, *, patience: float = PATIENCE) -> None:
        self.location = url.rstrip("/")
        self._patience = patience
        self._store = _store(self.location)

    def read(self, name: str) -> str | None:
        data = self._told("read", name, lambda: self._store.read(_parsed(name)))
        return None if data is None else data.decode("utf-8", errors="surrogateescape")

    def write(self, name: str, text: str) -> None:
        data = text.encode("utf-8", errors="surrogateescape")
        self._told("written", name, lambda: self._store.write(_parsed(name), data))

    def create(self, name: str, text: str) -> bool:
        """Write an object that must not be there; False when another one is."""
        data = text.encode("utf-8", errors="surrogateescape")
        return bool(self._told("written", name, lambda: self._store.create(_parsed(name), data)))

    def names(self, folder: str = "") -> list[str]:
        return sorted(
            set(filter(None, self._told("read", folder, lambda: self._store.names(folder))))
        )

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Nothing is held: `append` finds out who was first."""
        yield

    def claim(self, change_id: str) -> bool:
        return self.create(f"{change_id}/{CLAIM}", uuid.uuid4().hex)

    def unclaim(self, change_id: str) -> None:
        self.delete(f"{change_id}/{CLAIM}")

    def append(self, links: list[dict[str, Any]], link: dict[str, Any]) -> bool:
        if not self.create(_place(link["sequence"]), json.dumps(link, sort_keys=True)):
            return False
        while True:
            seen = self.places()
            self.write(CHAIN, "".join(json.dumps(item, sort_keys=True) + "\n" for item in seen))
            if self.places() == seen:
                return True

    def places(self, *, whole: bool = False) -> list[dict[str, Any]]:
        """The links of the chain; what its file does not list yet, or all, from their places."""
        lines = [] if whole else _lines(self.read(CHAIN) or "")
        known = {int(link["sequence"]): link for link in lines}
        for name in self.names(PLACES):
            number = int(name.partition(".")[0])
            if number not in known:
                known[number] = from_json(self.read(f"{PLACES}/{name}") or "{}")
        return [link for _, link in sorted(known.items())]

    def check_writable(self) -> None:
        self.write(PROBE, "{}")
        self._told("written", PROBE, lambda: self._store.delete(PROBE))

    def delete(self, name: str) -> None:
        self._told("written", name, lambda: self._store.delete(_parsed(name)))

    def change_ids(self) -> list[str]:
        found = [name.rstrip("/") for name in self.names()]
        return sorted(name for name in found if CHANGE_ID.fullmatch(name))

    def _told(self, verb: str, name: str, work: Any) -> Any:
        seconds = min(HURRIED, self._patience) if noted.count else self._patience
        try:
            return bounded(work, seconds=seconds, clock=_Going())
        except EdgebookError:
            raise
        except Exception as error:
            if isinstance(error, Cancelled):
                error = Cancelled("given up when a signal came")
            if verb == "written":
                raise unwritable(self.where(name), error) from error
            told = isinstance(error, TooLong | Cancelled)
            why = str(error) if told else f"{type(error).__name__}: {error}"
            raise EdgebookError(
                "Archive cannot be read",
                where=self.where(name),
                why=why,
                next="see that the bucket is there and may be read, then run it again",
            ) from error


def _store(url: str) -> Store:
    scheme, _, rest = url.partition("://")
    bucket, _, prefix = rest.partition("/")
    prefix = f"{prefix}/" if prefix else ""
    try:
        if scheme == "gs":
            return GcsStore(bucket, prefix)
        if scheme == "s3":
            return S3Store(bucket, prefix)
        return PapermillStore(url)
    except ImportError as error:
        package = {"gs": "gcs", "s3": "s3"}.get(scheme, scheme)
        raise UsageError(
            "The client for that archive is not installed",
            where=url,
            why=str(error),
            next=f"install edgebook[{package}]",
        ) from error
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        raise EdgebookError("Archive cannot be reached", where=url, why=why) from error


def _place(sequence: int) -> str:
    return f"{PLACES}/{int(sequence):06d}.json"


def _lines(text: str) -> list[dict[str, Any]]:
    return [from_json(line) for line in json_lines(text)]


def _parsed(name: str) -> str:
    if name.startswith("/") or ".." in name.split("/"):
        raise UsageError("Not a name in the archive", why=repr(name))
    return name


def _type(name: str) -> str:
    return "text/html" if name.endswith(".html") else "application/json"
