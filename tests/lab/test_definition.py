"""A task checks what it is given, and splits its data the same way every time."""

from __future__ import annotations

import functools
import re
from typing import Any

import numpy as np
import pytest
import torch

from leaky.errors import TaskError
from leaky.lab.definition import Task
from leaky.lab.metrics import NamedMetric
from leaky.records import Metric


def model(activation: Any, seed: int) -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Linear(2, 4), activation(), torch.nn.Linear(4, 3))


X = np.random.default_rng(0).normal(size=(100, 2))
Y = np.arange(100) % 3


def task(**changes: Any) -> Task:
    return Task(**{"name": "t", "train": (X, Y), "model": model, **changes})


def test_splits_are_disjoint_complete_and_the_test_split_is_fixed() -> None:
    train, validation, test = task().parts(seed=1)
    indices = torch.cat([train, validation.indices, test.indices])
    assert sorted(indices.tolist()) == list(range(100))
    assert (len(train), len(validation), len(test)) == (60, 15, 25)
    other_train, _, other_test = task().parts(seed=2)
    assert torch.equal(test.indices, other_test.indices)
    assert not torch.equal(train, other_train)
    again = task().parts(seed=1)[0]
    assert torch.equal(train, again)


def test_given_splits_are_used_as_they_are() -> None:
    made = task(validation=(X[:7], Y[:7]), test=(X[:5], Y[:5]))
    train, validation, test = made.parts(seed=0)
    assert (len(train), len(validation), len(test)) == (100, 7, 5)


def test_float64_becomes_float32_and_integers_int64() -> None:
    inputs, targets = task(train=(X, Y.astype(np.uint8))).train_samples.take(torch.arange(3))
    assert inputs.dtype == torch.float32
    assert targets.dtype == torch.int64


class Shifting(torch.utils.data.Dataset[tuple[torch.Tensor, int]]):
    """A dataset whose items can only be read one at a time."""

    def __len__(self) -> int:
        return 30

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return torch.full((2,), float(index)), index % 3


def test_datasets_are_collated() -> None:
    made = task(train=Shifting())
    inputs, targets = made.train_samples.take(torch.tensor([4, 9]))
    assert inputs.tolist() == [[4.0, 4.0], [9.0, 9.0]]
    assert targets.tolist() == [1, 0]
    assert made.loss_function() is torch.nn.functional.cross_entropy
    assert made.score_if_diverged(made.parts(0)[2]) == pytest.approx(1 / 3, abs=0.3)


def test_losses_and_metrics_by_default() -> None:
    regression = task(train=(X, X[:, :1]), metric="mse", margin=0.1)
    assert regression.loss_function() is torch.nn.functional.mse_loss
    assert not regression.metric_record.higher_is_better
    outputs, targets = torch.tensor([[1.0, 3.0], [2.0, 0.0]]), torch.tensor([1, 1])
    assert task().score(outputs, targets) == 0.5
    assert task(metric="mae", margin=1).score(torch.tensor([1.0, 2.0]), torch.tensor([2.0, 4.0])) == 1.5


def test_a_diverged_trial_scores_what_the_constant_that_suits_the_training_data_does() -> None:
    labels, other = np.array([0] * 80 + [1] * 20), np.array([0] * 30 + [1] * 70)
    made = task(train=(X, labels), test=(X, other))
    _, validation, test = made.parts(seed=0)
    assert made.score_if_diverged(test) == pytest.approx(0.3)  # class 0, which the training data has most of
    assert made.score_if_diverged(validation) == pytest.approx(
        (validation.targets() == 0).float().mean().item()
    )
    y = X[:, :1]
    constant = task(train=(X, y), test=(X, 2 * y), metric="mse", margin=1)
    assert constant.score_if_diverged(constant.parts(0)[2]) == pytest.approx(
        ((2 * y - y.mean()) ** 2).mean(), rel=1e-5
    )
    median = task(train=(X, y), test=(X, y), metric="mae", margin=1)
    expected = np.abs(y - np.median(y)).mean()
    assert median.score_if_diverged(median.parts(0)[2]) == pytest.approx(expected, rel=1e-2)
    assert task(diverged_score=0.1).score_if_diverged(test) == 0.1


class Net(torch.nn.Module):
    """A model as people write them: the work is in a class."""

    def __init__(self, activation: Any, width: int) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(2, width), activation(), torch.nn.Linear(width, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.layers(x)
        return out


def test_the_fingerprint_follows_closures_bound_arguments_and_the_state_of_losses() -> None:
    def of_width(width: int) -> Any:
        return lambda activation, seed: Net(activation, width)

    def bound(activation: Any, seed: int, width: int) -> torch.nn.Module:
        return Net(activation, width)

    prints = [
        task(**changes).fingerprint()
        for changes in (
            {"model": of_width(4)},
            {"model": of_width(64)},
            {"model": functools.partial(bound, width=4)},
            {"model": functools.partial(bound, width=64)},
            {"loss": torch.nn.CrossEntropyLoss()},
            {"loss": torch.nn.CrossEntropyLoss(label_smoothing=0.4)},
        )
    ]
    assert len(set(prints)) == len(prints)
    assert task(model=of_width(4)).fingerprint() == prints[0]


def test_the_fingerprint_follows_data_functions_and_version() -> None:
    def other_model(activation: Any, seed: int) -> torch.nn.Module:
        return torch.nn.Sequential(torch.nn.Linear(2, 3), activation())

    changed = X.copy()
    changed[3, 1] += 1e-3
    prints = [
        made.fingerprint()
        for made in (
            task(),
            task(train=(changed, Y)),
            task(model=other_model),
            task(version="2"),
            task(test_fraction=0.3),
            task(diverged_score=0.0),
        )
    ]
    assert len(set(prints)) == len(prints)
    assert task().fingerprint() == prints[0]


def test_the_error_rate_is_what_accuracy_leaves() -> None:
    labels = np.array([0] * 70 + [1] * 30)
    made = task(train=(X, labels), test=(X, labels), metric="error_rate")
    outputs, targets = torch.tensor([[1.0, 3.0], [2.0, 0.0], [0.0, 1.0]]), torch.tensor([1, 1, 0])
    assert made.score(outputs, targets) == pytest.approx(2 / 3)
    assert not made.metric_record.higher_is_better
    assert made.practical_margin() == 0.005
    assert made.resolution == 0.01
    assert made.trivial_answer() == ("the majority class", pytest.approx(0.3))
    assert made.score_if_diverged(made.parts(0)[2]) == pytest.approx(0.3)


def test_what_needs_no_network() -> None:
    assert task().trivial_answer() == ("the majority class", pytest.approx(1 / 3, abs=0.1))
    name, score = task(train=(X, X[:, :1]), metric="mse", margin=1).trivial_answer()
    assert name == "the best constant answer"
    assert score == pytest.approx(1, abs=0.4)
    naive = task(metric="mse", train=(X, X[:, :1]), margin=1, trivial="the last value", trivial_score=0.25)
    assert naive.trivial_answer() == ("the last value", 0.25)
    assert task(metric=own_metric, diverged_score=0, margin=1).trivial_answer() == ("", None)


def test_further_metrics_have_names_and_directions() -> None:
    largest = NamedMetric(Metric("largest error", False, False), lambda o, t: float((o - t).abs().max()))
    made = task(train=(X, X[:, :1]), metric="mse", margin=1, metrics=("mae", largest))
    outputs, targets = torch.tensor([[1.0], [4.0]]), torch.tensor([[0.0], [1.0]])
    assert made.scores(outputs, targets) == {"mae": 2.0, "largest error": 3.0}
    assert [m.higher_is_better for m in made.metric_records] == [False, False]
    assert (
        task(metric=largest, train=(X, X), diverged_score=9, margin=1).metric_record.name == "largest error"
    )
    prints = {
        task(train=(X, X), metric="mse", margin=1, metrics=m).fingerprint()
        for m in ((), ("mae",), (largest,))
    }
    assert len(prints) == 3


def own_metric(outputs: torch.Tensor, targets: torch.Tensor) -> float:
    return 0.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"train": (X, Y[:5])},
            "task `t`: `train` must hold a target per input, got shapes (100, 2) and (5,)",
        ),
        ({"train": (X[:1], Y[:1])}, "task `t`: `train` holds 1 samples; at least 2 are needed"),
        ({"train": 5}, "task `t`: `train` must be a pair of arrays (inputs, targets) or a dataset"),
        ({"test": (X.astype(str), Y)}, "task `t`: `test` must be numbers, got dtype <U"),
        ({"model": None}, "task `t`: `model` must be a function of (activation, seed), got None"),
        (
            {"metric": "f1"},
            "task `t`: `metric` must be a function or one of accuracy, error_rate, balanced_accuracy, mse, mae, r2, "
            "got 'f1'",
        ),
        ({"name": 5}, "task `5`: `name` must be text, got 5"),
        ({"recipe": {"epochs": 2}}, "task `t`: `recipe` must be a leaky.lab.Recipe, got {'epochs': 2}"),
        ({"learning_rates": 0.1}, "task `t`: `learning_rates` must be a tuple of numbers above 0, got 0.1"),
        ({"learning_rates": ()}, "task `t`: `learning_rates` must be a tuple of numbers above 0, got ()"),
        ({"margin": -0.2}, "task `t`: `margin` must be a number of at least 0, got -0.2"),
        ({"margin": "0.1"}, "task `t`: `margin` must be a number of at least 0, got '0.1'"),
        ({"diverged_score": float("nan")}, "task `t`: `diverged_score` must be a finite number, got nan"),
        ({"train": (X, np.eye(3)[Y])}, "task `t`: accuracy needs one integer class a sample as target"),
        ({"train": (X[:2], Y[:2])}, "task `t`: 2 samples in `train` are too few to split"),
        ({"train": (X, X * np.nan), "metric": "mse"}, "task `t`: targets in `train` must be finite"),
        ({"train": (X, Y, Y)}, "task `t`: `train` must be a pair of arrays (inputs, targets)"),
        ({"metric": own_metric}, "task `t`: `diverged_score` is needed with a metric of your own"),
        (
            {"metrics": "mae"},
            "task `t`: `metrics` must be a tuple of NamedMetrics or of accuracy, error_rate, balanced_accuracy, mse",
        ),
        (
            {"metrics": ("f1",)},
            "task `t`: `metrics` must be a tuple of NamedMetrics or of accuracy, error_rate",
        ),
        ({"predict": 1}, "task `t`: `predict` must be a function of (model, inputs), got 1"),
        ({"trivial_score": float("inf")}, "task `t`: `trivial_score` must be a finite number, got inf"),
        ({"test_fraction": 1.0}, "task `t`: `test_fraction` must be between 0 and 1, got 1.0"),
    ],
)
def test_what_does_not_fit_is_told(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(TaskError, match=re.escape(message)):
        task(**changes)


def test_a_metric_without_a_margin_asks_for_one() -> None:
    with pytest.raises(TaskError, match="give a `margin`"):
        task(train=(X, X), metric="mse").practical_margin()
    assert task().practical_margin() == 0.005
    assert task(margin=0.1).practical_margin() == 0.1
