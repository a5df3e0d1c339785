"""What a reader should know before trusting the tables of a study."""

from __future__ import annotations

from collections.abc import Sequence

from leaky.lab.design import Design
from leaky.lab.interaction import Outcome

_FEW = 2


def notes(designs: Sequence[Design], outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """One sentence each, by condition where the study has several, then those of the study as a whole."""
    told = _edges(designs, outcomes) + _without_rate(designs, outcomes)
    trials = [trial for _, finished in outcomes for trial in finished]
    errors = [trial.error for trial in trials if trial.status == "failed"]
    if errors:
        what = "1 trial failed and is" if len(errors) == 1 else f"{len(errors)} trials failed and are"
        told.append(
            f"{what} left out of the scores; running again tries again. The first error: {errors[0]}."
        )
    versions = {(trial.environment.get("torch"), trial.environment.get("numpy")) for trial in trials}
    if len(versions) > 1:
        told.append("Trials in the store were computed with several versions of torch or NumPy.")
    seeds = len(designs[0].final_seeds)
    if seeds < 6 and len(designs[0].activations) > 1:
        told.append(f"{seeds} final seeds cannot give a p below {2 / 2**seeds:.3g}; ten can give 0.002.")
    return tuple(told)


def _edges(designs: Sequence[Design], outcomes: Sequence[Outcome]) -> list[str]:
    """Who did best at an end of the grid of learning rates: a sentence each, one for each end where they are many."""
    grid, told = designs[0].learning_rates, []
    if len(grid) == 1:
        return []
    for rate, end in ((grid[0], "lowest"), (grid[-1], "highest")):
        names = [
            f"{name}{_where(design)}"
            for design, (chosen, _) in zip(designs, outcomes, strict=True)
            for name, best in chosen.items()
            if best == rate
        ]
        if len(names) > _FEW or (len(designs) > 1 and names):
            told.append(
                f"At {rate:g}, the {end} learning rate of the grid, did best: {'; '.join(names)}. "
                "A wider grid may suit them better."
            )
        else:
            told += [
                f"{name} did best at {rate:g}, the {end} learning rate of the grid; a wider grid may suit it better."
                for name in names
            ]
    return told


def _without_rate(designs: Sequence[Design], outcomes: Sequence[Outcome]) -> list[str]:
    return [
        f"{name}{_where(design)} has no result: all its tuning trials failed."
        for design, (chosen, _) in zip(designs, outcomes, strict=True)
        for name in design.activations
        if name not in chosen
    ]


def _where(design: Design) -> str:
    return f" with {design.label}" if design.label else ""
