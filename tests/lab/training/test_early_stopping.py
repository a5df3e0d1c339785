"""When a run ends, and whose weights count."""

from __future__ import annotations

import pytest
import torch

from leaky.lab.training.early_stopping import EarlyStopping


def run(
    scores: list[float | None], patience: int, *, higher_is_better: bool = True
) -> tuple[int, float, int | None]:
    """Epochs run, the weight afterwards (each epoch sets it to its number), and the epoch restored."""
    model = torch.nn.Linear(1, 1, bias=False)
    stopping = EarlyStopping(patience, higher_is_better=higher_is_better)
    epoch = 0
    for epoch, score in enumerate(scores, start=1):
        torch.nn.init.constant_(model.weight, epoch)
        if stopping.after_epoch(epoch, score, model):
            break
    restored = stopping.restore(model)
    return epoch, model.weight.item(), restored


def test_it_ends_after_patience_epochs_without_a_better_score_and_goes_back() -> None:
    assert run([0.1, 0.5, 0.4, 0.5, 0.9], patience=2) == (4, 2.0, 2)


def test_lower_may_be_better() -> None:
    assert run([0.5, 0.1, 0.4, 0.3], patience=2, higher_is_better=False) == (4, 2.0, 2)


def test_a_run_that_goes_on_to_its_end_counts_its_best_epoch_too() -> None:
    assert run([0.1, 0.3, 0.2], patience=5) == (3, 2.0, 2)


def test_a_score_that_is_not_finite_is_never_better() -> None:
    assert run([None, 0.2, None, None], patience=2) == (4, 2.0, 2)
    assert run([None, None], patience=2) == (2, 2.0, None)


@pytest.mark.parametrize("scores", [[0.3, 0.2, 0.1], [0.1]])
def test_without_patience_nothing_stops_and_nothing_is_kept(scores: list[float | None]) -> None:
    assert run(scores, patience=0) == (len(scores), float(len(scores)), None)
