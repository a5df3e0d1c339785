"""What the tasks on anomalies share: standardised rows with targets, and those with autoencoders to a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest

from leaky.lab.definition import Task
from leaky.lab.factory import ModelFactory
from leaky.lab.metrics import NamedMetric
from leaky.lab.recipe import Recipe
from leaky.lab.tables.autoencoders import Autoencoders, distances
from leaky.lab.tables.ranking import AVERAGE_PRECISION, CHANCE, ROC_AUC, loss_of_counted
from leaky.nn import ActivationFactory

Array = NDArray[np.generic]
_MARGIN = 0.01


def standardised(
    train: NDArray[np.floating], *others: NDArray[np.floating]
) -> tuple[NDArray[np.float32], ...]:
    """Each column less its mean and divided by its standard deviation, both of `train`; a constant one is not."""
    mean, spread = train.mean(0), train.std(0)
    spread = np.where(spread > 0, spread, 1)
    return tuple(((rows - mean) / spread).astype(np.float32) for rows in (train, *others))


def forest(train: NDArray[np.floating], test: NDArray[np.floating]) -> NDArray[np.float64]:
    """The score of each row of `test` by an isolation forest of scikit-learn's defaults, the higher the odder."""
    return -np.asarray(IsolationForest(random_state=0).fit(train).score_samples(test))


def detection_task(
    name: str,
    data: Mapping[str, Array],
    features: Sequence[int],
    widths: Sequence[Sequence[int]],
    *,
    recipe: Recipe,
    metrics: Sequence[NamedMetric] = (),
    learning_rates: tuple[float, ...],
    about: str,
    notes: Sequence[str] = (),
) -> Task:
    """A task of rows and targets per part (`train`, `train_targets`, ...) with an autoencoder per table.

    `test_forest` are the isolation forest's scores of the test rows, of the shape of their targets. The trivial
    answer is the distance to the mean of the training rows: the error of a network that always answers that mean.
    """

    def model(activation: ActivationFactory, seed: int) -> torch.nn.Module:
        assert isinstance(activation, ModelFactory)
        return Autoencoders(features, widths, activation)

    targets = torch.from_numpy(np.array(data["test_targets"]))
    far = distances(torch.from_numpy(np.array(data["test"])), features)
    odd = torch.from_numpy(np.array(data["test_forest"]))
    told = ", ".join(
        f"{who} {100 * ROC_AUC.function(scores, targets):.1f} "
        f"(average precision {100 * AVERAGE_PRECISION.function(scores, targets):.1f})"
        for who, scores in (("the distance to the mean", far), ("scikit-learn's isolation forest", odd))
    )
    return Task(
        name=name,
        **{
            part: (data[part], data[f"{part}_targets"])  # type: ignore[arg-type]
            for part in ("train", "validation", "test")
        },
        model=model,
        metric=ROC_AUC,
        metrics=(AVERAGE_PRECISION, *metrics),
        loss=loss_of_counted,
        diverged_score=CHANCE,
        trivial="the distance to the training mean",
        trivial_score=ROC_AUC.function(far, targets),
        margin=_MARGIN,
        recipe=recipe,
        learning_rates=learning_rates,
        description=about,
        notes=(
            f"Without a network, on the same test data, ROC AUC in %: {told}.",
            *notes,
        ),
        version="1",
    )
