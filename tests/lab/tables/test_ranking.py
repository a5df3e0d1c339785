"""Rankings group by group against the definitions, and what has none."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from leaky.lab.tables.ranking import AVERAGE_PRECISION, ROC_AUC, loss_of_counted, roc_auc_of, targets_of

SCORES = torch.tensor([0.9, 0.1, 0.4, 0.4, 7.0, 5.0, 6.0, 1.0])
TARGETS = torch.tensor([1, 0, 0, 1, 3, 2, 2, 3])
"""Group 0 ranks 3.5 of 4 pairs right, one is equal; group 1 ranks 2 of 4."""


@pytest.mark.parametrize("levels", [3, 40, 10**9])
def test_roc_auc_is_that_of_scikit_learn(levels: int) -> None:
    generator = np.random.default_rng(levels)
    labels = (generator.random(500) < 0.1).astype(np.int64)
    scores = generator.integers(0, levels, 500) + labels
    ours = ROC_AUC.function(
        torch.tensor(scores, dtype=torch.float64), torch.from_numpy(targets_of(labels, 0))
    )
    assert ours == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


def test_roc_auc_is_the_share_of_pairs_ranked_right_and_the_mean_of_groups() -> None:
    assert ROC_AUC.function(SCORES, TARGETS) == pytest.approx((3.5 / 4 + 2 / 4) / 2)
    assert [one.function(SCORES, TARGETS) for one in roc_auc_of(("first", "second"))] == [3.5 / 4, 2 / 4]
    assert [one.record.name for one in roc_auc_of(("first", "second"))] == ["ROC AUC first", "ROC AUC second"]


def test_average_precision_is_that_of_the_definition() -> None:
    first = (1 / 1 + 2 / 3) / 2  # the second anomaly stands level with one that is none
    second = (1 / 1 + 2 / 4) / 2
    assert AVERAGE_PRECISION.function(SCORES, TARGETS) == pytest.approx((first + second) / 2)


def test_scores_of_groups_are_never_compared_with_each_other() -> None:
    shifted = SCORES + 100 * (TARGETS // 2)
    assert ROC_AUC.function(shifted, TARGETS) == pytest.approx(ROC_AUC.function(SCORES, TARGETS), abs=1e-6)


def test_what_fills_up_and_groups_without_anomalies_do_not_count() -> None:
    scores = torch.stack((SCORES, torch.full((8,), 100.0), torch.arange(8.0)), 1)
    none = torch.full((8,), -1)
    targets = torch.stack((TARGETS, none, torch.full((8,), 4)), 1)
    assert ROC_AUC.function(scores, targets) == pytest.approx(ROC_AUC.function(SCORES, TARGETS))
    assert math.isnan(roc_auc_of(("a", "b", "c"))[2].function(scores, targets))
    assert math.isnan(ROC_AUC.function(SCORES, none))


def test_a_score_that_is_not_finite_has_no_ranking() -> None:
    assert math.isnan(ROC_AUC.function(SCORES.masked_fill(SCORES == 7, torch.nan), TARGETS))


def test_targets_and_loss() -> None:
    assert targets_of(np.array([0, 1, 1]), 3).tolist() == [6, 7, 7]
    errors = torch.tensor([[1.0, 2.0], [3.0, 40.0]], requires_grad=True)
    loss = loss_of_counted(errors, torch.tensor([[0, 2], [1, -1]]))
    loss.backward()
    assert loss.item() == 2.0
    assert errors.grad is not None
    assert errors.grad.flatten().tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0])
