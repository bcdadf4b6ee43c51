"""All state of the simulator: tables of JSON documents in memory, and in SQLite with --state.

Memory is what everyone reads. Writes belong to the transaction of the request or timer that made
them: `commit` makes them durable in one go before the answer leaves, `roll_back` undoes them. So a
kill -9 leaves whole answered writes and nothing else. It must not know what the documents mean.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson

Doc = dict[str, Any]
APPLICATION_ID = 0x67637073  # "gcps"
FORMAT = 1
MISSING: Any = object()


class StateError(Exception):
    """A state folder that can't be used; the message says what to do. The folder is not touched."""


def damaged(folder: Path | None, why: object) -> StateError:
    """A state that can't be read, or that makes no sense."""
    return StateError(
        f"--state {folder}: gcpsim.sqlite is damaged ({why}); restore it from a copy, or "
        "start with an empty folder. Nothing was changed"
    )


class Table:
    """Documents by string key. Treat what `get` returns as frozen: put a changed copy."""

    def __init__(self, name: str, store: "Store") -> None:
        self.name = name
        self._store = store
        self._docs: dict[str, Doc] = {}

    def get(self, key: str) -> Doc | None:
        return self._docs.get(key)

    def put(self, key: str, doc: Doc) -> None:
        self._store._remember(self, key)
        self._docs[key] = doc

    def delete(self, key: str) -> None:
        if key in self._docs:
            self._store._remember(self, key)
            del self._docs[key]

    def keys(self) -> list[str]:
        return list(self._docs)

    def values(self) -> list[Doc]:
        return list(self._docs.values())

    def items(self) -> list[tuple[str, Doc]]:
        return list(self._docs.items())

    def __contains__(self, key: object) -> bool:
        return key in self._docs

    def __len__(self) -> int:
        return len(self._docs)

    def __iter__(self) -> Iterator[str]:
        return iter(self._docs)


class Store:
    """Tables by name, with one transaction at a time (the simulator has one thread)."""

    def __init__(self, folder: Path | None = None) -> None:
        self._tables: dict[str, Table] = {}
        self._undo: dict[tuple[str, str], Any] = {}
        self.rolled_back: list[Callable[[list[tuple[str, str]]], None]] = []
        self.committed: list[Callable[[list[tuple[str, str]]], None]] = []
        self._db = None if folder is None else self._open(folder)
        if self._db is not None:
            self._load(self._db, folder)

    def _load(self, db: sqlite3.Connection, folder: Path | None) -> None:
        try:
            for name, key, body in db.execute("SELECT name, key, body FROM documents"):
                doc = orjson.loads(body)
                if not isinstance(doc, dict) or not isinstance(key, str):
                    raise ValueError(f"{name} {key} is no document")
                self.table(str(name))._docs[key] = doc
        except (sqlite3.Error, ValueError, TypeError) as error:
            db.close()
            raise damaged(folder, error) from error

    def table(self, name: str) -> Table:
        found = self._tables.get(name)
        if found is None:
            found = self._tables[name] = Table(name, self)
        return found

    def tables(self, prefix: str = "") -> list[Table]:
        return [self._tables[name] for name in sorted(self._tables) if name.startswith(prefix)]

    def next_number(self, name: str, start: int = 1) -> int:
        """A counter that survives restarts: start, start + 1, ..."""
        counters = self.table("counters")
        value = (counters.get(name) or {"next": start})["next"]
        counters.put(name, {"next": value + 1})
        return int(value)

    @property
    def durable(self) -> bool:
        """Whether there is a state folder."""
        return self._db is not None

    @property
    def dirty(self) -> bool:
        return bool(self._undo)

    def commit(self) -> None:
        """Make the open transaction durable. Safe against kill -9, not against a power cut."""
        if not self._undo:
            return
        if self._db is not None:
            puts, deletes = [], []
            for name, key in self._undo:
                doc = self._tables[name].get(key)
                if doc is None:
                    deletes.append((name, key))
                else:
                    puts.append((name, key, orjson.dumps(doc)))
            with self._db:
                self._db.executemany("REPLACE INTO documents VALUES (?, ?, ?)", puts)
                self._db.executemany("DELETE FROM documents WHERE name=? AND key=?", deletes)
        touched = list(self._undo) if self.committed else []
        self._undo.clear()
        for follower in self.committed:
            follower(touched)

    def roll_back(self) -> None:
        """Undo the writes since the last commit; what follows from documents is told which."""
        touched = list(self._undo)
        for (name, key), before in reversed(self._undo.items()):
            docs = self._tables[name]._docs
            if before is MISSING:
                docs.pop(key, None)
            else:
                docs[key] = before
        self._undo.clear()
        for follower in self.rolled_back:
            follower(touched)

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part of the open transaction that is undone by itself when it raises."""
        outer, self._undo = self._undo, {}
        try:
            yield
        except BaseException:
            self.roll_back()
            self._undo = outer
            raise
        for place, before in self._undo.items():
            outer.setdefault(place, before)
        self._undo = outer

    def snapshot(self) -> dict[str, dict[str, Doc]]:
        """All tables as they are; documents are frozen, so this is cheap."""
        return {name: dict(table._docs) for name, table in self._tables.items()}

    def restore(self, snapshot: dict[str, dict[str, Doc]]) -> None:
        """Make all tables as they were in a snapshot, within the open transaction."""
        for name, table in self._tables.items():
            wanted = snapshot.get(name, {})
            for key in [key for key in table if key not in wanted]:
                table.delete(key)
            for key, doc in wanted.items():
                if table.get(key) is not doc:
                    table.put(key, doc)

    def close(self) -> None:
        if self._db is not None:
            self._db.close()

    def _remember(self, table: Table, key: str) -> None:
        self._undo.setdefault((table.name, key), table._docs.get(key, MISSING))

    @staticmethod
    def _open(folder: Path) -> sqlite3.Connection:
        path = folder / "gcpsim.sqlite"
        if folder.exists() and not folder.is_dir():
            raise StateError(f"--state {folder} is a file; give a folder")
        foreign = folder.is_dir() and any(folder.iterdir()) and not path.exists()
        if foreign:
            raise StateError(
                f"--state {folder} holds files that gcpsim did not write; give an empty folder"
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StateError(f"--state {folder}: {error.strerror}; give another folder") from error
        if path.is_dir():
            raise StateError(f"--state {folder}: gcpsim.sqlite is a folder; give an empty folder")
        new = not path.exists()
        try:
            db = sqlite3.connect(
                path, timeout=1, isolation_level="DEFERRED", check_same_thread=False
            )
            # One simulator at a time; the lock dies with its process.
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
            if new:
                db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                db.execute(f"PRAGMA user_version = {FORMAT}")
                db.execute("PRAGMA journal_mode = WAL")
                db.execute(
                    "CREATE TABLE documents "
                    "(name TEXT, key TEXT, body BLOB, PRIMARY KEY (name, key))"
                )
                db.commit()
            check = db.execute("PRAGMA quick_check").fetchone()[0]
            kind = db.execute("PRAGMA application_id").fetchone()[0]
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if check != "ok":
                raise sqlite3.DatabaseError(check)
            db.execute("PRAGMA synchronous = NORMAL")
            if (kind, version) == (APPLICATION_ID, FORMAT):
                db.execute("BEGIN IMMEDIATE")
                db.commit()
        except sqlite3.OperationalError as error:
            raise StateError(f"--state {folder}: {error}; is another gcpsim using it?") from error
        except sqlite3.DatabaseError as error:
            raise damaged(folder, error) from error
        if kind != APPLICATION_ID or version != FORMAT:
            db.close()
            raise StateError(
                f"--state {folder}: gcpsim.sqlite is not a state of this gcpsim (format {version}, "
                f"this one reads {FORMAT}); give an empty folder. Nothing was changed"
            )
        return db
