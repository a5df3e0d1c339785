"""Running claims: only what is missing is measured, and only whole definitions count."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from leaky.errors import ArgumentError
from leaky.lab.claims.claim import BUDGETS, Claim, Measurement, Method, Values
from leaky.lab.claims.comparison import Comparison
from leaky.lab.claims.kept import KeptClaims
from leaky.lab.claims.page import write_page
from leaky.lab.claims.table import CLAIMS, FAMILY, chosen
from leaky.lab.claims.verdicts import effect_of, rule, together
from leaky.lab.engine import Engine, engine
from leaky.lab.environment import environment, now
from leaky.lab.execute import Executor
from leaky.records import Ruling
from leaky.records.ledger import Effect, Entry, Outcome
from leaky.report.text import duration_text
from leaky.report.write import check_writable

Told = Callable[[str], None]


@dataclass
class Ledger:
    """The claims of a store, and the processes that measure what is missing there."""

    kept: KeptClaims
    budget: str
    trainers: Engine
    told: Told
    shown: bool = False
    executor: Executor | None = None

    def measure(self, claim: Claim) -> None:
        """Measure what is missing of a claim; its outcome is kept once all of it is there."""
        if claim.method is None or self.is_current(claim):
            return
        began = time.monotonic()
        rows, notes = self._rows(claim, claim.method)
        outcome = Outcome(
            claim=claim.name,
            definition=claim.definition(self.budget),
            budget=self.budget,
            seeds=tuple(rows),
            values={name: tuple(row[name] for row in rows.values()) for name in next(iter(rows.values()))},
            measured_at=now(),
            seconds=round(time.monotonic() - began, 1),
            environment=environment(),
            notes=notes,
        )
        self.kept.keep(outcome)

    def _rows(self, claim: Claim, method: Method) -> tuple[dict[int, Values], tuple[str, ...]]:
        if isinstance(method, Comparison):
            return method.run(self.budget, self.kept.path, self.trainers.workers, self.shown)
        assert isinstance(method, Measurement)
        return self._seeds(claim, method), ()

    def is_current(self, claim: Claim) -> bool:
        """Whether the store has a whole outcome of this very definition."""
        outcome = self.kept.outcome(claim, self.budget)
        return outcome is not None and outcome.definition == claim.definition(self.budget)

    def plan(self, claims: Sequence[Claim]) -> None:
        """Tell what is missing and how long it takes: by a seed of a measurement, an epoch of a training."""
        if self.budget == "smoke" or not claims:
            return
        total = 0.0
        for claim in claims:
            seconds = self._estimate(claim)
            total += seconds
            self.told(f"{claim.number} {claim.name}: about {duration_text(seconds)}")
        self.told(f"{len(claims)} claims, about {duration_text(total)} on {self.trainers.workers} workers")

    def _estimate(self, claim: Claim) -> float:
        if isinstance(claim.method, Comparison):
            return claim.method.estimate(self.budget, self.trainers.workers)
        assert isinstance(claim.method, Measurement)
        found = self.kept.measured(claim, claim.method, self.budget)
        missing = [seed for seed in claim.method.seeds(self.budget) if seed not in found]
        if not missing:
            return 0.0
        began = time.monotonic()
        values = measured(claim.name, missing[0], self.budget)
        self.kept.put(claim, claim.method, self.budget, missing[0], values)
        side_by_side = 1 if claim.method.alone else self.trainers.workers
        return (time.monotonic() - began) * (len(missing) - 1) / side_by_side

    def _seeds(self, claim: Claim, method: Measurement) -> dict[int, Values]:
        found = self.kept.measured(claim, method, self.budget)
        missing = [seed for seed in method.seeds(self.budget) if seed not in found]
        for seed, values in self._measured(claim, method, missing):
            self.kept.put(claim, method, self.budget, seed, values)
            found[seed] = values
        return {seed: found[seed] for seed in method.seeds(self.budget)}

    def _measured(
        self, claim: Claim, method: Measurement, seeds: Sequence[int]
    ) -> Iterator[tuple[int, Values]]:
        if method.alone or self.trainers.workers == 1 or len(seeds) < 2:
            for seed in seeds:
                yield seed, measured(claim.name, seed, self.budget)
            return
        self.executor = self.executor or self.trainers.start()
        running: dict[Future[Any], int] = {
            self.executor.submit(measured, claim.name, seed, self.budget): seed for seed in seeds
        }
        for future in self.executor.as_completed(list(running)):
            yield running[future], future.result()


def measured(name: str, seed: int, budget: str) -> Values:
    """One seed of a measurement, on one thread: the same numbers on any number of cores."""
    method = CLAIMS[name].method
    assert isinstance(method, Measurement)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return method.function(seed, **method.sizes(budget))
    finally:
        torch.set_num_threads(threads)


def run_claims(
    names: Sequence[str] = (),
    *,
    budget: str = "small",
    store: str | Path = "claims.db",
    page: str | Path | None = None,
    workers: int | None = None,
    measure: bool = True,
    progress: bool = False,
    told: Told = lambda line: None,
) -> list[Entry]:
    """Measure what is missing of these claims, and rule on them.

    Args:
        names: of claims, or their numbers; all of them by default.
        budget: "small", an hour on two cores for all of them, or "smoke", which only shows that they run.
        store: the SQLite file that keeps every measured seed and every trial; a stopped run goes on from it.
        page: write the whole ledger as Markdown here, its numbers as JSON and its pictures beside it.
        workers: processes side by side; by default one per core.
        measure: False only reads what the store has.
        progress: show that of every comparison on stderr.
        told: is given the plan with its estimate, then a line for every claim.

    Returns:
        The ledger's entries of these claims, in its order. Holm's correction is over the whole ledger, whatever is
        asked: what was measured before counts with its p, what was not with 1.

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
    with engine(None, workers) as trainers, KeptClaims(store) as kept:
        ledger = Ledger(kept, budget, trainers, told, progress)
        missing = [claim for claim in claims if claim.method is not None and not ledger.is_current(claim)]
        if measure:
            ledger.plan(missing)
        for claim in missing if measure else ():
            told(f"{claim.number} {claim.name} ...")
            ledger.measure(claim)
        found = entries(kept, budget)
        if page is not None:
            write_page(found, page, family=FAMILY)
        asked = {claim.name for claim in claims}
        return [entry for entry in found if entry.name in asked]


def entries(kept: KeptClaims, budget: str) -> list[Entry]:
    """The whole ledger, as far as the store has it."""
    found: list[Entry] = []
    places: list[slice] = []
    effects: list[Effect] = []
    for claim in CLAIMS.values():
        outcome = kept.outcome(claim, budget)
        current = outcome is not None and outcome.definition == claim.definition(budget)
        place = len(effects)
        if outcome is not None and current:
            effects += [effect_of(hypothesis, outcome.values) for hypothesis in claim.hypotheses]
        places.append(slice(place, len(effects)))
        found.append(_entry(claim, outcome if current else None, _missing(claim, outcome, current)))
    ruled = rule(effects, FAMILY)
    return [_ruled(entry, ruled[place]) for entry, place in zip(found, places, strict=True)]


def _entry(claim: Claim, outcome: Outcome | None, missing: str) -> Entry:
    names = Entry.__dataclass_fields__
    words = {name: getattr(claim, name) for name in Claim.__dataclass_fields__ if name in names}
    return Entry(**words, command=claim.command, outcome=outcome, missing=missing)


def _ruled(entry: Entry, effects: list[Effect]) -> Entry:
    ruling: Ruling | None = together(effect.ruling for effect in effects) if effects else None
    return replace(entry, effects=tuple(effects), ruling=ruling)


def _missing(claim: Claim, outcome: Outcome | None, current: bool) -> str:
    if claim.method is None:
        return "not testable"
    if outcome is None:
        return "not measured"
    return "" if current else "measured by another definition"
