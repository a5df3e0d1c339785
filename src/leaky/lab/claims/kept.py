"""What measuring claims has left in a store: every measured seed, and every whole outcome."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from leaky.errors import StoreError
from leaky.lab.claims.claim import Claim, Measurement
from leaky.lab.claims.work import Seed
from leaky.lab.store import Store
from leaky.records.ledger import Outcome

_TABLES = (
    "CREATE TABLE IF NOT EXISTS measured_seeds "
    "(key TEXT PRIMARY KEY, claim TEXT, seed INTEGER, measured_at TEXT, seconds REAL, record TEXT) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS outcomes "
    "(claim TEXT, budget TEXT, record TEXT, PRIMARY KEY (claim, budget)) WITHOUT ROWID",
)


class KeptClaims:
    """Two tables beside the trials of a store: an older leaky does not look at them.

    Without `create` a store that is not there is not made: it reads as an empty one.
    """

    def __init__(self, path: str | Path, *, create: bool = True) -> None:
        self.path = Path(path).expanduser().absolute()
        there = create or self.path.exists()
        if there:
            with Store(path):  # made or checked, with the words that every store is refused with
                pass
        with self._told("open"):
            place = self.path if there else ":memory:"
            self._database = sqlite3.connect(place, timeout=30, isolation_level=None)
            for table in _TABLES:
                self._database.execute(table)

    def measured(self, method: Measurement, budget: str) -> dict[int, Seed]:
        """The seeds of a measurement that are there already."""
        found = {}
        query = "SELECT record, measured_at, seconds FROM measured_seeds WHERE key = ?"
        for seed in method.seeds(budget):
            row = self._row(query, seed_key(method, budget, seed))
            if row is not None:
                found[seed] = Seed(json.loads(row[0]), row[1], row[2])
        return found

    def put(self, claim: Claim, method: Measurement, budget: str, seed: int, found: Seed) -> None:
        """One more measured seed, with the claim that it was measured for; others may have it too."""
        record = (claim.name, seed, found.at, found.seconds, json.dumps(found.values))
        self._write(
            "INSERT OR REPLACE INTO measured_seeds VALUES (?, ?, ?, ?, ?, ?)",
            (seed_key(method, budget, seed), *record),
        )

    def outcome(self, claim: Claim, budget: str) -> Outcome | None:
        """The last whole outcome, of whichever definition."""
        row = self._row("SELECT record FROM outcomes WHERE claim = ? AND budget = ?", claim.name, budget)
        return None if row is None else Outcome.from_json(json.loads(row[0]))

    def keep(self, outcome: Outcome) -> None:
        """A whole outcome, in place of the former."""
        record = json.dumps(outcome.to_json())
        self._write(
            "INSERT OR REPLACE INTO outcomes VALUES (?, ?, ?)", (outcome.claim, outcome.budget, record)
        )

    def _row(self, query: str, *values: object) -> tuple[Any, ...] | None:
        with self._told("read"):
            row: tuple[Any, ...] | None = self._database.execute(query, values).fetchone()
        return row

    def _write(self, query: str, values: tuple[object, ...]) -> None:
        with self._told("write"):
            self._database.execute(query, values)

    @contextmanager
    def _told(self, verb: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(
                f"store: cannot {verb} `{self.path}` ({error}); name another file with --store"
            ) from error

    def __enter__(self) -> KeptClaims:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()


def seed_key(method: Measurement, budget: str, seed: int) -> str:
    """What tells a measured seed from another: all that its numbers depend on."""
    return hashlib.sha256("\n".join([*method.definition(budget), str(seed)]).encode()).hexdigest()[:24]
