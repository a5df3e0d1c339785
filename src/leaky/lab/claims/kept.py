"""What measuring claims has left in a store: every measured seed, and every whole outcome."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from leaky.errors import StoreError
from leaky.lab.claims.claim import Claim, Measurement, Values
from leaky.lab.store import Store
from leaky.records.ledger import Outcome

_TABLES = (
    "CREATE TABLE IF NOT EXISTS measurements "
    "(key TEXT PRIMARY KEY, claim TEXT, seed INTEGER, record TEXT) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS outcomes "
    "(claim TEXT, budget TEXT, record TEXT, PRIMARY KEY (claim, budget)) WITHOUT ROWID",
)


class KeptClaims:
    """Two tables beside the trials of a store: an older leaky does not look at them."""

    def __init__(self, path: str | Path) -> None:
        with Store(path) as store:  # made or checked, with the words that every store is refused with
            self.path = store.path
        with self._told("open"):
            self._database = sqlite3.connect(self.path, timeout=30, isolation_level=None)
            for table in _TABLES:
                self._database.execute(table)

    def measured(self, claim: Claim, method: Measurement, budget: str) -> dict[int, Values]:
        """The seeds of a measurement that are there already."""
        found = {}
        for seed in method.seeds(budget):
            row = self._row("SELECT record FROM measurements WHERE key = ?", _key(method, budget, seed))
            if row is not None:
                found[seed] = {name: _number(value) for name, value in json.loads(row).items()}
        return found

    def put(self, claim: Claim, method: Measurement, budget: str, seed: int, values: Values) -> None:
        """One more measured seed."""
        record = json.dumps(values)
        self._write(
            "INSERT OR REPLACE INTO measurements VALUES (?, ?, ?, ?)",
            (_key(method, budget, seed), claim.name, seed, record),
        )

    def outcome(self, claim: Claim, budget: str) -> Outcome | None:
        """The last whole outcome, of whichever definition."""
        row = self._row("SELECT record FROM outcomes WHERE claim = ? AND budget = ?", claim.name, budget)
        return None if row is None else Outcome.from_json(json.loads(row))

    def keep(self, outcome: Outcome) -> None:
        """A whole outcome, in place of the former."""
        record = json.dumps(outcome.to_json())
        self._write(
            "INSERT OR REPLACE INTO outcomes VALUES (?, ?, ?)", (outcome.claim, outcome.budget, record)
        )

    def _row(self, query: str, *values: object) -> str | None:
        with self._told("read"):
            row = self._database.execute(query, values).fetchone()
        return None if row is None else str(row[0])

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


def _key(method: Measurement, budget: str, seed: int) -> str:
    return hashlib.sha256("\n".join([*method.definition(budget), str(seed)]).encode()).hexdigest()[:24]


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
