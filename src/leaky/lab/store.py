"""The store: one SQLite file, one row per finished trial, keyed by what defines it, and one per study."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from leaky.errors import StoreError
from leaky.lab.kept import KeptStudy
from leaky.records import Trial

_APPLICATION_ID = 0x6C65616B  # "leak"
_VERSION = 1
_SCHEMA = """
CREATE TABLE trials (
    key TEXT PRIMARY KEY,
    task TEXT NOT NULL,
    activation TEXT NOT NULL,
    seed INTEGER NOT NULL,
    phase TEXT NOT NULL,
    status TEXT NOT NULL,
    score REAL,
    finished_at TEXT NOT NULL,
    record TEXT NOT NULL
) WITHOUT ROWID
"""

_STUDIES = """
CREATE TABLE IF NOT EXISTS studies (
    key TEXT PRIMARY KEY,
    began_at TEXT NOT NULL,
    record TEXT NOT NULL
) WITHOUT ROWID
"""
"""Beside the trials since `leaky report`: an older leaky does not look at it."""

_NO_SPACE = "free some space; what is finished is kept, and the same command goes on from there"
_REMEDIES = {
    sqlite3.SQLITE_FULL: _NO_SPACE,
    sqlite3.SQLITE_IOERR: _NO_SPACE,  # so SQLite calls a quota or a limit of the file size
    sqlite3.SQLITE_BUSY: "another program holds it; run again when that has finished",
}
_REMEDY = "move it away or name another file with --store"


class Store:
    """Trials on disk. Each is written in a transaction of its own, so a killed study keeps what it finished.

    Several studies may use one store at a time (write-ahead log; a writer waits for the other). A file that is
    not a store of leaky's, or one of a newer version, is refused and left as it is.
    """

    def __init__(self, path: str | Path, *, create: bool = True) -> None:
        self.path = Path(path).expanduser().absolute()  # absolute: `:memory:` is a file name like any other
        if not create and not self.path.exists():
            raise StoreError(
                f"store: `{path}` does not exist; run `leaky compare` first or name another with --store"
            )
        with self._told("open"):
            self._database = sqlite3.connect(self.path, timeout=30, isolation_level=None)
        try:
            with self._told("open"):
                self._prepare()
        except BaseException:
            self._database.close()
            raise

    def _prepare(self) -> None:
        with self._transaction("IMMEDIATE" if self._is_new() else "DEFERRED"):
            if self._is_new():
                self._database.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
                self._database.execute(f"PRAGMA user_version = {_VERSION}")
                self._database.execute(_SCHEMA)
        application, version = self._pragma("application_id"), self._pragma("user_version")
        if application != _APPLICATION_ID:
            raise StoreError(
                f"store: `{self.path}` is a database of another program; name another file with --store"
            )
        if version != _VERSION:
            raise StoreError(
                f"store: `{self.path}` has version {version}, this leaky reads version {_VERSION}; "
                "use the leaky that wrote it or name another file with --store"
            )
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        problem = self._database.execute("PRAGMA quick_check(1)").fetchone()[0]
        if problem != "ok":
            raise sqlite3.DatabaseError(problem)

    def _is_new(self) -> bool:
        empty = self._database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
        return bool(empty) and self._pragma("application_id") == 0

    def _pragma(self, name: str) -> int:
        return int(self._database.execute(f"PRAGMA {name}").fetchone()[0])

    def put(self, trial: Trial) -> None:
        """Write one trial; a row of the same key is kept unless it had failed."""
        with self._told("write"):
            self._database.execute(
                "INSERT INTO trials VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET "
                "status = excluded.status, score = excluded.score, finished_at = excluded.finished_at, "
                "record = excluded.record WHERE trials.status = 'failed'",
                (
                    trial.plan.key,
                    trial.plan.task,
                    trial.plan.activation,
                    trial.plan.seed,
                    trial.plan.phase,
                    trial.status,
                    trial.score,
                    trial.finished_at,
                    json.dumps(trial.to_json()),
                ),
            )

    def get(self, keys: Iterable[str]) -> dict[str, Trial]:
        """Those of the trials that are stored, by key."""
        found = {}
        with self._told("read"):
            for key in keys:
                row = self._database.execute("SELECT record FROM trials WHERE key = ?", (key,)).fetchone()
                if row:
                    found[key] = Trial.from_json(json.loads(row[0]))
        return found

    def trials(self) -> list[Trial]:
        """Every trial, in the order they finished."""
        with self._told("read"):
            rows = self._database.execute("SELECT record FROM trials ORDER BY finished_at, key").fetchall()
            return [Trial.from_json(json.loads(record)) for (record,) in rows]

    def keep(self, study: KeptStudy) -> None:
        """Write what a study asks; the same question asked again takes the place of the former."""
        with self._told("write"):
            self._database.execute(_STUDIES)
            self._database.execute(
                "INSERT OR REPLACE INTO studies VALUES (?, ?, ?)",
                (study.key, study.began_at, json.dumps(study.to_json())),
            )

    def studies(self) -> list[KeptStudy]:
        """Every study that was asked of this store, in the order they were begun."""
        with self._told("read"):
            there = self._database.execute("SELECT 1 FROM sqlite_master WHERE name = 'studies'").fetchone()
            query = "SELECT record FROM studies ORDER BY began_at, key"
            rows = self._database.execute(query).fetchall() if there else []
            return [KeptStudy.from_json(json.loads(record)) for (record,) in rows]

    @contextmanager
    def _transaction(self, kind: str) -> Iterator[None]:
        self._database.execute(f"BEGIN {kind}")
        try:
            yield
        except BaseException:
            if self._database.in_transaction:  # SQLite ends it itself where the disk is full
                self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    @contextmanager
    def _told(self, verb: str) -> Iterator[None]:
        """Turn what SQLite raises into one line with a remedy."""
        try:
            yield
        except (sqlite3.Error, ValueError, KeyError, TypeError, AttributeError) as error:
            what = f"no field {error}" if isinstance(error, KeyError) else error
            remedy = _REMEDIES.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, _REMEDY)
            raise StoreError(f"store: cannot {verb} `{self.path}` ({what}); {remedy}") from error

    def close(self) -> None:
        """Close the file; what was put is already in it."""
        self._database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
