"""The SQLite file behind the cache. Scans may share it; whatever is wrong with it costs time, never truth."""

from __future__ import annotations

import contextlib
import hmac
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

from models.support.errors import OutputError
from scanner.results import Stamp

SCHEMA = 1
FILE = "results.sqlite"
_WAIT_SECONDS = 30.0
_DAY = 86_400
# The module cannot read the text of some errors that a damaged schema causes.
_ERRORS = (sqlite3.Error, UnicodeDecodeError)
_OF_THE_MOMENT = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_AUTH,
    sqlite3.SQLITE_NOMEM,
}
_TABLES = f"""
PRAGMA application_id = 0x44464331;
PRAGMA user_version = {SCHEMA};
CREATE TABLE IF NOT EXISTS results (
    key BLOB PRIMARY KEY, record BLOB NOT NULL, seal BLOB NOT NULL, used INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stamps (
    place BLOB PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL, sha256 BLOB NOT NULL, seal BLOB NOT NULL, used INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS results_by_use ON results (used);
CREATE INDEX IF NOT EXISTS stamps_by_use ON stamps (used);
"""


class Entry(NamedTuple):
    """What is to be remembered of a file."""

    key: bytes
    record: bytes
    place: bytes
    stamp: Stamp | None
    sha256: bytes


class Store:
    """Raises :class:`OutputError` for a folder that cannot be used; a damaged file is made anew, with a warning."""

    def __init__(self, folder: Path, *, max_bytes: int, warn: Callable[[str], None]) -> None:
        self._path, self._max_bytes, self._warn = folder / FILE, max_bytes, warn
        self._complained = False
        self._lock = threading.Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"the cache {folder} cannot be made: {error.strerror}") from None
        self._connection = self._open()

    def record(self, key: bytes) -> bytes | None:
        """Of a content under a context; ``None`` where there is none, or a damaged one."""
        for record, seal, used in self._ask("SELECT record, seal, used FROM results WHERE key = ?", key):
            if _is_sealed(seal, key, record):
                self._touch("results", "key", key, used)
                return bytes(record)
        return None

    def sha256(self, place: bytes, stamp: Stamp) -> bytes | None:
        """Of the file at a place, if it had this stamp."""
        found = self._ask(
            "SELECT size, mtime_ns, ctime_ns, inode, sha256, seal, used FROM stamps WHERE place = ?", place
        )
        for *values, sha256, seal, used in found:
            if stamp == Stamp(*values) and _is_sealed(seal, place, repr(stamp).encode(), sha256):
                self._touch("stamps", "place", place, used)
                return bytes(sha256)
        return None

    def add(self, entries: list[Entry]) -> None:
        """In one transaction: all of them or none."""
        now = int(time.time())
        results = [(one.key, one.record, _seal(one.key, one.record), now) for one in entries]
        stamps = [
            (one.place, *stamp, one.sha256, _seal(one.place, repr(stamp).encode(), one.sha256), now)
            for one in entries
            if (stamp := one.stamp) is not None and max(stamp) < 1 << 63
        ]
        with self._guard(), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?)", results)
            self._connection.executemany(
                "INSERT OR REPLACE INTO stamps VALUES (?, ?, ?, ?, ?, ?, ?, ?)", stamps
            )

    def shrink(self) -> None:
        """Down to nine tenths of the bound, if it is above it: what was not used for longest goes."""
        with self._guard():
            (page,) = self._connection.execute("PRAGMA page_size").fetchone()
            # Rows leave holes in pages, and only an empty page is room won: several rounds may be needed.
            deleted = True
            while deleted and (used := self._used_pages() * page) > self._max_bytes:
                deleted = False
                for table in ("results", "stamps"):
                    (count,) = self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()
                    excess = int(count * (1 - 0.9 * self._max_bytes / used)) + 1
                    key = "key" if table == "results" else "place"
                    done = self._connection.execute(
                        f"DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM {table} ORDER BY used LIMIT ?)",
                        (excess,),
                    )
                    deleted = deleted or done.rowcount > 0
                # Each step frees a page and is a row without columns, at which execute() stops.
                self._connection.executescript("PRAGMA incremental_vacuum")

    def close(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()

    def _used_pages(self) -> int:
        (pages,) = self._connection.execute("PRAGMA page_count").fetchone()
        (free,) = self._connection.execute("PRAGMA freelist_count").fetchone()
        return int(pages - free)

    def _ask(self, query: str, key: bytes) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        with self._guard():
            rows = self._connection.execute(query, (key,)).fetchall()
        return rows

    def _touch(self, table: str, column: str, key: bytes, used: object) -> None:
        """Once a day: a cache that is only read should not write for every file."""
        now = int(time.time())
        if isinstance(used, int) and now - used > _DAY:
            with self._guard():
                self._connection.execute(f"UPDATE {table} SET used = ? WHERE {column} = ?", (now, key))

    @contextlib.contextmanager
    def _guard(self) -> Iterator[None]:
        """One caller at a time; a damaged file is replaced, and what was asked of it has no answer."""
        with self._lock:
            try:
                yield
            except _ERRORS as error:
                if _is_damage(error):
                    self._say_damaged(error)
                    self.close()
                    self._connection = self._remake()
                elif not self._complained:
                    self._complained = True
                    self._warn(f"the cache {self._path} is left out where it does not answer: {error}")

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except _ERRORS as error:
            if not _is_damage(error):
                raise OutputError(f"the cache {self._path} cannot be used: {error}") from None
            self._say_damaged(error)
            return self._remake()

    def _say_damaged(self, error: Exception) -> None:
        self._warn(f"the cache {self._path} is damaged ({error}) and is made anew")

    def _remake(self) -> sqlite3.Connection:
        for suffix in ("", "-wal", "-shm", "-journal"):
            with contextlib.suppress(OSError):
                self._path.with_name(self._path.name + suffix).unlink()
        try:
            return self._connect()
        except _ERRORS as error:
            raise OutputError(f"the cache {self._path} cannot be made anew: {error}") from None

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA journal_mode = WAL")
            # A power failure may cost the last entries, never the file.
            connection.execute("PRAGMA synchronous = NORMAL")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version not in (0, SCHEMA):
                raise sqlite3.DatabaseError(f"schema {version}, not {SCHEMA}")
            connection.executescript(_TABLES)
        except _ERRORS:
            connection.close()
            raise
        return connection


def _is_damage(error: Exception) -> bool:
    """Whether the file itself is wrong, and not the moment: busy, a full disk, no permission."""
    code = getattr(error, "sqlite_errorcode", None)
    # The lowest byte is the kind, the others say more of it.
    return code is None or code & 0xFF not in _OF_THE_MOMENT


def _seal(*parts: bytes) -> bytes:
    """SQLite does not notice a flipped bit in what it holds."""
    digest = blake2b(digest_size=8)
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.digest()


def _is_sealed(seal: object, *parts: object) -> bool:
    """A flipped bit in a row's header may turn bytes into text or a number."""
    sound = [part for part in parts if isinstance(part, bytes)]
    return len(sound) == len(parts) and isinstance(seal, bytes) and hmac.compare_digest(seal, _seal(*sound))
