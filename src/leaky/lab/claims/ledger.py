"""Running claims: only what is missing is measured, and only whole definitions count."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leaky.errors import ArgumentError, StoreError, one_line
from leaky.lab.claims.claim import BUDGETS, Claim, Measurement
from leaky.lab.claims.comparison import Comparison
from leaky.lab.claims.entries import entries
from leaky.lab.claims.estimate import Estimate
from leaky.lab.claims.kept import KeptClaims
from leaky.lab.claims.page import write_page
from leaky.lab.claims.table import chosen, family
from leaky.lab.claims.trained import Found, train
from leaky.lab.claims.work import Seed, measured
from leaky.lab.engine import Engine, Named, engine
from leaky.lab.environment import environment
from leaky.lab.speaker import speaking_as
from leaky.records.ledger import Entry, Outcome
from leaky.report.text import duration_text
from leaky.report.write import check_writable

Told = Callable[[str], None]


@dataclass
class Ledger:
    """The claims of a store, and the processes that measure what is missing there.

    `trainers` train, wherever they are; what needs no training is measured on this machine, by `local`.
    """

    kept: KeptClaims
    budget: str
    trainers: Engine
    local: Engine
    told: Told
    shown: bool = False
    failed: dict[str, str] = field(default_factory=dict)
    """What was raised while a claim was measured, by name: the others are measured nevertheless."""

    def run(self, claims: Sequence[Claim]) -> None:
        """Measure what is missing of the claims, one after the other, telling how far that is and what is left."""
        left = self._plan(claims)
        began, expected = time.monotonic(), 0.0
        for place, claim in enumerate(claims, start=1):
            done = time.monotonic() - began
            pace = done / expected if expected > 10 else 1.0
            time_left = f"; about {duration_text(pace * sum(left.values()))} left" if left else ""
            self.told(f"{place} of {len(claims)}: {claim.number} {claim.name}{time_left}")
            try:
                with speaking_as("claims"):
                    self.measure(claim)
            except StoreError:
                raise  # there is no place for the others either
            except Exception as error:  # one claim that fails, whatever with, stops no other
                self.failed[claim.name] = one_line(error)
                self.told(f"{claim.number} {claim.name} failed: {one_line(error)}")
            expected += left.pop(claim.name, 0.0)

    def _plan(self, claims: Sequence[Claim]) -> dict[str, float]:
        """Seconds by claim; nothing is told of the smoke budget, which is over sooner."""
        if self.budget == "smoke" or not claims:
            return {}
        estimate, seconds = Estimate(self.kept, self.budget, self.trainers, self.local), {}
        for claim in claims:
            try:
                seconds[claim.name] = estimate.seconds(claim)
            except StoreError:
                raise
            except Exception:  # an estimate stops nothing; measuring it will say what
                seconds[claim.name] = 0.0
            self.told(f"{claim.number} {claim.name}: about {duration_text(seconds[claim.name])}")
        whole = duration_text(sum(seconds.values()))
        self.told(f"{len(claims)} claims, about {whole} on {self.trainers.workers} workers")
        return seconds

    def measure(self, claim: Claim) -> None:
        """Measure what is missing of a claim; its outcome is kept once all of it is there."""
        found = self._found(claim)
        rows = found.rows.values()
        outcome = Outcome(
            claim=claim.name,
            definition=claim.definition(self.budget),
            budget=self.budget,
            seeds=tuple(found.rows),
            values={name: tuple(row[name] for row in rows if name in row) for name in next(iter(rows))},
            measured_at=found.began_at,
            seconds=round(found.seconds, 1),
            environment=environment(),
            notes=tuple(found.notes),
            at_edge=tuple(found.at_edge),
        )
        self.kept.keep(outcome)

    def is_current(self, claim: Claim) -> bool:
        """Whether the store has a whole outcome of this very definition."""
        outcome = self.kept.outcome(claim, self.budget)
        return outcome is not None and outcome.definition == claim.definition(self.budget)

    def _found(self, claim: Claim) -> Found:
        method = claim.method
        if isinstance(method, Comparison):
            path, command = self.kept.path, claim.command
            return train(method, self.budget, path, self.trainers, command=command, shown=self.shown)
        assert isinstance(method, Measurement)
        seeds = self.kept.measured(method, self.budget)
        missing = [seed for seed in method.seeds(self.budget) if seed not in seeds]
        for seed, made in self._measured(claim, method, missing):
            self.kept.put(claim, method, self.budget, seed, made)
            seeds[seed] = made
        found = Found({seed: seeds[seed].values for seed in method.seeds(self.budget)})
        for made in seeds.values():
            found.paid(made.at, made.seconds)
        return found

    def _measured(
        self, claim: Claim, method: Measurement, seeds: Sequence[int]
    ) -> Iterator[tuple[int, Seed]]:
        if method.alone or self.local.workers == 1 or len(seeds) < 2:
            for seed in seeds:
                yield seed, measured(claim.name, seed, self.budget)
            return
        executor = self.local.start()
        try:
            running: dict[Future[Any], int] = {
                executor.submit(measured, claim.name, seed, self.budget): seed for seed in seeds
            }
            for future in executor.as_completed(list(running)):
                yield running[future], future.result()
        except BaseException:
            executor.shutdown()
            raise


def run_claims(
    names: Sequence[str] = (),
    *,
    budget: str = "small",
    store: str | Path = "claims.db",
    page: str | Path | None = None,
    workers: int | None = None,
    executor: Named = None,
    measure: bool = True,
    progress: bool = False,
    told: Told = lambda line: None,
) -> list[Entry]:
    """Measure what is missing of these claims, and rule on them.

    Args:
        names: of claims, or their numbers; all of them by default.
        budget: "small", an hour on two cores for all of them, or "smoke", which only shows that they run.
        store: the SQLite file that keeps every measured seed and every trial; a stopped run goes on from it.
        page: write the whole ledger as Markdown here, its numbers as JSON and its pictures beside it; where the
            run is interrupted too.
        workers: processes side by side; by default one per core.
        executor: who trains: "local" (default), "dask://HOST:PORT", or a `distributed.Client`. What needs no training
            is measured here.
        measure: False only reads what the store has; one that is not there has nothing, and is not made.
        progress: show that of every comparison on stderr.
        told: is given the plan with its estimate, then a line for every claim.

    Returns:
        The ledger's entries of these claims, in its order. Holm's correction is over the whole ledger, whatever is
        asked: what was measured before counts with its p, what was not with 1. Where measuring raised an error,
        `entry.missing` has it, and the other claims are measured.

    Raises:
        ArgumentError: an unknown claim or budget, or a page that cannot be written.
        StoreError: the store cannot be used.

    Example:
        >>> from leaky import lab
        >>> store = getfixture("tmp_path") / "claims.db"
        >>> (entry,) = lab.run_claims(["sparse"], budget="smoke", store=store, workers=1)
        >>> entry.effects[0].hypothesis.text
        'as many exact zeros with slope 0.01 as with ReLU'
    """
    claims = chosen(names)
    if budget not in BUDGETS:
        raise ArgumentError(f"claims: `budget` must be one of {', '.join(BUDGETS)}, got {budget!r}")
    if page is not None:
        check_writable(page, "page")
    here = workers if executor in (None, "local") else None
    with (
        speaking_as("claims"),
        engine(executor, workers) as trainers,
        engine(None, here) as local,
        KeptClaims(store, create=measure) as kept,
    ):
        ledger = Ledger(kept, budget, trainers, local, told, progress)
        try:
            if measure:
                ledger.run([c for c in claims if c.method is not None and not ledger.is_current(c)])
        except KeyboardInterrupt:
            if page is not None:
                write_page(entries(kept, budget, ledger.failed), page, family=family())
            raise
        found = entries(kept, budget, ledger.failed)
        if page is not None:
            write_page(found, page, family=family())
        asked = {claim.name for claim in claims}
        return [entry for entry in found if entry.name in asked]
